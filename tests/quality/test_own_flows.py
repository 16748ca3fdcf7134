"""A deployment of a flow of the team's own, whatever it takes and whenever it runs, turns nothing red."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from quality.cli import doctor
from quality.drift.finding import Layer
from quality.drift.report import local
from quality.ladder.prefect_file import load_prefect_file

CONTRACTS = Path(__file__).parents[2] / "template" / "tests" / "quality" / "test_contracts.py"
OWN = """
  - name: nightly-load
    entrypoint: domain.flows.load_users
    work_pool: {{name: a-pool-of-its-own}}
    schedules: {schedules}
    paused: false
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
    with (repository / "prefect.yaml").open("a", encoding="utf-8") as file:
        file.write(entry)
    assert load_prefect_file(repository / "prefect.yaml").deployments[-1].dataset is None
    assert red(repository) == []


def test_an_own_flow_may_stand_in_the_place_of_all_others(repository: Path) -> None:
    path = repository / "prefect.yaml"
    path.write_text(path.read_text("utf-8").partition("  - name")[0] + DEPLOYMENTS["no parameters"], "utf-8")
    assert red(repository) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("parameters: {dataset: users, environment: dev}", "parameters: {}", "its parameters name no dataset"),
        ("dataset: users, environment: dev", "dataset: usres, environment: dev", "there is no dataset usres"),
        ("dataset: users, environment: dev", "dataset: users", "its parameters name no environment"),
        ("dataset: users, environment: dev", "dataset: users, environment: qa", "has no environment qa"),
        ("name: users-dev, job", "name: users-qa, job", "users-qa for work_pool"),
    ],
)
def test_the_blessed_flow_is_still_asked_for_its_dataset(old: str, new: str, said: str, repository: Path) -> None:
    path = repository / "prefect.yaml"
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    found = red(repository)
    assert {one.partition(":")[0] for one in found} == {"doctor", "drift", "tests"}
    assert said in found[0]


def test_a_dataset_that_nothing_deploys_is_named(repository: Path) -> None:
    path = repository / "prefect.yaml"
    path.write_text(path.read_text("utf-8").partition("deployments:")[0] + "deployments: []\n", "utf-8")
    assert "users is not deployed" in red(repository)[0]
