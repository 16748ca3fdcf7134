"""Every contract of this repository loads, in every environment, and prefect.yaml deploys it as policy.yml says."""

from __future__ import annotations

from itertools import product

import pytest

from quality.contract.project import datasets, load, policy, root
from quality.drift.environments import disagreements
from quality.ladder.prefect_file import load_prefect_file


@pytest.mark.parametrize(("dataset", "environment"), [*product(datasets(), policy().environments)])
def test_a_contract_resolves_with_rules_and_an_owner(dataset: str, environment: str) -> None:
    config = load(dataset, environment)
    assert config.rules
    assert config.owner


def test_every_dataset_is_deployed_where_and_when_the_policy_says() -> None:
    """Deployments of flows of yours are yours: whatever they take, nothing here asks them for a dataset."""
    found = disagreements(load_prefect_file(root() / "prefect.yaml"))
    assert [str(one) for one in found if not one.note] == []
