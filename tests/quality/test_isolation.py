"""What ends the process of an isolated check is an ERROR with its reason, remembered and told as any verdict."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality import isolation
from quality.checking import check
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.history import runs as history
from quality.operations import after_check
from quality.result import CheckResult
from quality.values import Status

GROWS = "REPLACE(" * 6 + "email" + ", 'a', 'aaaaaaaaaaaaaaaaaaaa')" * 6


def isolated(repository: Path, more: str = "", rules: str = "", head: str = "") -> CheckConfig:
    policy, contract = repository / "policy.yml", repository / "datasets" / "users.yml"
    policy.write_text(policy.read_text("utf-8").replace("defaults:\n", f"defaults:\n  isolate: true\n{more}"), "utf-8")
    text = contract.read_text("utf-8").replace("sensitive: [email]", f"sensitive: [email]\n{head}")
    contract.write_text(text + rules, "utf-8")
    return project.load("users")


def facts(result: CheckResult) -> dict[str, Any]:
    found = result.comparable()
    found["metadata"].pop("fingerprint")
    return found


def test_an_isolated_check_gives_the_result_of_one_that_is_not(repository: Path) -> None:
    plain = check(None, project.load("users"))
    config = isolated(repository)
    apart = check(None, config)
    assert apart.status is Status.WARNING
    assert facts(apart) == facts(plain)
    assert plain.metadata.fingerprint != apart.metadata.fingerprint == config.fingerprint


def test_rows_are_set_apart_by_the_process_that_judged_them(repository: Path) -> None:
    rule = "  - {check: not_in_set, column: email, values: [secret]}\n"
    config = isolated(repository, rules=rule, head="quarantine: {path: out, drop: [email]}\n")
    ran = after_check.check(None, config)
    assert ran.result.status is Status.FAILED
    assert "quarantine: 1 of 3 rows quarantined" in ran.notes
    (failing,) = repository.glob("out/users/dev/date=*/run=*/failing.parquet")
    assert pl.read_parquet(failing)["id"].to_list() == [3]
    assert history.metrics(config).height == 3


def test_a_check_that_needs_more_memory_than_it_may_is_an_error_and_remembered(repository: Path) -> None:
    pl.DataFrame({"id": [1], "email": ["a@" + "a" * 1000]}).write_parquet(repository / "data" / "users.parquet")
    rule = f'  - {{check: expression, name: grows, expression: "length({GROWS}) > 1"}}\n'
    config = isolated(repository, "  memory_limit: 256MB\n", rule)
    ran = after_check.check(None, config)
    assert (ran.result.status, ran.result.exit_code, ran.result.retry_helps) == (Status.ERROR, 3, False)
    assert {rule.status for rule in ran.result.rules} == {Status.ERROR}
    assert ran.result.reason == "the check needed more memory than its memory_limit of 256MB, and was stopped"
    assert set(history.metrics(config)["status"]) == {"ERROR"}


FILLS = """
import mmap, resource, socket, time
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
kept = []
try:
    while True:
        kept.append(mmap.mmap(-1, 1 << 20))
except OSError:
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("waits", "why"),
    [
        pytest.param("", "the check needed more memory than its memory_limit of 256MB, and was stopped", id="still"),
        pytest.param(
            "there = socket.create_connection(('127.0.0.1', {port}))\n",
            "the check took longer than timeout_seconds: 9, and was stopped",
            id="waiting for a store",
        ),
    ],
)
def test_a_check_that_stands_still_at_its_limit_is_ended_and_one_that_waits_is_not(
    waits: str, why: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a query stands still that waits for a thread which was refused memory."""
    with socket.create_server(("127.0.0.1", 0)) as store:
        first = waits.format(port=store.getsockname()[1])
        (repository / "still.py").write_text(FILLS.replace("kept = []", f"{first}kept = []"), "utf-8")
        monkeypatch.setattr(isolation, "CHILD", "still")
        monkeypatch.setattr(isolation, "STILL", 2)
        monkeypatch.setenv("PYTHONPATH", str(repository))
        result = check(None, isolated(repository, "  memory_limit: 256MB\n  timeout_seconds: 9\n"))
    assert (result.status, result.reason) == (Status.ERROR, why)
    assert result.retry_helps == bool(waits)


def test_a_check_that_takes_too_long_is_stopped_and_an_error(repository: Path) -> None:
    result = check(None, isolated(repository, "  timeout_seconds: 0.05\n"))
    assert (result.status, result.retry_helps) == (Status.ERROR, True)
    assert result.reason == "the check took longer than timeout_seconds: 0.05, and was stopped"


@pytest.mark.parametrize(
    ("code", "said", "retry"),
    [
        ("os.abort()", "the check was ended by SIGABRT; the data or a rule made its process crash", False),
        ("os.kill(os.getpid(), signal.SIGKILL)", "the check was ended by SIGKILL", True),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the check was ended by SIGSEGV", False),
        ("os._exit(134)", "exited with code 134 and without an answer", False),
        ("1 / 0", "exited with code 1 and without an answer", False),
    ],
)
def test_a_child_that_ends_without_an_answer_is_an_error_with_the_reason(
    repository: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str, retry: bool
) -> None:
    (repository / "ending.py").write_text(f"import os, signal\n{code}\n", "utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(repository), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(isolation, "CHILD", "ending")
    result = check(None, isolated(repository))
    assert (result.status, result.exit_code, result.retry_helps) == (Status.ERROR, 3, retry)
    assert said in str(result.reason)
    assert "Traceback" not in str(result.reason)


def test_what_is_refused_in_the_child_is_refused_by_the_caller(repository: Path) -> None:
    config = isolated(repository).model_copy(update={"source": None})
    with pytest.raises(ConfigurationError, match="cannot judge no data"):
        check(None, config)


def test_data_in_memory_is_judged_where_it_is(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "CHILD", "nowhere")
    result = check(pl.DataFrame({"id": [1], "email": ["a@b"]}), isolated(repository))
    assert result.status is Status.PASSED
