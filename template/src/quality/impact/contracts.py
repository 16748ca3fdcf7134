"""Contracts of a commit and of this tree, side by side: datasets that come, go, are renamed or promise otherwise."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from quality.contract import project
from quality.contract.contract import Contract, load_contract
from quality.errors import ConfigurationError
from quality.impact.bounds import OTHER, Way, upper
from quality.impact.commits import Commit, contracts
from quality.impact.rules import Difference, Pair, compared
from quality.sources import Source
from quality.texts import many, nearest

FIELDS = ("source", "sources", "key", "sensitive", "quarantine", "warning_threshold", "allow_empty")
"""Fields of a contract, beside its rules, that decide what is judged and what is told of it."""


class Side(NamedTuple):
    """A contract of one side, or why it cannot be read."""

    contract: Contract | None = None
    problem: str | None = None


class Change(NamedTuple):
    """A dataset whose contract differs: both sides, and what became of its rules, its fields and its columns."""

    dataset: str
    was: str | None
    before: Contract | None
    after: Contract | None
    rules: tuple[Pair, ...] = ()
    fields: tuple[Difference, ...] = ()
    columns: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def breaking(self) -> Iterator[str]:
        """What whoever relies on the data loses, a sentence each."""
        if self.after is None and self.before is not None:
            yield f"the dataset {self.dataset} is removed, with its {many(len(self.before.rules), 'rule')}"
            return
        if self.was is not None:
            yield f"the dataset {self.was} is removed: it is called {self.dataset} now"
        yield from (f"the column {name} is no longer declared" for name in self.columns)
        for pair in self.rules:
            if pair.is_breaking:
                yield f"the rule {pair.rule.title} is {'removed' if pair.after is None else _less(pair)}"
        yield from (f"{one.field} is loosened" for one in self.fields if one.way.looser)


def _less(pair: Pair) -> str:
    lost = ", ".join(one.field for one in pair.differences if one.way.looser)
    return f"loosened ({lost})"


def changes(root: Path, commit: Commit, asked: Iterable[str]) -> Iterator[Change]:
    """Each dataset asked for whose contract says something else in this tree than at the commit, by name.

    ConfigurationError for one that is on neither side.
    """
    then, now = contracts(root, commit), _here(root)
    known = sorted({*then, *now})
    for name in asked or ():
        if name not in known:
            raise ConfigurationError(f"there is no dataset '{name}', here or in {commit.asked}; {nearest(name, known)}")
    differ = [name for name in known if name not in then or name not in now or _lines(then[name]) != now[name]]
    before, after = _read(then, commit, differ), {name: _side(name) for name in differ if name in now}
    renamed = _renamed(before, after)
    wanted = {*asked} or {*known}
    for name in differ:
        old = next((was for was, called in renamed.items() if called == name), None)
        if name not in renamed and wanted & {name, old}:
            yield from _change(name, old, before.get(old or name), after.get(name))


class Contracts:
    """The contracts of a commit, of which those of some datasets are read."""

    def __init__(self, root: Path, commit: Commit, datasets: Iterable[str]) -> None:
        self.commit, written = commit, contracts(root, commit)
        self.names = tuple(written)
        self._sides = _read(written, commit, datasets)

    def of(self, dataset: str) -> Contract:
        """ConfigurationError where the dataset has none there, or one that is wrong."""
        if dataset not in self.names:
            raise ConfigurationError(f"{self.commit.asked} has no dataset '{dataset}'; {nearest(dataset, self.names)}")
        side = self._sides[dataset]
        if side.contract is None:
            raise ConfigurationError(str(side.problem))
        return side.contract


def _lines(written: bytes) -> bytes:
    """A text whose lines end as git has them."""
    return written.replace(b"\r\n", b"\n")


def _here(root: Path) -> dict[str, bytes]:
    """The contracts of this tree as they are written; of one that cannot be read, nothing."""
    found = dict.fromkeys(project.datasets(), b"")
    for name in found:
        with suppress(OSError):
            found[name] = _lines((root / "datasets" / f"{name}.yml").read_bytes())
    return found


def _read(written: Mapping[str, bytes], commit: Commit, names: Iterable[str]) -> dict[str, Side]:
    """The contracts of a commit by today's words; all lie beside each other, as each may name others."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "datasets")
        folder.mkdir()
        for name, text in written.items():
            (folder / f"{name}.yml").write_bytes(text)
        return {name: _load(folder / f"{name}.yml", commit) for name in names if name in written}


def _load(path: Path, commit: Commit) -> Side:
    try:
        return Side(load_contract(path))
    except ConfigurationError as error:
        return Side(problem="\n".join(f"{commit.asked}: {line}" for line in str(error).splitlines()))


def _side(name: str) -> Side:
    try:
        return Side(project.contract(name))
    except ConfigurationError as error:
        return Side(problem=str(error))


def _renamed(before: Mapping[str, Side], after: Mapping[str, Side]) -> dict[str, str]:
    """Datasets that are gone, with the one of their source that came: each the only one of it."""
    gone, new = (_sources(one, other) for one, other in ((before, after), (after, before)))
    return {gone[place]: new[place] for place in gone.keys() & new.keys()}


def _sources(sides: Mapping[str, Side], others: Mapping[str, Side]) -> dict[str, str]:
    """The dataset of each source that only one dataset of this side alone has."""
    found: dict[str, list[str]] = {}
    for name, side in sides.items():
        if name not in others and side.contract is not None:
            found.setdefault(said(side.contract.source), []).append(name)
    return {place: names[0] for place, names in found.items() if len(names) == 1}


def said(source: Source | None) -> str:
    """A source as one text, equal for equal ones."""
    return json.dumps(source and source.model_dump(mode="json"), sort_keys=True)


def _change(name: str, was: str | None, before: Side | None, after: Side | None) -> Iterator[Change]:
    """What differs; nothing where only words do that decide nothing, such as comments."""
    wrong = "\n".join(side.problem for side in (before, after) if side is not None and side.problem)
    if wrong:
        yield Change(name, was, None, None, problem=wrong)
        return
    old, new = (side.contract if side is not None else None for side in (before, after))
    pairs = compared(old.rules if old else (), new.rules if new else ())
    fields = tuple(_fields(old, new)) if old and new else ()
    there = {*declared(new)}
    gone = tuple(dict.fromkeys(name for name in declared(old) if name not in there)) if old and new else ()
    if pairs or fields or gone or was or not old or not new:
        yield Change(name, was, old, new, tuple(pairs), fields, gone)


def _fields(before: Contract, after: Contract) -> Iterator[Difference]:
    one, other = (contract.model_dump(mode="json", include={*FIELDS}) for contract in (before, after))
    for field in FIELDS:
        yield from _differences(field, one[field], other[field])


def _differences(field: str, before: Any, after: Any) -> Iterator[Difference]:
    """What differs in a field; of one with fields of its own, which of those."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(f"{field}.{name}", before.get(name), after.get(name))
    elif before != after:
        yield Difference(field, before, after, _way(field, before, after))


def _way(field: str, before: Any, after: Any) -> Way:
    if field == "warning_threshold":
        return upper(before or 0, after or 0)
    return Way(after, before) if field == "allow_empty" else OTHER


def declared(contract: Contract | None) -> Iterator[str]:
    """The columns that a contract says are there: with a dtype or a date in its source, or by a rule of their own."""
    if contract is None:
        return
    for field in ("dtypes", "dates"):
        yield from getattr(contract.source, field, None) or ()
    for rule in contract.rules:
        if rule.check == "schema":
            yield from getattr(rule, "columns", ())
        elif rule.check in ("column_exists", "dtype"):
            yield from rule.subjects or (getattr(rule, "column", ""),)
