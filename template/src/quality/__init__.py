"""Data quality for one domain: contracts of rules, judged by one engine on every rung from a task to a deployment.

The rooms, from the ground up; a module imports its own room and those above it in this list:

* `values`, `files`, `result`, `errors`: the words that all others share; `sql_text`: what a condition may say
* `engine`: what a rule is, and how all rules of a dataset are judged in one pass
* `rules`: every rule there is, by family; `catalogue` lists them
* `contract`: what people write: contracts, policy, sources; `config` is both as one value
* `prefect_run`, `loopback`, `server`: the run that this code is in, and a Prefect server
* `history`: what earlier runs measured
* `isolation`, `checking`: one check, from its configuration to its result, in a child process where that is asked
* `reporting`: what a person reads of a result
* `quarantine`, `operations`: what a run leaves, for people and for machines
* `ladder`: the four rungs: tasks, block, flows and factories, deployment
* `rollout`: evidence and promotion
* `drift`: what differs from the repository
* `cli`: the verbs of the command line

`values` to `contract`, `history` and `checking` never import Prefect.
"""

from __future__ import annotations

import importlib
from typing import Any

from quality import moved

EXPORTS = {
    "CheckConfig": "quality.contract.config",
    "CheckResult": "quality.result",
    "ConfigurationError": "quality.errors",
    "DataQualityBlock": "quality.ladder.block",
    "DataQualityError": "quality.errors",
    "QualityCheckMode": "quality.ladder.factories",
    "QualityFlowConfig": "quality.ladder.factories",
    "Rule": "quality.engine.rule",
    "Severity": "quality.result",
    "Status": "quality.result",
    "check": "quality.checking",
    "check_dataset": "quality.ladder.flows",
    "create_check_task": "quality.ladder.tasks",
    "create_quality_flow": "quality.ladder.factories",
    "data_quality_check_task": "quality.ladder.tasks",
    "data_quality_learn_task": "quality.ladder.tasks",
    "data_quality_profile_task": "quality.ladder.tasks",
    "quality_checked_flow": "quality.ladder.factories",
    "summarize_check_result": "quality.result",
    "to_prefect_artifact": "quality.reporting.artifacts",
}
__all__ = sorted(EXPORTS)


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for, so that the engine never waits for Prefect."""
    if name not in EXPORTS:
        raise AttributeError(f"module 'quality' has no attribute '{name}'")
    return getattr(importlib.import_module(EXPORTS[name]), name)


moved.install()
