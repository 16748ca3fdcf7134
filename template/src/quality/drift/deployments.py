"""Drift of deployments: what the server has against prefect.yaml, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort
from prefect.exceptions import ObjectNotFound

from quality.contract import project
from quality.drift.blocks import stored
from quality.drift.finding import NOTHING, Finding, Layer, differences
from quality.ladder.deployment import declared
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile

SECRET = re.compile(r"(?i)secret|token|passw|credential|private_?key|api_?key")
PLACEHOLDER = re.compile(r"prefect\.blocks\.([a-z0-9-]+)\.([a-z0-9-]+)")
PAGE = 200
REDEPLOY = "deploy it again with `nox -s drift -- --fix`"
ALIKE = (
    *("description", "version", "entrypoint", "parameters", "enforce_parameter_schema", "paused"),
    *("concurrency_limit", "work_pool_name", "job_variables", "pull_steps"),
)
"""Fields that are compared as they are."""
FINGERPRINT = "fingerprint:"
"""What the tag of a deployment begins with that this template made."""


def finding(name: str, problem: str, fix: str, heals: bool = False) -> Finding:
    """A finding about one deployment."""
    return Finding.of(Layer.SERVER, f"deployment {name}", problem, fix, heals)


def wanted(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that git declares, in the form in which they are compared."""
    return {
        **{name: fields[name] for name in ALIKE},
        "tags": ", ".join(sorted(set(fields["tags"]))),
        "schedules": [_schedule(one) for one in fields["schedules"]],
        "work_queue_name": fields["work_queue_name"] or "default",
        "takes": fields["parameter_openapi_schema"].get("properties", {}),
    }


def saved(found: DeploymentResponse) -> dict[str, Any]:
    """The same fields as the server has them."""
    limit = found.global_concurrency_limit
    fields = found.model_dump(mode="json", include=set(ALIKE))
    return fields | {
        "concurrency_limit": limit.limit if limit else None,
        "tags": ", ".join(sorted(set(found.tags))),
        "schedules": [_schedule(one) for one in found.schedules],
        "work_queue_name": found.work_queue_name,
        "pull_steps": found.pull_steps or [],
        "takes": (found.parameter_openapi_schema or {}).get("properties", {}),
    }


def _schedule(one: Any) -> dict[str, Any]:
    """A schedule without the anchor of an interval, which Prefect fills in at the moment of deployment."""
    times = one.schedule.model_dump(mode="json", exclude={"anchor_date"})
    return {**times, **one.model_dump(mode="json", include={"active", "parameters", "slug"})}


def read(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    """A deployment by its full name; None when the server has none."""
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def deployment_drift(client: SyncPrefectClient, file: PrefectFile, entry: DeploymentEntry) -> Iterator[Finding]:
    """What was changed by hand, is missing, lies in clear, or refers to what is gone."""
    try:
        flow, fields = declared(file, entry)
    except Exception as error:  # importing a module of the team's may raise anything
        yield finding(entry.name, f"cannot be deployed: {error}", f"fix its entry in prefect.yaml ({entry.entrypoint})")
        return
    found = read(client, f"{flow}/{entry.name}")
    if found is None:
        yield finding(entry.name, "is not on the server", REDEPLOY, heals=True)
        return
    for field, git, there in differences(wanted(fields), saved(found)):
        values = {"git": masked(field, git), "found": masked(field, there)}
        changed = finding(entry.name, "differs from prefect.yaml", REDEPLOY, heals=True)
        yield changed.model_copy(update={"field": field, **values})
    yield from _in_clear(entry, found)
    yield from _dangling(client, entry, found)


def masked(path: str, value: Any) -> Any:
    """A value without its secrets, to be shown."""
    if isinstance(value, dict):
        return {name: masked(f"{path}.{name}", inner) for name, inner in value.items()}
    return "•••" if SECRET.search(path) and value != NOTHING else value


def _in_clear(entry: DeploymentEntry, found: DeploymentResponse) -> Iterator[Finding]:
    for path, value in _leaves("job_variables", found.job_variables):
        if SECRET.search(path) and isinstance(value, str) and value and "{{" not in value:
            problem = f"{path} is stored in clear, for everyone who may read deployments"
            yield finding(entry.name, problem, "revoke it; name a Secret block in the work pool's template instead")


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    else:
        yield path, value


def _dangling(client: SyncPrefectClient, entry: DeploymentEntry, found: DeploymentResponse) -> Iterator[Finding]:
    """Blocks that the deployment, its policy or its work pool names and the server does not have."""
    named = set(PLACEHOLDER.findall(str([found.pull_steps, found.job_variables, *_pool_template(client, found)])))
    if entry.dataset:
        policy = project.load(entry.dataset, entry.environment).notifications
        named |= {(one.block.partition("/")[0], one.block.partition("/")[2]) for one in policy}
    for slug, name in sorted(named):
        if stored(client, name, slug) is None:
            yield finding(
                entry.name, f"refers to the block {slug}/{name}, which is not on the server", "save that block"
            )
    for field, value in found.parameters.items():
        if (document := _reference(value)) is not None and not _exists(client, document):
            problem = f"its parameter {field} refers to the deleted block {document}"
            yield finding(entry.name, problem, "save the block, then name it in prefect.yaml and deploy again")


def _pool_template(client: SyncPrefectClient, found: DeploymentResponse) -> Iterator[dict[str, Any]]:
    try:
        yield client.read_work_pool(str(found.work_pool_name)).base_job_template
    except ObjectNotFound:
        return


def _reference(value: Any) -> str | None:
    target = value.get("$ref") if isinstance(value, dict) else None
    return str(target.get("block_document_id")) if isinstance(target, dict) else target


def _exists(client: SyncPrefectClient, document: str) -> bool:
    try:
        client.read_block_document(UUID(document))
    except (ObjectNotFound, ValueError):
        return False
    return True


def leftovers(client: SyncPrefectClient, file: PrefectFile) -> Iterator[tuple[DeploymentResponse, bool]]:
    """Deployments with this domain's tag that prefect.yaml does not name, and whether this template made them."""
    if file.name is None:
        return
    tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[file.name]))
    known = {entry.name for entry in file.deployments}
    for found in _pages(client, tagged):
        if found.name not in known:
            yield found, any(tag.startswith(FINGERPRINT) for tag in found.tags)


def _pages(client: SyncPrefectClient, chosen: DeploymentFilter) -> list[DeploymentResponse]:
    """All of them, read before the first is deleted."""
    found: list[DeploymentResponse] = []
    ask = partial(client.read_deployments, deployment_filter=chosen, sort=DeploymentSort.NAME_ASC, limit=PAGE)
    while page := ask(offset=len(found)):
        found += page
    return found


def leftover_drift(client: SyncPrefectClient, file: PrefectFile) -> Iterator[Finding]:
    """Each deployment that left prefect.yaml and still runs."""
    for found, own in leftovers(client, file):
        fix = "delete it with `nox -s drift -- --fix`" if own else "delete it by hand: nothing proves that it is yours"
        left = finding(found.name, "is on the server and not in prefect.yaml", fix, heals=own)
        yield left.model_copy(update={"note": not own})
