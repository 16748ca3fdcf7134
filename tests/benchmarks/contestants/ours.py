"""The engine of the template, on the suite's own contract."""

from __future__ import annotations

import sys
from pathlib import Path

from contestant import Job

sys.path.insert(0, str(Path(__file__).parents[3] / "template" / "src"))

PACKAGES = ("polars", "pydantic")
DIFFERENCES = {"created_fresh": "a newest value of the year 2999 is not fresh, which the others do not ask"}


def judge(job: Job) -> dict[str, int]:
    from quality.checking import check
    from quality.contract.config import CheckConfig
    from quality.contract.contract import load_contract

    asked = {name: value for name, value in load_contract(Path(job.suite)) if name in CheckConfig.model_fields}
    result = check(job.table, CheckConfig.model_validate({**asked, "sample_rows": job.samples}))
    broken = [rule.message for rule in result.rules if rule.status == "ERROR"]
    if broken:
        raise RuntimeError(broken[0])
    return {rule.rule_name: rule.failed_count for rule in result.rules}
