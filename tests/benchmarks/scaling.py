"""What states cost that workers make: one process, then one worker and two of a runner, each in a process of its own.

`python tests/benchmarks/scaling.py --files 40 --rows 200k --runner dask` adds to SCALING.md. Twenty rules on orders;
a runner needs its extra. Every process has one thread of Polars, so that two workers are two cores. CPU is that of the
check and of every process that it started, without the server's; `tasks` counts what was sent, `empty` is the wall time
of a task that does nothing, once the runner is there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "template" / "src"
CHECK = """
import json, resource, shutil, sys, time
from pathlib import Path

from prefect import flow


@flow
def measured(suite, runner, workers, per_task):
    from quality.checking import check
    from quality.contract.config import CheckConfig
    from quality.contract.contract import load_contract, parse_source
    from quality.ladder import runners
    from quality.file_states.spread import EACH

    contract, told = load_contract(Path(suite)), {"sent": 0, "bytes": 0, "start": 0.0, "empty": 0.0}
    engine = {"runner": runner, "workers": workers, "files_per_task": per_task} if workers else None
    config = CheckConfig().override(
        dataset="orders", source=parse_source({"path": "parts/*.parquet"}), key=contract.key, rules=contract.rules,
        states={"enabled": True, "path": "kept", "full_every_days": None}, engine=engine,
    )

    def counted(self, work, batch, send=runners.Batches._submit):
        told["sent"] += 1
        told["bytes"] += len(work) + len(batch)
        return send(self, work, batch)

    with runners.spreading(config):
        if workers:
            each, began = EACH.get(), time.perf_counter()
            each(len, ["", ""] * workers)
            told["start"], began = time.perf_counter() - began, time.perf_counter()
            each(len, [""] * 20)
            told["empty"] = (time.perf_counter() - began) / 20
        runners.Batches._submit = counted
        began = time.perf_counter(), time.process_time()
        found = check(None, config)
        told |= {"wall": time.perf_counter() - began[0], "driver": time.process_time() - began[1]}
    rules = [(rule.rule_name, rule.status.value, rule.failed_count, rule.total_count) for rule in found.rules]
    return told | {"counts": rules, "reason": found.reason}


if __name__ == "__main__":
    shutil.rmtree("kept", ignore_errors=True)
    told = measured(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = {file: file.stat().st_size for file in Path("kept").rglob("*.parquet")}
    states = [size for file, size in kept.items() if len(file.stem) == 32]
    told |= {"cpu": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime, "kept": sum(kept.values())}
    told |= {"peak": own.ru_maxrss / 1024, "worker": others.ru_maxrss / 1024, "state": sum(states) / len(states)}
    print("told " + json.dumps(told))
"""


def parts(files: int, rows: int, folder: Path) -> None:
    """Files of one table of orders, with the customers beside them."""
    sys.path.insert(0, str(HERE))
    from generate import SEED, customer_count, customers, orders, write

    total = files * rows
    write(folder / "customers.parquet", customer_count(total), lambda start, stop: customers(start, stop, SEED))
    for number in range(files):
        first = number * rows

        def chunk(start: int, stop: int, first: int = first) -> Any:
            return orders(first + start, first + stop, total, SEED, clean=False)

        write(folder / f"parts/{number:05}.parquet", rows, chunk)


def check(folder: Path, api: str, runner: str, workers: int, per_task: int) -> dict[str, Any]:
    """One process, and those that it starts."""
    script = folder / "check.py"
    script.write_text(CHECK, "utf-8")
    words = [sys.executable, str(script), str(HERE / "suites" / "orders.yml"), runner, str(workers), str(per_task)]
    own = {"PYTHONPATH": str(SOURCE), "QUALITY_ROOT": str(folder), "PREFECT_API_URL": api, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.startswith("told ")]
    if done.returncode or not told:
        sys.exit(done.stderr[-5000:])
    found: dict[str, Any] = json.loads(told[0].removeprefix("told "))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure states that workers make.")
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--rows", default="200k")
    parser.add_argument("--runner", default="dask", choices=("threads", "dask", "ray"))
    parser.add_argument("--per-task", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = int(given.rows.replace("k", "000").replace("m", "000000"))
    sys.path.insert(0, str(SOURCE))
    from quality.loopback import loopback

    with tempfile.TemporaryDirectory() as name, loopback(Path(name, "home")) as server:
        folder = Path(name)
        (folder / "parts").mkdir()
        parts(given.files, rows, folder)
        api, found = server.wait(), dict[int, list[dict[str, Any]]]()
        for _ in range(given.rounds):
            for workers in (0, 1, 2):
                found.setdefault(workers, []).append(check(folder, api, given.runner, workers, given.per_task))
                print(given.runner, workers, {n: v for n, v in found[workers][-1].items() if n != "counts"}, flush=True)
    counts = {json.dumps(one["counts"]) for some in found.values() for one in some}
    if len(counts) != 1:
        sys.exit("the counts differ")
    page = HERE / "SCALING.md"
    text = page.read_text("utf-8") if page.exists() else "# Scaling from one worker to two\n"
    page.write_text(text + said(given, found), "utf-8")


def said(given: argparse.Namespace, found: dict[int, list[dict[str, Any]]]) -> str:
    """A table of medians."""
    command = f"python tests/benchmarks/scaling.py --files {given.files} --rows {given.rows} --runner {given.runner}"
    lines = [
        f"\n## {given.runner}: {given.files} files of {given.rows} rows, {given.per_task} a task",
        f"`{command} --per-task {given.per_task} --rounds {given.rounds}`, {time.strftime('%Y-%m-%d')}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}, shared with other work; medians of "
        f"{given.rounds} rounds, interleaved.",
        "",
        "| workers | wall s | CPU s, all processes | of them the driver's | driver peak MB | largest worker MB "
        "| start s | empty task ms | tasks | sent kB | state kB a file | kept MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for workers, some in found.items():
        of = {
            name: statistics.median(one[name] or 0 for one in some)
            for name in some[0]
            if name not in ("counts", "reason")
        }
        lines.append(
            f"| {workers or 'none'} | {of['wall']:.1f} | {of['cpu']:.1f} | {of['driver']:.1f} | {of['peak']:.0f} | "
            f"{of['worker']:.0f} | {of['start']:.1f} | {1000 * of['empty']:.0f} | {of['sent']:.0f} | "
            f"{of['bytes'] / 1000:,.0f} | {of['state'] / 1000:.1f} | {of['kept'] / 1e6:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
