"""Columns may be called anything: every rule judges the column of exactly the name that is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import NOW, counts, judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rule_table import ABOUT_HISTORY, ROW_RULES, ROWS, Row, write_references

from quality import checking
from quality.contract.config import CheckConfig
from quality.engine.frame import Frame
from quality.engine.judge import Found
from quality.quarantine import splits as quarantine
from quality.rules.catalogue import parse_rules
from quality.rules.profile import profile

ODD = [
    "*",
    "^a$",
    "^.*$",
    "^",
    "$",
    "",
    " ",
    "a.b",
    'a"b',
    "a\nb",
    "v__theirs",
    "__ours",
    "rows",
    "rows ",
    "row",
    "row_",
]
ODD += [
    "mark",
    "key",
    "key 0",
    "inside 0",
    "0.failed",
    "by 0",
    "0",
    "here",
    "there 0",
    "value",
    "len",
    "literal",
    "null",
]
FIELDS = ("column", "columns", "key", "reference_column")
names = (st.sampled_from(ODD) | st.text("^a.*$()|\"'", max_size=5)).filter(lambda name: name not in ("", "b", "name"))


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_references(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def called(row: Row, name: str) -> Row:
    """The row of the table with its first column under another name, and a twin that a pattern would match instead."""
    first = row.good.columns[0]
    rule = {**row.rule, "name": "rule"}
    for field in FIELDS if row.check != "schema" else ():
        if rule.get(field) == first or first in (rule.get(field) or ()):
            rule[field] = name if isinstance(rule[field], str) else [name if c == first else c for c in rule[field]]
    if row.check == "schema":
        rule["columns"] = dict.fromkeys([name], rule["columns"]["a"])
    if row.check == "expression":
        rule["expression"] = f"{quoted(name)} < b"
    if row.check == "referential_integrity":
        rule["reference_column"] = "id"
    frames = (frame.rename({first: name}) if first in frame.columns else frame for frame in (row.good, row.bad))
    return row._replace(rule=rule, good=next(frames), bad=next(frames))


def with_decoys(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """More columns beside: what patterns match, and the names that the engine uses itself."""
    more = [pl.lit("decoy").alias(other) for other in ("a", *ODD) if other not in (*frame.columns, name, "b")]
    return frame.with_columns(more)


def references_called(name: str, first: str) -> None:
    pl.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c"], name: [1, 2, 3]}).write_parquet("reference.parquet")
    if first == "id":
        pl.DataFrame({name: [1, 2, 3], "name": ["a", "b", "c"]}).write_parquet("reference.parquet")
    baseline = pl.DataFrame({name: range(100)})
    baseline.write_parquet("baseline.parquet")
    Path("profile.json").write_text(profile(baseline.lazy()).model_dump_json())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.check)
@settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(name=names)
def test_every_rule_judges_the_column_of_exactly_that_name(row: Row, name: str) -> None:
    references_called(name, row.good.columns[0])
    odd = called(row, name)
    bad = with_decoys(odd.bad, name) if row.check not in ("column_exists", "schema") else odd.bad
    good = with_decoys(odd.good, name) if row.check not in ("column_exists", "schema") else odd.good
    (failed,), (passed,) = judge(bad, odd.rule, sample_rows=9).rules, judge(good, odd.rule).rules
    assert (counts(failed), passed.status.value) == (("FAILED", row.failed, row.judged), "PASSED"), failed.message
    if row in ROW_RULES:
        assert tuple(sample[_number(sample)] for sample in failed.samples) == row.failing or name == "row"


def _number(sample: dict[str, Any]) -> str:
    return next(iter(sample))


@pytest.mark.parametrize("name", ["*", "^a$", "rows", "by 0", "inside 0", "0.failed", 'a"b'])
@pytest.mark.parametrize("row", [row for row in ROWS if row.check not in ABOUT_HISTORY], ids=lambda row: row.check)
def test_segments_conditions_and_keys_are_of_exactly_that_name(row: Row, name: str) -> None:
    parts = pl.concat([row.bad.with_columns(pl.lit(part).alias(name)) for part in ("x", "y")])
    data = parts.with_columns(pl.lit("y").alias("z"))
    found = judge(data, {**row.rule, "by": name}, key=(name,)).rules
    assert [(one.segment, *counts(one)) for one in found] == [(s, "FAILED", row.failed, row.judged) for s in "xy"]
    assert all(sample[name] == one.segment for one in found for sample in one.samples)
    (where,) = judge(data, {**row.rule, "where": f"{quoted(name)} = 'x'"}).rules
    assert counts(where) == ("FAILED", row.failed, row.judged)


@pytest.mark.parametrize("name", [name for name in ODD if name])
def test_files_are_judged_by_exactly_that_name(name: str) -> None:
    data = pl.DataFrame({name: [1, 1, -1], "a": [5, 6, 7], "g": ["x", "x", "y"]} if name != "a" else {})
    data.write_parquet("data.parquet")
    rules = ({"check": "positive", "column": name}, {"check": "unique", "column": name})
    found = judge("data.parquet", *rules, {"check": "max", "column": name, "at_most": 0}).rules
    assert [counts(one) for one in found] == [("FAILED", 1, 3), ("FAILED", 2, 3), ("FAILED", 1, 1)]
    assert judge("data.parquet", *rules).comparable() == judge(data, *rules).comparable()


def test_quarantine_sets_apart_the_rows_of_columns_with_any_name() -> None:
    data = pl.DataFrame({"*": [1, -1], "^.*$": [3, 4], "_dq_0": [True, False]})
    rules = parse_rules([{"check": "positive", "column": "*"}])
    config = CheckConfig.model_validate({"environment": "prod", "rules": rules, "quarantine": {"path": "out"}})
    seen: list[tuple[Frame, list[Found]]] = []
    result = checking.check(data, config, now=NOW, seen=lambda frame, found: seen.append((frame, found)))
    quarantine.split(*seen[0], result, config, "one")
    (folder,) = quarantine.standing(config)
    assert pl.read_parquet(folder / "failing.parquet").select(["_dq_0"]).rows() == [(False,)]
    assert pl.read_parquet(folder / "passed.parquet").to_dict(as_series=False) == data[:1].to_dict(as_series=False)
