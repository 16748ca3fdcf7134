"""Rules and sources of a domain's own: what they raise is a verdict about them alone, in one sentence, everywhere."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import own_rules
import polars as pl
import pytest
from own_rules import DATA, Even, Silent, Total, Warehouse

from quality import (
    CheckConfig,
    CheckResult,
    DataQualityBlock,
    DataQualityError,
    Frame,
    Judgement,
    Measure,
    Rule,
    Status,
    check,
    check_dataset,
    create_quality_flow,
    data_quality_check_task,
    load,
)
from quality.__main__ import main
from quality.rules.catalogue import parse_rule
from quality.sources import domain_sources


def judged(*rules: Rule, data: object = DATA, **fields: Any) -> CheckResult:
    return check(data, CheckConfig(rules=rules, **fields))


def test_a_rule_of_ones_own_says_what_its_docstring_says_first() -> None:
    (row,) = judged(Even(column="a")).rules
    assert (row.status, row.failed_count, row.total_count) == (Status.FAILED, 1, 3)
    assert "Every value is an even number" in row.message
    assert "second paragraph" not in row.message
    (table,) = judged(Total()).rules
    assert table.message.startswith("The total of the column is even; it is 11")
    assert Silent(column="a").says() == "silent(a)"


def raises(*_: Any, **__: Any) -> Any:
    raise LookupError("no such key\nand a second line")


HOOKS = ["bind", "measures", "judge", "says", "subjects", "reads"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("kind", [Even, Total])
def test_whatever_a_rule_raises_is_an_error_of_that_rule_alone_with_its_first_line(kind: type[Rule], hook: str) -> None:
    broken: Any = property(raises) if hook in ("subjects", "reads") else raises
    mine = type("Mine", (kind,), {hook: broken, "__module__": own_rules.__name__})
    rules = (Even(column="b", name="first"), mine(column="a", name="mine"), Total(name="last"))
    result = judged(*rules)
    first, own, last = result.rules
    assert (first.status, last.status) == (Status.FAILED, Status.FAILED)
    assert (own.rule_name, own.status) == ("mine", Status.ERROR)
    assert "no such key" in own.message
    assert "second line" not in own.message


@pytest.mark.parametrize(
    "answer", [True, "text", pl.lit("text"), pl.col("nowhere"), None], ids=["bool", "str", "text", "column", "none"]
)
def test_an_expression_that_is_none_is_an_error_of_that_rule_alone(answer: object) -> None:
    mine = type("Mine", (Even,), {"holds": lambda self, value, dtype, frame: answer, "__module__": own_rules.__name__})
    own, other = judged(mine(column="a", name="mine"), Total()).rules
    assert (own.status, other.status) == (Status.ERROR, Status.FAILED)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(lambda value: value % 2, "Int64", id="numbers"),
        pytest.param(lambda value: value / 2, "Float64", id="floats"),
        pytest.param(lambda value: value.cast(pl.String), "String", id="texts"),
        pytest.param(lambda value: pl.concat_list(value), "List(Int64)", id="lists"),
        pytest.param(lambda value: pl.lit(None), "Null", id="null"),
        pytest.param(lambda value: value.sum(), "Int64, 1 for 7 rows", id="sum"),
        pytest.param(lambda value: value.max() < 1, "Boolean, 1 for 7 rows", id="one answer"),
        pytest.param(lambda value: value.filter(value > 100) > 0, "Boolean, 0 for 7 rows", id="of some rows"),
        pytest.param(lambda value: value.head(1) % 2 == 0, "Boolean, 1 for 7 rows", id="of the first row"),
        pytest.param(lambda value: pl.lit(pl.Series([True, True])), "Boolean, 2 for 7 rows", id="of other rows"),
    ],
)
@pytest.mark.parametrize("where", [None, "b > 0"])
def test_answers_that_are_not_one_for_each_row_are_an_error_and_never_green(
    answer: Callable[[pl.Expr], pl.Expr], said: str, where: str | None, tmp_path: Path
) -> None:
    holds = {"holds": lambda self, value, dtype, frame: answer(value), "__module__": own_rules.__name__}
    mine = type("Mine", (Even,), holds)(column="a", name="mine", where=where, max_failure_rate=1.0)
    DATA.write_parquet(tmp_path / "data.parquet")
    for data in (DATA, str(tmp_path / "data.parquet")):
        own, other = judged(mine, Total(), data=data).rules
        assert (own.status, other.status) == (Status.ERROR, Status.FAILED)
        assert own.message.startswith(f"its answers are {said}")


@pytest.mark.parametrize(
    ("answer", "judged_rows", "status"),
    [
        pytest.param(lambda value: pl.when(value < 0).then(True), 0, Status.SKIPPED, id="none"),
        pytest.param(lambda value: pl.when(value > 2).then(value > 4), 2, Status.FAILED, id="some"),
        pytest.param(lambda value: pl.when(value > 4).then(True), 1, Status.PASSED, id="one"),
    ],
)
def test_only_what_a_rule_of_ones_own_answers_is_judged_with_and_without_where(
    answer: Callable[[pl.Expr], pl.Expr], judged_rows: int, status: Status
) -> None:
    holds = {"holds": lambda self, value, dtype, frame: answer(value), "__module__": own_rules.__name__}
    mine = type("Mine", (Even,), holds)
    for one in judged(mine(column="a", name="mine"), mine(column="a", name="scoped", where="b > 0")).rules:
        assert (one.status, one.total_count) == (status, judged_rows)


@pytest.mark.parametrize(
    "answer",
    [Judgement(-3, 1), Judgement(1, -1), Judgement(1, 0), Judgement(float("nan"), 1)],  # type: ignore[arg-type]
    ids=repr,
)
def test_counts_that_cannot_be_are_an_error_of_that_rule_alone(answer: Judgement) -> None:
    mine = type("Mine", (Total,), {"judge": lambda self, state, frame: answer, "__module__": own_rules.__name__})
    own, other = judged(mine(name="mine"), Even(column="a")).rules
    assert (own.status, other.status) == (Status.ERROR, Status.FAILED)
    assert f"judge counted {answer.failed} failing of {answer.judged} rows" in own.message


def every_cell(self: Total, frame: Frame) -> dict[str, Measure]:
    """More than what the rule says that it reads."""
    return {"sum": Measure(pl.all_horizontal(pl.all().is_not_null()).sum())}


@pytest.mark.parametrize(
    "mine",
    [
        {"measures": every_cell},
        {"measures": lambda self, frame: {"sum": Measure(pl.col("b").sum() + pl.len())}},
        {"reads": property(lambda self: ()), "measures": lambda self, frame: {"sum": Measure(pl.len())}},
    ],
    ids=["selector", "column", "nothing"],
)
def test_beside_a_key_a_rule_of_ones_own_is_measured_as_alone(mine: dict[str, Any], tmp_path: Path) -> None:
    """A pass that takes a value of every row holds numbers of no rule that reads more than it says."""
    own = type("Mine", (Total,), {**mine, "__module__": own_rules.__name__})(name="mine")
    key = parse_rule({"check": "unique_combination", "columns": ["a", "b"]})
    DATA.vstack(pl.DataFrame({"a": [7], "b": [None]}, DATA.schema)).write_csv(tmp_path / "data.csv")
    alone, beside = (judged(*rules, data=str(tmp_path / "data.csv")).rules[0] for rules in ((own,), (own, key)))
    assert (beside.status, beside.value) == (alone.status, alone.value)
    assert alone.value is not None


@pytest.mark.parametrize("answer", [None, 3, (1, 2), Judgement(None, None)], ids=repr)  # type: ignore[arg-type]
def test_a_judgement_that_is_none_is_an_error_of_that_rule_alone(answer: object) -> None:
    mine = type("Mine", (Total,), {"judge": lambda self, state, frame: answer, "__module__": own_rules.__name__})
    own, other = judged(mine(name="mine"), Even(column="a")).rules
    assert (own.status, other.status) == (Status.ERROR, Status.FAILED)


@pytest.mark.parametrize(
    ("breaks", "why"),
    [("scan", "DriverError: login refused"), ("schema", "b"), ("version", "DriverError: login refused")],
)
def test_whatever_a_source_raises_means_that_it_could_not_be_read(breaks: str, why: str) -> None:
    result = judged(Even(column="a"), Total(), data=Warehouse(breaks=breaks))
    assert result.status is Status.ERROR
    assert {rule.status for rule in result.rules} == {Status.ERROR}
    for said in (result.reason or "", *(rule.message for rule in result.rules)):
        assert "source could not be read: warehouse" in said
        assert why in said
        assert "hint" not in said


DOMAIN = {
    "__init__": "",
    "rules": "RULES = ()\n",
    "sources": """
from typing import Literal

from quality import Source


class Driver(Exception):
    pass


class Warehouse(Source):
    kind: Literal["warehouse"] = "warehouse"

    def scan(self, root):
        raise Driver("login refused for the warehouse")


SOURCES = (Warehouse,)
""",
}


@pytest.fixture
def warehouse(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The repository with a source of its own that cannot be read, in `src/domain/sources.py`."""
    for name, text in DOMAIN.items():
        (repository / "src" / "domain").mkdir(parents=True, exist_ok=True)
        (repository / "src" / "domain" / f"{name}.py").write_text(text, "utf-8")
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8").replace("{path: data/users.parquet}", "{kind: warehouse}"), "utf-8")
    monkeypatch.syspath_prepend(str(repository / "src"))
    for name in [name for name in sys.modules if name.split(".")[0] == "domain"]:
        monkeypatch.delitem(sys.modules, name)
    domain_sources.cache_clear()
    importlib.invalidate_caches()
    yield repository
    for name in [name for name in sys.modules if name.split(".")[0] == "domain"]:
        del sys.modules[name]
    domain_sources.cache_clear()


def by_task() -> CheckResult:
    return data_quality_check_task(config=load("users"))


def by_block() -> CheckResult:
    return DataQualityBlock.from_config(load("users")).check()


def by_flow() -> CheckResult:
    return check_dataset("users")


def by_factory() -> CheckResult:
    return create_quality_flow("nightly", dataset="users")()


@pytest.mark.parametrize("way", [by_task, by_block, by_flow, by_factory])
@pytest.mark.parametrize("sensitive", [True, False], ids=["words withheld", "words told"])
def test_on_every_rung_a_source_of_ones_own_could_not_be_read_for_its_cause(
    warehouse: Path, way: Callable[[], CheckResult], sensitive: bool, request: pytest.FixtureRequest
) -> None:
    if way in (by_flow, by_factory):
        request.getfixturevalue("api")
    if not sensitive:
        contract = warehouse / "datasets" / "users.yml"
        contract.write_text(contract.read_text("utf-8").replace("sensitive: [email]", "sensitive: []"), "utf-8")
    with pytest.raises(DataQualityError) as caught:
        way()
    result = caught.value.result
    assert result.status is Status.ERROR
    why = " (Driver; the details are withheld" if sensitive else ": warehouse: Driver: login refused for the warehouse"
    assert all(f"the source could not be read{why}" in rule.message for rule in result.rules)


def test_the_command_line_ends_with_3_and_no_traceback(
    warehouse: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    assert main(["task", "users"]) == 3
    said = capsys.readouterr()
    assert "Driver" in said.out
    assert "Traceback" not in said.out + said.err
