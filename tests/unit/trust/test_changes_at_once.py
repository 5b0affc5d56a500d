"""known_hosts files that several processes change at once, and what a killed one leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import KnownHostsError
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.keys.files import disk, locking
from jupyter_ssh.ssh.trust import append, editing
from tests.support.processes import run_at_once

KEY = generate().public
LINES = 40
ADD = "for number in range({lines}):\n    editing.replace(path, [f'{name}-{{number}}'], [key], add=True)"
APPEND = "for number in range({lines}):\n    append(path, f'{name}-{{number}}', 22, key)"
REMOVE = "for number in range({lines}):\n    editing.remove(path, f'{name}-{{number}}')"
PROGRAM = """
import sys
from pathlib import Path
from jupyter_ssh.ssh.keys import load_public_key
from jupyter_ssh.ssh.trust import append, editing
path = Path(sys.argv[1])
key = load_public_key(sys.argv[2])[0]
print("ready", flush=True)
sys.stdin.readline()
{body}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def change_at_once(path: Path, *bodies: str) -> None:
    """Run each body in a process; all begin together."""
    (path.parent / "key.pub").write_text(KEY.line())
    programs = ((PROGRAM.format(body=body), str(path), str(path.parent / "key.pub")) for body in bodies)
    run_at_once(*programs)


def names(name: str) -> list[str]:
    return [f"{name}-{number}" for number in range(LINES)]


def test_editors_and_writers_at_once_lose_no_line(path: Path) -> None:
    path.write_text("".join(f"{name} {KEY.line()}\n" for name in ["kept", *names("gone"), *names("past")]))
    works = [(ADD, "first"), (ADD, "second"), (APPEND, "third"), (REMOVE, "gone"), (REMOVE, "past")]
    change_at_once(path, *(body.format(lines=LINES, name=name) for body, name in works))
    written = sorted(line.split()[0] for line in path.read_text().splitlines())
    assert written == sorted(["kept", *names("first"), *names("second"), *names("third")])
    assert sorted(file.name for file in path.parent.iterdir()) == ["key.pub", "known_hosts", "known_hosts.old"]


def test_a_line_of_a_program_without_locks_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSH's ssh appends without a lock: here while the new file is written, before it replaces the old one."""
    path.write_text(f"gone {KEY.line()}\nkept {KEY.line()}\n")
    real = os.fsync
    appended = []

    def fsync(descriptor: int) -> None:
        real(descriptor)
        if not appended:
            with path.open("a") as file:
                appended.append(file.write(f"new {KEY.line()}\n"))

    monkeypatch.setattr(os, "fsync", fsync)
    edit = editing.remove(path, "gone")
    assert [line.split()[0] for line in path.read_text().splitlines()] == ["kept", "new"]
    assert [entry.hosts for entry in edit.removed] == ["gone"]


def test_an_edit_without_the_lock_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(locking, "PATIENCE", 0.1)
    path.write_text(f"host {KEY.line()}\n")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(KnownHostsError, match="another program keeps it locked"):
            editing.remove(path, "host")
    assert path.read_text() == f"host {KEY.line()}\n"
    assert editing.remove(path, "host").changed


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_what_a_killed_process_left_is_swept_at_the_next_write(path: Path) -> None:
    body = """
import os, signal
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
editing.remove(path, "host")
"""
    path.write_text(f"host {KEY.line()}\n")
    (path.parent / "key.pub").write_text(KEY.line())
    program = [sys.executable, "-c", PROGRAM.format(body=body), str(path), str(path.parent / "key.pub")]
    subprocess.run(program, input="\n", capture_output=True, text=True, timeout=60)
    (left,) = path.parent.glob(".jssh-*")
    assert path.read_text() == f"host {KEY.line()}\n"

    # A younger one could still be in use where a file system has no locks.
    disk.replace_file(path.parent / "other", b"")
    assert left.exists()
    os.utime(left, (1, 1))
    disk.replace_file(path.parent / "other", b"")
    assert not left.exists()


def test_only_what_is_certainly_left_behind_is_swept(path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    name = ".jssh-0123456789abcdef.new"
    folder = path.parent
    kept = [folder / each for each in (f"{name}er", f"x{name}", ".jssh-0123456789ABCDEF.new", ".known_hosts.abcdefgh")]
    for file in [*kept, folder / "target", folder / name]:
        file.write_bytes(b"")
        os.utime(file, (1, 1))
    with (folder / name).open("rb") as used:
        fcntl.flock(used, fcntl.LOCK_EX)
        disk.replace_file(path, b"")
        assert (folder / name).exists()
    (folder / name).unlink()
    (folder / name).symlink_to("target")
    os.utime(folder / name, (1, 1), follow_symlinks=False)
    (folder / ".jssh-00000000000000aa.new").mkdir()
    os.utime(folder / ".jssh-00000000000000aa.new", (1, 1))
    disk.replace_file(path, b"")
    assert all(file.exists() for file in [*kept, folder / "target", folder / name])


def test_dev_null_stays_what_it_is(tmp_path: Path) -> None:
    """Who is root could replace even that."""
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o666 | 0o020000, os.makedev(1, 3))
        null.open("wb").close()
    except (AttributeError, PermissionError):
        pytest.skip("a device cannot be made here")
    assert editing.replace(null, ["host"], [KEY], add=True).changed is False
    assert editing.hash_names(null).changed is False
    append(null, "host", 22, KEY)
    disk.replace_file(null, b"text")
    assert null.is_char_device()
    assert [file.name for file in tmp_path.iterdir()] == ["null"]
