"""What a server asks, shows and says while ``jupyter-ssh ssh`` logs in."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import ssh_keygen
from tests.support.tree import TREE

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

import pexpect

SECONDS = 60
IMITATION = "Enter passphrase for key '/home/alice/.ssh/id_ed25519': "

Start = Callable[..., pexpect.spawn]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(server, *options, command=...)``: the command in a pseudo-terminal, with no key."""
    children: list[pexpect.spawn] = []

    def spawn(server: EmbeddedServer, *options: str, command: str = "echo in", **environment: str) -> pexpect.spawn:
        known = [f"-oUserKnownHostsFile={server.known_hosts}", "-oGlobalKnownHostsFile=none"]
        words = ["-m", "jupyter_ssh.commands", "ssh", "-F", "none", *known, *options, "-p", str(server.port)]
        child = pexpect.spawn(
            sys.executable,
            [*words, f"{server.user}@{server.host}", command],
            encoding="utf-8",
            timeout=SECONDS,
            cwd=str(TREE),
            env={**os.environ, "TERM": "xterm", **environment},
        )
        child.delaybeforesend = None
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def rest(child: pexpect.spawn) -> str:
    """All that is shown until it ends."""
    child.expect(pexpect.EOF)
    return lines(child.before)


def lines(shown: str) -> str:
    """What a terminal shows, without its carriage returns."""
    return shown.replace("\r", "")


def test_what_a_server_asks_cannot_be_taken_for_our_question(embedded_server_factory: Factory, start: Start) -> None:
    async def converse(user: str, ask: Callable[..., Any]) -> bool:
        answers = await ask("Name", f"Welcome.\n\n{IMITATION}", [(f"\n{IMITATION}", True)])
        return list(answers) == ["an answer"]

    server = embedded_server_factory(methods=[], keyboard_interactive=converse)
    child = start(server)
    led = f"({server.user}@{server.host}) "
    for _ in range(2):
        child.expect_exact(IMITATION)
        assert lines(child.before).endswith(f"\n{led}")
    child.sendline("an answer")
    assert rest(child).endswith("in\n")


def test_what_is_typed_before_a_question_is_no_answer_to_it(embedded_server_factory: Factory, start: Start) -> None:
    typed = threading.Event()
    given: list[str] = []

    async def converse(user: str, ask: Callable[..., Any]) -> bool:
        await ask("", IMITATION, [])
        await asyncio.to_thread(typed.wait, SECONDS)
        given.extend(await ask("", "", [("Colour? ", True)]))
        return True

    child = start(embedded_server_factory(methods=[], keyboard_interactive=converse))
    child.expect_exact(IMITATION)
    child.sendline("my passphrase")
    child.expect_exact("my passphrase")  # the terminal's echo: it has been typed
    typed.set()
    child.expect_exact("Colour? ")
    child.sendline("blue")
    assert rest(child).endswith("in\n")
    assert given == ["blue"]


def test_our_own_question_is_not_led_by_the_host(
    embedded_server_factory: Factory, start: Start, tmp_path: Path
) -> None:
    server = embedded_server_factory()
    key = ssh_keygen(tmp_path / "locked", passphrase="open sesame")
    server.authorize(key.with_suffix(".pub").read_text())
    child = start(server, "-i", str(key), "-oIdentitiesOnly=yes")
    child.expect_exact(f"Enter passphrase for key '{key}': ")
    assert child.before.strip() == ""
    child.sendline("open sesame")
    assert rest(child).endswith("in\n")


def test_a_round_without_a_question_is_shown(embedded_server_factory: Factory, start: Start) -> None:
    async def converse(user: str, ask: Callable[..., Any]) -> bool:
        await ask("Sign in", "Pushed a login request to your device...", [])
        return True

    server = embedded_server_factory(methods=[], keyboard_interactive=converse)
    led = f"({server.user}@{server.host}) "
    assert rest(start(server)) == f"{led}Sign in\n{led}Pushed a login request to your device...\nin\n"
