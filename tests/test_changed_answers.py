"""An answer that is changed after the copy: what the team's files say against it is named, with the way back."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy, run_update
from rendering import commit, git
from ruamel.yaml import YAML

from quality.cli import doctor
from quality.contract import project
from quality.drift.answered import answered
from quality.drift.finding import Finding

LEFT_OUT = ["constraints", "src/quality", "tests"]
"""What answers do not change, and takes long to copy."""
CONTAINERS: dict[str, Any] = {"work_pool_type": "docker", "notifications": "slack", "environments": ["staging"]}
CLUSTER: dict[str, Any] = {"work_pool_type": "kubernetes", "source": "lake/orders.csv", "domain": "null"}
CHANGES: list[tuple[dict[str, Any], str, Any]] = [
    ({}, "domain", "aviation"),
    (CLUSTER, "domain", "new_york"),
    ({}, "owner", "sky@example.com"),
    ({}, "environments", ["dev", "staging", "prod"]),
    (CONTAINERS, "environments", ["prod"]),
    ({}, "environments", ["prod"]),
    ({}, "work_pool_type", "docker"),
    (CONTAINERS, "work_pool_type", "kubernetes"),
    (CONTAINERS, "work_pool_type", "process"),
    (CLUSTER, "work_pool_type", "docker"),
    ({}, "source", "lake/new orders/*.csv"),
    (CLUSTER, "source", "data/flights.parquet"),
    ({}, "notifications", "slack"),
    (CONTAINERS, "notifications", "email"),
    (CONTAINERS, "notifications", "none"),
]
"""What was answered first, and which answer is another one then."""


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A repository of each set of answers, by the answers as they are printed."""
    made: dict[str, Path] = {}
    sets: list[dict[str, Any]] = [{}, CONTAINERS, CLUSTER]
    for number, answers in enumerate(sets):
        made[str(answers)] = tmp_path_factory.mktemp("answers") / f"flights_{number}"
        run_copy(str(template), made[str(answers)], data=answers, exclude=LEFT_OUT, defaults=True, quiet=True)
        commit(made[str(answers)])
    return made


def told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What doctor says of answers."""
    monkeypatch.setenv("QUALITY_ROOT", str(repository))
    return list(answered())


def back_of(found: Finding) -> dict[str, str]:
    """The answer that a message says to take back."""
    [command] = re.findall(r"`nox -s update -- (--data [^`]+)`", found.fix)
    [_, words] = shlex.split(command)
    name, _, answer = words.partition("=")
    return {name: answer}


@pytest.mark.parametrize(("first", "name", "then"), CHANGES, ids=lambda value: str(value)[:40])
def test_an_answer_that_the_teams_files_speak_against_is_named_and_taken_back_as_it_is_said(
    first: dict[str, Any],
    name: str,
    then: Any,
    rendered: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository = rendered[str(first)]
    start = git(repository, "rev-parse", "HEAD").strip()
    assert told(repository, monkeypatch) == []
    try:
        run_update(repository, data={name: then}, exclude=LEFT_OUT, defaults=True, overwrite=True, quiet=True)
        commit(repository, "Another answer")
        [found] = told(repository, monkeypatch)
        assert (found.subject, found.note) == (f".copier-answers.yml, {name}", True)
        assert [(one.code, one.note) for one in doctor.answers()] == [(0, True)]
        run_update(repository, data=back_of(found), exclude=LEFT_OUT, defaults=True, overwrite=True, quiet=True)
        assert told(repository, monkeypatch) == []
        commit(repository, "As it was")
        assert git(repository, "diff", "--name-only", start) == ""
    finally:
        git(repository, "reset", "--quiet", "--hard", start)


UNFIT = {"domain": "Foo Bar", "environments": "dev", "work_pool_type": "balloon", "notifications": "pigeon", "owner": 5}


@pytest.mark.parametrize("name", UNFIT)
def test_an_answer_that_an_update_refuses_is_named_before_it_does(
    name: str, rendered: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rendered["{}"] / ".copier-answers.yml"
    before = path.read_bytes()
    edited = YAML(typ="safe").load(before.decode("utf-8")) | {name: UNFIT[name]}
    try:
        YAML().dump(edited, path)
        [found] = told(rendered["{}"], monkeypatch)
        assert (found.subject, found.note) == (f".copier-answers.yml, {name}", False)
        assert "every update refuses it" in found.problem
    finally:
        path.write_bytes(before)


def test_an_answer_edited_by_hand_is_told_where_a_rendered_file_still_says_the_one_of_before(
    rendered: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = rendered["{}"]
    owner = next(iter(YAML(typ="safe").load(repository / ".copier-answers.yml")["owner"].split()))
    edits = {
        ".copier-answers.yml": (("domain: flights_0", "domain: aviation"), (owner, "@sky")),
        "policy.yml": (("domain: flights-0", "domain: aviation"),),
        "datasets/flights.yml": ((owner, "@sky"),),
    }
    try:
        for name, changes in edits.items():
            text = (repository / name).read_text("utf-8")
            for old, new in changes:
                assert old in text
                text = text.replace(old, new)
            (repository / name).write_text(text, "utf-8")
        found = told(repository, monkeypatch)
        assert [(one.subject, one.note) for one in found] == [
            (".copier-answers.yml, domain", True),
            (".copier-answers.yml, owner", True),
        ]
        assert "pyproject.toml is called flights-0-quality" in found[0].problem
        assert f"CODEOWNERS says `* {owner}`" in found[1].problem
        assert all("write the answer of before into it and commit" in one.fix for one in found)
        assert project.domain() == "aviation"
    finally:
        git(repository, "checkout", "--quiet", ".")
