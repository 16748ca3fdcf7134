"""Files of every format and shape give the same verdict, and say in one sentence why they cannot be read."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import counts, judge, judge_one
from pydantic import ValidationError

from quality.contract.contract import parse_source
from quality.errors import ConfigurationError, SourceError
from quality.sources import Files
from quality.values import Status

DATA = pl.DataFrame({"a": [1, None, 3], "s": ["x", "é,", None]})
RULES: tuple[dict[str, Any], ...] = (
    {"check": "not_null", "column": "a"},
    {"check": "in_set", "column": "s", "values": ["x"]},
    {"check": "row_count", "min": 3, "max": 3},
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))


def in_two_parts(folder: str) -> None:
    Path(folder).mkdir()
    DATA[:2].write_parquet(f"{folder}/1.parquet")
    DATA[2:].write_parquet(f"{folder}/2.parquet")
    Path(folder, "notes.md").write_text("not data")


def compressed() -> None:
    Path("a.csv.gz").write_bytes(gzip.compress(DATA.write_csv().encode()))


@pytest.mark.parametrize(
    ("write", "source"),
    [
        pytest.param(lambda: DATA.write_parquet("a.parquet"), {"path": "a.parquet"}, id="parquet"),
        pytest.param(lambda: DATA.write_parquet("a.pq"), {"path": "a.pq"}, id="pq"),
        pytest.param(lambda: DATA.write_parquet("a.data"), {"path": "a.data", "format": "parquet"}, id="format named"),
        pytest.param(lambda: DATA.write_csv("a.csv"), {"path": "a.csv"}, id="csv"),
        pytest.param(
            lambda: DATA.write_csv("a.csv", separator=";"), {"path": "a.csv", "separator": ";"}, id="semicolon"
        ),
        pytest.param(lambda: DATA.write_csv("a.tsv", separator="\t"), {"path": "a.tsv"}, id="tsv"),
        pytest.param(compressed, {"path": "a.csv.gz"}, id="compressed csv"),
        pytest.param(lambda: DATA.write_ndjson("a.ndjson"), {"path": "a.ndjson"}, id="ndjson"),
        pytest.param(lambda: DATA.write_ndjson("a.jsonl"), {"path": "a.jsonl"}, id="jsonl"),
        pytest.param(lambda: DATA.write_ipc("a.arrow"), {"path": "a.arrow"}, id="arrow"),
        pytest.param(lambda: in_two_parts("part"), {"path": "part"}, id="folder"),
        pytest.param(lambda: in_two_parts("part"), {"path": "part/*.parquet"}, id="glob"),
        pytest.param(lambda: in_two_parts("part"), {"path": "**/*.parquet"}, id="recursive glob"),
    ],
)
def test_every_format_gives_the_verdict_of_the_frame(write: Callable[[], object], source: dict[str, Any]) -> None:
    write()
    assert judge(None, *RULES, source=source).rules == judge(DATA, *RULES).rules
    assert judge(parse_source(source), *RULES).rules == judge(DATA, *RULES).rules


def test_the_folders_of_a_hive_are_columns() -> None:
    for year in (2023, 2024):
        Path(f"sales/year={year}").mkdir(parents=True)
        DATA.write_parquet(f"sales/year={year}/1.parquet")
    rule = {"check": "not_null", "column": "a", "by": "year", "where": "year > 2000"}
    assert [(r.segment, *counts(r)) for r in judge("sales", rule).rules] == [
        (2023, "FAILED", 1, 3),
        (2024, "FAILED", 1, 3),
    ]


def test_a_path_is_of_the_caller_s_folder_and_a_source_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    DATA.write_parquet("a.parquet")
    DATA[:1].write_parquet("below/a.parquet")
    monkeypatch.chdir("below")
    rows = {"check": "row_count", "min": 1}
    assert judge("a.parquet", rows).row_count == 1
    assert judge(Path("a.parquet"), rows).row_count == 1
    assert judge(None, rows, source="a.parquet").row_count == 3


def test_dtypes_that_are_written_are_not_inferred() -> None:
    Path("a.csv").write_text("code,day\n007,2024-02-29\n")
    typed = Files(path="a.csv", dtypes={"code": "String", "day": "Date"})
    rules = {"check": "length", "column": "code", "min": 3}, {"check": "not_future", "column": "day"}
    assert [rule.status.value for rule in judge(None, *rules, source=typed).rules] == ["PASSED", "PASSED"]
    (untyped,) = judge(None, rules[1], source="a.csv").rules
    assert untyped.status.value == "ERROR"
    assert "column 'day' is String where not_future judges time: declare its dtype in source.dtypes" in untyped.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(5, "a source is a mapping such as", id="number"),
        pytest.param({}, "the source needs the field 'path'", id="no path"),
        pytest.param({"pth": "a"}, "the source", id="misspelt"),
        pytest.param({"path": ""}, "path is empty", id="empty path"),
        pytest.param(
            {"path": "a", "format": "parket"},
            "format must be one of parquet, csv, ndjson, ipc, json, excel, delta, iceberg, not 'parket'",
            id="format",
        ),
        pytest.param({"kind": "fils", "path": "a"}, "unknown source kind 'fils'; did you mean 'files'?", id="kind"),
        pytest.param({"path": "a.csv", "dtypes": {"a": "Int46"}}, "unknown dtype 'Int46'; did you mean", id="dtype"),
        pytest.param({"path": "a.csv", "dtypes": {"a": "integer"}}, "'integer' is a family", id="family"),
        pytest.param({"path": "a.parquet", "dtypes": {"a": "Int8"}}, "for CSV files only", id="typed parquet"),
    ],
)
def test_a_source_that_cannot_be_is_refused_in_one_sentence(source: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_source(source)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize("declared", [{"dtypes": {"birth": "Date"}}, {"dates": {"birth": "DD.MM.YYYY"}}])
def test_a_declared_column_that_is_gone_is_an_error_of_its_declaration_alone(kind: str, declared: Any) -> None:
    path = f"a.{kind}"
    DATA.write_csv(path) if kind == "csv" else DATA.write_ndjson(path)
    result = judge(None, RULES[-1], source=Files(path=path, **declared))
    assert (result.status, result.exit_code) == (Status.ERROR, 3)
    counted, gone = result.rules
    assert counted.status is Status.PASSED
    assert (gone.rule_name, gone.status) == ("parses(birth, Date)", Status.ERROR)
    assert gone.message == "column 'birth' is gone; the data has a, s"


def test_a_file_whose_name_is_no_text_is_named_as_far_as_it_is() -> None:
    DATA.write_csv("a.csv")
    Path(os.fsdecode(b"a\xff.csv")).write_bytes(Path("a.csv").read_bytes())
    result = judge(None, RULES[-1], source=Files(path="a*.csv"))
    assert result.status is Status.ERROR
    assert result.reason == "the name of the file a?.csv is not UTF-8 text; rename the file"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\tb", r"a\r\tb"),
        ("a\x1bb", r"a\x1bb"),
        ("a\u202eb", r"a\u202eb"),
        ("é [x] %", "é [x] %"),
    ],
    ids=ascii,
)
def test_a_file_is_named_on_one_line_whatever_its_name(name: str, told: str) -> None:
    Path("d").mkdir()
    DATA.write_csv("d/0.csv")
    Path(f"d/a{name}b.csv").write_bytes(b"a,s,a\n")
    reason = judge(None, RULES[-1], source=Files(path="d/")).reason
    assert reason == f"d/a{told}b.csv names the column 'a' more than once (line 1); rename one in the header"


@pytest.mark.parametrize("other", [pl.DataFrame({"a": [1]}), pl.DataFrame({"a\nb": ["x"]})], ids=["gone", "dtype"])
def test_a_column_is_named_on_one_line_whatever_its_name(other: pl.DataFrame) -> None:
    Path("d").mkdir()
    pl.DataFrame({"a\nb": [1]}).write_parquet("d/0.parquet")
    other.write_parquet("d/1.parquet")
    result = judge(None, {"check": "not_null", "column": "a\nb"}, source=Files(path="d/"))
    for said in (str(result.reason), result.rules[0].message):
        assert said.splitlines() == [said]
        assert "a b" in said
        assert said.endswith(("new_columns]`", "with one schema"))


def test_a_link_that_leads_nowhere_is_told_as_one() -> None:
    DATA.write_csv("a.csv")
    Path("b.csv").symlink_to("nowhere.csv")
    result = judge(None, RULES[-1], source=Files(path="*.csv"))
    assert result.reason == "the link b.csv leads to no file: remove it, or mend it"


def test_a_moment_that_is_gone_is_declared_under_the_name_that_it_has_when_it_is_there() -> None:
    Path("a.csv").write_text("a\n1\n", "utf-8")
    source = Files(path="a.csv", dates={"at": "DD.MM.YYYY HH:mm"})
    result = judge(None, {"check": "not_null", "column": "a"}, source=source)
    assert [one.rule_name for one in result.rules if one.check == "parses"] == ["parses(at, Datetime)"]


def test_a_file_whose_format_cannot_be_told_is_refused() -> None:
    Path("a.sas7bdat").write_text("x")
    with pytest.raises(ConfigurationError, match=r"the format of 'a.sas7bdat' cannot be told from '.sas7bdat'"):
        judge("a.sas7bdat", *RULES)


def test_the_version_of_a_source_changes_with_its_files() -> None:
    source = Files(path="*.parquet")
    with pytest.raises(SourceError, match=r"no file matches \*.parquet"):
        source.version(Path.cwd())
    DATA.write_parquet("a.parquet")
    first = source.version(Path.cwd())
    assert first == source.version(Path.cwd())
    DATA[:1].write_parquet("b.parquet")
    assert source.version(Path.cwd()) != first


@pytest.mark.parametrize("folder", ["data [x]", "a*b", "what?", "[", "[!a]", "in/[x]/[y]", "day=[1]"])
@pytest.mark.parametrize("file", ["*.parquet", "**/*.parquet", "none.parquet", "[abc].parquet"])
def test_a_pattern_through_a_folder_whose_name_looks_like_one_says_how_it_is_written(folder: str, file: str) -> None:
    place = Path(folder)
    place.mkdir(parents=True)
    with pytest.raises(SourceError, match=r"no file matches .*; write ") as refused:
        Files(path=f"{folder}/{file}").version(Path.cwd())
    DATA.write_parquet(place / ("none.parquet" if file == "none.parquet" else "a.parquet"))
    meant = str(refused.value).rpartition("; write ")[2]
    assert judge(meant, *RULES).row_count == DATA.height


def test_a_pattern_that_matches_only_folders_says_how_their_files_are_matched() -> None:
    place = Path("shop=1", "day=1")
    place.mkdir(parents=True)
    DATA.write_parquet(place / "a.parquet")
    path, said = "shop=*/", list[str]()
    while not said or "no file matches" in said[-1]:
        said.append(str(judge(path, *RULES).reason))
        path = said[-1].partition("write ")[2].partition(" for")[0]
    assert said[:-1] == [
        "no file matches shop=*/, only folders: write shop=*/* for the files in them",
        "no file matches shop=*/*, only folders: write shop=*/*/* for the files in them",
    ]
    assert judge("shop=*/*/*", *RULES).row_count == DATA.height


def test_a_source_is_a_value() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Files(path="a.csv").path = "b.csv"  # type: ignore[misc]


def test_a_plain_table_of_columns_or_rows_is_judged() -> None:
    assert counts(judge_one({"a": [1, None]}, RULES[0])) == ("FAILED", 1, 2)
    assert counts(judge_one([{"a": 1}, {"a": None}], RULES[0])) == ("FAILED", 1, 2)
    assert counts(judge_one(DATA.to_arrow(), RULES[0])) == ("FAILED", 1, 3)
    assert counts(judge_one(DATA.to_pandas(), RULES[0])) == ("FAILED", 1, 3)


def test_a_repository_s_dataset_is_judged_by_its_name(repository: Path) -> None:
    result = judge("users", {"check": "unique", "column": "id"})
    assert (result.status.value, result.row_count) == ("PASSED", 3)
