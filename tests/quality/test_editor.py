"""An editor says of a contract what the engine says: validators that nobody here wrote agree with it, rule by rule."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import AliasChoices
from ruamel.yaml import YAML
from rule_table import ROWS

from quality.cli.contract_schema import contract_schema
from quality.contract.contract import load_contract
from quality.errors import ConfigurationError
from quality.rules.catalogue import check_name, rules_by_name

SCHEMA = contract_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
FIRST: dict[str, dict[str, Any]] = {}
for _row in ROWS:
    FIRST.setdefault(_row.check, json.loads(json.dumps(_row.rule, default=str)))


def contract(*rules: Any, **fields: Any) -> dict[str, Any]:
    return {"dataset": "shop", "owner": "@team", "source": "a.parquet", "rules": list(rules)} | fields


def complaints(written: dict[str, Any]) -> list[str]:
    """What the validator says, each with its place."""
    return [f"{one.json_path}: {one.message}" for one in VALIDATOR.iter_errors(json.loads(json.dumps(written)))]


def engine(written: dict[str, Any], folder: Path) -> str | None:
    """What the engine says; None where it takes the contract."""
    path = folder / "shop.yml"
    YAML().dump(written, path)
    for name in ("reference", "b"):
        (folder / f"{name}.yml").touch()
    try:
        load_contract(path)
    except ConfigurationError as error:
        return str(error)
    return None


def spelled() -> Iterator[dict[str, Any]]:
    """Every rule with each of its names, and each of its fields in each of its spellings."""
    for name, rule in rules_by_name().items():
        written = FIRST.get(check_name(rule))
        if written is None:
            continue
        rest = {key: value for key, value in written.items() if key != "check"}
        yield {"check": name, **rest}
        yield {"type": name, **rest}
        for field, about in rule.model_fields.items():
            if isinstance(about.validation_alias, AliasChoices) and field in rest:
                for choice in about.validation_alias.choices:
                    yield {"check": name, **{str(choice) if key == field else key: v for key, v in rest.items()}}


VALID: list[dict[str, Any]] = [
    *({"rules": [row.rule], "source": "a.parquet"} for row in ROWS),
    *({"rules": [rule]} for rule in spelled()),
    *(
        {"source": source}
        for source in (
            {"path": "a.csv", "separator": ";", "dtypes": {"a": "Int64"}, "dates": {"d": "DD.MM.YYYY"}},
            {"kind": "files", "path": "t", "version": 3},
            {"path": "t", "as_of": "2024-01-01"},
            {"path": "a.xlsx", "sheet": "Data"},
            {"connection": "env:SHOP", "table": "sales.orders"},
            {"kind": "sql", "connection": "sqlite:///a.db", "query": "SELECT 1 AS a", "dtypes": {"a": "string"}},
        )
    ),
    {"rules": [{"check": "freshness", "column": "t", "max_age": "1d12h"}], "quarantine": {"path": "q"}},
    {"rules": [{"check": "dtype", "column": "a", "dtype": name} for name in ("INT64", "numeric", "Utf8")][:1]},
]


@pytest.mark.parametrize("fields", VALID, ids=lambda fields: json.dumps(fields, default=str)[:60])
def test_what_the_engine_takes_an_editor_takes(fields: dict[str, Any], tmp_path: Path) -> None:
    written = contract({"check": "row_count", "min": 1}) | json.loads(json.dumps(fields, default=str))
    assert complaints(written) == []
    assert engine(written, tmp_path) is None


def test_every_rule_and_every_spelling_was_tried() -> None:
    tried = {rule.get("check") or rule["type"] for fields in VALID for rule in fields.get("rules", [])}
    assert tried >= rules_by_name().keys() - {"distribution_change"}


def wrong() -> Iterator[tuple[dict[str, Any], str]]:
    """Contracts with one mistake, and the word that its message has to have."""
    for check, rule in FIRST.items():
        yield contract({**rule, "colum": "a"}), "colum"
        fields = rules_by_name()[check].model_fields
        for name in [name for name in rule if name != "check" and fields[name].is_required()][:1]:
            yield contract({key: value for key, value in rule.items() if key != name}), name
    good = {"check": "in_range", "column": "a", "min": 1}
    rules: list[tuple[Any, str]] = [
        ({"check": "unikue", "column": "a"}, "check"),
        ({"column": "a"}, "check"),
        ({"type": "unikue", "column": "a"}, "type"),
        ({"check": "unique", "type": "not_null", "column": "a"}, "type"),
        ("unique", "rules[0]"),
        ({**good, "severity": "fatal"}, "severity"),
        ({**good, "max_failure_rate": 5}, "max_failure_rate"),
        ({**good, "max_failure_rate": True}, "max_failure_rate"),
        ({**good, "max_failure_rate": "0.1"}, "max_failure_rate"),
        ({**good, "where": 5}, "where"),
        ({**good, "where": ""}, "where"),
        ({**good, "by": ["a"]}, "by"),
        ({**good, "name": 5}, "name"),
        ({**good, "column": ""}, "column"),
        ({**good, "column": ["a"]}, "column"),
        ({**good, "min": True}, "min"),
        ({**good, "min": [1]}, "min"),
        ({**good, "min_value": 2}, "min"),
        ({**good, "exclusive": "none"}, "exclusive"),
        ({"check": "in_range", "column": "a"}, "min"),
        ({"check": "row_count"}, "min"),
        ({"check": "row_count", "min": -1}, "min"),
        ({"check": "row_count", "min": 1.5}, "min"),
        ({"check": "row_count", "min": "1"}, "min"),
        ({"check": "mean", "column": "a"}, "at_least"),
        ({"check": "mean", "column": "a", "at_least": "1"}, "at_least"),
        ({"check": "length", "column": "a", "min_length": 1, "min": 1}, "min"),
        ({"check": "in_set", "column": "a", "values": []}, "values"),
        ({"check": "in_set", "column": "a", "values": "x"}, "values"),
        ({"check": "in_set", "column": "a", "values": [["x"]]}, "values"),
        ({"check": "unique_combination", "columns": []}, "columns"),
        ({"check": "unique_combination", "columns": "a"}, "columns"),
        ({"check": "dtype", "column": "a", "dtype": "Int46"}, "dtype"),
        ({"check": "dtype", "column": "a", "dtype": "Numeric"}, "dtype"),
        ({"check": "schema", "columns": {"a": "Int46"}}, "columns"),
        ({"check": "schema", "columns": {}}, "columns"),
        ({"check": "schema", "columns": {"a": "Int64"}, "closed": "yes"}, "closed"),
        ({"check": "freshness", "column": "t", "max_age": "26 hours"}, "max_age"),
        ({"check": "freshness", "column": "t", "max_age": 26}, "max_age"),
        ({"check": "completeness_ratio", "column": "a", "min_ratio": 95}, "min_ratio"),
        ({"check": "quantile", "column": "a", "q": 2, "at_least": 1}, "q"),
        ({"check": "z_score_outlier", "column": "a", "threshold": 0}, "threshold"),
        ({"check": "trend", "metric": "avg", "max_change": 0.1}, "metric"),
    ]
    for wrong_rule, word in rules:
        yield contract(wrong_rule), word
    changed: list[tuple[dict[str, Any], str]] = [
        ({"dataset": "Shop"}, "dataset"),
        ({"owner": ""}, "owner"),
        ({"owner": 5}, "owner"),
        ({"key": "id"}, "key"),
        ({"sensitive": [1]}, "sensitive"),
        ({"warning_threshold": 5}, "warning_threshold"),
        ({"allow_empty": "no"}, "allow_empty"),
        ({"quarantine": {}}, "path"),
        ({"quarantine": {"path": "q", "keep_days": 0}}, "keep_days"),
        ({"ruls": []}, "ruls"),
        ({"source": ""}, "source"),
        ({"source": 5}, "source"),
        ({"source": {}}, "path"),
        ({"source": {"path": "a", "format": "parket"}}, "format"),
        ({"source": {"kind": "fils", "path": "a"}}, "kind"),
        ({"source": {"path": "a.csv", "sepparator": ";"}}, "sepparator"),
        ({"source": {"path": "a.csv", "dtypes": {"a": "Int46"}}}, "dtypes"),
        ({"source": {"path": "t", "version": 1, "snapshot": 1}}, "snapshot"),
        ({"source": {"path": "t", "version": "one"}}, "version"),
        ({"source": {"connection": "env:SHOP", "path": "a"}}, "path"),
        ({"source": {"kind": "sql", "table": "t"}}, "connection"),
        ({"rules": {"a": 1}}, "rules"),
    ]
    for given, word in changed:
        yield contract(good) | copy.deepcopy(given), word
    for name in ("dataset", "owner", "source"):
        yield {key: value for key, value in contract(good).items() if key != name}, name


WRONG = list(wrong())


@pytest.mark.parametrize(("written", "word"), WRONG, ids=[json.dumps(one, default=str)[50:120] for one, _ in WRONG])
def test_what_the_engine_refuses_an_editor_refuses_and_says_the_field(
    written: dict[str, Any], word: str, tmp_path: Path
) -> None:
    assert engine(written, tmp_path) is not None
    said = complaints(written)
    assert any(word in one for one in said), said
    assert len(said) <= 3, "one mistake is one message, not one for each branch"


def test_there_are_more_than_a_hundred_wrong_ones() -> None:
    assert len(WRONG) > 100


def test_the_command_line_validator_agrees_about_whole_files(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    YAML().dump(contract(*FIRST.values()), tmp_path / "good.yml")
    YAML().dump(contract({"check": "not_null", "colum": "a"}), tmp_path / "wrong.yml")
    Path(tmp_path, "dates.yml").write_text(
        "dataset: shop\nowner: me\nsource: {path: t, as_of: 2024-01-01}\n"
        "rules:\n  - {check: in_range, column: day, min: 2024-01-01}\n"
    )
    run = [sys.executable, "-m", "check_jsonschema", "--schemafile", "schema.json", "--output-format", "json"]
    for name, code in (("good.yml", 0), ("dates.yml", 0), ("wrong.yml", 1)):
        done = subprocess.run([*run, name], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout
    assert "'colum' was unexpected" in done.stdout
