"""What `impact` found as Markdown, for the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quality.cli.comment import page
from quality.cli.impact_answers import Impact, RuleImpact
from quality.cli.impact_page import BREAKING, HEADINGS, counts, details, headline, rows, shown, title, what, word
from quality.reporting.artifacts import cell


def markdown(answer: Impact) -> str:
    """The answer as Markdown, cut where a comment would be too long for it."""
    return page(_lines(answer), "impact")


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
