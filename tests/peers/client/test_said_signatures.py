"""Servers whose signature algorithms are known late, or only to those who know the server's version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.auth import _ServerPublicKeyAuth  # where a request can be seen as it was sent
from asyncssh.constants import MSG_EXT_INFO
from asyncssh.packet import SSHPacket, String, UInt32

from jupyter_ssh.ssh import errors
from tests.peers.client_support import reach
from tests.support.asyncssh_peer import Accounts
from tests.support.certificates import certify, make_authority
from tests.support.identities import ssh_keygen

KNOWN_TO_7_4 = {b"ssh-ed25519", b"ssh-rsa", b"rsa-sha2-256", b"rsa-sha2-512", b"ssh-rsa-cert-v01@openssh.com"}


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """The algorithm's name and the signature's in each request that was signed."""
    found: list[tuple[bytes, bytes]] = []
    start = _ServerPublicKeyAuth._start  # what AsyncSSH does with a request

    async def noting(self: Any, packet: SSHPacket) -> None:
        copy = SSHPacket(packet.get_remaining_payload())
        signed, name, _ = copy.get_boolean(), copy.get_string(), copy.get_string()
        if signed:
            found.append((name, SSHPacket(copy.get_string()).get_string()))
        await start(self, packet)

    # See above.
    monkeypatch.setattr(_ServerPublicKeyAuth, "_start", noting)
    return found


@pytest.fixture
def names_of_7_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse algorithms that OpenSSH 7.4 does not know; like that, AsyncSSH takes any signature of the key."""
    start = _ServerPublicKeyAuth._start  # what AsyncSSH does with a request

    async def choosy(self: Any, packet: SSHPacket) -> None:
        copy = SSHPacket(packet.get_remaining_payload())
        copy.get_boolean()
        if copy.get_string() in KNOWN_TO_7_4:
            await start(self, packet)
        else:
            self.send_failure()

    # See above.
    monkeypatch.setattr(_ServerPublicKeyAuth, "_start", choosy)


@pytest.mark.usefixtures("names_of_7_4")
async def test_an_rsa_certificate_at_old_openssh(
    asyncssh_server_factory: Callable[..., Awaitable[Any]], requested: list[tuple[bytes, bytes]], tmp_path: Path
) -> None:
    authority = make_authority(tmp_path)
    key = ssh_keygen(tmp_path / "id_rsa", "rsa", bits=2048)
    certify(authority, key, principals="alice")
    for version, reached in (("OpenSSH_7.4", True), ("OpenSSH_7.8", False)):
        server = await asyncssh_server_factory(server_version=version)
        server.authorized_keys.write_text(f"cert-authority {Path(f'{authority}.pub').read_text()}")
        if not reached:
            with pytest.raises(errors.AuthenticationError):
                await reach(server, identity_file=key, preferred_authentications="publickey")
            continue
        async with reach(server, identity_file=key, preferred_authentications="publickey") as connection:
            assert (await connection.run("echo in")).text == "in\n"
        assert requested[-1] == (b"ssh-rsa-cert-v01@openssh.com", b"rsa-sha2-512")


async def test_a_server_that_knows_its_algorithms_once_it_knows_the_user(
    asyncssh_server_factory: Callable[..., Awaitable[Any]],
    requested: list[tuple[bytes, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = ssh_keygen(tmp_path / "id_rsa", "rsa", bits=2048)
    server = await asyncssh_server_factory()
    server.authorized_keys.write_text(key.with_suffix(".pub").read_text())
    announced: dict[bytes, bytes] = {}
    # AsyncSSH keeps none of a client's extensions.
    take, begin = asyncssh.SSHServerConnection._process_ext_info, Accounts.begin_auth

    def taking(self: Any, kind: int, number: int, packet: SSHPacket) -> None:
        copy = SSHPacket(packet.get_remaining_payload())
        for _ in range(copy.get_uint32()):
            name, value = copy.get_string(), copy.get_string()
            announced[name] = value
        take(self, kind, number, packet)

    def telling(self: Accounts, username: str) -> bool:
        if announced.get(b"ext-info-in-auth@openssh.com") == b"0":
            pair = String("server-sig-algs") + String("rsa-sha2-256")
            self.connection.send_packet(MSG_EXT_INFO, UInt32(1), pair)
        return begin(self, username)

    # The table of handlers is the only way to hear of a message.
    monkeypatch.setitem(asyncssh.SSHServerConnection._packet_handlers, MSG_EXT_INFO, taking)
    monkeypatch.setattr(Accounts, "begin_auth", telling)
    async with reach(server, identity_file=key) as connection:
        assert (await connection.run("echo in")).text == "in\n"
    assert requested == [(b"rsa-sha2-256", b"rsa-sha2-256")]
