"""``%ssh_add``: add keys to the agent, remove and list them, with ssh-add's options."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from jupyter_ssh.kernel.agent import agent_in_use, ask_agent, held_keys, own_agent, start_own_agent
from jupyter_ssh.kernel.cards.agent import OWN, AgentCard, limits_of
from jupyter_ssh.kernel.person import current_person
from jupyter_ssh.magics.ssh_keygen import CellConsole
from jupyter_ssh.ssh.adding.adding import Adding
from jupyter_ssh.ssh.adding.options import SK_PROVIDER, Arguments, parse
from jupyter_ssh.ssh.errors import AgentError, KeyFileError
from jupyter_ssh.ssh.keygen.options import split_line
from jupyter_ssh.ssh.net.agent import Agent, default_address

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

T = TypeVar("T")

OWN_OPTION = "--own"
RAW = "L"
"""The action whose result is text to copy."""

STARTED = (
    "Started an agent in this kernel; SSH_AUTH_SOCK names it, so %ssh, !ssh and !git use it. It stops with the kernel."
)
NOBODY_ANSWERS = "Add keys without a passphrase, or run it where questions can be answered."


class _AddConsole(CellConsole):
    """Shows results as a table instead of ssh-add's lines; messages of success are not errors, so not in red."""

    def __init__(self, raw: bool) -> None:
        super().__init__(None)
        self._raw = raw
        self._questions.next_step = NOBODY_ANSWERS

    def out(self, text: str) -> None:
        if self._raw:
            super().out(text)

    def say(self, text: str) -> None:
        super().out(text)

    def input(self) -> BinaryIO:
        raise KeyFileError("there is no standard input in a cell", phase="private key", next_step="Name a file")


def ssh_add(shell: InteractiveShell, line: str) -> AgentCard | None:
    """Do what ssh-add does, and return the table of keys, or None with ``-L`` and ``-T``."""
    words = split_line(line)
    own = OWN_OPTION in words
    arguments = parse([word for word in words if word != OWN_OPTION])
    address = _address(arguments, own=own)
    if address is None:
        return AgentCard("no agent: SSH_AUTH_SOCK names none, and this kernel has none of its own", (), {})

    def ask(work: Callable[[Agent], Awaitable[T]]) -> T:
        return ask_agent(address, work)

    console = _AddConsole(raw=arguments.action == RAW)
    failures: list[str] = []
    provider = os.environ.get(SK_PROVIDER)
    Adding(arguments, console, current_person(), ask, failures.append, provider).run()
    if failures:
        raise AgentError("; ".join(failures), phase="agent")
    if arguments.action == "T":
        console.say("The agent can sign with them.")
    if arguments.action in (RAW, "T"):
        return None
    return _card(address, arguments)


def _address(arguments: Arguments, *, own: bool) -> str | None:
    """Return the address of the agent to use, starting one of our own if a key is to be added and there is no other."""
    running = own_agent()
    if own and running is not None:
        os.environ["SSH_AUTH_SOCK"] = running.path
    address = None if own else agent_in_use()
    if address is None and running is not None:
        return running.path
    if address is not None or (arguments.action and not own):
        return address
    stale = default_address(os.environ)
    server = start_own_agent()
    print(f"The agent of SSH_AUTH_SOCK ({stale}) does not answer. {STARTED}" if stale and not own else STARTED)
    return server.path


def _card(address: str, arguments: Arguments) -> AgentCard:
    try:
        keys = ask_agent(address, lambda agent: agent.identities(1024))
    except AgentError as error:
        return AgentCard(f"the agent at {address} does not list its keys: {error.message}", (), {})
    server = own_agent()
    if server is None or server.path != address:
        return AgentCard(f"the agent at {address}", keys, {}, arguments.hash_name)
    now = server.keyring.clock()
    limits = {held.blob: text for held in held_keys(server) if (text := limits_of(held, now))}
    return AgentCard(OWN, keys, limits, arguments.hash_name, server.keyring.locked)
