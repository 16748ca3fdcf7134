"""Fingerprints of configurations that nobody changed: evidence, blocks and deployments are known by them."""

from __future__ import annotations

from typing import Any

import pytest

from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract
from quality.contract.policy import EnvironmentPolicy, Policy

POLICY: dict[str, Any] = {
    "retries": {"count": 2, "delay_seconds": 30, "reason": "storage hiccups"},
    "cache": {"enabled": True, "reuse_seconds": 3600, "may_gate": False, "reason": "files are written once a night"},
    "work_pool": "shop-prod",
}
RICH: dict[str, Any] = POLICY | {
    "fail_on_error": False,
    "warning_threshold": 0.25,
    "sample_rows": 3,
    "notifications": [{"channel": "slack", "block": "slack-webhook/orders", "owners": ["@orders"]}],
    "schedule": "0 6 * * *",
    "history": {"path": "s3://bucket/history", "keep_days": 30},
    "remind_after_hours": None,
    "lineage": {"namespace": "shop", "url": "http://marquez:5000/api/v1/lineage"},
    "repository_url": "https://github.com/acme/shop/blob/main",
}
CONTRACT: dict[str, Any] = {
    "dataset": "orders",
    "owner": "@orders",
    "source": {"path": "data/orders.parquet"},
    "key": ["id"],
    "sensitive": ["email"],
    "rules": [
        {"check": "not_null", "column": "id"},
        {"check": "in_range", "column": "price", "min": 0, "max": 99.5, "severity": "warning"},
        {"check": "row_count", "min": 1, "where": "price > 0"},
        {"check": "mean", "column": "price", "at_most": 1000000, "by": "shop"},
        {"check": "trend", "metric": "sum", "column": "price", "max_change": 0.1},
        {"check": "freshness", "column": "at", "max_age": "26h"},
    ],
}
ASIDE = {"quarantine": {"path": "quarantine", "drop": ["email"]}, "warning_threshold": 0.1, "allow_empty": True}


def of(contract: dict[str, Any], policy: dict[str, Any]) -> CheckConfig:
    named = Policy(environments={"prod": EnvironmentPolicy.model_validate(policy)})
    return resolve(Contract.model_validate(contract), named, "prod")


@pytest.mark.parametrize(
    ("config", "fingerprint"),
    [
        pytest.param(CheckConfig(), "da506c8a9c8a9f31", id="nothing said"),
        pytest.param(of(CONTRACT, POLICY), "8ab7643bfc644c67", id="a plain policy"),
        pytest.param(of(CONTRACT, RICH), "1121d071f6490adf", id="every field of a policy"),
        pytest.param(of(CONTRACT | ASIDE, POLICY), "846b9afee205ddd3", id="quarantine"),
        pytest.param(
            CheckConfig().override(rules=[{"check": "unique", "column": "id"}]), "0b6cd54c9d6c6ea8", id="a call"
        ),
    ],
)
def test_the_fingerprint_of_an_unchanged_configuration_does_not_change(config: CheckConfig, fingerprint: str) -> None:
    assert config.fingerprint == fingerprint
