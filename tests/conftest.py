"""What every test may use: the peers as fixtures, and Hypothesis without deadlines (a busy machine is no failure)."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["tests.support.fixtures", "tests.support.embedded", "tests.support.agents"]

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

PERSONAL = ("SSH_", "JUPYTER_", "JPY_", "XDG_", "IPYTHON")
"""Variables by which a person's own set-up would reach the tests: their agent, their folders, their Jupyter."""
RECORD = "JUPYTER_SSH_MATRIX"  # see tests.support.documents.algorithms

SIGNALS: dict[str, Any] = {"SIGHUP": signal.SIG_DFL, "SIGQUIT": signal.SIG_DFL, "SIGINT": signal.default_int_handler}
"""What ends a process that is told nothing else."""

LONGEST_ID = 40  # a fingerprint is longer


def pytest_configure(config: pytest.Config) -> None:
    """Every test process has an empty home of its own: what lies in the person's is neither read nor written.

    And signals do what they do at a terminal: what nohup, or a shell's ``&``, has ignored would be ignored by children.
    """
    for name, handler in SIGNALS.items():
        number = getattr(signal, name, None)  # Windows has two of them less
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    for name in list(os.environ):
        if name.startswith(PERSONAL) and name != RECORD:
            del os.environ[name]
    home = tempfile.TemporaryDirectory(prefix="home-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    os.environ["HOME"] = os.environ["USERPROFILE"] = str(Path(home.name).resolve())


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """A long text is no name of a test: it may hold a key, which each worker makes anew, and names must agree."""
    return argname if isinstance(val, (str, bytes)) and len(val) > LONGEST_ID else None
