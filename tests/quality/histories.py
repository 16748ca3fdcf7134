"""Generated histories of many files: appended, rewritten, deleted, moved in time, and judged by rules that change.

`python tests/quality/histories.py --cases 10000 --seed 7` compares a check with kept states with one that reads all.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.errors import ConfigurationError
from quality.file_states import ends, keys, run
from quality.rules import uniqueness

NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When clocks go back in Berlin."""
EPOCH_NS = 1_795_737_600_000_000_000
"""The beginning of 2026-11-27, in nanoseconds."""
SCHEMA = {
    "i": pl.Int64(),
    "k": pl.Int32(),
    "f": pl.Float64(),
    "t": pl.String(),
    "d": pl.Date(),
    "m": pl.Datetime("us", "UTC"),
    "n": pl.Datetime("ns"),
    "z": pl.Datetime("us", "Europe/Berlin"),
    "h": pl.Time(),
    "c": pl.Decimal(20, 2),
    "b": pl.Boolean(),
    "e": pl.Enum(["low", "mid", "high"]),
    "g": pl.Categorical(),
}
PLAIN = ("i", "k", "f", "t", "d", "b")
"""Columns that text files have too."""
DTYPES = {"i": "Int64", "k": "Int32", "f": "Float64", "t": "String", "d": "Date", "b": "Boolean"}
SUFFIXES = ("parquet", "parquet", "parquet", "csv", "ndjson", "arrow")
NARROW = 2**22
"""So many bytes for a mark leave room for 64 of them: keys are merged in ranges, and small files before that."""
BROAD = 2**40
"""So many bytes for a row fit no budget: a pass takes no marks along."""
LASTING = 2.0
"""A run is kept whatever comes and goes."""
CLOSE = 3, 1, 3, 1.0
"""Most rows lie close together, so that of a few some are far off; and tables near by are read instead of the run."""
FEW_MARKS = 2**58
"""Marks divided by so much are 64, so that many keys have one of them."""
CONDITIONS = (
    "k > 5 OR t = 'a'", "i - k >= 0", "k * k <= i + 3", "ABS(i) - LENGTH(t) > 0", "d <= DATE '2026-11-27'",
    "k / 4 <= f", "k > 10", "t = 'a' OR f > 0", "i IS NOT NULL", "n > d", "n - d < INTERVAL '1 day'", "z >= d", "z > m",
    "GREATEST(m, z) <> m", "c * k >= c", "d + INTERVAL '9 hours' > n",
)  # fmt: skip
"""Of single letters; some are about columns that text files do not have."""
EVOLUTION = ("new_columns", "missing_columns", "wider_numbers", "time_units")
DAYS = ("day=2026-11-25", "day=2026-11-26", "day=2026-11-27", "day=__HIVE_DEFAULT_PARTITION__")
STEPS = (
    "append", "append", "append", "append", "rewrite", "rewrite", "rewrite", "delete", "delete", "swap", "link",
    "rules", "rules", "reference", "reference", "sensitive", "nothing", "clock", "odd", "odd", "aside", "way", "move",
)  # fmt: skip
Row = dict[str, Any]


def value(of: random.Random, column: str, dirt: float) -> Any:
    if of.random() < dirt:
        return None
    number = of.choice((of.randrange(-9, 9), of.randrange(-1000, 1000), of.randrange(-(2**40), 2**40)))
    odd = of.choice((float("nan"), float("inf"), -float("inf"), -0.0, 1e300)) if of.random() < 0.05 else None
    made: dict[str, Callable[[], Any]] = {
        "i": lambda: number,
        "k": lambda: of.randrange(40),
        "f": lambda: odd if odd is not None else of.randrange(-400, 400) / 4,
        "t": lambda: of.choice(("a", "b", "a b", "é", "x" * of.randrange(1, 9), "a@b.co", "-1", "2024-01-05")),
        "d": lambda: date(2026, 11, 27) + timedelta(days=of.randrange(-9, 9)),
        "m": lambda: NOW + timedelta(hours=of.randrange(-90, 60), microseconds=of.randrange(3)),
        "n": lambda: EPOCH_NS + 3_600_000_000_000 * of.randrange(-90, 60) + of.choice((0, 0, 1, 999, 1_000)),
        "z": lambda: BACK + timedelta(minutes=30 * of.randrange(-4, 4)),
        "h": lambda: 3_600_000_000_000 * of.randrange(24) + of.choice((0, 0, 1, 1_000)),
        "c": lambda: Decimal(of.randrange(-(10**6), 10**6)) / 4,
        "b": lambda: of.random() < 0.7,
        "e": lambda: of.choice(("low", "mid", "high")),
        "g": lambda: of.choice(("red", "blue", f"colour {of.randrange(5)}")),
    }
    return made[column]()


def rows(of: random.Random, columns: tuple[str, ...], night: int | None = None) -> pl.DataFrame:
    """A file's rows: clean or dirty, sorted or not, now and then none at all; of one night most hold its day."""
    height = of.choice((0, 1, 2, 5, 20, 60))
    dirt, unique = of.choice((0.0, 0.1, 0.5)), of.random() < 0.5
    start = of.randrange(10**6)
    held: dict[str, list[Any]] = {name: [value(of, name, dirt) for _ in range(height)] for name in columns}
    if unique and "i" in held:
        held["i"] = list(range(start, start + height))
    if night is not None:
        _of_night(of, held, night, height)
    if of.random() < 0.3 and "d" in held:
        held["d"] = sorted(held["d"], key=lambda day: (day is None, day))
    return pl.DataFrame([_column(name, held[name]) for name in columns])


def _column(name: str, values: list[Any]) -> pl.Series:
    """Moments of a zone as those of UTC; those that Python has no nanoseconds for, as numbers."""
    if isinstance(dtype := SCHEMA[name], pl.Datetime) and dtype.time_zone:
        return pl.Series(name, values, pl.Datetime("us", "UTC")).dt.convert_time_zone(dtype.time_zone)
    return (
        pl.Series(name, values, pl.Int64).cast(dtype) if name in "nh" else pl.Series(name, values, dtype, strict=False)
    )


def _of_night(of: random.Random, held: dict[str, list[Any]], night: int, height: int) -> None:
    """Keys that lie apart from those of other nights, but for a few."""
    of_night: dict[str, Callable[[], Any]] = {
        "i": lambda: 100 * night + of.randrange(90),
        "d": lambda: date(2026, 11, 1) + timedelta(days=night),
        "m": lambda: NOW + timedelta(days=night, hours=of.randrange(23)),
        "t": lambda: f"order-2026-{night:04}-{of.randrange(30)}",
    }
    stray = of.choice((0.0, 0.0, 0.1))
    for name in of_night.keys() & held.keys():
        held[name] = [old if of.random() < stray else of_night[name]() for old in held[name]]


def write(frame: pl.DataFrame, path: Path, since: int = 0) -> None:
    """Writes a file, so many nanoseconds ago; what was written just now is looked at again after a moment."""
    _write(frame, path)
    if since:
        os.utime(path, ns=(time.time_ns() - since,) * 2)


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.write_parquet(path, row_group_size=16)
    elif path.suffix == ".arrow":
        frame.write_ipc(path)
    elif path.suffix == ".csv":
        frame.with_columns(selectors.float().cast(pl.String)).write_csv(path)
    else:
        plain = frame.with_columns(selectors.float().fill_nan(None))
        lines = [json.dumps(row, default=str) for row in plain.rows(named=True)]
        path.write_text("".join(f"{line}\n" for line in lines).replace("Infinity", "1e9"), "utf-8")


def odd(of: random.Random, frame: pl.DataFrame) -> pl.DataFrame:
    """A file as no other one is: a column gone, new, elsewhere, of another dtype, or of values that are none of it."""
    column = of.choice(frame.columns)
    few = frame["k"].cast(pl.String).replace(["7", "8"], ["seven", ""])
    made: tuple[Callable[[], pl.DataFrame], ...] = (
        lambda: frame.drop(column),
        lambda: frame.with_columns(x=pl.lit(1)),
        lambda: frame.select(reversed(frame.columns)),
        lambda: frame.with_columns(pl.col("k").cast(pl.Int64), pl.col("f").cast(pl.Float32)),
        lambda: frame.with_columns(pl.lit(None, pl.Null).alias(column)),
        lambda: frame.with_columns(few),
        lambda: frame.with_columns(pl.col("d").cast(pl.Datetime("ms"))),
        lambda: frame.rename({column: column.upper()}),
        frame.clear,
    )
    return of.choice(made)()


def reference(of: random.Random) -> pl.DataFrame:
    """What rules refer to: mostly a key of numbers, now and then of texts, with nulls, with other columns, or empty."""
    frame = rows(of, ("k", "f"))
    whole = frame.with_columns(pl.col("k").fill_null(1))
    others = (frame, whole.clear(), whole.cast({"k": pl.Int64}), whole.cast({"k": pl.String}), whole.drop("f"))
    return of.choice((whole, whole, whole, whole, *others))


def damage(of: random.Random, folder: Path) -> str:
    """Something happens to what is kept: a table is cut, emptied, gone, a folder, or has another byte."""
    tables = sorted(file for file in folder.rglob("*") if file.is_file())
    if not tables:
        return "nothing is kept"
    table, kind = of.choice(tables), of.choice(("cut", "emptied", "gone", "a folder", "another byte", "all gone"))
    held = table.read_bytes()
    if kind == "cut":
        table.write_bytes(held[: of.randrange(len(held))] if held else b"")
    elif kind == "emptied":
        table.write_bytes(b"")
    elif kind == "another byte" and held and not table.name.startswith("run."):
        at = of.randrange(len(held))
        table.write_bytes(held[:at] + bytes([held[at] ^ 1 << of.randrange(8)]) + held[at + 1 :])
    elif kind == "all gone":
        shutil.rmtree(folder)
    elif kind in ("gone", "a folder"):
        table.unlink()
        if kind == "a folder":
            table.mkdir()
    return f"{table.name.partition('.')[0][:8]} {kind}"


def rule(of: random.Random, columns: tuple[str, ...]) -> Row:
    """Any rule, about any column that it can judge or not, with any of the fields that every rule takes."""
    column, other = of.choice(columns), of.choice(columns)
    number = of.choice([name for name in ("i", "k", "f", "c") if name in columns])
    moment = of.choice([name for name in ("d", "m", "n", "z") if name in columns])
    low = of.randrange(-500, 100)
    kinds: tuple[Row, ...] = (
        {"check": "not_null", "column": column},
        {"check": "not_empty", "column": "t"},
        {"check": "unique", "column": column},
        {"check": "unique", "column": "i"},
        {"check": "unique_combination", "columns": sorted({column, other})},
        {"check": "primary_key", "columns": sorted({"i", other})},
        {"check": "in_set", "column": "t", "values": ["a", "b", "é"]},
        {"check": "in_range", "column": number, "min": low, "max": low + of.randrange(1, 900)},
        {"check": "greater_than", "column": number, "value": low},
        {"check": "non_negative", "column": number},
        {"check": "regex", "column": "t", "pattern": r"^\w+$"},
        {"check": "email_format", "column": "t"},
        {"check": "length", "column": "t", "min": 1, "max": 4},
        {"check": "date_format", "column": "t", "format": "YYYY-MM-DD"},
        {"check": "not_future", "column": moment},
        {"check": "not_past", "column": moment},
        {"check": "freshness", "column": moment, "max_age": "2d"},
        {"check": "increasing", "column": column, "strict": of.random() < 0.5},
        {"check": "decreasing", "column": "d"},
        {"check": "z_score_outlier", "column": number, "threshold": of.choice((0.5, 2.0, 3.0))},
        {"check": "foreign_key", "column": "k", "reference": "reference.parquet", "reference_column": "k"},
        {"check": "expression", "expression": "k > 5 OR t = 'a'"},
        {"check": "column_exists", "column": column},
        {"check": "dtype", "column": number, "dtype": "numeric"},
        {"check": "schema", "columns": {"i": "Int64"}},
        {"check": "row_count", "min": of.randrange(50)},
        {"check": "completeness_ratio", "column": column, "min_ratio": 0.9},
        {"check": "distinct_count", "column": column, "max": of.randrange(1, 60)},
        {"check": of.choice(("mean", "sum", "min", "max", "stddev", "median")), "column": number, "at_least": low},
        {"check": "quantile", "column": number, "q": 0.9, "at_most": low},
        {"check": "cross_table_row_count", "reference": "reference.parquet", "tolerance": 0.5},
        {"check": "statistical_drift", "column": "k", "baseline": "reference.parquet", "method": "psi"},
        {
            "check": "trend",
            "metric": of.choice(("mean", "distinct_count", "stddev")),
            "column": number,
            "max_change": 0.2,
        },
        {"check": "volume", "max_change": 0.5},
        {"check": "reconcile", "reference": "reference.parquet", "key": ["k"], "columns": ["f"]},
    )
    chosen = dict(of.choice(kinds))
    if of.random() < 0.25:
        chosen["where"] = of.choice(("k > 10", "t = 'a' OR f > 0", "i IS NOT NULL"))
    if of.random() < 0.15 and chosen["check"] not in ("trend", "volume"):
        chosen["by"] = of.choice(columns)
    if of.random() < 0.3:
        chosen |= {"severity": of.choice(("info", "warning", "critical")), "max_failure_rate": of.random()}
    return chosen


class History:
    """A folder of files and a list of rules, which change step by step."""

    def __init__(self, root: Path, seed: int) -> None:
        self.of, self.root = random.Random(seed), root
        self.suffix = self.of.choice(SUFFIXES)
        self.columns = tuple(SCHEMA) if self.suffix in ("parquet", "arrow") else PLAIN
        self.files: list[str] = []
        self.in_folders = self.of.random() < 0.3
        self.grows, self.night = self.of.random() < 0.4, 0
        self.sensitive = self.hidden()
        self.rules = [self.rule() for _ in range(self.of.randrange(1, 9))]
        self.now, self.odd, self.folder = NOW, "", "data"
        self.dtypes, self.evolution = dict(DTYPES), list(EVOLUTION) if self.of.random() < 0.3 else []
        (root / self.folder).mkdir()
        write(reference(self.of), root / "reference.parquet")
        for _ in range(self.of.choice((1, 2, 3, 4, 12))):
            self.append()

    def hidden(self) -> tuple[str, ...]:
        return tuple(self.of.sample(self.columns, 1)) if self.of.random() < 0.2 else ()

    def rule(self) -> Row:
        """A rule that a contract may have, under a name of its own."""
        while True:
            one = rule(self.of, self.columns)
            one = self.worded(one, self.of.randrange(10**9))
            with suppress(ConfigurationError):
                CheckConfig().override(rules=[one], sensitive=self.sensitive)
                return one

    def worded(self, one: Row, number: int) -> Row:
        """The rule under a name, with a condition that the number tells: no draw depends on how many there are."""
        known = [sql for sql in CONDITIONS if set(re.findall(r"\b[a-z]\b", sql)) - {"a"} <= {*self.columns}]
        fields = {"expression": 1, "where": 7}
        told = {field: known[number // of % len(known)] for field, of in fields.items() if field in one}
        return one | told | {"name": f"rule {number}"}

    def append(self) -> None:
        name = f"{self.of.randrange(10**4):04}.{self.suffix}"
        name = f"{self.of.choice(DAYS)}/{name}" if self.in_folders else name
        self.files += [] if name in self.files else [name]
        self.place(name).parent.mkdir(exist_ok=True)
        self.write(name)

    def write(self, name: str) -> None:
        """Other rows in a file, mostly of some seconds ago."""
        since = self.of.choice((0, *(self.of.randrange(10**9, 10**10) for _ in range(6))))
        self.night += self.of.random() < 0.8
        frame = rows(self.of, self.columns, self.night if self.grows else None)
        write(odd(self.of, frame) if name == self.odd else frame, self.place(name), since)
        if name == self.odd and self.of.random() < 0.3:
            held = self.place(name).read_bytes()
            self.place(name).write_bytes(held[: self.of.choice((0, len(held) // 2, len(held) - 1))])

    def place(self, name: str) -> Path:
        return self.root / self.folder / name

    def rewrite(self, name: str) -> None:
        """Other rows in a file, now and then with the times that it had."""
        if not self.place(name).exists():
            self.place(name).unlink()  # a link whose file is gone
        before = self.place(name).stat() if self.place(name).exists() else None
        self.write(name)
        if before and self.of.random() < 0.3:
            os.utime(self.place(name), ns=(before.st_atime_ns, before.st_mtime_ns))

    def swap(self) -> None:
        """Two files take each other's names."""
        one, other = self.place(self.of.choice(self.files)), self.place(self.of.choice(self.files))
        aside = self.root / "aside"
        if one.is_symlink() or other.is_symlink():
            return
        one.rename(aside)
        (other if other != one else aside).rename(one)
        if aside.exists():
            aside.rename(other)

    def link(self) -> None:
        """The rows of a file stand in the dataset twice."""
        target = self.place(self.of.choice(self.files)).resolve()
        name = f"{self.of.randrange(10**4):04}-again.{self.suffix}"
        name = f"{self.of.choice(DAYS)}/{name}" if self.in_folders else name
        self.place(name).parent.mkdir(exist_ok=True)
        if target.is_file() and name not in self.files:
            self.place(name).symlink_to(os.path.relpath(target, self.place(name).parent.resolve()))
            self.files.append(name)

    def aside(self) -> None:
        """What is no data lies among it."""
        home = self.place(self.of.choice(self.files)).parent
        home.joinpath(f".{self.of.randrange(10)}.{self.suffix}").write_bytes(b"half")
        home.joinpath(".staging").mkdir(exist_ok=True)
        write(rows(self.of, self.columns), home / ".staging" / f"0.{self.suffix}")
        home.joinpath("notes.md").write_text("no data", "utf-8")

    def way(self) -> None:
        """Files are read in another way."""
        self.evolution = [*self.of.choice(((), EVOLUTION, EVOLUTION[:2]))]
        self.dtypes = self.of.choice((DTYPES, DTYPES | {"k": "Int64"}, DTYPES | {"i": "String"}, DTYPES))

    def move(self) -> None:
        """The data lies elsewhere."""
        before, self.folder = self.place(""), "moved" if self.folder == "data" else "data"
        before.rename(self.place(""))

    @property
    def part(self) -> str | None:
        """A partition, where there are some."""
        return self.of.choice(self.files).partition("/")[0] if self.in_folders else None

    def step(self) -> str:
        """One change, named; an odd file is mostly written anew."""
        if self.odd and self.of.random() < 0.7:
            name, self.odd = self.odd, ""
            if name in self.files:
                self.rewrite(name)
                return "mend"
        what = self.of.choice(STEPS)
        if what == "odd":
            self.odd = self.of.choice(self.files)
            self.rewrite(self.odd)
        elif what == "append":
            self.append()
        elif what == "rewrite":
            self.rewrite(self.of.choice(self.files))
        elif what == "delete" and len(self.files) > 1:
            self.place(self.files.pop(self.of.randrange(len(self.files)))).unlink()
        elif what == "rules":
            self.rules[self.of.randrange(len(self.rules))] = self.rule()
        elif what == "reference":
            (self.root / "reference.parquet").unlink(missing_ok=True)
            if self.of.random() < 0.9:
                write(reference(self.of), self.root / "reference.parquet")
        elif what in ("swap", "link", "aside", "way", "move"):
            getattr(self, what)()
        elif what == "sensitive":
            self.sensitive = self.hidden()
            self.rules = [self.rule() for _ in self.rules]
        elif what == "clock":
            self.now += timedelta(hours=self.of.choice((self.of.randrange(-20, 40), -500, 200)))
        return what

    @property
    def path(self) -> str:
        return f"{self.folder}/" if self.in_folders else f"{self.folder}/*.{self.suffix}"

    def config(self, kept: bool, rules: Sequence[Row] | None = None) -> CheckConfig:
        said = {"dtypes": self.dtypes} if self.suffix in ("csv", "ndjson") else {}
        source = parse_source({"path": self.path, "evolution": self.evolution, **said})
        states = {"enabled": kept, "path": "states"}
        given: Row = {"dataset": "orders", "source": source, "sensitive": self.sensitive, "states": states}
        return CheckConfig().override(**given, rules=self.rules if rules is None else rules)

    def judged(self, kept: bool, part: str | None = None, rules: Sequence[Row] | None = None) -> Any:
        asks = self.config(kept, rules).override(partition=part)
        return check(None, asks, now=self.now, history=lambda window: [40.0, 50.0])

    def meanwhile(self) -> list[str]:
        """Now and then others use the store, by rules of theirs, or something happens to it."""
        done = []
        if self.of.random() < 0.15:
            self.judged(True, rules=[self.rule() for _ in range(3)])
            done.append("others")
        if self.of.random() < 0.2:
            done.append(damage(self.of, self.root / "states"))
        return done

    @property
    def looks(self) -> list[str | None]:
        """What a night judges: all files and a partition, or now and then that alone."""
        part = self.part
        return [part] if part and self.of.random() < 0.3 else [*dict.fromkeys((None, part))]


def told(result: Any) -> Row:
    """A result without times, and without how it was found."""
    found: Row = result.model_dump(mode="json", exclude={"execution_time_ms", "timestamp", "metadata"})
    return found | {"version": result.metadata.version}


def same(one: Any, other: Any) -> bool:
    """Equal in every field; floats to rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def differences(seed: int) -> list[str]:
    """Where kept states and the whole disagree in a generated history of a few nights."""
    root = Path(tempfile.mkdtemp())
    here, before = Path.cwd(), os.environ.get("QUALITY_ROOT")
    wide: tuple[Any, ...] = run.BYTES, run.FEW, run.ADDED, run.NEAR
    most: tuple[Any, ...] = ends.TWENTIETH, ends.FAR, ends.RARE
    narrow, mark = uniqueness.BYTES_KEPT, keys.Key._mark
    os.chdir(root)
    os.environ["QUALITY_ROOT"] = str(root)
    found, done = [], ["begin"]
    try:
        run.BYTES, run.FEW = (NARROW, 2) if seed % 3 == 0 else wide[:2]
        run.ADDED = LASTING if seed % 2 else run.ADDED
        if seed % 7 < 4:
            ends.TWENTIETH, ends.FAR, ends.RARE, run.NEAR = CLOSE
        _bytes_kept(BROAD if seed % 4 < 2 else narrow)
        if seed % 5 == 0:
            keys.Key._mark = _shared  # type: ignore[assignment]
        history = History(root, seed)
        for _ in range(history.of.choice((2, 3, 4, 6))):
            done += history.meanwhile()
            for part in history.looks:
                kept, whole = told(history.judged(True, part)), told(history.judged(False, part))
                if not same(kept, whole):
                    found.append(_said(seed, history, [*done, part or "all"], kept, whole))
            if found:
                break
            done.append(history.step())
    finally:
        run.BYTES, run.FEW, run.ADDED, run.NEAR = wide
        ends.TWENTIETH, ends.FAR, ends.RARE = most
        _bytes_kept(narrow)
        keys.Key._mark = mark  # type: ignore[method-assign]
        os.chdir(here)
        shutil.rmtree(root)
        os.environ.pop("QUALITY_ROOT") if before is None else os.environ.update(QUALITY_ROOT=before)
    return found


MARK = keys.Key._mark


def _shared(key: keys.Key, columns: Sequence[pl.Expr]) -> pl.Expr:
    """A mark that keys share by chance, unless it is the key itself."""
    return MARK(key, columns) if key.holds_all else MARK(key, columns) // FEW_MARKS


def _bytes_kept(number: int) -> None:
    """So many are counted for a mark."""
    for module in (uniqueness, keys):
        module.BYTES_KEPT = number  # type: ignore[attr-defined]


def _said(seed: int, history: History, done: list[str], kept: Row, whole: Row) -> str:
    apart = [f"{name}: {kept[name]} / {whole[name]}" for name in kept if name != "rules" and kept[name] != whole[name]]
    pairs = zip(kept["rules"], whole["rules"], strict=False)
    apart += [f"{one}\n   / {other}" for one, other in pairs if one != other]
    return f"seed {seed}, {history.suffix}, after {', '.join(done)}:\n  " + "\n  ".join(apart[::-1][:6])


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare kept states with the whole over generated histories.")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes beside each other")
    given = parser.parse_args()
    wrong, seeds = 0, range(given.seed, given.seed + given.cases)
    os.environ["POLARS_MAX_THREADS"] = str(max(1, (os.cpu_count() or 1) // given.jobs))
    with ProcessPoolExecutor(given.jobs, get_context("spawn")) as processes:
        for done, found in enumerate(processes.map(differences, seeds), 1):
            wrong += bool(found)
            print(*found, sep="\n", end="\n" if found else "", flush=True)
            if done % 100 == 0:
                print(f"{done:,} histories, {wrong:,} wrong", file=sys.stderr, flush=True)
    print(f"{given.cases:,} histories, {wrong:,} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
