"""Fingerprints of configurations that nobody changed: evidence, blocks and deployments are known by them."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_domain import OwnDomain

from quality.contract import judging_code, project
from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract
from quality.contract.judging_modules import decides, meaning, meanings
from quality.contract.policy import EnvironmentPolicy, Policy

POLICY: dict[str, Any] = {
    "retries": {"count": 2, "delay_seconds": 30, "reason": "storage hiccups"},
    "cache": {"enabled": True, "reuse_seconds": 3600, "may_gate": False, "reason": "files are written once a night"},
    "work_pool": "shop-prod",
}
RICH: dict[str, Any] = POLICY | {
    "fail_on_error": False,
    "warning_threshold": 0.25,
    "sample_rows": 3,
    "notifications": [{"channel": "slack", "block": "slack-webhook/orders", "owners": ["@orders"]}],
    "schedule": "0 6 * * *",
    "history": {"path": "s3://bucket/history", "keep_days": 30},
    "remind_after_hours": None,
    "lineage": {"namespace": "shop", "url": "http://marquez:5000/api/v1/lineage"},
    "repository_url": "https://github.com/acme/shop/blob/main",
}
CONTRACT: dict[str, Any] = {
    "dataset": "orders",
    "owner": "@orders",
    "source": {"path": "data/orders.parquet"},
    "key": ["id"],
    "sensitive": ["email"],
    "rules": [
        {"check": "not_null", "column": "id"},
        {"check": "in_range", "column": "price", "min": 0, "max": 99.5, "severity": "warning"},
        {"check": "row_count", "min": 1, "where": "price > 0"},
        {"check": "mean", "column": "price", "at_most": 1000000, "by": "shop"},
        {"check": "trend", "metric": "sum", "column": "price", "max_change": 0.1},
        {"check": "freshness", "column": "at", "max_age": "26h"},
    ],
}
ASIDE = {"quarantine": {"path": "quarantine", "drop": ["email"]}, "warning_threshold": 0.1, "allow_empty": True}


def of(contract: dict[str, Any], policy: dict[str, Any]) -> CheckConfig:
    named = Policy(environments={"prod": EnvironmentPolicy.model_validate(policy)})
    return resolve(Contract.model_validate(contract), named, "prod")


@pytest.mark.parametrize(
    ("config", "fingerprint"),
    [
        pytest.param(CheckConfig(), "da506c8a9c8a9f31", id="nothing said"),
        pytest.param(of(CONTRACT, POLICY), "8ab7643bfc644c67", id="a plain policy"),
        pytest.param(of(CONTRACT, RICH), "fdbd0b99a09f23bc", id="every field of a policy"),
        pytest.param(of(CONTRACT | ASIDE, POLICY), "846b9afee205ddd3", id="quarantine"),
        pytest.param(
            CheckConfig().override(rules=[{"check": "unique", "column": "id"}]), "0b6cd54c9d6c6ea8", id="a call"
        ),
    ],
)
def test_the_fingerprint_of_an_unchanged_configuration_does_not_change(config: CheckConfig, fingerprint: str) -> None:
    assert config.fingerprint == fingerprint


@pytest.fixture
def own(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnDomain]:
    """A repository with a domain package; `users` uses a rule of it, `made` a source, `orders` nothing."""
    made = OwnDomain(repository, monkeypatch)
    contract = (repository / "datasets" / "users.yml").read_text("utf-8")
    (repository / "datasets" / "orders.yml").write_text(contract.replace("users", "orders"), "utf-8")
    (repository / "datasets" / "made.yml").write_text(
        contract.replace("dataset: users", "dataset: made").replace("{path: data/users.parquet}", "{kind: made}"),
        "utf-8",
    )
    refers = "  - {check: referential_integrity, column: id, reference: made}\n"
    (repository / "datasets" / "refers.yml").write_text(contract.replace("users", "refers") + refers, "utf-8")
    (repository / "datasets" / "users.yml").write_text(contract + "  - {check: even, column: id}\n", "utf-8")
    yield made
    made.forget()


def fingerprints() -> dict[str, str]:
    return {name: project.load(name, "dev").fingerprint for name in project.datasets()}


COUNTS = {
    "the class": ("rules.py", "== limits.NONE", ">= limits.NONE"),
    "a constant of its module": ("rules.py", "DIVISOR = 2", "DIVISOR = 3"),
    "a function of its module": ("rules.py", "rest(value, DIVISOR)", "rest(value, DIVISOR) * 2"),
    "what it imports": ("helpers.py", "value % by", "value // by"),
    "a constant of a module that it imports": ("limits.py", "NONE = 0", "NONE = 1"),
    "an act of its module": ("rules.py", "RULES: tuple", "Even.JUDGES = frozenset()\n\n\nRULES: tuple"),
    "an act of a module that it imports": ("limits.py", "NONE = 0", "NONE = 0\nprint('here')"),
    "an act of its package": ("__init__.py", "", "import polars\n\npolars.Config.set_verbose(True)\n"),
    "its docstring, which its message says": ("rules.py", "value is even", "value is odd"),
    "what is nested deeply": ("rules.py", "DIVISOR = 2", f"DIVISOR = 2{' + 1' * 3_000}"),
    "a field's default": ("rules.py", '= "even"\n', '= "even"\n    strict: bool = True\n'),
    "what cannot be read": ("rules.py", "DIVISOR = 2", "DIVISOR = = 2"),
}
COUNTS_NOT = {
    "a comment": ("rules.py", "# what is left", "# what remains"),
    "a constant that it does not use": ("rules.py", "UNUSED = 1", "UNUSED = 2"),
    "another rule": ("rules.py", "value < 1_000", "value < 2_000"),
    "a function that it does not use": ("helpers.py", "return 1", "return 2"),
    "a source": ("sources.py", "ROWS = 3", "ROWS = 4"),
    "a module beside it": ("flows.py", "", "WHEN = 1\n"),
    "layout": (
        "rules.py",
        "    return rest(value, DIVISOR)",
        "    return rest(\n        value,\n        DIVISOR\n    )",
    ),
    "line endings": ("rules.py", "\n", "\r\n"),
}


def edited(own: OwnDomain, name: str, old: str, new: str) -> None:
    path = own.folder / name
    text = path.read_text("utf-8") if path.exists() else ""
    assert old in text
    path.write_bytes((text.replace(old, new) if old else text + new).encode())


@pytest.mark.parametrize("edit", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize("imported_anew", [False, True], ids=["running", "started anew"])
def test_the_fingerprint_closes_over_the_own_python_in_use(
    own: OwnDomain, edit: tuple[str, str, str], imported_anew: bool
) -> None:
    before = fingerprints()
    edited(own, *edit)
    if imported_anew and "= =" not in edit[2]:
        own.forget()
    after = fingerprints()
    assert [name for name in after if after[name] != before[name]] in (["users"], ["made", "refers", "users"])
    assert ("made" in str(edit) or "__init__" in edit[0]) or after["made"] == before["made"]


@pytest.mark.parametrize("edit", COUNTS_NOT.values(), ids=COUNTS_NOT)
def test_what_a_rule_does_not_use_is_not_in_the_fingerprint(own: OwnDomain, edit: tuple[str, str, str]) -> None:
    before = fingerprints()
    edited(own, *edit)
    for _ in range(2):
        assert fingerprints()["users"] == before["users"]
        own.forget()


def test_a_source_of_ones_own_is_in_the_fingerprint_of_whoever_reads_it(own: OwnDomain) -> None:
    before = fingerprints()
    own.edit("sources.py", "ROWS = 3", "ROWS = 4")
    after = fingerprints()
    assert [name for name in after if after[name] != before[name]] == ["made", "refers"], "also by a reference"


REACHES = {
    "a name that is made": ('globals()["DIVISOR"]', "flows.py", "DAYS = 1\n", "DAYS = 2\n"),
    "a module by its name": ('__import__("domain.flows").flows.DAYS', "flows.py", "DAYS = 1\n", "DAYS = 2\n"),
    "a file beside it": ('len(open(__file__[:-8] + "codes.csv").read())', "codes.csv", "a\n", "b\n"),
    "a file in a folder": ('pl.read_csv("src/domain/lists/codes.csv")', "lists/codes.csv", "a\n", "b\n"),
}


@pytest.mark.parametrize("reach", REACHES.values(), ids=REACHES)
def test_what_cannot_be_followed_counts_whole(own: OwnDomain, reach: tuple[str, str, str, str]) -> None:
    used, name, one, other = reach
    own.write(name, one)
    own.edit("rules.py", "rest(value, DIVISOR)", f"rest(value, {used})")
    before = fingerprints()["users"]
    own.write(name, other)
    assert fingerprints()["users"] != before
    own.write(name, one)
    assert fingerprints()["users"] == before


def test_a_package_of_the_teams_beside_the_domain_is_followed_and_what_is_installed_is_not(own: OwnDomain) -> None:
    shared = own.folder.parent / "shared" / "__init__.py"
    shared.parent.mkdir()
    shared.write_text("import polars\n\nBY = 2\n", "utf-8")
    own.edit("helpers.py", "import polars as pl", "import polars as pl\n\nfrom shared import BY")
    own.edit("helpers.py", "value % by", "value % BY")
    before = fingerprints()["users"]
    shared.write_text("import polars\n\nBY = 3\n", "utf-8")
    assert fingerprints()["users"] != before


MAKERS = {
    "a function": "def make(by):\n    class Made(Even):\n        LIMIT: ClassVar[int] = by\n\n    return Made\n\n\n"
    "Even = make(2)\n",
    "type": 'HELD = {"LIMIT": ClassVar[int]}\nEven = type("Never", (Even,), {"__annotations__": HELD, "LIMIT": 2})\n',
    "a decorator": "def twice(kind):\n    kind.LIMIT = 2\n    return kind\n\n\nEven = twice(Even)\n",
    "a base": "class Base(Even):\n    LIMIT: ClassVar[int] = 2\n\n\nclass Even(Base):\n    pass\n",
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_however_a_class_is_made_what_makes_it_counts(own: OwnDomain, maker: str) -> None:
    own.edit("rules.py", "RULES: tuple", f"{maker}\n\nRULES: tuple")
    own.forget()
    before = fingerprints()["users"]
    own.edit("rules.py", maker, maker.replace("2", "3"))
    assert fingerprints()["users"] != before


@pytest.mark.parametrize("rule", ["statistical_drift", "distribution_change"])
def test_the_fingerprint_closes_over_a_saved_profile_and_not_over_data(repository: Path, rule: str) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(
        f"{contract.read_text('utf-8')}  - {{check: {rule}, column: id, baseline: usual.json}}\n", "utf-8"
    )
    missing = project.load("users", "dev").fingerprint
    saved = repository / "usual.json"
    saved.write_text('{"dataset": "users", "count": 3, "columns": []}', "utf-8")
    there = project.load("users", "dev").fingerprint
    saved.write_text('{\n  "count": 3,\n  "dataset": "users",\n  "columns": []\n}\n', "utf-8")
    assert project.load("users", "dev").fingerprint == there, "however it is laid out"
    saved.write_text('{"dataset": "users", "count": 4, "columns": []}', "utf-8")
    changed = project.load("users", "dev").fingerprint
    assert len({missing, there, changed}) == 3
    contract.write_text(contract.read_text("utf-8").replace("usual.json", "data/users.parquet"), "utf-8")
    if rule == "statistical_drift":
        before = project.load("users", "dev").fingerprint
        (repository / "data" / "users.parquet").write_bytes(b"other data")
        assert project.load("users", "dev").fingerprint == before


def test_the_kept_meanings_are_those_of_the_modules(tmp_path: Path) -> None:
    kept = json.loads((judging_code.PACKAGE / judging_code.MEANINGS).read_text("utf-8"))
    assert kept == meanings(judging_code.written())
    package = tmp_path / "quality"
    shutil.copytree(judging_code.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for text in (None, "[]", "{"):
        path = package / judging_code.MEANINGS
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, "utf-8")
        judging_code.judging_digest.cache_clear()
        assert judging_code.judging_digest(package) == judging_code.judging_digest(), "kept or computed, it is the same"


BESIDE = {"errors", "files", "masking", "provenance", "texts"}
"""What modules that decide take from others, and no verdict depends on: words, files, and what a run is about."""


def test_the_judging_code_holds_what_the_engine_and_its_states_are_computed_by() -> None:
    """Every module of this package that the engine, rules and kept states import, but for what only words or writes."""
    package = judging_code.PACKAGE
    left = set[str]()
    for path in (file for room in ("engine", "rules", "file_states") for file in (package / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("quality."):
                name = str(node.module).removeprefix("quality.")
                if "." not in name and not any(map(decides, (f"{name}.py", f"{name}/x.py"))):
                    left.add(name)
    assert left - BESIDE <= {"contract", "history"}, "rooms, of which single modules decide"


def test_the_judging_code_is_known_by_what_it_means(tmp_path: Path) -> None:
    package = tmp_path / "quality"
    shutil.copytree(judging_code.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))

    def digest() -> str:
        judging_code.judging_digest.cache_clear()
        return judging_code.judging_digest(package)

    before = digest()
    assert before == judging_code.judging_digest()
    for path in judging_code.judging_modules(package):
        means, text = meaning(path.read_bytes()), path.read_text("utf-8")
        documented = re.sub(r'^"""', '"""Said otherwise. ', text, count=1)
        path.write_text(f"{documented}\n# a comment\n\n\n".replace("\n", "\r\n"), "utf-8", newline="")
        assert meaning(path.read_bytes()) == means, path
        path.write_text(f"{text}\nLATER = 1\n", "utf-8")
        assert meaning(path.read_bytes()) != means, path
        path.write_text(text, "utf-8")
    values = package / "rules" / "values.py"
    values.write_text(values.read_text("utf-8").replace('description="', 'description="Once: '), "utf-8")
    for name in ("cli/ladder.py", "reporting/html.py", "ladder/flows.py", "contract/policy.py", "contract/project.py"):
        (package / name).write_text((package / name).read_text("utf-8") + "\nLATER = 1\n", "utf-8")
    assert digest() == before
    (package / "rules" / "added.py").write_text("LATER = 1\n", "utf-8")
    assert digest() != before
