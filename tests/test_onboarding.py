"""From a European CSV file, a workbook, a Delta table and a PostgreSQL table to deployments that tell good from bad."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deliveries import ROWS, SOURCES, VARIABLE, Source, delivery
from ruamel.yaml import YAML
from steps import NAMES, Shop, Step, aboard, shop

MINUTES = 3
LIVE = {name: ROWS + (name == "lieferungen") for name in NAMES}
"""Rows of each source; the Delta table has one more, beside those that its deletion vector deletes."""


@pytest.fixture(scope="module")
def laden(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(template, tmp_path_factory.mktemp("onboarding") / "laden") as made:
        yield made


@pytest.fixture(scope="module")
def steps(laden: Shop) -> list[Step]:
    return aboard(laden)


def told(step: Step) -> dict[str, Any]:
    """The document of a command that was asked for JSON."""
    found: dict[str, Any] = json.loads(step.done.stdout)
    return found


def verdicts(laden: Shop) -> dict[str, Any]:
    """The result of each dataset by its name."""
    laden.run("task", *NAMES, "--json")
    return {run["dataset"]: run["result"] for run in told(laden.steps[-1])["runs"]}


def contract(laden: Shop, name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(laden.folder / "datasets" / f"{name}.yml")
    return found


def test_four_sources_are_deployed_within_three_minutes_of_machine_time(steps: list[Step], laden: Shop) -> None:
    for step in steps:
        assert step.done.returncode == 0, f"{step.words}\n{step.done.stdout}{step.done.stderr}"
    assert sum(step.cpu for step in steps) < MINUTES * 60, [(step.words, step.cpu) for step in steps]
    (challenged,) = (told(step) for step in steps if step.words[0] == "challenge")
    scores = {one["dataset"]: (one["rows"], one["score"]) for one in challenged["datasets"]}
    assert {name: rows for name, (rows, _) in scores.items()} == LIVE
    assert min(score for _, score in scores.values()) >= 0.8
    deployed = steps[-1].done.stdout
    assert [name for name in NAMES if f"{name}: PASSED" not in deployed] == []
    assert deployed.count("ended Completed") == len(NAMES)
    evidence = laden.folder / "rollout" / "evidence"
    assert [name for name in NAMES if not (evidence / f"{name}.deployment.json").is_file()] == []


def test_the_environment_says_what_it_installs_beside_what_is_asked_for(laden: Shop) -> None:
    installed = laden.steps[0].done
    assert installed.stdout == "", "a document that a session prints stands alone"
    told_of = [name for name in ("polars", "prefect", "fastexcel", "deltalake") if name in installed.stderr]
    assert told_of == ["polars", "prefect", "fastexcel", "deltalake"]


SAID: list[tuple[str, dict[str, Any]]] = [
    (
        "umsatz",
        {
            "path": "data/umsatz.csv",
            "separator": ";",
            "encoding": "cp1252",
            "decimal": ",",
            "thousands": ".",
            "dtypes": {"PLZ": "String"},
            "dates": {"Datum": "DD.MM.YYYY"},
        },
    ),
    ("filialen", {"path": "data/filialen.xlsx"}),
    ("lieferungen", {"path": "data/lieferungen"}),
    ("rechnungen", {"connection": "env:SHOP_DATABASE", "table": "laden.rechnungen"}),
]


@pytest.mark.parametrize(("name", "source"), SAID, ids=[row[0] for row in SAID])
def test_what_is_learned_is_what_the_rows_are(
    name: str, source: dict[str, Any], steps: list[Step], laden: Shop
) -> None:
    written = contract(laden, name)
    assert written["source"] == source
    assert written["key"] == ["Nr"]
    rules = {(rule["check"], rule.get("column")): rule for rule in written["rules"]}
    dtypes = rules["schema", None]["columns"]
    assert dtypes["PLZ"] == dtypes["Ort"] == dtypes["Status"] == "String"
    assert dtypes["Nr"] == "Int64"
    assert dtypes["Datum"].startswith("Date")
    assert dtypes["Betrag"].startswith(("Float64", "Decimal"))
    assert all(rule["learned"]["rows"] == LIVE[name] for rule in written["rules"])
    assert rules["in_set", "PLZ"]["values"] == ["01067", "04109", "20095", "50667", "80331"]
    assert rules["in_set", "Status"]["values"] == ["bezahlt", "offen", "versandt"], "no row that was deleted"
    assert rules["in_range", "Nr"]["min"] >= 0, "no row that was deleted"
    assert "hush" not in (laden.folder / "datasets" / f"{name}.yml").read_text("utf-8")


VALUES = """
import sys
from pathlib import Path
from quality import load
for name in sys.argv[2:]:
    load(name).source.scan(Path.cwd()).collect().write_parquet(Path(sys.argv[1], f"{name}.parquet"))
"""


def test_the_values_are_those_of_the_delivery(steps: list[Step], laden: Shop, tmp_path: Path) -> None:
    """3.141,59 is a number, 31.01.2026 is a date, and 01067 has its zero."""
    python = (laden.folder / ".nox" / ".cache" / "python").read_text("utf-8")
    env = os.environ | {VARIABLE: laden.database}
    subprocess.run([python, "-c", VALUES, str(tmp_path), *NAMES], cwd=laden.folder, env=env, check=True)
    expected = delivery(0)
    assert expected["Datum"][0] == date(2026, 1, 1)
    for name in NAMES:
        found = pl.read_parquet(tmp_path / f"{name}.parquet").sort("Nr").head(ROWS)
        same = found.cast({"Datum": pl.Date, "Betrag": pl.Float64, "Menge": pl.Int64})
        assert same.equals(expected), name


def test_the_next_delivery_passes_and_a_spoiled_one_fails_by_the_rule_about_it(steps: list[Step], laden: Shop) -> None:
    laden.deliver(1)
    good = verdicts(laden)
    assert {name: (one["status"], one["row_count"]) for name, one in good.items()} == {
        name: ("PASSED", rows) for name, rows in LIVE.items()
    }
    laden.deliver(2, spoiled=True)
    bad = verdicts(laden)
    assert laden.steps[-1].done.returncode == 1
    for source in SOURCES:
        result, spoiled = bad[source.dataset], spoiled_rows(source)
        failed = {(rule["column"], rule["failed_count"]) for rule in result["rules"] if rule["status"] == "FAILED"}
        assert result["status"] == "FAILED"
        assert failed == {(source.column, spoiled)}, source.dataset
        assert spoiled > 50


def spoiled_rows(source: Source) -> int:
    """How many rows are not as they were."""
    clean, rows = delivery(2), source.spoil(delivery(2))
    return int((~clean[source.column].eq_missing(rows[source.column])).sum())
