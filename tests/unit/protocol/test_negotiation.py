"""Choosing algorithms: RFC 4253 §7.1, for both roles alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh.errors import NegotiationError
from jupyter_ssh.ssh.protocol.handshake.negotiation import INTEGRATED_MAC, Direction, make_kexinit, negotiate
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Algorithms
from jupyter_ssh.ssh.wire.messages import KexInit

CTR, GCM = ("aes128-ctr", "aes256-ctr"), ("aes128-gcm@openssh.com",)
COOKIE = bytes(16)


def kexinit(role: Role, first: bool = True, **changes: object) -> KexInit:
    algorithms = Algorithms(
        kex=("curve25519-sha256", "ecdh-sha2-nistp256"),
        host_key=("ssh-ed25519", "rsa-sha2-512"),
        ciphers=CTR,
        macs=("hmac-sha2-256", "hmac-sha2-512"),
    )
    return replace(make_kexinit(role, algorithms, COOKIE, first=first), **changes)


def both(client: KexInit, server: KexInit, first: bool = True):
    """What each side makes of it: the algorithms have to be the same."""
    ours = negotiate(Role.CLIENT, client, server, first=first)
    theirs = negotiate(Role.SERVER, server, client, first=first)
    for name in ("kex", "host_key", "client_to_server", "server_to_client"):
        assert getattr(ours, name) == getattr(theirs, name)
    return ours, theirs


def test_the_clients_order_counts() -> None:
    client = kexinit(Role.CLIENT, encryption_client_to_server=("aes256-ctr", "aes128-ctr"))
    server = kexinit(
        Role.SERVER,
        kex_algorithms=("ecdh-sha2-nistp256", "curve25519-sha256"),
        mac_server_to_client=("hmac-sha2-512",),
    )
    agreed, _ = both(client, server)
    assert agreed.kex == "curve25519-sha256"
    assert agreed.client_to_server == Direction("aes256-ctr", "hmac-sha2-256", "none")
    assert agreed.server_to_client == Direction("aes128-ctr", "hmac-sha2-512", "none")


def test_a_cipher_with_its_own_mac_needs_none() -> None:
    client = kexinit(Role.CLIENT, encryption_client_to_server=GCM, mac_client_to_server=("hmac-none-such",))
    server = kexinit(Role.SERVER, encryption_client_to_server=GCM)
    agreed, _ = both(client, server)
    assert agreed.client_to_server.mac == INTEGRATED_MAC
    assert agreed.server_to_client.mac == "hmac-sha2-256"


def test_markers_stand_in_the_first_one_only() -> None:
    markers = {"ext-info-c", "kex-strict-c-v00@openssh.com"}
    assert markers <= set(kexinit(Role.CLIENT).kex_algorithms)
    assert not markers & set(kexinit(Role.CLIENT, first=False).kex_algorithms)
    # A peer that says them again is not taken for one that means them.
    agreed, _ = both(kexinit(Role.CLIENT), kexinit(Role.SERVER), first=False)
    assert not agreed.strict


def test_strictness_takes_two() -> None:
    for client_marker in (True, False):
        for server_marker in (True, False):
            client, server = kexinit(Role.CLIENT), kexinit(Role.SERVER)
            if not client_marker:
                client = replace(client, kex_algorithms=client.kex_algorithms[:2])
            if not server_marker:
                server = replace(server, kex_algorithms=server.kex_algorithms[:2])
            # Each side always says it itself, so it looks at the other one's.
            assert negotiate(Role.CLIENT, client, server, first=True).strict is server_marker
            assert negotiate(Role.SERVER, server, client, first=True).strict is client_marker


def test_who_wants_to_hear_of_extensions() -> None:
    _, theirs = both(kexinit(Role.CLIENT), kexinit(Role.SERVER))
    assert theirs.peer_wants_ext_info
    quiet = replace(kexinit(Role.CLIENT), kex_algorithms=("curve25519-sha256", "kex-strict-c-v00@openssh.com"))
    assert not negotiate(Role.SERVER, kexinit(Role.SERVER), quiet, first=True).peer_wants_ext_info


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, False),
        ({"kex_algorithms": ("ecdh-sha2-nistp256", "curve25519-sha256")}, True),
        ({"server_host_key_algorithms": ("rsa-sha2-512", "ssh-ed25519")}, True),
        ({"encryption_client_to_server": ("aes256-ctr", "aes128-ctr")}, False),
    ],
)
@pytest.mark.parametrize("follows", [True, False])
def test_a_guess_is_right_when_the_first_choices_are_the_same(
    changes: dict[str, object], wrong: bool, follows: bool
) -> None:
    client = kexinit(Role.CLIENT, first_kex_packet_follows=follows, **changes)
    agreed = negotiate(Role.SERVER, kexinit(Role.SERVER), client, first=True)
    assert agreed.wrong_guess is (wrong and follows)


def test_what_is_not_in_common_is_named() -> None:
    with pytest.raises(NegotiationError) as caught:
        both(kexinit(Role.CLIENT), kexinit(Role.SERVER, encryption_server_to_client=("3des-cbc",)))
    error = caught.value
    assert (error.kind, error.ours, error.theirs) == ("cipher", CTR, ("3des-cbc",))
    assert "3des-cbc" in str(error)
    assert len(str(error)) < 3000
    with pytest.raises(NegotiationError) as caught:
        both(kexinit(Role.CLIENT), kexinit(Role.SERVER, kex_algorithms=tuple(f"n{n}" for n in range(5000))))
    assert len(str(caught.value)) < 3000
