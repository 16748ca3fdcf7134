"""One neighbour does not break another: a broken contract is its own line, and hundreds cost what their checks cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from prefect.client.orchestration import get_client

from quality.__main__ import main
from quality.cli import documents
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.drift.report import look
from quality.errors import ConfigurationError, SourceError
from quality.history import runs as history
from quality.loopback import importable
from quality.reporting import console
from quality.result import CheckResult
from quality.rollout import scorecard

BROKEN = {
    "not YAML": "dataset: orders\nrules: [{check: not_null\n",
    "no mapping": "- orders\n",
    "an unknown rule": "dataset: orders\nowner: '@x'\nsource: {path: data/users.parquet}\nrules: [{check: nope}]\n",
    "another name": "dataset: other\nowner: '@x'\nsource: {path: data/users.parquet}\nrules: []\n",
    "no UTF-8": "dataset: orders # \udcff\n",
    "empty": "",
    "a conflict": "<<<<<<< ours\ndataset: orders\n",
}
VERBS = ["task", "history", "report", "learn"]


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(console.out, "_width", 200)  # COLUMNS counts when the console is made, which was before


def breaks(repository: Path, text: str = BROKEN["not YAML"], name: str = "orders.yml") -> None:
    """A neighbour that comes before `users` in every list."""
    (repository / "datasets" / name).write_text(text, "utf-8", errors="surrogateescape")


def lines(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if word in line]


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_contract_is_one_line_and_the_others_are_judged(
    repository: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    breaks(repository, text)
    assert main(["task"]) == 2
    told = capsys.readouterr()
    assert "users: WARNING" in told.out
    assert "evidence: rollout/evidence/users.task.json" in told.out
    (line,) = lines(told.err, "quality: ")
    assert "datasets/orders.yml" in line
    standings = json.loads((repository / "rollout" / "status.json").read_text("utf-8"))["standings"]
    levels = {(one["dataset"], one["environment"]): one["current_level"] for one in standings}
    assert levels == {("users", "dev"): "task", ("users", "prod"): None, ("orders", "dev"): None} | {
        ("orders", "prod"): None
    }


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_goes_on_with_the_others(repository: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert main(["task", "users"]) == 0
    breaks(repository)
    capsys.readouterr()
    assert main([verb]) == 2
    told = capsys.readouterr()
    assert "users" in told.out
    assert len(lines(told.err, "quality: ")) == 1


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The one document of `--json`, true to the schema of its verb, and with the exit code."""
    capsys.readouterr()
    code = main([*words, "--json"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, documents.answer_schemas()[words[0]], jsonschema.Draft202012Validator)
    assert document["exit_code"] == code
    return document


@pytest.mark.parametrize("verb", [*VERBS, "redrive", "status"])
def test_the_broken_dataset_is_an_entry_of_the_answer_with_its_problem(
    repository: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8") + "quarantine: {path: quarantine}\n", "utf-8")
    assert main(["task", "users"]) == 0
    breaks(repository)
    document = answered(capsys, verb)
    entries = {"task": "runs", "report": "reports", "status": "standings"}.get(verb, "datasets")
    found = {one["dataset"]: one for one in document[entries]}
    assert (document["exit_code"], set(found)) == (2, {"orders", "users"})
    assert "datasets/orders.yml:" in document["problem"]
    if verb != "status":
        assert (found["orders"]["exit_code"], found["orders"]["problem"]) == (2, document["problem"])
        assert (found["users"]["exit_code"], found["users"]["problem"]) == (0, None)


def test_the_worst_exit_code_is_that_of_the_answer(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong files are 2, what could not be judged is 3; every mistake of a contract is a line."""
    contract = (repository / "datasets" / "users.yml").read_text("utf-8").replace("users", "shops")
    breaks(repository, contract, "shops.yml")
    breaks(repository, "dataset: orders\nowner: 7\nsource: {path: a.parquet}\nrules: [{check: nope}]\n")
    document = answered(capsys, "task")
    orders, shops, users = document["runs"]
    assert (orders["exit_code"], shops["exit_code"], users["exit_code"], document["exit_code"]) == (2, 3, 0, 3)
    assert (orders["result"], shops["result"]["status"], shops["problem"]) == (None, "ERROR", None)
    assert len(orders["problem"].splitlines()) == 2
    assert all("datasets/orders.yml" in line for line in orders["problem"].splitlines())


def test_what_is_written_is_in_the_answer_beside_what_cannot_be_read(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks(repository)
    document = answered(capsys, "rules")
    assert "docs/policy.md" in document["written"]
    assert (document["exit_code"], "datasets/orders.yml:" in document["problem"]) == (2, True)


def test_rungs_with_a_server_go_on_with_the_others(
    api: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks(repository)
    assert main(["entries"]) == 0
    for verb in ("block", "flow"):
        assert main([verb]) == 2
        assert f"evidence: rollout/evidence/users.{verb}.json" in capsys.readouterr().out
    assert main(["deployment"]) == 3
    told = capsys.readouterr()
    assert lines(told.err, "quality: datasets/orders.yml:3: not valid YAML")
    assert "deployed users-dev" in told.out
    assert main(["rules"]) == 2
    assert main(["promote", "block", "users"]) in (0, 1)
    assert "retry and cache policy documented" in capsys.readouterr().out
    with get_client(sync_client=True) as client:
        assert client.read_deployment_by_name("users-check-dataset/users-dev").name == "users-dev"


def test_a_neighbour_whose_columns_left_stops_no_other(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = (repository / "datasets" / "users.yml").read_text("utf-8")
    breaks(repository, contract.replace("users", "orders").replace("column: id", "column: gone"))
    pl.DataFrame({"email": ["a@b"]}).write_parquet(repository / "data" / "orders.parquet")
    assert main(["task"]) in (1, 2, 3)
    told = capsys.readouterr()
    assert "users: WARNING" in told.out
    assert "orders" in told.err + told.out


def test_all_that_are_asked_for_and_broken_are_named_and_nothing_starts(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks(repository)
    breaks(repository, BROKEN["no mapping"], "shops.yml")
    assert main(["flow", "orders", "shops"]) == 2
    told = capsys.readouterr()
    assert len(lines(told.err, "quality: datasets/")) == 2
    assert "starting a Prefect server" not in told.out


def test_a_contract_under_another_suffix_is_its_own_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    breaks(repository, name="orders.yaml")
    assert project.datasets() == ("orders", "users")
    assert main(["task"]) == 2
    told = capsys.readouterr()
    assert "users: WARNING" in told.out
    assert lines(told.err, "quality: ") == ["quality: datasets/orders.yaml would not be checked; name it orders.yml"]
    with pytest.raises(ConfigurationError, match=r"name it orders\.yml"):
        project.load("orders")


@pytest.mark.parametrize("target", [None, "nowhere.yml"], ids=["a folder", "a link to nothing"])
def test_a_contract_that_is_no_file_is_its_own_line(
    target: str | None, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repository / "datasets" / "orders.yml"
    path.mkdir() if target is None else path.symlink_to(target)
    assert main(["task", "orders"]) == 2
    (said,) = lines(capsys.readouterr().err, "quality: ")
    assert "datasets/orders.yml" in said
    assert "did you mean" not in said


def test_what_stops_a_dataset_with_a_short_name_names_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = (repository / "datasets" / "users.yml").read_text("utf-8")
    breaks(repository, contract.replace("dataset: users", "dataset: e"), "e.yml")

    def stops(config: CheckConfig, *_: object) -> CheckResult:
        raise SourceError("the store does not answer")

    monkeypatch.setattr("quality.cli.ladder.first_verdict", stops)
    assert main(["task"]) == 3
    assert "quality: e in dev: the store does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["task"], ["task", "--json"]], ids=["text", "json"])
def test_a_terminal_without_the_characters_loses_no_verdict(words: list[str], repository: Path) -> None:
    env = os.environ | {"PYTHONPATH": importable(), "QUALITY_ROOT": str(repository), "PYTHONIOENCODING": "ascii"}
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8").replace("rules:", "description: é\nrules:"), "utf-8")
    done = subprocess.run([sys.executable, "-m", "quality", *words], env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "UnicodeEncodeError" not in done.stderr.decode()
    if "--json" in words:
        assert json.loads(done.stdout.decode("utf-8"))["exit_code"] == 0
    else:
        assert "users: WARNING" in done.stdout.decode("ascii")


def test_status_says_one_line_of_it_and_makes_no_false_claim_of_the_others(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["task"]) == 0
    breaks(repository)
    capsys.readouterr()
    for words in (["status", "--check"], ["status"]):
        assert main(words) == 2
        said = capsys.readouterr().out
        assert len(lines(said, "orders ")) == 1
        assert "datasets/orders.yml:" in said
        assert len(lines(said, "users ")) == 2
        assert "the evidence says" not in said
    (repository / "datasets" / "orders.yml").unlink()
    assert main(["status"]) == 0
    assert main(["status", "--check"]) == 0


def test_doctor_says_one_line_of_it_and_looks_at_the_others(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repository / "prefect.yaml"
    path.write_text(path.read_text("utf-8").replace("0 6 * * *", "0 7 * * *"), "utf-8")
    breaks(repository)
    assert main(["doctor"]) == 2
    said = capsys.readouterr().out
    assert len(lines(said, "datasets/orders.yml")) == 1
    assert "datasets/users.yml: valid" in said
    assert 'users-prod: schedules is [{"cron": "0 7 * * *"' in said


@pytest.mark.parametrize("layers", [[], ["environments"], ["files", "environments"], ["forks"]], ids=str)
def test_drift_says_one_line_of_it_and_looks_at_the_others(
    repository: Path, capsys: pytest.CaptureFixture[str], layers: list[str]
) -> None:
    path = repository / "prefect.yaml"
    path.write_text(path.read_text("utf-8").replace("0 6 * * *", "0 7 * * *"), "utf-8")
    breaks(repository)
    assert main(["drift", *layers]) == 1
    said = capsys.readouterr().out
    assert len(lines(said, "datasets/orders.yml")) == 1
    if layers != ["forks"]:
        assert 'schedules is [{"cron": "0 7 * * *"' in said


def test_drift_of_the_server_is_looked_at_without_it(api: str, repository: Path) -> None:
    breaks(repository)
    report = look(["server"])  # type: ignore[list-item]
    assert not report.unseen.get("server")  # type: ignore[call-overload]
    assert len([one for one in report.findings if "datasets/orders.yml" in one.subject]) == 1


def test_what_is_written_from_contracts_keeps_what_it_says_of_a_broken_one(repository: Path) -> None:
    breaks(repository, (repository / "datasets" / "users.yml").read_text("utf-8").replace("users", "orders"))
    owners = repository / "CODEOWNERS"
    owners.write_text(f"{documents.OWNERS_START}\n{documents.OWNERS_END}\n", "utf-8")
    assert main(["rules"]) == 0
    before = [owners.read_text("utf-8"), (repository / "docs" / "policy.md").read_text("utf-8")]
    assert all("orders" in text for text in before)
    breaks(repository)
    assert main(["rules"]) == 2
    assert [owners.read_text("utf-8"), (repository / "docs" / "policy.md").read_text("utf-8")] == before


DATASETS = 200
TIMES_JUDGED = 2
"""By the engine alone, and in a task: the two are compared."""
SESSION = """
import sys, time
opened = 0
def count(event, arguments):
    global opened
    opened += event == "open" and "/datasets/" in str(arguments[0])
sys.addaudithook(count)
started = time.perf_counter()
from quality.__main__ import main
one = main(["task", "d000"])
start = time.perf_counter() - started
opened = 0
before = time.perf_counter()
code = main(["task"])
print(start, time.perf_counter() - before, opened, code, file=sys.stderr)
"""
CONTRACT = """dataset: {name}
owner: "@team"
source: {{path: data/rows.parquet}}
key: [id]
rules:
  - {{check: not_null, column: id}}
  - {{check: unique, column: id}}
  - {{check: unique_combination, columns: [id, text]}}
  - {{check: in_range, column: amount, min: 0, max: 99}}
  - {{check: regex, column: text, pattern: "^row [0-9]+$"}}
  - {{check: mean, column: amount, at_least: 1, at_most: 98}}
  - {{check: row_count, min: 1}}
"""


def test_two_hundred_datasets_cost_little_more_than_their_checks(repository: Path) -> None:
    """Both times are of the same seconds of one process; of three sessions one, as noise only adds to what is beside.

    A cost that grows with the square of the datasets is many times the checks, or opens each contract for each other.
    """
    rows = 150_000
    for number in range(DATASETS):
        name = f"d{number:03}"
        (repository / "datasets" / f"{name}.yml").write_text(CONTRACT.format(name=name), "utf-8")
    ids = range(rows)
    frame = pl.DataFrame({"id": ids, "amount": [n % 100 for n in ids], "text": [f"row {n}" for n in ids]})
    frame.write_parquet(repository / "data" / "rows.parquet")
    assert any(cost_is_the_checks(repository) for _ in range(3))
    standings = json.loads((repository / "rollout" / "status.json").read_text("utf-8"))["standings"]
    assert sum(one["current_level"] == "task" for one in standings) == DATASETS + 1


def cost_is_the_checks(repository: Path) -> bool:
    """Whether a session over all datasets takes less than 1.5 times their checks and one start."""
    shutil.rmtree(repository / ".quality", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", SESSION],
        env={**os.environ, "PYTHONPATH": importable(), "QUALITY_ROOT": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    start, wall, opened, code = done.stderr.split()[-4:]
    assert code == "0", done.stdout + done.stderr
    judged: list[float] = [history.metrics(project.load(name))["duration_ms"][0] for name in project.datasets()]
    assert len(judged) == DATASETS + 1
    assert int(opened) <= 4 * DATASETS
    checks = TIMES_JUDGED * sum(judged) / 1_000
    print(f"start {start} s, wall {wall} s, checks {checks:.1f} s, {opened} contracts opened")
    return float(wall) < 1.5 * checks + float(start)


def test_the_scorecard_is_written_once_when_a_session_ends_however_it_ends(repository: Path) -> None:
    status = repository / "rollout" / "status.json"

    def session() -> None:
        with scorecard.kept():
            for number in range(3):
                breaks(repository, CONTRACT.format(name=f"d{number}"), f"d{number}.yml")
                assert not status.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session()
    assert len(json.loads(status.read_text("utf-8"))["standings"]) == 8
