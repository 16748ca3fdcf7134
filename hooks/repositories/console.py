"""The report at a terminal: a table of repositories, the worst first, then what most of them have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from quality.texts import many
from repositories.card import Card
from repositories.report import Report, rungs, trend

COLOURS = {"current": "green", "behind": "yellow", "needs trust": "yellow"}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def words(value: object, style: str = "") -> Text:
    """A text from a repository that moves no cursor and opens no markup."""
    return Text(CONTROL.sub("�", str(value)), style=style)


def show(report: Report, console: Console) -> None:
    """The repositories, the files that differ most often, the releases, and what there is to do."""
    count = "1 repository" if len(report.cards) == 1 else f"{len(report.cards)} repositories"
    table = Table(title=f"{count}, newest release {report.template.newest.tag}", expand=False)
    for name in ("domain", "owner", "release", "behind", "state", "drift", "rungs", "trend"):
        table.add_column(name, overflow="fold")
    for card in report.cards:
        table.add_row(*_row(card))
    console.print(table)
    twins = report.twins()
    for card in report.cards:
        if card.failed:
            first, name = card.failed[0], card.repository if card.domain in twins else card.name
            console.print(words(f"first in {name}: {first.seen}; {first.fix}"), soft_wrap=True)
    for name, there in twins.items():
        said = f"{name} is the domain of {len(there)} repositories, which take each other's blocks and deployments on "
        console.print(words(f"{said}one server; call all but one otherwise: {', '.join(there)}"), soft_wrap=True)
    for row in report.by_file()[:5]:
        console.print(words(f"{row['file']} differs in {row['repositories']} of {len(report.cards)} repositories"))
    said = ", ".join(f"{count} {flag}" for flag, count in report.counts().items())
    console.print(words(said or "Nothing to do: every check of every repository is met."))


def _row(card: Card) -> Iterator[Text]:
    behind = f"{many(card.releases_behind, 'release')}, {many(card.days_behind, 'day')}" if card.releases_behind else ""
    yield words(card.name)
    yield words(card.owner)
    yield words(card.release)
    yield words(behind)
    yield words(card.state, COLOURS.get(card.state, "red"))
    yield words(card.drift.words())
    yield words(rungs(card))
    yield words(trend(card))


@contextmanager
def progress(console: Console, total: int, what: str) -> Iterator[Progress]:
    """A bar while repositories are read; nothing where nobody looks."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task(what, total=total)
        yield bar
