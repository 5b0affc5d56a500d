"""``keygen -s`` and ``-L``: certificates that ssh-keygen reads, and those it made; the same lines for both."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.keys.certificates.certificate import CERTIFICATE_TYPES
from tests.commands.keygen.conftest import PASSPHRASE
from tests.support.keygen import Twins, ours, theirs
from tests.support.made_keys import OPENSSH_TYPES, new_key

# Not of the present minute, so that both programs say the same.
INTERVAL = ("-V", "20240101120000Z:20991231Z")

REQUESTS = {
    "plain": ("-I", "me", "-n", "alice"),
    "all of it": ("-I", "key id", "-n", "alice,bob", *INTERVAL, "-z", "42"),
    "host": ("-h", "-I", "host key", "-n", "host.example,192.0.2.1"),
    "forever": ("-I", "me", "-n", "alice", "-V", "always:forever", "-z", "18446744073709551615"),
    "hexadecimal": ("-I", "me", "-n", "alice", "-V", "0x1:0x2000000000"),
    "cleared": ("-I", "me", "-n", "a", "-O", "clear", "-O", "permit-pty", "-O", "permit-X11-forwarding"),
    "without": ("-I", "me", "-n", "a", "-O", "no-pty", "-O", "no-x11-forwarding", "-O", "no-user-rc"),
    "forced": ("-I", "me", "-n", "a", "-O", "force-command=/bin/true", "-O", "source-address=10.0.0.0/8,::1/128"),
    "device": ("-I", "me", "-n", "a", "-O", "verify-required", "-O", "no-touch-required"),
    "own": ("-I", "m", "-n", "a", "-O", "extension:a@example.com=b", "-O", "extension:flag@x", "-O", "critical:c@d=e"),
    "flags": ("-I", "m", "-n", "a", "-O", "critical:flag@x", "-O", "critical:verify-required"),
}


@pytest.mark.parametrize("words", REQUESTS.values(), ids=REQUESTS)
def test_what_is_signed(twins: Twins, words: tuple[str, ...]) -> None:
    twins.same_messages("-s", "ed25519", *words, "ecdsa.pub")
    shown = twins.same_messages("-L", "-f", "ecdsa-cert.pub").lines
    assert shown[1].lstrip().startswith("Type: ecdsa-sha2-nistp256-cert-v01@openssh.com")
    # Each reads the other's.
    assert theirs(twins.ours, "-Lf", "ecdsa-cert.pub").lines == shown
    assert ours(twins.theirs, "-Lf", "ecdsa-cert.pub").lines == shown


def test_a_relative_validity(twins: Twins) -> None:
    answer = ours(twins.ours, "-q", "-s", "ed25519", "-I", "me", "-n", "a", "-V", "+52w", "ecdsa.pub")
    assert (answer.status, answer.out, answer.err) == (0, "", "")
    shown = ours(twins.ours, "-Lf", "ecdsa-cert.pub").lines
    assert theirs(twins.ours, "-Lf", "ecdsa-cert.pub").lines == shown


@pytest.mark.parametrize("name", ["ed25519", "ecdsa384", "rsa", "dsa", "nameless"])
@pytest.mark.parametrize("authority", ["ed25519", "ecdsa521", "rsa", "locked"])
def test_all_kinds_of_keys(twins: Twins, name: str, authority: str) -> None:
    twins.same_messages("-s", authority, "-P", PASSPHRASE, "-I", "me", "-n", "a", f"{name}.pub")
    assert theirs(twins.ours, "-Lf", f"{name}-cert.pub").lines == ours(twins.ours, "-Lf", f"{name}-cert.pub").lines
    files = [(folder / f"{name}-cert.pub") for folder in (twins.ours, twins.theirs)]
    assert files[0].read_text().split()[2:] == files[1].read_text().split()[2:]
    assert files[0].stat().st_mode == files[1].stat().st_mode


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("name", ["ed25519", "rsa", "locked"])
def test_the_name_of_the_private_file_does(name: str, beside: bool, twins: Twins) -> None:
    if not beside:
        for folder in (twins.ours, twins.theirs):
            (folder / f"{name}.pub").unlink()
    twins.same_messages("-s", "ecdsa", "-I", "x", "-n", "a", name)
    mine, other = ((folder / f"{name}-cert.pub").read_text().split()[0] for folder in (twins.ours, twins.theirs))
    assert mine == other


def test_types_of_today_certify_each_other(twins: Twins) -> None:
    for name in ("ed448", "mldsa44-ed25519"):
        ours(twins.ours, "-q", "-t", name, "-N", "", "-C", "", "-f", name)
    for authority, name in (("ed448", "mldsa44-ed25519"), ("mldsa44-ed25519", "ed448")):
        assert ours(twins.ours, "-s", authority, "-I", "me", "-n", "a", f"{name}.pub").status == 0
        shown = ours(twins.ours, "-Lf", f"{name}-cert.pub").lines
        assert f"Signing CA: {authority.upper()}" in shown[3]


def test_security_keys_are_certified(twins: Twins) -> None:
    for key_type in (name for name in OPENSSH_TYPES if name.startswith("sk-")):
        twins.write("key.pub", new_key(key_type, "in a device").public.line("in a device") + "\n")
        twins.same_messages("-s", "ed25519", "-I", "me", "-n", "a", "key.pub")
        twins.same_messages("-Lf", "key-cert.pub")
        assert len(CERTIFICATE_TYPES) > len(OPENSSH_TYPES)


@pytest.mark.parametrize("name", ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"])
def test_how_an_rsa_authority_signs(twins: Twins, name: str) -> None:
    twins.same_messages("-s", "rsa", "-t", name, "-I", "me", "-n", "a", "ed25519.pub")
    assert f"(using {name})" in twins.same_messages("-Lf", "ed25519-cert.pub").out


def test_serial_numbers_count_up(twins: Twins) -> None:
    twins.same_messages("-s", "rsa", "-z", "+7", "-I", "me", "-n", "a", "ed25519.pub", "ecdsa", "dsa.pub")
    assert "Serial: 9" in twins.same_messages("-Lf", "dsa-cert.pub").out


def test_nobody_in_it_is_worth_a_warning(twins: Twins) -> None:
    mine, other = twins.run("-s", "ed25519", "-I", "me", "ecdsa.pub")
    warning, line = mine.err.splitlines()
    assert warning.startswith("Warning: OpenSSH 10.3 and newer accept")
    assert line == other.err.strip()


WRONG = {
    "no identity": ("-s", "ed25519", "ecdsa.pub"),
    "no such file": ("-s", "ed25519", "-I", "x", "missing.pub"),
    "no such authority": ("-s", "missing", "-I", "x", "ecdsa.pub"),
    "option": ("-s", "ed25519", "-I", "x", "-O", "nonsense", "ecdsa.pub"),
    "option without its value": ("-s", "ed25519", "-I", "x", "-O", "force-command", "ecdsa.pub"),
    "empty value": ("-s", "ed25519", "-I", "x", "-O", "force-command=", "ecdsa.pub"),
    "said twice": ("-s", "ed25519", "-I", "x", "-O", "force-command=a", "-O", "force-command=b", "ecdsa.pub"),
    "validity": ("-s", "ed25519", "-I", "x", "-V", "nonsense", "ecdsa.pub"),
    "empty validity": ("-s", "ed25519", "-I", "x", "-V", "20200101:20190101", "ecdsa.pub"),
    "serial": ("-s", "ed25519", "-I", "x", "-z", "-1", "ecdsa.pub"),
    "empty principal": ("-s", "ed25519", "-I", "x", "-n", "a,,b", "ecdsa.pub"),
    "no principal": ("-s", "ed25519", "-I", "x", "-n", "", "ecdsa.pub"),
    "passphrase": ("-s", "locked", "-P", "wrong", "-I", "x", "-n", "a", "ecdsa.pub"),
    "signature": ("-s", "ed25519", "-t", "rsa-sha2-256", "-I", "x", "-n", "a", "ecdsa.pub"),
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_what_cannot_be_signed(twins: Twins, words: tuple[str, ...]) -> None:
    mine, other = twins.run(*words)
    assert (mine.status, mine.out) == (other.status, other.out)
    assert mine.err.splitlines()[0].startswith(other.err.splitlines()[0])
    assert not list(twins.ours.glob("*-cert.pub"))


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        (("-O", "force-command=x"), 1),
        (("-O", "source-address=10.0.0.0/8"), 1),
        (("-O", "verify-required", "-O", "permit-pty", "-O", "permit-x11-forwarding"), 1),
        (("-O", "critical:mine@example.com=1"), 1),
        (("-O", "clear"), 0),
        (("-O", "no-pty"), 0),
        (("-O", "extension:mine@example.com=1"), 0),
        ((), 0),
    ],
    ids=lambda value: " ".join(value[1::2]) if isinstance(value, tuple) else "",
)
def test_a_host_certificate_has_the_options_asked_for(words: tuple[str, ...], warned: int, twins: Twins) -> None:
    mine, other = twins.run("-h", "-s", "ed25519", "-I", "x", "-n", "a", *words, "rsa.pub")
    assert (mine.status, mine.out) == (other.status, other.out) == (0, "")
    warnings = [line for line in mine.err.splitlines() if line.startswith("Warning: ")]
    assert len(warnings) == warned
    assert mine.err.splitlines()[-1] == other.err.strip()
    twins.same_messages("-Lf", "rsa-cert.pub")
    quiet = ours(twins.ours, "-q", "-h", "-s", "ed25519", "-I", "x", "-n", "a", *words, "rsa.pub")
    assert quiet.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ("-s", "ed25519", "-I", "x", "-n", "a", "ecdsa-cert.pub"),
        ("-s", "ed25519", "-I", "x", "-n", "a", "-O", "source-address=somewhere", "rsa.pub"),
        ("-s", "ed25519.pub", "-I", "x", "-n", "a", "rsa.pub"),
    ],
    ids=lambda words: words[-1] if "-O" not in words else words[-2],
)
def test_what_is_refused_for_good(twins: Twins, words: tuple[str, ...]) -> None:
    ours(twins.ours, "-q", "-s", "ed25519", "-I", "x", "-n", "a", "ecdsa.pub")
    answer = ours(twins.ours, *words)
    assert (answer.status, answer.out) == (255, "")
    assert not (twins.ours / "rsa-cert.pub").exists()


def test_files_with_many_certificates(twins: Twins) -> None:
    theirs(twins.theirs, "-q", "-s", "ed25519", "-I", "me", "-n", "a", "ecdsa.pub", "rsa.pub")
    one, two = ((twins.theirs / f"{name}-cert.pub").read_text() for name in ("ecdsa", "rsa"))
    plain = (twins.theirs / "ed25519.pub").read_text()
    content = f"{one}# a comment\n\n  {two}{plain}{one}"
    twins.write("many", content)
    answer = twins.same("-Lf", "many")
    assert answer.err == "many:5 is not a certificate\n"
    assert [line for line in answer.lines if not line.startswith(" ")] == ["many:", "many:4:", "many:6:"]
    twins.same("-L", "-f", "-", input=content.encode())
    twins.same_messages("-Lf", "ed25519.pub")
    assert ours(twins.ours, "-Lf", "missing").status == theirs(twins.theirs, "-Lf", "missing").status == 255


def test_a_certificate_cannot_steer_the_terminal(twins: Twins) -> None:
    ours(twins.ours, "-q", "-s", "ed25519", "-I", "evil\x1b[2J", "-n", "a\nb", "ecdsa.pub")
    answer = ours(twins.ours, "-Lf", "ecdsa-cert.pub")
    assert '        Key ID: "evil\\x1b[2J"' in answer.lines
    assert "                a\\nb" in answer.lines
