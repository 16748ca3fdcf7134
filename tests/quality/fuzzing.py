"""Mutated contracts, policies and data files: none ends in a traceback, a hang or a green verdict that is not earned.

`python tests/quality/fuzzing.py --cases 10000 --seed 7` runs each kind in a child that is begun anew when it ends.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import re
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

CONTRACT = """dataset: users
description: "people, é, and 'quotes'"
owner: "@users"
source: {path: data.csv, dtypes: {id: Int64, amount: Float64, name: String, day: Date}}
key: [id]
sensitive: [name]
warning_threshold: 0.1
quarantine: {path: out, drop: [name], keep_days: 9}
rules:
  - {check: not_null, column: id, severity: critical}
  - check: in_range
    column: amount
    min: 0
    max: 100
    where: "id > 3 AND name <> 'x'"
  - {check: regex, column: name, pattern: "^[a-z]+$", max_failure_rate: 0.5, warn_failure_rate: 0.1}
  - {check: expression, name: sums, expression: "amount >= 0 OR (id BETWEEN 1 AND 5 AND name LIKE 'a%')"}
  - {check: in_set, column: name, values: [ann, bob, 5, 2024-01-31], by: day}
  - {check: freshness, column: day, max_age: 1d12h}
  - {check: date_format, column: name, format: YYYY-MM-DD}
  - {check: schema, columns: {id: Int64, amount: numeric}, closed: true}
  - {check: foreign_key, column: id, reference: users, reference_column: id}
  - {check: trend, metric: mean, column: amount, max_change: 0.5, window: 7}
  - {check: quantile, column: amount, q: 0.9, at_most: 90}
  - {check: unique_combination, columns: [id, day]}
"""
POLICY = """defaults: &all
  retries: {count: 2, delay_seconds: 30, reason: storage}
  cache: {enabled: false, reuse_seconds: null, may_gate: false, reason: "data of now"}
  history: {path: .quality/history, keep_days: 400}
  notifications:
    - {channel: slack, block: slack-webhook/alerts, severities: [critical, error], owners: ["@users"]}
  lineage: {namespace: shop, path: events.ndjson}
  remind_after_hours: 24
  repository_url: https://git.host/team/repository
  work_pool: pool
environments:
  dev: {schedule: null}
  prod:
    <<: *all
    schedule: "0 6 * * 1-5"
    isolate: true
    memory_limit: 4GB
    timeout_seconds: 60
silences:
  - {dataset: users, rule: unique(id), environment: prod, until: 2030-12-31, reason: known}
"""
ROWS = [(n, round(n * 4.5, 2), f"{'abcdefghij'[n % 10]}nn", f"2024-01-{n + 1:02}") for n in range(20)]
NAMES = ("id", "amount", "name", "day")
RULES = (
    {"check": "not_null", "column": "id"},
    {"check": "unique", "column": "id"},
    {"check": "in_range", "column": "amount", "min": 0, "max": 100},
    {"check": "not_null", "column": "amount"},
    {"check": "row_count", "min": 20, "max": 20},
)
SPICE = [
    *"[]{}:,-?!&*|>'\"%@`#\t\\/.+~=$();",
    "\n",
    "\r\n",
    "\n\n",
    "  ",
    "\0",
    "\ufeff",
    "\u2028",
    "é",
    "\\ud800",
    "---",
    "<<",
    ".inf",
]
SPICE += [
    ".nan",
    "null",
    "true",
    "1e999",
    "9" * 400,
    "-1",
    "0",
    "*all",
    "&all",
    "!!int",
    "SELECT",
    "(SELECT 1)",
    "[" * 200,
    "🦆",
]
WORDS = re.compile(r"\w+")
CPU_SECONDS, HANG_SECONDS = 2.0, 60.0


def mutated_text(text: str, chance: random.Random) -> str:
    """The text after one to four cuts, insertions, swaps or repetitions."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1) if text else 0
        match chance.randrange(7):
            case 0:
                text = text[:at] + text[at + chance.randint(1, 8) :]
            case 1:
                text = text[:at] + chance.choice(SPICE) + text[at:]
            case 2:
                text = text[:at]
            case 3:
                lines = text.splitlines(keepends=True) or [""]
                chance.shuffle(lines) if chance.random() < 0.2 else lines.insert(at % len(lines), chance.choice(lines))
                text = "".join(lines)
            case 4:
                found = [*WORDS.finditer(text)]
                if found:
                    one, other = chance.choice(found), chance.choice(found)
                    text = text[: one.start()] + other.group() + text[one.end() :]
            case 5:
                text = text[:at] + chance.choice(SPICE) + text[at + 1 :]
            case _:
                text = text[:at] + text[at : at + 40] * chance.randint(2, 5) + text[at:]
    return text


def mutated_bytes(data: bytes, chance: random.Random) -> bytes:
    """The bytes after one to four flips, cuts, insertions or repetitions."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(5):
            case 0:
                data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :] if data else data
            case 1:
                data = data[:at] + data[at + chance.randint(1, 9) :]
            case 2:
                data = (
                    data[:at] + chance.choice([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"'", b"\\", b"9"]) + data[at:]
                )
            case 3:
                data = data[: max(at, 1)]
            case _:
                data = data[:at] + data[at : at + 30] + data[at:]
    return data


def plain_csv(data: bytes) -> list[dict[str, str]] | None:
    """The rows as plain Python reads them, or None where it refuses the file."""
    try:
        text = data.decode("utf-8-sig")
        rows = [*csv.reader(io.StringIO(text, newline=""), strict=True)]
    except (UnicodeDecodeError, csv.Error):
        return None
    if not rows or "\0" in text or any(len(row) != len(rows[0]) for row in rows) or len({*rows[0]}) < len(rows[0]):
        return None
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def plain_ndjson(data: bytes) -> list[dict[str, Any]] | None:
    try:
        rows = [json.loads(line) for line in data.decode("utf-8-sig").split("\n") if line.strip()]
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    return rows if all(isinstance(row, dict) for row in rows) else None


def plain_parquet(data: bytes) -> list[dict[str, Any]] | None:
    """The columns that rules read, read at once; bytes of other columns are decoded by nobody."""
    import polars as pl

    try:
        return pl.read_parquet(io.BytesIO(data), columns=["id", "amount"]).to_dicts()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None


def earned(rows: list[dict[str, Any]] | None) -> bool:
    """Whether rows keep RULES, judged one by one in plain Python."""
    if rows is None or len(rows) != 20:
        return False
    try:
        ids = [int(str(row["id"])) for row in rows]
        amounts = [float(str(row["amount"])) for row in rows]
    except (KeyError, ValueError):
        return False
    return len({*ids}) == 20 and all(0 <= amount <= 100 for amount in amounts)


class Kind(NamedTuple):
    """A kind of file: its name, what a mutant of it looks like, and what reads it plainly when it is data."""

    file: str
    mutant: Callable[[random.Random], bytes]
    plain: Callable[[bytes], list[dict[str, Any]] | None] | None = None


def _csv() -> bytes:
    rows = [",".join(map(str, row)) for row in ROWS]
    rows[3] = '3,13.5,"q, ""u""",2024-01-04'
    return ("\n".join([",".join(NAMES), *rows]) + "\n").encode()


def _ndjson() -> bytes:
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in ROWS).encode()


def _parquet() -> bytes:
    import polars as pl

    whole = io.BytesIO()
    pl.DataFrame(ROWS, schema=NAMES, orient="row").write_parquet(whole)
    return whole.getvalue()


KINDS = {
    "contract": Kind("datasets/users.yml", lambda chance: mutated_text(CONTRACT, chance).encode("utf-8", "replace")),
    "policy": Kind("policy.yml", lambda chance: mutated_text(POLICY, chance).encode("utf-8", "replace")),
    "csv": Kind("data.csv", lambda chance: mutated_bytes(_csv(), chance), plain_csv),
    "ndjson": Kind("data.ndjson", lambda chance: mutated_bytes(_ndjson(), chance), plain_ndjson),
    "parquet": Kind("data.parquet", lambda chance: mutated_bytes(_parquet(), chance), plain_parquet),
}


def tried(kind: str, root: Path) -> dict[str, Any]:
    """What one file ends in; a traceback where it ends in anything but a refusal or a verdict."""
    began = time.process_time()
    try:
        said = _outcome(kind, root)
    except BaseException:
        said = {"traceback": traceback.format_exc()[-3000:]}
    return said | {"cpu": time.process_time() - began}


def _outcome(kind: str, root: Path) -> dict[str, Any]:
    from quality.checking import check
    from quality.contract import project
    from quality.contract.config import CheckConfig
    from quality.errors import ConfigurationError
    from quality.rules.catalogue import parse_rules

    try:
        if kind in ("contract", "policy"):
            config = project.load("users", "dev")
            config.fingerprint  # noqa: B018 - what is accepted can be written down
            return {"status": check(None, config).status} if kind == "contract" else {"status": "read"}
        source: dict[str, Any] = {"path": str(root / KINDS[kind].file)}
        if kind == "csv":
            source["dtypes"] = {"id": "Int64", "amount": "Float64"}
        config = CheckConfig(rules=parse_rules(RULES)).override(source=source)
        result = check(None, config)
    except ConfigurationError as error:
        lines = str(error).splitlines()
        place = re.compile(r"[\w/]+\.yml(:\d+: | has no environment)")
        placed = kind not in ("contract", "policy") or all(map(place.match, lines))
        return {"status": "refused"} if lines and placed else {"traceback": f"no place: {error}"}
    plain = KINDS[kind].plain
    green = result.is_success and plain is not None
    data = (root / KINDS[kind].file).read_bytes()
    return {"status": result.status, "unearned": bool(green and plain and not earned(plain(data)))}


def child(root: Path) -> None:
    """Answers each kind that a line names with a line about the file as it lies there."""
    for line in sys.stdin:
        print(json.dumps(tried(line.strip(), root)), flush=True)


class Child:
    """A process that tries files, begun anew when one of them ends it."""

    def __init__(self, root: Path) -> None:
        self.root, self.process = root, self._begun(root)

    @staticmethod
    def _begun(root: Path) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--child", str(root)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=nothing, text=True)

    def tries(self, kind: str) -> dict[str, Any]:
        """What the file ends in; an abort or a hang ends the process, too."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(kind + "\n")
        stdin.flush()
        there = select.select([stdout], [], [], HANG_SECONDS)[0]
        line = stdout.readline() if there else ""
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        self.end()
        self.process = self._begun(self.root)
        return {"abort": True} if there else {"hang": True}

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def prepared(root: Path) -> None:
    """A repository in which one file is then mutated."""
    (root / "datasets").mkdir()
    for file, data in {
        "datasets/users.yml": CONTRACT.encode(),
        "policy.yml": POLICY.encode(),
        "data.csv": _csv(),
        "data.ndjson": _ndjson(),
        "data.parquet": _parquet(),
    }.items():
        (root / file).write_bytes(data)


def fuzzed(kind: str, cases: int, seed: int, kept: Path | None = None) -> list[str]:
    """What is wrong with how mutants of a kind ended, each with the seed of its mutant; nothing where all is well."""
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepared(root)
        worker = Child(root)
        try:
            worker.tries(kind)  # imports, and the file as it should be
            for number in range(cases):
                data = KINDS[kind].mutant(random.Random(f"{seed} {kind} {number}"))
                (root / KINDS[kind].file).write_bytes(data)
                if wrong := _wrong(kind, worker.tries(kind)):
                    problems.append(f"{kind} {seed} {number}: {wrong}")
                    if kept:
                        (kept / f"{kind}-{seed}-{number}").write_bytes(data)
        finally:
            worker.end()
    return problems


def _wrong(kind: str, found: dict[str, Any]) -> str | None:
    if "traceback" in found:
        return f"traceback: {found['traceback']}"
    if found.get("hang") or found.get("cpu", 0) > CPU_SECONDS:
        return f"hang of {found.get('cpu', HANG_SECONDS):.1f} s"
    if found.get("abort") and KINDS[kind].plain is None:
        return "abort"
    return "green, but plain Python does not read what the rules ask for" if found.get("unearned") else None


def main() -> int:
    """Fuzzes every kind, or those named, and prints what is wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--child", type=Path)
    asked.add_argument(
        "--cases", type=int, default=10_000, help="of contracts and policies, and of data files, together"
    )
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--keep", type=Path, help="a folder for the mutants that something is wrong with")
    asked.add_argument("kinds", nargs="*", default=list(KINDS))
    given = asked.parse_args()
    if given.child:
        os.environ["QUALITY_ROOT"] = str(given.child)
        os.chdir(given.child)
        child(given.child)
        return 0
    wrong: list[str] = []
    for kind in given.kinds:
        share = sum((KINDS[one].plain is None) == (KINDS[kind].plain is None) for one in given.kinds)
        found = fuzzed(kind, -(-given.cases // share), given.seed, given.keep)
        print(f"{kind}: {-(-given.cases // share):,} mutants, {len(found)} wrong", flush=True)
        wrong += found
    print("\n".join(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
