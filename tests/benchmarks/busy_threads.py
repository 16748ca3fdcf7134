"""How many threads of a check could run at once: what uses many cores on a machine that has them.

`python tests/benchmarks/busy_threads.py --rows 10m --threads 16` prints the mean, over the time in which queries run,
of the check's threads that run or wait for a core (state R in /proc), for POLARS_MAX_THREADS of --threads. It says
the same of a machine with few cores: a thread that has work waits in the same state. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "template" / "src"
EVERY = 0.005
CHECK = """
import json, sys, time
from pathlib import Path
import polars as pl
from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import load_contract

collect, queries = pl.LazyFrame.collect, []

def timed(query, *given, **named):
    begun = time.monotonic()
    found = collect(query, *given, **named)
    queries.append((begun, time.monotonic()))
    return found

pl.LazyFrame.collect = timed
asked = {name: value for name, value in load_contract(Path(sys.argv[2])) if name in CheckConfig.model_fields}
result = check(sys.argv[1], CheckConfig.model_validate({**asked, "sample_rows": 5}))
assert not (broken := [rule.message for rule in result.rules if rule.status == "ERROR"]), broken[0]
print(json.dumps(queries))
"""


def runnable(pid: int) -> int:
    """Threads of a process in state R; the state follows the name, which may have any letter but ends with `)`."""
    found = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found += thread.read_text(errors="replace").rpartition(") ")[2].startswith("R")
        except OSError:
            continue
    return found


def sampled(path: Path, threads: int) -> tuple[float, float]:
    """Mean of runnable threads while queries run, and the seconds in which any did."""
    env = os.environ | {"PYTHONPATH": str(SOURCE), "POLARS_MAX_THREADS": str(threads), "QUALITY_ROOT": str(path.parent)}
    words = [sys.executable, "-c", CHECK, str(path), str(HERE / "suites" / "orders.yml")]
    seen: list[tuple[float, int]] = []
    with subprocess.Popen(words, cwd=path.parent, env=env, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None:
            seen.append((time.monotonic(), runnable(child.pid)))
            time.sleep(EVERY)
        if child.returncode or child.stdout is None:
            sys.exit(child.returncode)
        queries: list[tuple[float, float]] = json.loads(child.stdout.read())
    during = [number for moment, number in seen if any(begun <= moment <= ended for begun, ended in queries)]
    return statistics.fmean(during), len(during) / len(seen) * (seen[-1][0] - seen[0][0])


def main() -> None:
    sys.path.insert(0, str(HERE))
    from generate import count, table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=count, default=10_000_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[16])
    parser.add_argument("--data", type=Path, default=HERE / ".data")
    options = parser.parse_args()
    path = table("orders", options.rows, options.data.resolve())
    for threads in options.threads:
        mean, seconds = sampled(path, threads)
        print(f"POLARS_MAX_THREADS={threads}: {mean:.1f} threads runnable, mean of {seconds:.1f} s of queries")


if __name__ == "__main__":
    main()
