"""Data quality for one domain: contracts of rules, judged by one engine on every rung from a task to a deployment.

Where to look:

* what people write: `contract`, `policy`, `waivers`, read by `yaml_file`; `config` is both as one value
* what holds: `rule` and the `*_rules`, listed in `vocabulary`; `literals` makes written values comparable with a column
* how it is judged: `engine`, `plan`, `frame`, `uniqueness`, `samples`, `sources`, `storage`; the answer is a `result`
* the rungs: `tasks`, `block`, `flows` and `factories`, `deployment`; `rungs` climbs them, `examples` are flows to copy
* what a run leaves: `operations` and, in its order, `quarantine`, `history`, `report`, `notifications`,
  `announcements`, `lineage`, `artifacts`
* promotion: `evidence`, `rollout`, `climb`, `promotion`, `shapes`
* drift: `drift`, and its layers `managed`, `forks`, `environments`, `saved_blocks`, `saved_deployments`; `doctor`

Modules of the first three lines never import Prefect.
"""

from __future__ import annotations

import importlib
from typing import Any

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
    "check": "quality.engine.judge",
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
