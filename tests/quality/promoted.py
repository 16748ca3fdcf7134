"""Evidence of every rung and checklist, as climbing the whole ladder leaves it."""

from __future__ import annotations

import json
from pathlib import Path

from quality import checking
from quality.contract import project
from quality.rollout import evidence
from quality.rollout.evidence import Check, Rung
from quality.rollout.scorecard import CHECKLIST


def promote(dataset: str, environment: str, *rungs: Rung) -> None:
    """Writes what promotes a dataset to these rungs, or to all."""
    config = project.load(dataset, environment)
    result = checking.check(None, config)
    met = (Check(name="every line", ok=True, seen="met"),)
    for rung in rungs or Rung:
        evidence.record(evidence.of(result, rung.value))
        if rung is not Rung.TASK:
            evidence.record(evidence.checked(config, f"{CHECKLIST}-{rung}", met))


def as_of_an_earlier_release(root: Path) -> None:
    """All evidence, as a release left it that judged by other code."""
    for path in (root / "rollout" / "evidence").glob("*.json"):
        said = json.loads(path.read_text("utf-8"))
        for one in said["environments"].values():
            one |= {"judged_by": "0" * 16, "template_version": "0.9.0"}
        path.write_text(json.dumps(said), "utf-8")
