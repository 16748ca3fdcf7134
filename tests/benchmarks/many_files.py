"""What a driver needs for each file whose states are kept: time and memory, in a process of its own.

`python tests/benchmarks/many_files.py --files 100 1000` prints a line for each: files of 50 rows, twenty rules. With
`--delay 50` files and states lie in an S3 store on loopback (moto, of constraints.txt), which waits so many
milliseconds before each answer, and counts what it is asked.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.request import Request, urlopen

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
    dataset="orders", source=parse_source({"path": sys.argv[2] + "parts/*.parquet"}), key=contract.key,
    rules=contract.rules,
    states={"enabled": True, "path": sys.argv[2] + "kept", "full_every_days": None},
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
begun = time.process_time(), time.perf_counter()
result = check(None, config)
assert result.metadata.explain.queries, result.reason
took = time.process_time() - begun[0], time.perf_counter() - begun[1]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"CPU {took[0]:.2f} s, wall {took[1]:.2f} s, memory {before:.0f} MB, at its peak {peak:.0f} MB; "
      + result.metadata.explain.queries[0])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a driver whose files' states are kept.")
    parser.add_argument("--files", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--delay", type=float, help="milliseconds before each answer of a store; without, a local disk")
    given = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from generate import SEED, customer_count, customers, orders, write

    for files in given.files:
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
            if given.delay is None:
                ways(folder, files, "", {})
                continue
            with store(folder, given.delay / 1000) as (env, asked):
                ways(folder, files, "s3://shop/", env, asked)


def ways(folder: Path, files: int, place: str, env: dict[str, str], asked: list[str] | None = None) -> None:
    """A line for each way."""
    for way in ("first", "kept"):
        before = len(asked or ())
        said = check(folder, place, env)
        requests = f" {len(asked) - before:,} requests;" if asked is not None else ""
        print(f"{files:,} files, {way}:{requests} {said}", flush=True)


@contextmanager
def store(folder: Path, delay: float) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The files in an S3 store that waits before each answer: what a process is told of it, and what it was asked."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from moto.server import ThreadedMotoServer

    answer, asked = DomainDispatcherApplication.__call__, list[str]()

    def late(server: DomainDispatcherApplication, said: dict[str, Any], start: Any) -> Any:
        asked.append(said["PATH_INFO"])
        time.sleep(delay)
        return answer(server, said, start)

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20240101/us-east-1/s3/aws4_request"}
    signed["Content-Type"] = "application/octet-stream"
    for path in ["", *(f"/parts/{file.name}" for file in sorted((folder / "parts").iterdir()))]:
        body = (folder / path[1:]).read_bytes() if path else b""
        urlopen(Request(f"{address}/shop{path}", data=body, headers=signed, method="PUT")).close()
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
    with patch.object(DomainDispatcherApplication, "__call__", late):
        yield keys | {"AWS_ENDPOINT_URL": address}, asked
    server.stop()


def check(folder: Path, place: str, more: dict[str, str]) -> str:
    """What one process says of itself."""
    env = os.environ | {"PYTHONPATH": str(SOURCE), "QUALITY_ROOT": str(folder)} | more
    words = [sys.executable, "-c", CHECK, str(HERE / "suites" / "orders.yml"), place]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
