"""The floor of coverage rises with what is measured, and never falls by itself."""

from __future__ import annotations

import configparser

import pytest

from tests.support.house.coverage_floor import SLACK, raised
from tests.support.tree import TREE

FILE = "[report]\nprecision = 2\nfail_under = 80.25\nskip_covered = true\n"


@pytest.mark.parametrize(
    ("measured", "floor"),
    [(85.129 + SLACK, "85.12"), (80.25 + SLACK / 2, "80.25"), (40.0, "80.25"), (90.0 + SLACK, "90.00")],
)
def test_a_floor_only_rises(measured: float, floor: str) -> None:
    assert raised(FILE, measured + 1e-9) == FILE.replace("80.25", floor)


def test_branches_are_measured_and_a_floor_is_set() -> None:
    settings = configparser.ConfigParser()
    settings.read(TREE / ".coveragerc")
    assert settings["run"].getboolean("branch")
    assert settings["report"].getfloat("fail_under") > 50
