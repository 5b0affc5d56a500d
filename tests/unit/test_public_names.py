"""What ``jupyter_ssh.ssh`` offers: shown by ``dir``, imported at first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_ssh.ssh
from jupyter_ssh.ssh import errors

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
