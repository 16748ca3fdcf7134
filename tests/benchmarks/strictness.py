"""What strictness costs: one CSV file read by Polars alone, and checked whole and strictly. Writes STRICTNESS.md.

`python tests/benchmarks/strictness.py [--rows 1m] [--repeat 5] [--data FOLDER]`, with Polars, Pydantic and ruamel.yaml
installed. Each way is a process of its own, and the ways take turns: only their ratios mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "template" / "src"
COLUMNS = ("id", "reference", "customer_id", "status", "amount", "quantity", "created_at")
START = "import sys, polars as pl; path = sys.argv[1]; "
TYPED = "schema = {'id': pl.Int64, 'customer_id': pl.Int64, 'amount': pl.Float64, 'quantity': pl.Int64}; "
CHECK = """
from quality import CheckConfig, check
dtypes = {"id": "Int64", "customer_id": "Int64", "amount": "Float64", "quantity": "Int64"}
rules = [{"check": "not_null", "column": name} for name in dtypes]
found = check(None, CheckConfig().override(source={"path": path, "dtypes": dtypes}, rules=rules))
assert found.row_count and found.status == "PASSED", found.message
"""
WAYS = {
    "Polars, four columns with their dtypes": START
    + TYPED
    + "pl.scan_csv(path, schema_overrides=schema).select(pl.col(*schema).null_count()).collect(engine='streaming')",
    "Polars, every column as text": START
    + "pl.scan_csv(path, infer_schema=False).select(pl.all().null_count()).collect(engine='streaming')",
    "the check: whole, strict, four columns with their dtypes": START + CHECK,
}


def table(rows: int, data: Path) -> Path:
    """The orders of the other benchmarks, without their defects, as CSV."""
    sys.path.insert(0, str(HERE))
    import polars as pl
    from generate import table as parquet

    source = parquet("orders_clean_sorted", rows, data)
    path = source.with_suffix(".csv")
    if not path.exists():
        pl.scan_parquet(source).select(COLUMNS).sink_csv(path)
    return path


def seconds(code: str, path: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a whole process."""
    timed = ["/usr/bin/env", "time", "-f", "%e %U %S", sys.executable, "-c", code, str(path)]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(timed, env=environment, capture_output=True, text=True, check=True)
    wall, user, system = map(float, done.stderr.split()[-3:])
    return wall, user + system


def main() -> None:
    sys.path.insert(0, str(HERE))
    from generate import count

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=count, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data", type=Path, default=HERE / ".data")
    options = parser.parse_args()
    path = table(options.rows, options.data.resolve())
    took: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for turn in range(options.repeat + 1):
        for way, code in WAYS.items():
            one = seconds(code, path)
            if turn:
                took[way].append(one)
    medians = {way: [statistics.median(run[n] for run in runs) for n in (0, 1)] for way, runs in took.items()}
    first = next(iter(medians.values()))
    lines = [
        "# What strictness costs",
        "",
        f"{options.rows:,} rows, {len(COLUMNS)} columns, {path.stat().st_size / 1e6:,.0f} MB, {os.cpu_count()} cores;",
        f"medians of {options.repeat} whole processes in turn, by `python tests/benchmarks/strictness.py --rows "
        f"{options.rows} --repeat {options.repeat}`.",
        "",
        "| way | wall | CPU | times in wall | times in CPU |",
        "|---|---|---|---|---|",
        *(
            f"| {way} | {wall:.2f} s | {cpu:.2f} s | {wall / first[0]:.1f} | {cpu / first[1]:.1f} |"
            for way, (wall, cpu) in medians.items()
        ),
        "",
        "Polars alone passes over rows that are too long or cut. The check looks at every line first,",
        "reads every column as text and counts what is not of its declared dtype.",
    ]
    (HERE / "STRICTNESS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(json.dumps(medians, indent=1))


if __name__ == "__main__":
    main()
