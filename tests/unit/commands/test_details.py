"""What ``-v`` and ``~I`` say of a connection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jupyter_ssh.commands.ssh.session import describe
from jupyter_ssh.ssh.client import ConnectionInfo


def test_a_servers_identification_cannot_steer_the_terminal_or_fill_it() -> None:
    info = ConnectionInfo(
        host="box",
        port=22,
        user="alice",
        address="192.0.2.1",
        server_version="SSH-2.0-\x1b[2J\x9b2J" + "x" * 8000,
        client_version="SSH-2.0-us",
        exchange="curve25519-sha256",
        host_key_algorithm="ssh-ed25519",
        host_key_fingerprint="SHA256:x",
        cipher_out="aes128-ctr",
        cipher_in="aes128-ctr",
        mac_out="hmac-sha2-256",
        mac_in="hmac-sha2-256",
        method="publickey",
        key_fingerprint=None,
        post_quantum=False,
    )
    connection: Any = SimpleNamespace(info=info)
    lines = describe(connection).splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith("server: alice@box (192.0.2.1 port 22), SSH-2.0-?[2J?2Jxxx")
    assert max(map(len, lines)) < 400
