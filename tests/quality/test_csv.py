"""A CSV or NDJSON file is whole and strict, whatever the rules read: it is refused with its line, or read as it is."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import counts, judge

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import Quarantine
from quality.engine.frame import Frame
from quality.engine.judge import Found
from quality.quarantine import splits as quarantine
from quality.result import CheckResult
from quality.rules.catalogue import parse_rules
from quality.sources import Files
from quality.values import Status

ROWS = {"check": "row_count", "min": 1}
Row = tuple[str | None, ...]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def write(text: str | bytes, name: str = "a.csv") -> None:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


def reason(text: str | bytes, *rules: dict[str, Any], **source: Any) -> str:
    write(text)
    result = judge(None, *(rules or (ROWS,)), source={"path": "a.csv", **source})
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert {rule.message for rule in result.rules} == {result.reason}
    return str(result.reason)


BROKEN = [
    pytest.param("a,b,c\n1,2,3\n1,2,3,4\n1,2,3\n", 3, "4 fields where 3 are named", id="too many in the middle"),
    pytest.param("a,b,c\n1,2,3\n1,2,3,4\n", 3, "4 fields where 3 are named", id="too many at the end"),
    pytest.param("a,b,c\n1,2,3\n1,2\n1,2,3\n", 3, "2 fields where 3 are named", id="too few in the middle"),
    pytest.param("a,b,c\n1,2,3\n1\n", 3, "1 field where 3 are named; is it truncated?", id="too few at the end"),
    pytest.param("a,b,c\n1,2,3,\n4,5,6,\n", 2, "4 fields where 3 are named", id="a separator after each row"),
    pytest.param('a,b\n1,2\n3,"x\n5,6\n', 3, "a quoted value is not closed", id="open quote in the last column"),
    pytest.param('a,b\n1,2\n"3,x\n5,6\n', 3, "a quoted value is not closed", id="open quote in the first column"),
    pytest.param('a,b\n1,2\n3,6" pipe\n5,7" pipe\n', 3, "a quote stands inside a value", id="inch marks"),
    pytest.param('a,b\n1,2\n3,"bob"x\n5,6\n', 3, "a quote stands inside a value", id="text after a quote"),
    pytest.param('a,b\n1,2\n3, "bob"\n5,6\n', 3, "a quote stands inside a value", id="space before a quote"),
    pytest.param("a,b\n1,2\n\n3,4\n", 3, "the line is blank", id="blank line"),
    pytest.param("a,b\n1,2\n3,4\n\n", 4, "the line is blank", id="blank line at the end"),
    pytest.param("a,b\n1,2\n3,\x004\n", 3, "NUL byte", id="NUL"),
    pytest.param("a,b\n1,2\n3,x\ry\n", 3, "carriage return", id="carriage return in a value"),
    pytest.param("a,b\r1,2\r3,4\r", 1, "carriage return", id="lines ended by carriage returns"),
    pytest.param("a,b\n1,2\n3,ü\n".encode("latin-1"), 3, "not utf-8 text: set source.encoding", id="Latin-1"),
    pytest.param("# by hand\na,b\n1,2\n", 2, "2 fields where 1 are named", id="comment"),
    pytest.param('a,b\n1,"x\ny"\n2,3,4\n', 4, "3 fields where 2 are named", id="after a value of two lines"),
    pytest.param("a,b\n" + "1,2\n" * 250_000 + "1\n" + "1,2\n" * 9, 250_002, "1 field", id="far below"),
    pytest.param("a,b\n" + '1,"x\n2"\n' * 120_000 + "1\n" + "1,2\n" * 9, 240_002, "1 field", id="far, over lines"),
]


@pytest.mark.parametrize(("text", "line", "said"), BROKEN)
@pytest.mark.parametrize("column", ["a", "b"])
def test_a_broken_file_is_refused_with_its_line_whatever_the_rules_read(
    text: str | bytes, line: int, said: str, column: str
) -> None:
    for rules in ((ROWS,), ({"check": "not_null", "column": column},), ({"check": "column_exists", "column": column},)):
        told = reason(text, *rules)
        assert told.startswith("a.csv cannot be read as csv: line ")
        assert f"line {line:,}: " in told
        assert said in told


def test_every_line_of_a_packed_file_and_of_each_of_many_is_looked_at() -> None:
    write(gzip.compress(b"a,b\n1,2\n3\n4,5\n"), "a.csv.gz")
    assert "a.csv.gz cannot be read as csv: line 3: 1 field" in str(judge("a.csv.gz", ROWS).reason)
    write(gzip.compress(b"a,b\n1,2\n3,4\n")[:-9], "a.csv.gz")
    assert judge("a.csv.gz", ROWS).status is Status.ERROR
    write(gzip.compress(b"a,b\n1,2\n3,4"), "a.csv.gz")
    assert "its last line is not ended" in str(judge("a.csv.gz", ROWS).reason)
    Path("in").mkdir()
    write("a,b\n1,2\n", "in/1.csv")
    write("a,b\n1,2\n3\n", "in/2.csv")
    assert "in/2.csv cannot be read as csv: line 3: 1 field" in str(judge("in", ROWS).reason)


def test_a_last_line_that_is_not_ended_may_be_cut_unless_it_is_always_so() -> None:
    assert "its last value may have been cut" in reason("a,b\n1,200\n3,45")
    assert judge(None, ROWS, source={"path": "a.csv", "ends_in_newline": False}).row_count == 2
    write("a,b\n1,2")
    assert judge("a.csv", ROWS).row_count == 1


@pytest.mark.parametrize(
    ("header", "said"),
    [
        pytest.param("a,b,a", "names the column 'a' more than once", id="twice"),
        pytest.param('a,"b', "a quoted value is not closed", id="open"),
        pytest.param('a,b"c"', "a quote stands inside a value", id="stray"),
        pytest.param("a;b", "is its separator ';'? set source.separator", id="semicolon"),
        pytest.param("a\tb", "is its separator a tab? set source.separator", id="tab"),
        pytest.param("a|b", "is its separator '|'? set source.separator", id="bar"),
        pytest.param("", "a.csv names no column: line 1, its header, is blank", id="blank"),
        pytest.param("\n", "line 1, its header, is blank; remove it, or set source.skip_lines", id="blank lines"),
        pytest.param("\ufeff\n", "line 1, its header, is blank", id="a mark and blank lines"),
        pytest.param('""\n""', "line 1, its header, is blank", id="nothing in quotes"),
        pytest.param(" , ", "line 1, its header, is blank", id="blanks"),
        pytest.param("\na\n1", "line 1, its header, is blank", id="a blank line above"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused(header: str, said: str) -> None:
    assert said in reason(f"{header}\n")


GOOD = [
    pytest.param("a,b\r\n1,x\r\n2,y\r\n", [("1", "x"), ("2", "y")], id="CRLF"),
    pytest.param('a,b\n1,"x\ny"\n2,"z\n"\n', [("1", "x\ny"), ("2", "z\n")], id="quoted newlines"),
    pytest.param('a,b\n1,"say ""hi"""\n2,""\n', [("1", 'say "hi"'), ("2", "")], id="doubled quotes"),
    pytest.param('a,b\n1,"x,y"\n2,\n', [("1", "x,y"), ("2", None)], id="quoted separator"),
    pytest.param("\ufeffa,b\n1,ä\n2,€\n", [("1", "ä"), ("2", "€")], id="byte order mark"),
    pytest.param('"a","b"\n"1","2"\n"3","4"\n', [("1", "2"), ("3", "4")], id="all quoted"),
    pytest.param('a\n1\n\n"x\n\ny"\n', [("1",), (None,), ("x\n\ny",)], id="one column with a blank line"),
    pytest.param(",b\n1,2\n3,4\n", [("1", "2"), ("3", "4")], id="a column without a name"),
]


@pytest.mark.parametrize(("text", "rows"), GOOD)
def test_a_good_file_is_read_as_it_is(text: str, rows: list[Row]) -> None:
    write(text)
    names = text.splitlines()[0].strip("\ufeff").replace('"', "").split(",")
    frame = Files(path="a.csv", dtypes=dict.fromkeys(names, "String")).scan(Path.cwd()).collect()
    assert frame.rows() == rows
    assert judge("a.csv", ROWS).row_count == len(rows)


def test_wide_files_are_looked_at_too() -> None:
    names = [f"c{number}" for number in range(3_000)]
    good = ",".join(names) + "\n" + ('"1",' * 2_999 + "1\n") * 3
    write(good)
    assert judge("a.csv", ROWS).row_count == 3
    assert "line 5: 2999 fields where 3000 are named" in reason(
        good + "1," * 2_998 + "1\n" + good.split("\n")[1] + "\n"
    )


def test_a_quote_that_is_never_closed_does_not_take_the_file_into_memory() -> None:
    told = reason('a,b\n1,"x\n' + ("1," + "y" * 1_000 + "\n") * 120_000)
    assert "line 2: a quoted value is not closed within 10,000,000 characters" in told


SMALL = (
    b"id,name\n1,ann\n2,bob\n3,cy\n",
    b'id,name\n1,"a,b"\n2,"x ""y"""\n3,"p\nq"\n',
    b"id,name\r\n1,ann\r\n2,\r\n3,\xc3\xa4\r\n",
    b'a\n1\n"2"\n3\n',
    b'a,b,c\n1,,"x"\n,"",2\n"3",4,\n',
)
INSERTED = (b",", b'"', b"\n", b"\r", b"\x00", b"\xff", b" ", b"x", b"#", b";")


def mutated(good: bytes) -> Iterator[bytes]:
    """The file cut, and with a byte deleted, inserted, replaced or doubled, at every position."""
    for at in range(len(good) + 1):
        yield good[:at]
        yield good[:at] + good[at + 1 :]
        yield good[:at] + good[at : at + 1] + good[at:]
        for sign in INSERTED:
            yield good[:at] + sign + good[at:]
        for sign in INSERTED[:3]:
            yield good[:at] + sign + good[at + 1 :]


def reference(data: bytes) -> tuple[list[str], list[Row]] | None:
    """RFC 4180 by hand, strict: names and rows, an empty field as None; None for what is not a whole CSV file."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    rows: list[Row] = []
    row: list[str | None] = []
    at, end = 0, len(text)
    while at < end or row:
        found = re.compile(r'"((?:[^"\x00]|"")*)"|([^",\r\n\x00]*)').match(text, at)
        sign = re.compile(r",|\r?\n|\Z").match(text, found.end()) if found else None
        if found is None or sign is None:
            return None
        row.append(found[1].replace('""', '"') if found[1] is not None else found[2] or None)
        at = sign.end()
        if sign[0] != ",":
            rows.append(tuple(row))
            row = []
    names = [name or "" for name in rows[0]] if rows else []
    if not "".join(names).strip() or len(set(names)) < len(names) or any(len(one) != len(names) for one in rows):
        return None
    return names, rows[1:]


def test_no_mutated_csv_file_is_green_unless_a_reader_in_plain_python_reads_the_same_rows() -> None:
    """The reference takes a last line that is not ended; we do not, where there are several."""
    accepted = refused = 0
    for data in sorted({one for good in SMALL for one in mutated(good)}):
        write(data)
        names, rows = reference(data) or ([], [])
        column = next(filter(None, names), None)
        whole = [{"check": "not_null", "column": column, "severity": "info"}] if column else []
        result = judge("a.csv", ROWS, *whole)
        if not rows:
            assert not result.is_success, data
        if result.is_success:
            read = Files(path="a.csv", dtypes=dict.fromkeys(names, "String")).scan(Path.cwd()).collect()
            assert (read.columns, read.rows(), result.row_count) == (names, rows, len(rows)), data
            accepted += 1
        else:
            unended = len(rows) > 1 and not data.endswith(b"\n")
            other_separator = len(names) == 1 and ";" in names[0]
            assert not rows or unended or other_separator, data
            refused += 1
    assert min(accepted, refused) > 400


def test_random_files_are_read_as_plain_python_reads_them() -> None:
    chance = random.Random(7)
    signs = ["a", "1", " ", ",", ",", '"', '""', '"x"', "\n", "\n", "\r\n", "\r", "é", "\x00"]
    weights = [8, 8, 2, 9, 9, 2, 2, 6, 6, 6, 3, 0.3, 2, 0.1]
    accepted = 0
    for _ in range(600):
        body = "".join(chance.choices(signs, weights, k=chance.randrange(1, 24)))
        data = f"h,k\n{body}\n".encode()
        write(data)
        want, result = reference(data), judge("a.csv", ROWS)
        if result.is_success:
            assert want is not None, data
            read = Files(path="a.csv", dtypes={"h": "String", "k": "String"}).scan(Path.cwd()).collect()
            assert read.rows() == want[1], data
            accepted += 1
    assert accepted > 20


@pytest.mark.parametrize(
    ("text", "options", "values"),
    [
        pytest.param("a;b\n1,5;x\n2,25;y\n", {"separator": ";", "decimal": ","}, [1.5, 2.25], id="decimal comma"),
        pytest.param(
            "a;b\n1.234,5;x\n2;y\n", {"separator": ";", "decimal": ",", "thousands": "."}, [1234.5, 2.0], id="thousands"
        ),
        pytest.param('a,b\n"1,234.5",x\n2,y\n', {"thousands": ","}, [1234.5, 2.0], id="thousands with commas"),
        pytest.param("a,b\n1.5,x\nNA,y\n-,z\n", {"null_values": ["NA", "-"]}, [1.5, None, None], id="null values"),
        pytest.param("a,b\n1.5,'x,y'\n2.5,z\n", {"quote": "'"}, [1.5, 2.5], id="quote"),
        pytest.param('a,b\n1.5,6" pipe\n2.5,7"\n', {"quote": "none"}, [1.5, 2.5], id="no quotes"),
        pytest.param("#x\na,b\n#,,,\n1.5,x\n2.5,#\n#\n", {"comment": "#"}, [1.5, 2.5], id="comments"),
        pytest.param("made by\n,,\na,b\n1.5,x\n2.5,y\n", {"skip_lines": 2}, [1.5, 2.5], id="skipped lines"),
        pytest.param("1.5,x\n2.5,y\n", {"header": False, "columns": ["a", "b"]}, [1.5, 2.5], id="no header"),
        pytest.param(
            "a,b\n1e-05,x\ninf,y\n-1E3,z\n", {"scientific": True}, [1e-05, float("inf"), -1000.0], id="exponents"
        ),
    ],
)
def test_what_a_contract_says_of_a_file_is_how_it_is_read(
    text: str, options: dict[str, Any], values: list[Any]
) -> None:
    write(text)
    for dtypes in ({}, {"a": "Float64"}):
        source = Files(path="a.csv", dtypes=dtypes, **options)
        assert source.scan(Path.cwd()).collect()["a"].to_list() == values
        result = judge(None, {"check": "not_null", "column": "a", "severity": "info"}, ROWS, source=source)
        assert (result.status, result.row_count) == (Status.PASSED, len(values))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig", "iso8859-15"])
def test_files_of_other_encodings_are_read_as_they_are(encoding: str) -> None:
    write('a,b\n1,"é\nü"\n2,ß\n'.encode(encoding))
    source = Files(path="a.csv", encoding=encoding)
    assert source.scan(Path.cwd()).collect()["b"].to_list() == ["é\nü", "ß"]
    write('a,b\n1,"é\nü"\n2,ß\n3\n'.encode(encoding))
    assert "line 5: 1 field" in str(judge(None, ROWS, source=source).reason)
    write(gzip.compress("a,b\n1,é\n".encode(encoding)), "a.csv.gz")
    assert judge(None, ROWS, source=Files(path="a.csv.gz", encoding=encoding)).row_count == 1


def test_a_file_that_is_not_of_its_declared_encoding_is_refused_with_its_line() -> None:
    assert "line 3: not ascii text" in reason("a,b\n1,2\n3,ä\n", encoding="ascii")
    assert "set source.encoding" in reason("a,b\n1,2\n".encode("utf-16"))
    assert "set source.encoding" in reason("a,b\n1,2\n".encode("utf-16-le"))


WRONG = [
    *[
        ("Float64", text)
        for text in ("1.", ".5", "1e3", "inf", "nan", "NaN", "+1", " 1", "1 ", "1,5", "0x1", "-", "\u0661")
    ],
    *[("Int64", text) for text in ("1.0", "1e3", "+1", " 1", "1_000", "1,000", "--1", "9223372036854775808", "a")],
    *[("UInt8", text) for text in ("-1", "256")],
    *[("Decimal", text) for text in ("1.", "1e3", "1.0123456789")],
    *[("Date", text) for text in ("2024-1-1", "24-01-01", "2024-02-30", " 2024-01-01", "2024-01-01 ", "2024/01/01")],
    *[("Date", text) for text in ("2024-01-01T00:00:00", "+2024-01-01", "20240101", "2024-01-011")],
    *[("Datetime", text) for text in ("2024-01-01", "2024-01-01 1:00", "2024-01-01 24:00:00", "2024-01-01T00:00:00Z")],
    *[("Time", text) for text in ("1:00", "25:00:00", "12:00 ")],
    *[("Boolean", text) for text in ("1", "0", "yes", "t", " true")],
]
RIGHT: list[tuple[str, str, Any]] = [
    ("Float64", "1.5", 1.5),
    ("Float64", "-10", -10.0),
    ("Int64", "-9223372036854775808", -(2**63)),
    ("Int64", "007", 7),
    ("Decimal", "-1.10", Decimal("-1.10")),
    ("Date", "2024-02-29", date(2024, 2, 29)),
    ("Datetime", "2024-02-29 23:59", datetime(2024, 2, 29, 23, 59)),
    ("Datetime", "2024-02-29T23:59:58.5", datetime(2024, 2, 29, 23, 59, 58, 500_000)),
    ("Time", "23:59:58", time(23, 59, 58)),
    ("Boolean", "TRUE", True),
    ("Boolean", "false", False),
]


@pytest.mark.parametrize(("dtype", "text"), WRONG)
def test_a_text_that_is_no_value_of_its_declared_dtype_is_a_failing_row_of_the_declaration(
    dtype: str, text: str
) -> None:
    good = next(right for kind, right, _ in RIGHT if kind == {"UInt8": "Int64"}.get(dtype, dtype))
    good = "7" if dtype == "UInt8" else good
    write(f'k,v\n1,"{good}"\n2,"{text}"\n3,\n4,"{good}"\n')
    source = Files(path="a.csv", dtypes={"v": dtype})
    result = judge(None, {"check": "completeness_ratio", "column": "v", "min_ratio": 0.5}, ROWS, source=source)
    assert (result.status, result.row_count) == (Status.FAILED, 4)
    holds, rows, parses = result.rules
    assert (holds.status, holds.value, rows.status) == (Status.PASSED, 0.5, Status.PASSED)
    assert (parses.check, parses.column, *counts(parses)) == ("parses", "v", "FAILED", 1, 3)
    assert f"line 3: '{text}'" in parses.message
    assert parses.samples == ({"line": 3, "v": text},)


@pytest.mark.parametrize(("dtype", "text", "value"), RIGHT)
def test_a_text_that_is_exactly_a_value_is_read_as_it(dtype: str, text: str, value: Any) -> None:
    write(f"k,v\n1,{text}\n2,\n3,{text}\n")
    source = Files(path="a.csv", dtypes={"v": dtype})
    assert source.scan(Path.cwd()).collect()["v"].to_list() == [value, None, value]
    result = judge(None, {"check": "distinct_count", "column": "v", "max": 1}, source=source)
    assert (result.status, len(result.rules)) == (Status.PASSED, 1)


@pytest.mark.parametrize(
    ("form", "good", "bad", "value"),
    [
        ("DD.MM.YYYY", "29.02.2024", "29.02.24", date(2024, 2, 29)),
        ("%d/%m/%Y", "01/12/2024", "1/12/2024", date(2024, 12, 1)),
        ("%Y%m%d", "20241231", "2024-12-31", date(2024, 12, 31)),
        ("%d.%m.%Y %H:%M", "29.02.2024 23:59", "29.02.2024", datetime(2024, 2, 29, 23, 59)),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-01-01T01:00:00+0100", "2024-01-01T01:00:00", datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_are_of_their_declared_format(form: str, good: str, bad: str, value: Any) -> None:
    write(f"k,v\n1,{good}\n2,{good}\n")
    source = Files(path="a.csv", dates={"v": form})
    assert source.scan(Path.cwd()).collect()["v"].to_list() == [value, value]
    write(f"k,v\n1,{good}\n2,{bad}\n")
    result = judge(None, ROWS, source=source)
    assert f"line 3: '{bad}'" in result.rules[-1].message


def parses(result: CheckResult) -> Any:
    return next(rule for rule in result.rules if rule.check == "parses")


def test_wrong_values_are_counted_over_all_files_and_told_with_file_and_line() -> None:
    Path("in").mkdir()
    write('k,v\n"1\n\n",2\n3,4\n', "in/1.csv")
    write('k,v\n"x\ny",2\n5,NA\n7,8\n9,-\n', "in/2.csv")
    write("v,k\n?,1\n", "in/3.csv")
    found = parses(judge(None, ROWS, source=Files(path="in", dtypes={"v": "Int64"})))
    assert counts(found) == ("FAILED", 3, 7)
    assert "(in/2.csv line 4: 'NA', in/2.csv line 6: '-', in/3.csv line 2: '?')" in found.message
    assert found.samples[0] == {"file": "in/2.csv", "line": 4, "v": "NA"}


def test_a_wrong_value_is_hidden_where_its_column_is_sensitive() -> None:
    write("k,v\n1,secret\n2,3\n")
    result = judge(None, ROWS, source=Files(path="a.csv", dtypes={"v": "Int64"}), sensitive=("v",))
    assert parses(result).status is Status.FAILED
    assert "secret" not in result.model_dump_json()


def test_a_dtype_of_the_first_rows_is_a_guess_and_what_breaks_it_is_no_verdict_of_green() -> None:
    write("k,v\n" + "1,2\n" * 10_500 + "1,NA\n")
    result = judge("a.csv", {"check": "positive", "column": "v"}, {"check": "positive", "column": "k"})
    assert [rule.status.value for rule in result.rules] == ["ERROR", "PASSED"]
    assert "column 'v' is Int64 in its first rows, but not in all: NA; declare its dtype" in result.rules[0].message
    stated = judge("a.csv", {"check": "dtype", "column": "v", "dtype": "Int64"})
    assert (stated.status, parses(stated).failed_count) == (Status.FAILED, 1)
    assert "line 10,502: 'NA'" in parses(stated).message


def test_a_reference_with_a_wrong_value_is_not_judged_by() -> None:
    write("k\n1\n2\n")
    write("k\n1\n2\nx\n", "b.csv")
    rule = {"check": "foreign_key", "column": "k", "reference": {"path": "b.csv", "dtypes": {"k": "Int64"}}}
    assert judge("a.csv", rule).status is Status.ERROR
    write("k\n1\n2\n3,4\n", "b.csv")
    assert "b.csv cannot be read as csv: line 4: 2 fields" in judge("a.csv", rule).rules[0].message


@pytest.mark.parametrize("dtypes", [{}, {"a": "Int64"}])
def test_a_header_without_rows_is_not_green(dtypes: dict[str, str]) -> None:
    write("a,b\n")
    rules = [{"check": check, "column": "a"} for check in ("not_null", "positive", "unique")]
    result = judge(None, *rules, source=Files(path="a.csv", dtypes=dtypes))
    assert {rule.status for rule in result.rules} == {Status.SKIPPED}
    assert (result.status, result.row_count, result.is_success) == (Status.SKIPPED, 0, False)


def test_a_column_without_a_value_is_judged_by_no_rule_about_values() -> None:
    write("a,b\n1,\n2,\n")
    rules = [{"check": check, "column": "b"} for check in ("positive", "not_empty", "not_future")]
    result = judge("a.csv", *rules, {"check": "dtype", "column": "b", "dtype": "String"}, ROWS)
    found = {rule.check: rule.status.value for rule in result.rules}
    assert found["positive"] == found["not_future"] == "SKIPPED"
    assert (found["dtype"], found["row_count"]) == ("PASSED", "PASSED")


def test_a_column_whose_values_come_late_is_still_of_their_dtype() -> None:
    write("a,b\n" + "1,\n" * 10_500 + "1,5\n")
    assert Files(path="a.csv").scan(Path.cwd()).collect_schema() == {"a": pl.Int64, "b": pl.Int64}


NDJSON = [
    pytest.param('{"a": 1}\n{"a": "x"}\n', 2, "'a' is text where a.ndjson line 1 has a number", id="mixed"),
    pytest.param('{"a": "x"}\n{"a": null}\n{"a": 1}\n', 3, "'a' is a number where", id="a number where text"),
    pytest.param('{"a": 1}\n{"a": true}\n', 2, "'a' is true or false where", id="a boolean"),
    pytest.param('{"a": [1]}\n{"a": 1}\n', 2, "'a' is a number where", id="a number where a list"),
    pytest.param('{"a": 1}\n{"a": 1, "a": 2}\n', 2, "the key 'a' is there more than once", id="key twice"),
    pytest.param('{"a": 1}\n{"a": {"b": 1, "b": 2}}\n', 2, "the key 'b' is there more than once", id="inner key twice"),
    pytest.param('{"a": 1}\n{"a": 2', 2, "not a whole JSON object", id="cut"),
    pytest.param('{"a": 1}\n{"a": 2} x\n', 2, "not a whole JSON object", id="more after the object"),
    pytest.param('{"a": 1}\n[1]\n', 2, "not a JSON object", id="a list"),
    pytest.param('[{"a": 1},\n{"a": 2}]\n', 1, "not a whole JSON object", id="an array over lines"),
    pytest.param('{"a": NaN}\n', 1, "not a whole JSON object", id="NaN"),
    pytest.param('{"a": 1}\n' * 12_000 + '{"a": "x"}\n', 12_001, "'a' is text where", id="text after the first rows"),
]


@pytest.mark.parametrize(("text", "line", "said"), NDJSON)
def test_a_broken_ndjson_file_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    write(text, "a.ndjson")
    result = judge("a.ndjson", ROWS)
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert f"line {line:,}: " in str(result.reason)
    assert said in str(result.reason)


def test_a_key_that_comes_late_is_a_column() -> None:
    write('{"a": 1}\n' * 12_000 + '{"a": 1, "late": "x"}\n', "a.ndjson")
    result = judge("a.ndjson", {"check": "not_null", "column": "late"})
    assert counts(result.rules[0]) == ("FAILED", 12_000, 12_001)


def test_values_of_ndjson_that_are_not_of_their_declared_dtype_are_failing_rows() -> None:
    write('{"a": 1}\n\n{"a": "2"}\n{"a": "x"}\n{"a": 1.5}\n{}\n', "a.ndjson")
    source = Files(path="a.ndjson", dtypes={"a": "Int64"})
    result = judge(None, ROWS, {"check": "not_null", "column": "a", "severity": "info"}, source=source)
    assert counts(parses(result)) == ("FAILED", 2, 4)
    assert "(line 4: 'x', line 5: '1.5')" in parses(result).message
    assert result.row_count == 5


def test_no_mutated_ndjson_file_is_green_unless_plain_python_reads_the_same_rows() -> None:
    good = b'{"a": 1, "b": "x"}\n{"a": 2, "b": "\\"y"}\n{"b": null, "a": 3}\n'
    accepted = 0
    for data in sorted(set(mutated(good)))[::2]:
        write(data, "a.ndjson")
        if judge("a.ndjson", ROWS).is_success:
            rows = [json.loads(line) for line in data.decode().split("\n") if line.strip()]
            names = list(dict.fromkeys(name for row in rows for name in row))
            read = Files(path="a.ndjson").scan(Path.cwd()).collect()
            assert read.columns == names, data
            assert read.rows() == [tuple(row.get(name) for name in names) for row in rows], data
            accepted += 1
    assert accepted > 100


@pytest.mark.parametrize("passed", [True, False], ids=["good rows written", "failing rows only"])
def test_rows_whose_values_do_not_parse_are_set_apart_like_any_failing_rows(passed: bool, tmp_path: Path) -> None:
    write("k,v\n1,2\n2,x\n3,-4\n4,5\n")
    rules = parse_rules([{"check": "positive", "column": "v"}, {"check": "unique", "column": "k"}])
    config = CheckConfig(
        dataset="orders",
        environment="dev",
        source=Files(path="a.csv", dtypes={"v": "Int64"}),
        rules=rules,
        quarantine=Quarantine(path="out", passed=passed),
    )
    seen: list[tuple[Frame, list[Found]]] = []
    result = check(None, config, seen=lambda frame, found: seen.append((frame, found)))
    split = quarantine.split(*seen[0], result, config, "one")
    assert (split.rows, split.passed, split.failing) == (4, 2, 2)
    (folder,) = quarantine.standing(config)
    apart = pl.read_parquet(folder / "failing.parquet").select("k", "v", "_dq_rules").rows()
    assert apart == [(2, None, ["parses(v, Int64)"]), (3, -4, ["positive(v)"])]
    if passed:
        assert pl.read_parquet(folder / "passed.parquet").rows() == [(1, 2), (4, 5)]
