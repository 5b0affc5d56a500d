"""The ssh_config that the demo writes for a machine of the person's."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.commands.demo.remote import config_lines, embedded_remote
from jupyter_ssh.commands.messages import Messages
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
    left_out = {"host", "sources", "notes", "remote_command", "request_tty", "tokens", "_written"}
    for name in Options.__dataclass_fields__.keys() - left_out:
        assert getattr(alias, name) == getattr(original, name), name
    assert alias.remote_command is None
    assert alias.request_tty == "auto"


@pytest.mark.parametrize("broken", [False, True])
def test_the_persons_own_hosts_are_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: bool
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh" / "config").write_text(
        f"{'NoSuchKeyword 1' if broken else ''}\nHost box\nPort 99\nHost *\nCompression yes\nProxyJump bastion\n"
    )
    with embedded_remote(Messages()) as variables:
        (config,) = variables.values()
        folder = Path(config).parent
        assert folder.stat().st_mode & 0o077 == 0

        def options(target: str) -> Options:
            return resolve(target, files=[config], user_name="alice", home=tmp_path)

        assert options("demo").host_name == "127.0.0.1"
        assert not options("demo").compression
        if not broken:
            assert [hop.host for hop in options("box").proxy_jump] == ["bastion"]
    assert not folder.exists()
    assert ("NoSuchKeyword" in capsys.readouterr().err) is broken
