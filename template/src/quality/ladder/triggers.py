"""Event triggers of a deployment: each is an automation on the server that runs it, and carries the domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import Automation, AutomationCore

from quality.contract import project
from quality.contract.ownership import other_domain as domain_of
from quality.contract.ownership import own_domain, refused, tag
from quality.ladder.entry import DeploymentEntry, trigger_of
from quality.operations.alarms import comparable

PAGE = 200
MADE = "__automation_"
"""What stands in the name that Prefect gives to the automation of a trigger without one."""


class Unlike(NamedTuple):
    """An automation that is not as policy.yml says; `heals` where a deployment would change it."""

    name: str
    says: str
    heals: bool = True


def automations(entry: DeploymentEntry, deployment: UUID, held: bool) -> list[AutomationCore]:
    """What the triggers of an entry are on a server; disabled while what they would run is not promoted."""
    made = []
    for number, written in enumerate(entry.triggers, 1):
        trigger = trigger_of(written)
        trigger.set_deployment_id(deployment)
        name = project.carried(trigger.name, own_domain()) if trigger.name else f"{entry.name}{MADE}{number}"
        own = {"name": name, "tags": [tag()], "enabled": trigger.enabled and not held}
        made.append(trigger.as_automation().model_copy(update=own))
    return made


def running(client: SyncPrefectClient, deployment: UUID) -> list[Automation]:
    """The automations that run a deployment, whoever made them."""
    return client.read_resource_related_automations(f"prefect.deployment.{deployment}")


def ensure(client: SyncPrefectClient, entry: DeploymentEntry, deployment: UUID, held: bool) -> None:
    """Creates, updates and deletes automations until the server has those of the entry; others are only disabled,
    and only where they would run what is not promoted."""
    there = running(client, deployment)
    wanted = automations(entry, deployment, held)
    for one in wanted:
        same = [found for found in there if found.name == one.name]
        for found in same:
            if other := domain_of(found.tags):
                raise refused("automation", f"'{found.name}'", f"the domain {other}")
        for extra in same[1:]:
            client.delete_automation(extra.id)
        if not same:
            client.create_automation(one)
        elif comparable(same[0]) != comparable(one):
            client.update_automation(same[0].id, without_owner(one))
    for found in there:
        if found.name not in {one.name for one in wanted}:
            _put_right(client, entry, found, held)


def without_owner(automation: AutomationCore) -> AutomationCore:
    """The same, as an update takes it: whose an automation is, is said when it is made."""
    return AutomationCore.model_validate(automation.model_dump(exclude={"owner_resource"}))


def _put_right(client: SyncPrefectClient, entry: DeploymentEntry, found: Automation, held: bool) -> None:
    if _is_ours(entry, found):
        client.delete_automation(found.id)
    elif held and found.enabled:
        client.pause_automation(found.id)


def unlike(client: SyncPrefectClient, entry: DeploymentEntry, deployment: UUID, held: bool) -> Iterator[Unlike]:
    """Where the server's automations are not those of the entry."""
    there = running(client, deployment)
    wanted = automations(entry, deployment, held)
    for one in wanted:
        same = [found for found in there if found.name == one.name]
        if not same:
            yield Unlike(one.name, "is not on the server")
        elif other := next(filter(None, (domain_of(found.tags) for found in same)), None):
            yield Unlike(one.name, f"belongs to the domain {other}", heals=False)
        elif len(same) > 1:
            yield Unlike(one.name, f"is on the server {len(same)} times")
        elif fields := _fields(comparable(same[0]), comparable(one)):
            yield Unlike(one.name, f"differs from prefect.yaml: {', '.join(fields)}")
    for found in there:
        if found.name not in {one.name for one in wanted}:
            if held and found.enabled:
                yield Unlike(found.name, "is active and runs what is not promoted")
            elif _is_ours(entry, found):
                yield Unlike(found.name, "is on the server and not in prefect.yaml")


def remove(client: SyncPrefectClient, deployment: UUID) -> None:
    """Deletes the automations of this domain that run a deployment, which is about to go."""
    for found in running(client, deployment):
        if tag() in found.tags:
            client.delete_automation(found.id)


def runs_by_event(client: SyncPrefectClient) -> dict[UUID, list[tuple[str, dict[str, Any]]]]:
    """By deployment, the enabled automations that run it, each with the parameters that it changes."""
    found: dict[UUID, list[tuple[str, dict[str, Any]]]] = {}
    for automation in every(client):
        for action in automation.actions if automation.enabled else ():
            if isinstance(action, RunDeployment) and action.deployment_id is not None:
                found.setdefault(action.deployment_id, []).append((automation.name, action.parameters or {}))
    return found


def every(client: SyncPrefectClient) -> list[Automation]:
    """Every automation on the server."""
    found: list[Automation] = []
    while page := client.read_automations(limit=PAGE, offset=len(found)):
        found += page
        if len(page) < PAGE:
            break
    return found


def _is_ours(entry: DeploymentEntry, found: Automation) -> bool:
    """By its tag, or as `prefect deploy` would have named it."""
    return tag() in found.tags or (not domain_of(found.tags) and found.name.startswith(f"{entry.name}{MADE}"))


def _fields(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    return [name for name, value in here.items() if there.get(name) != value]
