"""Rules proposed from data, as YAML to be pasted into a contract."""

from __future__ import annotations

import argparse
import json
from typing import Any

from quality import checking
from quality.cli.answers import Learned, Proposal
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.rules import profile


def learn(asked: argparse.Namespace) -> Learned:
    """Proposes rules for each dataset."""
    return Learned(
        verb="learn", datasets=tuple(_proposed(config) for config in project.configs(asked.dataset, asked.env))
    )


def _proposed(config: CheckConfig) -> Proposal:
    found = profile.profile(checking.open_frame(None, config).lazy, config.dataset)
    rules = profile.learn(found)
    print(f"# {config.dataset}: {found.count:,} rows. Keep what is true by intent, loosen or delete the rest.\nrules:")
    for rule in rules:
        print(f"  - {_flow_mapping(rule)}")
    return Proposal(dataset=config.dataset, rows=found.count, rules=tuple(rules))


def _flow_mapping(rule: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in rule.items()) + "}"
