"""Signatures that name the server's host key (OpenSSH PROTOCOL §3.1), and keys with certificates, in both halves."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.keys import Certificate, CertifiedKey, generate
from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS, CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.types.security_keys import USER_PRESENT, USER_VERIFIED
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.authentication.requests import PUBLICKEY_HOST_BOUND, signed_data
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import boolean, string
from tests.pair.pairing import HOST_KEY, USER_KEY, Pair, algorithms
from tests.pair.puppet import Puppet
from tests.support.made_keys import SoftwareSecurityKey, key_of

CA = generate()
HOST_CERTIFICATE = CertifiedKey(
    HOST_KEY, sign_certificate(CA, HOST_KEY.public, kind=CertificateKind.HOST, principals=["host"])
)
USER_CERTIFICATE = CertifiedKey(USER_KEY, sign_certificate(CA, USER_KEY.public, principals=["alice"]))
RSA = key_of("ssh-rsa")
RSA_CERTIFICATE = CertifiedKey(RSA, sign_certificate(CA, RSA.public, principals=["alice"]))


def log_in(key, algorithm: str, host_keys, host_bound: bool) -> Pair:
    """A pair whose client signs in with ``key``."""
    names = [name for one in host_keys for name in one.public.signature_algorithms]
    chosen = algorithms(host_key=names)
    pair = Pair(Settings(chosen), Settings(chosen), host_keys=host_keys, login=False)

    def client(event: e.Event) -> None:
        auth = pair.client.auth
        if isinstance(event, e.HostKeyOffered):
            pair.client.session.accept_host_key()
            auth.start("alice")
        elif isinstance(event, e.AuthenticationStarted):
            assert auth.takes_host_bound
            data = auth.data_to_sign(key.public, algorithm, host_bound=host_bound)
            auth.send_signature(key.public, algorithm, key.sign(data, algorithm), host_bound=host_bound)

    def server(event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            if event.verified:
                pair.server.auth.accept()
            else:
                pair.server.auth.reject([])

    pair.client.react, pair.server.react = client, server
    pair.run()
    pair.raise_failures()
    return pair


@pytest.mark.parametrize("host_bound", [True, False])
@pytest.mark.parametrize("host_keys", [(HOST_KEY,), (HOST_CERTIFICATE,)], ids=["key", "certificate"])
@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (USER_KEY, "ssh-ed25519"),
        (USER_CERTIFICATE, "ssh-ed25519-cert-v01@openssh.com"),
        (RSA_CERTIFICATE, "rsa-sha2-512-cert-v01@openssh.com"),
        (RSA_CERTIFICATE, "rsa-sha2-256-cert-v01@openssh.com"),
    ],
)
def test_signing_in(key, algorithm: str, host_keys, host_bound: bool) -> None:
    pair = log_in(key, algorithm, host_keys, host_bound)
    assert pair.client.session.logged_in
    (request,) = pair.server.of(e.AuthenticationRequested)
    assert (request.key, request.algorithm) == (key.public, algorithm)
    assert (request.method, request.host_bound) == ("publickey", host_bound)
    host_key = host_keys[0].public
    for end in pair.ends:
        assert end.session.info.host_key == host_key
        assert end.session.info.host_key_algorithm in ALL_ALGORITHMS
    (offered,) = pair.client.of(e.HostKeyOffered)
    assert isinstance(offered.key, Certificate) is (host_keys == (HOST_CERTIFICATE,))


def server_puppet() -> Puppet:
    return Puppet(Role.SERVER, login=False).to_auth()


def request(key, host_key: bytes, signature: bytes | None, method: str = PUBLICKEY_HOST_BOUND) -> m.Message:
    details = boolean(signature is not None) + string("ssh-ed25519") + string(key.public.blob)
    details += string(host_key) + (b"" if signature is None else string(signature))
    return m.UserauthRequest("alice", "ssh-connection", method, details)


def test_a_signature_for_another_server() -> None:
    """A server that was given a signature cannot use it here, even where it shows the same session identifier."""
    puppet = server_puppet()
    ours, other = HOST_KEY.public.blob, generate().public.blob

    def sign(host_key: bytes | None) -> bytes:
        return USER_KEY.sign(signed_data(puppet.session_id, "alice", "ssh-ed25519", USER_KEY.public.blob, host_key))

    bad = [
        (other, sign(other), "another host key"),
        (other, sign(ours), "another host key"),
        (other, None, "another host key"),
        (b"", sign(b""), "another host key"),
        (ours, sign(other), "invalid"),
        (ours, sign(None), "invalid"),
    ]
    for host_key, signature, said in bad:
        puppet.say(request(USER_KEY, host_key, signature))
        asked = puppet.subject.of(e.AuthenticationRequested)[-1]
        assert not asked.verified
        assert said in asked.problem
        puppet.subject.auth.reject(["publickey"])
    puppet.say(request(USER_KEY, ours, None))
    assert puppet.subject.of(e.AuthenticationRequested)[-1].key == USER_KEY.public
    puppet.subject.auth.key_acceptable()
    puppet.say(request(USER_KEY, ours, sign(ours)))
    assert puppet.subject.of(e.AuthenticationRequested)[-1].verified
    assert puppet.failure is None


def test_the_server_says_that_it_takes_them() -> None:
    puppet = server_puppet()
    (said,) = puppet.heard(n.SSH_MSG_EXT_INFO)
    assert string("publickey-hostbound@openssh.com") + string("0") in said
    client = Puppet(Role.CLIENT, login=False).to_auth()
    assert not client.subject.auth.takes_host_bound, "nobody said so"


@pytest.mark.parametrize("flags", [0, USER_PRESENT, USER_VERIFIED, USER_PRESENT | USER_VERIFIED])
def test_what_a_security_key_did(flags: int) -> None:
    key = SoftwareSecurityKey("sk-ssh-ed25519@openssh.com")
    key.flags_said = flags
    puppet = server_puppet()
    name = key.public.key_type
    signature = key.sign(signed_data(puppet.session_id, "alice", name, key.public.blob))
    details = boolean(True) + string(name) + string(key.public.blob) + string(signature)
    puppet.say(m.UserauthRequest("alice", "ssh-connection", "publickey", details))
    asked = puppet.subject.of(e.AuthenticationRequested)[-1]
    assert asked.verified
    assert (asked.touched, asked.user_verified) == (bool(flags & USER_PRESENT), bool(flags & USER_VERIFIED))


def test_certificates_that_are_none() -> None:
    puppet = server_puppet()
    right = USER_CERTIFICATE.public.blob
    altered = right.replace(string("alice"), string("admin"))
    chained = sign_certificate(CA, USER_KEY.public, principals=["alice"]).blob.replace(CA.public.blob, right)
    for blob in (altered, chained, right[:-1], right + b"\0"):
        details = boolean(False) + string("ssh-ed25519-cert-v01@openssh.com") + string(blob)
        puppet.say(m.UserauthRequest("alice", "ssh-connection", "publickey", details))
        asked = puppet.subject.of(e.AuthenticationRequested)[-1]
        assert asked.key is None
        assert asked.problem
        puppet.subject.auth.reject(["publickey"])
    assert puppet.failure is None
