"""Finding the programs of others that the tests talk to."""

from __future__ import annotations

import ctypes
import os
import shutil
from typing import NoReturn

import pytest

# Debian keeps servers where an ordinary user's PATH does not look.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def require_tool(command: str, debian_package: str) -> str:
    """The absolute path of ``command``.  Without it the test is skipped; where CI is set, it fails."""
    path = shutil.which(command, path=SEARCH_PATH)
    return path or _missing(command, debian_package)


def require_library(name: str, debian_package: str) -> str:
    """``name`` itself, when the dynamic linker finds a library of that name.  Without it as `require_tool`."""
    try:
        ctypes.CDLL(name)
    except OSError:
        _missing(name, debian_package)
    return name


def _missing(what: str, debian_package: str) -> NoReturn:
    reason = f"{what} is not installed: install Debian's {debian_package}"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
