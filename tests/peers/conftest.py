"""A test that runs against several peers names their fixtures: parametrize ``server`` with ``indirect=True``."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)
