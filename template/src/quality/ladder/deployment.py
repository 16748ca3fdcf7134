"""The rung of environments: what prefect.yaml says, on a Prefect server, and what its workers make of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from prefect.cli.deploy._schedules import _schedule_config_to_deployment_schedule
from prefect.client.base import ServerType
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterName,
    DeploymentFilterTags,
    FlowFilter,
    FlowFilterName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.deployments.steps.core import run_steps
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.states import Cancelled
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import apply_values

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.ownership import TAG, other_domain, refused, tag
from quality.errors import ConfigurationError, ServerError, first_line
from quality.ladder import image, triggers
from quality.ladder.factories import QualityFlow
from quality.ladder.pools import ensure_pool as ensure_pool
from quality.ladder.pools import pool_type as pool_type
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile, ScheduleEntry
from quality.masking import holds_secret
from quality.server import run_link
from quality.texts import nearest

NOT_PROMOTED = "not-promoted"
"""The tag of a deployment that is paused because nothing proves what it would run."""
OLD_FLOW = "check-dataset"
"""What the blessed flow of every domain was called before names on a server carried the domain."""
PAGE = 200


def resolved(entry: DeploymentEntry, built: dict[str, Any] | None = None) -> DeploymentEntry:
    """The entry with what it takes from the environment's variables and from its steps, as Prefect fills them in."""
    values = {**os.environ, **image.own_values(entry.work_pool.job_variables), **(built or {})}
    return DeploymentEntry.model_validate(apply_values(entry.model_dump(mode="json"), values, remove_notset=False))


def build(file: PrefectFile, entry: DeploymentEntry) -> dict[str, Any]:
    """Runs the build and push steps of an entry; what they give, by the id of each."""
    steps = [*(_steps(file, entry, "build")), *(_steps(file, entry, "push"))]
    try:
        return asyncio.run(run_steps(steps, print_function=lambda *words, **_: None)) if steps else {}
    except Exception as error:  # a step may be any code
        said = f"{entry.name}: a build or push step failed: {first_line(error)}; run it alone, then deploy again"
        raise ConfigurationError(said) from None


def _steps(file: PrefectFile, entry: DeploymentEntry, key: str) -> list[dict[str, Any]]:
    """The steps of an entry, or those of the file where it names none."""
    own = getattr(entry, key)
    return list((getattr(file, key) if own is None else own) or [])


def flow_of(entry: DeploymentEntry) -> Flow[..., Any]:
    """The flow that a worker would import; ConfigurationError when that fails, in whatever way."""
    try:
        return load_flow_from_entrypoint(entry.entrypoint, use_placeholder_flow=False)
    except Exception as error:  # importing a module of the team's may raise anything
        what = f"{entry.name}: its flow {entry.entrypoint} cannot be imported: {first_line(error)}"
        raise ConfigurationError(f"{what}; fix its entry in prefect.yaml, or the module") from None


def checked_by(entry: DeploymentEntry) -> CheckConfig | None:
    """The configuration that a deployment runs by itself: the blessed flow's, or that of a factory's flow."""
    entry = resolved(entry)
    if (dataset := entry.dataset) is None:
        flow = flow_of(entry)
        check = flow.check if isinstance(flow, QualityFlow) else None
        if check is None or check.dataset is None:
            return None
        return project.load(check.dataset, check.environment or entry.environment or project.policy().first)
    return project.load(dataset, entry.environment or project.policy().first)


def declared(
    file: PrefectFile, entry: DeploymentEntry, promoted: bool = False, built: dict[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """The flow's name and the deployment's fields, as the file says them; what is not promoted is paused.

    `built` is what the entry's build and push steps gave; without it, what takes its values keeps its placeholders.
    """
    entry, config = resolved(entry, built), checked_by(entry)
    flow, parameters, tags = flow_of(entry), dict(entry.parameters), [*entry.tags, tag()]
    _refuse_in_clear(entry)
    takes = _takes(flow, entry)
    held = config is not None and not promoted
    if config is not None and entry.dataset:
        parameters |= {"environment": config.environment, "fingerprint": config.fingerprint}
        tags.append(f"fingerprint:{config.fingerprint}")
    return flow.name, {
        "name": entry.name,
        "version": entry.version or project.template_version(),
        "description": entry.description or flow.description or "",
        "tags": [*tags, NOT_PROMOTED] if held else tags,
        "parameters": parameters,
        "entrypoint": entry.entrypoint,
        "parameter_openapi_schema": takes,
        "enforce_parameter_schema": entry.enforce_parameter_schema,
        "concurrency_limit": entry.limit,
        "concurrency_options": entry.collisions,
        "schedules": [_schedule(one, held) for one in entry.schedules],
        "paused": entry.paused or held,
        "work_pool_name": entry.work_pool.name,
        "work_queue_name": entry.work_pool.work_queue_name,
        "job_variables": entry.work_pool.job_variables,
        "pull_steps": _steps(file, entry, "pull"),
    }


def _takes(flow: Flow[..., Any], entry: DeploymentEntry) -> dict[str, Any]:
    """The parameters that a run may have; a server refuses any other, with which a worker's run would only crash.

    ConfigurationError where the entry gives another one, which a server does not look at in schedules and triggers.
    """
    takes = parameter_schema(flow).model_dump(exclude_unset=True) | {"additionalProperties": False}
    known = takes.get("properties", {})
    given = [*entry.parameters, *(name for one in entry.schedules for name in one.parameters or ())]
    given += [name for one in entry.triggers for name in one.get("parameters") or ()]
    if unknown := next((name for name in given if name not in known), None):
        raise ConfigurationError(
            f"prefect.yaml: {entry.name}: its flow {flow.name} takes no parameter '{unknown}'; "
            f"{nearest(unknown, known)}"
        )
    return takes


def _refuse_in_clear(entry: DeploymentEntry) -> None:
    """ConfigurationError for a secret that a deployment would store in clear, wherever prefect.yaml has it from."""
    for name, value in {"parameters": entry.parameters, "job_variables": entry.work_pool.job_variables}.items():
        if holds_secret(value):
            raise ConfigurationError(
                f"prefect.yaml: {entry.name}: its {name} hold a secret, which the server would store in clear for "
                "everyone who may read deployments; name a Secret block in the work pool's template instead"
            )


def read(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    """A deployment by its full name; None when the server has none."""
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def deployed(client: SyncPrefectClient, entry: DeploymentEntry) -> DeploymentResponse | None:
    """The deployment of an entry, as the server has it."""
    return read(client, f"{flow_of(entry).name}/{entry.name}")


def deploy(client: SyncPrefectClient, file: PrefectFile, entry: DeploymentEntry, promoted: bool = False) -> UUID:
    """The deployment as the file says it, created or replaced; paused, unless what it runs is said to be promoted."""
    if entry.sla and client.server_type != ServerType.CLOUD:
        raise ConfigurationError(f"{entry.name}: service levels (`sla`) exist on Prefect Cloud only; take `sla` away")
    flow, fields = declared(file, entry, promoted, build(file, entry))
    name = f"{flow}/{entry.name}"
    if (found := read(client, name)) and (other := other_domain(found.tags)):
        raise refused("deployment", name, f"the domain {other}")
    made = client.create_deployment(flow_id=client.create_flow_from_name(flow), **fields)
    triggers.ensure(client, resolved(entry), made, NOT_PROMOTED in fields["tags"])
    for one in entry.sla or ():
        one.set_deployment_id(made)
    if entry.sla:
        client.apply_slas_for_deployment(made, entry.sla)
    return made


def delete(client: SyncPrefectClient, found: DeploymentResponse) -> None:
    """Deletes a deployment, and the automations of this domain that run it."""
    triggers.remove(client, found.id)
    client.delete_deployment(found.id)


def deployments_of(client: SyncPrefectClient, flow: str) -> list[DeploymentResponse]:
    """Every deployment of a flow."""
    return _pages(client, flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])))


def tagged(client: SyncPrefectClient, *tags: str) -> list[DeploymentResponse]:
    """Every deployment that has all of these tags."""
    return _pages(client, deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=list(tags))))


def called(client: SyncPrefectClient, *names: str) -> list[DeploymentResponse]:
    """Every deployment of one of these names, whatever its flow."""
    return (
        _pages(client, deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=list(names)))) if names else []
    )


def old_deployments(client: SyncPrefectClient, file: PrefectFile) -> list[DeploymentResponse]:
    """This domain's deployments of before names carried the domain: its tag alone does not prove it, its pool does."""
    pools = {entry.work_pool.name for entry in file.deployments}
    return [
        found
        for found in deployments_of(client, OLD_FLOW)
        if file.name in found.tags
        and found.work_pool_name in pools
        and not any(one.startswith(TAG) for one in found.tags)
    ]


def _pages(client: SyncPrefectClient, **chosen: Any) -> list[DeploymentResponse]:
    """All of them, read before the first is changed."""
    found: list[DeploymentResponse] = []
    ask = partial(client.read_deployments, sort=DeploymentSort.NAME_ASC, limit=PAGE, **chosen)
    while page := ask(offset=len(found)):
        found += page
    return found


def _schedule(entry: ScheduleEntry, held: bool) -> DeploymentScheduleCreate:
    """The schedule as Prefect itself makes it of such an entry."""
    made = _schedule_config_to_deployment_schedule(entry.model_dump(exclude_none=True))
    return DeploymentScheduleCreate(**made | {"active": entry.active and not held, "parameters": entry.parameters})


def online_workers(client: SyncPrefectClient, pool: str) -> list[str]:
    """The workers of a pool that have sent a heartbeat lately."""
    workers = client.read_workers_for_work_pool(pool, offset=0, limit=200)
    return [worker.name for worker in workers if worker.status.value == "ONLINE"]


def cancel_unfinished(client: SyncPrefectClient, deployment: UUID) -> int:
    """End the runs of a deployment that an interrupted session left behind, and so free their concurrency slots."""
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    runs = client.read_flow_runs(deployment_filter=of_it, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=200)
    left = [run for run in runs if run.state is None or not run.state.is_final()]
    for run in left:
        client.set_flow_run_state(run.id, Cancelled(message="an interrupted session left this run behind"))
    return len(left)


def work_off(pool: str) -> None:
    """Carry out the runs that wait in a process pool, each in a process of its own, and return when they have ended."""
    from prefect.workers.process import ProcessWorker

    worker = ProcessWorker(work_pool_name=pool, name="loopback", create_pool_if_not_found=False)
    asyncio.run(worker.start(run_once=True, printer=lambda *words: None))


def wait(
    client: SyncPrefectClient, run: FlowRun, seconds: float, between: Callable[[], None], tell: Callable[[str], None]
) -> FlowRun:
    """The run once it has ended; ServerError when it has not in time. `between` happens between two looks."""
    deadline, shown = time.monotonic() + seconds, ""
    while True:
        found = client.read_flow_run(run.id)
        name = (found.state_name or "unknown").lower()
        if found.state is not None and found.state.is_final():
            return found
        if name != shown:
            tell(f"run {found.name} is {name}")
            shown = name
        if time.monotonic() > deadline:
            raise ServerError(f"run {found.name} is still {name} after {seconds:.0f} s; {run_link(run.id)}")
        between()
