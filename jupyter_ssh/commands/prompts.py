"""Questions of a connection, asked at the process's terminal, whatever its standard streams are, or by SSH_ASKPASS."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys

from jupyter_ssh.commands import terminal
from jupyter_ssh.commands.messages import Messages
from jupyter_ssh.ssh.client.prompts import HostKeyQuestion, yes_or_no
from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.net.askpass import ask_with_askpass, askpass_program, confirmed_with_askpass
from jupyter_ssh.ssh.text import printable

_ANSWERS = 10  # after that many invalid answers there is no person at the terminal


class TerminalPrompts:
    """The client's prompts (``jupyter_ssh.ssh.client.Prompts``) at ``/dev/tty``."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._in_line = False
        """Whether a banner has left the terminal's cursor in the middle of a line."""

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Show what is known about the key; return true for "yes" or its fingerprint."""
        prompt = question.text()
        for _ in range(_ANSWERS):
            text = await self._ask(prompt, echo=True)
            if text is None:
                return False
            answer = question.answer(text)
            if answer is not None:
                return answer
            prompt = "Please type 'yes', 'no' or the fingerprint: "
        return False

    async def ask_secret(self, prompt: str) -> str | None:
        """Ask for a password or passphrase, without echo."""
        return await self._ask(prompt, echo=False)

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Ask the server's questions (RFC 4256 §3.2), with or without echo."""
        # Shown without a question too: the answer may be expected elsewhere, such as on a telephone.
        for text in (name, instruction):
            if text.strip():
                self._messages.show(f"{printable(text)}\n")
        answers = []
        for prompt, echo in prompts:
            answer = await self._ask(prompt, echo=echo)
            if answer is None:
                return None
            answers.append(answer)
        return answers

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Ask until yes or no is typed, or nothing for the ``default``; no at end of file."""
        if (program := _askpass()) is not None:
            return await confirmed_with_askpass(program, printable(text), os.environ)
        prompt = f"{text} (yes/no) [{'yes' if default else 'no'}] "
        for _ in range(_ANSWERS):
            answer = await self._ask(prompt, echo=True)
            if answer is None:
                return False
            if (agreed := yes_or_no(answer, default)) is not None:
                return agreed
            prompt = "Please type 'yes' or 'no': "
        return False

    def show_banner(self, text: str) -> None:
        """Show a message that the server sent before authentication (RFC 4252 §5.4)."""
        self._messages.show(printable(text))
        self._in_line = not text.endswith("\n")

    async def _ask(self, prompt: str, *, echo: bool) -> str | None:
        prompt = printable(prompt)
        if (program := _askpass()) is not None:
            return await ask_with_askpass(program, prompt, os.environ)
        if sys.platform == "win32":
            question = input if echo else getpass.getpass
            return await asyncio.get_running_loop().run_in_executor(None, question, prompt)
        with terminal.controlling_terminal() as descriptor:
            if descriptor is None:
                raise PromptUnavailable(
                    "a question has to be asked, but this process has no terminal",
                    phase="question",
                    next_step="Run it in a terminal, set SSH_ASKPASS, and DISPLAY or SSH_ASKPASS_REQUIRE=force, or use "
                    "a key without a passphrase and a known host.",
                )
            # On a line of its own, so that the end of a banner does not look like its beginning.
            before, self._in_line = "\n" if self._in_line else "", False
            return await terminal.ask(descriptor, before + prompt, echo=echo)


def _askpass() -> str | None:
    if sys.platform == "win32":
        return askpass_program(os.environ, has_terminal=True)
    with terminal.controlling_terminal() as descriptor:
        return askpass_program(os.environ, has_terminal=descriptor is not None)
