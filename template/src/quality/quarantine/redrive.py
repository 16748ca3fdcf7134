"""Redrive: quarantined rows judged by today's rules; those that pass are released, the others stay."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import polars as pl

from quality import checking
from quality.contract.config import CheckConfig
from quality.engine.judge import judge
from quality.engine.rule import RowRule, Rule
from quality.errors import QuarantineError
from quality.quarantine import splits
from quality.quarantine.splits import RULES, Split
from quality.quarantine.waiting import waiting


def redrive(config: CheckConfig) -> Split | None:
    """Judges every quarantined row anew and writes splits that replace theirs; None when there is no row.

    Rows are judged by the row rules whose failing rows are quarantined. A rule that needs a column which quarantine
    drops keeps the rows that failed it. Rows that one schema does not hold are judged apart: those that cannot be
    judged, which is a QuarantineError in the end, keep no others from their release. What is returned is the last of
    the splits, with the counts of all.
    """
    made, problems = [], []
    with splits.locked(config):
        groups = list(waiting(config))
        for rows, earlier in groups:
            try:
                made.append(_split(rows, earlier, config))
            except QuarantineError as problem:
                problems.append(problem if len(groups) == 1 else _unreleased(problem, earlier))
    if problems:
        raise problems[0]
    counts = {name: sum(getattr(one, name) for one in made) for name in ("rows", "passed", "failing")}
    return made[-1].model_copy(update=counts) if made else None


def _unreleased(problem: QuarantineError, earlier: tuple[Split, ...]) -> QuarantineError:
    """What could not be judged, and in which of the splits."""
    days = sorted({f"{split.at:%Y-%m-%d}" for split in earlier})
    rows = sum(split.failing for split in earlier)
    return QuarantineError(
        f"{problem}; this is so of {rows:,} rows, quarantined on {', '.join(days)}; rows with columns of other types "
        "were judged apart"
    )


def _split(rows: pl.LazyFrame, earlier: tuple[Split, ...], config: CheckConfig) -> Split:
    rules, blind = _judgeable(config)
    for rule in blind:
        if any(rule.title not in one.rules for one in earlier):
            raise QuarantineError(
                f"{rule.title} is newer than the quarantined rows, which have lost {', '.join(_lost(rule, config))}; "
                "no row can be released by it"
            )
    asks = {"rules": rules, "key": (), "sensitive": (), "quarantine": None, "partition": None}
    today = config.model_copy(update=asks)
    frame = checking.open_frame(rows, today)
    found = judge(today, frame)
    stays = {rule.title: pl.col(RULES).list.contains(rule.title) for rule in blind}
    about = Split(
        kind="redrive",
        run=str(uuid.uuid4()),
        at=datetime.now(UTC),
        fingerprint=config.fingerprint,
        rules=tuple(rule.title for rule in (*rules, *blind)),
        replaces=tuple(one.run for one in earlier),
        partition=config.part and config.part.shown,
    )
    return splits.write(frame, found, config, about, stays)


def _judgeable(config: CheckConfig) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules that quarantine rows: those that quarantined rows can be judged by, and those that lack a column."""
    wanted = [rule for rule in config.rules if isinstance(rule, RowRule)]
    wanted = [rule for rule in wanted if rule.severity in splits.asked(config).severities]
    return tuple(rule for rule in wanted if not _lost(rule, config)), tuple(r for r in wanted if _lost(r, config))


def _lost(rule: Rule, config: CheckConfig) -> list[str]:
    return [column for column in rule.reads if column in splits.asked(config).drop]
