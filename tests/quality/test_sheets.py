"""Excel sheets and JSON arrays: read whole and strictly; no cell and no value of another kind becomes null silently."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from checking import judge, judge_one

from quality.contract.contract import parse_source
from quality.errors import ConfigurationError
from quality.sources import Files
from quality.values import Status

DAY, NOON = datetime(2024, 1, 1), datetime(2024, 1, 2, 12, 30)
HEADER = ("id", "amount", "name", "code", "paid", "at", "note")
GOOD = [
    (1, 9.5, "a", "007", True, DAY, None),
    (2, 3, "é,", "1", False, NOON, None),
    (3, -1, None, "x", True, DAY, None),
]
ROWS = {"check": "row_count", "min": 1}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def book(
    path: str,
    rows: list[Any] = GOOD,
    header: tuple[str, ...] = HEADER,
    above: int = 0,
    sheets: tuple[str, ...] = ("Data",),
) -> None:
    """A workbook whose last sheet has the rows; others have a title only. Functions write a cell themselves."""
    made = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm"})
    for title in sheets[:-1]:
        made.add_worksheet(title).write(0, 0, "This is the cover")
    sheet = made.add_worksheet(sheets[-1])
    for at in range(above):
        sheet.write(at, 0, "Report of January")
    for row, values in enumerate([header, *rows], above):
        for column, value in enumerate(values):
            if callable(value):
                value(sheet, row, column)
            elif isinstance(value, str):
                sheet.write_string(row, column, value)
            elif value is not None:
                sheet.write(row, column, value)
    made.close()


def frame(path: str, **source: Any) -> pl.DataFrame:
    return Files(path=path, **source).scan(Path.cwd()).collect()


def test_a_sheet_is_its_cells_of_their_own_kinds() -> None:
    book("a.xlsx")
    found = frame("a.xlsx")
    assert dict(found.schema) == {
        "id": pl.Int64(),
        "amount": pl.Float64(),
        "name": pl.String(),
        "code": pl.String(),
        "paid": pl.Boolean(),
        "at": pl.Datetime("us"),
        "note": pl.Null(),
    }
    assert found.rows() == GOOD
    result = judge("a.xlsx", {"check": "non_negative", "column": "amount"}, {"check": "not_null", "column": "name"})
    assert [(rule.failed_count, rule.total_count) for rule in result.rules] == [(1, 3), (1, 3)]


def test_a_sheet_of_several_is_named() -> None:
    book("a.xlsx", sheets=("Cover", "Data"))
    assert judge("a.xlsx", ROWS).reason == "a.xlsx has 2 sheets: Cover, Data; name one in source.sheet"
    assert judge(None, ROWS, source={"path": "a.xlsx", "sheet": "Data"}).row_count == 3
    reason = judge(None, ROWS, source={"path": "a.xlsx", "sheet": "Dat"}).reason
    assert reason == "a.xlsx has no sheet 'Dat'; did you mean 'Data'?"
    with pytest.raises(ConfigurationError, match=r"sheet is for excel files only; a.csv is csv"):
        parse_source({"path": "a.csv", "sheet": "Data"})


def test_rows_above_the_header_are_skipped_and_workbooks_are_one_dataset() -> None:
    Path("in").mkdir()
    for name in ("1.xlsx", "2.xlsm"):
        book(f"in/{name}", above=2)
    Path("in/~$1.xlsx").write_text("the lock of whoever has it open")
    assert frame("in", skip_lines=2).height == 6
    book("in/3.xlsx", header=("id", "total"), rows=[(1, 2)], above=2)
    assert "in/3.xlsx has no column 'amount'" in str(judge(None, ROWS, source={"path": "in", "skip_lines": 2}).reason)


def formula(value: str | int) -> Callable[[Any, int, int], None]:
    return lambda sheet, row, column: sheet.write_formula(row, column, "=1/0", None, value)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        pytest.param([1, 2, "N/A"], "column 'v' holds a number (A2) and text (A4)", id="text among numbers"),
        pytest.param(["x", None, 5], "column 'v' holds text (A2) and a number (A4)", id="a number among texts"),
        pytest.param([True, 0], "column 'v' holds true or false (A2) and a number (A3)", id="a number among flags"),
        pytest.param([DAY, 45292], "column 'v' holds dates and other numbers", id="a number among dates"),
        pytest.param([1, formula("#DIV/0!")], "cell A3 of column 'v' is an error such as #DIV/0!", id="an error"),
        pytest.param([1, formula("")], "cell A3 of column 'v' is a formula that was not computed", id="not computed"),
        pytest.param([1, formula("#N/A")], "cell A3 of column 'v' is an error such as", id="not available"),
    ],
)
def test_a_cell_that_would_be_lost_is_named(cells: list[Any], said: str) -> None:
    book("a.xlsx", rows=[(cell, 1) for cell in cells], header=("v", "w"))
    result = judge("a.xlsx", {"check": "positive", "column": "w"})
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert f"a.xlsx sheet 'Data': {said}" in str(result.reason)


def test_a_late_cell_of_another_kind_is_noticed() -> None:
    book("a.xlsx", rows=[(number,) for number in range(2_000)] + [("N/A",)], header=("v",))
    assert "holds a number (A2) and text (A2002)" in str(judge("a.xlsx", ROWS).reason)


def test_a_declared_column_counts_what_does_not_read_as_its_dtype() -> None:
    book("a.xlsx", rows=[(1,), ("N/A",), ("two",), (4,)], header=("v",))
    declared = {"path": "a.xlsx", "dtypes": {"v": "Int64"}, "null_values": ["N/A"]}
    result = judge(None, {"check": "positive", "column": "v"}, source=declared)
    parses = next(rule for rule in result.rules if rule.rule_name.startswith("parses"))
    assert (parses.failed_count, parses.total_count) == (1, 3)
    assert "a.xlsx" not in parses.message
    assert "row 4: 'two'" in parses.message


@pytest.mark.parametrize("cut", [10, 2_000])
def test_a_workbook_that_is_cut_is_refused(cut: int) -> None:
    book("a.xlsx")
    Path("a.xlsx").write_bytes(Path("a.xlsx").read_bytes()[:cut])
    result = judge("a.xlsx", ROWS)
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert "a.xlsx cannot be read as excel: " in str(result.reason)


@pytest.mark.parametrize(("path", "module", "extra"), [("a.xlsx", "fastexcel", "excel"), ("t", "deltalake", "delta")])
def test_what_is_not_installed_is_named_with_what_to_add(
    path: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book("a.xlsx")
    Path("t/_delta_log").mkdir(parents=True)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as refused:
        judge(path, ROWS)
    assert f'needs the extra `{extra}`: add "{extra}" to `extras` in pyproject.toml' in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_array_gives_the_verdict_of_the_frame(indent: int | None) -> None:
    rows = [{"a": 1, "s": "x", "n": {"k": [1]}}, {"a": None, "s": "é\n", "n": None}, {"a": 3, "late": 1.5, "s": "]"}]
    Path("a.json").write_text("\ufeff" + json.dumps(rows, indent=indent, ensure_ascii=False), encoding="utf-8")
    found = frame("a.json")
    assert found.drop("n").rows() == [(1, "x", None), (None, "é\n", None), (3, "]", 1.5)]
    assert judge("a.json", {"check": "not_null", "column": "a"}).rules[0].failed_count == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('[{"a": 1},\n {"a": 2}', "line 2: a comma or the end of the array is missing", id="cut"),
        pytest.param('[{"a": 1},\n {"a": ', "line 2: there is no whole value; was the file cut?", id="cut within"),
        pytest.param('[{"a": 1}] [', "there is more after the end of the array", id="more"),
        pytest.param('[{"a": 1}, 5]', "object 2: the object is not a JSON object", id="no object"),
        pytest.param('[{"a": 1, "a": 2}]', "object 1: the key 'a' is there more than once", id="twice"),
        pytest.param('[{"a": 1}, {"a": "x"}]', "object 2: 'a' is text where a.json object 1 has a number", id="mixed"),
        pytest.param('[{"a": NaN}]', "object 1: the object is not a whole JSON object (NaN", id="no JSON"),
        pytest.param('{"items": []}', "a.json is one object; write its records as an array of objects", id="object"),
        pytest.param("[]", "a.json has no record", id="empty"),
        pytest.param("[{}, {}]", "a.json names no column: all of its objects are empty, {}", id="empty objects"),
        pytest.param('[{"a": 1},]', "line 1: there is no whole value", id="comma"),
    ],
)
def test_a_json_array_that_is_broken_is_refused_with_its_place(text: str, said: str) -> None:
    Path("a.json").write_text(text)
    result = judge("a.json", ROWS)
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert said in str(result.reason)


def test_a_value_of_a_json_array_that_is_not_of_its_declared_dtype_is_a_failing_row() -> None:
    Path("a.json").write_text('[{"day": "2024-01-01"}, {"day": "soon"}]')
    source = {"path": "a.json", "dtypes": {"day": "Date"}}
    result = judge(None, {"check": "not_null", "column": "day"}, source=source)
    parses = next(rule for rule in result.rules if rule.rule_name.startswith("parses"))
    assert (parses.failed_count, parses.total_count) == (1, 2)
    assert "object 2: 'soon'" in parses.message


def test_a_description_beside_data_is_no_data() -> None:
    Path("in").mkdir()
    pl.DataFrame({"a": [1]}).write_parquet("in/1.parquet")
    Path("in/about.json").write_text('{"by": "me"}')
    assert judge_one("in", ROWS).status is Status.PASSED
    Path("in/1.parquet").unlink()
    assert "is one object" in str(judge("in", ROWS).reason)
