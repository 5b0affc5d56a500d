"""What a server may show as its host key, and what of it ends the connection before anything is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.keys import CertifiedKey, generate
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.types.security_keys import USER_PRESENT
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import string
from tests.pair.pairing import HOST_KEY, Pair, algorithms, suite
from tests.pair.puppet import Puppet
from tests.support.made_keys import SoftwareSecurityKey, key_of

CA = generate()
NAME = "ssh-ed25519-cert-v01@openssh.com"
CERTIFIED = CertifiedKey(
    HOST_KEY, sign_certificate(CA, HOST_KEY.public, kind=CertificateKind.HOST, principals=["host"])
)
RIGHT = CERTIFIED.public.blob


def puppet(host_key=CERTIFIED, name: str = NAME) -> Puppet:
    """A server that is about to answer the client's first exchange message."""
    chosen = replace(suite(), host_key=(name,))
    made = Puppet(Role.CLIENT, algorithms=chosen, host_key=host_key)
    made.greet()
    made.send_kexinit()
    return made


def test_a_certificate_is_shown_and_kept() -> None:
    server = puppet()
    server.send_exchange()
    server.send_newkeys()
    assert server.failure is None
    (offered,) = server.subject.of(e.HostKeyOffered)
    assert offered.key == CERTIFIED.public
    assert server.subject.session.transport.host_key == CERTIFIED.public


CHAINED = RIGHT.replace(string(CA.public.blob), string(RIGHT))


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (RIGHT.replace(string("host"), string("h0st")), errors.CertificateSignatureError),
        (CHAINED, errors.CertificateSignedByCertificate),
        (RIGHT[:-1] + bytes([RIGHT[-1] ^ 1]), errors.CertificateSignatureError),
        (RIGHT[:-1], errors.KeyFormatError),
        (RIGHT + b"\0", errors.KeyFormatError),
        (HOST_KEY.public.blob, errors.KeyExchangeError),  # a key where a certificate was agreed on
        (string(NAME), errors.KeyFormatError),
        (b"", errors.KeyFormatError),
    ],
)
def test_certificates_that_are_none(shown: bytes, kind: type[errors.SSHError]) -> None:
    server = puppet()
    server.send_exchange(lambda reply: replace(reply, host_key=shown))
    assert isinstance(server.failure, kind)
    assert server.subject.of(e.HostKeyOffered) == [], "nobody is asked about it"
    goodbye = server.last(m.Disconnect)
    assert isinstance(goodbye, m.Disconnect)
    assert goodbye.reason == n.SSH_DISCONNECT_KEY_EXCHANGE_FAILED
    assert server.heard(n.SSH_MSG_NEWKEYS) == []


def test_a_certificate_where_a_key_was_agreed_on() -> None:
    server = puppet(HOST_KEY, "ssh-ed25519")
    server.send_exchange(lambda reply: replace(reply, host_key=RIGHT))
    assert isinstance(server.failure, errors.KeyExchangeError)


@pytest.mark.parametrize("flags", [0, USER_PRESENT])
def test_a_security_key_as_host_key_needs_no_touch(flags: int) -> None:
    """Nobody stands beside a server to touch it."""
    key = SoftwareSecurityKey("sk-ssh-ed25519@openssh.com")
    key.flags_said = flags
    chosen = algorithms(host_key=[key.public.key_type])
    pair = Pair(Settings(chosen), Settings(chosen), host_keys=[key])
    pair.run()
    pair.raise_failures()
    assert pair.client.session.logged_in


OTHER = generate()
OTHER_CERTIFICATE = CertifiedKey(
    HOST_KEY, sign_certificate(CA, HOST_KEY.public, kind=CertificateKind.HOST, principals=["host"])
)


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [(HOST_KEY, OTHER, "ssh-ed25519"), (CERTIFIED, OTHER_CERTIFICATE, NAME)],
    ids=["key", "certificate"],
)
def test_a_server_that_changes_its_host_key_on_rekey(first, second, name: str) -> None:
    chosen = replace(suite(), host_key=(name,))
    server = Puppet(Role.CLIENT, algorithms=chosen, host_key=first).to_open()
    server.exchange()
    assert server.failure is None
    assert server.subject.session.phase is Phase.OPEN
    server.host_key = second
    server.send_kexinit()
    server.send_exchange()
    error = server.failure
    assert isinstance(error, errors.KeyExchangeError)
    assert "changed its host key" in str(error)
    assert error.expected == first.public.fingerprint
    assert error.received == second.public.fingerprint
    assert len(server.subject.of(e.HostKeyOffered)) == 1


RSA = key_of("ssh-rsa")


@pytest.mark.parametrize("name", ["rsa-sha2-256", "rsa-sha2-512"])
def test_an_rsa_key_that_calls_itself_by_its_signatures(name: str) -> None:
    """Some servers do; the exchange hash is over the key as it was sent."""
    server = puppet(RSA, name)
    exchange = server.transcript.hash

    def hashed(kind: str, host_key: bytes, *rest: bytes) -> bytes:
        return exchange(kind, misnamed(host_key, name), *rest)

    server.transcript = Shown(hashed)  # type: ignore[assignment]
    server.send_exchange(lambda reply: replace(reply, host_key=misnamed(reply.host_key, name)))
    server.send_newkeys()
    assert server.failure is None
    (offered,) = server.subject.of(e.HostKeyOffered)
    assert offered.key == RSA.public
    assert offered.key.blob == RSA.public.blob


def misnamed(blob: bytes, name: str) -> bytes:
    return string(name) + blob[len(string("ssh-rsa")) :]


class Shown:
    """A transcript of a server that shows its key in another way."""

    def __init__(self, hashed) -> None:
        self.hash = hashed


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (generate("ecdsa"), "a key for ssh-ed25519"),
        (RSA, "a key for ssh-ed25519"),
        (CERTIFIED, "a key for ssh-ed25519"),
        (HOST_KEY, f"a certificate for {NAME}"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.public.key_type,
)
def test_a_key_of_another_type_than_agreed_on_is_called_that(shown, expected: str) -> None:
    server = puppet(HOST_KEY if expected.startswith("a key") else CERTIFIED, expected.split()[-1])
    server.send_exchange(lambda reply: replace(reply, host_key=shown.public.blob))
    assert isinstance(server.failure, errors.KeyExchangeError)
    assert "another type than agreed on" in server.failure.message
    assert (server.failure.expected, server.failure.received) == (expected, shown.public.key_type)
    assert not server.subject.of(e.HostKeyOffered)
