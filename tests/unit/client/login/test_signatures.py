"""Which signature algorithm a key logs in with, by the server's list and version."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.client.login.signatures import RSA_CERTIFICATE, Choice, choose
from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from tests.support.made_keys import key_of

RSA, ED25519 = key_of("ssh-rsa").public, key_of("ssh-ed25519").public
CERTIFICATE = sign_certificate(key_of("ssh-ed25519"), RSA)
SHA2, CERT_SHA2 = "rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"
MODERN = [name for name in ALL_ALGORITHMS if not name.startswith(("ssh-rsa", "ssh-dss"))]
NEW_LIST = "rsa-sha2-256,rsa-sha2-512"


@pytest.mark.parametrize("minor", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("patch", ["", "p1", "p2 Debian-10+deb9u7"])
def test_old_openssh_knows_rsa_certificates_by_one_name(minor: int, patch: str) -> None:
    version = f"SSH-2.0-OpenSSH_7.{minor}{patch}".encode()
    assert choose(CERTIFICATE, MODERN, NEW_LIST, version) == Choice(RSA_CERTIFICATE, CERT_SHA2)
    assert choose(RSA, MODERN, NEW_LIST, version) == Choice(SHA2, SHA2)
    assert choose(ED25519, MODERN, NEW_LIST, version) == Choice("ssh-ed25519", "ssh-ed25519")


@pytest.mark.parametrize("software", ["OpenSSH_7.8", "OpenSSH_9.2p1", "OpenSSH_10.5", "OpenSSH_7.20", "dropbear_7.4"])
def test_others_know_them_by_the_name_of_the_signature(software: str) -> None:
    version = f"SSH-2.0-{software}".encode()
    assert choose(CERTIFICATE, MODERN, NEW_LIST, version) == Choice(CERT_SHA2, CERT_SHA2)


def test_sha_1_under_that_name_only_where_it_is_all_that_is_allowed() -> None:
    version = b"SSH-2.0-OpenSSH_7.3"
    assert choose(CERTIFICATE, [RSA_CERTIFICATE], NEW_LIST, version) == Choice(RSA_CERTIFICATE, RSA_CERTIFICATE)
    assert choose(CERTIFICATE, [*MODERN, RSA_CERTIFICATE], NEW_LIST, version) == Choice(RSA_CERTIFICATE, CERT_SHA2)
    assert choose(CERTIFICATE, MODERN, "ssh-ed25519", version) is None


def test_one_version_does_not_list_what_it_knows() -> None:
    old = "ssh-ed25519,ssh-rsa,ssh-dss"
    assert choose(RSA, [*SIGNATURE_ALGORITHMS], old, b"SSH-2.0-OpenSSH_7.4p1") == Choice(SHA2, SHA2)
    assert choose(CERTIFICATE, MODERN, old, b"SSH-2.0-OpenSSH_7.4p1") == Choice(RSA_CERTIFICATE, CERT_SHA2)
    assert choose(RSA, MODERN, old, b"SSH-2.0-OpenSSH_7.5p1") is None


def test_a_server_that_says_nothing_gets_sha_1_if_that_is_allowed() -> None:
    assert choose(RSA, [*SIGNATURE_ALGORITHMS], None, b"SSH-2.0-OpenSSH_5.3") == Choice("ssh-rsa", "ssh-rsa")
    assert choose(RSA, MODERN, None, b"SSH-2.0-OpenSSH_5.3") == Choice(SHA2, SHA2)
    assert choose(ED25519, MODERN, "", b"SSH-2.0-old") == Choice("ssh-ed25519", "ssh-ed25519")


def test_a_list_of_new_names_only_does_not_rule_out_others() -> None:
    assert choose(ED25519, MODERN, NEW_LIST, b"SSH-2.0-OpenSSH_7.2") == Choice("ssh-ed25519", "ssh-ed25519")
    assert choose(ED25519, MODERN, "rsa-sha2-256,ecdsa-sha2-nistp256", b"SSH-2.0-x") is None
