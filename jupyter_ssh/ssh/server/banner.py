"""The text that clients are shown before they log in (sshd_config(5), Banner)."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Final

from jupyter_ssh.ssh.keys.files.disk import open_for_reading

log = logging.getLogger(__name__)

LARGEST: Final = 32_000
"""Every client has to accept a packet of these bytes and what is around them (RFC 4253 §6.1)."""


def read_banner(path: Path) -> str:
    """Return the text of a file, or nothing if it cannot be read: that must not keep anybody from logging in."""
    try:
        with open_for_reading(Path(os.path.expanduser(path))) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError("it is not a regular file")
            text = stream.read(LARGEST + 1).decode("utf-8", "replace")
        if len(text.encode()) > LARGEST:  # what is no UTF-8 has become longer
            raise OSError(f"it is longer than {LARGEST} bytes")
    except (OSError, ValueError) as error:
        log.info("no banner is shown: %s: %s", path, getattr(error, "strerror", None) or error)
        return ""
    return text
