"""One partition of a dataset is judged alone: only its files are read, and only partitions are its past."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nightly import RULES, Repository
from prefect import task
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import Artifact
from prefect.states import Running
from pydantic import SecretStr
from pyiceberg.catalog.sql import SqlCatalog
from sink import Sink, listening

from quality import create_quality_flow, data_quality_check_task, quality_checked_flow, server
from quality.__main__ import main
from quality.checking import caught, check
from quality.cli.deployment import run_deployed
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.history import runs as history
from quality.ladder.block import DataQualityBlock
from quality.ladder.deployment import deploy, ensure_pool
from quality.ladder.flows import check_dataset
from quality.ladder.prefect_file import load_prefect_file
from quality.ladder.tasks import verdict_key
from quality.operations import after_check, dead, notifications
from quality.provenance import RunMetadata
from quality.quarantine import redrive, splits
from quality.reporting import guidance
from quality.result import CheckResult, RuleResult
from quality.rollout import evidence, scorecard
from quality.server import latest_artifacts, result_of
from quality.sources import partition
from quality.values import Status

VOLUME = {"check": "volume", "max_change": 0.5, "window": 3}
ROWS = {"check": "row_count", "min": 1}
ONE, TWO, THREE = "day=2026-11-24", "day=2026-11-25", "day=2026-11-26"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.delenv("QUALITY_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path, source={"path": "data/orders/"})


def holds(folder: str, rows: int = 4, **columns: list[Any]) -> Path:
    """A file of so many good rows in a folder of the dataset."""
    file = Path("data", "orders", *folder.split(","), "rows.parquet")
    file.parent.mkdir(parents=True, exist_ok=True)
    good = {"id": [*range(rows)], "email": ["a@x.org"] * rows, "amount": [1.0] * rows}
    pl.DataFrame(good | columns).write_parquet(file)
    return file


def judged(repository: Repository, part: str | None) -> CheckResult:
    return check(None, repository.config.override(partition=part))


def ran(repository: Repository, part: str | None) -> CheckResult:
    """With all that a run leaves behind."""
    return after_check.check(None, repository.config.override(partition=part)).result


def past_of(repository: Repository, part: str | None) -> list[tuple[str | None, int | None]]:
    """The partition and the rows of each run that history has, oldest first."""
    runs = history.runs_of(history.metrics(repository.config.override(partition=part)))
    return list(runs.select("partition", "rows").iter_rows())


def test_only_the_files_of_the_partition_are_listed_opened_and_versioned(repository: Repository) -> None:
    holds(ONE)
    holds(TWO, 3)
    holds("day=2026-11-26").write_bytes(b"")
    Path("data/orders/stray.csv").write_text("no,such\n")
    one, two = judged(repository, ONE), judged(repository, TWO)
    assert (one.status, one.row_count, two.row_count) == (Status.PASSED, 4, 3)
    assert one.metadata.version != two.metadata.version
    assert judged(repository, None).status is Status.ERROR
    assert "is empty (0 bytes)" in str(judged(repository, THREE).reason)
    holds(TWO, 2)
    assert judged(repository, ONE).metadata.version == one.metadata.version
    assert judged(repository, TWO).metadata.version != two.metadata.version


@pytest.mark.parametrize("path", ["data/orders", "data/orders/", "data/orders/*/*/*", "data/orders/**/*.csv"])
def test_several_keys_are_in_any_order_and_written_as_folders_are_or_plain(repository: Repository, path: str) -> None:
    for folder, rows in (("day=1,city=New%20York", 2), ("day=1,city=Köln", 3), ("day=2,city=New%20York", 4)):
        file = holds(folder, rows)
        pl.read_parquet(file).write_csv(file.with_suffix(".csv"))
        file.unlink()
    repository.says(source={"path": path})
    asked = ["day=1,city=New%20York", "city=New York, day=1", "city=New York,day=1,day=1"]
    found = [judged(repository, one) for one in asked]
    assert [one.row_count for one in found] == [2, 2, 2]
    assert {one.metadata.partition for one in found} == {"city=New York,day=1"}
    assert judged(repository, "day=1").row_count == 5
    assert judged(repository, "city=K%C3%B6ln").row_count == 3


@pytest.mark.parametrize("asked", ["day=", "day=__HIVE_DEFAULT_PARTITION__"])
def test_rows_without_a_value_are_a_partition(repository: Repository, asked: str) -> None:
    repository.says(rules=[{"check": "not_null", "column": "day"}])
    holds("day=__HIVE_DEFAULT_PARTITION__", 2)
    holds(ONE, 3)
    result = judged(repository, asked)
    assert (result.metadata.partition, result.rules[0].failed_count, result.row_count) == ("day=", 2, 2)


def test_a_column_of_folders_has_the_dtype_that_it_has_in_the_whole(repository: Repository) -> None:
    repository.says(rules=[{"check": "in_set", "column": "shop", "values": ["007", "12"]}])
    holds("shop=007", 1)
    holds("shop=12", 2)
    assert judged(repository, None).status is judged(repository, "shop=12").status is Status.PASSED


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([""], "partition: a partition is a column and its value, such as day=2026-11-26, not nothing"),
        (["day"], "partition: a partition is a column and its value, such as day=2026-11-26, not 'day'"),
        (["=5"], "partition: a partition is a column and its value, such as day=2026-11-26, not '=5'"),
        ([f"{ONE},"], "partition: a partition is a column and its value, such as day=2026-11-26, not nothing"),
        ([f"{ONE},{TWO}"], "partition: the partition has two values of 'day'; ask for one, and for the other in"),
        ([ONE, TWO], "partition: the partition has two values of 'day'; ask for one, and for the other in another run"),
        (["dya=2026-11-24"], "has no partition column 'dya'; its partition columns are day; did you mean 'day'?"),
        ([ONE, "shop=1"], "data/orders/ has no partition column 'shop'; its partition columns are day"),
    ],
    ids=["empty", "no sign", "no key", "a comma too many", "twice", "given twice", "misspelt", "unknown"],
)
def test_a_partition_that_cannot_be_meant_is_refused_in_one_sentence(
    repository: Repository, asked: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    holds(ONE)
    words = [word for one in asked for word in ("--partition", one)]
    assert main(["task", "orders", *words, "--json"]) == 2
    problem = json.loads(capsys.readouterr().out)["problem"]
    assert said in problem
    assert len(problem.splitlines()) == 1
    assert not list(Path().rglob("partition-*"))


def test_a_partition_that_is_not_there_is_an_error_that_names_the_nearest(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in ("2026-11-21", "2026-11-25", "2026-12-03"):
        holds(f"day={day}")
    assert main(["task", "orders", "--partition", THREE, "--json"]) == 3
    result = json.loads(capsys.readouterr().out)["runs"][0]["result"]
    said = "data/orders/ has no partition day=2026-11-26; the nearest are day=2026-11-25, day=2026-12-03"
    assert (result["status"], result["reason"], result["retry_helps"]) == ("ERROR", said, True)
    assert past_of(repository, THREE) == [(THREE, None)]


def test_a_partition_that_only_looks_like_another_is_told_from_it(repository: Repository) -> None:
    holds("city=nai\u0308ve")
    said = judged(repository, "city=na\u00efve").reason
    assert said == "data/orders/ has no partition city=na\u00efve; the nearest are city=nai%CC%88ve"
    assert judged(repository, "city=nai%CC%88ve").status is Status.PASSED


def test_rows_in_two_folders_of_one_key_are_of_neither(repository: Repository) -> None:
    holds("day=1,day=2")
    for part in (None, "day=2"):
        said = judged(repository, part).reason
        assert said == "day=1/day=2/rows.parquet lies in two folders day=…, of which only one can name its rows"


@pytest.mark.parametrize("verb", ["task", "block", "flow", "deployment"])
@pytest.mark.parametrize("source", ["data/orders/", "data/orders/*/*", "data/one.parquet", None], ids=str)
def test_every_rung_refuses_a_partition_that_the_source_cannot_have_before_a_server_is_started(
    verb: str, source: str | None, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def starts() -> None:
        raise AssertionError("a server is started")

    monkeypatch.setattr(server, "prefect_api", starts)
    holds(ONE).rename("data/one.parquet")
    holds(TWO)
    repository.says(source={"path": source} if source else {"connection": "env:SHOP", "table": "orders"})
    assert main(["entries"]) == 0
    capsys.readouterr()
    assert main([verb, "orders", "--partition", "dya=1", "--json"]) == 2
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert "partition" in run["problem"]
    assert len(run["problem"].splitlines()) == 1
    assert not list(Path().rglob("partition-*"))


@pytest.mark.parametrize("above", ["day=7", "shop [new]", "a*b"])
@pytest.mark.parametrize("path", ["data/orders/", "data/orders/*/*", "data/orders/**/*.parquet"])
def test_a_repository_lies_in_any_folder(
    above: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / above).mkdir()
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path / above))
    monkeypatch.chdir(tmp_path / above)
    rules = [{"check": "in_set", "column": "day", "values": [1, 2]}]
    repository = Repository(tmp_path / above, source={"path": path}, rules=rules)
    holds("day=1")
    holds("day=2", 3)
    assert [judged(repository, part).row_count for part in (None, "day=1", "day=2")] == [7, 4, 3]
    assert judged(repository, None).status is Status.PASSED


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("data/plain.parquet", "data/plain.parquet has no partition columns: no folders such as day=2026-11-26"),
        (pl.DataFrame({"day": ["2026-11-26"]}), "a frame in memory has no partition day=2026-11-26; leave the"),
        ({"connection": "env:SHOP", "table": "orders"}, "a source of kind sql has no partition columns, so no"),
    ],
    ids=["file", "frame", "database"],
)
def test_what_has_no_partitions_says_so(repository: Repository, data: Any, said: str) -> None:
    pl.DataFrame({"id": [1]}).write_parquet("data/plain.parquet")
    asked: dict[str, Any] = {"source": data} if isinstance(data, dict) else {}
    config = CheckConfig(partition=THREE).override(rules=[ROWS], **asked)
    with pytest.raises(ConfigurationError) as refused:
        check(None if asked else data, config)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


ROW_RULES: list[dict[str, Any]] = [
    {"check": "not_null", "column": "n"},
    {"check": "in_range", "column": "n", "min": 0, "max": 5},
    {"check": "regex", "column": "t", "pattern": "^[a-c]*$"},
    {"check": "not_null", "column": "t", "where": "n > 2"},
    {"check": "expression", "expression": "n IS NULL OR n <> 3"},
    {"check": "in_set", "column": "part", "values": ["a", "1", "2026-11-26"]},
    {"check": "not_null", "column": "part"},
]
CELLS = st.tuples(st.none() | st.integers(-3, 9), st.none() | st.text("abcd", max_size=3))
PARTS = st.sampled_from([None, "a", "1", "007", "2026-11-26", "x y", "ä%", "a,b=c", "*", "[a]*"])


@given(rows=st.dictionaries(PARTS, st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_failing_rows_of_all_partitions_add_up_to_those_of_the_whole(
    tmp_path: Path, rows: dict[str | None, list[tuple[int | None, str | None]]]
) -> None:
    folder = tmp_path / uuid4().hex
    for part, cells in rows.items():
        place = folder / f"part={'__HIVE_DEFAULT_PARTITION__' if part is None else quote(part, safe='*[]')}"
        place.mkdir(parents=True)
        schema = {"n": pl.Int64(), "t": pl.String()}
        pl.DataFrame(cells, schema=schema, orient="row").write_parquet(place / "rows.parquet")
    config = CheckConfig().override(rules=ROW_RULES)
    whole = check(f"{folder}/", config)
    parts = [check(f"{folder}/", config.override(partition=f"part={quote(part or '')}")) for part in rows]
    assert sum(one.row_count or 0 for one in parts) == whole.row_count
    for n, rule in enumerate(whole.rules):
        failed, of = (sum(getattr(one.rules[n], name) for one in parts) for name in ("failed_count", "total_count"))
        assert (failed, of) == (rule.failed_count, rule.total_count), rule.rule_name


@given(values=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), min_size=1, max_size=3))
def test_a_partition_is_read_back_from_its_text(values: dict[str, str]) -> None:
    asked = ",".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in values.items())
    if any(not key.strip() for key in values):
        return
    found = partition.read(asked)
    assert dict(found.values) == {k: v or None for k, v in values.items()} or partition.NO_VALUE in values.values()
    assert partition.read(found.text) == found
    assert partition.canonical(found.text) == found.text


def last(result: CheckResult) -> RuleResult:
    return result.rules[-1]


def test_the_past_of_a_partition_is_other_partitions_and_never_the_whole(repository: Repository) -> None:
    repository.says(rules=[*RULES, VOLUME])
    holds(ONE, 100)
    holds(TWO, 101)
    assert last(ran(repository, None)).status is Status.SKIPPED
    assert last(ran(repository, ONE)).status is Status.SKIPPED
    holds(THREE, 40)
    second, third = last(ran(repository, TWO)), last(ran(repository, THREE))
    assert (second.status, third.status) == (Status.PASSED, Status.FAILED)
    assert past_of(repository, THREE) == [(ONE, 100), (TWO, 101), (THREE, 40)]
    whole = last(ran(repository, None))
    assert (whole.status, past_of(repository, None)) == (Status.PASSED, [(None, 201), (None, 241)])


def test_a_partition_is_not_its_own_past_whatever_version_of_it_is_judged(repository: Repository) -> None:
    repository.says(rules=[*RULES, VOLUME])
    holds(ONE, 60)
    for rows in (100, 100, 5, 100):
        holds(TWO, rows)
        assert last(ran(repository, TWO)).status is Status.SKIPPED
    assert last(ran(repository, ONE)).status is Status.PASSED
    assert [rows for part, rows in past_of(repository, TWO) if part == TWO] == [100, 100, 5, 100]
    before = past_of(repository, TWO)
    assert last(ran(repository, TWO)).status is Status.FAILED
    assert len(past_of(repository, TWO)) == len(before), "a second look at the same version replaces the first"


def test_partitions_by_other_columns_are_another_series(repository: Repository) -> None:
    repository.says(rules=[*RULES, VOLUME])
    for country in ("de", "fr"):
        holds(f"{ONE},country={country}", 50)
        holds(f"{TWO},country={country}", 50)
    assert last(ran(repository, ONE)).status is Status.SKIPPED
    assert last(ran(repository, f"{ONE},country=de")).status is Status.SKIPPED
    assert last(ran(repository, f"country=fr,{ONE}")).status is Status.PASSED
    assert last(ran(repository, TWO)).status is Status.PASSED
    assert past_of(repository, f"{ONE},country=de") == [(f"country={one},{ONE}", 50) for one in ("de", "fr")]


def test_the_configuration_is_the_same_and_proves_nothing_of_the_whole(repository: Repository) -> None:
    holds(ONE)
    config = repository.config.override(partition=ONE)
    assert config.fingerprint == repository.config.fingerprint
    assert DataQualityBlock.from_config(config) == DataQualityBlock.from_config(repository.config)
    assert main(["task", "orders", "--partition", ONE]) == 0
    assert evidence.read("orders", "task") == {}
    assert scorecard.standing("orders", "prod").current_level is None
    with pytest.raises(ConfigurationError, match="orders day=2026-11-24: one partition proves no rung of the whole"):
        evidence.of(judged(repository, ONE), "task")
    assert main(["task", "orders"]) == 0
    assert evidence.read("orders", "task")["prod"].row_count == 4


def test_a_result_of_before_partitions_is_one_of_the_whole() -> None:
    before = RunMetadata(dataset="orders").model_dump(exclude={"partition"})
    assert RunMetadata.model_validate(before).partition is None


def test_history_and_report_show_the_partitions(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    holds(ONE)
    holds(TWO, 3)
    for part in (ONE, TWO, None):
        ran(repository, part)
    assert main(["history", "orders", "--partition", ONE, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert [(run["partition"], run["rows"]) for run in found["runs"]] == [(ONE, 4), (TWO, 3)]
    assert main(["history", "orders", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert [(run["partition"], run["rows"]) for run in found["runs"]] == [(None, 7)]
    assert main(["history", "orders", "--partition", ONE]) == 0
    said = capsys.readouterr().out
    assert "orders by day in prod" in said
    assert TWO in said
    assert main(["report", "orders", "--partition", ONE, "--json"]) == 0
    page = Path(json.loads(capsys.readouterr().out)["reports"][0]["path"])
    assert page.name == "orders-prod-day=2026-11-24.html"
    assert "PASSED: orders day=2026-11-24 in prod" in page.read_text("utf-8")
    assert ONE not in Path("reports/orders-prod.html").read_text("utf-8")


def test_history_names_a_partition_as_it_is_asked_for(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for folder in ("city=New%20York", "city=München", "city=50%25%2Ca", "city=__HIVE_DEFAULT_PARTITION__"):
        holds(folder)
    asked = ["city=New York", "city=München", "city=50%25%2Ca", "city="]
    for part in asked:
        ran(repository, part)
    main(["history", "orders", "--partition", "city=New York", "--json"])
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert [run["partition"] for run in found["runs"]] == asked
    main(["history", "orders", "--partition", "city=New York"])
    said = capsys.readouterr().out
    assert all(part in said for part in asked)


@pytest.mark.parametrize("verb", ["history", "report"])
def test_a_command_that_is_named_asks_for_the_partition_as_a_shell_takes_it(
    repository: Repository, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    asked = 'city=it\'s "New York" $HOME'
    main([verb, "orders", "--partition", asked])
    shown = capsys.readouterr()
    command = (shown.out + shown.err).partition("nox -s task -- ")[2].strip().removesuffix(" makes one").rstrip("`")
    assert shlex.split(command) == ["orders", "--env", "prod", "--partition", asked]


@pytest.mark.parametrize("verb", ["history", "report"])
def test_a_command_for_a_value_that_is_not_shown_leaves_it_to_who_runs_it(
    repository: Repository, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    repository.says(sensitive=["who"])
    main([verb, "orders", "--partition", "who=alice"])
    shown = capsys.readouterr()
    command = (shown.out + shown.err).partition("nox -s task -- ")[2].strip().removesuffix(" makes one").rstrip("`")
    assert shlex.split(command, comments=True) == ["orders", "--env", "prod", "--partition", "who=VALUE"]
    assert command.endswith(" # VALUE: a value that is not shown here")
    about = RunMetadata(dataset="orders", environment="prod", partition="token=abc,day=1")
    again = guidance.again(CheckResult(status=Status.FAILED, timestamp=datetime.now(UTC), metadata=about))
    assert again is not None
    assert shlex.split(again, comments=True)[-1] == "token=VALUE,day=1"


def test_a_value_of_a_sensitive_column_is_shown_nowhere(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.says(sensitive=["who"], rules=[*RULES, VOLUME])
    holds("who=alice", 4, amount=[-1.0] * 4)
    holds("who=bob", 4)
    for who in ("alice", "bob", "carol"):
        main(["task", "orders", "--partition", f"who={who}", "--json"])
        ran(repository, f"who={who}")
    main(["history", "orders", "--partition", "who=alice"])
    said = capsys.readouterr().out
    pages = [page.read_text("utf-8") + page.name for page in Path("reports").iterdir()]
    assert len(pages) == 3
    kept = [str(pl.read_parquet(file).to_dicts()) + file.name for file in Path(".quality").rglob("*.parquet")]
    assert len(kept) == 4, "two looks at one version are one run"
    for text in (said, *pages, *kept):
        assert "who=***" in text
        assert not any(who in text for who in ("alice", "bob", "carol"))
    assert len({part for part, _ in past_of(repository, "who=bob")}) == 3
    told = history.metrics(repository.config.override(partition="who=bob"))["partition_told"].unique()
    assert len(told) == 3
    assert all(part.startswith("who=*** (") for part in told)


def test_an_isolated_check_judges_the_partition(repository: Repository) -> None:
    holds(ONE)
    holds(TWO, 3)
    repository.decides(isolate=True)
    result = judged(repository, TWO)
    assert (result.row_count, result.metadata.partition, result.metadata.subject) == (3, TWO, f"orders {TWO}")
    with pytest.raises(ConfigurationError, match="has no partition column 'dya'"):
        judged(repository, "dya=1")


def test_rows_of_a_partition_are_quarantined_and_released_apart(repository: Repository) -> None:
    repository.says(quarantine={"path": "out"})
    holds(ONE, 4, amount=[1.0, -1.0, 1.0, -1.0])
    holds(TWO, 3, amount=[-1.0, 1.0, 1.0])
    for part in (ONE, TWO, None, ONE):
        ran(repository, part)
    configs = {part: repository.config.override(partition=part) for part in (ONE, TWO, None)}
    failing = {part: [one.failing for one in splits.standing(config).values()] for part, config in configs.items()}
    assert failing == {ONE: [2], TWO: [1], None: [7]}  # all of the whole's ids repeat
    repository.says(rules=[{"check": "in_range", "column": "amount", "min": -5, "max": 100}])
    released = redrive.redrive(repository.config.override(partition=ONE))
    assert released
    assert (released.passed, released.failing, released.partition) == (2, 0, ONE)
    assert [one.failing for one in splits.standing(configs[TWO]).values()] == [1]


def test_rows_of_partitions_in_quarantine_are_not_denied_to_who_redrives_the_whole(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.says(quarantine={"path": "out"})
    holds("city=New%20York", 4, amount=[1.0, -1.0, 1.0, -1.0])
    holds("city=Bern", 3)
    for part in ("city=New York", "city=Bern"):
        ran(repository, part)
    assert main(["redrive", "orders"]) == 0
    said = capsys.readouterr().out
    assert "orders in prod: nothing is in quarantine but rows of partitions that were judged alone" in said
    (line,) = (one for one in said.splitlines() if "nox -s redrive -- " in one)
    assert line.startswith("orders in prod: city=New York: 2 rows in quarantine: ")
    assert shlex.split(line.partition(" -- ")[2])[-2:] == ["--partition", "city=New York"]
    assert main(["redrive", "orders", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["datasets"][0]["partitions"] == {"city=New York": 2}
    repository.says(rules=[{"check": "in_range", "column": "amount", "min": -5, "max": 100}])
    assert main(["redrive", "orders", "--partition", "city=New York"]) == 0
    capsys.readouterr()
    assert main(["redrive", "orders"]) == 0
    assert capsys.readouterr().out.strip() == "orders in prod: nothing is in quarantine"


def test_old_rows_of_a_partition_go_when_another_is_judged(repository: Repository) -> None:
    repository.says(quarantine={"path": "out", "keep_days": 10})
    for part, days in ((ONE, 20), (TWO, 5)):
        holds(part)
        ran(repository, part)
        (day,) = Path("out").glob(f"*/*/partition={part}/date=*")
        day.rename(day.with_name(f"date={date.today() - timedelta(days=days)}"))
    holds(THREE)
    ran(repository, THREE)
    assert sorted(one.parts[3] for one in Path("out").rglob("run=*")) == [f"partition={TWO}", f"partition={THREE}"]


def test_a_task_and_a_block_take_a_partition(repository: Repository) -> None:
    holds(ONE)
    holds(TWO, 3)
    asked: Any = data_quality_check_task
    rows = [asked("orders", partition=part, fail_on_error=False).row_count for part in (ONE, TWO, None)]
    assert rows == [4, 3, 7]
    block = DataQualityBlock.from_config(repository.config).model_copy(update={"partition": None})
    assert block.check(partition=TWO).row_count == 3
    assert asked(block=block, partition=TWO).row_count == 3
    of_one = DataQualityBlock(**block.given() | {"partition": ONE})
    assert of_one.check().metadata.partition == ONE
    assert of_one.check(partition=TWO).metadata.partition == TWO


def test_a_cached_verdict_of_the_only_partition_is_none_of_the_whole(repository: Repository) -> None:
    holds(ONE)
    of_the_task: Any = None  # which the key does not depend on
    keys = {part: verdict_key("orders", of_the_task, {"data": "orders", "partition": part}) for part in (ONE, None)}
    assert None not in keys.values()
    assert keys[ONE] != keys[None]


LOADED: list[str] = []


def names_the_data(folder: str = "data/orders/") -> str:
    LOADED.append(folder)
    return folder


async def names_the_data_later(folder: str) -> Path:
    return Path(names_the_data(folder) + "*/*.parquet")


def names_the_configured() -> None:
    LOADED.append("the contract's")


def loads_rows(folder: str = "data/orders/") -> pl.DataFrame:
    return pl.read_parquet(names_the_data(folder))


def says_nothing(folder: str = "data/orders/"):  # type: ignore[no-untyped-def]
    return names_the_data(folder)


def chooses_itself(partition: str | None = None) -> pl.DataFrame:
    return pl.read_parquet(f"{names_the_data()}{partition or '*'}/*.parquet")


def chooses_by_any_word(**words: str) -> pl.LazyFrame:
    return chooses_itself(**words).lazy()


@pytest.mark.parametrize(
    ("loader", "given", "past"),
    [
        (names_the_data, {}, [3]),
        (task(names_the_data), {"folder": "data/orders/"}, [3]),
        (names_the_configured, {}, [3]),
        (names_the_data_later, {"folder": "data/orders/"}, [3]),
        (chooses_itself, {}, []),
        (chooses_by_any_word, {}, []),
    ],
    ids=["a path", "a task", "the contract's source", "async", "by itself", "by any word"],
)
def test_a_flow_of_a_loader_takes_a_partition(
    api: str, repository: Repository, loader: Any, given: dict[str, Any], past: list[int]
) -> None:
    holds(ONE)
    holds(TWO, 3, id=[7, 8, 9])
    made: Any = create_quality_flow("made", loader, dataset="orders", environment="prod")

    def rows(**more: Any) -> int:
        found = made(**given, **more)
        return int((asyncio.run(found) if made.isasync else found).row_count)

    assert (rows(partition=TWO), rows()) == (3, 7)
    assert [rows for part, rows in past_of(repository, TWO) if part == TWO] == past
    assert made.parameters.properties.keys() & {"partition", "words"}


@pytest.mark.parametrize(
    ("loader", "part", "said"),
    [
        (loads_rows, ONE, "the loader of this flow does not say that it returns a path, a dataset's name or a"),
        (says_nothing, ONE, "the loader of this flow does not say that it returns a path, a dataset's name or a"),
        (names_the_data, "day", "partition: a partition is a column and its value, such as day=2026-11-26, not 'day'"),
    ],
    ids=["rows", "nobody knows what", "no partition"],
)
def test_a_partition_that_a_flow_cannot_judge_alone_is_refused_before_anything_is_loaded(
    api: str, repository: Repository, loader: Any, part: str, said: str
) -> None:
    holds(ONE)
    LOADED.clear()
    made: Any = create_quality_flow("made", loader, dataset="orders", environment="prod")
    with pytest.raises(ConfigurationError) as refused:
        made(partition=part)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert LOADED == []
    assert ("partition" in made.parameters.properties) == (part != ONE)


def test_a_decorated_function_that_takes_no_partition_is_not_run_for_one(api: str, repository: Repository) -> None:
    holds(ONE)
    LOADED.clear()
    made: Any = quality_checked_flow(dataset="orders", environment="prod")(names_the_data)
    with pytest.raises(ConfigurationError, match="the function of this flow takes no partition, so that it would"):
        made(partition=ONE)
    assert LOADED == []
    own: Any = quality_checked_flow(dataset="orders", environment="prod")(chooses_itself)
    assert own(partition=ONE).height == 4


DAYS = pl.DataFrame(
    {"id": [1, 2, 3, 4, 5], "day": [date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 25), None, None]}
)


def delta(folder: Path) -> dict[str, Any]:
    DAYS.write_delta(folder / "t", delta_write_options={"partition_by": ["day"]})
    return {"path": "t"}


def iceberg(folder: Path) -> dict[str, Any]:
    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=f"file://{folder}")
    catalog.create_namespace("n")
    rows = DAYS.to_arrow()
    made = catalog.create_table("n.t", schema=rows.schema)
    with made.update_spec() as spec:
        spec.add_identity("day")
    made.append(rows)
    return {"path": "n/t"}


@pytest.mark.parametrize("write", [delta, iceberg])
def test_a_partition_of_a_table_is_judged_alone(repository: Repository, write: Any) -> None:
    source = write(repository.root)
    repository.says(source=source, key=[], sensitive=[], rules=[{"check": "in_range", "column": "id", "min": 2}])
    found = {part: judged(repository, part) for part in (None, ONE, TWO, "day=")}
    assert {part: (one.row_count, one.rules[0].failed_count) for part, one in found.items()} == {
        None: (5, 1),
        ONE: (1, 1),
        TWO: (2, 0),
        "day=": (2, 0),
    }
    assert len({one.metadata.version for one in found.values()}) == 4
    missing = judged(repository, THREE)
    assert missing.status is Status.ERROR
    assert f"{source['path']} has no partition {THREE}; the nearest are {TWO}" in str(missing.reason)
    with pytest.raises(ConfigurationError, match="has no partition column 'shop'; its partition columns are day"):
        judged(repository, "shop=1")
    (gone,) = repository.root.rglob(f"*{ONE}/*.parquet")
    gone.unlink()
    assert judged(repository, TWO).status is Status.PASSED
    assert judged(repository, ONE).status is judged(repository, None).status is Status.ERROR


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        (["New York", "ä/ö%41"], ["city=New%20York", "city=%C3%A4%2F%C3%B6%2541"]),
        (
            [datetime(2026, 11, 26), datetime(2026, 11, 26, 12)],
            ["city=2026-11-26 00:00:00", "city=2026-11-26 12:00:00"],
        ),
        ([True, False], ["city=true", "city=false"]),
        ([7, -8], ["city=7", "city=-8"]),
    ],
    ids=["text", "moments", "flags", "numbers"],
)
def test_a_partition_of_a_table_is_named_by_what_its_values_are(
    repository: Repository, values: list[Any], asked: list[str]
) -> None:
    options = {"partition_by": ["city"]}
    pl.DataFrame({"id": [1, 2], "city": values}).write_delta("lake", delta_write_options=options)
    repository.says(source={"path": "lake"}, key=[], sensitive=[], rules=[ROWS])
    assert [judged(repository, part).row_count for part in (None, *asked)] == [2, 1, 1]


def test_lineage_tells_the_partition_of_a_run(repository: Repository) -> None:
    repository.decides(lineage={"namespace": "shop", "path": "lineage.ndjson"})
    holds(ONE)
    holds(TWO, 3)
    for part in (ONE, None):
        ran(repository, part)
    made = [json.loads(line) for line in Path("lineage.ndjson").read_text("utf-8").splitlines()]
    assert [one["job"]["name"] for one in made] == ["check-orders-prod-by-day"] * 2 + ["check-orders-prod"] * 2
    told = [[tag["value"] for tag in one["run"].get("facets", {}).get("tags", {"tags": []})["tags"]] for one in made]
    assert told == [[ONE], [ONE], [], []]
    assert made[1]["inputs"][0]["inputFacets"]["dataQualityMetrics"]["rowCount"] == 4


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture
def served(repository: Repository, api: str, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The repository on a server, with a channel; the domain is this test's own."""
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0.01)
    name = f"parts-{uuid4().hex[:6]}"
    SlackWebhook(url=SecretStr(f"json://{sink.place}/x")).save(name, overwrite=True, _sync=True)  # type: ignore[call-arg]
    repository.policy["domain"] = name
    repository.decides(notifications=[{"channel": "slack", "block": f"slack-webhook/{name}"}])
    return repository


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


def flowed(part: str | None) -> CheckResult:
    return caught(lambda: check_dataset("orders", partition=part))


def heads(sink: Sink) -> list[str]:
    """What each new message begins with."""
    found = [message.splitlines()[0].partition(", domain")[0] for message in sink.messages]
    sink.bodies.clear()
    return found


def test_two_partitions_of_one_night_are_two_incidents_beside_that_of_the_whole(
    served: Repository, sink: Sink, client: SyncPrefectClient
) -> None:
    served.says(rules=[{"check": "in_range", "column": "amount", "min": 0}])
    for day in (ONE, TWO):
        holds(day, amount=[-1.0] * 4)
    assert [flowed(part).status for part in (ONE, TWO, None)] == [Status.FAILED] * 3
    opened = [f"FAILED: orders{part} in prod: 1 incident opened" for part in (f" {ONE}", f" {TWO}", "")]
    assert heads(sink) == opened
    holds(TWO)
    assert [flowed(part).status for part in (ONE, TWO, None)] == [Status.FAILED, Status.PASSED, Status.FAILED]
    assert heads(sink) == [f"RECOVERED: orders {TWO} in prod: 1 incident recovered"]
    holds(ONE)
    assert flowed(None).status is Status.PASSED
    assert heads(sink) == ["RECOVERED: orders in prod: 1 incident recovered"]
    block = DataQualityBlock(partition=None)
    made = create_quality_flow("made", dataset="orders", environment="prod", block=block)
    assert made(partition=ONE).metadata.partition == ONE
    assert heads(sink) == [f"RECOVERED: orders {ONE} in prod: 1 incident recovered"]
    keys = [f"{served.policy['domain']}-orders-prod{by}-quality" for by in ("", "-by-day")]
    newest: dict[str, Artifact] = latest_artifacts(client, [*keys, *(f"{key}-result" for key in keys)])
    assert [result_of(newest[f"{key}-result"]).metadata.partition for key in keys] == [None, ONE]
    assert str(newest[keys[1]].data).startswith(f"# orders {ONE} in prod: PASSED")


def test_a_run_of_a_partition_that_died_is_an_incident_of_that_partition(
    served: Repository, sink: Sink, client: SyncPrefectClient
) -> None:
    holds(ONE)
    asked = {"dataset": "orders", "environment": "prod", "partition": ONE}
    run = client.create_flow_run(check_dataset, parameters=asked, state=Running())
    (said,) = dead.bury(client, served.config, check_dataset.name, own_server=True)
    assert run.name in said
    assert heads(sink) == [f"ERROR: orders {ONE} in prod: 1 incident opened"]
    assert flowed(None).is_success
    assert heads(sink) == []
    assert flowed(ONE).is_success
    assert heads(sink) == [f"RECOVERED: orders {ONE} in prod: 1 incident recovered"]


FILE = """
name: parts
pull: []
deployments:
  - name: parts-orders-prod
    entrypoint: quality.ladder.flows.check_dataset
    parameters: {dataset: orders, environment: prod}
    work_pool: {name: parts-prod, job_variables: {stream_output: false}}
    schedules: []
    paused: false
    concurrency_limit: null
"""


def test_every_session_judges_the_partition_and_a_worker_a_run_that_is_given_one(
    served: Repository, client: SyncPrefectClient, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = {"enabled": True, "reuse_seconds": 3600, "may_gate": True, "reason": "so that the test says it"}
    served.decides(cache=cache)
    holds(ONE)
    holds(TWO, 3)
    Path("prefect.yaml").write_text(FILE, "utf-8")
    file = load_prefect_file(Path("prefect.yaml"))
    for verb in ("block", "flow"):
        assert main([verb, "orders", "--partition", TWO, "--json"]) == 0
        (run,) = json.loads(capsys.readouterr().out)["runs"]
        assert (run["result"]["row_count"], run["result"]["metadata"]["partition"], run["evidence"]) == (3, TWO, None)
        assert [path["equal"] for path in run["paths"]] == ([True] if verb == "block" else [True, True])
    entry = file.of("orders", "prod")
    pool, made = ensure_pool(client, entry.work_pool), deploy(client, file, entry, promoted=True)
    worked = run_deployed(client, served.config.override(partition=ONE), made, pool, own=True, seconds=120)
    assert worked.result
    assert (worked.exit_code, worked.evidence, worked.result.row_count) == (0, None, 4)
    assert worked.result.metadata.partition == ONE
    assert worked.result.metadata.fingerprint == served.config.fingerprint
    assert sorted(past_of(served, ONE)) == [(ONE, 4), (TWO, 3)]
    assert past_of(served, None) == []
    cached = [flowed(part).row_count for part in (ONE, TWO, None)]
    assert cached == [4, 3, 7]


def test_history_and_report_of_a_dataset_whose_partitions_alone_were_judged_say_which_and_how_to_ask(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    for folder in ("city=New%20York", "city=it's", "who=alice,city=x"):
        holds(folder)
        shutil.rmtree("data/elsewhere", ignore_errors=True)
        repository.says(sensitive=["who"] if "who" in folder else [])
        assert ran(repository, folder.replace("%20", " ")).status is Status.PASSED
        Path("data/orders").rename("data/elsewhere")
    assert main(["history", "orders", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert found["runs"] == []
    assert [(one["by"], one["runs"], one["partitions"]) for one in found["apart"]] == [
        ("city", 2, 2),
        ("city,who", 1, 1),
    ]
    assert main(["history", "orders"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "no run of the whole yet; `nox -s task -- orders --env prod` makes one" in lines
    (by_city,) = [line for line in lines if line.startswith("2 runs of 2 partitions by city")]
    assert "the last of city=it's: PASSED" in by_city
    command = by_city.partition("`")[2].partition("`")[0].removeprefix("nox -s ")
    assert "alice" not in "".join(lines)
    assert main(shlex.split(command.replace(" -- ", " "))) == 0
    assert "city=New York" in capsys.readouterr().out
    assert main(["report", "orders"]) == 2
    said = capsys.readouterr().err
    assert (
        "no run of orders in prod is remembered yet; make one: nox -s task -- orders --env prod; of city=it's" in said
    )
    command = said.partition("there is: nox -s ")[2].partition("; of ")[0]
    assert main(shlex.split(command.replace(" -- ", " "))) == 0
