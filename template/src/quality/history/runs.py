"""History: what every run measured, to be compared with, drawn and looked up; one file for each run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import SourceError
from quality.history.store import Shelf
from quality.result import CheckResult, RuleResult
from quality.sources import reading
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
    }
)
"""One row per rule and segment, each with what is true of its run; rates are percent.

`metric` says what the value is, where later runs are judged by it: a rule may keep its name and change what it means.
"""
WITH_RESULT = pl.Schema({"run": pl.String(), "at": pl.Datetime("us", "UTC"), "result": pl.String()})


def shelf(config: CheckConfig, kind: str = "runs") -> Shelf:
    """Where the history of a dataset and environment lies."""
    return Shelf(config.history.path, kind, config.dataset, config.environment or "none")


def append(result: CheckResult, config: CheckConfig, run: str, flow_run: str | None = None) -> str:
    """Adds one run, deletes what is older than `keep_days`, and says where the run's file lies."""
    place = shelf(config)
    written = place.write(rows(result, run, config, flow_run), result.timestamp, run)
    place.prune(result.timestamp.date() - timedelta(days=config.history.keep_days))
    return written


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
    }


def size(config: CheckConfig) -> int | None:
    """The bytes of the configured source's files, where they are known without reading them."""
    if config.source is None:
        return None
    try:
        with reading(config.source):
            return config.source.size(project.root())
    except SourceError:
        return None


def metrics(config: CheckConfig, last: int | None = None, before: datetime | None = None) -> pl.DataFrame:
    """The last runs' rows, oldest first; SourceError says why there are none to be read."""
    return shelf(config).read(SCHEMA, last, before)


def runs_of(metrics: pl.DataFrame) -> pl.DataFrame:
    """One row per run, oldest first, with the number of its rules that did not pass."""
    bad = pl.col("rule_status").is_in([str(status) for status in (Status.FAILED, Status.WARNING, Status.ERROR)])
    return metrics.group_by("run", "at", maintain_order=True).agg(pl.all().first(), bad.sum().alias("not_passed"))


def messages_of(config: CheckConfig) -> pl.DataFrame:
    """What channels were told of a dataset, oldest first."""
    return shelf(config, "messages").read(MESSAGES)


def last_result(config: CheckConfig) -> CheckResult | None:
    """The newest run's whole result."""
    found = shelf(config).read(WITH_RESULT, 1)["result"].drop_nulls()
    return CheckResult.model_validate_json(found[-1]) if len(found) else None


def volumes(config: CheckConfig, moment: datetime) -> Callable[[int], list[float]]:
    """Gives the numbers of rows that the last `window` runs counted, up to a moment, oldest first."""

    def past(window: int) -> list[float]:
        runs = _past(config, window, moment).group_by("run", maintain_order=True).first()
        return runs["rows"].drop_nulls().cast(pl.Float64).tail(window).to_list()

    return past


def measured(config: CheckConfig, moment: datetime) -> Callable[[str, int], list[float]]:
    """Gives the numbers that a metric had in the last `window` runs, up to a moment, oldest first.

    Every rule on the metric left the same number; the runs are read once for all rules that look equally far back.
    """
    runs = functools.cache(lambda window: _past(config, window, moment))

    def past(metric: str, window: int) -> list[float]:
        found = runs(window).filter(pl.col("metric") == metric).drop_nulls("value")
        return found.unique("run", keep="first", maintain_order=True)["value"].tail(window).to_list()

    return past


def _past(config: CheckConfig, window: int, moment: datetime) -> pl.DataFrame:
    """More runs than asked for, as some have counted nothing."""
    if config.environment is None:
        return SCHEMA.to_frame()
    return metrics(config, 4 * window, moment)


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
    }
)
"""One row per run, incident and channel: what was due, whether it was delivered, and why not."""
