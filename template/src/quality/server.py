"""A Prefect server and what is on it: a client, links to its pages, artifacts read back."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    ArtifactFilterType,
    FlowRunFilter,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterLevel,
    TaskRunFilter,
)
from prefect.client.schemas.objects import Artifact
from prefect.client.schemas.sorting import ArtifactSort, LogSort
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_UI_URL

from quality.contract import project
from quality.errors import ServerError
from quality.loopback import loopback
from quality.masking import masked
from quality.reporting.console import say
from quality.result import CheckResult


@contextmanager
def server() -> Iterator[SyncPrefectClient]:
    """A client of the configured API; ServerError when it does not answer."""
    with get_client(sync_client=True) as client:
        try:
            if (problem := client.api_healthcheck()) is not None:
                raise problem
            yield client
        except PrefectHTTPStatusError as error:
            said = f"{error.response.status_code} {error.response.text[:300]}"
            raise ServerError(f"the Prefect API at {client.api_url} refused: {said}") from None
        except httpx.HTTPError as error:
            advice = "start it, or set PREFECT_API_URL to one that runs"
            raise ServerError(
                f"no Prefect API answers at {client.api_url} ({type(error).__name__}); {advice}"
            ) from None


def artifact_of(client: SyncPrefectClient, run: UUID, kind: Literal["markdown", "table", "result"]) -> Artifact | None:
    """What a run wrote for operators, or for machines."""
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]), type=ArtifactFilterType(any_=[kind]))
    return next(iter(_artifacts(client, wanted, 1)), None)


def latest_artifacts(client: SyncPrefectClient, keys: list[str]) -> dict[str, Artifact]:
    """The newest artifact of each key that has one."""
    found = _artifacts(client, ArtifactFilter(key=ArtifactFilterKey(any_=keys)), 200)
    return {str(one.key): one for one in reversed(found)}


def _artifacts(client: SyncPrefectClient, wanted: ArtifactFilter, limit: int) -> list[Artifact]:
    """Newest first. Every filter is given: a server on FastAPI 0.151 or newer takes no null for one left out."""
    everything: dict[str, Any] = {"flow_run_filter": FlowRunFilter(), "task_run_filter": TaskRunFilter(), "offset": 0}
    order = ArtifactSort.CREATED_DESC
    return client.read_artifacts(artifact_filter=wanted, sort=order, limit=limit, **everything)


def result_of(artifact: Artifact) -> CheckResult:
    """The result that an artifact of type `result` holds."""
    data = artifact.data
    return CheckResult.model_validate_json(data) if isinstance(data, str) else CheckResult.model_validate(data)


def why_it_ended(client: SyncPrefectClient, run: UUID) -> str | None:
    """The error at the end of the last traceback in a run's log: the state of a crash has an exit code alone."""
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]), level=LogFilterLevel(ge_=logging.ERROR))
    logs = client.read_logs(wanted, sort=LogSort.TIMESTAMP_DESC)
    lines = (one.message.strip().splitlines() for one in logs if "Traceback" in one.message)
    return masked(next(lines, [""])[-1]) or None


def link(page: str, of: UUID | str | None) -> str:
    """The page of Prefect's UI."""
    return f"{str(PREFECT_UI_URL.value() or '').rstrip('/')}/{page}/{of}"


def run_link(run: UUID | str) -> str:
    """The page of a flow run."""
    return link("runs/flow-run", run)


def shell(words: str) -> str:
    """A command line of Prefect's, by the path of the Prefect that this repository installed where that runs this."""
    folder, root = Path(sys.executable).parent, project.root()
    return f"{folder.relative_to(root) / 'prefect' if folder.is_relative_to(root) else 'prefect'} {words}"


@contextmanager
def prefect_api() -> Iterator[bool]:
    """A Prefect API to work with: the configured one (False) or, without one, this repository's own (True)."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_HOME,
        get_current_settings,
        temporary_settings,
    )

    os.environ.setdefault("QUALITY_ROOT", str(project.root()))
    if url := get_current_settings().api.url:
        say(f"Prefect API: {url}")
        yield False
        return
    home = project.root() / ".prefect"
    first = "" if (home / "prefect.db").exists() else "; the first start takes about 20 s"
    say(f"no PREFECT_API_URL is set: starting a Prefect server of this repository's own on loopback{first}")
    with loopback(home) as server:
        importlib.import_module("quality.ladder.deployment")
        own = {PREFECT_API_URL: server.wait(), PREFECT_HOME: home, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        with temporary_settings(own):
            try:
                yield True
            finally:
                hand_over_events()
    say("stopped the server; its state stays in .prefect/")


def hand_over_events() -> None:
    """Prefect sends events and logs from threads; while the server is there, wait until it has them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for service in (EventsWorker, APILogWorker):
        service.drain_all(timeout=10)
