"""Every contract of this repository loads, in every environment, and prefect.yaml is as it is computed."""

from __future__ import annotations

from itertools import product

import pytest

from quality.contract.project import datasets, load, policy
from quality.drift.environments import stale


@pytest.mark.parametrize(("dataset", "environment"), [*product(datasets(), policy().environments)])
def test_a_contract_resolves_with_rules_and_an_owner(dataset: str, environment: str) -> None:
    config = load(dataset, environment)
    assert config.rules
    assert config.owner


def test_every_dataset_is_deployed_where_and_when_the_policy_says() -> None:
    """prefect.yaml is computed: `nox -s entries` writes it, flows of yours included."""
    assert [str(one) for one in stale() if not one.note] == []
