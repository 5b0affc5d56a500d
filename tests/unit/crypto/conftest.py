"""Fixtures of the packet tests."""

from __future__ import annotations

import pytest

from tests.unit.crypto.reference import ALL, PROTECTED, Protection, ids


@pytest.fixture(params=ALL, ids=ids)
def protection(request: pytest.FixtureRequest) -> Protection:
    """Each cipher × MAC in turn under keys of its own, and packets in the clear."""
    return Protection.draw(*request.param)


@pytest.fixture(params=PROTECTED, ids=ids)
def protected(request: pytest.FixtureRequest) -> Protection:
    """Each cipher × MAC in turn under keys of its own."""
    return Protection.draw(*request.param)
