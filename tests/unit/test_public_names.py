"""What ``jupyter_ssh.ssh`` offers: shown by ``dir``, imported at first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_ssh.ssh
from jupyter_ssh.ssh import connect, errors
from tests.support.embedded import embedded_in_loop

TREE = Path(__file__).parents[2]
HEAVY = "{'asyncio', 'cryptography', 'threading', 'socket', 'jupyter_ssh.ssh.client', 'jupyter_ssh.ssh.server'}"


def test_dir_shows_what_people_use() -> None:
    wanted = {"Connection", "ConnectionInfo", "Process", "Prompts", "Pty", "Reader", "Result", "Server", "Writer"}
    assert wanted | {"SSHError", "HostKeyChanged", "connect", "listen"} <= set(dir(jupyter_ssh.ssh))


def test_every_error_can_be_imported_from_the_root() -> None:
    all_errors = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.SSHError) and value.__module__ == errors.__name__
    }
    assert all_errors <= set(dir(jupyter_ssh.ssh))


@pytest.mark.parametrize("name", jupyter_ssh.ssh.__all__)
def test_every_name_leads_to_something(name: str) -> None:
    value = getattr(jupyter_ssh.ssh, name)
    assert isinstance(value, int) or value.__module__.startswith("jupyter_ssh.ssh.")


PEOPLES = {
    "Connection": {
        "options",
        "info",
        "messages",
        "name",
        "closed",
        "closed_because",
        "ended_at",
        "changes",
        "channel_host",
        "run",
        "start",
        "open_tcp",
        "close",
        "wait_closed",
    },
    "Process": {
        "command",
        "host",
        "stdin",
        "stdout",
        "stderr",
        "exit_status",
        "exit_signal",
        "exit_message",
        "returncode",
        "closed",
        "changes",
        "on_terminal",
        "connection_closed_because",
        "resize",
        "signal",
        "send_break",
        "stop_output",
        "interrupt",
        "wait",
        "wait_closed",
        "close",
        "aclose",
    },
    "Reader": {"read", "readexactly", "readuntil", "readline", "at_eof", "peek"},
    "Writer": {"write", "drain", "send", "write_eof", "close", "is_closing"},
}
"""All that these have for those who use them: what only the package needs stays out of them."""


@pytest.mark.parametrize("name", PEOPLES)
def test_what_people_use_shows_no_plumbing(name: str) -> None:
    found = getattr(jupyter_ssh.ssh, name)
    members = {*vars(found), *getattr(found, "__annotations__", {})}
    assert {member for member in members if not member.startswith("_")} == PEOPLES[name]


async def test_objects_have_nothing_that_their_classes_do_not_say(tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path) as server:
        async with connect(
            f"ssh://{server.user}@{server.host}:{server.port}",
            config="none",
            known_hosts=server.known_hosts,
            identity_file=server.client_key,
        ) as connection:
            process = await connection.start("true")
            for made in (connection, process):
                own = {name for name in vars(made) if not name.startswith("_")}
                assert own <= PEOPLES[type(made).__name__]
            await process.wait(60)


@pytest.mark.parametrize("use", ["dir(jupyter_ssh.ssh)", "jupyter_ssh.ssh.HostKeyChanged"])
def test_looking_around_loads_nothing_heavy(use: str) -> None:
    code = (
        "import sys; before = set(sys.modules); import jupyter_ssh.ssh\n"
        f"{use}; print({HEAVY} & (set(sys.modules) - before) or 'nothing')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=TREE, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "nothing"
