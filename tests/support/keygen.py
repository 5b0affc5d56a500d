"""``jupyter-ssh keygen`` and ssh-keygen, given the same words in folders of the same content."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from jupyter_ssh.commands import terminal
from jupyter_ssh.commands.keys import keygen
from tests.support.peers import require_tool

SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """How a program ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines on stdout."""
        return self.out.splitlines()


class _Stream(io.TextIOWrapper):
    def text(self) -> str:
        self.flush()
        data = self.buffer
        assert isinstance(data, io.BytesIO)
        return data.getvalue().decode("utf-8", "surrogateescape")


def ours(folder: Path, *words: str, input: bytes = b"") -> Answer:
    """Our program in this process, working in ``folder``; ``input`` is on its stdin, and it has no terminal."""
    out, err = _Stream(io.BytesIO()), _Stream(io.BytesIO())
    before, streams = os.getcwd(), (sys.stdin, sys.stdout, sys.stderr)
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(input)), out, err
    try:
        with mock.patch.object(terminal, "controlling_terminal", return_value=contextlib.nullcontext(None)):
            status = keygen.main(words)
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        os.chdir(before)
    return Answer(status, out.text(), err.text())


def theirs(folder: Path, *words: str, input: bytes = b"") -> Answer:
    """ssh-keygen in ``folder``, without a terminal."""
    tool = require_tool("ssh-keygen", "openssh-client")
    done = subprocess.run(
        [tool, *words],
        cwd=folder,
        input=input,
        capture_output=True,
        timeout=SECONDS,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return Answer(done.returncode, out, err.replace("\r\n", "\n"))


class Twins:
    """Two folders of the same content, one for each program."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = folder / "ours", folder / "theirs"
        for place in (self.ours, self.theirs):
            place.mkdir()

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> None:
        """A file in both folders."""
        for place in (self.ours, self.theirs):
            data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
            (place / name).write_bytes(data)
            (place / name).chmod(mode)

    def copy(self, *paths: Path) -> None:
        """Copies of files, with their modes, in both folders."""
        for place in (self.ours, self.theirs):
            for path in paths:
                if path.parent != place:
                    shutil.copy(path, place / path.name)

    def run(self, *words: str, input: bytes = b"") -> tuple[Answer, Answer]:
        """What ours says, and what ssh-keygen says."""
        return ours(self.ours, *words, input=input), theirs(self.theirs, *words, input=input)

    def same(self, *words: str, input: bytes = b"") -> Answer:
        """Ours, when the status and every line on stdout are those of ssh-keygen."""
        mine, other = self.run(*words, input=input)
        assert (mine.out, mine.status) == (other.out, other.status), f"ours {mine}\ntheirs {other}"
        return mine

    def same_messages(self, *words: str, input: bytes = b"") -> Answer:
        """As `same`, and the lines on stderr are those of ssh-keygen too."""
        mine, other = self.run(*words, input=input)
        assert mine == other, f"ours {mine}\ntheirs {other}"
        return mine

    def files(self) -> tuple[dict[str, tuple[int, bytes]], dict[str, tuple[int, bytes]]]:
        """Mode and content of every file, by name, in both folders."""
        return _files(self.ours), _files(self.theirs)


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in folder.iterdir() if path.is_file()}
