"""A dataset is judged as the whole that it is: every file's schema, every folder's value, and no table's leftovers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import counts, judge

from quality.contract.contract import parse_source
from quality.errors import ConfigurationError, SourceError
from quality.result import CheckResult
from quality.sources import Files, Source
from quality.values import Status

Columns = dict[str, pl.Series]
ROWS = {"check": "row_count", "min": 1}
WRITE: dict[str, Callable[[pl.DataFrame, str], Any]] = {
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def files(*columns: Columns, suffix: str = "parquet") -> str:
    Path("parts").mkdir(exist_ok=True)
    for number, one in enumerate(columns, 1):
        WRITE[suffix](pl.DataFrame(one), f"parts/{number:02}.{suffix}")
    return f"parts/*.{suffix}"


def ints(*values: Any, dtype: Any = pl.Int64) -> pl.Series:
    return pl.Series(values, dtype=dtype)


def said(result: CheckResult) -> dict[str, tuple[str, str]]:
    return {rule.check: (rule.status.value, rule.message) for rule in result.rules}


@pytest.mark.parametrize("suffix", WRITE)
@pytest.mark.parametrize("path", ["parts", "parts/*"])
def test_the_file_whose_schema_differs_is_named_by_every_rule(suffix: str, path: str) -> None:
    files({"id": ints(1), "amount": ints(1.5, dtype=pl.Float64)}, suffix=suffix)
    pl.DataFrame({"id": [2], "amount": ["2.5"], "secret": ["x"]}).pipe(WRITE[suffix], f"parts/02.{suffix}")
    stated = {"id": "Int64", "amount": "Float64"}
    rules: tuple[dict[str, Any], ...] = (
        {"check": "schema", "columns": stated, "closed": True},
        {"check": "dtype", "column": "amount", "dtype": "numeric"},
        {"check": "column_exists", "column": "secret"},
        {"check": "not_null", "column": "id"},
        ROWS,
    )
    result = judge(path, *rules)
    assert (result.status, result.exit_code, result.row_count) == (Status.FAILED, 1, None)
    found = said(result)
    assert found["schema"] == (
        "FAILED",
        "the schema has 2 columns as stated, and no others; "
        f"parts/02.{suffix}: amount is String, not Float64; parts/02.{suffix}: secret is extra",
    )
    assert found["dtype"] == ("FAILED", f"amount is numeric; parts/02.{suffix}: it is String")
    assert found["column_exists"][0] == "FAILED"
    assert f"parts/01.{suffix}: column 'secret' is gone; the data has [id, amount]" in found["column_exists"][1]
    for check in ("not_null", "row_count"):
        status, message = found[check]
        assert status == "ERROR"
        assert f"parts/02.{suffix} has 'amount' as String where parts/01.{suffix} has Float64" in message
        assert "a column 'secret', which files before it lack" in message
    assert judge(path, ROWS).status is Status.ERROR


NAIVE, ZONED = datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)
EVOLVED = [
    pytest.param(
        [{"a": ints(1, dtype=pl.Int32)}, {"a": ints(2)}], "wider_numbers", pl.Int64, [1, 2], id="int32, int64"
    ),
    pytest.param([{"a": ints(2)}, {"a": ints(1, dtype=pl.Int8)}], "wider_numbers", pl.Int64, [2, 1], id="int64, int8"),
    pytest.param(
        [{"a": ints(2, dtype=pl.UInt32)}, {"a": ints(-1, dtype=pl.Int8)}],
        "wider_numbers",
        pl.Int64,
        [2, -1],
        id="unsigned, signed",
    ),
    pytest.param(
        [{"a": ints(0.5, dtype=pl.Float32)}, {"a": ints(0.25, dtype=pl.Float64)}],
        "wider_numbers",
        pl.Float64,
        [0.5, 0.25],
        id="float32, float64",
    ),
    pytest.param(
        [{"a": ints(NAIVE, dtype=pl.Datetime("us"))}, {"a": ints(NAIVE, dtype=pl.Datetime("ns"))}],
        "time_units",
        pl.Datetime("ns"),
        [NAIVE, NAIVE],
        id="us, ns",
    ),
    pytest.param(
        [{"a": ints(ZONED, dtype=pl.Datetime("us", "UTC"))}, {"a": ints(ZONED, dtype=pl.Datetime("ms", "UTC"))}],
        "time_units",
        pl.Datetime("us", "UTC"),
        [ZONED, ZONED],
        id="us, ms, both in UTC",
    ),
    pytest.param([{"b": ints(1)}, {"b": ints(1), "a": ints(2)}], "new_columns", pl.Int64, [None, 2], id="new column"),
    pytest.param([{"b": ints(1), "a": ints(2)}, {"b": ints(1)}], "missing_columns", pl.Int64, [2, None], id="dropped"),
    pytest.param(
        [{"a": ints(None, dtype=pl.Null)}, {"a": ints(2)}], "missing_columns", pl.Int64, [None, 2], id="null, int64"
    ),
    pytest.param(
        [{"a": ints([1], dtype=pl.List(pl.Int32))}, {"a": ints([2], dtype=pl.List(pl.Int64))}],
        "wider_numbers",
        pl.List(pl.Int64),
        [[1], [2]],
        id="lists",
    ),
]


@pytest.mark.parametrize("suffix", WRITE)
@pytest.mark.parametrize(("parts", "allowed", "dtype", "values"), EVOLVED)
def test_what_may_differ_is_declared_and_then_read_in_one_pass(
    parts: list[Columns], allowed: str, dtype: Any, values: list[Any], suffix: str
) -> None:
    path = files(*parts, suffix=suffix)
    refused = judge(None, {"check": "not_null", "column": "a"}, source={"path": path})
    assert refused.status is Status.ERROR
    assert "parts/02" in refused.rules[0].message
    assert f"declare `source.evolution: [{allowed}]`" in refused.rules[0].message
    source = Files(path=path, evolution=(allowed,))
    result = judge(None, {"check": "not_null", "column": "a"}, ROWS, source=source)
    nulls = values.count(None)
    assert counts(result.rules[0]) == ("FAILED" if nulls else "PASSED", nulls, 2)
    assert (result.row_count, sum(query.startswith("pass") for query in result.metadata.explain.queries)) <= (2, 2)
    frame = source.scan(Path.cwd()).collect()
    assert (frame.schema["a"], frame["a"].to_list()) == (dtype, values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ints(1), pl.Series(["1"]), id="number, text"),
        pytest.param(ints(1), ints(1.5, dtype=pl.Float64), id="int, float"),
        pytest.param(
            ints(NAIVE, dtype=pl.Datetime("us")), ints(ZONED, dtype=pl.Datetime("us", "UTC")), id="naive, UTC"
        ),
        pytest.param(
            ints(ZONED, dtype=pl.Datetime("us", "UTC")),
            ints(ZONED, dtype=pl.Datetime("us", "Europe/Berlin")),
            id="two zones",
        ),
        pytest.param(ints(date(2024, 1, 1), dtype=pl.Date), ints(NAIVE, dtype=pl.Datetime("us")), id="date, datetime"),
        pytest.param(pl.Series([True]), ints(1), id="boolean, number"),
        pytest.param(pl.Series([{"x": 1}]), pl.Series([{"y": 1}]), id="structs"),
        pytest.param(ints(1, dtype=pl.UInt64), ints(1, dtype=pl.Int64), id="no common integer up to 64 bits"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_what_no_declaration_covers_is_named_and_never_compared(
    one: pl.Series, other: pl.Series, reverse: bool
) -> None:
    pair = [{"a": other}, {"a": one}] if reverse else [{"a": one}, {"a": other}]
    every: Any = ("new_columns", "missing_columns", "time_units")
    source = Files(path=files(*pair), evolution=every)
    result = judge(None, ROWS, {"check": "not_null", "column": "a"}, source=source)
    assert {rule.status for rule in result.rules} == {Status.ERROR}
    assert "parts/02.parquet has 'a' as" in result.rules[0].message
    assert "where parts/01.parquet has" in result.rules[0].message


def test_the_odd_file_of_many_is_found_wherever_it_is() -> None:
    for odd in (1, 13, 25):
        path = files(*({"a": ints(1) if number != odd else pl.Series(["x"])} for number in range(1, 26)))
        result = judge(path, {"check": "dtype", "column": "a", "dtype": "integer"}, ROWS)
        assert f"parts/{odd:02}.parquet" in result.rules[0].message
        assert [rule.status.value for rule in result.rules] == ["FAILED", "ERROR"]


def test_the_order_of_columns_is_no_difference_but_for_the_rule_about_it() -> None:
    path = files({"a": ints(1), "b": ints(2)}, {"b": ints(2), "a": ints(1)})
    equal = {"check": "expression", "expression": "b = a + 1"}
    assert judge(path, equal, ROWS).status is Status.PASSED
    ordered = {"check": "schema", "columns": {"a": "Int64", "b": "Int64"}, "ordered": True}
    assert "parts/02.parquet: the order is [b, a], not [a, b]" in judge(path, ordered).rules[0].message


def test_the_header_of_every_csv_file_counts_by_name() -> None:
    Path("in").mkdir()
    Path("in/1.csv").write_text("a,b\n1,x\n")
    Path("in/2.csv").write_text("b,a\ny,2\n")
    total = {"check": "sum", "column": "a", "at_least": 3, "at_most": 3}
    assert judge("in", total).status is Status.PASSED
    Path("in/3.csv").write_text("b,c\nz,3\n")
    result = judge("in", total, {"check": "schema", "columns": {"a": "String", "b": "String"}, "closed": True})
    assert "in/3.csv has no column 'a', which in/1.csv has" in result.rules[0].message
    assert "in/3.csv: a is missing; in/3.csv: c is extra" in result.rules[1].message
    assert [rule.status.value for rule in result.rules] == ["ERROR", "FAILED"]
    evolved = {"path": "in", "evolution": ["new_columns", "missing_columns"]}
    nulls = judge(None, {"check": "not_null", "column": "a"}, {"check": "not_null", "column": "c"}, source=evolved)
    assert [counts(rule)[1:] for rule in nulls.rules] == [(1, 3), (2, 3)]


def test_the_keys_of_every_ndjson_file_count() -> None:
    Path("in").mkdir()
    Path("in/1.ndjson").write_text('{"a": 1, "b": "x"}\n')
    Path("in/2.ndjson").write_text('{"b": "y"}\n')
    assert "in/2.ndjson has no column 'a'" in judge("in", ROWS).rules[0].message
    evolved = {"path": "in", "evolution": ["missing_columns"]}
    result = judge(None, {"check": "not_null", "column": "a"}, source=evolved)
    assert counts(result.rules[0]) == ("FAILED", 1, 2)


def partitioned(values: list[str], suffix: str, key: str = "shop") -> None:
    for number, value in enumerate(values):
        folder = Path(f"sales/{key}={value}")
        folder.mkdir(parents=True, exist_ok=True)
        if suffix == "csv":
            (folder / "1.csv").write_text(f"a\n{number}\n")
        elif suffix == "ndjson":
            (folder / "1.ndjson").write_text(json.dumps({"a": number}) + "\n")
        else:
            WRITE[suffix](pl.DataFrame({"a": [number]}), str(folder / f"1.{suffix}"))


HIVE = [
    pytest.param(["007", "010"], None, pl.String, ["007", "010"], id="leading zeros stay"),
    pytest.param(["2023", "2024"], None, pl.Int64, [2023, 2024], id="whole numbers"),
    pytest.param(["2023", "A1"], None, pl.String, ["2023", "A1"], id="numbers and text"),
    pytest.param(["2024-01-31", "2024-02-29"], None, pl.Date, [date(2024, 1, 31), date(2024, 2, 29)], id="days"),
    pytest.param(["2024-02-29", "2024-02-30"], None, pl.String, ["2024-02-29", "2024-02-30"], id="no days"),
    pytest.param(["2023", "2024"], "String", pl.String, ["2023", "2024"], id="declared text"),
    pytest.param(["007", "008"], "Int64", pl.Int64, [7, 8], id="declared numbers"),
    pytest.param(["1", "__HIVE_DEFAULT_PARTITION__"], None, pl.Int64, [1, None], id="null"),
    pytest.param(["a b", "ä"], None, pl.String, ["a b", "ä"], id="spaces and umlauts"),
    pytest.param(["a=b", "c"], None, pl.String, ["a=b", "c"], id="a sign of equality"),
    pytest.param(["a=b", "__HIVE_DEFAULT_PARTITION__"], None, pl.String, ["a=b", None], id="beside null"),
    pytest.param(["%2F", "x%3Dy"], None, pl.String, ["/", "x=y"], id="signs in numbers"),
]


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
@pytest.mark.parametrize("path", ["sales", "sales/*/*", "sales/**/*", "sales/shop=*/1.*"])
@pytest.mark.parametrize(("values", "declared", "dtype", "want"), HIVE)
def test_the_values_of_folders_are_columns_that_lose_nothing(
    values: list[str], declared: str | None, dtype: Any, want: list[Any], path: str, suffix: str
) -> None:
    partitioned(values, suffix)
    source = Files(path=path, dtypes={"shop": declared} if declared else {})
    frame = source.scan(Path.cwd()).collect()
    assert frame.schema["shop"] == dtype
    assert sorted(frame["shop"], key=str) == sorted(want, key=str)
    result = judge(None, {"check": "not_null", "column": "a", "by": "shop"}, source=source)
    assert (result.status, len(result.rules)) == (Status.PASSED, 2)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
def test_the_name_of_a_folder_s_column_may_have_any_sign(suffix: str) -> None:
    partitioned(["2024-01-31", "2024-02-01"], suffix, "sold%20on")
    frame = Files(path="sales").scan(Path.cwd()).collect()
    assert (frame.columns, frame.rows()) == (["a", "sold on"], [(0, date(2024, 1, 31)), (1, date(2024, 2, 1))])


def test_folders_above_the_source_are_no_columns() -> None:
    partitioned(["1", "2"], "parquet")
    Path("year=2024").mkdir()
    Path("sales").rename("year=2024/sales")
    assert list(Files(path="year=2024/sales").scan(Path.cwd()).collect_schema()) == ["a", "shop"]
    assert list(Files(path="year=2024/sales/*/*.parquet").scan(Path.cwd()).collect_schema()) == ["a", "shop"]


def test_a_folder_s_value_that_is_not_of_its_declared_dtype_is_named() -> None:
    partitioned(["1", "x"], "parquet")
    result = judge(None, ROWS, source={"path": "sales", "dtypes": {"shop": "Int64"}})
    assert result.status is Status.ERROR
    assert "sales/shop=x/1.parquet: the folder shop=x does not read as Int64" in str(result.reason)
    Path("sales/2.parquet").write_bytes(Path("sales/shop=1/1.parquet").read_bytes())
    assert "lies in a folder shop=…, but sales/2.parquet does not" in str(judge("sales", ROWS).reason)
    unknown = judge(None, ROWS, source={"path": "sales/shop=1", "dtypes": {"shop": "Int64"}})
    assert "lies in no folder shop=…" in str(unknown.reason)


@pytest.mark.parametrize("path", ["in", "in/", "in/*", "in/*.csv", "**/*.csv"])
def test_a_folder_of_csv_files_is_read(path: str) -> None:
    Path("in").mkdir()
    Path("in/1.csv").write_text("a\n1\n")
    Path("in/2.csv").write_text("a\n2\n")
    assert judge(path, {"check": "sum", "column": "a", "at_least": 3, "at_most": 3}).status is Status.PASSED


def test_a_folder_of_several_formats_is_refused_unless_one_is_named() -> None:
    Path("in").mkdir()
    Path("in/1.csv").write_text("a\n1\n")
    pl.DataFrame({"a": [1]}).write_parquet("in/1.parquet")
    result = judge("in", ROWS)
    assert str(result.reason).startswith("in holds files of several formats: csv (in/1.csv), parquet (in/1.parquet)")
    assert judge(None, ROWS, source={"path": "in", "format": "csv"}).row_count == 1


def delta(table: Path) -> None:
    (table / "_delta_log").mkdir(parents=True)
    (table / "_delta_log" / "00000000000000000000.json").write_text("{}")


def iceberg(table: Path) -> None:
    (table / "metadata").mkdir(parents=True)
    (table / "metadata" / "v1.metadata.json").write_text("{}")


def lance(table: Path) -> None:
    (table / "_versions").mkdir(parents=True)
    (table / "data").mkdir()
    (table / "data" / "x.lance").write_bytes(b"x")


def hudi(table: Path) -> None:
    (table / ".hoodie").mkdir(parents=True)


@pytest.mark.parametrize(("make", "name"), [(delta, "Delta"), (iceberg, "Iceberg"), (lance, "Lance"), (hudi, "Hudi")])
@pytest.mark.parametrize(
    "path", ["lake/t", "lake/t/*.parquet", "lake/t/data/*.parquet", "lake", "**/*.parquet", "lake/t/data/1.parquet"]
)
def test_files_of_a_table_are_refused_by_its_name(make: Callable[[Path], None], name: str, path: str) -> None:
    make(Path("lake/t"))
    Path("lake/t/data").mkdir(exist_ok=True)
    for file in ("lake/t/1.parquet", "lake/t/data/1.parquet"):
        pl.DataFrame({"a": [1]}).write_parquet(file)
    result = judge(path, ROWS)
    assert result.status is Status.ERROR
    if path == "lake/t" and name in ("Delta", "Iceberg"):
        assert f"lake/t cannot be read as a{'n' * (name == 'Iceberg')} {name} table: " in str(result.reason)
    else:
        assert f"is part of a {name} table (t)" in str(result.reason)
        assert "src/domain/sources.py" in str(result.reason)


EVERYWHERE = ["parts", "parts/**/*.parquet", "parts/*/*.parquet"]


def _by_day(*days: int) -> None:
    for day in days:
        Path(f"parts/day={day}").mkdir(parents=True)
        pl.DataFrame({"id": [day]}).write_parquet(f"parts/day={day}/a.parquet")


@pytest.mark.parametrize("path", EVERYWHERE)
def test_what_links_lead_to_is_of_the_whole(path: str) -> None:
    _by_day(1, 2)
    Path("parts/day=2").rename("elsewhere")
    Path("parts/day=2").symlink_to(Path("elsewhere").resolve())
    assert judge(path, ROWS).row_count == 2


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("link", ["parts/day=2", "parts/day=1/b.parquet"], ids=["folder", "file"])
def test_a_link_that_leads_nowhere_is_no_missing_file(link: str, path: str) -> None:
    _by_day(1)
    Path(link).symlink_to("unmounted")
    result = judge(path, ROWS)
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert link in said(result)["row_count"][1]


@pytest.mark.parametrize("name", [".hidden", "lost+found"])
def test_links_of_what_is_no_data_are_nobody_s_business(name: str) -> None:
    _by_day(1)
    Path(f"parts/{name}").symlink_to("unmounted")
    assert [judge(path, ROWS).row_count for path in EVERYWHERE] == [1, 1, 1]


def test_a_link_back_is_refused_by_its_name() -> None:
    _by_day(1)
    for name in "ab":
        Path(f"parts/day=1/{name}").symlink_to("..")
    assert said(judge("parts", ROWS))["row_count"] == (
        "ERROR",
        "the link parts/day=1/a leads back to a folder that it lies in: remove it",
    )


@contextmanager
def _as_nobody(folder: Path) -> Iterator[None]:
    """Without the rights of root, whom no folder is closed to, and with a way to the folder."""
    was = os.geteuid()
    above = [place for place in folder.parents if was == 0 and place.owner() == "root" and place != Path("/")]
    modes = {place: place.stat().st_mode for place in above}
    for place, mode in modes.items():
        place.chmod(mode | 0o055)
    os.seteuid(65534 if was == 0 else was)
    try:
        yield
    finally:
        os.seteuid(was)
        for place, mode in modes.items():
            place.chmod(mode)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_folder_that_cannot_be_listed_is_no_empty_one(path: str, tmp_path: Path) -> None:
    _by_day(1, 2)
    closed = Path("parts/day=2")
    closed.chmod(0)
    try:
        with _as_nobody(tmp_path / "parts"), pytest.raises(SourceError, match=r"parts/day=2 cannot be opened.*denied"):
            Files(path=path).files(tmp_path)
    finally:
        closed.chmod(0o755)


@pytest.mark.parametrize("path", ["parts", "parts/*", "parts/a.parquet"])
def test_a_pipe_is_refused_before_it_is_waited_for(path: str) -> None:
    Path("parts").mkdir()
    os.mkfifo("parts/a.parquet")
    assert said(judge(path, ROWS))["row_count"] == (
        "ERROR",
        "parts/a.parquet is no file that could be read again, but a pipe or a device",
    )


def test_a_file_is_what_it_is_named_even_where_the_name_is_a_pattern() -> None:
    for suffix in ("parquet", "arrow"):
        WRITE[suffix](pl.DataFrame({"a": [1]}), f"a[1].{suffix}")
    Path("a[1].csv").write_text("a\n1\n")
    Path("a[1].ndjson").write_text('{"a": 1}\n')
    for suffix in ("parquet", "arrow", "csv", "ndjson"):
        assert judge(f"a[1].{suffix}", ROWS).row_count == 1


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
@pytest.mark.parametrize(
    "name", ["*", "^a$", '"', "a\nb", "a,b", "ä", " ", "text of a", "0", "key 0", "record", "rows"]
)
def test_columns_may_have_any_name(name: str, suffix: str) -> None:
    frame = pl.DataFrame({name: [1, 2], "a": [1, 1]})
    Path("in").mkdir()
    for number in (1, 2):
        part = frame if number == 1 else frame.with_columns(pl.lit(1).alias("new"))
        if suffix in WRITE:
            WRITE[suffix](part, f"in/{number}.{suffix}")
        else:
            (part.write_csv if suffix == "csv" else part.write_ndjson)(f"in/{number}.{suffix}")
    source = Files(path="in", evolution=("new_columns",))
    read = source.scan(Path.cwd()).collect()
    assert read.columns == [name, "a", "new"]
    assert read.get_column(name).to_list() == [1, 2, 1, 2]
    assert judge(None, ROWS, {"check": "sum", "column": "a", "at_most": 4}, source=source).status is Status.PASSED


def test_a_run_whose_rows_cannot_be_counted_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Moody(Source):
        kind: str = "moody"

        def scan(self, root: Path) -> pl.LazyFrame:
            def read(frame: pl.DataFrame) -> pl.DataFrame:
                raise OSError("the store is gone")

            return pl.LazyFrame({"a": [1]}).map_batches(read, schema={"a": pl.Int64})

    result = judge(Moody(), {"check": "column_exists", "column": "a"})
    assert (result.rules[0].status, result.status, result.row_count) == (Status.PASSED, Status.ERROR, None)
    assert "could not be counted" in str(result.reason)


def test_what_an_own_source_raises_is_told_with_its_cause() -> None:
    class Broken(Source):
        kind: str = "warehouse"

        def scan(self, root: Path) -> pl.LazyFrame:
            raise KeyError("no such driver")

    result = judge(Broken(), ROWS)
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    assert result.reason == "the source could not be read: warehouse: KeyError: 'no such driver'"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param({"path": "a.csv", "evolution": ["new_colums"]}, "evolution", id="evolution"),
        pytest.param({"path": "a.csv", "encoding": "latin9000"}, "there is no encoding 'latin9000'", id="encoding"),
        pytest.param({"path": "a.csv", "decimal": ",", "thousands": ","}, "must differ", id="decimal and thousands"),
        pytest.param({"path": "a.csv", "header": False}, "header: false needs `columns`", id="no header"),
        pytest.param({"path": "a.csv", "columns": ["a"]}, "columns are for files with `header: false`", id="columns"),
        pytest.param({"path": "a.csv", "header": False, "columns": ["a", "a"]}, "name each column once", id="twice"),
        pytest.param({"path": "a.csv", "separator": "||"}, "separator", id="separator"),
        pytest.param({"path": "a.csv", "dtypes": {"a": "List"}}, "cannot be read from text", id="nested"),
        pytest.param({"path": "a.csv", "dates": {"a": "never"}}, "names no part of a date", id="date format"),
        pytest.param(
            {"path": "a.csv", "dates": {"a": "DD.MM.YYYY"}, "dtypes": {"a": "Int64"}}, "'a' is Int64", id="dated number"
        ),
        pytest.param({"path": "a.parquet", "decimal": ","}, "decimal is for csv files only", id="decimal of parquet"),
        pytest.param({"path": "a.ndjson", "quote": "'"}, "quote is for csv files only", id="quote of ndjson"),
        pytest.param({"path": "a.sas7bdat"}, "the format of 'a.sas7bdat' cannot be told", id="format"),
        pytest.param({"path": "a.xls"}, "save it as .xlsx", id="old excel"),
    ],
)
def test_what_is_wrong_without_the_data_is_refused_when_it_is_read(source: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_source(source)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("path", ["a.parquet", "a.csv", "a.ndjson", "part", "s3://shop/*.arrow"])
def test_a_source_is_the_same_after_it_was_written_with_all_its_fields(path: str) -> None:
    source = parse_source(path)
    assert parse_source(source.model_dump(mode="json")) == source
    assert source.model_dump(mode="json", exclude_defaults=True) == {"path": path}
