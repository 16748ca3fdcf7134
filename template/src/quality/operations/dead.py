"""Runs that died without a word: found by the next run or session, marked Crashed, and told of as an incident.

A run of ours writes down in which process it is, so that another on the same machine knows when that is gone; elsewhere
its heartbeats say so, or the longest time that the policy allows.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventOrder, EventResourceFilter
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Completed, Crashed, Failed

from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, first_line
from quality.operations import notifications
from quality.operations.alarms import SILENT_AFTER
from quality.operations.incidents import THE_RUN
from quality.provenance import RunMetadata
from quality.result import CheckResult, summarize_check_result
from quality.server import artifact_of, result_of
from quality.values import Status

LABEL = "quality.process"
HEARTBEAT = "prefect.flow-run.heartbeat"


def process() -> str:
    """This process, as no other is called: machine, number and, where the machine says it, the moment of its start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _started(pid: int) -> str:
    """When a process started, in the words of the machine; empty where it has none, or no such process."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    state, *rest = said.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def meet(config: CheckConfig, flow_name: str) -> None:
    """What a run does first: says where, and looks for runs of the same check that died; nothing here stops it."""
    try:
        with get_client(sync_client=True) as client:
            if mine := flow_run.id:
                client.update_flow_run_labels(uuid.UUID(mine), {LABEL: process()})
            bury(client, config, flow_name, apart_from=mine)
    except Exception as error:
        get_run_logger().warning("runs that died were not looked for: %s", first_line(error))


def bury(
    client: SyncPrefectClient,
    config: CheckConfig,
    flow_name: str,
    apart_from: str | None = None,
    own_server: bool = False,
) -> list[str]:
    """Marks each run of a check that died as crashed, tells the channels, and says what it found.

    On a server of this repository's own nothing else runs: what runs there has been left behind.
    """
    said: list[str] = []
    told: dict[str | None, list[str]] = {}
    for run in _running(client, config, flow_name):
        why = None if str(run.id) == apart_from else "its session is over" if own_server else dead(client, run, config)
        if why and (verdict := _verdict(client, run)):
            client.set_flow_run_state(run.id, verdict, force=True)
            said.append(f"the run {run.name} died with its verdict: {why}; it is marked as {verdict.name} now")
        elif why:
            client.set_flow_run_state(run.id, Crashed(message=f"found dead: {why}"), force=True)
            words = f"the run {run.name} died without a word: {why}; it is marked as crashed now"
            told.setdefault(run.parameters.get("partition"), []).append(words)
    for partition, words_of in told.items():
        if get_current_settings().api.url:
            _tell(_of(config, partition), words_of)
    return [*said, *(words for words_of in told.values() for words in words_of)]


def _of(config: CheckConfig, partition: str | None) -> CheckConfig:
    """The configuration of a run of this partition, or of the whole; whose text nobody can read, of the whole."""
    whole = config.model_copy(update={"partition": None})
    with suppress(ConfigurationError):
        return whole.override(partition=partition)
    return whole


def _verdict(client: SyncPrefectClient, run: FlowRun) -> State[Any] | None:
    """The end that a run would have had, where it left its result before it died, or before its server did."""
    if (artifact := artifact_of(client, run.id, "result")) is None:
        return None
    result = result_of(artifact)
    return (Completed if result.is_success else Failed)(message=summarize_check_result(result))


def dead(client: SyncPrefectClient, run: FlowRun, config: CheckConfig) -> str | None:
    """Why a run that says it is running is not; None where nothing says so."""
    machine, _, rest = str(run.labels.get(LABEL, "")).partition(":")
    pid, _, started = rest.partition(":")
    if machine == socket.gethostname() and pid.isdigit() and not _alive(int(pid), started):
        return f"its process {pid} on {machine} is gone"
    now, begun = datetime.now(UTC), run.start_time or run.created or datetime.now(UTC)
    if config.longest_minutes and now - begun > timedelta(minutes=config.longest_minutes):
        return f"it has run for more than the {config.longest_minutes:g} minutes that the policy allows"
    if now - begun > SILENT_AFTER and (last := _last_heartbeat(client, run, begun)) and now - last > SILENT_AFTER:
        return f"its last heartbeat was at {last:%Y-%m-%d %H:%M} UTC"
    return None


def _alive(pid: int, started: str) -> bool:
    """Whether the very process is there; where the machine has no word of starts, whether one of its number is."""
    if started:
        return _started(pid) == started
    if sys.platform == "win32":  # which would interrupt it: heartbeats say whether it is there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _running(client: SyncPrefectClient, config: CheckConfig, flow_name: str) -> Iterable[FlowRun]:
    """The runs of a dataset's check in an environment that have begun and not ended."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
    named = FlowFilter(name=FlowFilterName(any_=[flow_name]))
    for run in client.read_flow_runs(flow_filter=named, flow_run_filter=FlowRunFilter(state=state), limit=200):
        if (run.parameters.get("dataset"), run.parameters.get("environment")) in (
            (config.dataset, config.environment),
            (config.dataset, None),
        ):
            yield run


def _last_heartbeat(client: SyncPrefectClient, run: FlowRun, begun: datetime) -> datetime | None:
    wanted = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
        occurred=EventOccurredFilter(since=begun),
        order=EventOrder.DESC,
    )
    found = client.read_events(wanted, limit=1).events
    return found[0].occurred if found else None


def _tell(config: CheckConfig, said: list[str]) -> None:
    """One incident about the run, which the next verdict closes."""
    about = RunMetadata(
        dataset=config.dataset,
        owner=config.owner,
        environment=config.environment,
        partition=config.part and config.part.shown,
        contract=config.contract,
        fingerprint=config.fingerprint,
    )
    result = CheckResult(status=Status.ERROR, reason="; ".join(said), timestamp=datetime.now(UTC), metadata=about)
    notifications.notify(result, config, str(uuid.uuid4()), only=THE_RUN)
