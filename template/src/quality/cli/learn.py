"""Rules proposed from data, as YAML to be pasted into a contract."""

from __future__ import annotations

import argparse
import json
from typing import Any

from quality import checking
from quality.cli.answers import Learned, Proposal, outcome
from quality.cli.session import Session
from quality.contract.config import CheckConfig
from quality.rules import profile


def learn(asked: argparse.Namespace) -> Learned:
    """Proposes rules for each dataset."""
    made = Session(asked, Proposal).each(_proposed)
    return Learned(verb="learn", datasets=made, **outcome(made))


def _proposed(config: CheckConfig) -> Proposal:
    found = profile.profile(checking.open_frame(None, config).lazy, config.dataset)
    rules = profile.learn(found)
    print(f"# {config.dataset}: {found.count:,} rows. Keep what is true by intent, loosen or delete the rest.\nrules:")
    for rule in rules:
        print(f"  - {flow_mapping(rule)}")
    return Proposal(dataset=config.dataset, environment=config.environment, rows=found.count, rules=tuple(rules))


def flow_mapping(rule: dict[str, Any]) -> str:
    """A rule or a source in one line of a contract."""
    return "{" + ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in rule.items()) + "}"
