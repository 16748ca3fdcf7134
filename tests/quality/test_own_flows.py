"""A deployment of a flow of the team's own, whatever it takes and whenever it runs, turns nothing red."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from users import compute

from quality.cli import doctor
from quality.drift.finding import Layer
from quality.drift.report import local
from quality.ladder.entries import computed
from quality.ladder.prefect_file import load_prefect_file

CONTRACTS = Path(__file__).parents[2] / "template" / "tests" / "quality" / "test_contracts.py"
OWN = """
flows:
  - name: nightly-load
    entrypoint: domain.flows.load_users
    work_pool: {{name: a-pool-of-its-own}}
    schedules: {schedules}
    {parameters}
"""
DEPLOYMENTS = {
    "no parameters": OWN.format(schedules="[]", parameters=""),
    "empty parameters": OWN.format(schedules="[]", parameters="parameters: {}"),
    "parameters without a value": OWN.format(schedules="[]", parameters="parameters:"),
    "parameters of its own": OWN.format(schedules="[]", parameters="parameters: {day: today, limit: 3}"),
    "a dataset of another meaning": OWN.format(schedules="[]", parameters="parameters: {dataset: raw_events}"),
    "ours, by another flow": OWN.format(schedules="[]", parameters="parameters: {dataset: users, environment: qa}"),
    "another schedule": OWN.format(schedules="[{interval: 600}, {cron: '5 4 * * *'}]", parameters="tags:"),
    "of an environment": OWN.format(schedules="[]", parameters="environment: prod"),
}


def red(repository: Path) -> list[str]:
    """What doctor, drift and the repository's own test of its contracts say against its deployments."""
    said = [f"doctor: {one.said}" for one in doctor.deployments() if one.code]
    findings, unseen = local(repository, [Layer.ENVIRONMENTS])
    said += [f"drift: {one}" for one in findings if not one.note] + [f"drift: {one}" for one in unseen.values()]
    return said + [f"tests: {one}" for one in failures(runpy.run_path(str(CONTRACTS)))]


def failures(module: dict[str, Any]) -> Iterator[Exception]:
    """What the tests of a module raise that are about the repository as a whole."""
    tests = [one for name, one in module.items() if name.startswith("test_")]
    for test in (one for one in tests if not signature(one).parameters):
        try:
            test()
        except Exception as error:
            yield error


@pytest.mark.parametrize("entry", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_a_deployment_of_an_own_flow_beside_the_others_turns_nothing_red(entry: str, repository: Path) -> None:
    with (repository / "policy.yml").open("a", encoding="utf-8") as file:
        file.write(entry)
    assert "users-nightly-load" in str(red(repository)), "until prefect.yaml is computed again"
    compute(repository)
    entries = load_prefect_file(repository / "prefect.yaml").deployments
    assert [one.dataset for one in entries] == ["users", "users", None]
    assert entries[-1].work_pool.name == "a-pool-of-its-own"
    assert red(repository) == []


def test_a_flow_of_an_environment_runs_in_its_pool_with_its_job_variables(repository: Path) -> None:
    with (repository / "policy.yml").open("a", encoding="utf-8") as file:
        file.write("flows: [{name: load, entrypoint: domain.flows.load, environment: prod, tags: [nightly]}]\n")
    own = computed().deployments[-1]
    assert own.work_pool.name == "users-prod"
    assert own.work_pool.job_variables == {"env": {"QUALITY_ENV": "prod"}, "image": "users", "auto_remove": True}
    assert (own.name, own.environment, own.schedules, own.tags) == ("users-load", "prod", [], ["nightly"])


def test_an_own_flow_may_stand_in_the_place_of_all_others(repository: Path) -> None:
    path = repository / "policy.yml"
    for environment in ("dev", "prod"):
        path.write_text(path.read_text("utf-8").replace(f"{{name: users-{environment}}}", "false"), "utf-8")
    compute(repository)
    assert "users is deployed nowhere" in red(repository)[0]
    path.write_text(path.read_text("utf-8") + DEPLOYMENTS["no parameters"], "utf-8")
    compute(repository)
    assert len(load_prefect_file(repository / "prefect.yaml").deployments) == 1
    assert red(repository) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dataset: users, environment: dev}", "dataset: users}", "parameters.environment is null"),
        ("dataset: users, environment: dev", "dataset: usres, environment: dev", 'parameters.dataset is "usres"'),
        ("name: users-dev\n      work", "name: users-qa\n      work", 'work_pool.name is "users-qa"'),
        ("- name: users-dev", "- name: users-other", "users-dev is missing"),
        ("concurrency_limit: 1", "concurrency_limit: 2", "concurrency_limit.limit is 2, policy.yml says 1"),
    ],
)
def test_an_entry_that_is_not_as_computed_is_red_everywhere(old: str, new: str, said: str, repository: Path) -> None:
    path = repository / "prefect.yaml"
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    found = red(repository)
    assert {one.partition(":")[0] for one in found} == {"doctor", "drift", "tests"}
    assert said in found[0].replace("doctor: is missing", "users-dev is missing")
    assert "run `nox -s entries`" in found[0]


def test_a_prefect_yaml_that_is_not_there_is_red_everywhere(repository: Path) -> None:
    (repository / "prefect.yaml").unlink()
    assert {one.partition(":")[0] for one in red(repository)} == {"doctor", "drift", "tests"}
