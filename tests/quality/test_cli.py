"""The command line: a verdict, an exit code, and one sentence when something is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from quality.__main__ import main
from quality.cli.complaints import unexpected
from quality.loopback import importable


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")


def break_data(repository: Path) -> None:
    pl.DataFrame({"id": [1, None], "email": ["a@b", "c@d"]}).write_parquet(repository / "data" / "users.parquet")


def test_task_prints_the_verdict_before_prefect_is_imported(repository: Path) -> None:
    code = (
        "import sys; from quality.cli import ladder; from quality.contract import project;"
        "ladder.first_verdict(project.load('users'), 'task'); print('prefect' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": importable(), "QUALITY_ROOT": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "users: WARNING" in done.stdout
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize(("broken", "expected"), [(False, 0), (True, 1)], ids=["warning", "failed"])
def test_task_needs_no_server_and_ends_with_the_verdict(
    repository: Path, capsys: pytest.CaptureFixture[str], broken: bool, expected: int
) -> None:
    if broken:
        break_data(repository)
    assert main(["task", "users"]) == expected
    said = capsys.readouterr().out
    assert ("users: FAILED" if broken else "users: WARNING") in said
    assert "same result from data_quality_check_task in a flow" in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "a/b.json"), "a/b.json cannot be read or written: Permission denied"),
        (NotADirectoryError(20, "Not a directory", b"a/b"), "a/b cannot be read or written: a file is where a folder"),
        (OSError(9, "Bad file descriptor", 3), "unexpected OSError: [Errno 9] Bad file descriptor: 3; look there"),
        (KeyError("x"), "unexpected KeyError: 'x'; look there"),
    ],
    ids=["a text", "bytes", "a descriptor", "no file"],
)
def test_what_nobody_expected_is_one_sentence(error: Exception, said: str) -> None:
    assert unexpected(error, "look there").startswith(said)


@pytest.mark.parametrize("names", [["users"], []], ids=["one", "all"])
@pytest.mark.parametrize("in_the_way", ["rollout", "rollout/evidence", "rollout/evidence/users.task.json"])
def test_a_place_that_cannot_be_written_is_told_with_the_verdict(
    repository: Path, capsys: pytest.CaptureFixture[str], in_the_way: str, names: list[str]
) -> None:
    contract = (repository / "datasets" / "users.yml").read_text("utf-8")
    (repository / "datasets" / "members.yml").write_text(contract.replace("dataset: users", "dataset: members"))
    place = repository / in_the_way
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if in_the_way.endswith("json") else place.write_text("in the way")
    assert main(["task", *names]) == 3
    said = capsys.readouterr()
    assert "users: WARNING" in said.out
    assert re.search(r"quality: (\w+ in dev: )?rollout.* cannot be read or written: \w[\w ]+; see to that", said.err)
    assert "unexpected" not in said.err


def test_a_history_that_cannot_be_written_is_told_with_the_verdict(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / ".quality").write_text("in the way")
    assert main(["task", "users"]) == 0
    assert "history: not written: " in capsys.readouterr().out


def test_explain_shows_every_query_and_the_columns_it_read(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["task", "users", "--explain"]) == 0
    said = capsys.readouterr().out
    assert "queries; email read 2 times, id read 2 times" in said
    assert "probe of id: id" in said
    assert "pass over email: email" in said


@pytest.mark.parametrize(("broken", "expected"), [(False, 0), (True, 1)], ids=["warning", "failed"])
@pytest.mark.parametrize("verb", ["block", "flow"])
def test_block_and_flow_end_with_the_verdict(
    api: str, repository: Path, capsys: pytest.CaptureFixture[str], verb: str, broken: bool, expected: int
) -> None:
    if broken:
        break_data(repository)
    assert main([verb, "users", "--env", "prod"]) == expected
    said = capsys.readouterr().out
    assert "same result from" in said
    if verb == "flow":
        assert "artifact users-users-prod-quality:" in said
        assert said.count("stopped by the verdict" if broken else "let through") == 6


def test_deployment_without_a_worker_says_how_to_start_one(
    api: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deployment", "users", "--env", "prod"]) == 3
    told = capsys.readouterr()
    assert "deployed users-prod" in told.out
    assert "users-dev" not in told.out, "only what was asked for is deployed"
    assert "users-prod is paused, as it is not promoted: rung task: its run does not count" in told.out
    assert "no worker of the work pool users-prod is online" in told.err
    assert "prefect worker start --pool users-prod --no-create-pool-if-not-found" in told.err


@pytest.mark.parametrize("verb", ["block", "flow", "deployment", "doctor"])
def test_a_server_that_does_not_answer_is_one_sentence(
    repository: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main([verb]) == 3 if verb != "doctor" else main([verb]) in (2, 3)
    told = capsys.readouterr()
    assert "no Prefect API answers at http://127.0.0.1:9/api" in told.err + told.out
    assert "Traceback" not in told.err + told.out


def test_task_gives_its_verdict_without_the_server_that_does_not_answer(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(["task"]) == 0
    assert "The verdict needs no server" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task", "user"], "there is no dataset 'user'; did you mean 'users'"),
        (["task", "users", "--env", "prodd"], "policy.yml has no environment 'prodd'; did you mean 'prod'"),
        (["promote", "block", "--env", "dev", "user"], "there is no dataset 'user'; did you mean 'users'"),
        (["drift", "files", "--env", "dev", "fork"], "there is no layer 'fork'"),
        (["add", "none.csv", "--sheet", "A", "none"], "none.csv"),
    ],
    ids=["dataset", "environment", "a name behind an option", "a layer behind an option", "a name behind a sheet"],
)
def test_wrong_use_is_one_sentence(
    repository: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        f"{verb} users {option}={value}"
        for value in ("0", "-1", "nan", "inf", "x")
        for verb, option in (("history", "--runs"), ("deployment", "--timeout"), ("climb", "--timeout"))
    ],
)
def test_a_number_that_no_answer_has_is_refused_before_anything_runs(
    repository: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words.split())
    assert refused.value.code == 2
    verb, _, option = words.split()
    assert f"python -m quality {verb}: error: argument {option.partition('=')[0]}: " in capsys.readouterr().err


def test_a_path_that_is_no_dataset_is_named_once_and_in_no_environment(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learn", "/none/a.csv"]) == 3
    assert capsys.readouterr().err == "quality: the file /none/a.csv does not exist\n"


def test_data_that_is_not_there_could_not_be_judged(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "data" / "users.parquet").unlink()
    assert main(["task"]) == 3
    assert "users: ERROR" in capsys.readouterr().out


def test_learn_proposes_rules_that_a_contract_takes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "users"]) == 0
    said = capsys.readouterr().out
    assert '- {check: "not_null", column: "id", learned: {rows: 3, holds_out: false, why: ' in said
    assert "# id is not null: 0 of 3 rows have no value; a first guess: no other rows told" in said


def test_doctor_finds_files_that_disagree(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / "prefect.yaml"
    path.write_text(path.read_text("utf-8").replace("0 6 * * *", "0 7 * * *"), "utf-8")
    assert main(["doctor"]) == 2
    said = capsys.readouterr().out
    assert 'prefect.yaml, users-prod: schedules is [{"cron": "0 7 * * *"' in said
    assert "run `nox -s entries`" in said


def test_doctor_names_the_channel_whose_block_is_not_saved(
    api: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = repository / "policy.yml"
    channel = "  notifications: [{channel: webhook, block: custom-webhook/nobody-saved-it}]\n  work_pool"
    policy.write_text(policy.read_text("utf-8").replace("  work_pool", channel, 1), "utf-8")
    assert main(["doctor"]) == 3
    said = "channel webhook: there is no saved block custom-webhook/nobody-saved-it; save it with its credentials"
    assert said in capsys.readouterr().out
