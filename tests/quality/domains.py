"""Domains that share one server: a repository for each, and a worker for a pool."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
from users import compute

from quality.ladder.deployment import ensure_pool, online_workers
from quality.ladder.prefect_file import PoolEntry
from quality.loopback import importable

CONTRACT = """
dataset: {dataset}
owner: "@{domain}-team"
source: {{path: data/users.parquet}}
key: [id]
rules:
  - {{check: not_null, column: id}}
  - {{check: unique, column: id}}
"""
POLICY = """
domain: {domain}
defaults:
  retries: {{count: 0, delay_seconds: 0, reason: a test}}
  cache: {{enabled: false, reason: a test}}
  work_pool: {domain}-dev
  deployment: {{job_variables: {{stream_output: true}}}}
environments:
  dev: {{}}
  prod: {{schedule: "0 6 * * *", work_pool: {domain}-prod}}
"""


class Domain:
    """A domain's repository with one dataset, in two environments."""

    def __init__(self, root: Path, name: str, dataset: str = "users") -> None:
        self.root, self.name, self.dataset = root / name, name, dataset
        about = {"domain": name, "dataset": dataset}
        self.write(f"datasets/{dataset}.yml", CONTRACT.format(**about))
        self.write("policy.yml", POLICY.format(**about))
        (self.root / "data").mkdir()
        pl.DataFrame({"id": [1, 2, 3]}).write_parquet(self.root / "data" / "users.parquet")

    def write(self, name: str, text: str) -> None:
        """Writes a file; where prefect.yaml is computed from it, that, too."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        if name == "policy.yml" or (name.startswith("datasets/") and (self.root / "policy.yml").exists()):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("QUALITY_ROOT", str(self.root))
                compute(self.root)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def replace(self, name: str, pattern: str, new: str) -> None:
        """Every place in a file that a pattern finds, written anew."""
        text, found = re.subn(pattern, lambda _: new, (self.root / name).read_text("utf-8"))
        assert found
        self.write(name, text)

    def work_here(self, monkeypatch: pytest.MonkeyPatch) -> Domain:
        """What follows happens in this repository."""
        monkeypatch.setenv("QUALITY_ROOT", str(self.root))
        monkeypatch.delenv("QUALITY_ENV", raising=False)
        monkeypatch.chdir(self.root)
        return self


def end_worker(process: subprocess.Popen[bytes]) -> None:
    """Ends a worker, which takes the first signal for a wish to end its runs."""
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    process.wait(timeout=60)


@contextmanager
def worker(pool: str, root: Path) -> Iterator[None]:
    """A worker of a process pool, as a person starts it; online when this is entered."""
    own = {
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_HOME": str(PREFECT_HOME.value()),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PYTHONPATH": importable(),
        "QUALITY_ROOT": str(root),
    }
    with get_client(sync_client=True) as client:
        ensure_pool(client, PoolEntry(name=pool, job_variables={"stream_output": True}))
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
        process = subprocess.Popen(
            [*command, "--no-create-pool-if-not-found"],
            env=os.environ | own,
            cwd=root,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 120
            while not online_workers(client, pool) and time.monotonic() < deadline:
                time.sleep(0.5)
            assert online_workers(client, pool), f"the worker of {pool} did not come"
            yield
        finally:
            end_worker(process)
