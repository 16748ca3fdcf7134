"""What a check of a Parquet file in object storage takes beside a raw scan of it. Writes OBJECT_STORAGE.md.

`python tests/benchmarks/object_storage.py [--rows 1m] [--delay 50] [--repeat 5] [--against FOLDER]`, with Polars,
Pydantic and ruamel.yaml installed. A store on loopback answers ranges of 40 row groups x 12 columns, each after a delay
in milliseconds; it counts requests and bytes. Each way is a process of its own, and the ways take turns. `--against` is
the `template/src` of another checkout, for the ratio to that.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "template" / "src"
ROW_GROUPS = 40
RAW = """
import sys, polars as pl
pl.scan_parquet(sys.argv[1]).select(pl.all().null_count()).collect(engine="streaming")
"""
CHECK = """
import sys
from pathlib import Path
from quality.checking import check
from quality.contract.config import CheckConfig
from quality.contract.contract import load_contract
asked = {name: value for name, value in load_contract(Path(sys.argv[2])) if name in CheckConfig.model_fields}
result = check(sys.argv[1], CheckConfig.model_validate({**asked, "sample_rows": 5}))
assert not (broken := [rule.message for rule in result.rules if rule.status == "ERROR"]), broken[0]
"""


class Took(NamedTuple):
    """What one process took: seconds, requests, bytes of the file, megabytes of memory."""

    wall: float
    requests: int
    sent: int
    peak: float


class Store(ThreadingHTTPServer):
    """An S3 server of one file, which waits before each answer."""

    daemon_threads, request_queue_size = True, 1024

    def __init__(self, path: Path, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.data, self.delay, self.lock = path.read_bytes(), delay, threading.Lock()
        self.requests = self.sent = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, sent: int) -> None:
        with self.lock:
            self.requests, self.sent = self.requests + 1, self.sent + sent


class Answer(BaseHTTPRequestHandler):
    """HEAD and GET of ranges."""

    protocol_version = "HTTP/1.1"
    server: Store

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        data = self.server.data
        asked = re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        first, last = self.range(asked, len(data)) if asked else (0, len(data) - 1)
        time.sleep(self.server.delay)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        self.server.count(last - first + 1 if body else 0)
        if body:
            self.wfile.write(data[first : last + 1])

    @staticmethod
    def range(asked: re.Match[str], size: int) -> tuple[int, int]:
        if not asked[1]:
            return size - int(asked[2]), size - 1
        return int(asked[1]), min(int(asked[2] or size - 1), size - 1)

    def log_message(self, *said: object) -> None:
        """Nothing is printed."""


def table(rows: int, data: Path) -> Path:
    """The orders of the other benchmarks in 40 row groups, with the customers beside them."""
    sys.path.insert(0, str(HERE))
    import polars as pl
    from generate import table as parquet

    source = parquet("orders", rows, data)
    path = source.with_name("orders_40.parquet")
    if not path.exists():
        pl.read_parquet(source).write_parquet(path, row_group_size=-(-rows // ROW_GROUPS))
    return path


def run(code: str, source: Path, store: Store, path: Path) -> Took:
    """One process, in the folder where the customers lie."""
    store.requests = store.sent = 0
    words = ["s3://shop/orders.parquet", str(HERE / "suites" / "orders.yml")]
    timed = ["/usr/bin/env", "time", "-f", "%e %M", sys.executable, "-c", code, *words]
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
    place = {"AWS_ENDPOINT_URL": "http://{}:{}".format(*store.server_address), "QUALITY_ROOT": str(path.parent)}
    env = os.environ | keys | place | {"PYTHONPATH": str(source)}
    done = subprocess.run(timed, env=env, cwd=path.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    wall, peak = map(float, done.stderr.split()[-2:])
    return Took(wall, store.requests, store.sent, peak / 1024)


def page(took: dict[str, list[Took]], size: int, delay: float) -> str:
    """The medians as Markdown, with the ratio of each way to the raw scan."""
    medians = {way: Took(*(statistics.median(one) for one in zip(*runs, strict=True))) for way, runs in took.items()}
    raw = medians["raw scan"].wall
    lines = [
        "# A check of a file in object storage",
        "",
        f"20 rules on a file of {size / 2**20:.0f} MB in {ROW_GROUPS} row groups of 12 columns, {delay * 1000:.0f} ms "
        f"before each answer; medians of {len(took['raw scan'])} runs on {os.cpu_count()} cores. Only the ratios mean "
        "anything.",
        "",
        "| way | wall, s | to the raw scan | requests | bytes read, to the file | peak, MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {way} | {one.wall:.2f} | {one.wall / raw:.1f} | {one.requests:.0f} | {one.sent / size:.2f} "
        f"| {one.peak:.0f} |"
        for way, one in medians.items()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    sys.path.insert(0, str(HERE))
    from generate import count

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=count, default=1_000_000)
    parser.add_argument("--delay", type=float, default=50, help="milliseconds before each answer")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data", type=Path, default=HERE / ".data")
    parser.add_argument("--against", type=Path, help="template/src of another checkout")
    options = parser.parse_args()
    path = table(options.rows, options.data.resolve())
    ways = {"raw scan": (RAW, SOURCE), "the check": (CHECK, SOURCE)}
    if options.against:
        ways["the check, of the other checkout"] = (CHECK, options.against.resolve())
    store = Store(path, options.delay / 1000)
    took: dict[str, list[Took]] = {way: [] for way in ways}
    for _ in range(options.repeat):
        for way, (code, source) in ways.items():
            took[way].append(run(code, source, store, path))
    text = page(took, path.stat().st_size, store.delay)
    (HERE / "OBJECT_STORAGE.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
