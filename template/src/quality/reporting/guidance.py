"""What to do about a verdict, and in which order to look at what it says."""

from __future__ import annotations

import shlex
from urllib.parse import quote

from quality.engine.judge import MASK as HIDDEN
from quality.masking import MASK
from quality.result import CheckResult, RuleResult
from quality.values import Severity, Status

VALUE = "VALUE"
ORDER = (Status.ERROR, Status.FAILED, Status.WARNING, Status.SKIPPED, Status.PASSED)
"""Worst first."""
NEXT: dict[Status, str] = {
    Status.PASSED: "Nothing.",
    Status.WARNING: "No run was stopped. Look at the rules below; fix the data, or change the rule in the contract.",
    Status.FAILED: "Fix the data at its source, or change the rule in the contract; then run the check again.",
    Status.SKIPPED: "No row was judged. Find out why the data is empty; `allow_empty: true` says that it may be.",
    Status.ERROR: "The data could not be judged. Fix what is named here; then run the check again.",
}


def again(result: CheckResult) -> str | None:
    """The command that judges the same dataset again; None where nothing is to be done or no contract is known."""
    about = result.metadata
    if result.status is Status.PASSED or about.environment is None:
        return None
    return f"nox -s task -- {about.dataset} --env {about.environment}{alone(about.partition)}"


def alone(partition: str | None) -> str:
    """The words of a command that ask for one partition, as a shell takes them; none for the whole.

    A value that may not be shown is to be written by who runs it: no command with a mask in it would find its rows.
    """
    if not partition:
        return ""
    asked = partition.replace(HIDDEN, VALUE).replace(MASK, VALUE)
    told = "" if asked == partition else f" # {VALUE}: a value that is not shown here"
    return f" --partition {shlex.quote(_typed(asked))}{told}"


def _typed(partition: str) -> str:
    """The text without what a page hides or a terminal obeys: such characters as folders write them, `%C2%A0`."""
    kept = (char.isprintable() and partition[number : number + 2] != "  " for number, char in enumerate(partition))
    return "".join(char if plain else quote(char, safe="") for char, plain in zip(partition, kept, strict=True))


def ranked(result: CheckResult) -> list[RuleResult]:
    """The rules, worst first: by verdict, then by severity."""
    severities = list(Severity)
    return sorted(result.rules, key=lambda rule: (ORDER.index(rule.status), severities.index(rule.severity)))


def not_passed(result: CheckResult) -> list[RuleResult]:
    """The rules that do not hold or could not be judged, worst first."""
    return [rule for rule in ranked(result) if rule.status not in (Status.PASSED, Status.SKIPPED)]


def sample_columns(rule: RuleResult) -> list[str]:
    """The columns of failing rows: those the rule is about, then those that name the row."""
    return sorted(rule.samples[0], key=lambda name: name not in rule.columns)
