"""Each question is explained, has a default and matters; a bad answer is refused and leaves nothing behind."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from copier import run_copy
from rendering import ROOT, copier, files
from ruamel.yaml import YAML

CONFIG = YAML(typ="safe").load(ROOT / "copier.yml")
QUESTIONS = {name: spec for name, spec in CONFIG.items() if not name.startswith("_") and spec.get("when") is not False}

OTHER_ANSWERS = {
    "domain": "payments",
    "owner": "data@example.com",
    "environments": ["staging"],
    "work_pool_type": "docker",
    "source": "lake/orders.csv",
    "notifications": "slack",
}
REFUSED = [
    ("domain", "Flights", "snake_case"),
    ("domain", "2flights", "snake_case"),
    ("domain", "new flights", "snake_case"),
    ("domain", "a__b", "snake_case"),
    ("domain", "", "snake_case"),
    ("domain", "x" * 41, "40 characters"),
    ("owner", "nobody", "e-mail"),
    ("owner", "a@b", "e-mail"),
    ("owner", 'x"@example.com', "e-mail"),
    ("owner", "", "e-mail"),
    ("environments", "[]", "at least one"),
    ("environments", "[production]", "is not in"),
    ("work_pool_type", "lambda", "is not in"),
    ("source", "orders.sas7bdat", ".parquet"),
    ("source", "orders.xls", ".parquet"),
    ("source", " orders.csv", "Give a path"),
    ("source", "ftp://host/orders.csv", "Give an address"),
    ("source", "env:WAREHOUSE", "A database comes after the copy"),
    ("source", "secret:warehouse", "A database comes after the copy"),
    ("source", "postgresql+psycopg://host/shop", "A database comes after the copy"),
    ("source", "sqlite:///data/shop.db", "A database comes after the copy"),
    ("source", "https://me:hush@host/orders.csv", "has no password"),
    ("source", 'a"b.csv', "Give a path"),
    ("source", "lake/2024.csv", "letter first"),
    ("source", "*.csv", "letter first"),
    ("source", "", "Give a path"),
    ("notifications", "pigeon", "is not in"),
]
NAMES = [
    ("data/Orders.parquet", "orders"),
    ("data/daily-orders.v2.csv", "daily_orders_v2"),
    ("s3://lake/sales/orders/", "orders"),
    ("lake/orders/*.parquet", "orders"),
    ("lake/orders/year=*/part-*.parquet", "orders"),
    ("lake/flights.parquet", "flights"),
    ("/mnt/lake/orders.ndjson", "orders"),
    ("./orders.csv", "orders"),
    ("../shared/orders.csv", "orders"),
    ("~/Daily Orders/my orders.csv", "my_orders"),
    ("lake/orders.csv.gz", "orders"),
    ("lake/orders.ndjson.zst", "orders"),
    ("lake/Orders.XLSX", "orders"),
    ("lake/orders.json", "orders"),
    ("lake/orders", "orders"),
    ("lake/orders-??.tsv", "lake"),
    ("gs://lake/orders/*.parquet", "orders"),
    ("abfss://lake@account/orders.parquet", "orders"),
    ("https://host/data/orders.parquet", "orders"),
]


def test_there_are_six_questions_each_with_help_and_a_default() -> None:
    assert set(QUESTIONS) == set(OTHER_ANSWERS)
    assert all(spec["help"] and spec["default"] for spec in QUESTIONS.values())


def test_a_copy_never_needs_trust() -> None:
    assert not {"_tasks", "_jinja_extensions"} & set(CONFIG)
    assert all(migration["version"] for migration in CONFIG["_migrations"]), "without one, every update would ask"


@pytest.fixture(scope="module")
def default_files(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    target = tmp_path_factory.mktemp("default") / "flights"
    run_copy(str(small), target, defaults=True, quiet=True, vcs_ref="v1.0.0")
    return files(target)


@pytest.mark.parametrize("question", OTHER_ANSWERS)
def test_every_answer_changes_a_file_beside_the_answers(
    question: str, small: Path, default_files: dict[str, bytes], tmp_path: Path
) -> None:
    answer = {question: OTHER_ANSWERS[question]}
    run_copy(str(small), tmp_path / "flights", data=answer, defaults=True, quiet=True, vcs_ref="v1.0.0")
    changed = {name for name, _ in default_files.items() ^ files(tmp_path / "flights").items()}
    assert changed - {".copier-answers.yml"}


@pytest.mark.parametrize(("question", "answer", "reason"), REFUSED, ids=[f"{q}={a!r:.20}" for q, a, _ in REFUSED])
def test_a_bad_answer_is_refused_in_one_line_and_leaves_nothing(
    question: str, answer: str, reason: str, small: Path, tmp_path: Path
) -> None:
    data = {question: YAML(typ="safe").load(answer) if question == "environments" else answer}
    with pytest.raises(ValueError, match=f"'{question}': .*{re.escape(reason)}") as refusal:
        run_copy(str(small), tmp_path / "repository", data=data, defaults=True, quiet=True)
    assert "\n" not in str(refusal.value)
    assert reason == "is not in" or len(str(refusal.value).split("': ", 1)[1]) < 70
    assert not any(tmp_path.iterdir())


def test_the_command_line_refuses_a_bad_answer_in_its_last_line(small: Path, tmp_path: Path) -> None:
    done = copier("copy", "--defaults", "--data", "domain=New York", str(small), str(tmp_path / "repository"))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("'domain': Use snake_case, a letter first, for instance new_york_flights")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("source", "name"), NAMES)
def test_a_dataset_of_yours_gets_a_starter_contract_named_after_it(
    source: str, name: str, small: Path, tmp_path: Path
) -> None:
    run_copy(str(small), tmp_path / "r", data={"source": source}, defaults=True, quiet=True)
    assert [path.name for path in (tmp_path / "r" / "datasets").glob("*.yml")] == [f"{name}.yml"]
    contract = YAML(typ="safe").load(tmp_path / "r" / "datasets" / f"{name}.yml")
    assert contract["dataset"] == name
    assert contract["source"] == {"path": source}
    assert contract["rules"] == [{"check": "row_count", "min": 1}]
    assert not (tmp_path / "r" / "data").exists()
    readme = (tmp_path / "r" / "README.md").read_text(encoding="utf-8")
    assert f"nox -s add -- {shlex.quote(source)} {name} --accept\n" in readme


@pytest.mark.parametrize(
    ("folder", "domain"),
    [("Sales Orders", "sales_orders"), ("new-york.x", "new_york_x"), ("2024-q1", "q1"), ("42", "my_domain")],
)
def test_the_domain_comes_from_the_folder(folder: str, domain: str, small: Path, tmp_path: Path) -> None:
    run_copy(str(small), tmp_path / folder, defaults=True, quiet=True)
    assert YAML(typ="safe").load(tmp_path / folder / ".copier-answers.yml")["domain"] == domain
