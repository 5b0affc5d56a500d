"""What every test may use: the peers as fixtures, and Hypothesis without deadlines (a busy machine is no failure)."""

from __future__ import annotations

import os

import hypothesis

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

pytest_plugins = ["tests.support.fixtures"]
