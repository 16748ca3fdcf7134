"""The run of marks says what counting every mark says, while tables come, go, come back and are rewritten."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.file_states import run
from quality.file_states.ends import Marks
from quality.file_states.keys import SPREAD
from quality.file_states.ranges import ALL_MARKS, Run
from quality.file_states.run import again, before
from quality.file_states.spread import HERE
from quality.file_states.store import Store

Held = tuple[int, str, int]
"""A mark, the table that holds it, and its rows there."""
ROOM = 2**30


class Tables:
    """Tables of numbers in a store, and what repeats in some of them by counting every one."""

    def __init__(self, store: Store, told: bool = True) -> None:
        self.store, self.told, self.held = store, told, dict[str, list[int]]()

    def add(self, numbers: Sequence[int]) -> str:
        """Another table, under a name of its own; its ends are said where they are told."""
        name = f"t{len(self.held)}"
        self.held[name] = list(numbers)
        self._write(name)
        return name

    def _write(self, name: str) -> None:
        table = pl.DataFrame({"mark": sorted(map(mark, self.held[name]))}, {"mark": pl.UInt64})
        self.store.write(name, table, self.marks(name).about())

    def marks(self, name: str) -> Marks:
        """What is told of a table; where nothing is told, all may share a mark."""
        numbers = self.held[name]
        ends = [(min(numbers, default=None), max(numbers, default=None))] if self.told else []
        return Marks(len(numbers), [ends])

    def made(self, names: Sequence[str]) -> Mapping[str, Marks]:
        return {name: self.marks(name) for name in names}

    def repeated(self, names: Sequence[str]) -> set[Held]:
        counted = Counter((mark(number), name) for name in names for number in self.held[name])
        total = Counter[int]()
        for (one, _), rows in counted.items():
            total[one] += rows
        return {(one, name, rows) for (one, name), rows in counted.items() if total[one] > 1}


def mark(number: int) -> int:
    return number * SPREAD % ALL_MARKS


def told(found: pl.DataFrame) -> set[Held]:
    """What was found; nothing in it stands twice."""
    rows = found.select("mark", "name", "rows").rows()
    assert len(rows) == len(set(rows))
    return set(rows)


class Watched(Store):
    """A store that says which tables were scanned and written, and does something before that."""

    log: list[str] = []  # noqa: RUF012
    at: Callable[[str, str], None] = staticmethod(lambda what, name: None)

    def scan(self, name: str) -> pl.LazyFrame:
        self.log.append(f"scan {name}")
        type(self).at("scan", name)
        return super().scan(name)

    def write(self, name: str, table: pl.DataFrame, *more: Any, **how: Any) -> None:
        self.log.append(f"write {name}")
        type(self).at("write", name)
        super().write(name, table, *more, **how)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(Watched, "log", [])
    monkeypatch.setattr(Watched, "at", Watched.at)
    return Watched(str(tmp_path), "orders", "prod")


def made() -> int:
    """How often a run was made so far."""
    return Watched.log.count("write run.0")


NIGHTS = 40
WINDOW = 30
ROWS = 50


@pytest.mark.parametrize("ranges", [1, 3])
def test_a_window_that_moves_by_one_table_a_night_reads_only_what_came(store: Store, ranges: int) -> None:
    of, tables = random.Random(5), Tables(store, told=False)
    kept = Run("run", store, HERE, -(-WINDOW * ROWS * run.BYTES // ranges))
    names = [tables.add([of.randrange(9_000) for _ in range(ROWS)]) for _ in range(WINDOW)]
    again(kept, tuple(names), tables.made)
    of_run, marks_read, anew = set(names), 0, 0
    for _ in range(NIGHTS):
        names = [*names[1:], tables.add([of.randrange(9_000) for _ in range(ROWS)])]
        Watched.log.clear()
        assert told(again(kept, tuple(names), tables.made)) == tables.repeated(names)
        read = {line.removeprefix("scan ") for line in Watched.log if line.startswith("scan t")}
        marks_read += len(read) * ROWS
        if made():
            of_run, anew = set(names), anew + 1
        else:
            assert read == set(names) - of_run
    assert anew == NIGHTS // 8  # eight of thirty tables are more than a quarter
    assert marks_read < NIGHTS * WINDOW * ROWS / 3


def test_what_is_gone_leaves_marks_that_repeat_no_more(store: Store) -> None:
    tables, kept = Tables(store), Run("run", store, HERE, ROOM)
    one, two, three = tables.add([*range(100), 7, 8]), tables.add([1, 2, 2]), tables.add([1, 8])
    assert told(again(kept, (one, two, three), tables.made)) == tables.repeated([one, two, three])
    before_that = made()
    assert told(again(kept, (one, three), tables.made)) == {
        (mark(7), one, 2), (mark(8), one, 2), (mark(8), three, 1), (mark(1), one, 1), (mark(1), three, 1)
    }  # fmt: skip
    assert told(again(kept, (one,), tables.made)) == {(mark(7), one, 2), (mark(8), one, 2)}
    back = tables.add([2, 99])
    assert told(again(kept, (back, one), tables.made)) == tables.repeated([one, back])
    assert told(again(kept, (two, one, back), tables.made)) == tables.repeated([one, two, back])
    assert made() == before_that


def test_no_mark_of_the_run_is_read_where_tables_only_go(store: Store) -> None:
    tables, kept = Tables(store, told=False), Run("run", store, HERE, ROOM)
    names = [tables.add(range(3 * n, 3 * n + 4)) for n in range(9)]
    again(kept, tuple(names), tables.made)
    Watched.log.clear()
    assert told(again(kept, tuple(names[1:]), tables.made)) == tables.repeated(names[1:])
    assert not [line for line in Watched.log if line.startswith("scan")]


@pytest.mark.parametrize(("gone", "anew"), [(1, False), (2, False), (3, True), (8, True)])
def test_a_run_is_made_anew_once_more_than_a_quarter_of_it_is_gone(store: Store, gone: int, anew: bool) -> None:
    tables, kept = Tables(store), Run("run", store, HERE, ROOM)
    names = [tables.add(range(5 * n, 5 * n + 10)) for n in range(8)]
    again(kept, tuple(names), tables.made)
    first, left = made(), [*names[gone:], *([tables.add([])] if gone == 8 else [])]
    assert (before(kept, left) is None) == anew
    assert told(again(kept, tuple(left), tables.made)) == tables.repeated(left)
    assert (made() != first) == anew


@pytest.mark.parametrize("told_before", ["", "names", "counts", "ranges", "one count too few"])
def test_a_run_whose_notes_say_too_little_is_made_anew(store: Store, told_before: str) -> None:
    tables, kept = Tables(store), Run("run", store, HERE, ROOM)
    names = [tables.add(range(5 * n, 5 * n + 10)) for n in range(8)]
    again(kept, tuple(names), tables.made)
    about = {name: text for name, text in store.about("run.0").items() if name not in ("ARROW:schema", told_before)}
    if told_before == "one count too few":
        about["counts"] = about["counts"].partition(" ")[2]
    store.write("run.0", pl.read_parquet(store.place("run.0")), about if told_before else {})
    names.append(tables.add([3, 1_000]))
    first = made()
    assert told(again(kept, tuple(names), tables.made)) == tables.repeated(names)
    assert made() != first


@pytest.mark.parametrize("number", range(3))
def test_a_run_that_another_check_makes_meanwhile_is_not_taken_for_the_one_that_was_seen(
    store: Store, number: int
) -> None:
    tables = Tables(store, told=False)
    kept = Run("run", store, HERE, 80 * run.BYTES // 3 + 1)
    names = [tables.add(range(5 * n, 5 * n + 10)) for n in range(8)]
    again(kept, tuple(names), tables.made)
    other = tuple(names[::-2])

    def meanwhile(what: str, name: str) -> None:
        if (what, name) == ("scan", f"run.{number}"):
            Watched.at = staticmethod(lambda what, name: None)
            assert told(again(kept, other, tables.made)) == tables.repeated(other)

    Watched.at = staticmethod(meanwhile)
    names = [*names[1:], tables.add([7, 12, 33, 38, 500])]
    assert told(again(kept, tuple(names), tables.made)) == tables.repeated(names)


class History:
    """Names of tables that come, go, come back and are rewritten, several at once."""

    def __init__(self, of: random.Random, tables: Tables) -> None:
        self.of, self.tables, self.ids = of, tables, 0
        self.grows = of.random() < 0.3
        self.gone: list[str] = []
        self.names = [self.new() for _ in range(of.choice((3, 12, 25)))]

    def new(self) -> str:
        """A table of few numbers or of many, which are those of others, or follow them."""
        rows = self.of.choice((0, 1, 3, 10, 10, 30))
        self.ids += rows
        if self.grows:
            return self.tables.add(range(self.ids - rows, self.ids))
        return self.tables.add([self.of.randrange(self.of.choice((5, 400, 2**50))) for _ in range(rows)])

    def go(self) -> None:
        if len(self.names) > 1:
            self.gone.append(self.names.pop(self.of.randrange(len(self.names))))

    def step(self) -> None:
        for _ in range(self.of.choice((0, 1, 1, 2, 4))):
            what = self.of.choice(("come", "go", "back", "rewrite", "move", "window"))
            if what in ("go", "rewrite", "window"):
                self.go()
            if what in ("come", "rewrite", "window"):
                self.names.insert(self.of.randrange(len(self.names) + 1), self.new())
            if what == "back" and self.gone:
                self.names.append(self.gone.pop(self.of.randrange(len(self.gone))))
            if what == "move":
                self.of.shuffle(self.names)

    @property
    def asked(self) -> tuple[str, ...]:
        """All names; now and then those of a part."""
        some = self.of.random() < 0.15
        return tuple(name for name in self.names if not some or self.of.random() < 0.8) or tuple(self.names)


def fails(of: random.Random) -> Callable[[str, str], None]:
    """Raises at one of the next writes."""
    left = of.randrange(5)

    def fail(what: str, name: str) -> None:
        nonlocal left
        left -= what == "write"
        if left < 0:
            raise OSError(f"{name} cannot be written")

    return fail


def followed(seed: int, store: Store) -> Counter[str]:
    """Every night of a generated history is right; which of them made the run anew, and which had gone tables."""
    of, seen = random.Random(seed), Counter[str]()
    tables = Tables(store, told=of.random() < 0.5)
    history = History(of, tables)
    kept = Run("run", store, HERE, of.choice((ROOM, 100 * run.BYTES, 20 * run.BYTES)))
    idle: Any = staticmethod(lambda what, name: None)
    for night in range(12):
        names, so_far = history.asked, made()
        if of.random() < 0.1:
            Watched.at = staticmethod(fails(of))
            try:
                again(kept, names, tables.made)
            except OSError:
                seen["crashed"] += 1
            Watched.at = idle
        found = told(again(kept, names, tables.made))
        assert found == tables.repeated(names), f"seed {seed}, night {night}"
        known = before(kept, names)
        seen["kept" if made() == so_far else "anew"] += 1
        seen["with gone"] += known is not None and bool(known[0].gone(names)) and made() == so_far
        seen["in ranges"] += known is not None and known[0].ranges > 1
        history.step()
    return seen


@pytest.mark.parametrize("few", [1, 8])
def test_generated_histories_of_tables_repeat_what_counting_every_mark_says(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(run, "FEW", few)  # at 1, tables are merged in groups wherever there are several
    seen = sum((followed(seed, Watched(str(tmp_path / str(seed)), "a", "b")) for seed in range(12)), Counter[str]())
    assert min(seen[what] for what in ("kept", "anew", "with gone", "in ranges", "crashed")) > 2, seen
