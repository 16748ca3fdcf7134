"""The shapes a dataset may arrive in: the same data judges the same in every container; hollow data is not green."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from quality import checking
from quality.contract.config import CheckConfig
from quality.engine.judge import UNCOMPUTED
from quality.errors import ConfigurationError, first_line
from quality.file_states.opening import ignored
from quality.result import CheckResult
from quality.rollout.evidence import Check
from quality.rules.schema import SchemaRule
from quality.sources import Files
from quality.sources.options import READABLE
from quality.values import Status

ROWS = 1_000
ZONED = "%Y-%m-%dT%H:%M:%S%.f%z"
"""How Polars writes a datetime with a time zone."""


def shapes(config: CheckConfig) -> tuple[CheckResult, tuple[Check, ...]]:
    """The verdict on the first rows of the contract's data, and one line for each shape of these rows.

    No state is kept of them: they are no night of the dataset, and its store has nothing to gain from them.
    """
    rows = checking.open_frame(None, config).lazy.head(ROWS).collect()
    with ignored():
        return _looked(rows, config)


def _looked(rows: pl.DataFrame, config: CheckConfig) -> tuple[CheckResult, tuple[Check, ...]]:
    """What each shape of these rows is judged as."""
    base = checking.check(rows, config)
    checks = [_same(name, make, base, config) for name, make in _containers(rows)]
    checks.append(_wider(rows, base, config))
    checks += [_judged(name, make, config) for name, make in _hollow(rows, config)]
    with tempfile.TemporaryDirectory() as folder:
        checks += [_same(name, make, base, config) for name, make in _files(rows, Path(folder))]
    return base, tuple(checks)


def _containers(rows: pl.DataFrame) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Data arrives as pandas or Arrow only where these are installed; a repository need not have them."""
    yield "lazy", rows.lazy
    if find_spec("pyarrow"):
        yield "arrow", rows.to_arrow
        if find_spec("pandas"):
            yield "pandas", lambda: rows.to_pandas(use_pyarrow_extension_array=True)


def _files(rows: pl.DataFrame, folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    def parquet() -> Files:
        rows.write_parquet(folder / "one.parquet")
        return Files(path=str(folder / "one.parquet"))

    def partitioned() -> Files:
        (folder / "many").mkdir()
        for number, part in enumerate(rows.iter_slices(max(1, -(-rows.height // 3)))):
            part.write_parquet(folder / "many" / f"{number}.parquet")
        return Files(path=str(folder / "many"))

    def csv() -> Files:
        rows.write_csv(folder / "one.csv")
        names = {c: t.base_type().__name__ for c, t in rows.schema.items()}
        known = {c: name for c, name in names.items() if name.lower() in READABLE}
        zoned = {c: ZONED for c, t in rows.schema.items() if isinstance(t, pl.Datetime) and t.time_zone}
        return Files(path=str(folder / "one.csv"), dtypes=known, dates=zoned, scientific=True)

    yield "parquet", parquet
    yield "partitioned files", partitioned
    yield "csv", csv


def _hollow(rows: pl.DataFrame, config: CheckConfig) -> Iterator[tuple[str, Callable[[], pl.DataFrame]]]:
    columns = [c for rule in config.rules for c in rule.reads if c in rows.columns]
    yield "empty", lambda: rows.head(0)
    yield "one row", lambda: rows.head(1)
    yield "all null", lambda: rows.select(pl.lit(None, dtype).alias(c) for c, dtype in rows.schema.items())
    if columns:
        yield f"missing column {columns[0]}", lambda: rows.drop(columns[0])
    narrow = {c: pl.Float64 for c, t in rows.schema.items() if t.is_integer()}
    if narrow:
        yield "integers widened to floats", lambda: rows.cast(narrow)  # type: ignore[arg-type]


def _wider(rows: pl.DataFrame, base: CheckResult, config: CheckConfig) -> Check:
    """With a column more, a closed schema fails, as it says; every other rule gives what it gives without."""
    name = "extra column"
    closed = [rule for rule in config.rules if isinstance(rule, SchemaRule) and rule.closed]
    if closed:
        config = config.model_copy(update={"rules": tuple(rule for rule in config.rules if rule not in closed)})
        base = checking.check(rows, config, now=base.timestamp)
    made = _same(name, lambda: rows.with_columns(pl.lit(1).alias("an_extra_column")), base, config)
    if closed and made.ok:
        return made.model_copy(update={"seen": f"refused by {closed[0].title}; {made.seen} by the other rules"})
    return made


def _same(name: str, make: Callable[[], Any], base: CheckResult, config: CheckConfig) -> Check:
    """A container is sound if every rule's verdict and counts are those of the frame; some dtypes no CSV file holds."""
    try:
        data = make()
    except pl.exceptions.ComputeError as error:
        return Check(name=name, ok=True, seen=f"these rows are never in one: {first_line(error)}")
    try:
        result = checking.check(data, config, now=base.timestamp)
    except ConfigurationError as error:
        return Check(
            name=name, ok=False, seen=f"refused: {error}", fix="loosen the rule, or state the dtype in `source`"
        )
    other = [
        f"{ours.rule_name}: {theirs.status} {theirs.failed_count} instead of {ours.status} {ours.failed_count}"
        for ours, theirs in zip(base.rules, result.rules, strict=False)
        if _facts(ours) != _facts(theirs)
    ]
    if other or result.status is not base.status:
        return Check(
            name=name, ok=False, seen="; ".join(other) or f"{result.status}", fix="make the rule fit this shape"
        )
    return Check(name=name, ok=True, seen=f"{result.status}, as the frame")


def _facts(rule: Any) -> tuple[Any, ...]:
    return rule.status, rule.failed_count, rule.total_count, rule.segment


def _judged(name: str, make: Callable[[], pl.DataFrame], config: CheckConfig) -> Check:
    """A hollow or changed shape has a stated outcome; what is empty may be green only where the contract says so."""
    try:
        result = checking.check(make(), config)
    except ConfigurationError as error:
        return Check(name=name, ok=True, seen=f"refused: {error}")
    counts = f"{result.passed_count} passed, {result.failed_count} failed, {result.skipped_count} skipped"
    broken = any(UNCOMPUTED in rule.message for rule in result.rules if rule.status is Status.ERROR)
    green = name == "empty" and result.is_success and not config.allow_empty
    fix = "add a row_count rule, or say allow_empty: true" if green else "fix the rule that cannot be computed"
    seen = f"{result.status}: {counts}"
    return Check(name=name, ok=not (broken or green), seen=seen, fix=fix if broken or green else None)
