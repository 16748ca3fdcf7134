"""A contract that is wrong is refused before data is read, by file, line, name and nearest valid spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quality.checking import check
from quality.contract import project
from quality.contract.contract import load_contract
from quality.errors import ConfigurationError

HEAD = "dataset: orders\nowner: '@orders'\nsource: {path: a.parquet}\n"


def load(text: str | bytes, folder: Path, name: str = "orders.yml") -> None:
    (folder / "datasets").mkdir(exist_ok=True)
    path = folder / "datasets" / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    load_contract(path)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("rules:\n  - {check: not_nul, column: a}\n", 5, "did you mean 'not_null'?", id="unknown rule"),
        pytest.param(
            "rules:\n  - {check: not_null, column: a}\n  - check: in_range\n    column: a\n    mim: 3\n",
            6,
            "rule 2: rule 'in_range' has no field 'mim'; did you mean 'min'?",
            id="unknown field of the second rule",
        ),
        pytest.param("rules:\n  - {check: not_null}\n", 5, "needs the field 'column'", id="missing field"),
        pytest.param("rules:\n  - {check: dtype, column: a, dtype: Int46}\n", 5, "did you mean 'int", id="dtype"),
        pytest.param(
            "rules:\n  - {check: not_null, column: a}\n  - {check: required, column: a}\n",
            6,
            "two rules are named 'not_null(a)'",
            id="duplicate name",
        ),
        pytest.param("rules: 5\n", 4, "rules are a list", id="rules that are no list"),
        pytest.param("rules:\n  -\n", 5, "a rule is a mapping", id="empty rule"),
        pytest.param("rules:\n  - {check: in_range, column: a, min: .inf}\n", 5, "a value is a number", id="infinity"),
        pytest.param("ownr: x\n", 4, "has no field 'ownr'; did you mean 'owner'?", id="unknown field"),
        pytest.param(
            "warning_threshold: 5\n",
            4,
            "must be a fraction from 0 to 1, not 5; 5 % is 0.05",
            id="percent where a fraction is meant",
        ),
        pytest.param("key: a\n", 4, "key must be a list, such as [a, b], not 'a'", id="key that is not a list"),
        pytest.param(
            "sensitive: [1]\n", 4, "sensitive 1 must be a text, not 1; put it in quotes", id="number for a column"
        ),
        pytest.param("rules:\n\t- x\n", 5, "cannot start any token", id="tab"),
        pytest.param("owner: y\n", 4, 'duplicate key "owner"', id="duplicate key"),
        pytest.param(
            "rules:\n - {check: not_null, column: a, column: b}\n", 5, "duplicate key", id="key twice in rule"
        ),
        pytest.param("<<<<<<< ours\nrules: []\n=======\n>>>>>>> theirs\n", 4, "merge conflict", id="merge conflict"),
        pytest.param("rules: [\n", 5, "not valid YAML", id="bracket left open"),
        pytest.param(
            "rules:\n  - {check: not_null, column: a}\n  - {check: expression, expression: a >}\n",
            6,
            "cannot read the SQL 'a >'",
            id="SQL",
        ),
        pytest.param("rules:\n  - {check: unique, column: a, where: '= 1'}\n", 5, "where: cannot read", id="where"),
    ],
)
def test_the_complaint_names_file_and_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(HEAD + text, tmp_path)
    assert str(refused.value).startswith(f"datasets/orders.yml:{line}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "orders.yml:1: a mapping is expected", id="empty file"),
        pytest.param("- a\n", "orders.yml:1: a mapping is expected", id="list"),
        pytest.param(b"\xff\xfe", "not UTF-8", id="UTF-16"),
        pytest.param(HEAD.replace("orders\n", "order\n"), ":1: dataset is 'order' but the file is", id="another name"),
        pytest.param(
            HEAD.replace("dataset: orders", "dataset: Orders"), ":1: dataset must begin with a small letter", id="case"
        ),
        pytest.param(HEAD.replace("path", "pth"), ":3: source: the source", id="source field"),
        pytest.param(HEAD.replace("{path: a.parquet}", "5"), ":3: source: a source is a mapping", id="source"),
        pytest.param(HEAD.replace("source: {path: a.parquet}\n", ""), "needs the field 'source'", id="no source"),
        pytest.param(HEAD.replace("'@orders'", "null"), ":2: owner must be a text, not nothing", id="no owner"),
    ],
)
def test_a_contract_without_its_head_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(text, tmp_path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"check": "not_null", "column": "idd"}, "column 'idd' is gone; the data has 'id'"),
        ({"check": "in_range", "column": "email", "min": 3}, "the value 3 cannot be compared with String"),
        ({"check": "unique", "column": "id", "where": "emial = 'a'"}, "column 'emial' is gone; the data has 'email'"),
    ],
    ids=["unknown column", "number for text", "unknown column in SQL"],
)
def test_what_only_the_data_tells_is_a_verdict_of_that_rule(repository: Path, rule: dict[str, Any], said: str) -> None:
    path = repository / "datasets" / "users.yml"
    path.write_text(f"{path.read_text('utf-8')}  - {json.dumps(rule)}\n", "utf-8")
    result = check(None, project.load("users"))
    assert [one.status.value for one in result.rules] == ["PASSED", "FAILED", "ERROR"]
    assert said in result.rules[2].message


def test_a_contract_under_another_ending_is_refused_rather_than_ignored(repository: Path) -> None:
    (repository / "datasets" / "orders.yaml").write_text(HEAD, "utf-8")
    with pytest.raises(ConfigurationError, match=r"datasets/orders\.yaml would not be checked; name it orders\.yml"):
        project.load("users")


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no file datasets/gone.yml"):
        load_contract(tmp_path / "datasets" / "gone.yml")


def test_yes_and_no_are_words_and_dates_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "orders.yml"
    path.write_text(HEAD + "rules:\n  - {check: in_set, column: a, values: [yes, no, 2024-01-31, 1.5, true]}\n")
    (rule,) = load_contract(path).rules
    assert rule.model_dump()["values"] == ("yes", "no", "2024-01-31", 1.5, True)
