"""Two sides that have no algorithm in common: the error names one that could be allowed, and how."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh.errors import NegotiationError
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.wire import messages as m
from tests.pair.pairing import suite
from tests.pair.puppet import Puppet

FIELDS = {
    "key exchange method": "kex_algorithms",
    "host key algorithm": "server_host_key_algorithms",
    "cipher": "encryption_server_to_client",
    "MAC": "mac_client_to_server",
    "compression": "compression_client_to_server",
}


def refused(kind: str, *names: str, role: Role = Role.CLIENT) -> NegotiationError:
    """The error of a session whose peer offers these names for one kind, and all else as we do."""
    puppet = Puppet(role, algorithms=replace(suite("ctr-eam"), compression=("none",)))
    puppet.greet()
    changes = {FIELDS[kind]: names}
    puppet.say(puppet.make_kexinit(**changes))
    error = puppet.failure
    assert isinstance(error, NegotiationError)
    assert (error.kind, error.theirs) == (kind, names)
    assert m.Disconnect.decode(puppet.inbox[-1], 1).reason == 3
    return error


@pytest.mark.parametrize(
    ("kind", "names", "advice"),
    [
        ("cipher", ("arcfour", "3des-cbc", "aes128-cbc"), "Legacy=yes, or only this one with Ciphers=+3des-cbc."),
        ("cipher", ("arcfour", "chacha20-poly1305@openssh.com"), "with Ciphers=+chacha20-poly1305@openssh.com."),
        (
            "cipher",
            ("des-cbc", "arcfour"),
            "broken; it is best to update the peer. If you must connect, allow it for this host with Ciphers=+des-cbc",
        ),
        ("cipher", ("of-our-dreams",), "None of the peer's algorithms is supported here"),
        ("cipher", (), "None of the peer's algorithms is supported here"),
        ("MAC", ("hmac-sha1",), "MACs=+hmac-sha1"),
        ("key exchange method", ("diffie-hellman-group1-sha1",), "KexAlgorithms=+diffie-hellman-group1-sha1"),
        ("host key algorithm", ("ssh-rsa",), "HostKeyAlgorithms=+ssh-rsa"),
        ("compression", ("zlib",), "allow it for this host with Legacy=yes"),
    ],
)
def test_the_error_says_what_to_allow(kind: str, names: tuple[str, ...], advice: str) -> None:
    assert advice in (refused(kind, *names).next_step or "")


@pytest.mark.parametrize(
    ("kind", "names", "advice"),
    [
        (
            "key exchange method",
            ("ecdh-sha2-nistp256",),
            "allow what they offer with KexAlgorithms=+ecdh-sha2-nistp256.",
        ),
        (
            "cipher",
            ("arcfour", "3des-cbc"),
            "The client is outdated; it is best to update it. To let it in, allow what",
        ),
        ("cipher", ("des-cbc",), "To let it in, allow that with Ciphers=+des-cbc."),
        ("compression", ("zlib",), "allow it with legacy=True of `listen`."),
    ],
)
def test_a_server_says_what_it_could_allow(kind: str, names: tuple[str, ...], advice: str) -> None:
    said = refused(kind, *names, role=Role.SERVER).next_step or ""
    assert advice in said
    assert "host" not in said  # the advice to a client
    assert "Legacy=yes" not in said


@pytest.mark.parametrize("kind", FIELDS)
def test_a_server_says_so_too(kind: str) -> None:
    assert refused(kind, "nothing-we-know", role=Role.SERVER).next_step
