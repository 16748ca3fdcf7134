"""What a check costs after one file more, with states that are kept of the others; a process for each, side by side.

`python tests/benchmarks/incremental.py --files 50 --rows 200k` writes INCREMENTAL.md. Twenty rules on orders; `full`
keeps no states, `first` makes them, `nothing new` has them all, `one file more` lacks those of one file, `full again`
is `full` with that file. CPU is that of the check, after imports; that of the whole process stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "template" / "src"
CHECK = """
import json, resource, sys, time
from quality.checking import check
from quality.contract.contract import load_contract
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from pathlib import Path
contract = load_contract(Path(sys.argv[1]))
config = CheckConfig().override(
    dataset="orders", source=parse_source({"path": "parts/*.parquet"}), key=contract.key, rules=contract.rules,
    states={"enabled": sys.argv[2] == "kept", "path": "kept", "full_every_days": None},
)
begun = time.process_time(), time.perf_counter()
result = check(None, config)
took = time.process_time() - begun[0], time.perf_counter() - begun[1]
counts = [(rule.rule_name, rule.status.value, rule.failed_count, rule.total_count) for rule in result.rules]
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": took[0], "wall": took[1], "whole": time.process_time(), "peak": usage.ru_maxrss / 1024,
                  "counts": counts, "reason": result.reason}))
"""
WAYS = ("full", "first", "nothing new", "one file more", "full again")


def parts(files: int, rows: int, folder: Path, clean: bool) -> list[Path]:
    """Files of one table of orders, one after the other, with the customers beside them."""
    sys.path.insert(0, str(HERE))
    from generate import SEED, customer_count, customers, orders, write

    total = files * rows
    write(folder / "customers.parquet", customer_count(total), lambda start, stop: customers(start, stop, SEED))

    def one(number: int) -> Path:
        first = number * rows
        return write(
            folder / f"all/{number:05}.parquet",
            rows,
            lambda start, stop: orders(first + start, first + stop, total, SEED, clean=clean),
        )

    return [one(number) for number in range(files)]


def check(folder: Path, states: str) -> dict[str, Any]:
    """One process, once what others wrote is on the disk: a night is not measured by the writes of the one before."""
    os.sync()
    words = [sys.executable, "-c", CHECK, str(HERE / "suites" / "orders.yml"), states]
    env = os.environ | {"PYTHONPATH": str(SOURCE), "QUALITY_ROOT": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def round_of(folder: Path, files: list[Path]) -> dict[str, dict[str, Any]]:
    """Each way once, on fresh states; SystemExit where their counts differ."""
    here = folder / "parts"
    for old in (here, folder / "kept"):
        shutil.rmtree(old, ignore_errors=True)
    here.mkdir()
    for file in files[:-1]:
        os.link(file, here / file.name)
    took = {"full": check(folder, "off"), "first": check(folder, "kept"), "nothing new": check(folder, "kept")}
    os.link(files[-1], here / files[-1].name)
    took |= {"one file more": check(folder, "kept"), "full again": check(folder, "off")}
    for one, other in (("full", "first"), ("full", "nothing new"), ("one file more", "full again")):
        if took[one]["counts"] != took[other]["counts"]:
            sys.exit(f"{one} and {other} differ: {took[one]['counts']} {took[other]['counts']}")
    return took


def page(took: list[dict[str, dict[str, Any]]], files: int, rows: int, size: float, clean: bool) -> str:
    """The medians as Markdown, with the ratio of each way to a full check of the same round."""
    kind = "clean" if clean else "dirty"
    lines = [
        f"## {files} files of {rows:,} rows, {kind} ({size:.0f} MB)",
        "",
        f"Medians of {len(took)} rounds on {os.cpu_count()} cores. Counts were equal in every round.",
        "",
        "| way | CPU, s | to full | CPU with imports, s | to full | wall, s | peak, MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for way in WAYS:
        against = "full again" if way == "one file more" else "full"
        cells = [statistics.median(one[way][field] for one in took) for field in ("cpu", "whole", "wall", "peak")]
        share, whole = (
            statistics.median(one[way][field] / one[against][field] for one in took) for field in ("cpu", "whole")
        )
        cpu, with_imports, wall, peak = cells
        lines.append(
            f"| {way} | {cpu:.2f} | {share:.1%} | {with_imports:.2f} | {whole:.1%} | {wall:.2f} | {peak:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    sys.path.insert(0, str(HERE))
    from generate import count

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--rows", type=count, default=200_000, help="in each file")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", type=Path, default=HERE / ".data")
    options = parser.parse_args()
    texts = ["# A check after one file more", ""]
    for clean in (False, True):
        folder = options.data.resolve() / f"parts-{options.files}-{options.rows}-{'clean' if clean else 'dirty'}"
        made = sorted((folder / "all").glob("*.parquet"))
        files = made if len(made) == options.files + 1 else parts(options.files + 1, options.rows, folder, clean)
        size = sum(file.stat().st_size for file in files) / 2**20
        took = [round_of(folder, files) for _ in range(options.repeat)]
        texts += [page(took, options.files, options.rows, size, clean)]
    text = "\n".join(texts)
    (HERE / "INCREMENTAL.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
