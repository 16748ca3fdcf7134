"""The checklist before promotion: each line proved by doing what it says, each refusal with its exact fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient

from quality import checking
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.ownership import belongs, way_out
from quality.contract.policy import Notification
from quality.errors import ConfigurationError
from quality.ladder.block import DataQualityBlock, block_name, block_of, load_block, owner_of
from quality.ladder.flows import check_dataset
from quality.ladder.policy_page import POLICY_PAGE, policy_row, rows_about
from quality.ladder.states import is_machinery
from quality.ladder.tasks import check_task
from quality.learning.challenge import challenge
from quality.masking import masked, masked_value
from quality.operations import alarms, notifications
from quality.reporting.artifacts import ArtifactType, dataset_key
from quality.rollout import evidence
from quality.rollout.evidence import Check, Rung
from quality.rollout.pins import unpinned
from quality.rollout.scorecard import CHECKLIST
from quality.rollout.shapes import shapes
from quality.server import artifact_of
from quality.texts import percent_of

KINDS: tuple[ArtifactType, ...] = ("markdown", "table", "result")
Problem = tuple[str, str]
_told: ContextVar[dict[str, notifications.Delivery]] = ContextVar("told")
"""The channels that were tested in this session."""
Line = Callable[[CheckConfig, Rung, SyncPrefectClient], Iterable[Problem]]


def checklist(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> tuple[Check, ...]:
    """The lines of the checklist for a dataset that is to climb to this rung: the alarms are for the last alone."""
    asked = (one for one in LINES if one[2] is not alarmed or rung is Rung.DEPLOYMENT)
    return tuple(_line(name, met, line, config, rung, client) for name, met, line in asked)


def _line(name: str, met: str, line: Line, config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Check:
    problems = list(line(config, rung, client))
    if not problems:
        return Check(name=name, ok=True, seen=met)
    return Check(
        name=name, ok=False, seen=masked("; ".join(p for p, _ in problems)), fix="; ".join(dict(problems).values())
    )


def ran(config: CheckConfig, rung: Rung) -> Check:
    """Whether the rung itself, and every rung below it, ran on this configuration, judged by the code of now."""
    for needed in (one for one in Rung if list(Rung).index(one) <= list(Rung).index(rung)):
        try:
            found = evidence.read(config.dataset, needed).get(str(config.environment))
            problem = evidence.flaw(found, config.fingerprint) or (found and evidence.outdated(found))
        except ConfigurationError as error:
            problem = str(error)
        if problem:
            fix = f"nox -s {needed} -- {config.dataset} --env {config.environment}"
            return Check(name=f"the rung {needed} ran", ok=False, seen=problem, fix=fix)
    return Check(name=f"the rung {rung} ran", ok=True, seen="on this configuration, and so did those below it")


def reproducible(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Iterable[Problem]:
    """The saved block equals git, survives a round trip unchanged and judges the same; the environment is pinned."""
    name = block_name(config.dataset, str(config.environment))
    save = f"nox -s block -- {config.dataset} --env {config.environment}"
    if (found := block_of(client, name)) and (other := owner_of(found.data, config)):
        yield f"the saved block {name} {belongs(other)}", way_out("block")
        return
    try:
        block = load_block(name)
    except ConfigurationError as error:
        yield str(error), save
        return
    git, saved = DataQualityBlock.from_config(config), block
    fields = [f for f in DataQualityBlock.model_fields if getattr(git, f) != getattr(saved, f)]
    for field in fields:
        yield (
            f"the saved block's {field} is {shown(saved, field)!r}, the repository says {shown(git, field)!r}",
            save,
        )
    before = _document(client, name)
    now = datetime.now(UTC)
    kept = checking.caught(lambda: block.check(now=now))
    block.save(name, overwrite=True)
    if _document(client, name) != before:
        yield "loading, checking and saving the block changed it", save
    if not fields and kept.comparable() != checking.check(None, config, now=now).comparable():
        yield "the saved block judges otherwise than the contract", save
    for package, wanted, there in unpinned()[:1]:
        yield f"{package} is {there}, the pinned tuple says {wanted}", "run it with nox, or `nox -s doctor`"


def shown(block: DataQualityBlock, field: str) -> Any:
    """The field of a block as a person may read it."""
    return masked_value(getattr(block, field), field)


def _document(client: SyncPrefectClient, name: str) -> Any:
    found = block_of(client, name)
    return found.data if found else None


def policy_documented(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Iterable[Problem]:
    """What the task really carries is what policy.yml says, and docs/policy.md says so of this dataset."""
    task = check_task(config)
    carried = f"{task.retries} retries, {task.retry_delay_seconds} s apart"
    stated = f"{config.retries.count} retries, {config.retries.delay_seconds} s apart"
    if carried != stated:
        yield f"the task carries {carried}, policy.yml says {stated}", "nox -s restore"
    if task.retry_condition_fn is not is_machinery or check_dataset.retries:
        yield "a failed verdict could be retried", "nox -s restore"
    page = project.root() / POLICY_PAGE
    if not page.exists() or _rows_about(config, page) != [policy_row(config)]:
        yield f"{POLICY_PAGE} is not what the tasks carry", "nox -s rules"


def _rows_about(config: CheckConfig, page: Path) -> list[str]:
    return rows_about(config.dataset, str(config.environment), page.read_text("utf-8"))


def wired(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Iterable[Problem]:
    """A run's artifacts are read back from the API, and a test message reaches every channel."""
    again = f"nox -s flow -- {config.dataset} --env {config.environment}"
    ran: Any = check_dataset
    run = ran(config.dataset, config.environment, return_state=True).state_details.flow_run_id
    for kind in KINDS:
        if artifact_of(client, run, kind) is None:
            yield f"the run left no {kind} artifact under {dataset_key(config.dataset, config.environment)}", again
    if not config.notifications and rung is Rung.DEPLOYMENT:
        yield "no channel is notified", f"name one under notifications in policy.yml for {config.environment}"
    for channel in config.notifications:
        if not (said := _tested(channel, config)).ok:
            yield f"{said.block} did not take a test message: {said.problem}", f"fix or save the block {said.block}"


def _tested(channel: Notification, config: CheckConfig) -> notifications.Delivery:
    """What became of a test message to a channel, of which a session sends one for all datasets."""
    told, name = _told.get({}), channel.model_dump_json()
    if name not in told:
        told[name] = notifications.test(channel, config)
    return told[name]


@contextmanager
def one_message_each() -> Iterator[None]:
    """Within this, a channel that took a test message is asked to take no other."""
    before = _told.set({})
    try:
        yield
    finally:
        _told.reset(before)


def alarmed(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Iterable[Problem]:
    """What runs by itself has the automations that tell of a run which cannot tell of itself."""
    if rung is not Rung.DEPLOYMENT:
        return
    environment = str(config.environment)
    again = f"nox -s alarms -- --env {environment}"
    if not config.notifications:
        yield "nobody would be told of a run that dies", f"name a channel in policy.yml for {environment}, then {again}"
        return
    try:
        problems = alarms.unmet(client, environment, project.policy().of(environment))
    except ConfigurationError as error:
        problems = [str(error)]
    if problems:
        yield "; ".join(problems), again


def representative(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Iterable[Problem]:
    """Every shape of the data has its stated outcome."""
    for check in shapes(config)[1]:
        if not check.ok:
            yield f"{check.name}: {check.seen}", str(check.fix)


def challenged(config: CheckConfig, rung: Rung, client: SyncPrefectClient) -> Iterable[Problem]:
    """The rules notice enough of what can go wrong, asked before a flow gates on them; once met, it stays met."""
    if config.challenge is None or rung is Rung.BLOCK or was_promoted(config, rung):
        return
    frame = checking.open_frame(None, config)
    found = challenge(frame, config.rules, config.key, propose=False)
    if found.score is not None and found.score < config.challenge:
        seen, wanted = percent_of(found.score, config.challenge), percent_of(config.challenge, found.score)
        fix = f"nox -s challenge -- {config.dataset} --env {config.environment} proposes the rules that would"
        yield f"the rules notice {seen} of {found.cases} corruptions, and policy.yml asks for {wanted}", fix


def was_promoted(config: CheckConfig, rung: Rung) -> bool:
    """Whether this very configuration met the checklist of the rung before, be it that of an earlier release."""
    try:
        found = evidence.read(config.dataset, f"{CHECKLIST}-{rung}").get(str(config.environment))
    except ConfigurationError:
        return False
    if found is None or found.fingerprint != config.fingerprint:
        return False
    return all(check.ok for check in found.checks)


LINES: tuple[tuple[str, str, Line], ...] = (
    ("explicit and reproducible", "block, git and results are equal; the environment is pinned", reproducible),
    ("retry and cache policy documented", "docs/policy.md says what the tasks carry", policy_documented),
    (
        "artifacts and notifications wired",
        "artifacts were read back; every channel named took a message",
        wired,
    ),
    (
        "alarms set",
        "a run that crashes, goes silent or never starts is told of, where runs start by themselves",
        alarmed,
    ),
    ("representative shapes", "every shape has its stated outcome", representative),
    ("rules that notice", "enough corruptions of the data are noticed, or the rung asks for none", challenged),
)
