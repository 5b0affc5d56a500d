"""``keygen -Y``: signatures that ssh-keygen checks, and those it made; the same lines for both."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.keygen.conftest import PASSPHRASE
from tests.support.keygen import Twins, ours, theirs

MESSAGE = b"hello\n"
SIGNERS = """\
# who may sign
alice@example.com,bob@example.com KEY
*@wild.example namespaces="file,email" KEY a comment
old@example.com valid-before="20200101" KEY
new@example.com valid-after="20990101" KEY
"two words@example.com" KEY
certified@example.com cert-authority AUTHORITY
"""
CHECK = ("-Y", "check-novalidate", "-n", "file", "-s", "msg.sig")
VERIFY = ("-Y", "verify", "-f", "signers", "-n", "file", "-s", "msg.sig")


@pytest.fixture
def signed(twins: Twins) -> Twins:
    """With ``msg``, ``msg.sig`` that ssh-keygen made of it with ``ed25519``, and the list of signers."""
    keys = {word: _line(twins.ours, name) for word, name in (("KEY", "ed25519"), ("AUTHORITY", "ecdsa384"))}
    twins.write("signers", SIGNERS.replace("KEY", keys["KEY"]).replace("AUTHORITY", keys["AUTHORITY"]))
    twins.write("msg", MESSAGE)
    theirs(twins.theirs, "-q", "-Y", "sign", "-f", "ed25519", "-n", "file", "msg")
    twins.copy(twins.theirs / "msg.sig")
    return twins


def _line(folder: Path, name: str) -> str:
    return " ".join((folder / f"{name}.pub").read_text().split()[:2])


@pytest.mark.parametrize("name", ["ed25519", "ecdsa", "ecdsa384", "ecdsa521", "rsa", "locked", "ed25519.pub"])
@pytest.mark.parametrize("hashing", [(), ("-O", "hashalg=sha256")], ids=["", "sha256"])
def test_signatures_of_files(twins: Twins, name: str, hashing: tuple[str, ...]) -> None:
    twins.write("msg", MESSAGE)
    twins.write("other", b"\0" * 3_000_000)
    words = ("-Y", "sign", "-P", PASSPHRASE, "-f", name, "-n", "file", *hashing, "msg", "other")
    twins.same_messages(*words)
    for program, place in ((ours, twins.theirs), (theirs, twins.ours)):
        for file in ("msg", "other"):
            content = (place / file).read_bytes()
            good = program(place, "-Y", "check-novalidate", "-n", "file", "-s", f"{file}.sig", input=content)
            assert (good.status, good.err) == (0, ""), good
    assert (twins.ours / "msg.sig").stat().st_mode == (twins.theirs / "msg.sig").stat().st_mode
    if name not in ("ecdsa", "ecdsa384", "ecdsa521"):  # whose signatures hold a random number
        assert (twins.ours / "msg.sig").read_text() == (twins.theirs / "msg.sig").read_text()


def test_a_signature_of_what_comes_in(twins: Twins) -> None:
    twins.same_messages("-Y", "sign", "-f", "ed25519", "-n", "file", input=MESSAGE)
    twins.same_messages("-q", "-Y", "sign", "-f", "ed25519", "-n", "file", input=MESSAGE)


@pytest.mark.parametrize("answer", [b"y\n", b"n\n", b""])
def test_a_signature_that_is_there(signed: Twins, answer: bytes) -> None:
    before = (signed.ours / "msg.sig").read_bytes()
    mine = ours(signed.ours, "-Y", "sign", "-f", "rsa", "-n", "file", "msg", input=answer)
    assert mine.out == "msg.sig already exists.\nOverwrite (y/n)? "
    assert mine.status == (0 if answer == b"y\n" else 1)
    assert ((signed.ours / "msg.sig").read_bytes() == before) == bool(mine.status)


@pytest.mark.parametrize(
    "words",
    [
        CHECK,
        (*CHECK, "-E", "md5"),
        (*CHECK, "-O", "print-pubkey"),
        ("-q", *CHECK),
        ("-q", "-O", "print-pubkey", *CHECK),
    ],
    ids=" ".join,
)
def test_good_in_itself(signed: Twins, words: tuple[str, ...]) -> None:
    assert signed.same_messages(*words, input=MESSAGE).status == 0


@pytest.mark.parametrize(
    ("words", "input"),
    [
        (CHECK, b"another message\n"),
        (("-Y", "check-novalidate", "-n", "email", "-s", "msg.sig"), MESSAGE),
        (("-Y", "check-novalidate", "-n", "file", "-s", "missing"), MESSAGE),
        (("-Y", "check-novalidate", "-n", "file", "-s", "msg"), MESSAGE),
        (("-q", *CHECK), b"another message\n"),
    ],
)
def test_not_good(signed: Twins, words: tuple[str, ...], input: bytes) -> None:
    answer = signed.same(*words, input=input)
    assert answer.status == 255
    assert answer.err


@pytest.mark.parametrize("identity", ["alice@example.com", "bob@example.com", "eve@wild.example"])
@pytest.mark.parametrize("quiet", [(), ("-q",), ("-O", "print-pubkey")], ids=" ".join)
def test_verified(signed: Twins, identity: str, quiet: tuple[str, ...]) -> None:
    assert signed.same_messages(*quiet, *VERIFY, "-I", identity, input=MESSAGE).status == 0


def test_verified_at_another_time(signed: Twins) -> None:
    for identity, time in (("old@example.com", "20190101"), ("new@example.com", "21000101120000Z")):
        signed.same(*VERIFY, "-I", identity, input=MESSAGE)
        assert signed.same_messages(*VERIFY, "-O", f"verify-time={time}", "-I", identity, input=MESSAGE).status == 0


@pytest.mark.parametrize(
    "words",
    [
        ("-I", "carol@example.com"),
        ("-I", "eve@wild.example.com"),
        ("-I", "eve@wild.example", "-n", "other"),
        ("-I", "old@example.com"),
        ("-I", "new@example.com"),
        ("-I", "certified@example.com"),
        ("-I", "alice@example.com", "-r", "ed25519.pub"),
        ("-I", "alice@example.com", "-r", "missing"),
        ("-I", "alice@example.com", "-f", "missing"),
        ("-I", "alice@example.com", "-s", "missing"),
    ],
    ids=" ".join,
)
def test_not_verified(signed: Twins, words: tuple[str, ...]) -> None:
    answer = signed.same(*VERIFY, *words, input=MESSAGE)
    assert (answer.status, answer.out) == (255, "Could not verify signature.\n")
    assert answer.err


def test_a_revocation_file_of_other_keys(signed: Twins) -> None:
    signed.same_messages(*VERIFY, "-I", "alice@example.com", "-r", "rsa.pub", input=MESSAGE)


def test_a_revocation_list(signed: Twins) -> None:
    theirs(signed.ours, "-q", "-k", "-f", "others", "rsa.pub")
    theirs(signed.ours, "-q", "-k", "-f", "own", "ed25519.pub")
    signed.copy(signed.ours / "others", signed.ours / "own")
    signed.write("broken", b"SSHKRL\n\0 and then nothing that makes sense")
    assert signed.same(*VERIFY, "-I", "alice@example.com", "-r", "others", input=MESSAGE).status == 0
    for name in ("own", "broken"):
        answer = signed.same(*VERIFY, "-I", "alice@example.com", "-r", name, input=MESSAGE)
        assert (answer.status, answer.out) == (255, "Could not verify signature.\n")


def test_a_signature_with_a_certificate(signed: Twins) -> None:
    names = "certified@example.com,alice@example.com"
    theirs(signed.theirs, "-q", "-s", "ecdsa384", "-I", "me", "-n", names, "ed25519.pub")
    signed.copy(signed.theirs / "ed25519-cert.pub")
    signed.same_messages("-Y", "sign", "-f", "ed25519-cert.pub", "-n", "file", "msg", input=b"y\n")
    (signed.ours / "msg.sig").unlink()
    assert ours(signed.ours, "-Y", "sign", "-f", "ed25519-cert.pub", "-n", "file", "msg").status == 0
    signed.copy(signed.ours / "msg.sig")
    signed.same_messages(*VERIFY, "-I", "certified@example.com", input=MESSAGE)
    signed.same(*VERIFY, "-I", "alice@example.com", input=MESSAGE)


@pytest.mark.parametrize("validity", ["always:forever", "20190101:20200101"], ids=["valid", "expired"])
@pytest.mark.parametrize(
    "line",
    [
        "alice CERTIFICATE",
        "alice cert-authority CERTIFICATE",
        'alice namespaces="file" CERTIFICATE comment',
        'alice namespaces="git" CERTIFICATE',
        'alice valid-before="20200101" CERTIFICATE',
        "alice OTHER",
        "alice KEY",
        "alice cert-authority KEY",
        "alice AUTHORITY",
        "alice cert-authority AUTHORITY",
        "bob,alice CERTIFICATE",
        "bob CERTIFICATE",
    ],
)
def test_a_line_with_a_certificate(line: str, validity: str, signed: Twins) -> None:
    """It allows what was signed with exactly this certificate, which is then not checked."""
    words = ("-q", "-s", "ecdsa384", "-n", "alice", "-V", validity, "ed25519.pub")
    theirs(signed.theirs, "-I", "other", *words)
    other = _words((signed.theirs / "ed25519-cert.pub").read_text())
    theirs(signed.theirs, "-I", "this", *words)
    this = _words((signed.theirs / "ed25519-cert.pub").read_text())
    (signed.theirs / "msg.sig").unlink()
    theirs(signed.theirs, "-q", "-Y", "sign", "-f", "ed25519-cert.pub", "-n", "file", "msg")
    signed.copy(signed.theirs / "msg.sig")
    keys = {"KEY": _line(signed.ours, "ed25519"), "AUTHORITY": _line(signed.ours, "ecdsa384")}
    for word, key in {"CERTIFICATE": this, "OTHER": other, **keys}.items():
        line = line.replace(word, key)
    signed.write("signers", f"{line}\n")
    verified = signed.same(*VERIFY, "-I", "alice", input=MESSAGE)
    signed.same("-Y", "find-principals", "-s", "msg.sig", "-f", "signers")
    assert "signers:1" not in verified.err


def _words(line: str) -> str:
    return " ".join(line.split()[:2])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-O", "verify-time=20190101"),
        ("-q",),
        ("-f", "/dev/null"),
        ("-f", "missing"),
        ("-s", "missing"),
        ("-s", "msg"),
    ],
    ids=" ".join,
)
def test_who_may_have_signed(signed: Twins, words: tuple[str, ...]) -> None:
    answer = signed.same("-Y", "find-principals", "-s", "msg.sig", "-f", "signers", *words)
    assert ("No principal matched." in answer.err) == bool(answer.status)


@pytest.mark.parametrize(
    "identity", ["alice@example.com", "eve@wild.example", "two words@example.com", "certified@example.com"]
)
def test_who_is_meant(signed: Twins, identity: str) -> None:
    signed.same_messages("-Y", "match-principals", "-f", "signers", "-I", identity)


def test_nobody_is_meant(signed: Twins) -> None:
    mine, other = signed.run("-Y", "match-principals", "-f", "signers", "-I", "carol@example.com")
    assert (mine.out, mine.err) == (other.out, other.err)
    assert mine.status == 255  # ssh-keygen's is 210, the low byte of one of its error numbers


def test_lines_of_signers_that_are_not_understood(signed: Twins) -> None:
    signed.write("signers", f"half a line\nalice@example.com {_line(signed.ours, 'ed25519')}\n")
    answer = signed.same(*VERIFY, "-I", "alice@example.com", input=MESSAGE)
    assert answer.status == 0
    assert answer.err.startswith("signers:1: ")


@pytest.mark.parametrize(
    "words",
    [
        ("-Y", "sign", "-f", "ed25519", "msg"),
        ("-Y", "sign", "-n", "file", "msg"),
        ("-Y", "check-novalidate", "-s", "msg.sig"),
        ("-Y", "check-novalidate", "-n", "file"),
        ("-Y", "verify", "-f", "signers", "-n", "file", "-s", "msg.sig"),
        ("-Y", "verify", "-I", "me", "-n", "file", "-s", "msg.sig"),
        ("-Y", "find-principals", "-f", "signers"),
        ("-Y", "match-principals", "-f", "signers"),
        ("-Y", "nonsense"),
    ],
    ids=" ".join,
)
def test_what_is_missing(signed: Twins, words: tuple[str, ...]) -> None:
    mine, other = signed.run(*words, input=MESSAGE)
    assert (mine.status, mine.out) == (other.status, other.out) == (1, "")
    assert mine.err


@pytest.mark.parametrize(
    "words",
    [
        ("-f", "missing", "msg"),
        ("-f", "locked", "-P", "wrong", "msg"),
        ("-f", "ed25519", "missing"),
        ("-f", "ed25519", "-O", "hashalg=sha1", "msg"),
        ("-f", "ed25519", "-O", "nonsense", "msg"),
        ("-f", "alone.pub", "msg"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_signed(signed: Twins, words: tuple[str, ...]) -> None:
    for folder in (signed.ours, signed.theirs):
        (folder / "msg.sig").unlink()
        (folder / "alone.pub").write_bytes((folder / "ed25519.pub").read_bytes())
    mine, other = signed.run("-Y", "sign", "-n", "file", *words)
    assert (mine.status, mine.out) == (other.status, other.out) == (255, "")
    assert mine.err
    assert not (signed.ours / "msg.sig").exists()
