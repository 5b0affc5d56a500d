"""What a server asks, shows and says while ``jupyter-ssh ssh`` logs in."""

from __future__ import annotations

import asyncio
import os
import subprocess
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
    prefix = f"({server.user}@{server.host}) "
    for _ in range(2):
        child.expect_exact(IMITATION)
        assert lines(child.before).endswith(f"\n{prefix}")
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
    prefix = f"({server.user}@{server.host}) "
    assert rest(start(server)) == f"{prefix}Sign in\n{prefix}Pushed a login request to your device...\nin\n"


# --- SSH_ASKPASS ------------------------------------------------------------------------------------------------------


@pytest.fixture
def askpass(tmp_path: Path) -> dict[str, str]:
    """Variables for a program that answers with SECRET and keeps what it was asked."""
    program = tmp_path / "askpass"
    program.write_text(f'#!/bin/sh\nprintf "%s|%s\\n" "$SSH_ASKPASS_PROMPT" "$1" >>{tmp_path}/asked\necho "$SECRET"\n')
    program.chmod(0o700)
    return {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}


def without_terminal(argv: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs our command in a session of its own, so that it has no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "jupyter_ssh.commands", *argv],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd=TREE,
        start_new_session=True,
    )


def test_without_a_terminal_a_password_is_asked_for_by_askpass(
    embedded_server_factory: Factory, askpass: dict[str, str], tmp_path: Path
) -> None:
    server = embedded_server_factory()
    who = f"{server.user}@{server.host}"
    known = [f"-oUserKnownHostsFile={server.known_hosts}", "-oGlobalKnownHostsFile=none"]
    words = ["ssh", "-F", "none", *known, "-oIdentityFile=none", "-p", str(server.port), who, "echo in"]
    for display, status in (({}, 255), ({"DISPLAY": ":9"}, 0), ({"SSH_ASKPASS_REQUIRE": "force"}, 0)):
        done = without_terminal(words, {**askpass, "SECRET": server.password, **display})
        assert done.returncode == status, done.stderr
    assert (tmp_path / "asked").read_text() == f"|{who}'s password: \n" * 2


def test_at_a_terminal_askpass_is_used_if_it_is_preferred(
    embedded_server_factory: Factory, start: Start, askpass: dict[str, str], tmp_path: Path
) -> None:
    server = embedded_server_factory()
    preferred = {**askpass, "SECRET": server.password, "DISPLAY": ":9"}
    child = start(server, "-oIdentityFile=none", **preferred)
    child.expect_exact("password: ")
    child.sendline(server.password)
    assert rest(child).endswith("in\n")
    assert not (tmp_path / "asked").exists()
    assert rest(start(server, "-oIdentityFile=none", **{**preferred, "SSH_ASKPASS_REQUIRE": "prefer"})) == "in\n"


def test_keygen_asks_for_passphrases_through_askpass(askpass: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key"
    forced = {**askpass, "SSH_ASKPASS_REQUIRE": "force", "SECRET": "open sesame"}
    done = without_terminal(["keygen", "-q", "-t", "ed25519", "-f", str(key)], forced)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "asked").read_text().splitlines()) == 2
    public = without_terminal(["keygen", "-y", "-f", str(key)], forced).stdout
    assert public.split()[:2] == key.with_suffix(".pub").read_text().split()[:2]
    assert without_terminal(["keygen", "-y", "-f", str(key)], {**forced, "SECRET": "wrong"}).returncode != 0


def test_batch_mode_tries_nothing_that_asks(embedded_server_factory: Factory, start: Start) -> None:
    asked: list[str] = []

    async def converse(user: str, ask: Callable[..., Any]) -> bool:
        asked.append(user)
        await ask("", "Pushed a login request.", [])
        return True

    def password(user: str, given: str) -> bool:
        asked.append(user)
        return False

    server = embedded_server_factory(methods=[], keyboard_interactive=converse, passwords=password)
    said = rest(start(server, "-oBatchMode=yes"))
    assert "BatchMode" in said
    assert "Pushed" not in said
    assert asked == []


# --- banners ----------------------------------------------------------------------------------------------------------


def test_a_question_is_not_on_the_line_of_a_banner(embedded_server_factory: Factory, start: Start) -> None:
    server = embedded_server_factory(banner=IMITATION)
    child = start(server, "-oIdentityFile=none")
    child.expect_exact(f"{server.user}@{server.host}'s password: ")
    assert lines(child.before) == f"{IMITATION}\n"
    child.sendline(server.password)
    assert rest(child).endswith("in\n")


def test_a_banner_is_on_stderr_as_it_is(embedded_server_factory: Factory, tmp_path: Path) -> None:
    banner = "Welcome \x1b[7mto\n" + "x" * 100_000 + "\nno newline at the end"
    server = embedded_server_factory(banner=banner)
    known = [f"-oUserKnownHostsFile={server.known_hosts}", "-oGlobalKnownHostsFile=none"]
    words = ["-F", "none", *known, "-i", str(server.client_key), "-p", str(server.port), f"{server.user}@{server.host}"]
    log = tmp_path / "log"
    for more in ([], ["-E", str(log)]):
        done = without_terminal(["ssh", *more, *words, "true"], {})
        assert (done.returncode, done.stderr) == (0, banner.replace("\x1b", "?")), more
    assert "Welcome" not in log.read_text()
    assert without_terminal(["ssh", "-q", *words, "true"], {}).stderr == ""
