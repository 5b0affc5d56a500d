"""The programs of others that the tests talk to."""

from __future__ import annotations

import os
import shutil

import pytest

# Debian keeps servers where an ordinary user's PATH does not look.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def require_tool(command: str, debian_package: str) -> str:
    """The absolute path of ``command``.  Without it the test is skipped; where CI is set, it fails."""
    path = shutil.which(command, path=SEARCH_PATH)
    if path:
        return path
    reason = f"{command} is not installed: install Debian's {debian_package}"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
