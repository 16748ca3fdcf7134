"""What a driver needs for each file whose states are kept: time and memory, in a process of its own.

`python tests/benchmarks/many_files.py --files 100 1000` prints a line for each: files of 50 rows, twenty rules.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "template" / "src"
ROWS = 50
CHECK = """
import pickle, resource, sys, time
from pathlib import Path
from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import load_contract, parse_source

contract = load_contract(Path(sys.argv[1]))
config = CheckConfig().override(
    dataset="orders", source=parse_source({"path": "parts/*.parquet"}), key=contract.key, rules=contract.rules,
    states={"enabled": True, "path": "kept", "full_every_days": None},
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
begun = time.process_time(), time.perf_counter()
result = check(None, config)
took = time.process_time() - begun[0], time.perf_counter() - begun[1]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"CPU {took[0]:.2f} s, wall {took[1]:.2f} s, memory {before:.0f} MB, at its peak {peak:.0f} MB; "
      + result.metadata.explain.queries[0])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a driver whose files' states are kept.")
    parser.add_argument("--files", type=int, nargs="+", default=[100, 1000])
    sys.path.insert(0, str(HERE))
    from generate import SEED, customer_count, customers, orders, write

    for files in parser.parse_args().files:
        with tempfile.TemporaryDirectory() as name:
            folder, total = Path(name), files * ROWS
            (folder / "parts").mkdir()
            customer = customer_count(total)
            write(folder / "customers.parquet", customer, lambda start, stop: customers(start, stop, SEED))
            made = folder / "all.parquet"
            write(made, total, partial(orders, rows=total, seed=SEED, clean=False))
            whole = pl.read_parquet(made)
            for number in range(files):
                whole.slice(number * ROWS, ROWS).write_parquet(folder / f"parts/{number:06}.parquet")
            for way in ("first", "kept"):
                print(f"{files:,} files, {way}: {check(folder)}", flush=True)


def check(folder: Path) -> str:
    """What one process says of itself."""
    env = os.environ | {"PYTHONPATH": str(SOURCE), "QUALITY_ROOT": str(folder)}
    words = [sys.executable, "-c", CHECK, str(HERE / "suites" / "orders.yml")]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
