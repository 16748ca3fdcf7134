"""Prefect automations for what no check can report of itself: runs that crash, that fail without a verdict, that go
silent and that never start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from quality.contract import project
from quality.contract.ownership import other_domain, refused, tag
from quality.contract.policy import EnvironmentPolicy
from quality.errors import ConfigurationError

SILENT_AFTER = timedelta(minutes=5)
LATE_AFTER = timedelta(minutes=15)
ENDED = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "TimedOut", "Crashed", "Cancelled")}
WAITS = {f"prefect.flow-run.{state}" for state in ("Paused", "Suspended")}
NO_VERDICT = "!*: [FES][AKR]*[DR] — *"
"""What the message of a failed run is not like where a verdict failed it: that is told by the check itself."""
BODY = """{{ flow_run.name }} of {{ flow.name }} %s.
State: {{ flow_run.state.name }} {{ flow_run.state.message }}
{{ flow_run | ui_url }}"""


class Watch(NamedTuple):
    """One thing to watch for in the runs of a work pool."""

    name: str
    says: str
    trigger: EventTrigger


def watches(pool: str, tagged: str | None = None, longest: float | None = None) -> tuple[Watch, ...]:
    """What is watched for in every environment: in the runs of its pool, or in those among them that have a tag.

    Where the policy says how many minutes a run may take at most, those that take longer, too.
    """
    of_pool: Any = {"prefect.resource.role": "work-pool", "prefect.resource.name": pool}
    if tagged:
        of_pool = [of_pool, {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tagged}"}]
    crashed = _trigger(of_pool, expect={"prefect.flow-run.Crashed"})
    broken = _trigger(of_pool, expect={"prefect.flow-run.Failed", "prefect.flow-run.TimedOut"}, message=NO_VERDICT)
    beats = {"prefect.flow-run.heartbeat"}
    silent = _trigger(of_pool, beats, beats | ENDED | WAITS, SILENT_AFTER)
    started = {"prefect.flow-run.Pending", "prefect.flow-run.Running", *ENDED}
    never = _trigger(of_pool, {"prefect.flow-run.Late"}, started, LATE_AFTER)
    found = (
        Watch("crashed", "crashed", crashed),
        Watch("failed without a verdict", "failed without a verdict", broken),
        Watch("went silent", f"sent no heartbeat for {SILENT_AFTER.seconds // 60} minutes", silent),
        Watch("never started", f"was due {LATE_AFTER.seconds // 60} minutes ago and has not started", never),
    )
    if longest is None:
        return found
    too_long = _trigger(of_pool, {"prefect.flow-run.Running"}, ENDED | WAITS, timedelta(minutes=longest))
    return (*found, Watch("took too long", f"runs for more than the {longest:g} minutes allowed", too_long))


def _trigger(
    of_pool: Any,
    after: Iterable[str] = (),
    expect: Iterable[str] = (),
    within: timedelta = timedelta(0),
    message: str | None = None,
) -> EventTrigger:
    """Fires when an event comes or, where a time is given, when after one event none of the others comes within it."""
    said: Any = {"prefect.state-message": message} if message else {}
    return EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*", **said},
        match_related=of_pool,
        after=set(after),
        expect=set(expect),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive if within else Posture.Reactive,
        threshold=1,
        within=within,
    )


def declared(environment: str, policy: EnvironmentPolicy, blocks: Iterable[UUID]) -> list[AutomationCore]:
    """The automations of an environment: each tells every channel of it. A pool of several domains has several."""
    documents, domain = tuple(blocks), project.domain()
    whose, tags = (f", domain {domain}", [tag()]) if domain else ("", [])
    watched = project.carried(policy.work_pool, domain) if domain else policy.work_pool
    return [
        AutomationCore(
            name=f"{watched}: a check {watch.name}",
            description=f"Tells the channels of {environment} in policy.yml. Made by `nox -s alarms`.",
            tags=tags,
            trigger=watch.trigger,
            actions=[
                SendNotification(
                    block_document_id=document,
                    subject=f"{environment}: a check {watch.name}{whose}",
                    body=BODY % watch.says,
                )
                for document in documents
            ],
        )
        for watch in watches(policy.work_pool, None if watched == policy.work_pool else tag(), policy.longest_minutes)
    ]


def ensure(client: SyncPrefectClient, environment: str, policy: EnvironmentPolicy) -> list[tuple[str, str]]:
    """Creates or updates the automations by name; each with what was done. No channel, no automation."""
    if not policy.notifications:
        return []
    blocks = [document(client, channel.block) for channel in policy.notifications]
    return [(one.name, _ensure(client, one)) for one in declared(environment, policy, blocks)]


def unmet(client: SyncPrefectClient, environment: str, policy: EnvironmentPolicy) -> list[str]:
    """What is wrong with the automations of an environment: missing, switched off, or not as the policy says."""
    blocks = [document(client, channel.block) for channel in policy.notifications]
    problems = []
    for wanted in declared(environment, policy, blocks):
        there = [one for one in client.read_automations_by_name(wanted.name) if not other_domain(one.tags)]
        if not there:
            problems.append(f"the alarm '{wanted.name}' is not on the server")
        elif not there[0].enabled:
            problems.append(f"the alarm '{wanted.name}' is switched off; switch it on in Prefect")
        elif comparable(there[0]) != comparable(wanted.model_copy(update={"enabled": True})):
            problems.append(f"the alarm '{wanted.name}' is not as policy.yml says")
    return problems


def _ensure(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    there: list[Automation] = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(wanted)
        return "created"
    for one in there:
        if other := other_domain(one.tags):
            raise refused("automation", f"'{one.name}'", f"the domain {other}")
    for extra in there[1:]:
        client.delete_automation(extra.id)
    kept = wanted.model_copy(update={"enabled": there[0].enabled})
    if comparable(there[0]) == comparable(kept):
        return "current"
    client.update_automation(there[0].id, kept)
    return "updated"


def comparable(automation: AutomationCore) -> dict[str, Any]:
    """What can differ; in Python's values, as sets of events have no order in JSON."""
    fields = {"name", "description", "tags", "enabled", "trigger", "actions"}
    made: dict[str, Any] = AutomationCore.model_validate(automation.model_dump()).model_dump(include=fields)
    return made


def document(client: SyncPrefectClient, slug: str) -> UUID:
    """The saved block that a slug such as slack-webhook/orders names; ConfigurationError when there is none."""
    kind, _, name = slug.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise ConfigurationError(
            f"there is no saved block {slug}; save it with its credentials, then run this again"
        ) from None
