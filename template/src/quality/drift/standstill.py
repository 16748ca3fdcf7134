"""What keeps checks from running: a pool that is paused or gone, no worker, runs that were due and did not start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool
from prefect.exceptions import ObjectNotFound

from quality.drift.finding import Finding, Layer
from quality.ladder.pools import worker_start
from quality.ladder.prefect_file import DeploymentEntry
from quality.server import shell
from quality.texts import many

LATE = timedelta(minutes=5)
"""How long after its time a run may wait for a worker that asks every few seconds."""
SHOWN = 5
NO_WORKER = "no worker is online, so no run starts"


def standstill(client: SyncPrefectClient, entries: Iterable[DeploymentEntry]) -> Iterator[Finding]:
    """Each reason why nothing runs in a pool of these deployments, with its fix."""
    queues: dict[str, set[str]] = {}
    for entry in entries:
        queues.setdefault(entry.work_pool.name, set()).add(entry.work_pool.work_queue_name or "default")
    for name, used in queues.items():
        try:
            pool = client.read_work_pool(name)
        except ObjectNotFound:
            continue  # its deployments say so
        yield from _closed(client, pool, used)
        yield from _waiting(client, pool)


def _closed(client: SyncPrefectClient, pool: WorkPool, queues: set[str]) -> Iterator[Finding]:
    """A pool, or one of its queues, that lets no run start."""
    if pool.is_paused:
        yield _finding(pool.name, "is paused, so no run starts", shell(f"work-pool resume {pool.name}"))
    if pool.concurrency_limit == 0:
        fix = shell(f"work-pool clear-concurrency-limit {pool.name}")
        yield _finding(pool.name, "lets 0 runs run at a time, so no run starts", fix)
    for queue in client.read_work_queues(work_pool_name=pool.name, limit=200):
        if queue.name in queues and queue.is_paused and not pool.is_paused:
            fix = shell(f"work-queue resume {queue.name} --pool {pool.name}")
            yield _finding(pool.name, f"its queue {queue.name} is paused, so no run of it starts", fix)


def _waiting(client: SyncPrefectClient, pool: WorkPool) -> Iterator[Finding]:
    """Runs that are overdue; and that no worker is there, where runs wait for one."""
    waiting, now = _scheduled(client, pool.name), datetime.now(UTC)
    late = [run for run in waiting if run.expected_start_time and run.expected_start_time < now - LATE]
    workers = client.read_workers_for_work_pool(pool.name, offset=0, limit=200)
    start = worker_start(pool.name, pool.type)
    online = any(worker.status.value == "ONLINE" for worker in workers)
    if not online and waiting:
        yield _finding(pool.name, NO_WORKER, start)
    for run in late[:SHOWN]:
        due = f"the run {run.name} was due at {run.expected_start_time:%Y-%m-%d %H:%M} UTC and has not started"
        fix = "look at the worker's log and the pool's limits" if online else "start a worker"
        yield _finding(pool.name, due, f"{fix}, or {shell(f'flow-run cancel {run.id}')}")
    if len(late) > SHOWN:
        yield _finding(pool.name, f"{many(len(late) - SHOWN, 'more run')} due and not started", "start a worker")


def _scheduled(client: SyncPrefectClient, pool: str) -> list[FlowRun]:
    """The runs that wait in a pool."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING]))
    found: list[FlowRun] = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=state),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        limit=200,
    )
    return found


def _finding(pool: str, problem: str, fix: str) -> Finding:
    return Finding.of(Layer.SERVER, f"work pool {pool}", problem, fix)
