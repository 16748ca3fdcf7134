"""Milliseconds to read, parse and compile a hundred rules, against dtypes alone: median of nine in one process."""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from generate import customers, orders

from quality.contract.contract import load_contract
from quality.engine.frame import Frame, Surroundings
from quality.engine.judge import bind
from quality.rules.catalogue import canonical, parse_rules

SUITE = Path(__file__).parent / "suites" / "orders_hundred.yml"


def main() -> None:
    rules = load_contract(SUITE).rules
    written = [canonical(rule) for rule in rules]
    table = orders(0, 1_000, 1_000, 1, clean=True).lazy()
    known = customers(0, 100, 1).lazy()
    around = Surroundings(references=lambda name: known, history=lambda window: [], now=datetime.now(UTC))
    took: dict[str, list[float]] = {"read the contract": [], "parse": [], "compile": []}
    for _ in range(9):
        start = time.perf_counter()
        load_contract(SUITE)
        took["read the contract"].append(time.perf_counter() - start)
        start = time.perf_counter()
        parsed = parse_rules(written)
        took["parse"].append(time.perf_counter() - start)
        frame = Frame(table, around)
        start = time.perf_counter()
        for rule in parsed:
            bind(rule, frame)
            rule.measures(frame)
        took["compile"].append(time.perf_counter() - start)
    print(json.dumps({name: round(statistics.median(values) * 1000, 2) for name, values in took.items()}))


if __name__ == "__main__":
    main()
