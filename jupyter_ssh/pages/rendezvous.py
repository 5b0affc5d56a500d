"""The way a Jupyter server finds a place: a private socket, and a file that says where it is.

The Jupyter runtime directory has a 0700 folder with a 0600 file for each place (a kernel's id, or ``host``), which
contains the socket's path and a 256-bit token; the socket itself is there too, unless its path would be too long.  The
connecting and the listening side prove to each other that they have read that file (`proof`), so that neither a
leftover file nor a foreign listener is ever trusted.  Nothing here needs asyncio, the stack or a kernel.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
import re
import secrets
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "jupyter-ssh"
HOST_PLACE: Final = "host"
HOST_VARIABLE: Final = "JUPYTER_SSH_HOST_DIR"
"""An environment variable: the folder to use for the host process instead of the Jupyter runtime directory, so that a
server has a host process to itself."""
MAGIC: Final = b"jssh-t2\n"
"""The version, sent by the connecting side; the other accepts any, so that a page can be told that they differ."""
_ANY_MAGIC: Final = re.compile(rb"jssh-t[1-9]\n")
NONCE_BYTES: Final = 32
PROOF_BYTES: Final = 32
TOKEN_BYTES: Final = 32
PROOF_SECONDS: Final = 5.0
LONGEST_SOCKET_PATH: Final = 103
"""The limit of sun_path on macOS; Linux allows four bytes more."""

RELAY: Final = b"r"
"""The purpose of a connection: the frames of one page."""
LEASE: Final = b"l"
"""The purpose of a connection: only to tell that a server is there."""

_PLACE: Final = re.compile(r"[0-9A-Za-z_]+(?:-[0-9A-Za-z_]+){0,15}")
_MOST_FILE_BYTES: Final = 4096
_MOST_PID: Final = (1 << 31) - 1 if sys.platform != "win32" else (1 << 32) - 1
_MOST_PORT: Final = (1 << 16) - 1
_KINDS: Final = {"place": str, "path": str, "port": int, "pid": int, "node": str}
"""The names in a place file with the types of their values, besides the token's."""
_LEFTOVER_SECONDS: Final = 60
_TEMPORARY: Final = "jssh-"
"""The age at which the draft of a place file counts as left behind."""


@dataclass(frozen=True)
class PlaceFile:
    """The content of a place file."""

    place: str
    """The place's name."""
    path: str
    """The path of the Unix socket; empty on systems without them, such as Windows."""
    port: int
    """The port on 127.0.0.1 if there is no Unix socket; else 0."""
    pid: int
    node: str
    """The machine's name: several may share a home directory."""
    token: bytes = field(repr=False)


def valid_place(text: str) -> bool:
    """Return whether this is a valid name of a place; nothing else ever becomes part of a path."""
    return len(text) <= 128 and _PLACE.fullmatch(text) is not None


def runtime_folder() -> Path:
    """Return the Jupyter runtime directory of this process's environment.  Raises `OSError`."""
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        return Path(jupyter_runtime_dir())
    except RuntimeError:  # neither an account nor HOME
        raise FileNotFoundError("there is no home folder, and so no Jupyter runtime directory: set HOME") from None


def private_folder(runtime: Path) -> Path:
    """Return the folder of the place files; create it if needed.  Raises `PermissionError` if it is open to others."""
    folder = runtime / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(folder, stat.S_ISDIR):
        raise PermissionError(f"{folder} belongs to somebody else or is open to others")
    return folder


def _is_private(path: Path, kind: Callable[[int], bool], info: os.stat_result | None = None) -> bool:
    if sys.platform == "win32":
        return True  # protected by the profile's access list
    info = info or path.lstat()
    return kind(info.st_mode) and info.st_uid == os.getuid() and not info.st_mode & 0o077


# --- the listening side -----------------------------------------------------------------------------------------------


def new_token() -> bytes:
    """Return a token for the lifetime of one place."""
    return secrets.token_bytes(TOKEN_BYTES)


def socket_path(folder: Path, place: str) -> Path:
    """Return the path to bind to: in ``folder``, or in a new temporary folder if that path is too long."""
    path = folder / f"{place}.{secrets.token_hex(4)}.s"
    return path if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH else other_socket_path()


def other_socket_path() -> Path:
    """Return a path in a new temporary folder, for when the runtime directory is too deep or allows no sockets.

    What processes left there whose place file is gone too is removed.
    """
    from jupyter_ssh.ssh.net.private_socket import sweep as sweep_folders  # with the keys' code, and rarely needed

    sweep_folders(tempfile.gettempdir(), _TEMPORARY, unused_for=_LEFTOVER_SECONDS)
    return Path(tempfile.mkdtemp(prefix=_TEMPORARY)) / "s"


def publish(folder: Path, place: PlaceFile) -> Path:
    """Write the place file, by which others find the place; return its path."""
    content = json.dumps({**asdict(place), "token": place.token.hex()})
    target = _file(folder, place.place)
    former = read_place(folder, place.place)  # of a process that was killed, and may still be a zombie
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=folder)  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    if former is not None and former.node == place.node and former.path != place.path:
        remove_socket(former.path)
    return target


def withdraw(folder: Path, place: PlaceFile) -> None:
    """Remove the socket and, if it is still ours, the place file."""
    remove_socket(place.path)
    found = read_place(folder, place.place)
    if found is not None and hmac.compare_digest(found.token, place.token):
        _unlink(_file(folder, place.place))


def remove_socket(path: str) -> None:
    """Remove a socket, and its folder if that was created for it alone."""
    if not path:
        return
    socket = Path(path)
    try:
        if stat.S_ISSOCK(socket.lstat().st_mode):
            socket.unlink()
    except OSError:
        pass
    if socket.name == "s" and socket.parent.name.startswith(_TEMPORARY):
        try:
            socket.parent.rmdir()
        except OSError:
            pass


def sweep(folder: Path) -> None:
    """Remove what dead processes of this machine left behind, and drafts of place files that nobody finishes."""
    for draft in folder.glob(".*.new"):
        try:
            if time.time() - draft.lstat().st_mtime > _LEFTOVER_SECONDS:
                draft.unlink()
        except OSError:
            pass
    for file in _place_files(folder):
        found = read_place(folder, file.stem)
        if found is not None and found.node == platform.node() and not _alive(found.pid):
            remove_socket(found.path)
            _unlink(file)


def end_host(runtime: Path) -> None:
    """Tell the host process of this folder to end, if there is one; otherwise it outlives its server."""
    place = read_place(runtime / FOLDER, HOST_PLACE)
    if place is not None and place.node == platform.node():
        try:
            os.kill(place.pid, signal.SIGTERM)
        except OSError:
            pass


def _place_files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.glob("*.json")) if valid_place(path.stem))


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end the process; connecting shows whether a file is stale
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        pass


# --- the connecting side ----------------------------------------------------------------------------------------------


def _file(folder: Path, place: str) -> Path:
    if not valid_place(place):
        raise ValueError("invalid name of a place")
    return folder / f"{place}.json"


def read_place(folder: Path, place: str) -> PlaceFile | None:
    """Return the content of a place file in the private ``folder``; None if it is invalid or open to other users."""
    try:
        path = _file(folder, place)
        if not _is_private(folder, stat.S_ISDIR):
            return None
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not _is_private(path, stat.S_ISREG, os.fstat(descriptor)):
                return None
            values = json.loads(file.read(_MOST_FILE_BYTES))
        found = _place_of(values)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if found.place == place else None


def _place_of(values: Any) -> PlaceFile:
    """Return what a place file says.  Raises `ValueError`, `TypeError` and `KeyError` for what no place writes."""
    found = PlaceFile(**{name: values[name] for name in _KINDS}, token=bytes.fromhex(values["token"]))
    is_usable = (
        all(type(values[name]) is kind for name, kind in _KINDS.items())  # True is an int too
        and len(found.token) == TOKEN_BYTES
        and 0 < found.pid <= _MOST_PID
        and 0 <= found.port <= _MOST_PORT
        and b"\0" not in os.fsencode(found.path)
    )
    if not is_usable:
        raise ValueError("not the content of a place file")
    return found


# --- both -------------------------------------------------------------------------------------------------------------


def greeting(purpose: bytes, nonce: bytes) -> bytes:
    """Return what the connecting side sends first: the protocol, the connection's purpose, and 32 random bytes."""
    return MAGIC + purpose + nonce


GREETING_BYTES: Final = len(MAGIC) + 1 + NONCE_BYTES


def is_magic(text: bytes) -> bool:
    """Return whether this is the magic of any version."""
    return _ANY_MAGIC.fullmatch(text) is not None


def proof(
    token: bytes, role: bytes, purpose: bytes, connecting_nonce: bytes, listening_nonce: bytes, magic: bytes = MAGIC
) -> bytes:
    """Return the HMAC-SHA-256 that only a holder of the token can make, for this one connection.

    ``role`` is ``b"connects"`` or ``b"listens"``, so that a proof cannot be sent back as the other side's.  ``magic``
    is what the connecting side sent.
    """
    message = b"\0".join((magic, role, purpose)) + connecting_nonce + listening_nonce
    return hmac.new(token, message, hashlib.sha256).digest()


def same(one: bytes, other: bytes) -> bool:
    """Return whether two proofs are equal, in constant time."""
    return hmac.compare_digest(one, other)
