"""Writes the table and the jobs of a run: `python jobs.py VARIANT ROWS DATA SUITE...` prints each suite's job."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "template" / "src"))

from generate import table

from quality.contract.contract import load_contract
from quality.contract.yaml_file import YamlFile
from quality.rules.text import EMAIL

SUITES = Path(__file__).parent / "suites"


def job(suite: str, path: Path) -> Path:
    """What every contestant is told, in canonical words; e-mail addresses are judged by the same pattern everywhere."""
    written = SUITES / f"{suite}.yml"
    rules = list(YamlFile(written, written.name).data()["rules"])
    columns = sorted({column for rule in load_contract(written).rules for column in rule.reads})
    for rule in rules:
        if rule["check"] == "email_format":
            rule["pattern"] = EMAIL
    reference = str(path.with_name("customers.parquet"))
    told = {"table": str(path), "suite": str(written), "reference": reference, "rules": rules, "columns": columns}
    target = path.with_name(f"{path.stem}-{suite}.json")
    target.write_text(json.dumps(told))
    return target


def main() -> None:
    variant, rows, data, *suites = sys.argv[1:]
    path = table(variant, int(rows), Path(data))
    print(json.dumps({suite: str(job(suite, path)) for suite in suites}))


if __name__ == "__main__":
    main()
