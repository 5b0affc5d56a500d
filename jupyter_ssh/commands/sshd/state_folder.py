"""The private folder for ``jupyter-ssh``'s persistent files, and the host key in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

from jupyter_ssh.ssh.errors import KeyFileError
from jupyter_ssh.ssh.keys import generate, save_private_key
from jupyter_ssh.ssh.net.owner import home_folder

_NAME = "jupyter_ssh"


def state_folder() -> Path:
    """Return ``~/.local/share/jupyter_ssh`` (XDG_DATA_HOME), or the equivalent on macOS and Windows.

    Raises `ConfigError` without a home folder.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home_folder() / "AppData" / "Local") / _NAME
    if sys.platform == "darwin":
        return home_folder() / "Library" / "Application Support" / _NAME
    # XDG Base Directory Specification: relative paths are to be ignored.
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if os.path.isabs(data) else home_folder() / ".local" / "share") / _NAME


def host_key_file(folder: Path) -> Path:
    """Return the server's host key file in ``folder``, generating it at first use.  Raises `KeyFileError`."""
    path = folder / "host_ed25519"
    if path.exists():
        return path
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"cannot create {folder}: {error.strerror}", phase="host key") from None
    # If two servers start at once, the first link wins, and both use that key.
    draft = folder / f".host_ed25519.{secrets.token_hex(8)}"
    try:
        save_private_key(draft, generate("ed25519", comment="jupyter-ssh sshd"))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
            os.replace(f"{draft}.pub", f"{path}.pub")
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}", phase="host key") from None
    finally:
        for name in (str(draft), f"{draft}.pub"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
    return path
