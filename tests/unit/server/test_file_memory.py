"""What a server keeps of its files, and what it parses of them for somebody's key."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.keys.krl import MAX_SIZE
from jupyter_ssh.ssh.keys.revoked_keys import RevokedKeyLines, RevokedKeys, read_revoked_keys
from jupyter_ssh.ssh.keys.types.table import parse_public_line
from jupyter_ssh.ssh.server.logins import authorized_keys as module
from jupyter_ssh.ssh.server.logins import file_memory, key_logins
from jupyter_ssh.ssh.server.logins.accounts import current_account
from jupyter_ssh.ssh.server.logins.authorized_keys import AuthorizedKeys
from jupyter_ssh.ssh.server.logins.file_memory import SETTLED_NS, FileMemory, LoginFiles, Stamp
from jupyter_ssh.ssh.server.logins.file_modes import MOST_FILES, read_trusted
from jupyter_ssh.ssh.server.logins.key_logins import KeyLogins
from jupyter_ssh.ssh.server.logins.principals import Principals
from jupyter_ssh.ssh.server.options import ServerOptions

ALICE = generate("ssh-ed25519").public
BOB = generate("ecdsa-sha2-nistp256").public
STRANGER = generate("ssh-ed25519").public
HERE = "192.0.2.7"
NOW = 1_800_000_000.0


def stamp(number: int, size: int = 1, *, settled: bool = True) -> Stamp:
    return Stamp((1, number, size, 0, 0), settled)


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the files had been written long ago: their time of change cannot be set."""
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10 * SETTLED_NS)


def test_a_value_is_kept_as_long_as_the_stamp_is_the_same() -> None:
    memory: FileMemory[bytes] = FileMemory()
    memory.keep(Path("a"), stamp(1), b"one")
    assert memory.find(Path("a"), stamp(1)) == b"one"
    assert memory.find(Path("b"), stamp(1)) is None
    assert memory.find(Path("a"), stamp(2)) is None
    assert memory.find(Path("a"), stamp(1)) is None, "what has changed is forgotten"


def test_what_was_changed_a_moment_ago_is_not_kept() -> None:
    memory: FileMemory[bytes] = FileMemory()
    memory.keep(Path("a"), stamp(1, settled=False), b"one")
    assert memory.find(Path("a"), stamp(1)) is None


def test_a_file_from_the_future_is_kept_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that copy files set the time of their contents; that of the inode is the system's own."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    memory: FileMemory[bytes] = FileMemory()
    later(monkeypatch)
    in_years = time.time_ns() + 7 * 365 * 86400 * 10**9
    os.utime(path, ns=(in_years, in_years))
    read_trusted(path, strict=False, memory=memory)
    assert len(memory) == 1


def test_few_files_and_bytes_are_kept_those_used_last() -> None:
    memory: FileMemory[int] = FileMemory(most_files=2, most_bytes=10)
    for number in (1, 2):
        memory.keep(Path(str(number)), stamp(number), number)
    assert memory.find(Path("1"), stamp(1)) == 1
    memory.keep(Path("3"), stamp(3), 3)
    assert [memory.find(Path(str(number)), stamp(number)) for number in (1, 2, 3)] == [1, None, 3]
    memory.keep(Path("4"), stamp(4, 10), 4)
    assert len(memory) == 1
    memory.keep(Path("5"), stamp(5, 11), 5)
    assert memory.find(Path("5"), stamp(5, 11)) is None


def test_one_thread_reads_a_file_while_the_others_wait_for_what_it_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    memory: FileMemory[bytes] = FileMemory()
    read: list[Path] = []
    two_read = threading.Barrier(2)

    def slowly() -> bytes:
        read.append(path)
        with contextlib.suppress(threading.BrokenBarrierError):
            two_read.wait(0.3)
        return path.read_bytes()

    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(lambda _: memory.load(path, slowly), range(4))] == [b"one"] * 4
    assert len(read) == 1


def test_a_thread_that_is_stuck_stops_no_other_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    monkeypatch.setattr(file_memory, "LOADING_SECONDS", 0.01)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    memory: FileMemory[bytes] = FileMemory()
    begun, again = threading.Event(), threading.Event()

    def stuck() -> bytes:
        begun.set()
        again.wait(60)
        return b"late"

    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(memory.load, path, stuck)
        begun.wait(60)
        assert memory.load(path, path.read_bytes) == b"one"
        again.set()
        assert late.result() == b"late"


def test_what_cannot_be_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    path = tmp_path / "file"
    memory: FileMemory[bytes] = FileMemory()
    with pytest.raises(FileNotFoundError):
        memory.load(path, path.read_bytes)
    path.write_bytes(b"one")
    assert memory.load(path, path.read_bytes) == b"one"


def test_a_long_list_of_revoked_keys_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    path = tmp_path / "revoked"
    lines = b"".join(b"#" * 1_000_000 + b"\n" for _ in range(9))
    path.write_bytes(lines + ALICE.line().encode())
    parsed: list[Path] = []

    def counting(path: Path) -> RevokedKeys:
        parsed.append(path)
        return read_revoked_keys(path)

    monkeypatch.setattr(key_logins, "read_revoked_keys", counting)
    options = ServerOptions(authorized_keys=tmp_path / "keys", revoked_keys=path)
    logins = KeyLogins(options, current_account(), LoginFiles(), HERE)
    for key in (STRANGER, BOB, STRANGER):
        assert "not authorized" in str(logins.judge("alice", key))
    assert "is revoked" in str(logins.judge("alice", ALICE))
    assert len(parsed) == 1
    assert path.stat().st_size > MAX_SIZE // 2


def test_the_longest_list_of_revoked_keys_is_kept() -> None:
    memory = LoginFiles().revoked
    memory.keep(Path("a"), stamp(1, MAX_SIZE), RevokedKeyLines())
    assert memory.find(Path("a"), stamp(1, MAX_SIZE)) is not None


def test_as_many_files_as_patterns_may_name_are_kept_though_they_are_read_in_turn() -> None:
    memory = LoginFiles().contents
    for _ in range(2):
        for number in range(2 * MOST_FILES):
            memory.keep(Path(str(number)), stamp(number, 1000), b"")
    assert len(memory) == 2 * MOST_FILES
    assert memory.find(Path("0"), stamp(0, 1000)) is not None


def test_what_is_kept_stays_within_its_bytes_whatever_is_forgotten() -> None:
    memory: FileMemory[int] = FileMemory(most_bytes=10)
    for number in range(9):
        memory.keep(Path("a"), stamp(number, 6), number)
        memory.keep(Path("b"), stamp(number, 4), number)
        assert len(memory) == 2
        assert memory.find(Path("b"), stamp(number)) is None, "it has changed"
        assert memory.find(Path("a"), stamp(number, 6)) == number


def test_a_file_is_read_again_when_it_has_changed_and_checked_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    path.chmod(0o600)
    later(monkeypatch)
    memory: FileMemory[bytes] = FileMemory()
    for _ in range(2):
        assert read_trusted(path, memory=memory) == b"one"
    assert len(memory) == 1
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # until the clock of the file system ticks
        path.write_bytes(b"two")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_trusted(path, memory=memory) == b"two"
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="writable by others"):
        read_trusted(path, memory=memory)


def written(folder: Path, text: str) -> Path:
    path = folder / "authorized_keys"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    path.chmod(0o600)
    return path


def test_nothing_is_parsed_for_a_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f'command="{number}" {(ALICE, BOB)[number % 2].line(f"key {number}")}' for number in range(5000)]
    path = written(tmp_path, "\n".join(lines))
    parsed: list[str] = []
    original = parse_public_line

    def counting(line: str, required_rsa_size: int | None = None) -> object:
        parsed.append(line)
        return original(line, required_rsa_size)

    monkeypatch.setattr(module, "parse_public_line", counting)
    assert AuthorizedKeys.load(path, key=STRANGER).entries == ()
    assert parsed == []
    path = written(tmp_path, "\n".join([*lines[::2], f"no-pty {BOB.line()}", ""]))
    found = AuthorizedKeys.load(path, key=BOB).find(BOB, HERE, NOW)
    assert found is not None
    assert found.line == 2501
    assert len(parsed) == 1


PIECES = st.sampled_from(
    [
        ALICE.line(),
        BOB.line("b"),
        ALICE.line()[:-3],
        "\n",
        "\r\n",
        " ",
        "#",
        '"',
        "no-pty ",
        "nonsense=1 ",
        "cert-authority ",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_the_lines_of_one_key_are_those_of_the_whole_file(text: str) -> None:
    whole = AuthorizedKeys.parse(text)
    for key in (ALICE, BOB, STRANGER):
        # How a file's bytes are searched, without a file for each example.
        only = AuthorizedKeys._parsed(module._lines_with(text.encode(), key), None)
        assert [entry for entry in only.entries if entry.key == key] == [e for e in whole.entries if e.key == key]
        assert set(only.problems) <= set(whole.problems)


def test_only_the_lines_of_a_certificate_s_principals_are_parsed() -> None:
    text = "no-such-option ops\nno-pty dev\nweb\n"
    assert [entry.name for entry in Principals.parse(text, ("dev", "else")).entries] == ["dev"]
    assert Principals.parse(text, ("dev",)).problems == ()
    assert [problem.line for problem in Principals.parse(text, ("ops",)).problems] == [1]
