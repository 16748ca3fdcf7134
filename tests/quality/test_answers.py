"""`--json` on every verb: one document on standard output, nothing beside it, true to its documented schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import polars as pl
import pytest

from quality.__main__ import main
from quality.checking import check
from quality.cli.documents import answer_schemas, documents
from quality.cli.junit import write_junit
from quality.cli.ladder import compare, prove
from quality.cli.verbs import VERBS
from quality.contract import project
from quality.loopback import importable
from quality.result import CheckResult, RuleResult
from quality.values import Severity, Status

QUARANTINE = "quarantine: {path: quarantine}\n"
CHANNEL = "  notifications: [{channel: webhook, block: custom-webhook/nobody-saved-it}]\n  work_pool"


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """The exit code and the one document, which is true to the schema of its verb."""
    capsys.readouterr()
    code = main([*words, "--json"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, answer_schemas()[words[0]], jsonschema.Draft202012Validator)
    assert (document["verb"], document["exit_code"]) == (words[0], code)
    return code, document


def break_data(repository: Path) -> None:
    pl.DataFrame({"id": [1, None], "email": ["a@b", "c@d"]}).write_parquet(repository / "data" / "users.parquet")


def test_every_verb_has_a_schema_that_a_repository_is_given(repository: Path) -> None:
    written = {path.relative_to(repository).as_posix() for path in documents(repository)}
    for verb in VERBS:
        assert callable(verb.function())
        assert f"docs/schemas/{verb.name}.json" in written
        jsonschema.Draft202012Validator.check_schema(answer_schemas()[verb.name])


@pytest.mark.parametrize(("broken", "expected"), [(False, 0), (True, 1)], ids=["warning", "failed"])
def test_task_answers_with_the_result_and_its_paths(
    repository: Path, capsys: pytest.CaptureFixture[str], broken: bool, expected: int
) -> None:
    if broken:
        break_data(repository)
    code, document = answer(capsys, "task", "users", "--env", "prod")
    (run,) = document["runs"]
    assert (code, run["dataset"], run["environment"], run["exit_code"]) == (expected, "users", "prod", expected)
    assert run["result"]["status"] == ("FAILED" if broken else "WARNING")
    assert [path["equal"] for path in run["paths"]] == [True]
    assert (repository / run["evidence"]).exists()


def test_what_people_and_child_processes_say_goes_to_standard_error(repository: Path) -> None:
    """In a process of its own, whose every descriptor is looked at; the team's own source prints, too."""
    (repository / "noisy.py").write_text("print('noise')\nimport os\nos.system('echo noise of a child')\n", "utf-8")
    code = "import sys; from quality.__main__ import main, spoken_aside\nwith spoken_aside():\n    import noisy\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main(['task', '--json']))"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([importable(), str(repository)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["verb"]) == (0, "task")
    assert done.stderr.count("noise") == 2
    assert "users: WARNING" in done.stderr


@pytest.mark.parametrize("verb", ["block", "flow"])
def test_block_and_flow_answer_with_every_path(
    api: str, repository: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    code, document = answer(capsys, verb, "users", "--env", "prod")
    (run,) = document["runs"]
    assert (code, all(path["equal"] for path in run["paths"])) == (0, True)
    assert len(run["paths"]) == (1 if verb == "block" else 8)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["task", "user"], 2, "there is no dataset 'user'; did you mean 'users'"),
        (["drift", "file"], 2, "there is no layer 'file'; did you mean 'files'"),
        (["report", "users"], 2, "no run of users in dev is remembered yet"),
        (["alarms", "--env", "prodd"], 3, "no Prefect API answers"),
        (["deployment", "users"], 3, "no Prefect API answers"),
        (["promote", "block", "users"], 3, "no Prefect API answers"),
    ],
    ids=["dataset", "layer", "no run", "no server", "no server to deploy to", "no server to promote on"],
)
def test_a_verb_that_ends_early_answers_with_its_sentence(
    repository: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        found, document = answer(capsys, *words)
    assert found == code
    assert said in document["problem"]


def test_verbs_that_need_no_server_answer(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8") + QUARANTINE, "utf-8")
    break_data(repository)
    assert answer(capsys, "history", "users")[1]["datasets"][0]["runs"] == []
    answer(capsys, "task", "users")
    assert answer(capsys, "learn", "users")[1]["datasets"][0]["rows"] == 2
    assert "docs/schemas/task.json" in answer(capsys, "rules")[1]["written"]
    assert answer(capsys, "rules")[1]["written"] == []
    assert [one["environment"] for one in answer(capsys, "status")[1]["standings"]] == ["dev", "prod"]
    past = answer(capsys, "history", "users", "--runs", "3")[1]["datasets"][0]
    assert [(run["status"], run["not_passed"]) for run in past["runs"]] == [("FAILED", 1)]
    assert {trend["name"] for trend in past["trends"]} == {
        "rows",
        "duration",
        "not_null(id)",
        "regex(email, pattern=@)",
    }
    assert Path(answer(capsys, "report", "users")[1]["reports"][0]["path"]).exists()
    (rows,) = answer(capsys, "redrive", "users")[1]["datasets"]
    assert (rows["rows"], rows["released"], rows["stay"]) == (1, 0, 1)
    code, found = answer(capsys, "drift", "environments")
    assert (code, found["drifted"], set(found["unseen"])) == (0, 0, {"files", "forks", "server"})


def test_doctor_answers_with_everything_it_looked_at(
    api: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = repository / "policy.yml"
    policy.write_text(policy.read_text("utf-8").replace("  work_pool", CHANNEL, 1), "utf-8")
    _, document = answer(capsys, "doctor")
    said = {one["subject"]: one["code"] for one in document["findings"]}
    assert (said["policy.yml"], said["channel webhook"]) == (0, 3)


def test_alarms_answer_with_what_was_done(api: str, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "alarms")[1]["automations"] == []


def test_a_claim_beyond_its_evidence_is_in_the_answer(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "task", "users", "--env", "dev")
    status = repository / "rollout" / "status.json"
    status.write_text(status.read_text("utf-8").replace('"current_level": "task"', '"current_level": "flow"'), "utf-8")
    code, document = answer(capsys, "status", "--check")
    assert code == 1
    assert "users in dev: rollout/status.json says flow" in document["claims"][0]


def test_task_writes_a_test_case_for_each_rule_and_segment(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = repository / "datasets" / "users.yml"
    text = contract.read_text("utf-8") + "  - {check: in_range, column: id, min: 2, by: email}\n"
    contract.write_text(text.replace("sensitive: [email]\n", ""), "utf-8")
    pl.DataFrame({"id": [1, 2, None], "email": ["a@b", "c\x00\ufffe", None]}).write_parquet(
        repository / "data" / "users.parquet"
    )
    code, document = answer(capsys, "task", "users", "--junit", str(repository / "build" / "verdicts.xml"))
    result = document["runs"][0]["result"]
    (suite,) = ElementTree.parse(repository / "build" / "verdicts.xml").getroot()
    cases = suite.findall("testcase")
    counted = ("failed_count", "error_count", "skipped_count", "total_count")
    assert [int(suite.attrib[name]) for name in ("failures", "errors", "skipped", "tests")] == [
        result[name] for name in counted
    ]
    assert (code, result["total_count"], len({case.attrib["name"] for case in cases})) == (1, 5, 5)
    assert {case.attrib["classname"] for case in cases} == {"users.dev"}
    failed = {case.attrib["name"]: case.find("failure") for case in cases if case.find("failure") is not None}
    assert "not_null(id)" in failed
    assert any("\\u0000\\ufffe" in case.attrib["name"] for case in cases)
    messages = {one.attrib["message"] for one in failed.values() if one is not None}
    assert messages == {rule["message"] for rule in result["rules"] if rule["status"] == "FAILED"}


def test_a_run_without_a_verdict_is_an_error_of_its_own(tmp_path: Path) -> None:
    """A missing file makes every rule ERROR; a check without rules has only the run to speak of."""
    about: dict[str, Any] = {"timestamp": "2026-01-01T00:00:00Z"}
    warned = RuleResult(rule_name="a", check="x", status=Status.WARNING, severity=Severity.ERROR, message="few")
    results = [
        CheckResult(status=Status.ERROR, reason="gone", **about),
        CheckResult(status=Status.SKIPPED, reason="there are no rules", **about),
        CheckResult(status=Status.PASSED, **about),
        CheckResult(status=Status.WARNING, rules=(warned,), **about),
    ]
    write_junit(tmp_path / "verdicts.xml", results)
    suites = list(ElementTree.parse(tmp_path / "verdicts.xml").getroot())
    assert [(s.attrib["errors"], s.attrib["skipped"], s.attrib["failures"]) for s in suites] == [
        ("1", "0", "0"),
        ("0", "1", "0"),
        ("0", "0", "0"),
        ("0", "0", "0"),
    ]
    assert suites[3].findtext("testcase/system-out") == "WARNING: few"


def test_a_path_that_gives_another_result_is_not_proved(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a FAILED dataset, too, whose exit code is 1 in any case."""
    break_data(repository)
    config = project.load("users", "dev")
    one, other = check(None, config), check(pl.DataFrame({"id": [1], "email": ["a@b"]}), config)
    run = prove(one, "task", [compare(one, other, "from elsewhere")])
    assert (run.exit_code, run.paths[0].equal, "row_count" in run.paths[0].differs) == (1, False, True)
    assert run.evidence is not None
    assert not json.loads((repository / run.evidence).read_text("utf-8"))["environments"]["dev"]["checks"][0]["ok"]


def test_the_page_for_machines_names_every_verb_and_its_schema() -> None:
    page = Path(__file__).parents[2] / "docs" / "json.md"
    if not page.exists():
        page = next(Path(__file__).parents[2].glob("template/docs/json.md"))
    text = page.read_text("utf-8")
    for verb in VERBS:
        assert f"`{verb.name}`" in text
        assert f"(schemas/{verb.name}.json)" in text
