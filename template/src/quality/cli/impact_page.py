"""What `impact` found as people read it: its words, and tables at a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from quality.cli.impact_answers import DatasetImpact, FieldChange, Impact, RuleImpact, Verdict
from quality.drift.finding import as_json
from quality.reporting.console import COLOURS, plain
from quality.texts import json_value, many
from quality.values import Severity, Status

BREAKING = "breaking for consumers"
HEADINGS = ("", "rule", "before", "after", "newly failing", "newly passing")
LONG, LEAD = 160, 40
"""Characters of a value, and of those before the first one in which two long values differ."""
WAYS = {"added": "green", "removed": "bold red", "loosened": "yellow", "tightened": "cyan", "changed": "cyan"}


def tables(answer: Impact) -> Iterator[Text | Table]:
    """The answer for a terminal: of each dataset what breaks, its verdicts, and its rules."""
    yield plain(headline(answer), style="bold red" if answer.breaking or answer.exit_code else "green")
    for note in answer.notes:
        yield plain(note, style="dim")
    for one in answer.datasets:
        yield plain(f"\n{title(one)}", style="bold")
        yield from (plain(f"{BREAKING}: {said}", style="bold red") for said in one.breaking)
        if (said := rows(one)) is not None:
            yield plain(said)
        yield from (plain(f"{shown(field)}", style="cyan") for field in one.fields)
        if one.rules:
            yield _table(one.rules)
        yield from (plain(line, style="dim") for line in details(one))


def headline(answer: Impact) -> str:
    """The whole in one line."""
    where = f"{answer.compared_with} ({(answer.commit or '')[:10]})"
    if not answer.datasets:
        return f"no contract differs from {where}"
    count, broken = len(answer.datasets), sum(len(one.breaking) for one in answer.datasets)
    unread = sum(one.what is None for one in answer.datasets)
    said = [f"{count} {'contracts differ' if count != 1 else 'contract differs'} from {where}"]
    said += [f"{unread} of them could not be compared"] if unread else []
    changes, nothing = "changes are" if broken != 1 else "change is", "nothing else is" if unread else "nothing is"
    if broken or unread < count:
        said.append(f"{broken} {changes} {BREAKING}" if broken else f"{nothing} {BREAKING}")
    return "; ".join(said)


def title(one: DatasetImpact) -> str:
    """A dataset, what became of it, and its verdict on either side."""
    became = f"renamed, was {one.was}" if one.what == "renamed" else one.what or "not compared"
    verdicts = " → ".join(str(status or "none") for status in (one.status_before, one.status_after))
    judged = one.status_before or one.status_after
    return f"{one.dataset} in {one.environment} ({became})" + (f": {verdicts}" if judged else "")


def rows(one: DatasetImpact) -> str | None:
    """Of how many rows how many break a rule, and how many change sides."""
    if one.problem is not None:
        return f"{'not compared' if one.what is None else 'not judged'}: {one.problem}"
    said = [] if one.rows is None else [many(one.rows, "row")]
    both = [(one.failing_before, "before"), (one.failing_after, "after")]
    said += [f"{count:,} break a rule {when}" for count, when in both if count is not None]
    if one.newly_failing is not None and one.newly_passing is not None:
        said += [f"{one.newly_failing:,} newly failing", f"{one.newly_passing:,} newly passing"]
    return "; ".join([*said, *([one.note] if one.note else [])]) or None


def details(one: DatasetImpact) -> Iterator[str]:
    """What the table has no room for: fields that differ, and why rows are not told apart."""
    for rule in one.rules:
        said = [shown(field) for field in rule.fields] + ([f"rows: {rule.note}"] if rule.note else [])
        if said:
            yield f"{rule.rule}: {'; '.join(said)}"


def shown(field: FieldChange) -> str:
    """A field before and after, and which way it changed."""
    way = " and ".join(word for word, is_so in (("looser", field.looser), ("tighter", field.tighter)) if is_so)
    one, other = _cut(_text(field.before), _text(field.after))
    return f"{field.field}: {one} → {other}" + (f" ({way})" if way else "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=json_value)


def _cut(one: str, other: str) -> Iterator[str]:
    """Long texts from shortly before where they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    same = next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))
    start = max(0, same - LEAD) if max(len(one), len(other)) > LONG else 0
    for text in (one, other):
        shown = f"{'…' if start else ''}{text[start:]}"
        yield shown if len(shown) <= LONG else f"{shown[:LONG]}…"


def word(verdict: Verdict | None) -> str:
    """A verdict, with the severity that softens it, and the rows that break the rule or the number that was judged."""
    if verdict is None:
        return ""
    soft = verdict.status is Status.FAILED and verdict.severity is not Severity.ERROR
    said = f"{verdict.status} ({verdict.severity})" if soft else str(verdict.status)
    if verdict.value is not None:
        return f"{said}, {as_json(verdict.value)}"
    return f"{said}, {verdict.failing:,} of {verdict.judged:,}" if verdict.judged > 1 else said


def counts(rule: RuleImpact) -> Iterator[str]:
    """The rows that newly fail and newly pass; a question mark where no row is told apart."""
    for count in (rule.newly_failing, rule.newly_passing):
        yield "?" if count is None else f"{count:,}"


def what(rule: RuleImpact) -> str:
    """What became of a rule, and whether that breaks a promise."""
    return f"{rule.what}, breaking" if rule.breaking else rule.what


def _table(rules: Iterable[RuleImpact]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, overflow="fold", justify="right" if number > 3 else "left")
    for rule in rules:
        style = "bold red" if rule.breaking else WAYS[rule.what]
        verdicts = (plain(word(one), style=COLOURS[one.status] if one else "") for one in (rule.before, rule.after))
        table.add_row(plain(what(rule), style=style), plain(rule.rule), *verdicts, *counts(rule))
    return table
