"""``keygen -l``, ``-B``, ``-y``, ``-r``: every line as ssh-keygen prints it."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.keys.files.saving import dump_private_key
from tests.commands.keygen.conftest import KEYS, PASSPHRASE
from tests.support.keygen import Twins, ours, theirs

NAMES = [*KEYS, "pem", "nameless"]


@pytest.mark.parametrize("name", NAMES)
def test_fingerprints_of_private_and_public_files(twins: Twins, name: str) -> None:
    twins.same_messages("-l", "-f", name)
    twins.same_messages("-lvf", f"{name}.pub")
    for folder in (twins.ours, twins.theirs):
        (folder / f"{name}.pub").unlink()
    twins.same_messages("-lf", name)


@pytest.mark.parametrize("hash_name", ["md5", "sha1", "SHA256", "sha384", "sha512"])
def test_hashes(twins: Twins, hash_name: str) -> None:
    twins.same_messages("-l", "-v", "-E", hash_name, "-f", "rsa")


@pytest.mark.parametrize("name", ["ed25519", "ecdsa.pub", "rsa"])
def test_bubblebabble(twins: Twins, name: str) -> None:
    twins.same_messages("-B", "-f", name)


def test_files_with_many_keys(twins: Twins) -> None:
    keys = [(twins.ours / f"{name}.pub").read_text().split()[:2] for name in ("ed25519", "ecdsa", "rsa")]
    first, second, third = (" ".join(words) for words in keys)
    lines = [
        "# a comment, then nothing",
        "",
        f"{first} alice@example.com",
        f'  command="ls \\"a b\\"",no-pty {second} with  two blanks ',
        f"host.example,192.0.2.1 {third}",
        f"host.example {first} # not a comment",
        "host.example damaged",
        f'restrict,command="unclosed {second}',
        "ssh-ed25519 AAAA half a key",
    ]
    twins.write("keys", "\n".join(lines))
    assert len(twins.same_messages("-l", "-f", "keys").lines) == 4
    twins.same("-l", "-v", "-f", "-", input=(twins.ours / "keys").read_bytes())


def test_lines_that_end_in_carriage_returns(twins: Twins) -> None:
    line = (twins.ours / "ed25519.pub").read_text().strip()
    twins.write("keys", f"{line}\r\n{line}\r\n")
    mine, other = twins.run("-lf", "keys")
    assert mine.lines == other.out.replace("\r", "").splitlines()


def test_a_line_without_a_comment_gets_none_of_the_line_before(twins: Twins) -> None:
    line = " ".join((twins.ours / "ed25519.pub").read_text().split()[:2])
    twins.write("keys", f"{line} its own\n{line}\n")
    assert [text.split(" ", 2)[2] for text in ours(twins.ours, "-lf", "keys").lines] == [
        "its own (ED25519)",
        "no comment (ED25519)",
    ]


def test_certificates(twins: Twins) -> None:
    theirs(twins.theirs, "-q", "-s", "rsa", "-I", "me", "ed25519.pub", "ecdsa.pub")
    twins.copy(twins.theirs / "ed25519-cert.pub", twins.theirs / "ecdsa-cert.pub")
    for name in ("ed25519-cert.pub", "ecdsa-cert.pub"):
        twins.same_messages("-lvf", name)


@pytest.mark.parametrize("words", [("-lf", "missing"), ("-lf", "nothing"), ("-lf", "text"), ("-l", "-f", "-")])
def test_no_key_in_it(twins: Twins, words: tuple[str, ...]) -> None:
    twins.write("nothing", "")
    twins.write("text", "some words\n")
    mine, other = twins.run(*words)
    assert (mine.status, mine.out) == (other.status, other.out) == (255, "")
    assert mine.err.strip() == other.err.removeprefix("ssh-keygen: ").strip()


def test_a_comment_cannot_steer_the_terminal(twins: Twins) -> None:
    line = " ".join((twins.ours / "ed25519.pub").read_text().split()[:2])
    twins.write("keys", f"{line} evil \x1b[2J\x9b2J text \u00e9\n")
    assert "evil ?[2J?2J text \u00e9 (ED25519)" in ours(twins.ours, "-lf", "keys").out


def test_tabs_in_a_comment_are_kept(twins: Twins) -> None:
    theirs(twins.ours, "-q", "-t", "ed25519", "-N", "", "-C", "two\tparts", "-f", "tabs")
    twins.copy(twins.ours / "tabs", twins.ours / "tabs.pub")
    twins.same_messages("-yf", "tabs")
    twins.same_messages("-lf", "tabs")
    twins.same_messages("-cf", "tabs", "-C", "three\tmore\tparts")
    twins.same_messages("-s", "ed25519", "-I", "x", "-n", "a", "tabs.pub")
    for name in ("tabs.pub", "tabs-cert.pub"):
        mine, other = ((folder / name).read_text().split(" ", 2)[2] for folder in (twins.ours, twins.theirs))
        assert mine == other == "three\tmore\tparts\n"


def test_a_comment_of_two_lines_is_shown_on_one(twins: Twins) -> None:
    """A second line would be another key where the output is added to authorized_keys."""
    key = generate()
    key.comment = "one\nssh-ed25519 AAAA two"
    (twins.ours / "lines").write_bytes(dump_private_key(key))
    (twins.ours / "lines").chmod(0o600)
    assert len(ours(twins.ours, "-yf", "lines").lines) == 1
    assert len(ours(twins.ours, "-lf", "lines").lines) == 1


def test_key_types_of_ours(twins: Twins) -> None:
    for name in ("ed448", "mldsa44-ed25519"):
        ours(twins.ours, "-q", "-t", name, "-N", "", "-C", "new", "-f", name)
        (line,) = ours(twins.ours, "-lf", name).lines
        assert line.endswith(f" new ({name.upper()})")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("locked")])
def test_public_keys(twins: Twins, name: str) -> None:
    twins.same_messages("-y", "-f", name)


@pytest.mark.parametrize("name", ["locked", "locked_rsa"])
def test_public_keys_behind_a_passphrase(twins: Twins, name: str) -> None:
    twins.same_messages("-y", "-P", PASSPHRASE, "-f", name)
    twins.same_messages("-y", "-P", "wrong", "-f", name)
    twins.same_messages("-y", "-P", "", "-f", name)
    mine, other = twins.run("-yf", name, input=f"{PASSPHRASE}\n".encode())
    assert (mine.out, mine.status) == (other.out, other.status) == (mine.out, 0)


def test_a_passphrase_that_nobody_gives(twins: Twins) -> None:
    answer = ours(twins.ours, "-y", "-f", "locked")
    assert answer.status != 0
    assert "no answer" in answer.err
    assert "-P" in answer.err


def test_files_that_are_no_private_keys(twins: Twins) -> None:
    twins.same_messages("-yf", "missing")
    (twins.ours / "rsa").chmod(0o640)
    mine = ours(twins.ours, "-yf", "rsa")
    assert (mine.status, mine.out) == (255, "")
    assert "chmod 600" in mine.err
    mine = ours(twins.ours, "-yf", "ed25519.pub")
    assert (mine.status, mine.out) == (255, "")


@pytest.mark.parametrize("name", ["ed25519", "ecdsa384", "rsa", "dsa"])
def test_dns_records(twins: Twins, name: str) -> None:
    twins.same_messages("-r", "host.example", "-f", f"{name}.pub")
    twins.same_messages("-gr", "host.example.", "-f", f"{name}.pub")


@pytest.mark.parametrize("name", ["ed25519", "rsa", "locked", "locked_rsa"])
@pytest.mark.parametrize("beside", ["its own", "another", "none"])
def test_dns_records_of_private_files(name: str, beside: str, twins: Twins) -> None:
    """Without a passphrase; a public key beside the file counts first."""
    for folder in (twins.ours, twins.theirs):
        if beside == "another":
            (folder / f"{name}.pub").write_bytes((folder / "ecdsa.pub").read_bytes())
        elif beside == "none":
            (folder / f"{name}.pub").unlink()
    assert twins.same_messages("-r", "host.example", "-f", name).lines


def test_no_dns_records_where_the_public_key_is_encrypted_too(twins: Twins) -> None:
    theirs(twins.ours, "-q", "-t", "rsa", "-m", "PEM", "-N", "open sesame", "-f", "locked_pem")
    assert ours(twins.ours, "-r", "host", "-f", "locked_pem").status == 0
    (twins.ours / "locked_pem.pub").unlink()
    answer = ours(twins.ours, "-r", "host", "-f", "locked_pem")
    assert (answer.status, answer.out) == (255, "")
    assert "encrypted" in answer.err


def test_no_dns_records_of_certificates(twins: Twins) -> None:
    theirs(twins.ours, "-q", "-s", "ecdsa", "-I", "x", "-n", "a", "ed25519.pub")
    answer = ours(twins.ours, "-r", "host", "-f", "ed25519-cert.pub")
    assert (answer.status, answer.out) == (255, "")


@pytest.mark.parametrize(("word", "number"), [("sha1", 1), ("SHA256", 2)])
def test_dns_records_of_one_hash(word: str, number: int, twins: Twins) -> None:
    """ssh-keygen has had the option since 9.3; before, it passed over it."""
    both = twins.same_messages("-r", "host.example", "-f", "rsa.pub").lines
    one = ours(twins.ours, "-r", "host.example", "-O", f"hashalg={word}", "-f", "rsa.pub")
    assert (one.status, one.err) == (0, "")
    assert one.lines == [line for line in both if line.startswith(f"host.example IN SSHFP 1 {number} ")]
    generic = ours(twins.ours, "-g", "-r", "host.example", "-O", f"hashalg={word}", "-f", "rsa.pub")
    assert len(generic.lines) == 1


@pytest.mark.parametrize("option", ["hashalg=sha512", "hashalg=", "hashalg", "nonsense"])
def test_options_that_dns_records_do_not_have(option: str, twins: Twins) -> None:
    answer = ours(twins.ours, "-r", "host.example", "-O", option, "-f", "rsa.pub")
    assert (answer.status, answer.out) == (255, "")
    assert answer.err


def test_no_dns_record_for_a_key_type_without_a_number(twins: Twins) -> None:
    ours(twins.ours, "-q", "-t", "mldsa44-ed25519", "-N", "", "-f", "new")
    assert ours(twins.ours, "-r", "host", "-f", "new.pub").status == 255
