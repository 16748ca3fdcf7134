"""A contract that is there, reviewed by what its data says now: shown as a table, written where that is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from quality import checking
from quality.cli.answers import Changed
from quality.cli.learn import proposal
from quality.contract import project
from quality.contract.contract import Contract, parse_source
from quality.engine.judge import judge
from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.learning import edits
from quality.learning.proposal import written
from quality.learning.review import Change, broken, review
from quality.reporting.console import out, plain
from quality.sources import Source
from quality.texts import many, percent_of

COLOURS = {"added": "green", "widened": "yellow", "dropped": "yellow", "changed": "cyan", "yours": "bold red"}
YOURS = "a person wrote it, so it stays: correct the data, or the rule by hand"


class Review(NamedTuple):
    """What would change in a contract: its rules, and by name its fields, each with what it is now."""

    rows: int
    changes: tuple[Change, ...]
    fields: dict[str, tuple[Any, Any]]

    @property
    def is_open(self) -> bool:
        """Whether there is anything that could be accepted."""
        return bool(self.fields) or any(change.what != "yours" for change in self.changes)


def reviewed(name: str, given: dict[str, Any], moves: bool, accept: bool) -> tuple[Changed, ...]:
    """What data says otherwise than the contract of a dataset; written there where that is accepted.

    `given` is the source that was asked for; where it is not the contract's, `moves` says that it is to be.
    """
    path = project.root() / "datasets" / f"{name}.yml"
    contract = project.contract(name)
    found = _review(contract, _source(contract, given, moves))
    _say(path, found)
    if accept and found.is_open:
        edits.apply(path, found.changes, {field: now for field, (_, now) in found.fields.items()}, found.rows)
    elif found.is_open:
        out.print(plain(f"\nnothing was written: give `--accept` too, and datasets/{path.name} says so"))
    return (*_told(found),)


def _source(contract: Contract, given: dict[str, Any], moves: bool) -> Source:
    """The contract's own source, with all that people wrote of it, where the same place is meant."""
    asked, mine = parse_source(given), contract.source.model_dump()
    said = asked.model_dump(exclude_unset=True)
    if all(_place(mine.get(field)) == _place(value) for field, value in said.items()):
        return contract.source
    if not moves:
        raise ConfigurationError(
            f"datasets/{contract.dataset}.yml is there already, for {contract.source.describe()}; give this one "
            f"another name after its path, or that name to see what would change there"
        )
    return asked


def _place(value: Any) -> Any:
    """The same text for the same place, as a shell or a contract writes it."""
    if not isinstance(value, str) or "://" in value:
        return value
    return (project.root() / (Path(value).expanduser() if value.startswith("~/") else value)).as_posix()


def _review(contract: Contract, source: Source) -> Review:
    config = project.load(contract.dataset).model_copy(update={"source": source})
    found, told = proposal(config)
    config = config.model_copy(update={"source": told or source})
    broke = broken(judge(config, checking.open_source(None, config).frame), config.rules)
    fields: dict[str, tuple[Any, Any]] = {}
    was, now = (one.model_dump(mode="json", exclude_defaults=True) for one in (contract.source, told or source))
    if was != now:
        fields["source"] = (was, now)
    if found.key and not contract.key:
        fields["key"] = (None, list(found.key))
    return Review(found.rows, (*review(config.rules, found.rules, broke),), fields)


def _told(found: Review) -> list[Changed]:
    told = [
        Changed(what=one.what, before=_written(one.before), after=_written(one.after), why=one.why)
        for one in found.changes
    ]
    return [*(Changed(what="changed", before={n: a}, after={n: b}, why=n) for n, (a, b) in found.fields.items()), *told]


def _written(rule: Rule | None) -> dict[str, Any] | None:
    return written(rule) if rule is not None else None


def _say(path: Path, found: Review) -> None:
    where = f"datasets/{path.name}"
    if not found.changes and not found.fields:
        out.print(
            plain(f"{where}: nothing to change; learned from {many(found.rows, 'row')}", style="green"), soft_wrap=True
        )
        return
    out.print(plain(f"{where}: what differs, as learned from {many(found.rows, 'row')}\n"), soft_wrap=True)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("", "in the contract", "as learned now", "why"):
        table.add_column(heading, overflow="fold")
    for field, (was, now) in found.fields.items():
        table.add_row(plain("changed", style="cyan"), plain(f"{field}: {was}"), plain(f"{field}: {now}"), "")
    for one in found.changes:
        before, after = (plain(_named(rule)) for rule in (one.before, one.after))
        why = f"{one.why}; {YOURS}" if one.what == "yours" else one.why
        table.add_row(plain(one.what, style=COLOURS[one.what]), before, after, plain(why))
    out.print(table)


def _named(rule: Rule | None) -> str:
    """A rule's name, with the rows that may break it."""
    if rule is None:
        return ""
    return rule.title + (f", but for {percent_of(rule.max_failure_rate)} of rows" if rule.max_failure_rate else "")
