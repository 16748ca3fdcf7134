"""Tests of yours: of the rules, sources and flows in src/domain, on rows that a test writes."""

from __future__ import annotations

from quality import CheckConfig, Status, check


def test_a_missing_number_fails() -> None:
    asked = CheckConfig().override(rules=[{"check": "not_null", "column": "number"}])
    assert check([{"number": 1}, {"number": None}], asked).status is Status.FAILED
