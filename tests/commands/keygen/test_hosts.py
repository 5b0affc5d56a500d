"""``keygen -F``, ``-R``, ``-H``: the lines and the files of ssh-keygen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_ssh.ssh.trust import append
from tests.support.keygen import Twins, ours, theirs

LINES = """\
# a comment

host.example KEY a comment
HOST.example,192.0.2.1 OTHER
other,*.wild,!host.example KEY
[host.example]:2222 KEY trailing  spaces  \n\
@cert-authority *.example,host.example KEY
@revoked host.example OTHER
  indented\tKEY
?ost.example KEY
*.example,!host.example KEY
last.example KEY"""
BAD_LINES = """\
host.example damaged
@unknown host.example KEY
 \tindented\thost.example
host.example 1024 35 123456
"""


@pytest.fixture
def file(twins: Twins) -> Twins:
    """``known_hosts`` in both folders."""
    twins.write("known_hosts", _filled(twins, LINES), 0o600)
    return twins


def _filled(twins: Twins, lines: str) -> str:
    keys = [" ".join((twins.ours / f"{name}.pub").read_text().split()[:2]) for name in ("ed25519", "ecdsa384")]
    return lines.replace("KEY", keys[0]).replace("OTHER", keys[1])


HOSTS = [
    "host.example",
    "HOST.Example",
    "[host.example]:2222",
    "last.example",
    "indented",
    "a.wild",
    "192.0.2.1",
    "none",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("words", [(), ("-l",), ("-lv",), ("-q",), ("-l", "-E", "md5")], ids=" ".join)
def test_find(file: Twins, host: str, words: tuple[str, ...]) -> None:
    file.same_messages(*words, "-F", host, "-f", "known_hosts")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["", "quiet"])
def test_remove(file: Twins, host: str, quiet: tuple[str, ...]) -> None:
    file.same_messages(*quiet, "-R", host, "-f", "known_hosts")
    mine, other = file.files()
    assert mine == other


def test_hash_and_then_all_else(file: Twins) -> None:
    file.same_messages("-H", "-f", "known_hosts")
    ours_, theirs_ = ((folder / "known_hosts").read_text().splitlines() for folder in (file.ours, file.theirs))
    assert [_unhashed(line) for line in ours_] == [_unhashed(line) for line in theirs_]
    assert (file.ours / "known_hosts.old").read_text() == _filled(file, LINES)
    # Each reads what the other wrote.
    file.copy(file.ours / "known_hosts")
    for host in HOSTS:
        file.same_messages("-F", host.lower(), "-f", "known_hosts")
    again = file.same("-H", "-f", "known_hosts")
    assert "unhashed" not in again.err
    file.same_messages("-R", "host.example", "-f", "known_hosts")
    mine, other = file.files()
    assert mine == other


def _unhashed(line: str) -> str:
    return line if not line.startswith("|1|") else "HASH " + line.split(" ", 1)[1]


def test_find_and_print_hashed(file: Twins) -> None:
    mine, other = file.run("-H", "-F", "host.example", "-f", "known_hosts")
    assert [_unhashed(line) for line in mine.lines] == [_unhashed(line) for line in other.lines]
    assert len({line.split()[0] for line in mine.lines if line.startswith("|1|")}) == 3
    assert sorted(path.name for path in file.ours.glob("known_hosts*")) == ["known_hosts"]


@pytest.mark.parametrize("words", [("-R", "host.example"), ("-R", "none"), ("-H",)], ids=" ".join)
def test_a_file_with_bad_lines_stays_as_it_is(file: Twins, words: tuple[str, ...]) -> None:
    content = _filled(file, LINES + "\n" + BAD_LINES)
    file.write("known_hosts", content)
    answer = file.same_messages(*words, "-f", "known_hosts")
    assert answer.status == 1
    assert (file.ours / "known_hosts").read_text() == content
    assert not (file.ours / "known_hosts.old").exists()
    file.same_messages("-F", "host.example", "-f", "known_hosts")


@pytest.mark.parametrize("words", [("-R", "host"), ("-F", "host"), ("-H",)], ids=" ".join)
def test_no_file(twins: Twins, words: tuple[str, ...]) -> None:
    twins.same_messages(*words, "-f", "missing")


def test_keys_of_our_types_are_no_bad_lines(twins: Twins) -> None:
    ours(twins.ours, "-q", "-t", "ed448", "-N", "", "-C", "", "-f", "new")
    key = (twins.ours / "new.pub").read_text().strip()
    (twins.ours / "known_hosts").write_text(f"a {key}\nb {key}\n")
    assert ours(twins.ours, "-R", "a", "-f", "known_hosts").status == 0
    assert (twins.ours / "known_hosts").read_text() == f"b {key}\n"
    assert " ED448 SHA256:" in ours(twins.ours, "-l", "-F", "b", "-f", "known_hosts").lines[1]


def test_carriage_returns_and_a_byte_order_mark_stay(file: Twins) -> None:
    key = _filled(file, "KEY")
    (file.ours / "known_hosts").write_bytes(f"\ufeffa {key}\r\nb {key}\r\nc {key}\r\n".encode())
    assert ours(file.ours, "-R", "b", "-f", "known_hosts").status == 0
    assert (file.ours / "known_hosts").read_bytes() == f"\ufeffa {key}\r\nc {key}\r\n".encode()
    assert ours(file.ours, "-F", "a", "-f", "known_hosts").status == 0


def test_a_symbolic_link_stays_one(file: Twins) -> None:
    link = file.ours / "link"
    link.symlink_to("known_hosts")
    assert ours(file.ours, "-R", "last.example", "-f", "link").status == 0
    assert link.is_symlink()
    assert "last.example" not in (file.ours / "known_hosts").read_text()
    assert (file.ours / "link.old").read_text() == _filled(file, LINES)


def test_an_older_copy_is_replaced(file: Twins) -> None:
    file.write("known_hosts.old", "from last year\n")
    file.same_messages("-R", "last.example", "-f", "known_hosts")
    assert (file.ours / "known_hosts.old").read_text() == _filled(file, LINES)


def test_others_may_not_write_the_new_file(file: Twins) -> None:
    file.write("known_hosts", _filled(file, LINES), 0o666)
    for folder in (file.ours, file.theirs):
        (folder / "known_hosts").chmod(0o666)
    file.same_messages("-R", "last.example", "-f", "known_hosts")
    mine, other = file.files()
    assert mine["known_hosts"] == other["known_hosts"]
    assert mine["known_hosts"][0] == 0o644


def test_the_home_is_where_it_is_looked_for(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(twins.ours))
    folder = twins.ours / ".ssh"
    folder.mkdir()
    (folder / "known_hosts").write_text(_filled(twins, "host KEY\n"))
    assert ours(twins.ours, "-F", "host").lines[0] == "# Host host found: line 1 "
    assert ours(twins.ours, "-F", "host", "-f", "~/.ssh/known_hosts").status == 0


def test_a_line_that_is_appended_meanwhile_is_not_lost(file: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_ssh.ssh.keys import load_public_key
    from jupyter_ssh.ssh.trust import appending

    path = file.ours / "known_hosts"
    key, _ = load_public_key(file.ours / "rsa.pub")
    real = os.open
    replaced = []

    def open_and_replace(name: str, *rest: int) -> int:
        """What another program may do between our opening the file and our writing to it."""
        descriptor = real(name, *rest)
        if not replaced:
            replaced.append(theirs(file.ours, "-R", "last.example", "-f", "known_hosts").status)
        return descriptor

    monkeypatch.setattr(appending.os, "open", open_and_replace)
    append(path, "new.example", 22, key)
    monkeypatch.undo()
    assert replaced == [0]
    assert path.read_text().splitlines()[-1].startswith("new.example ssh-rsa ")
    assert "new.example" not in Path(f"{path}.old").read_text()
