"""The history as a person at a terminal reads it: runs, trends of rules, messages."""

from __future__ import annotations

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from quality.contract.config import CheckConfig
from quality.history.runs import messages_of, metrics, runs_of
from quality.history.series import rule_trends, run_trends
from quality.reporting.console import COLOURS
from quality.reporting.guidance import alone
from quality.values import Status

MESSAGES_SHOWN = 10


def print_history(config: CheckConfig, runs: int, console: Console | None = None) -> None:
    """The last runs of a dataset, or of its partitions by the same columns; SourceError when they cannot be read."""
    out, past = console or Console(), metrics(config, runs)
    of = f"{config.dataset} by {', '.join(config.part.keys)}" if config.part else config.dataset
    out.print(Text(f"{of} in {config.environment}: {config.history.path}", style="bold"))
    if past.is_empty():
        words = f"{config.dataset} --env {config.environment}{alone(config.part and config.part.shown)}"
        out.print(Text(f"no run yet; `nox -s task -- {words}` makes one", style="dim"), soft_wrap=True)
        return
    out.print(_runs(past, ("partition_told",) if config.part else ()))
    trends = _table("trend", "of", "last")
    for trend in (*run_trends(past), *rule_trends(past).values()):
        trends.add_row(trend.text(), Text(trend.name), trend.last)
    out.print(trends)
    messages = messages_of(config)
    if not messages.is_empty():
        out.print(_messages(messages.tail(MESSAGES_SHOWN)))


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
        status = Text(run["status"], style=COLOURS[Status(run["status"])])
        names = (Text(run[name] or "") for name in more)
        table.add_row(f"{run['at']:%Y-%m-%d %H:%M:%S}", *names, status, *numbers, run["fingerprint"])
    return table


def _messages(messages: pl.DataFrame) -> Table:
    of = ("partition",) if messages["partition_told"].count() else ()
    table = _table("when (UTC)", *of, "message", "incident", "to", "")
    for row in messages.iter_rows(named=True):
        part = (Text(row["partition_told"] or "") for _ in of)
        kind, told = row["kind"], "told" if row["ok"] else row["note"] or "nobody was told"
        style = "" if row["ok"] else "yellow"
        words = (kind, Text(row["rule"]), row["block"], Text(told, style=style))
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M:%S}", *part, *words)
    return table
