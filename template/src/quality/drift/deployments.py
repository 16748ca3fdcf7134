"""Drift of deployments: what the server has against prefect.yaml, field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from quality.contract import project
from quality.contract.ownership import belongs, other_domain, way_out
from quality.drift.blocks import stored
from quality.drift.finding import NOTHING, Finding, Layer, differences
from quality.ladder import triggers
from quality.ladder.deployment import NOT_PROMOTED, declared, deployed, resolved
from quality.ladder.image import another_commit
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile
from quality.masking import MASK, is_secret
from quality.rollout.evidence import Check
from quality.rollout.gate import unmet

PLACEHOLDER = re.compile(r"prefect\.blocks\.([a-z0-9-]+)\.([a-z0-9-]+)")
STEP = re.compile(r"\{\{.+\}\}")
REDEPLOY = "deploy it again with `nox -s drift -- --fix`"
PAUSE = "pause it with `nox -s drift -- --fix`"
ALIKE = (
    *("description", "version", "entrypoint", "parameters", "enforce_parameter_schema", "paused"),
    *("concurrency_limit", "concurrency_options", "work_pool_name", "job_variables", "pull_steps"),
)
"""Fields that are compared as they are."""
FREE = ("job_variables", "parameters", "pull_steps")
"""Fields that people fill as they like, so that only the repository says what may be shown of them."""
VALUES_OF_RUNS = re.compile(r"(?i)\benv\b|header")


def finding(name: str, problem: str, fix: str, heals: bool = False) -> Finding:
    """A finding about one deployment."""
    return Finding.of(Layer.SERVER, f"deployment {name}", problem, fix, heals)


def wanted(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that git declares, in the form in which they are compared."""
    return {
        **{name: fields[name] for name in ALIKE},
        "concurrency_options": _collisions(fields["concurrency_options"]),
        "tags": ", ".join(sorted(set(fields["tags"]))),
        "schedules": _schedules(fields["schedules"]),
        "work_queue_name": fields["work_queue_name"] or "default",
        "takes": fields["parameter_openapi_schema"].get("properties", {}),
    }


def saved(found: DeploymentResponse) -> dict[str, Any]:
    """The same fields as the server has them."""
    limit = found.global_concurrency_limit
    fields = found.model_dump(mode="json", include=set(ALIKE))
    return fields | {
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": _collisions(found.concurrency_options),
        "tags": ", ".join(sorted(set(found.tags))),
        "schedules": _schedules(found.schedules),
        "work_queue_name": found.work_queue_name,
        "pull_steps": found.pull_steps or [],
        "takes": (found.parameter_openapi_schema or {}).get("properties", {}),
    }


def _collisions(options: Any) -> dict[str, Any] | None:
    return options.model_dump(mode="json") if options else None


def _schedules(of: Iterable[Any]) -> list[dict[str, Any]]:
    """A server keeps them in no order."""
    return sorted(map(_schedule, of), key=lambda one: json.dumps(one, sort_keys=True))


def _schedule(one: Any) -> dict[str, Any]:
    """A schedule without the anchor of an interval, which Prefect fills in at the moment of deployment."""
    times = one.schedule.model_dump(mode="json", exclude={"anchor_date"})
    return {**times, **one.model_dump(mode="json", include={"active", "parameters", "slug"})}


def deployment_drift(client: SyncPrefectClient, file: PrefectFile, entry: DeploymentEntry) -> Iterator[Finding]:
    """What was changed by hand, is missing, is not promoted, lies in clear, or refers to what is gone."""
    try:
        line = unmet(entry, found := deployed(client, entry))
        fields = declared(file, entry, promoted=line is None)[1]
    except httpx.HTTPError:
        raise
    except Exception as error:  # a value of an entry may be wrong in any way
        yield finding(
            entry.name, f"cannot be deployed: {error}", f"fix what policy.yml says of it ({entry.entrypoint})"
        )
        return
    if found is None:
        yield finding(entry.name, "is not on the server", REDEPLOY, heals=True)
    elif other := other_domain(found.tags):
        yield finding(entry.name, belongs(f"the domain {other}"), way_out("deployment"))
    else:
        yield from _differing(entry, wanted(fields), found, line)
        for one in triggers.unlike(client, resolved(entry), found.id, NOT_PROMOTED in fields["tags"]):
            yield finding(entry.name, f"its automation '{one.name}' {one.says}", REDEPLOY, one.heals)
        yield from _in_clear(entry, found)
        yield from _dangling(client, entry, found)


def _differing(
    entry: DeploymentEntry, git: dict[str, Any], found: DeploymentResponse, line: Check | None
) -> Iterator[Finding]:
    """Each field that is not as the repository says; before them, that what is not promoted is active."""
    if line and not found.paused:
        why = f"is active and not promoted: {line.name}: {line.seen}"
        yield finding(entry.name, why, PAUSE, heals=True)
    for field, ours, there in differences(git, saved(found)):
        if STEP.search(str(ours)) and (entry.build or entry.push):
            continue  # what a step gives, only the step knows
        changed = finding(entry.name, "differs from prefect.yaml", REDEPLOY, heals=True)
        if another_commit(ours, there):
            changed = finding(entry.name, "runs the image of another commit", REDEPLOY, heals=True)
            changed = changed.model_copy(update={"note": True})
        yield changed.about(field, ours, seen(field, ours, there))


def seen(field: str, git: Any, found: Any) -> Any:
    """What is shown of the server's value: of a field that people fill, no text that only the server has."""
    if not field.startswith((*FREE, "base_job_template")) or found == NOTHING:
        return found
    if isinstance(found, dict):
        ours = git if isinstance(git, dict) else {}
        return {name: seen(f"{field}.{name}", ours.get(name), inner) for name, inner in found.items()}
    if isinstance(found, list):
        return [one if isinstance(git, list) and one in git else seen(field, None, one) for one in found]
    known = isinstance(git, str) and git != NOTHING and not VALUES_OF_RUNS.search(field)
    return found if known or found == git or not isinstance(found, str) else MASK


def _in_clear(entry: DeploymentEntry, found: DeploymentResponse) -> Iterator[Finding]:
    fields = found.model_dump(mode="json", include=set(FREE))
    for path, value in (leaf for name in FREE for leaf in leaves(name, fields[name])):
        if is_secret(value, path.rpartition(".")[2]):
            problem = f"{path} is stored in clear, for everyone who may read deployments"
            yield finding(entry.name, problem, "revoke it; name a Secret block in the work pool's template instead")


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each plain value within a value, by its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(f"{path}.{name}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(f"{path}[{number}]", inner)
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
            yield finding(entry.name, problem, "save the block, then name it in policy.yml and deploy again")


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
