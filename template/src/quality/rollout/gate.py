"""The gate: a server runs by itself what was promoted to the deployment rung; everything else is paused there.

What becomes active was proved by the code that judges now. What is active stays so when a release judges by other code:
a release stops no night's check, and `status` says what to prove again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse

from quality.contract import project
from quality.contract.ownership import REMOVE_OLD, other_domain
from quality.errors import ConfigurationError
from quality.ladder import triggers
from quality.ladder.deployment import NOT_PROMOTED, OLD_FLOW, checked_by, deployed, deployments_of, old_deployments
from quality.ladder.entry import DeploymentEntry
from quality.ladder.flows import check_dataset
from quality.ladder.prefect_file import PrefectFile
from quality.rollout import evidence
from quality.rollout.evidence import Check, Rung
from quality.rollout.scorecard import needed, outdated

PAUSE = "pause it with `nox -s drift -- --fix`"
Triggered = tuple[str, dict[str, Any]]
"""An automation that runs a deployment, and the parameters that it changes."""


def unmet(entry: DeploymentEntry, there: DeploymentResponse | None = None) -> Check | None:
    """The first line that keeps a deployment from running by itself; None when it may, or checks no dataset.

    `there` is the deployment as the server has it.
    """
    if (config := checked_by(entry)) is None:
        return None
    runs = there.parameters.get("fingerprint") if there and entry.dataset else config.fingerprint
    stays = there is not None and _was_promoted(there) and runs == config.fingerprint
    return unproved(config.dataset, str(config.environment), config.fingerprint, stays)


def unproved(dataset: str, environment: str, fingerprint: str | None = None, by_any_code: bool = False) -> Check | None:
    """The first line of the ladder without which a configuration is not promoted; today's, when none is named.

    It is to be proved by the code that judges now, or `by_any_code` that judged once.
    """
    if dataset not in project.datasets() or environment not in project.policy().environments:
        return Check(name="dataset", ok=False, seen=f"this repository checks no {dataset} in {environment}")
    now = fingerprint or project.load(dataset, environment).fingerprint
    lines = ((rung, *one) for rung in Rung for one in needed(dataset, environment, rung))
    for rung, what, name, command in lines:
        if problem := _flaw(dataset, environment, name, now):
            return Check(name=f"rung {rung}", ok=False, seen=f"{what} does not count: {problem}", fix=command)
    return None if by_any_code else outdated(dataset, environment)


def _flaw(dataset: str, environment: str, name: str, fingerprint: str) -> str | None:
    """Why evidence proves no promotion. A verdict of later is about the data of then, and takes no promotion back."""
    try:
        found = evidence.read(dataset, name).get(environment)
    except ConfigurationError as error:
        return str(error)
    return evidence.flaw(found and found.model_copy(update={"status": None}), fingerprint)


def breaches(client: SyncPrefectClient, file: PrefectFile) -> Iterator[str]:
    """Each deployment of this domain that the server runs by itself and that is not promoted, with what to do."""
    events = triggers.runs_by_event(client)
    for found in deployments_of(client, check_dataset.name):
        yield from _breaches(found, events, found.name, PAUSE)
    for found in old_deployments(client, file):
        yield from _breaches(found, events, f"{OLD_FLOW}/{found.name}", REMOVE_OLD)
    for entry in file.deployments:
        there = None if entry.dataset or checked_by(entry) is None else deployed(client, entry)
        runs = there is not None and not other_domain(there.tags) and (not there.paused or there.id in events)
        if runs and (line := unmet(entry, there)):
            yield _breach(entry.name, line, PAUSE)


def _breaches(found: DeploymentResponse, events: dict[UUID, list[Triggered]], name: str, fix: str) -> Iterator[str]:
    """By a schedule, or by the events that automations wait for, each with the parameters that it changes."""
    if other_domain(found.tags):
        return
    if not found.paused and (line := _unproved(found)):
        yield _breach(name, line, fix)
    for automation, given in events.get(found.id, ()):
        if line := _line(found.parameters | given, _was_promoted(found)):
            yield _breach(name, line, fix, f"by its automation '{automation}' ")


def _was_promoted(found: DeploymentResponse) -> bool:
    """Whether it went up active: somebody who resumes what went up paused leaves the tag that says so."""
    return not found.paused and not other_domain(found.tags) and NOT_PROMOTED not in found.tags


def _unproved(found: DeploymentResponse) -> Check | None:
    """The first line that is missing for what a deployment runs: by itself, or by a schedule with other parameters."""
    own = [schedule.parameters for schedule in found.schedules if schedule.active]
    stays = _was_promoted(found)
    return next(filter(None, (_line(found.parameters | given, stays) for given in [{}, *own])), None)


def _line(parameters: dict[str, Any], stays: bool) -> Check | None:
    environment = parameters.get("environment") or project.policy().first
    return unproved(str(parameters.get("dataset")), str(environment), parameters.get("fingerprint"), stays)


def _breach(name: str, line: Check, fix: str, how: str = "") -> str:
    return f"deployment {name} is active on the server {how}and not promoted: {line.name}: {line.seen}; {fix}"
