"""Permissions, owner and kind of the files that are written, compared with what ssh-keygen leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import generate, save_private_key
from jupyter_ssh.ssh.keys.files import disk
from jupyter_ssh.ssh.keys.files.disk import replace_file
from jupyter_ssh.ssh.keys.files.saving import save_public_key
from tests.support.identities import run_quietly
from tests.support.peers import require_tool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_a_new_public_file_obeys_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        save_private_key(tmp_path / "ours", generate())
        tool = require_tool("ssh-keygen", "openssh-client")
        run_quietly([tool, "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "theirs")])
    finally:
        os.umask(before)
    for end in ("", ".pub"):
        assert _mode(tmp_path / f"ours{end}") == _mode(tmp_path / f"theirs{end}")


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o640, 0o640), (0o664, 0o644), (0o444, 0o444)])
def test_an_existing_public_file_keeps_its_permissions(before: int, after: int, tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.touch()
    path.chmod(before)
    save_public_key(path, generate().public, overwrite=True)
    assert _mode(path) == after


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(0o666)
    path.chmod(0o666)
    save_private_key(path, generate(), overwrite=True)
    assert _mode(path) == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()
    os.chown(path, 12345, 12346)
    save_private_key(path, generate(), overwrite=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_a_link_in_place_of_the_temporary_file_changes_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, folder = tmp_path / "other", tmp_path / "folder"
    folder.mkdir()
    for path, mode in ((other, 0o600), (folder / "file", 0o644)):
        path.touch()
        path.chmod(mode)

    def swap(descriptor: int) -> bool:
        """The owner of the folder, who is quick."""
        (temporary,) = folder.glob(".jssh-*.new")
        temporary.unlink()
        temporary.symlink_to(other)
        return True

    monkeypatch.setattr(disk, "try_lock", swap)
    replace_file(folder / "file", b"text", 0o644)
    assert (_mode(other), other.read_bytes()) == (0o600, b"")


def test_a_link_stays_and_may_dangle(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to(Path("folder", "file"))
    replace_file(link, b"text")
    assert link.is_symlink()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["file"]
    assert link.read_bytes() == b"text"


def test_a_file_that_waits_to_be_put_in_place_is_not_swept(tmp_path: Path) -> None:
    path = tmp_path / "key"

    def after_long() -> bool:
        (temporary,) = tmp_path.glob(".jssh-*.new")
        os.utime(temporary, (0, 0))
        return replace_file(tmp_path / "other", b"text")

    assert replace_file(path, b"text", if_still=after_long)
    assert path.read_bytes() == b"text"


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    replace_file(path, b"text")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from jupyter_ssh.ssh.keys.files.disk import replace_file\n"
        "replace_file(Path('/dev/stdout'), b'text')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"text"


def test_a_pipe_gets_all_of_it_whatever_signals_come() -> None:
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from jupyter_ssh.ssh.keys.files.disk import replace_file\n"
        "signal.signal(signal.SIGALRM, lambda *_: os.write(2, b'.'))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n"
        "replace_file(Path('/dev/stdout'), bytes(1_000_000))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stderr is not None
        for _ in range(50):  # signals, while the pipe is full
            process.stderr.read(1)
        written, _ = process.communicate(timeout=60)
    assert len(written) == 1_000_000


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path, b"text")
    assert list(tmp_path.iterdir()) == []


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
