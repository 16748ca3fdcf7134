"""What each verb finds, as the one JSON document that `--json` prints; docs/schemas/ has the JSON Schemas of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from quality.drift.finding import Finding, Layer
from quality.history.partitions import Alone
from quality.history.series import Trend
from quality.masking import Shown
from quality.result import CheckResult
from quality.rollout.evidence import Check, Rung
from quality.rollout.scorecard import Standing
from quality.values import Frozen


class Answer(Frozen):
    """What every verb says: its name, its exit code, and why it could not do its work, where it could not."""

    verb: str
    exit_code: int = Field(0, description="0 good, 1 FAILED or refused, 2 wrong use or files, 3 could not be judged.")
    problem: Shown | None = Field(
        None, description="Why the verb, or a part of it, could not be done; a line for each."
    )


class Entry(Frozen):
    """What a verb found of one dataset in one environment; of one that it could not look at, the problem."""

    dataset: str
    environment: str | None
    exit_code: int = Field(0, description="0 good, 1 FAILED or refused, 2 wrong use or files, 3 could not be judged.")
    problem: Shown | None = Field(None, description="Why nothing was found; a line for each mistake.")


def outcome(entries: Iterable[Entry]) -> dict[str, Any]:
    """What an answer says of all its entries: the worst exit code, and every problem."""
    there = tuple(entries)
    problems = [one.problem for one in there if one.problem is not None]
    return {"exit_code": max((one.exit_code for one in there), default=0), "problem": "\n".join(problems) or None}


class Compared(Frozen):
    """Whether a path gave the result of the engine alone; where not, the fields that differ, and how."""

    path: str
    equal: bool
    differs: dict[str, str] = Field({})


class RungRun(Entry):
    """One dataset on a rung: the verdict of the engine alone, and each path on which it was reached again."""

    result: CheckResult | None = Field(None, description="Null where nothing was judged, for the reason in problem.")
    paths: tuple[Compared, ...] = ()
    evidence: str | None = Field(None, description="The file of the repository that proves the run.")


class Rungs(Answer):
    """task, block, flow, deployment: the verdict on each dataset, and whether every path agrees."""

    verb: Literal["task", "block", "flow", "deployment"]
    runs: tuple[RungRun, ...] = ()
    paused: dict[str, Check] = Field({}, description="Deployments that are not promoted, with the missing line.")

    @classmethod
    def of(cls, verb: str, runs: tuple[RungRun, ...], paused: Mapping[str, Check] = MappingProxyType({})) -> Rungs:
        """The answer with the worst exit code of its runs."""
        return cls(verb=verb, runs=runs, paused=dict(paused), **outcome(runs))


class Looked(Frozen):
    """One thing that doctor looked at. `code` is 0 when it is as it should be, 2 for files, 3 for data and a server."""

    subject: str
    said: Shown
    code: int = 0
    note: bool = Field(False, description="Worth knowing, and as it should be where it is meant.")


class Doctor(Answer):
    """doctor: everything that was looked at."""

    verb: Literal["doctor"]
    findings: tuple[Looked, ...] = ()


class Written(Answer):
    """rules: the files that were not current, and are now."""

    verb: Literal["rules"]
    written: tuple[str, ...] = ()


class Changed(Frozen):
    """A rule, or a field, of a contract that its data says otherwise. What is `yours` people wrote: it stays."""

    what: Literal["added", "widened", "changed", "dropped", "yours"]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    why: Shown


class Entries(Answer):
    """entries, add, remove, environment-add: what was written, kept in policy.yml, or found to be stale."""

    verb: Literal["entries", "add", "remove", "environment-add"]
    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = Field((), description="What policy.yml says now, as prefect.yaml said it alone.")
    stale: tuple[str, ...] = Field((), description="What prefect.yaml says otherwise; looked for with --check only.")
    changes: tuple[Changed, ...] = Field((), description="What data says otherwise than a contract that add was given.")


class Arrived(Answer):
    """arrived: the resources whose data was said to be there."""

    verb: Literal["arrived"]
    resources: tuple[str, ...] = ()


class Again(Frozen):
    """A dataset in an environment that is to be proved again, since which release of the template, and how."""

    dataset: str
    environment: str
    said: str
    fix: str


class Status(Answer):
    """status: where every dataset stands, what rollout/ claims beyond its evidence, and what runs without it."""

    verb: Literal["status"]
    standings: tuple[Standing, ...] = ()
    again: tuple[Again, ...] = Field((), description="What other code has proved than judges now; no false claim.")
    claims: tuple[str, ...] = Field((), description="Looked for with --check only.")
    stale: tuple[str, ...] = Field((), description="What prefect.yaml says otherwise than policy.yml.")
    active: tuple[str, ...] = Field((), description="Deployments that are active and not promoted; with --check only.")
    unseen: str | None = Field(None, description="Why nobody looked at the server, with --check.")


class Promotion(Entry):
    """One dataset and the checklist of the rung."""

    promoted: bool = False
    checks: tuple[Check, ...] = ()


class Promoted(Answer):
    """promote: which datasets met every line of the checklist, and the fix for each line that is not met."""

    verb: Literal["promote"]
    rung: str | None = None
    datasets: tuple[Promotion, ...] = ()


class Climbed(Entry):
    """One dataset that was proved again: the rungs that it had reached, and those that were proved and promoted now."""

    had: tuple[Rung, ...] = ()
    proved: tuple[Rung, ...] = ()
    promoted: tuple[Rung, ...] = ()


class Climb(Answer):
    """climb: every dataset and environment that had evidence, proved again."""

    verb: Literal["climb"]
    datasets: tuple[Climbed, ...] = ()


class Drift(Answer):
    """drift: what differs from the repository, what was healed, and which layers nobody looked at."""

    verb: Literal["drift"]
    findings: tuple[Finding, ...] = ()
    healed: tuple[str, ...] = ()
    unseen: dict[Layer, str] = Field({}, description="Why a layer was not looked at.")
    drifted: int = Field(0, description="How many findings are more than notes.")


class Run(Frozen):
    """One run, as history remembers it."""

    run: str
    at: datetime
    status: str
    rows: int | None
    bytes: int | None
    duration_ms: float
    not_passed: int
    fingerprint: str | None
    partition: str | None = Field(None, description="The partition that was judged alone.")


class Message(Frozen):
    """What was due to a channel, and whether it was delivered."""

    at: datetime
    rule: str
    kind: str
    channel: str
    block: str
    ok: bool
    note: str | None
    partition: str | None = Field(None, description="The partition whose incident it is.")


class Past(Entry):
    """The history of one dataset in one environment."""

    runs: tuple[Run, ...] = ()
    trends: tuple[Trend, ...] = ()
    messages: tuple[Message, ...] = ()
    apart: tuple[Alone, ...] = Field((), description="The runs of partitions that were judged alone.")


class History(Answer):
    """history: runs, oldest first, the number of every rule in each of them, and messages."""

    verb: Literal["history"]
    datasets: tuple[Past, ...] = ()


class Report(Entry):
    """The report of the last run of a dataset."""

    path: str | None = None


class Reports(Answer):
    """report: the pages that were written."""

    verb: Literal["report"]
    reports: tuple[Report, ...] = ()


class Released(Entry):
    """Quarantined rows that were judged anew: those that passed were released, the others stay."""

    rows: int = 0
    released: int = 0
    stay: int = 0
    partitions: dict[str, int] = Field(
        {},
        description="Rows in quarantine of partitions that were judged alone; each is redriven by its name.",
    )


class Redriven(Answer):
    """redrive: each dataset that asks for a quarantine."""

    verb: Literal["redrive"]
    datasets: tuple[Released, ...] = ()


class Alarm(Frozen):
    """One automation of the server, and what was done to it: created, updated, or nothing, as it is current."""

    environment: str
    name: str
    done: str


class Alarms(Answer):
    """alarms: the automations of each environment that has a channel."""

    verb: Literal["alarms"]
    automations: tuple[Alarm, ...] = ()
