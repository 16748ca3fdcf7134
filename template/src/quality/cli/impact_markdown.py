"""What `impact` found as Markdown, for the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quality.cli.impact_answers import Impact, RuleImpact
from quality.cli.impact_page import BREAKING, HEADINGS, counts, details, headline, rows, shown, title, what, word
from quality.reporting.artifacts import cell

LONGEST = 30_000
"""Characters of the page; a comment of a pull request takes twice as many, for all that stands in it."""


def markdown(answer: Impact) -> str:
    """The answer as Markdown, cut where a comment would be too long for it."""
    lines, length = list[str](), 0
    every = list(_lines(answer))
    for number, line in enumerate(every):
        length += len(line) + 1
        if length > LONGEST:
            more = f"… and {len(every) - number:,} more lines: `nox -s impact` shows all of it."
            return "\n".join([*lines, "", more])
        lines.append(line)
    return "\n".join(lines)


def _lines(answer: Impact) -> Iterator[str]:
    yield "## Impact on data quality"
    yield from ("", f"{cell(headline(answer))}.")
    yield from (f"\n{cell(note)}." for note in answer.notes)
    for one in answer.datasets:
        yield from ("", f"### {cell(title(one))}", "")
        yield from (f"* **{BREAKING}**: {cell(said)}" for said in one.breaking)
        yield from (f"* {cell(said)}" for said in filter(None, (rows(one), *map(shown, one.fields))))
        if one.rules:
            yield from ("", f"| {' | '.join(HEADINGS)} |", "|---|---|---|---|--:|--:|")
            yield from (_row(rule) for rule in one.rules)
            yield ""
        yield from (f"* {cell(line)}" for line in details(one))


def _row(rule: RuleImpact) -> str:
    said = f"**{what(rule)}**" if rule.breaking else what(rule)
    cells: list[Any] = [cell(rule.rule), cell(word(rule.before)), cell(word(rule.after)), *counts(rule)]
    return f"| {said} | {' | '.join(cells)} |"
