"""A proposal as the part of a contract that a person reviews: a comment says what each rule stands on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from quality.engine.rule import Rule
from quality.learning.proposal import Proposal, written
from quality.texts import percent_of


def page(proposal: Proposal) -> str:
    """The key and the rules, as YAML."""
    key = [f"key: {flow(list(proposal.key))}\n"] if proposal.key else []
    return "".join((*key, "rules:\n", *(f"{line}\n" for rule in proposal.rules for line in lines(rule))))


def lines(rule: Rule) -> Iterator[str]:
    """A rule in a contract: a comment for people, then the rule."""
    if rule.learned is not None:
        yield f"  # {comment(rule)}"
    yield f"  - {flow(written(rule))}"


def comment(rule: Rule) -> str:
    """What a rule says, and on what it stands."""
    learned = rule.learned
    if learned is None:
        return rule.says()
    held = "held on rows that did not propose it" if learned.holds_out else "a first guess: no other rows told"
    room = f"; {percent_of(rule.max_failure_rate)} of rows may differ" if rule.max_failure_rate else ""
    return _spelled(" ".join(f"{rule.says()}{room}: {learned.why}; {held}".split()))


def flow(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{plain(name)}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _spelled(json.dumps(value, ensure_ascii=False))


def plain(name: str) -> str:
    """A name that YAML reads as this text."""
    is_plain = name.isidentifier() and name.isascii() and name.lower() not in WORDS
    return name if is_plain else _spelled(json.dumps(name, ensure_ascii=False))


def _spelled(text: str) -> str:
    """The text with what nobody sees, and what no YAML may hold, as a quoted text has it: U+202E is `\\U0000202e`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text)


WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""What YAML may take for something else than a word."""
