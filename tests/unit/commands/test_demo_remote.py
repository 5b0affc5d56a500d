"""The ssh_config that the demo writes for a machine of the person's."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.commands.demo_remote import config_lines
from jupyter_ssh.ssh.config import ConfigFile, Options, resolve


def read(target: str, *lines: str, folder: Path) -> Options:
    path = folder / "config"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return resolve(target, files=[ConfigFile(path)], user_name="alice", home=Path("/home/alice"))


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("host", []),
        ("bob@host", []),
        ("ssh://bob@[fe80::1%eth0]:2222", []),
        (
            "box",
            [
                "Host box",
                "HostName box.example.org",
                "Port 99",
                'IdentityFile "~/my keys/a \\" b"',
                "IdentityFile /b#c",
                'UserKnownHostsFile /k1 "/k 2"',
                "GlobalKnownHostsFile none",
                "SetEnv A=1 'B=x y'",
                "SendEnv LANG LC_*",
                "ServerAliveInterval 1m",
                "RekeyLimit 1G 1h",
                "Ciphers ^aes128-ctr",
                "StrictHostKeyChecking accept-new",
                "HostKeyAlias other",
                "RemoteCommand exit 1",
                "RequestTTY force",
            ],
        ),
    ],
)
def test_the_alias_means_the_same_machine(target: str, lines: list[str], tmp_path: Path) -> None:
    original = read(target, *lines, folder=tmp_path)
    alias = read("demo", *config_lines(original), folder=tmp_path)
    left_out = {"host", "sources", "remote_command", "request_tty", "_written"}
    for name in Options.__dataclass_fields__.keys() - left_out:
        assert getattr(alias, name) == getattr(original, name), name
    assert alias.remote_command is None
    assert alias.request_tty == "auto"
