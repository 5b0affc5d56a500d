"""Host certificates and the @cert-authority lines that judge them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.keys import Certificate, generate
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.trust import Accept, AcceptAndRemember, Ask, HostKeyPolicy
from tests.support.made_keys import key_of

CA, OTHER_CA = generate(), generate()
HOST = generate()
NOW = 1_800_000_000.0
NAME = "db.example"


def certificate(authority=CA, **changes) -> Certificate:
    options = {"kind": CertificateKind.HOST, "principals": [NAME], **changes}
    return sign_certificate(authority, HOST.public, **options)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def judge(file: Path, shown: Certificate, strict: str = "yes", port: int = 22, **options):
    return HostKeyPolicy(strict, [file], clock=lambda: NOW, **options).judge(NAME, port, None, shown)


@pytest.mark.parametrize("hosts", ["*", "*.example", NAME, "other,db.example", f"[{NAME}]:2222,{NAME}"])
def test_the_authority_of_the_host_vouches(file: Path, hosts: str) -> None:
    file.write_text(f"@cert-authority {hosts} {CA.public.line()}\n")
    verdict = judge(file, certificate())
    assert isinstance(verdict, Accept)
    assert verdict.entry is not None
    assert verdict.secrets_allowed
    assert HostKeyPolicy("yes", [file]).has_authority(NAME, 22)


def test_an_authority_of_the_bare_name_counts_for_another_port(file: Path) -> None:
    file.write_text(f"@cert-authority {NAME} {CA.public.line()}\n")
    assert isinstance(judge(file, certificate(), port=2222), Accept)
    file.write_text(
        f"@cert-authority {NAME} {CA.public.line()}\n@cert-authority [{NAME}]:2222 {OTHER_CA.public.line()}\n"
    )
    with pytest.raises(errors.HostCertificateError):
        judge(file, certificate(), port=2222)


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"valid_before": int(NOW)}, errors.CertificateExpired, "expired"),
        ({"valid_after": int(NOW) + 1}, errors.CertificateNotYetValid, "not valid yet"),
        ({"principals": ["other.example"]}, errors.CertificatePrincipalError, "other.example"),
        ({"principals": []}, errors.CertificatePrincipalError, "no principals"),
        ({"kind": CertificateKind.USER, "extensions": {}}, errors.CertificateTypeError, "user certificate"),
        ({"critical_options": {"only-on-sundays": None}}, errors.CertificateOptionError, "only-on-sundays"),
        ({"authority": OTHER_CA}, errors.CertificateAuthorityUnknown, "not trusted"),
        ({"authority": key_of("ssh-rsa"), "algorithm": "ssh-rsa"}, errors.CertificateSignatureError, "ssh-rsa"),
    ],
)
def test_a_certificate_that_does_not_vouch(file: Path, changes: dict, kind: type, said: str) -> None:
    authorities = [CA] if changes.get("authority") is OTHER_CA else [CA, key_of("ssh-rsa")]
    file.write_text("".join(f"@cert-authority * {one.public.line()}\n" for one in authorities))
    shown = certificate(**changes)
    with pytest.raises(errors.HostCertificateError) as caught:
        judge(file, shown)
    error = caught.value
    assert isinstance(error.problem, kind)
    assert said in str(error)
    assert error.fingerprint == HOST.public.fingerprint
    assert error.phase == "host key"
    assert HOST.public.fingerprint in (error.next_step or "")

    # Its key is as good as without it.
    file.write_text(file.read_text() + f"{NAME} {HOST.public.line()}\n")
    assert isinstance(judge(file, shown), Accept)


def test_what_nobody_is_asked_about(file: Path) -> None:
    """The host's own authority speaks, so a bare key in its place is no question for a person."""
    file.write_text(f"@cert-authority * {CA.public.line()}\n")
    for strict in ("ask", "accept-new"):
        with pytest.raises(errors.HostCertificateError):
            judge(file, certificate(valid_before=1), strict)
    assert isinstance(judge(file, certificate(valid_before=1), "no"), AcceptAndRemember)


def test_a_certificate_of_strangers_is_as_good_as_none(file: Path) -> None:
    for known in ("", f"@cert-authority * {OTHER_CA.public.line()}\n"):
        file.write_text(known)
        verdict = judge(file, certificate(), "ask")
        assert isinstance(verdict, Ask)
        assert verdict.question.key == HOST.public, "what is asked about, and written, is the key"
        assert isinstance(judge(file, certificate(), "accept-new"), AcceptAndRemember)
    file.write_text("")
    with pytest.raises(errors.HostKeyUnknown):
        judge(file, certificate())
    policy = HostKeyPolicy("accept-new", [file])
    policy.remember(NAME, 22, certificate())
    assert file.read_text() == f"{NAME} {HOST.public.line()}\n"


def test_a_changed_key_in_a_certificate_of_strangers(file: Path) -> None:
    file.write_text(f"{NAME} {generate().public.line()}\n@cert-authority * {OTHER_CA.public.line()}\n")
    with pytest.raises(errors.HostKeyChanged):
        judge(file, certificate())
    file.write_text(f"{NAME} {generate().public.line()}\n@cert-authority * {CA.public.line()}\n")
    assert isinstance(judge(file, certificate()), Accept), "the authority's word goes before an old key"


@pytest.mark.parametrize("what", ["key", "authority"])
def test_what_is_revoked(file: Path, what: str) -> None:
    shown = certificate()
    line = {"key": HOST.public, "authority": CA.public}[what].line()
    for hosts in ("*", NAME):
        file.write_text(f"@cert-authority * {CA.public.line()}\n@revoked {hosts} {line}\n")
        with pytest.raises(errors.HostKeyRevoked, match=what):
            judge(file, shown)
        verdict = judge(file, shown, "no")
        assert isinstance(verdict, Accept)
        assert not verdict.secrets_allowed
    file.write_text(f"@cert-authority * {CA.public.line()}\n@revoked other.example {line}\n")
    assert isinstance(judge(file, shown), Accept)


def test_algorithms_of_authorities(file: Path) -> None:
    file.write_text(f"@cert-authority * {CA.public.line()}\n")
    with pytest.raises(errors.HostCertificateError) as caught:
        judge(file, certificate(), ca_signature_algorithms=["rsa-sha2-512"])
    assert isinstance(caught.value.problem, errors.CertificateSignatureError)
