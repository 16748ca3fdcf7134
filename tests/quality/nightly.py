"""A small repository of its own: one dataset, one policy, data that a test writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from ruamel.yaml import YAML

from quality.contract import project
from quality.contract.config import CheckConfig

GOOD: dict[str, list[Any]] = {
    "id": [1, 2, 3, 4],
    "email": ["a@x.org", "b@x.org", "c@x.org", "d@x.org"],
    "amount": [1.0, 2.0, 3.0, 4.0],
}
BAD: dict[str, list[Any]] = {
    "id": [1, 2, 2, 4],
    "email": ["a@x.org", "b@x.org", "c@x.org", "d@x.org"],
    "amount": [1.0, -2.0, 3.0, 4.0],
}
RULES = ({"check": "unique", "column": "id"}, {"check": "in_range", "column": "amount", "min": 0, "max": 100})
REASON = "so that the test says it"


class Repository:
    """What a domain team has: contract, policy and data, in a folder."""

    def __init__(self, root: Path, **contract: Any) -> None:
        self.root = root
        self.contract: dict[str, Any] = {
            "dataset": "orders",
            "owner": "@orders-team",
            "source": {"path": "data/orders.parquet"},
            "key": ["id"],
            "sensitive": ["email"],
            "rules": list(RULES),
        }
        self.policy: dict[str, Any] = {
            "defaults": {"retries": {"reason": REASON}, "cache": {"reason": REASON}, "work_pool": "orders-dev"},
            "environments": {"prod": {}},
        }
        self.says(**contract)
        self.holds(GOOD)

    def says(self, **contract: Any) -> None:
        self.contract |= contract
        self._write("datasets/orders.yml", self.contract)
        self._write("policy.yml", self.policy)

    def decides(self, **defaults: Any) -> None:
        self.policy["defaults"] |= defaults
        self.says()

    def silences(self, *silences: dict[str, Any]) -> None:
        self.policy["silences"] = list(silences)
        self.says()

    def holds(self, data: Any) -> None:
        path = self.root / "data" / "orders.parquet"
        path.parent.mkdir(exist_ok=True)
        pl.DataFrame(data).write_parquet(path)

    @property
    def config(self) -> CheckConfig:
        return project.load("orders")

    def _write(self, name: str, document: dict[str, Any]) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as file:
            YAML(typ="safe").dump(document, file)
