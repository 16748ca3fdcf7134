"""The challenge: forty corruptions of a dataset's own rows, what no rule notices, and the rule that would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import NOW
from ruamel.yaml import YAML
from test_learn import orders

from quality.__main__ import main
from quality.contract import project
from quality.engine.frame import Frame, Surroundings
from quality.learning.challenge import Challenge, challenge
from quality.learning.corruptions import CORRUPTIONS, cases
from quality.learning.edits import appended
from quality.learning.proposal import learn
from quality.rollout import checklist, evidence
from quality.rollout.evidence import Rung
from quality.rollout.scorecard import CHECKLIST
from quality.rules.catalogue import parse_rules

ROWS = 400


def frame(rows: pl.DataFrame) -> Frame:
    return Frame(rows.lazy(), Surroundings(references=lambda name: pl.LazyFrame(), history=lambda n: [], now=NOW))


def challenged(*rules: dict[str, Any], **asked: Any) -> Challenge:
    return challenge(frame(orders(ROWS)), parse_rules(rules), ("order_id",), **asked)


def test_forty_corruptions_each_change_rows_that_have_their_kind_of_column() -> None:
    assert len({one.name for one in CORRUPTIONS}) == 40
    assert {case.corruption for case in cases(orders(ROWS), ("order_id",), 1, 9)} == {one.name for one in CORRUPTIONS}


def test_the_same_seed_gives_the_same_challenge_and_another_one_another() -> None:
    assert challenged({"check": "not_null", "column": "zip"}) == challenged({"check": "not_null", "column": "zip"})
    first, other = ([c.column for c in cases(orders(60), (), seed, 1)] for seed in (1, 2))
    assert first != other


def test_rules_that_notice_little_have_a_low_score_and_learned_ones_a_high_one() -> None:
    weak = challenged({"check": "row_count", "min": 1}, propose=False)
    learned = challenge(frame(orders(ROWS)), learn(orders(ROWS).lazy(), now=NOW).rules, ("order_id",), propose=False)
    assert weak.score is not None
    assert learned.score is not None
    assert weak.score < 0.1 < 0.85 < learned.score


def test_what_failed_before_notices_nothing() -> None:
    assert challenged({"check": "row_count", "max": 1}, propose=False).noticed == 0


def test_each_rule_that_is_proposed_notices_what_was_missed() -> None:
    own = {"check": "not_null", "column": "zip"}
    found = challenged(own)
    assert found.rules
    again = challenge(frame(orders(ROWS)), [*parse_rules([own]), *found.rules], ("order_id",))
    missed = {(one.corruption, one.column) for one in found.missed if one.rule is None}
    assert {(one.corruption, one.column) for one in again.missed} == missed
    assert all(rule.learned for rule in found.rules)


CONTRACTS = {
    "a list": "rules:\n  # ids\n  - {check: unique, column: id}\n",
    "not indented": "rules:\n- {check: unique, column: id}\n\n# the end\n",
    "no rules": "rules: []\n",
    "in the middle": "rules:\n    - {check: unique, column: id}  # why\n\nkey: [id]\n",
}


@pytest.mark.parametrize("text", CONTRACTS.values(), ids=list(CONTRACTS))
def test_rules_are_appended_and_no_line_of_the_teams_is_lost(text: str) -> None:
    made = appended(text, ["  # why", "  - {check: not_null, column: id}"], "d.yml")
    kept = iter(made.splitlines())
    assert all(line.replace(" []", "") in kept for line in text.splitlines())
    assert YAML(typ="safe").load(made)["rules"][-1] == {"check": "not_null", "column": "id"}


@pytest.fixture
def users(repository: Path) -> Path:
    rows = pl.DataFrame({"id": range(300)}).with_columns(email="u" + pl.col("id").cast(pl.String) + "@example.com")
    rows.write_parquet(repository / "data" / "users.parquet")
    return repository


def test_the_verb_proposes_accepts_and_scores_anew(users: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (users / "datasets" / "users.yml").read_text("utf-8")
    assert main(["challenge", "users", "--json"]) == 0
    (first,) = json.loads(capsys.readouterr().out)["datasets"]
    assert (users / "datasets" / "users.yml").read_text("utf-8") == before
    assert main(["challenge", "users", "--accept", "--json"]) == 0
    (second,) = json.loads(capsys.readouterr().out)["datasets"]
    assert first["score"] < second["score"]
    assert (users / "datasets" / "users.yml").read_text("utf-8").startswith(before.rstrip("\n"))
    assert len(project.load("users").rules) == before.count("check:") + len(second["accepted"])
    assert main(["task", "users"]) == 0


def test_the_line_of_the_checklist_is_met_by_rules_that_notice_enough(users: Path) -> None:
    config = project.load("users", "dev")
    client: Any = None
    ((seen, fix),) = checklist.challenged(config, Rung.FLOW, client)
    assert "policy.yml asks for 80 %" in seen
    assert fix.startswith("nox -s challenge -- users --env dev")
    assert not [*checklist.challenged(config, Rung.BLOCK, client)]
    assert not [*checklist.challenged(config.override(challenge=0.01), Rung.FLOW, client)]
    assert main(["challenge", "users", "--accept"]) == 0
    assert not [*checklist.challenged(project.load("users", "dev"), Rung.DEPLOYMENT, client)]


def test_what_was_promoted_before_is_not_refused_until_its_contract_changes(users: Path) -> None:
    config, client = project.load("users", "dev"), None
    met = (evidence.Check(name="every line", ok=True, seen="met"),)
    evidence.record(evidence.checked(config, f"{CHECKLIST}-{Rung.FLOW}", met))
    asked: Any = client
    assert not [*checklist.challenged(config, Rung.FLOW, asked)]
    assert [*checklist.challenged(config.override(warning_threshold=0.5), Rung.FLOW, asked)]
    assert [*checklist.challenged(config, Rung.DEPLOYMENT, asked)]


def test_few_rows_are_not_challenged(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["challenge", "users"]) == 0
    assert "too few to corrupt" in capsys.readouterr().out
    assert not [*checklist.challenged(project.load("users", "dev"), Rung.FLOW, None)]  # type: ignore[arg-type]
