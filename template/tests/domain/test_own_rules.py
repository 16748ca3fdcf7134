"""Tests of your own: what only this domain knows. `tests/quality/` checks your contracts and deployments already."""

from __future__ import annotations

from domain.rules import RULES
from domain.sources import SOURCES


def test_every_rule_and_source_of_ours_says_what_it_is() -> None:
    for one in (*RULES, *SOURCES):
        assert one.__doc__, f"{one.__name__} needs a docstring: messages and docs/rules.md show its first line"
