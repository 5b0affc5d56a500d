"""keygen's results on stdout, its messages on stderr, and its questions where ssh-keygen asks them."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import BinaryIO, TypeVar

from jupyter_ssh.commands import terminal
from jupyter_ssh.kernel.cells.waiting import interruptible
from jupyter_ssh.ssh.errors import AgentUnavailable, PromptUnavailable
from jupyter_ssh.ssh.keygen import Console, ShownKey
from jupyter_ssh.ssh.keys import PrivateKey
from jupyter_ssh.ssh.net.askpass import ask_with_askpass, askpass_program
from jupyter_ssh.ssh.text import without_controls

T = TypeVar("T")


class TerminalConsole(Console):
    """Reads and writes the streams as bytes, because names and comments may contain any bytes."""

    def __init__(self, without_answer: str) -> None:
        """Prepare; ``without_answer`` is the advice where a question for a secret has no answer."""
        self._without_answer = without_answer

    def out(self, text: str) -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(_encode(f"{text}\n"))

    def say(self, text: str) -> None:
        self.flush()
        try:
            sys.stderr.buffer.write(_encode(text.rstrip("\n") + "\n"))
            sys.stderr.buffer.flush()
        except OSError:
            pass  # stderr is not read

    def key(self, shown: ShownKey, text: str) -> None:
        self.out(text)

    def ask(self, prompt: str) -> str | None:
        """Ask on stdout and read the answer from stdin, whatever these are, as scripts expect."""
        sys.stdout.buffer.write(_encode(prompt))
        self.flush()
        return _input_line()

    def secret(self, prompt: str) -> str:
        """Ask at the terminal, or on stdin if there is none; through SSH_ASKPASS where ssh-keygen does."""
        self.flush()
        prompt = without_controls(prompt)
        answer: str | None
        program = askpass_program(os.environ, has_terminal=sys.stdin is not None and sys.stdin.isatty())
        if program is not None:
            answer = asyncio.run(ask_with_askpass(program, prompt, os.environ))
            if answer is None:
                raise PromptUnavailable("the question for a passphrase was cancelled", phase="question")
            return answer
        if sys.platform == "win32":
            answer = getpass.getpass(prompt)
        else:
            with terminal.controlling_terminal() as descriptor:
                if descriptor is not None:
                    answer = asyncio.run(terminal.ask(descriptor, prompt, echo=False))
                else:
                    self.say(prompt)
                    answer = _input_line()
        if answer is None:
            raise PromptUnavailable(
                "there is no answer: the terminal, or standard input in its place, is at its end",
                phase="question",
                next_step=self._without_answer,
            )
        return answer

    def input(self) -> BinaryIO:
        return sys.stdin.buffer

    def agent_keys(self) -> Sequence[PrivateKey]:
        from jupyter_ssh.ssh.agent.asking import signing_keys
        from jupyter_ssh.ssh.net.agent import Agent, default_address, with_agent

        address = default_address(os.environ)
        if address is None:
            raise AgentUnavailable("SSH_AUTH_SOCK is not set", phase="agent")

        def ask(work: Callable[[Agent], Awaitable[T]]) -> T:
            return asyncio.run(with_agent(address, work))

        return signing_keys(ask)

    def work(self, job: Callable[[], T]) -> T:
        self.flush()
        return interruptible(job)

    def flush(self) -> None:
        """Flush the output.  Raises `BrokenPipeError`."""
        sys.stdout.flush()

    def abandon(self) -> None:
        """Discard the remaining output, because stdout is no longer read, to avoid another error at exit."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _input_line() -> str | None:
    line = sys.stdin.buffer.readline()
    return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape") if line else None


def _encode(text: str) -> bytes:
    """Return what is written: comments, file names and messages may hold sequences that would steer the terminal."""
    return without_controls(text).encode("utf-8", "surrogateescape")
