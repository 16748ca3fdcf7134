"""Runs contestants on one table, interleaved, and writes what they took: `python tests/benchmarks/run.py --rows 10m`.

Needs nothing but Python: each contestant's pinned environment is built when it is first asked for. This process stays
small, as a child's peak memory counts from that of its parent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".environments"
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Whatever is set here, modules are compiled once, as where a package is installed."""
LIMIT = 1_800


@dataclass(frozen=True)
class Contestant:
    """A module of `contestants`, the environment it runs in, and how large a table it is given."""

    module: str
    environment: str
    suite: str | None = None
    samples: int = 5
    most: int | None = None


CONTESTANTS = {
    "ours": Contestant("ours", "ours"),
    "ours, no samples": Contestant("ours", "ours", samples=0),
    "ours, 100 rules": Contestant("ours", "ours", suite="orders_hundred"),
    "raw scan": Contestant("raw", "ours"),
    "hand-written": Contestant("fused", "ours"),
    "hand-written, n_unique": Contestant("fused_distinct", "ours"),
    "DuckDB": Contestant("duckdb_sql", "duckdb"),
    "DuckDB, samples": Contestant("duckdb_samples", "duckdb"),
    "Pointblank": Contestant("pointblank_steps", "pointblank"),
    "pandera": Contestant("pandera_schema", "pandera"),
    "dataframely": Contestant("dataframely_schema", "dataframely"),
    "cuallee": Contestant("cuallee_check", "cuallee"),
    "Soda": Contestant("soda_scan", "soda"),
    "Great Expectations": Contestant("expectations", "great_expectations", most=1_000_000),
    "Truthound": Contestant("truthound_validators", "truthound", most=1_000_000),
}
GROUPS = {
    "all": tuple(CONTESTANTS),
    "native": ("ours", "ours, no samples", "ours, 100 rules", "raw scan", "hand-written", "hand-written, n_unique"),
    "wide": ("ours", "raw scan", "hand-written", "DuckDB", "Pointblank", "pandera", "dataframely", "cuallee"),
}
SUITES = {"orders": "orders", "orders_clean_sorted": "orders", "wide_clean": "wide"}


def count(text: str) -> int:
    """20k, 10m or 250000."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1].lower())
    return int(float(text[:-1]) * scale) if scale else int(text)


def interpreter(environment: str) -> Path:
    """Python of the environment, built from its pinned requirements unless it is there."""
    requirements = HERE / "requirements" / f"{environment}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = ENVIRONMENTS / environment
    python, stamp = folder / "bin" / "python", folder / "requirements.sha256"
    if stamp.exists() and stamp.read_text() == digest:
        return python
    uv = shutil.which("uv")
    make = (
        [uv, "venv", "--clear", "-q", "-p", sys.executable, str(folder)]
        if uv
        else [sys.executable, "-m", "venv", "--clear", str(folder)]
    )
    fill = [uv, "pip", "install", "-q", "-p", str(python)] if uv else [str(python), "-m", "pip", "install", "-q"]
    subprocess.run(make, check=True)
    subprocess.run([*fill, "-r", str(requirements)], check=True)
    stamp.write_text(digest)
    return python


def measured(command: list[str], surroundings: dict[str, str] | None = None) -> dict[str, Any]:
    """A whole process: wall, processor seconds, peak megabytes, and the JSON in its last line or its error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        env = {**os.environ, **COMPILED, **(surroundings or {})}
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=scratch, env=env)
        status = waited(child, LIMIT)
        wall = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        printed, complaint = out.read().decode(), err.read().decode()
    code, usage = status
    seen = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}
    if code:
        return {"error": (complaint.strip().splitlines() or [f"exit {code}"])[-1][:300]}
    return {**seen, "answer": json.loads(printed.strip().splitlines()[-1]) if printed.strip() else None}


def waited(child: subprocess.Popen[bytes], limit: float) -> tuple[int, Any]:
    """Exit status and resources of the child, which is ended when it takes longer than the limit."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        found, status, usage = os.wait4(child.pid, os.WNOHANG)
        if found:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, usage
        time.sleep(0.002)
    child.kill()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = -9
    return -9, usage


def machine() -> dict[str, Any]:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def compete(names: list[str], variant: str, rows: int, data: Path, repeat: int) -> dict[str, Any]:
    """Every contestant `repeat` times, in turn, after one uncounted reading of the file."""
    suites = sorted({CONTESTANTS[name].suite or SUITES[variant] for name in names})
    pythons = {name: interpreter(CONTESTANTS[name].environment) for name in names}
    prepare = [str(interpreter("ours")), str(HERE / "jobs.py"), variant, str(rows), str(data), *suites]
    jobs = json.loads(subprocess.run(prepare, check=True, capture_output=True, text=True).stdout)
    folder = Path(next(iter(jobs.values()))).parent
    warm(folder / f"{variant}.parquet")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    told: dict[str, int] = {}
    for turn in range(repeat):
        for name in names:
            one = CONTESTANTS[name]
            job = json.loads(Path(jobs[one.suite or SUITES[variant]]).read_text())
            told[name] = len(job["rules"])
            path = folder / f"job-{one.module}-{one.samples}.json"
            path.write_text(json.dumps({**job, "samples": one.samples}))
            around = {"QUALITY_ROOT": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
            run = measured([str(pythons[name]), str(HERE / "contestant.py"), one.module, str(path)], around)
            runs[name].append(run)
            said = run.get("error") or f"{run['wall']:6.2f} s  {run['cpu']:6.2f} s CPU  {run['memory']:5.0f} MB"
            print(f"{turn + 1}/{repeat}  {name:24} {said}", flush=True)
            path.unlink()
            if "error" in run and turn == 0:
                runs[name] = [run]
        names = [name for name in names if "error" not in runs[name][-1]]
    return {name: report.summary(told[name], runs[name]) for name in runs}


def warm(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(2**24):
            pass


def figures(rows: int, data: Path, repeat: int) -> dict[str, Any]:
    """Import and compile times of the core, in whole processes, in turn."""
    python = str(interpreter("ours"))
    source = str(HERE.parents[1] / "template" / "src")
    commands = {
        "polars and pydantic": "import polars, pydantic",
        "core": "import quality.engine.judge, quality.contract.contract",
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(2 * repeat + 1):
        for name, code in commands.items():
            run = measured([python, "-c", code], {"PYTHONPATH": source})
            if turn:
                took[name].append(run["cpu"])
    compiled = measured([python, str(HERE / "compile.py"), str(data)], {"PYTHONPATH": source})
    return {
        "import": {name: report.median(values) for name, values in took.items()},
        "compile": compiled.get("answer") or compiled,
    }


def overhead(rows: int, data: Path, rounds: int) -> dict[str, Any]:
    """What a run leaves behind, beside the check alone, in one process and on a Prefect server of its own."""
    python = str(interpreter("operated"))
    prepare = [python, str(HERE / "jobs.py"), "orders", str(rows), str(data), "orders"]
    job = json.loads(subprocess.run(prepare, check=True, capture_output=True, text=True).stdout)["orders"]
    told = json.loads(Path(job).read_text())
    warm(Path(told["table"]))
    found = measured([python, str(HERE / "overhead.py"), told["table"], told["suite"], str(rounds)])
    if "error" in found:
        raise SystemExit(f"overhead: {found['error']}")
    ways: dict[str, Any] = found["answer"]
    return ways


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=count, default=1_000_000)
    parser.add_argument("--variant", choices=SUITES, default="orders")
    parser.add_argument(
        "--contestants", default="native", help=f"{', '.join(GROUPS)}, or names, separated by semicolons"
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data", type=Path, default=HERE / ".data")
    parser.add_argument("--figures", action="store_true", help="measure import and compile times only")
    parser.add_argument("--overhead", action="store_true", help="measure what a run of operators costs beside a check")
    parser.add_argument(
        "--gate", action="store_true", help="exit 1 if a figure misses its gate; counts that disagree always do"
    )
    parser.add_argument("--no-run", action="store_true", help="only write RESULTS.md from the results, and gate")
    return parser


def chosen(options: argparse.Namespace) -> list[str]:
    """The contestants asked for, without those that the table is too large for."""
    names = [name.strip() for name in options.contestants.split(";")]
    names = [one for name in names for one in GROUPS.get(name, (name,))]
    names = [name for name in names if options.rows <= (CONTESTANTS[name].most or options.rows)]
    if options.variant == "wide_clean":
        names = [name for name in names if CONTESTANTS[name].suite is None]
    return names


def main() -> None:
    options = parser().parse_args()
    data = options.data.resolve()
    if options.figures:
        report.keep("core", {"machine": machine(), "figures": figures(options.rows, data, options.repeat)})
    elif options.overhead:
        size = report.short(options.rows)
        command = f"python tests/benchmarks/run.py --overhead --rows {size} --repeat {options.repeat}"
        ways = overhead(options.rows, data, options.repeat)
        report.keep(f"overhead-{size}", {"machine": machine(), "command": command, "ways": ways})
    elif not options.no_run:
        found = compete(chosen(options), options.variant, options.rows, data, options.repeat)
        size = report.short(options.rows)
        command = f"python tests/benchmarks/run.py --variant {options.variant} --rows {size}"
        command += f" --contestants '{options.contestants}' --repeat {options.repeat}"
        report.keep(
            f"{options.variant}-{size}",
            {"machine": machine(), "command": command, "contestants": found},
        )
    report.write()
    wrong, missed = report.wrong(), report.misses() if options.gate else []
    for line in (*wrong, *missed):
        print(line)
    sys.exit(1 if wrong or missed else 0)


if __name__ == "__main__":
    main()
