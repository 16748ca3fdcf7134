"""History: what every version of the data measured, to be compared with, drawn and looked up.

A run leaves one file. A later look at the same version of the data by the same configuration replaces it, so that
proofs and repeated looks count once; where the version is unknown (frames, remote sources), every run counts.

Partitions that are judged alone are a series of their own for each choice of columns: `day=2026-11-26` is compared with
other days, once each, and never with runs of the whole; whatever version of a day is judged again, it is the same day.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
from pydantic import ValidationError

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, SourceError
from quality.history.releases import as_known, why_unread
from quality.history.retention import MONTH
from quality.history.store import SUBJECT, Shelf, delete, moment
from quality.result import CheckResult, RuleResult
from quality.rules.baseline import ALL, MOST_WEEKS, Earlier
from quality.sources import digest, reading
from quality.texts import cell_text
from quality.values import Status

SCHEMA = pl.Schema(
    {
        "run": pl.String(),
        "flow_run": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "status": pl.String(),
        "rows": pl.Int64(),
        "bytes": pl.Int64(),
        "duration_ms": pl.Float64(),
        "fingerprint": pl.String(),
        "template_version": pl.String(),
        "rule": pl.String(),
        "check": pl.String(),
        "column": pl.String(),
        "severity": pl.String(),
        "rule_status": pl.String(),
        "by": pl.String(),
        "segment": pl.String(),
        "failed": pl.Int64(),
        "judged": pl.Int64(),
        "failure_rate": pl.Float64(),
        "value": pl.Float64(),
        "metric": pl.String(),
        "version": pl.String(),
        "first_at": pl.Datetime("us", "UTC"),
        "against": pl.String(),
        "partition": pl.String(),
        "partition_told": pl.String(),
    }
)
"""One row per rule and segment, each with what is true of its run; rates are percent.

`metric` says what the value is, where later runs are judged by it: a rule may keep its name and change what it means.
`version` is a digest of the version of the data, null where that is unknown; `first_at` is when that was first judged,
and `against` which earlier numbers the value was compared with. `partition` is the name of what was judged alone, null
of the whole, and `partition_told` how people ask for it. Files of earlier releases lack these five.
"""
WITH_RESULT = pl.Schema(
    dict.fromkeys(("run", "version", "partition", "result"), pl.String()) | {"at": pl.Datetime("us", "UTC")}
)
TOLD = pl.coalesce("partition_told", "partition")
EVERY_ROW = "row_count()"
"""The metric that every run has counted, whether a rule asked for it or not."""
NIGHTS = 7 * MOST_WEEKS + 1
"""So many subjects are looked at for numbers of the same weekday."""
AHEAD = timedelta(days=1)
"""Runs that are later than now by more than this were dated by a clock that is ahead, unless this one is behind."""


def shelf(config: CheckConfig, kind: str = "runs") -> Shelf:
    """Where the history of a dataset and environment lies; apart from it that of partitions by the same columns."""
    place = Shelf(config.history.path, kind, config.dataset, config.environment or "none")
    if config.part is None:
        return place
    by = ",".join(quote(key, safe="") for key in config.part.keys)
    return place._replace(kind=f"partition-{kind}", environment=f"{place.environment}/by-{by}")


def append(result: CheckResult, config: CheckConfig, run: str, flow_run: str | None = None) -> list[str]:
    """Adds one run in place of earlier looks at the same, deletes what is too old, and says what it deleted.

    What could not be judged replaces nothing, and a look that is dated more than a month later neither.
    """
    place, version = shelf(config), result.metadata.known_version
    found = rows(result, run, config, flow_run)
    if version is None:
        return place.prune(place.write(found, result.timestamp, run), result.timestamp, config.history.keep_days)
    about = (version, config.fingerprint)
    earlier = place.earlier(result.timestamp, about)
    first = _first_at(earlier[0]) if earlier else None
    found = found.with_columns(first_at=pl.lit(first or result.timestamp, SCHEMA["first_at"]))
    written = place.write(found, result.timestamp, run, about)
    for file in earlier if result.status is not Status.ERROR else ():
        if (at := moment(file)) and result.timestamp - at <= MONTH:
            delete(file)
    return place.prune(written, result.timestamp, config.history.keep_days)


def _first_at(file: Path) -> datetime | None:
    """When the version that a file is about was first judged; None where the file is broken, and about to go."""
    with suppress(OSError, pl.exceptions.PolarsError):
        first: datetime | None = pl.read_parquet(file, columns=["first_at"], glob=False)["first_at"][0]
        return first
    return None


def rows(result: CheckResult, run: str, config: CheckConfig, flow_run: str | None = None) -> pl.DataFrame:
    """The run as rows; its whole result, sensitive values masked, stands beside the first."""
    about: dict[str, Any] = {
        "run": run,
        "flow_run": flow_run,
        "at": result.timestamp,
        "status": str(result.status),
        "rows": result.row_count,
        "bytes": size(config),
        "duration_ms": result.execution_time_ms,
        "fingerprint": result.metadata.fingerprint,
        "template_version": result.metadata.template_version,
        "version": result.metadata.known_version,
        "first_at": result.timestamp,
        "partition": config.part and config.part.name,
        "partition_told": config.part and config.part.told,
    }
    metrics = {rule.title: rule.remembers for rule in config.rules}
    lines = [about | _rule(rule) | {"metric": metrics.get(rule.rule_name)} for rule in result.rules] or [about]
    texts = [result.model_dump_json(), *[None] * (len(lines) - 1)]
    return pl.DataFrame(lines, schema=SCHEMA).with_columns(pl.Series("result", texts, dtype=pl.String))


def _rule(rule: RuleResult) -> dict[str, Any]:
    return {
        "rule": rule.rule_name,
        "check": rule.check,
        "column": rule.column,
        "severity": str(rule.severity),
        "rule_status": str(rule.status),
        "by": rule.by,
        "segment": None if rule.segment is None else cell_text(rule.segment),
        "failed": rule.failed_count,
        "judged": rule.total_count,
        "failure_rate": rule.failure_rate,
        "value": None if isinstance(rule.value, str | bool | None) else float(rule.value),
        "against": rule.against,
    }


def size(config: CheckConfig) -> int | None:
    """The bytes of the configured source's files, where they are known without reading them."""
    if config.source is None:
        return None
    try:
        with reading(config.source):
            return config.within(config.source).size(project.root())
    except (SourceError, ConfigurationError):
        return None


def metrics(config: CheckConfig, last: int | None = None, before: datetime | None = None) -> pl.DataFrame:
    """The rows of the last versions, of each by the last look of a configuration, oldest first.

    SourceError says why there are none to be read.
    """
    found = shelf(config).read(SCHEMA, last, before)
    return found.with_columns(TOLD).filter(pl.col("run") == pl.col("run").last().over(SUBJECT, "fingerprint"))


def runs_of(metrics: pl.DataFrame) -> pl.DataFrame:
    """One row per run, oldest first, with the number of its rules that did not pass."""
    bad = pl.col("rule_status").is_in([str(status) for status in (Status.FAILED, Status.WARNING, Status.ERROR)])
    return metrics.group_by("run", "at", maintain_order=True).agg(pl.all().first(), bad.sum().alias("not_passed"))


def messages_of(config: CheckConfig) -> pl.DataFrame:
    """What channels were told of a dataset, oldest first."""
    return shelf(config, "messages").read(MESSAGES).with_columns(TOLD)


def last_result(config: CheckConfig) -> CheckResult | None:
    """The newest run's whole result, of a partition that of its own; SourceError where this release cannot read it."""
    part = config.part
    runs = shelf(config).read(WITH_RESULT, None if part else 1)
    found = (runs.filter(partition=part.name) if part else runs)["result"].drop_nulls()
    try:
        return as_known(CheckResult, found[-1]) if len(found) else None
    except ValidationError as error:
        raise SourceError(f"the newest result in {config.history.path} cannot be read: {why_unread(error)}") from None


def volumes(config: CheckConfig, moment: datetime) -> Callable[[int], list[float]]:
    """Gives the numbers of rows of the last `window` versions, up to a moment, oldest first."""
    return lambda window: measured(config, moment)(EVERY_ROW, window)


def measured(config: CheckConfig, moment: datetime) -> Callable[[str, int], list[float]]:
    """Gives the numbers that a metric had in the last `window` versions, up to a moment, oldest first."""
    earlier = past(config, moment)
    return lambda metric, window: [one.value for one in earlier("", metric, window, None)][-window:]


def past(
    config: CheckConfig, moment: datetime, known: str | None = None
) -> Callable[[str, str, int, str | None], list[Earlier]]:
    """Gives what a rule of this name compares a metric with: a number for each version, as its last look had it, or
    for each partition, where one is judged alone.

    The files are read once for all rules that look equally far back. `known` is the digest of the version that is
    judged, where the version itself is gone.
    """
    seen = functools.cache(lambda depth: shelf(config).read(SCHEMA, depth, moment))

    def earlier(rule: str, metric: str, window: int, version: str | None) -> list[Earlier]:
        if config.environment is None:
            return []
        own = config.part.name if config.part else known or digest(version)
        numbers = _numbers(seen(max(4 * window, NIGHTS)), rule, metric, own)
        if not any(not one.own for one in numbers):
            _refuse_the_future(config, moment)
        return numbers

    return earlier


def _numbers(found: pl.DataFrame, rule: str, metric: str, own: str | None) -> list[Earlier]:
    """One number for each subject: that of its last look, dated by its first one, and what it failed against there."""
    meant = pl.col("metric") == metric
    value = pl.col("rows").cast(pl.Float64) if metric == EVERY_ROW else pl.col("value").filter(meant).drop_nulls()
    failed = pl.col("against").fill_null(ALL).filter(meant & (pl.col("rule") == rule) & (pl.col("failed") > 0))
    looks = found.group_by("run", maintain_order=True).agg(
        pl.coalesce("partition", SUBJECT).first().alias("subject"),
        pl.coalesce("first_at", "at").first().alias("first"),
        value.first().alias("number"),
        failed.first().alias("failed_against"),
    )
    kept = looks.drop_nulls("number").group_by("subject", maintain_order=True)
    numbers = kept.agg(pl.col("number", "failed_against").last()).join(
        looks.group_by("subject").agg(pl.col("first").min()), on="subject"
    )
    rows = numbers.sort("first", maintain_order=True).select("number", "first", "subject", "failed_against").rows()
    return [Earlier(number, at, subject == own, against) for number, at, subject, against in rows]


def clock() -> datetime:
    """What this machine takes for now."""
    return datetime.now(UTC)


def _refuse_the_future(config: CheckConfig, moment: datetime) -> None:
    """No number to compare with is no surprise, unless all there are were left by a clock that is ahead of this one.

    A moment before the first run, asked for on a machine whose clock is right, has nothing to compare with either.
    """
    later, now = shelf(config).read(SCHEMA, 1), max(moment, clock())
    if not later.is_empty() and (newest := later["at"][-1]) > now + AHEAD:
        raise SourceError(
            f"every remembered run is later than now: the last is of {newest:%Y-%m-%d}, and this machine's clock says "
            f"{now:%Y-%m-%d}; set the clock right, or delete the wrong runs in {config.history.path}"
        )


MESSAGES = pl.Schema(
    {
        "run": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "rule": pl.String(),
        "kind": pl.String(),
        "channel": pl.String(),
        "block": pl.String(),
        "ok": pl.Boolean(),
        "attempts": pl.Int64(),
        "note": pl.String(),
        "partition": pl.String(),
        "partition_told": pl.String(),
        "number": pl.Int64(),
    }
)
"""One row per run, incident and channel: what was due, whether it was delivered, and why not; of a partition, which.

`number` is the order in which they were written, whatever clocks said; files of earlier releases lack it.
"""
