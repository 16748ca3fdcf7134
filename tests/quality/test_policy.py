"""The policy: defaults overridden field by field, one configuration, one fingerprint, and complaints with a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quality.contract import project
from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract
from quality.contract.policy import Policy, load_policy
from quality.errors import ConfigurationError
from quality.rules.catalogue import parse_rules

DEFAULTS = "defaults:\n  retries: {count: 1, reason: x}\n  cache: {reason: y}\n  work_pool: w\n"


def load(text: str, folder: Path) -> Policy:
    (folder / "policy.yml").write_text(text)
    return load_policy(folder / "policy.yml")


def test_an_environment_overrides_the_defaults_field_by_field(tmp_path: Path) -> None:
    policy = load(DEFAULTS + "environments:\n  dev:\n  prod: {work_pool: p, sample_rows: 0}\n", tmp_path)
    assert policy.first == "dev"
    assert (policy.of("dev").work_pool, policy.of("dev").sample_rows) == ("w", 5)
    assert (policy.of("prod").work_pool, policy.of("prod").sample_rows) == ("p", 0)
    assert policy.of("prod").retries == policy.of("dev").retries
    with pytest.raises(ConfigurationError, match="no environment 'prd'; did you mean 'prod'"):
        policy.of("prd")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param(DEFAULTS, 1, "name at least one environment", id="no environments"),
        pytest.param(DEFAULTS + "environments: []\n", 5, "name at least one environment", id="empty environments"),
        pytest.param(DEFAULTS + "environments: 5\n", 5, "environments is a mapping", id="number of environments"),
        pytest.param(DEFAULTS + "environments:\n  ../dev: {}\n", 6, "'../dev' is no name of an", id="way out"),
        pytest.param(DEFAULTS + "environments:\n  .: {}\n", 6, "'.' is no name of an environment", id="dot"),
        pytest.param(DEFAULTS + "environments:\n  '': {}\n", 6, "'' is no name of an environment", id="empty name"),
        pytest.param(DEFAULTS + "environments:\n  eu/*: {}\n", 6, "'eu/*' is no name of an", id="pattern of names"),
        pytest.param(DEFAULTS + "environments:\n  dev: [1]\n", 6, "dev is a mapping", id="environment that is a list"),
        pytest.param("defaults: [1]\nenvironments: {dev: {}}\n", 1, "defaults is a mapping", id="defaults as a list"),
        pytest.param("environments: {dev: {}}\n", 1, "needs the field 'retries'", id="nothing said of retries"),
        pytest.param(DEFAULTS + "environment: {dev: {}}\n", 5, "did you mean 'environments'?", id="misspelt"),
        pytest.param(DEFAULTS + "environments:\n  dev:\n    retris: {}\n", 7, "did you mean 'retries'?", id="in dev"),
        pytest.param(
            DEFAULTS + "environments:\n  dev: {retries: {count: -1, reason: x}}\n", 6, "retries.count", id="minus one"
        ),
        pytest.param(
            DEFAULTS + "environments:\n  dev: {retries: {count: 0}}\n",
            6,
            "'retries' needs the field 'reason'",
            id="no reason",
        ),
        pytest.param(
            DEFAULTS + "environments:\n  dev: {repository_url: github.com/a}\n",
            6,
            "repository_url: 'github.com/a' is not an address of a page; write it whole, from https:// on",
            id="half an address",
        ),
        pytest.param(
            DEFAULTS + "environments:\n  dev: {warning_threshold: 20}\n", 6, "must be a fraction", id="percent"
        ),
        pytest.param(
            DEFAULTS + "environments:\n  dev: {notifications: [{channel: slak, block: x}]}\n",
            6,
            "'slack'",
            id="channel",
        ),
        pytest.param(
            DEFAULTS + "environments:\n  dev:\n    notifications:\n"
            "      - {channel: slack, block: slack-webhook/x}\n      - {channel: pagerduty, block: slack-webhook/x}\n",
            9,
            "'slack-webhook/x' is not a block of the channel pagerduty, which goes through pager-duty-webhook/…",
            id="block of another channel",
        ),
        pytest.param(
            DEFAULTS + "environments:\n  dev: {notifications: [{channel: email, block: sendgrid-email}]}\n",
            6,
            "which goes through sendgrid-email/… or slack-webhook/…",
            id="block without a name",
        ),
    ],
)
def test_the_complaint_names_file_and_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(text, tmp_path)
    assert str(refused.value).startswith(f"policy.yml:{line}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def configuration(**contract: Any) -> CheckConfig:
    base = {"dataset": "orders", "owner": "@x", "source": "a.parquet", "rules": [{"check": "not_null", "column": "a"}]}
    environment = {"retries": {"reason": "x"}, "cache": {"reason": "y"}, "work_pool": "w"}
    policy = Policy.model_validate({"environments": {"dev": environment}})
    return resolve(Contract.model_validate({**base, **contract}), policy, "dev")


def test_the_fingerprint_is_of_what_is_meant_and_not_of_how_it_is_written() -> None:
    plain = configuration()
    assert (
        plain.fingerprint == configuration(rules=[{"type": "required", "column": "a", "severity": "error"}]).fingerprint
    )
    assert plain.fingerprint == CheckConfig.model_validate_json(plain.model_dump_json()).fingerprint
    assert len(plain.fingerprint) == 16
    changes: list[dict[str, Any]] = [
        {"rules": [{"check": "not_null", "column": "b"}]},
        {"warning_threshold": 0.1},
        {"sensitive": ["a"]},
        {"source": "b.parquet"},
        {"allow_empty": True},
    ]
    assert len({plain.fingerprint, *(configuration(**change).fingerprint for change in changes)}) == 6


def test_the_call_speaks_over_the_configuration_and_none_says_nothing() -> None:
    config = configuration(warning_threshold=0.5)
    assert config.override(warning_threshold=None, rules=None) is config
    assert config.override(warning_threshold=0.1).warning_threshold == 0.1
    assert config.override(fail_on_error=False).fail_on_error is False
    rules = config.override(rules=[{"check": "gt", "column": "a", "value": 1}]).rules
    assert rules == parse_rules([{"check": "greater_than", "column": "a", "value": 1}])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"warning_threshold": 5}, "warning_threshold must be a fraction from 0 to 1, not 5; 5 % is 0.05"),
        ({"rules": [{"check": "nope"}]}, "rule 1: unknown rule 'nope'"),
        ({"rules": {"check": "not_null"}}, "rules are a list"),
        ({"rulez": []}, "the check has no field 'rulez'; did you mean 'rules'?"),
    ],
    ids=str,
)
def test_a_call_that_cannot_be_is_refused_in_one_sentence(call: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configuration().override(**call)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_repository_resolves_its_datasets(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert project.root() == repository
    assert project.datasets() == ("users",)
    assert project.load("users").environment == "dev"
    monkeypatch.setenv("QUALITY_ENV", "prod")
    assert project.load("users").schedule == "0 6 * * *"
    with pytest.raises(ConfigurationError, match="no dataset 'user'; did you mean 'users'"):
        project.load("user")
    monkeypatch.setenv("QUALITY_ROOT", str(repository / "data"))
    with pytest.raises(ConfigurationError, match="run this inside the repository"):
        project.load("users")
