"""Many datasets due at one moment and one process worker, with Prefect's own empty flow in between."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import polars as pl
from domains import end_worker
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import FlowRun, StateType

from quality.contract import project
from quality.history import runs as history
from quality.ladder.computed_file import text_of
from quality.ladder.deployment import deploy, ensure_pool, online_workers
from quality.ladder.entries import document
from quality.ladder.prefect_file import load_prefect_file
from quality.loopback import importable
from quality.server import artifact_of, result_of
from quality.values import Status

POOL = "crowd-prod"
EMPTY = "empty"
CONTRACT = """
dataset: {name}
owner: "@crowd-team"
source: {{path: data/{data}.parquet}}
key: [id]
rules:
  - {{check: not_null, column: id}}
  - {{check: unique, column: id}}
  - {{check: in_range, column: amount, min: 0, max: 100}}
"""
POLICY = f"""
domain: crowd
defaults:
  retries: {{count: 0, delay_seconds: 0, reason: a test}}
  cache: {{enabled: false, reason: a test}}
  work_pool: {POOL}
  deployment: {{job_variables: {{stream_output: false}}}}
environments:
  prod: {{}}
flows:
  - {{name: {EMPTY}, entrypoint: empty.empty, environment: prod, concurrency_limit: null}}
"""
FLOW = """
from prefect import flow


@flow
def empty() -> None:
    pass
"""
GOOD = pl.DataFrame({"id": range(1_000), "amount": [50.0] * 1_000})
DATA = {"good": GOOD, "bad": GOOD.with_columns(amount=pl.col("amount") + pl.col("id"))}


class Crowd:
    """A repository of so many datasets, every tenth of them with bad data; its deployments, by dataset."""

    def __init__(self, root: Path, datasets: int) -> None:
        self.root = root
        self.status = {f"d{n:03}": Status.FAILED if n % 10 == 3 else Status.PASSED for n in range(datasets)}
        for name, frame in DATA.items():
            (root / "data").mkdir(parents=True, exist_ok=True)
            frame.write_parquet(root / "data" / f"{name}.parquet")
        (root / "datasets").mkdir()
        for name, status in self.status.items():
            text = CONTRACT.format(name=name, data="good" if status is Status.PASSED else "bad")
            (root / "datasets" / f"{name}.yml").write_text(text, "utf-8")
        (root / "policy.yml").write_text(POLICY, "utf-8")
        (root / "empty.py").write_text(FLOW, "utf-8")

    def deploy(self, client: SyncPrefectClient) -> dict[str, UUID]:
        """The deployment of every dataset and of the empty flow, as a repository deploys what is promoted."""
        (self.root / "prefect.yaml").write_text(text_of(document()), "utf-8")
        file = load_prefect_file(self.root / "prefect.yaml")
        ensure_pool(client, file.deployments[0].work_pool)
        return {entry.dataset or EMPTY: deploy(client, file, entry, promoted=True) for entry in file.deployments}


@contextmanager
def one_worker(client: SyncPrefectClient, root: Path, at_once: int) -> Iterator[None]:
    """A process worker, as a person starts it, that runs so many at once."""
    words = ("worker", "start", "--pool", POOL, "--limit", str(at_once), "--no-create-pool-if-not-found")
    own = {
        "PREFECT_API_URL": str(client.api_url),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PYTHONPATH": os.pathsep.join((importable(), str(root))),
        "QUALITY_ROOT": str(root),
    }
    with (root / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *words], env=os.environ | own, cwd=root, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 120
            while not online_workers(client, POOL):
                assert time.monotonic() < deadline, "the worker did not come"
                time.sleep(0.5)
            yield
        finally:
            end_worker(process)


def turns(names: list[str], every: int) -> list[str]:
    """The datasets in turn, and the empty flow after so many of them."""
    return [one for n, name in enumerate(names, 1) for one in ([name] if n % every else [name, EMPTY])]


def run_all(client: SyncPrefectClient, made: dict[str, UUID], order: list[str], seconds: float) -> list[FlowRun]:
    """A run of each deployment in this order, due at once; returns when all have ended."""
    created = [client.create_flow_run_from_deployment(made[name]) for name in order]
    deadline = time.monotonic() + seconds
    while True:
        found = _read(client, [run.id for run in created])
        open_ones = [run for run in found if run.state is None or not run.state.is_final()]
        if not open_ones:
            return found
        assert time.monotonic() < deadline, f"{len(open_ones)} of {len(created)} runs did not end in {seconds:.0f} s"
        time.sleep(1)


def _read(client: SyncPrefectClient, ids: list[UUID]) -> list[FlowRun]:
    """These runs, in this order; each asked for, however many a server gives at once."""
    found: dict[UUID, FlowRun] = {}
    for start in range(0, len(ids), 100):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + 100]))
        found |= {run.id: run for run in client.read_flow_runs(flow_run_filter=wanted, limit=200)}
    return [found[one] for one in ids]


def wrongs(client: SyncPrefectClient, crowd: Crowd, made: dict[str, UUID], runs: list[FlowRun]) -> list[str]:
    """What is lost, doubled or wrong: each dataset has one run, that one's verdict, artifact and entry of history."""
    names = {deployment: name for name, deployment in made.items()}
    checks = {names[run.deployment_id]: run for run in runs if run.deployment_id and run.deployment_id != made[EMPTY]}
    said = [f"{name} has no run" for name in crowd.status if name not in checks]
    begun = {run.id: starts(client, run) for run in runs}
    said += [f"{run.name} was started {begun[run.id]} times" for run in runs if begun[run.id] != 1]
    said += [f"{name} has runs that nobody asked for" for name in made if _more(client, made[name], runs)]
    for name, run in checks.items():
        said += [f"{name}: {one}" for one in _wrong(client, name, run, crowd.status[name])]
    return said


def starts(client: SyncPrefectClient, run: FlowRun) -> int:
    """How often a process said that it runs this."""
    return sum(one.type == StateType.RUNNING for one in client.read_flow_run_states(run.id))


def _more(client: SyncPrefectClient, deployment: UUID, known: list[FlowRun]) -> bool:
    """Whether a deployment has runs beside these."""
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    found = {one.id for one in client.read_flow_runs(deployment_filter=of_it, limit=200)}
    return not found <= {one.id for one in known}


def _wrong(client: SyncPrefectClient, name: str, run: FlowRun, status: Status) -> Iterator[str]:
    end = StateType.COMPLETED if status is Status.PASSED else StateType.FAILED
    if run.state_type != end:
        yield f"its run ended as {run.state_name}, not as {end.value}"
    artifact = artifact_of(client, run.id, "result")
    if artifact is None or result_of(artifact).status is not status:
        yield f"its run left no verdict {status}"
    kept = history.metrics(project.load(name, "prod"))
    entries = kept.select("run", "flow_run", "status").unique()
    if entries.select("flow_run", "status").rows() != [(str(run.id), str(status))]:
        yield f"history has {entries.rows()} of it, and not the run {run.id} with {status}"
    files = history.shelf(project.load(name, "prod")).files()
    if len(files) != 1:
        yield f"history has {len(files)} files of it"


def took(client: SyncPrefectClient, run: FlowRun) -> float:
    """Seconds from where the worker took a run to its end: start of a process, imports, and all that it does."""
    states = client.read_flow_run_states(run.id)
    taken: datetime = min(one.timestamp for one in states if one.type == StateType.PENDING)
    ended: datetime = max(one.timestamp for one in states if one.type in (StateType.COMPLETED, StateType.FAILED))
    return (ended - taken).total_seconds()
