"""Evidence of each rung: what ran, on which configuration, with what result; committed and reviewed in `rollout/`."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.judging_code import judging_digest
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.result import CheckResult
from quality.values import Frozen, Status


class Rung(StrEnum):
    """The rollout ladder, from the ground up."""

    TASK = "task"
    BLOCK = "block"
    FLOW = "flow"
    DEPLOYMENT = "deployment"

    @property
    def below(self) -> Rung | None:
        """The rung that comes before."""
        rungs = list(Rung)
        return rungs[rungs.index(self) - 1] if self is not Rung.TASK else None


class Check(Frozen):
    """One line of a checklist: whether it is met, what was seen, and the exact fix when it is not."""

    name: str
    ok: bool
    seen: str
    fix: str | None = None


class Evidence(Frozen):
    """What one run proved about a dataset in one environment."""

    dataset: str
    environment: str
    rung: str
    fingerprint: str
    template_version: str
    compatibility: str
    judged_by: str | None = Field(None, description="Digest of the code that judged; none before evidence named it.")
    recorded: datetime
    status: Status | None = None
    passed_count: int = 0
    failed_count: int = 0
    total_count: int = 0
    row_count: int | None = None
    checks: tuple[Check, ...] = ()
    references: dict[str, str] = Field(
        {}, description="Ids and keys of the run: flow_run, deployment, block, artifacts."
    )


class EvidenceFile(Frozen):
    """The newest evidence of one dataset and rung, for each environment."""

    environments: dict[str, Evidence]


def of(
    result: CheckResult, rung: str, references: dict[str, str] | None = None, checks: tuple[Check, ...] = ()
) -> Evidence:
    """The evidence that a result is; ConfigurationError for that of a partition, which proves nothing of the whole."""
    about = result.metadata
    if about.partition is not None:
        raise ConfigurationError(f"{about.subject}: one partition proves no rung of the whole dataset")
    return Evidence(
        dataset=about.dataset,
        environment=about.environment or "none",
        rung=rung,
        fingerprint=about.fingerprint or "none",
        template_version=about.template_version or "none",
        compatibility=about.compatibility or "none",
        judged_by=about.judged_by,
        recorded=result.timestamp,
        status=result.status,
        passed_count=result.passed_count,
        failed_count=result.failed_count,
        total_count=result.total_count,
        row_count=result.row_count,
        checks=checks,
        references=references or {},
    )


def checked(config: CheckConfig, rung: str, checks: tuple[Check, ...]) -> Evidence:
    """The evidence that a checklist is."""
    return Evidence(
        dataset=config.dataset,
        environment=config.environment or "none",
        rung=rung,
        fingerprint=config.fingerprint,
        template_version=project.template_version(),
        compatibility=project.compatibility(),
        judged_by=judging_digest(),
        recorded=datetime.now(UTC),
        checks=checks,
    )


def place(dataset: str, rung: str) -> Path:
    """Where the evidence of a dataset and rung lies."""
    return project.root() / "rollout" / "evidence" / f"{dataset}.{rung}.json"


def read(dataset: str, rung: str) -> dict[str, Evidence]:
    """The evidence by environment; ConfigurationError for a file that is incomplete."""
    path = place(dataset, rung)
    if not path.exists():
        return {}
    try:
        return EvidenceFile.model_validate_json(path.read_text("utf-8")).environments
    except (ValidationError, ValueError):
        where = path.relative_to(project.root())
        raise ConfigurationError(
            f"{where} is incomplete; delete it and run `nox -s {rung} -- {dataset}` again"
        ) from None


def record(evidence: Evidence) -> Path:
    """Writes evidence that proves something new beside that of other environments; a crash leaves old or new, whole.

    A line that is not met takes nothing back that other code proved of the same configuration: that stays to be proved
    again.
    """
    try:
        known = read(evidence.dataset, evidence.rung)
    except ConfigurationError:
        known = {}
    path = place(evidence.dataset, evidence.rung)
    there = known.get(evidence.environment)
    if there is not None and _proves(there) == _proves(evidence) and there.recorded <= evidence.recorded:
        return path
    unmet = any(not check.ok for check in evidence.checks)
    if unmet and there is not None and flaw(there, evidence.fingerprint) is None and outdated(there):
        return path
    environments = dict(sorted({**known, evidence.environment: evidence}.items()))
    write_whole(path, EvidenceFile(environments=environments).model_dump_json(indent=2) + "\n")
    return path


def _proves(evidence: Evidence) -> Evidence:
    """Evidence without what differs between two runs that prove the same."""
    return evidence.model_copy(update={"recorded": None, "references": {}, "template_version": ""})


def flaw(evidence: Evidence | None, fingerprint: str) -> str | None:
    """Why evidence does not count for a configuration, whatever code has judged; None when it does."""
    if evidence is None:
        return "it has not run"
    if evidence.fingerprint != fingerprint:
        return f"the configuration changed since ({evidence.fingerprint} then, {fingerprint} now)"
    if evidence.recorded > datetime.now(UTC):
        return f"it is dated in the future ({evidence.recorded:%Y-%m-%d %H:%M} UTC); a clock is wrong"
    if evidence.status not in (Status.PASSED, Status.WARNING, None):
        return f"its verdict was {evidence.status}"
    return next((f"{check.name}: {check.seen}" for check in evidence.checks if not check.ok), None)


def outdated(evidence: Evidence) -> str | None:
    """Why evidence that counts has to be given again: other code judged then. None where it is the code of now."""
    if evidence.judged_by == judging_digest():
        return None
    return f"proved on {evidence.template_version}, prove again"
