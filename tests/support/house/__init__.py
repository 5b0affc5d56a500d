"""The rules of the house: functions from a source tree to a list of violations. tests/unit/test_house.py holds them."""
