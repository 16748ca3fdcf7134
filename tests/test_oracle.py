"""A second, independent oracle: Pointblank, on the two tables it ships, for every rule that both can express.

What Pointblank means differently, and how the comparison allows for it:
nulls fail its comparisons unless `na_pass` is set, fail its expressions, stay in its denominator, and are repeated
values of each other where keys must be distinct.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pointblank as pb
import polars as pl
import pytest
from checking import judge, judge_one

Step = Callable[[Any], Any]


@cache
def table(name: str) -> pl.DataFrame:
    loaded: pl.DataFrame = pb.load_dataset(name, tbl_type="polars")
    return loaded


def theirs(name: str, step: Step, keep: pl.Expr | None = None) -> tuple[int, int]:
    """Failing and tested units, as Pointblank counts them."""
    data = table(name) if keep is None else table(name).filter(keep)
    done = step(pb.Validate(data)).interrogate()
    return done.n_failed(i=1, scalar=True), done.n(i=1, scalar=True)


def about(check: str, column: str, **fields: Any) -> dict[str, Any]:
    return {"check": check, "column": column, **fields}


FLIGHTS, SALES = "nycflights", "global_sales"
EMAIL = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$"
CASES: list[tuple[str, dict[str, Any], Step]] = [
    (FLIGHTS, about("not_null", "dep_time"), lambda v: v.col_vals_not_null("dep_time")),
    (FLIGHTS, about("not_null", "origin"), lambda v: v.col_vals_not_null("origin")),
    (SALES, about("not_null", "customer_id"), lambda v: v.col_vals_not_null("customer_id")),
    (
        FLIGHTS,
        about("in_range", "dep_delay", min=-20, max=300),
        lambda v: v.col_vals_between("dep_delay", -20, 300, na_pass=True),
    ),
    (
        FLIGHTS,
        about("in_range", "hour", min=5, max=23, exclusive="both"),
        lambda v: v.col_vals_between("hour", 5, 23, inclusive=(False, False), na_pass=True),
    ),
    (
        FLIGHTS,
        about("in_range", "hour", min=5, max=23, exclusive="min"),
        lambda v: v.col_vals_between("hour", 5, 23, inclusive=(False, True), na_pass=True),
    ),
    (FLIGHTS, about("greater_than", "air_time", value=30), lambda v: v.col_vals_gt("air_time", 30, na_pass=True)),
    (FLIGHTS, about("gte", "air_time", value=30), lambda v: v.col_vals_ge("air_time", 30, na_pass=True)),
    (FLIGHTS, about("less_than", "arr_delay", value=120), lambda v: v.col_vals_lt("arr_delay", 120, na_pass=True)),
    (FLIGHTS, about("lte", "arr_delay", value=120), lambda v: v.col_vals_le("arr_delay", 120, na_pass=True)),
    (FLIGHTS, about("equal", "year", value=2013), lambda v: v.col_vals_eq("year", 2013, na_pass=True)),
    (FLIGHTS, about("equal", "origin", value="JFK"), lambda v: v.col_vals_eq("origin", "JFK", na_pass=True)),
    (FLIGHTS, about("not_equal", "dep_delay", value=0), lambda v: v.col_vals_ne("dep_delay", 0, na_pass=True)),
    (FLIGHTS, about("positive", "distance"), lambda v: v.col_vals_gt("distance", 0, na_pass=True)),
    (FLIGHTS, about("non_negative", "dep_delay"), lambda v: v.col_vals_ge("dep_delay", 0, na_pass=True)),
    (FLIGHTS, about("negative", "arr_delay"), lambda v: v.col_vals_lt("arr_delay", 0, na_pass=True)),
    (FLIGHTS, about("non_positive", "arr_delay"), lambda v: v.col_vals_le("arr_delay", 0, na_pass=True)),
    (SALES, about("greater_than", "price", value=50.5), lambda v: v.col_vals_gt("price", 50.5, na_pass=True)),
    (SALES, about("in_range", "tax", min=0, max=100), lambda v: v.col_vals_between("tax", 0, 100, na_pass=True)),
    (FLIGHTS, about("in_set", "origin", values=["JFK", "LGA"]), lambda v: v.col_vals_in_set("origin", ["JFK", "LGA"])),
    (FLIGHTS, about("in_set", "month", values=list(range(1, 12))), lambda v: v.col_vals_in_set("month", range(1, 12))),
    (FLIGHTS, about("not_in_set", "carrier", values=["UA"]), lambda v: v.col_vals_not_in_set("carrier", ["UA"])),
    (
        FLIGHTS,
        about("regex", "tailnum", pattern="^N[0-9]{3}[A-Z]{2}$"),
        lambda v: v.col_vals_regex("tailnum", "^N[0-9]{3}[A-Z]{2}$", na_pass=True),
    ),
    (SALES, about("regex", "email", pattern=EMAIL), lambda v: v.col_vals_regex("email", EMAIL, na_pass=True)),
    (
        FLIGHTS,
        about("length", "tailnum", min=6, max=6),
        lambda v: v.col_vals_str_len("tailnum", 6, 6, na_pass=True),
    ),
    (FLIGHTS, about("min_length", "tailnum", value=6), lambda v: v.col_vals_str_len("tailnum", 6, na_pass=True)),
    (FLIGHTS, about("max_length", "dest", value=2), lambda v: v.col_vals_str_len("dest", max_val=2, na_pass=True)),
    (
        FLIGHTS,
        {"check": "expression", "expression": "arr_time > dep_time"},
        lambda v: v.col_vals_expr((pl.col("arr_time") > pl.col("dep_time")).fill_null(True)),
    ),
    (SALES, about("unique", "email"), lambda v: v.rows_distinct(["email"])),
    (
        FLIGHTS,
        {"check": "unique_combination", "columns": ["year", "month", "day", "carrier", "flight"]},
        lambda v: v.rows_distinct(["year", "month", "day", "carrier", "flight"]),
    ),
    (SALES, about("email_format", "email"), lambda v: v.col_vals_within_spec("email", "email", na_pass=True)),
    (FLIGHTS, about("increasing", "month"), lambda v: v.col_vals_increasing("month", allow_stationary=True)),
    (FLIGHTS, about("decreasing", "day"), lambda v: v.col_vals_decreasing("day", allow_stationary=True)),
]


@pytest.mark.parametrize(
    ("name", "rule", "step"), CASES, ids=[f"{n}-{r['check']}-{i}" for i, (n, r, _) in enumerate(CASES)]
)
def test_both_count_the_same_failing_rows(name: str, rule: dict[str, Any], step: Step) -> None:
    ours, (failed, tested) = judge_one(table(name), rule), theirs(name, step)
    assert ours.failed_count == failed
    assert ours.total_count <= tested == table(name).height


@pytest.mark.parametrize(
    ("where", "keep"),
    [
        ("origin = 'JFK'", pl.col("origin") == "JFK"),
        ("dep_delay > 60 AND month = 1", (pl.col("dep_delay") > 60) & (pl.col("month") == 1)),
    ],
    ids=["text", "numbers"],
)
def test_both_count_the_same_failing_rows_of_a_part(where: str, keep: pl.Expr) -> None:
    rule = about("in_range", "air_time", min=60, max=400, where=where)
    failed, tested = theirs(FLIGHTS, lambda v: v.col_vals_between("air_time", 60, 400, na_pass=True), keep)
    ours = judge_one(table(FLIGHTS), rule)
    assert ours.failed_count == failed
    assert ours.total_count == table(FLIGHTS).filter(keep)["air_time"].count() <= tested


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        (about("mean", "distance", at_most=1039), lambda v: v.col_avg_le("distance", 1039)),
        (about("mean", "distance", at_most=1040), lambda v: v.col_avg_le("distance", 1040)),
        (about("sum", "distance", at_least=350217607), lambda v: v.col_sum_ge("distance", 350217607)),
        (about("sum", "distance", at_least=350217608), lambda v: v.col_sum_ge("distance", 350217608)),
        (about("stddev", "distance", at_most=733.233), lambda v: v.col_sd_le("distance", 733.233)),
        (about("stddev", "distance", at_most=733.234), lambda v: v.col_sd_le("distance", 733.234)),
        ({"check": "row_count", "min": 336776, "max": 336776}, lambda v: v.row_count_match(336776)),
        ({"check": "row_count", "max": 336775}, lambda v: v.row_count_match(336775)),
        (about("column_exists", "tailnum"), lambda v: v.col_exists("tailnum")),
        (about("column_exists", "tail"), lambda v: v.col_exists("tail")),
        (
            {"check": "schema", "columns": {"year": "Int64", "carrier": "String"}},
            lambda v: v.col_schema_match(pb.Schema([("year", "Int64"), ("carrier", "String")]), complete=False),
        ),
        (
            {"check": "schema", "columns": {"year": "Int64", "carrier": "Int64"}},
            lambda v: v.col_schema_match(pb.Schema([("year", "Int64"), ("carrier", "Int64")]), complete=False),
        ),
    ],
    ids=lambda part: part["check"] if isinstance(part, dict) else "",
)
def test_both_judge_the_table_alike(rule: dict[str, Any], step: Step) -> None:
    assert judge_one(table(FLIGHTS), rule).failed_count == theirs(FLIGHTS, step)[0]


def test_both_judge_segments_alike() -> None:
    done = pb.Validate(table(FLIGHTS)).col_vals_le("dep_delay", 60, na_pass=True, segments="origin").interrogate()
    found = judge(table(FLIGHTS), about("less_than_or_equal", "dep_delay", value=60, by="origin")).rules
    assert sorted(rule.failed_count for rule in found) == sorted(done.n_failed().values())


def test_null_is_a_repeated_value_for_pointblank_and_none_for_us() -> None:
    nulls = table(FLIGHTS)["tailnum"].null_count()
    assert (
        theirs(FLIGHTS, lambda v: v.rows_distinct(["tailnum"]))[0]
        == nulls + judge_one(table(FLIGHTS), about("unique", "tailnum")).failed_count
    )
