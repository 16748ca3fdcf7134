"""What the benchmarks measure of the engine runs: a contract, a configuration or a check may change beside them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from rendering import ROOT

BENCHMARKS = ROOT / "tests" / "benchmarks"
SUITES = BENCHMARKS / "suites"
ROWS = 3_000


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"measured_{name}", BENCHMARKS / f"{name}.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of each suite, and the customers that orders refer to."""
    made, folder = module("generate"), tmp_path_factory.mktemp("tables")
    made.orders(0, ROWS, ROWS, made.SEED, clean=False).write_parquet(folder / "orders.parquet")
    made.customers(0, made.customer_count(ROWS), made.SEED).write_parquet(folder / "customers.parquet")
    made.wide(0, ROWS, made.SEED).write_parquet(folder / "wide.parquet")
    (folder / "parts").mkdir()
    orders = pl.read_parquet(folder / "orders.parquet")
    for number in range(3):
        orders.slice(number * 1_000, 1_000).write_parquet(folder / f"parts/{number}.parquet")
    return folder


def run(folder: Path, *words: str) -> str:
    places = os.pathsep.join((str(ROOT / "template" / "src"), str(BENCHMARKS)))
    env = os.environ | {"PYTHONPATH": places, "QUALITY_ROOT": str(folder)}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("suite", "rules"), [("orders", 20), ("orders_hundred", 100), ("wide", 200)])
def test_the_engine_judges_each_suite_of_the_benchmarks(suite: str, rules: int, tables: Path) -> None:
    table = tables / f"{suite.partition('_')[0]}.parquet"
    about = {"table": str(table), "suite": str(SUITES / f"{suite}.yml"), "reference": "", "rules": [], "columns": []}
    job = tables / f"{suite}.json"
    job.write_text(json.dumps(about), "utf-8")
    counts = json.loads(run(tables, str(BENCHMARKS / "contestant.py"), "ours", str(job)))["counts"]
    assert len(counts) == rules


def test_the_check_of_a_store_and_that_of_many_files_run(tables: Path) -> None:
    orders = str(SUITES / "orders.yml")
    run(tables, "-c", module("object_storage").CHECK, str(tables / "orders.parquet"), orders)
    ways = {way: json.loads(run(tables, "-c", module("incremental").CHECK, orders, way)) for way in ("off", "kept")}
    assert ways["off"]["counts"] == ways["kept"]["counts"]
    said = run(tables, "-c", module("many_files").CHECK, orders, "")
    assert "states of 3 files: 3 kept, 0 read" in said, "the check before has kept them"
