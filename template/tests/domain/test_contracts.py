"""Every contract of this repository loads, in every environment, and prefect.yaml deploys nothing else."""

from __future__ import annotations

from itertools import product

import pytest
from ruamel.yaml import YAML

from quality import datasets, environment_names, load, root

ENVIRONMENTS = environment_names()


@pytest.mark.parametrize(("dataset", "environment"), [*product(datasets(), ENVIRONMENTS)])
def test_a_contract_resolves_with_rules_and_an_owner(dataset: str, environment: str) -> None:
    config = load(dataset, environment)
    assert config.rules
    assert config.owner


def test_every_deployment_names_a_dataset_and_an_environment_of_this_repository() -> None:
    deployments = YAML(typ="safe").load(root() / "prefect.yaml")["deployments"]
    named = {(d["parameters"]["dataset"], d["parameters"]["environment"]) for d in deployments}
    assert named <= set(product(datasets(), ENVIRONMENTS))


def test_every_deployment_runs_where_and_when_the_policy_says() -> None:
    for deployment in YAML(typ="safe").load(root() / "prefect.yaml")["deployments"]:
        config = load(deployment["parameters"]["dataset"], deployment["parameters"]["environment"])
        assert deployment["work_pool"]["name"] == config.work_pool
        assert [schedule["cron"] for schedule in deployment["schedules"]] == [*filter(None, [config.schedule])]
