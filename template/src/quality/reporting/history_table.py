"""The history as a person at a terminal reads it: runs, trends of rules, messages."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table

from quality.contract.config import CheckConfig
from quality.history.partitions import Alone
from quality.history.runs import messages_of, metrics, runs_of
from quality.history.series import rule_trends, run_trends
from quality.reporting.console import COLOURS, plain
from quality.reporting.guidance import alone
from quality.values import Status

MESSAGES_SHOWN = 10


def print_history(config: CheckConfig, runs: int, console: Console | None = None, apart: Sequence[Alone] = ()) -> None:
    """The last runs of a dataset, or of its partitions by the same columns; SourceError when they cannot be read.

    `apart` are the runs of partitions, of which the whole has none.
    """
    out, past = console or Console(), metrics(config, runs)
    of = f"{config.dataset} by {', '.join(config.part.keys)}" if config.part else config.dataset
    out.print(plain(f"{of} in {config.environment}: {config.history.path}", style="bold"))
    words = f"{config.dataset} --env {config.environment}"
    if past.is_empty():
        some = f"no run {'yet' if config.part or not apart else 'of the whole yet'}"
        one = alone(config.part and config.part.shown)
        out.print(plain(f"{some}; `nox -s task -- {words}{one}` makes one", style="dim"), soft_wrap=True)
    for series in apart:
        said = f"{series.says()}; `nox -s history -- {words}{alone(series.asked)}` shows them"
        out.print(plain(said, style="dim"), soft_wrap=True)
    if not past.is_empty():
        out.print(_runs(past, ("partition_told",) if config.part else ()))
        out.print(_trends(past))
    messages = messages_of(config)
    if not messages.is_empty():
        out.print(_messages(messages.tail(MESSAGES_SHOWN)))


def _trends(metrics: pl.DataFrame) -> Table:
    table = _table("trend", "of", "last")
    for trend in (*run_trends(metrics), *rule_trends(metrics).values()):
        table.add_row(trend.text(), plain(trend.name), trend.last)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in columns:
        right = column in ("rows", "bytes", "ms", "not passed", "last")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _runs(metrics: pl.DataFrame, more: tuple[str, ...] = ()) -> Table:
    table = _table(
        "when (UTC)",
        *(name.removesuffix("_told") for name in more),
        "verdict",
        "rows",
        "bytes",
        "ms",
        "not passed",
        "fingerprint",
    )
    for run in runs_of(metrics).iter_rows(named=True):
        numbers = (
            "" if run[name] is None else f"{run[name]:,.0f}" for name in ("rows", "bytes", "duration_ms", "not_passed")
        )
        status = plain(run["status"], style=COLOURS[Status(run["status"])])
        names = (plain(run[name] or "") for name in more)
        table.add_row(f"{run['at']:%Y-%m-%d %H:%M:%S}", *names, status, *numbers, run["fingerprint"])
    return table


def _messages(messages: pl.DataFrame) -> Table:
    of = ("partition",) if messages["partition_told"].count() else ()
    table = _table("when (UTC)", *of, "message", "incident", "to", "")
    for row in messages.iter_rows(named=True):
        part = (plain(row["partition_told"] or "") for _ in of)
        kind, told = row["kind"], "told" if row["ok"] else row["note"] or "nobody was told"
        style = "" if row["ok"] else "yellow"
        words = (kind, plain(row["rule"]), plain(row["block"]), plain(told, style=style))
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M:%S}", *part, *words)
    return table
