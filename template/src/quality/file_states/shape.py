"""What shapes a rule's state: its measures, as they are serialized; its reference's version; where its edges lie."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC
from typing import Any

import polars as pl

from quality.contract.own_python import own_digest
from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.rule import KeyRule, Measure, RowRule, Rule
from quality.engine.sql import across_rows
from quality.file_states.asks import Ask, digest, expression
from quality.rules.moments import EPOCH, MICROSECOND, NotFuture, NotPast
from quality.rules.outliers import ROUNDING, ZScoreOutlier
from quality.rules.references import ReferentialIntegrity

Versions = Callable[[Any], str | None]
"""The version of a reference, where it has one."""
COUNTS = {name: Measure(pl.lit(0)) for name in ("failed", "judged")}


def ask_of(rule: Rule, frame: Frame, versions: Versions, sensitive: Collection[str]) -> Ask | None:
    """What is asked of each file for a rule; None where it has no measures, or they cannot be kept and merged."""
    if rule.by in sensitive:
        return None
    own = own_digest(type(rule))
    if own is not None and not _row_by_row(rule, frame):
        return None
    if isinstance(rule, ReferentialIntegrity):
        return _of_reference(rule, frame, versions)
    if isinstance(rule, (NotFuture, NotPast)):
        return None if hides(rule, sensitive) else _of_now(rule, frame)
    if isinstance(rule, ZScoreOutlier):
        return None if rule.by or hides(rule, sensitive) else _of_distance(rule, frame)
    measures = rule.measures(frame)
    if not measures or (hides(rule, sensitive) and not isinstance(rule, RowRule)):
        return None
    shaped = {name: (expression(one.expr), one.merge) for name, one in measures.items()}
    return Ask(digest(own, rule.by, shaped), rule, lambda: measures)


def _row_by_row(rule: Rule, frame: Frame) -> bool:
    """Whether a domain's own rule says of each row by itself what holds; its other measures may not merge."""
    if not isinstance(rule, RowRule) or type(rule).measures is not RowRule.measures or isinstance(rule, KeyRule):
        return False
    return not across_rows(rule.judged(frame), frame.schema)


def hides(rule: Rule, sensitive: Collection[str]) -> bool:
    """Whether values of a sensitive column would be kept."""
    return bool(set(rule.reads) & set(sensitive))


def _of_reference(rule: ReferentialIntegrity, frame: Frame, versions: Versions) -> Ask | None:
    """By the version of the reference, which is not read where every file has answered for it."""
    version = versions(rule.reference)
    if version is None:
        return None
    said = (rule.check, rule.column, rule.theirs, str(rule.reference), rule.where, rule.by)
    return Ask(digest(*said, str(frame.schema[rule.column]), version), rule, lambda: rule.measures(frame), merge=COUNTS)


def _of_now(rule: NotFuture | NotPast, frame: Frame) -> Ask:
    """Moments count as they did, unless one of them lies between the now of then and that of now."""
    dtype, now = frame.schema[rule.column], frame.around.now.astimezone(UTC)
    if dtype == pl.Date:
        now = now.replace(hour=0, minute=0, second=0, microsecond=0)
    value = col(rule.column).cast(pl.Datetime("us", getattr(dtype, "time_zone", None))).to_physical()
    last = (now - EPOCH) // MICROSECOND
    return _edged(rule, frame, (last if isinstance(rule, NotFuture) else last - 1,), value)


def _of_distance(rule: ZScoreOutlier, frame: Frame) -> Ask:
    """Numbers count as they did, unless one of them lies between the limits of then and those of now."""
    mean, deviation, _ = rule.moments(frame)
    far = rule.threshold * deviation + ROUNDING * abs(mean)
    value = col(rule.column).cast(pl.Float64)
    return _edged(rule, frame, (mean - far, mean + far), value.filter(value.is_finite()), rule.threshold)


def _edged(rule: Rule, frame: Frame, edges: tuple[float, ...], values: pl.Expr, *apart: object) -> Ask:
    """`apart` tells rules that may stand beside each other, as both would be known by one key."""
    reads = [(name, str(frame.schema[name])) for name in rule.reads]
    key = digest(type(rule).__qualname__, rule.subjects, reads, rule.where, rule.by, *apart)
    return Ask(key, rule, lambda: rule.measures(frame), COUNTS, edges, values)
