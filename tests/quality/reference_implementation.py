"""What every rule means, row by row in plain Python, to compare the engine with. It shares no code with the engine."""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Cells = dict[str, Any]
Rule = dict[str, Any]
Judged = bool | None
Truth = Callable[[Cells], Judged]

ZONE = ZoneInfo("Europe/Berlin")
BLANK = "".join(map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F)))
BLANK += "\u205f\u3000"

HISTORY = (100.0, 90.0, 110.0)
"""What every metric was in earlier runs."""
WELL_FORMED: dict[str, frozenset[str]] = {
    "a@b.co": frozenset(("email_format",)),
    "a@b": frozenset(),
    "a@b.co\n": frozenset(),
    "https://a.b/c": frozenset(("url_format",)),
    "https//a.b": frozenset(),
    "123e4567-e89b-12d3-a456-426614174000": frozenset(("uuid_format",)),
    "123e4567e89b12d3a456426614174000": frozenset(),
    "+4930123456": frozenset(("phone_format",)),
    "+0": frozenset(),
    "1.2.3.4": frozenset(("ipv4_format",)),
    "1.2.3.256": frozenset(),
    "2024-02-29": frozenset(("date_format",)),
    "2023-02-29": frozenset(),
}
"""Texts, and the formats that each has."""


class Outcome(NamedTuple):
    segment: Any
    status: str
    failed: int
    judged: int


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def sql_and(*truths: Judged) -> Judged:
    return False if False in truths else None if None in truths else True


def sql_not(truth: Judged) -> Judged:
    return None if truth is None else not truth


def sql_order(left: Any, right: Any) -> int | None:
    """Less, equal or greater as SQL in Polars orders: null is unknown, NaN is the greatest number and equals itself."""
    if left is None or right is None:
        return None
    left, right = ((is_nan(v), 0 if is_nan(v) else v) for v in (left, right))
    return int(left > right) - int(left < right)


def _compare(column: str, holds: Callable[[int], bool], other: Any) -> Truth:
    def truth(row: Cells) -> Judged:
        order = sql_order(row[column], row[other[1:]] if isinstance(other, str) and other[:1] == ":" else other)
        return None if order is None else holds(order)

    return truth


CONDITIONS: dict[str, Truth] = {
    "i > 0": _compare("i", lambda order: order > 0, 0),
    "i <= 1": _compare("i", lambda order: order <= 0, 1),
    "f >= 1": _compare("f", lambda order: order >= 0, 1),
    "f < i": _compare("f", lambda order: order < 0, ":i"),
    "s = 'a'": _compare("s", lambda order: order == 0, "a"),
    "g <> 'p'": _compare("g", lambda order: order != 0, "p"),
    "b": lambda row: row["b"],
    "NOT b": lambda row: sql_not(row["b"]),
    "i IS NULL": lambda row: row["i"] is None,
    "f IS NOT NULL AND b": lambda row: sql_and(row["f"] is not None, row["b"]),
    "i > 0 AND b": lambda row: sql_and(CONDITIONS["i > 0"](row), row["b"]),
    "i > 0 OR b": lambda row: sql_not(sql_and(sql_not(CONDITIONS["i > 0"](row)), sql_not(row["b"]))),
    "i IN (1, 2)": lambda row: None if row["i"] is None else row["i"] in (1, 2),
    "i BETWEEN 0 AND 2": lambda row: None if row["i"] is None else 0 <= row["i"] <= 2,
    "u - 2 >= 0": lambda row: None if row["u"] is None else row["u"] - 2 >= 0,
    "n + 1 > n": lambda row: None if row["n"] is None else True,
    "u - i > 0": lambda row: None if row["u"] is None or row["i"] is None else row["u"] - row["i"] > 0,
    "d >= DATE '2024-06-01'": _compare("d", lambda order: order >= 0, date(2024, 6, 1)),
}
"""SQL conditions, and the same in Python."""


CATEGORIES = ("low", "mid", "high")
"""Of the column e, in order."""


def single(number: Any) -> float:
    """A number as 32 bits hold it."""
    try:
        return float(struct.unpack("f", struct.pack("f", float(number)))[0])
    except OverflowError:
        return math.copysign(math.inf, number)


def ranked(column: str, cell: Any) -> Any:
    """A cell, or a written value of the column's kind, as it is ordered."""
    if column == "e":
        return CATEGORIES.index(cell)
    if column == "d":
        return datetime.combine(cell, time()) if isinstance(cell, date) else datetime.fromisoformat(cell)
    return single(cell) if column == "h" else cell


def written(value: Any, like: Any) -> Any:
    """A value of YAML as the kind of value that a cell is."""
    if isinstance(like, Decimal):
        return Decimal(str(value))
    if isinstance(like, datetime):
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=ZONE) if like.tzinfo and not moment.tzinfo else moment
    return value


def same(value: Any, cell: Any) -> bool:
    """Whether a cell is the written value."""
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return bool(datetime.fromisoformat(value) == datetime.combine(cell, time()))
    return bool(written(value, cell) == cell)


def _bound(rule: Rule, field: str, cell: Any, holds: Callable[[Any, Any], bool]) -> bool:
    if rule.get(field) is None:
        return True
    column = rule.get("column", "") if rule["check"] != "distinct_count" else ""
    return not is_nan(cell) and holds(ranked(column, cell), written(ranked(column, rule[field]), cell))


def _in_range(rule: Rule, cell: Any) -> bool:
    exclusive = rule.get("exclusive")
    above = (lambda c, b: c > b) if exclusive in ("min", "both") else (lambda c, b: c >= b)
    below = (lambda c, b: c < b) if exclusive in ("max", "both") else (lambda c, b: c <= b)
    return _bound(rule, "min", cell, above) and _bound(rule, "max", cell, below)


def _member(rule: Rule, cell: Any) -> bool:
    return any(same(single(value) if rule["column"] == "h" else value, cell) for value in rule["values"])


def _length(rule: Rule, cell: str) -> bool:
    low, high = {
        "length": (rule.get("min"), rule.get("max")),
        "min_length": (rule.get("value"), None),
        "max_length": (None, rule.get("value")),
    }[rule["check"]]
    return (low is None or len(cell) >= low) and (high is None or len(cell) <= high)


def _moment(now: datetime, cell: date) -> Any:
    if not isinstance(cell, datetime):
        return now.date()
    return now if cell.tzinfo else now.replace(tzinfo=None)


def _value_rule(rule: Rule, cell: Any, now: datetime) -> bool:
    """Whether a rule about one value holds for a cell that is not null."""
    check = rule["check"]
    against: dict[str, Callable[[Any, Any], bool]] = {
        "greater_than": lambda c, b: c > b,
        "greater_than_or_equal": lambda c, b: c >= b,
        "less_than": lambda c, b: c < b,
        "less_than_or_equal": lambda c, b: c <= b,
    }
    signs: dict[str, Callable[[Any], bool]] = {
        "positive": lambda c: c > 0,
        "negative": lambda c: c < 0,
        "non_negative": lambda c: c >= 0,
        "non_positive": lambda c: c <= 0,
    }
    if check in ("equal", "not_equal"):
        equal = same(single(rule["value"]) if rule["column"] == "h" else rule["value"], cell)
        return not is_nan(cell) and equal is (check == "equal")
    if check in against:
        return _bound(rule, "value", cell, against[check])
    if check in signs:
        return not is_nan(cell) and signs[check](cell)
    if check in ("length", "min_length", "max_length"):
        return _length(rule, cell)
    if check.endswith("_format"):
        return check in WELL_FORMED.get(cell, ())
    match check:
        case "in_range":
            return _in_range(rule, cell)
        case "in_set":
            return _member(rule, cell)
        case "not_in_set":
            return not _member(rule, cell)
        case "regex":
            return re.search(rule["pattern"].replace("$", r"\Z"), cell) is not None
        case "not_future":
            return bool(cell <= _moment(now, cell))
        case "not_past":
            return bool(cell >= _moment(now, cell))
    raise AssertionError(check)


def _identity(cell: Any) -> Any:
    """NaN equals NaN where keys repeat, and minus zero equals zero."""
    return "not a number" if is_nan(cell) else (type(cell).__name__, cell)


def _repeats(rule: Rule, rows: list[Cells]) -> list[Judged]:
    """A row with a null in its key is not judged, but by primary_key, which it breaks."""
    columns = rule.get("columns") or [rule["column"]]
    keys = [tuple(_identity(row[c]) for c in columns) for row in rows]
    whole = [all(row[c] is not None for c in columns) for row in rows]
    times = Counter(key for key, complete in zip(keys, whole, strict=True) if complete)
    incomplete = False if rule["check"] == "primary_key" else None
    return [times[key] == 1 if complete else incomplete for key, complete in zip(keys, whole, strict=True)]


def _ordered(rule: Rule, rows: list[Cells]) -> list[Judged]:
    judged: list[Judged] = []
    before: Any = None
    for row in rows:
        cell = row[rule["column"]]
        if cell is None:
            judged.append(None)
            continue
        cell = ranked(rule["column"], cell)
        first, second = (before, cell) if rule["check"] == "increasing" else (cell, before)
        in_order = before is None or (first < second if rule.get("strict") else first <= second)
        judged.append(not is_nan(cell) and not is_nan(before) and in_order)
        before = cell
    return judged


def _within_deviations(rule: Rule, rows: list[Cells]) -> list[Judged]:
    cells = [row[rule["column"]] for row in rows]
    finite = [Fraction(c) for c in cells if c is not None and math.isfinite(c)]
    mean = sum(finite) / len(finite) if finite else Fraction(0)
    variance = sum((f - mean) ** 2 for f in finite) / (len(finite) - 1) if len(finite) > 1 else Fraction(0)
    limit = Fraction(rule.get("threshold", 3.0)) ** 2 * variance
    judged = [None if c is None else math.isfinite(c) and (Fraction(c) - mean) ** 2 <= limit for c in cells]
    reach = Fraction((len(finite) - 1) ** 2, len(finite)) if finite else Fraction(0)
    too_few = reach <= Fraction(rule.get("threshold", 3.0)) ** 2
    return [None] * len(cells) if too_few and False not in judged else judged


def judge_rows(rule: Rule, rows: list[Cells], now: datetime, references: dict[str, list[Any]]) -> list[Judged]:
    """TRUE, FALSE or not judged, for each row."""
    check, column = rule["check"], rule.get("column", "")
    match check:
        case "not_null":
            return [row[column] is not None for row in rows]
        case "not_empty":
            return [row[column] is not None and row[column].strip(BLANK) != "" for row in rows]
        case "unique" | "unique_combination" | "primary_key":
            return _repeats(rule, rows)
        case "increasing" | "decreasing":
            return _ordered(rule, rows)
        case "z_score_outlier":
            return _within_deviations(rule, rows)
        case "expression":
            return [CONDITIONS[rule["expression"]](row) for row in rows]
        case "conditional_null":
            return [row[column] is not None if CONDITIONS[rule["condition"]](row) else None for row in rows]
        case "referential_integrity":
            known = references[rule["reference_column"]]
            return [None if row[column] is None else row[column] in known for row in rows]
    return [None if row[column] is None else _value_rule(rule, row[column], now) for row in rows]


def _quantile(cells: list[Any], q: float) -> Fraction:
    ordered = sorted(Fraction(cell) for cell in cells)
    place = Fraction(q) * (len(ordered) - 1)
    low = ordered[int(place)]
    high = ordered[math.ceil(place)]
    return low + (high - low) * (place - int(place))


def _statistic(rule: Rule, cells: list[Any]) -> Any:
    """The number that a rule about a column judges; None where there is nothing to judge."""
    check = rule["check"]
    if not cells or (check == "stddev" and len(cells) < 2):
        return None
    if check in ("mean", "sum", "stddev", "min", "max") and any(map(is_nan, cells)):
        return math.nan
    if check in ("mean", "sum", "stddev") and not all(map(math.isfinite, cells)):
        return math.nan if check == "stddev" else sum(cells)
    match check:
        case "distinct_count":
            return len(set(map(_identity, cells)))
        case "mean":
            return sum(map(Fraction, cells)) / len(cells)
        case "sum":
            return sum(map(Fraction, cells))
        case "stddev":
            mean = sum(map(Fraction, cells)) / len(cells)
            return math.sqrt(sum((Fraction(c) - mean) ** 2 for c in cells) / (len(cells) - 1))
        case "min":
            return min(cells, key=lambda cell: ranked(rule["column"], cell))
        case "max":
            return max(cells, key=lambda cell: ranked(rule["column"], cell))
    return _quantile(cells, rule.get("q", 0.5))


def _metric(rule: Rule, rows: list[Cells]) -> Any:
    metric = rule.get("metric", "row_count")
    if metric == "row_count":
        return len(rows)
    there = [row[rule["column"]] for row in rows if row[rule["column"]] is not None]
    if metric == "completeness_ratio":
        return Fraction(len(there), len(rows)) if rows else None
    return _statistic({**rule, "check": metric}, there)


def _against_history(rule: Rule, rows: list[Cells], past: list[Fraction]) -> Judged:
    number = _metric(rule, rows)
    if number is None or len(past) < (rule["min_runs"] if rule["check"] == "anomaly" else 1):
        return None
    if not math.isfinite(number):
        return False
    if rule["check"] != "anomaly":
        usual = _quantile(past, 0.5)
        return abs(Fraction(number) - usual) <= Fraction(rule["max_change"]) * usual
    mean = sum(past) / len(past)
    variance = sum((p - mean) ** 2 for p in past) / (len(past) - 1)
    return (Fraction(number) - mean) ** 2 <= Fraction(rule["threshold"]) ** 2 * variance


def judge_table(rule: Rule, rows: list[Cells], now: datetime) -> Judged:
    """Whether a rule about a number of the rows holds; None where there is nothing to judge."""
    check = rule["check"]
    if check in ABOUT_HISTORY:
        return _against_history(rule, rows, [Fraction(p) for p in HISTORY[: rule["window"]]])
    if check == "row_count":
        return bool(rule.get("min", 0) <= len(rows) <= rule.get("max", math.inf))
    cells = [row[rule["column"]] for row in rows]
    there = [cell for cell in cells if cell is not None]
    if check == "completeness_ratio":
        return Fraction(len(there), len(cells)) >= Fraction(rule["min_ratio"]) if cells else None
    if check == "freshness":
        old, ahead = (timedelta(hours=int(rule.get(field, "1h")[:-1])) for field in ("max_age", "max_ahead"))
        return -ahead <= _age(max(there), now) <= old if there else None
    number = _statistic(rule, there)
    if number is None:
        return None
    low, high = ("min", "max") if check == "distinct_count" else ("at_least", "at_most")
    if check not in ("min", "max", "distinct_count") and rule["column"] != "h":
        rule = {**rule, "column": ""}
    lowest = _bound(rule, low, number, lambda n, bound: n >= bound)
    return not is_nan(number) and lowest and _bound(rule, high, number, lambda n, bound: n <= bound)


def _age(moment: date, now: datetime) -> timedelta:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return now - (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo))


ABOUT_HISTORY = frozenset(("volume", "trend", "anomaly"))
TABLE_CHECKS = (
    frozenset(("row_count", "completeness_ratio", "distinct_count", "mean", "median", "sum", "stddev", "min", "max"))
    | {"quantile", "freshness"}
    | ABOUT_HISTORY
)


def status(rule: Rule, failed: int, judged: int) -> str:
    if not judged:
        return "SKIPPED"
    rate, warn = failed / judged, rule.get("warn_failure_rate")
    if rate > rule.get("max_failure_rate", 0):
        return "FAILED"
    return "WARNING" if warn is not None and rate > warn else "PASSED"


def judge(rule: Rule, rows: list[Cells], now: datetime, references: dict[str, list[Any]]) -> list[Outcome]:
    """The outcome for each segment, in the order of the segments."""
    by = rule.get("by")
    segments = sorted({row[by] for row in rows}, key=lambda v: (v is None, v)) if by and rows else [None]
    return [_outcome(rule, segment, rows, now, references) for segment in segments]


def _outcome(
    rule: Rule, segment: Any, rows: Iterable[Cells], now: datetime, references: dict[str, list[Any]]
) -> Outcome:
    by, where = rule.get("by"), rule.get("where")
    kept = [row for row in rows if by is None or row[by] == segment]
    kept = [row for row in kept if where is None or CONDITIONS[where](row)]
    truths = (
        [judge_table(rule, kept, now)] if rule["check"] in TABLE_CHECKS else judge_rows(rule, kept, now, references)
    )
    failed, judged = truths.count(False), len(truths) - truths.count(None)
    return Outcome(segment, status(rule, failed, judged), failed, judged)


def run_status(rules: list[Rule], outcomes: list[list[Outcome]], row_count: int, threshold: float | None) -> str:
    """The word of the run."""
    results = [(rule.get("severity", "error"), o.status) for rule, of in zip(rules, outcomes, strict=True) for o in of]
    failed = [severity for severity, word in results if word == "FAILED"]
    softened = threshold is not None and bool(results) and len(failed) / len(results) <= threshold
    if not softened and any(severity in ("error", "critical") for severity in failed):
        return "FAILED"
    if any(word in ("FAILED", "WARNING") and severity != "info" for severity, word in results):
        return "WARNING"
    judged = any(word != "SKIPPED" for _, word in results)
    return "PASSED" if judged and row_count else "SKIPPED"
