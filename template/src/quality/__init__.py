"""Data quality for one domain: contracts of rules, judged by one engine on every rung from a task to a deployment.

The rooms, from the ground up; a module imports its own room and those above it in this list:

* `values`, `files`, `masking`, `result`, `errors`, `provenance`: what all others share
* `sql_meaning`, `time_units`, `sql_text`, `known_sql`: what conditions say and mean, and how they count and compare
* `engine`: what a rule is, and how all rules of a dataset are judged in one pass
* `rules`: every rule there is, by family; `catalogue` lists them
* `pushdown`: rules as the SQL of a database that judges them itself
* `sources`: where data comes from: files of any format, judged as a whole; frames in memory
* `contract`: what people write: contracts and policy; `config` is both as one value
* `prefect_run`, `loopback`, `server`: the run that this code is in, and a Prefect server
* `history`: what earlier runs measured
* `learning`: rules that data proposes and that hold out on later rows; corruptions that challenge them
* `isolation`, `checking`: one check, from its configuration to its result, in a child process where that is asked
* `impact`: two contracts of one dataset, compared and judged on the same rows
* `reporting`: what a person reads of a result
* `quarantine`, `operations`: what a run leaves, for people and for machines
* `ladder`: the four rungs: tasks, block, flows and factories, deployment
* `rollout`: evidence and promotion
* `drift`: what differs from the repository
* `cli`: the verbs of the command line

`values` to `contract`, `history`, `learning`, `checking` and `impact` never import Prefect.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from quality import moved

if TYPE_CHECKING:  # the same names as in EXPORTS, for type checkers and editors
    from quality.checking import check as check
    from quality.contract.config import CheckConfig as CheckConfig
    from quality.contract.project import datasets as datasets
    from quality.contract.project import environment_names as environment_names
    from quality.contract.project import load as load
    from quality.contract.project import root as root
    from quality.engine.dtypes import ANY as ANY
    from quality.engine.dtypes import NUMBER as NUMBER
    from quality.engine.dtypes import ORDERED as ORDERED
    from quality.engine.dtypes import PLAIN as PLAIN
    from quality.engine.dtypes import TEXT as TEXT
    from quality.engine.dtypes import TIME as TIME
    from quality.engine.dtypes import Kinds as Kinds
    from quality.engine.frame import Frame as Frame
    from quality.engine.rule import ColumnRule as ColumnRule
    from quality.engine.rule import Judgement as Judgement
    from quality.engine.rule import Measure as Measure
    from quality.engine.rule import RowRule as RowRule
    from quality.engine.rule import Rule as Rule
    from quality.engine.rule import TableRule as TableRule
    from quality.engine.sql import condition as condition
    from quality.errors import CannotJudgeError as CannotJudgeError
    from quality.errors import ConfigurationError as ConfigurationError
    from quality.errors import DataQualityError as DataQualityError
    from quality.errors import SourceError as SourceError
    from quality.ladder.block import DataQualityBlock as DataQualityBlock
    from quality.ladder.factories import create_quality_flow as create_quality_flow
    from quality.ladder.factories import quality_checked_flow as quality_checked_flow
    from quality.ladder.flow_config import QualityCheckMode as QualityCheckMode
    from quality.ladder.flow_config import QualityFlowConfig as QualityFlowConfig
    from quality.ladder.flows import check_dataset as check_dataset
    from quality.ladder.tasks import create_check_task as create_check_task
    from quality.ladder.tasks import data_quality_check_task as data_quality_check_task
    from quality.ladder.tasks import data_quality_learn_task as data_quality_learn_task
    from quality.ladder.tasks import data_quality_profile_task as data_quality_profile_task
    from quality.operations.arrivals import data_arrived as data_arrived
    from quality.reporting.artifacts import to_prefect_artifact as to_prefect_artifact
    from quality.result import CheckResult as CheckResult
    from quality.result import RuleResult as RuleResult
    from quality.result import summarize_check_result as summarize_check_result
    from quality.rules.profile import Profile as Profile
    from quality.sources import Files as Files
    from quality.sources import Source as Source
    from quality.values import Severity as Severity
    from quality.values import Status as Status

EXPORTS = {
    "ANY": "quality.engine.dtypes",
    "CannotJudgeError": "quality.errors",
    "CheckConfig": "quality.contract.config",
    "CheckResult": "quality.result",
    "ColumnRule": "quality.engine.rule",
    "ConfigurationError": "quality.errors",
    "DataQualityBlock": "quality.ladder.block",
    "DataQualityError": "quality.errors",
    "Files": "quality.sources",
    "Frame": "quality.engine.frame",
    "Judgement": "quality.engine.rule",
    "Kinds": "quality.engine.dtypes",
    "Measure": "quality.engine.rule",
    "NUMBER": "quality.engine.dtypes",
    "ORDERED": "quality.engine.dtypes",
    "PLAIN": "quality.engine.dtypes",
    "Profile": "quality.rules.profile",
    "QualityCheckMode": "quality.ladder.flow_config",
    "QualityFlowConfig": "quality.ladder.flow_config",
    "RowRule": "quality.engine.rule",
    "Rule": "quality.engine.rule",
    "RuleResult": "quality.result",
    "Severity": "quality.values",
    "Source": "quality.sources",
    "SourceError": "quality.errors",
    "Status": "quality.values",
    "TEXT": "quality.engine.dtypes",
    "TIME": "quality.engine.dtypes",
    "TableRule": "quality.engine.rule",
    "check": "quality.checking",
    "check_dataset": "quality.ladder.flows",
    "condition": "quality.engine.sql",
    "create_check_task": "quality.ladder.tasks",
    "create_quality_flow": "quality.ladder.factories",
    "data_arrived": "quality.operations.arrivals",
    "data_quality_check_task": "quality.ladder.tasks",
    "data_quality_learn_task": "quality.ladder.tasks",
    "data_quality_profile_task": "quality.ladder.tasks",
    "datasets": "quality.contract.project",
    "environment_names": "quality.contract.project",
    "load": "quality.contract.project",
    "quality_checked_flow": "quality.ladder.factories",
    "root": "quality.contract.project",
    "summarize_check_result": "quality.result",
    "to_prefect_artifact": "quality.reporting.artifacts",
}
__all__ = sorted(EXPORTS)


if not TYPE_CHECKING:  # which would take any name for a public one

    def __getattr__(name):
        """Imports a public name when it is first asked for, so that the engine never waits for Prefect."""
        if name not in EXPORTS:
            raise AttributeError(f"module 'quality' has no attribute '{name}'")
        return getattr(importlib.import_module(EXPORTS[name]), name)


moved.install()
