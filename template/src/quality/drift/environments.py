"""Drift between environments: the same rules in each, and one word about each in policy.yml and prefect.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.drift.finding import Finding, Layer, differences
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile

POLICY = (
    "fail_on_error",
    "warning_threshold",
    "sample_rows",
    "retries",
    "cache",
    "notifications",
    "schedule",
    "work_pool",
    "history",
    "remind_after_hours",
    "lineage",
)
SAME = ("rules", "key", "sensitive", "source", "allow_empty", "owner", "quarantine")
"""What environments share; the rest of a configuration is policy, and may differ."""


def environments(file: PrefectFile) -> Iterator[Finding]:
    """Where environments differ in more than policy, where two files disagree on one, and each policy that differs.

    A contract that cannot be read is the layer of files to tell of.
    """
    names = tuple(project.policy().environments)
    yield from _unknown(file, names)
    readable = {config.dataset for config in project.load_each(project.datasets())[0]}
    for dataset in sorted(readable):
        configs = {name: project.load(dataset, name) for name in names}
        yield from same_rules(dataset, {name: config.model_dump(mode="json") for name, config in configs.items()})
        yield from _policies(dataset, configs)
        deployed = {entry.environment: entry for entry in file.deployments if entry.dataset == dataset}
        for name, config in configs.items():
            if name in deployed:
                yield from _deployed(deployed[name], config)
            elif deployed:
                others = " and ".join(sorted(str(other) for other in deployed))
                problem = f"{dataset} is deployed in {others} and not in {name}"
                yield _finding(f"prefect.yaml, {name}", problem, "copy a deployment of another environment")


def same_rules(dataset: str, documents: Mapping[str, Mapping[str, Any]], place: str = "") -> Iterator[Finding]:
    """What differs between environments of one dataset and must not."""
    (first, one), *others = documents.items() if documents else [("", {})]
    for name, other in others:
        for field, git, found in differences({f: one.get(f) for f in SAME}, {f: other.get(f) for f in SAME}):
            yield Finding(
                layer=Layer.ENVIRONMENTS,
                subject=f"{place}{dataset} in {name}",
                problem=f"is not checked as in {first}",
                field=field,
                git=git,
                found=found,
                fix="save both again with `nox -s drift -- --fix`",
                heals=True,
            )


def _unknown(file: PrefectFile, names: tuple[str, ...]) -> Iterator[Finding]:
    for entry in file.deployments:
        if entry.dataset and entry.environment not in names:
            problem = f"policy.yml has no environment {entry.environment}"
            yield _finding(f"prefect.yaml, {entry.name}", problem, "add it to policy.yml, or delete the deployment")


def _deployed(entry: DeploymentEntry, config: CheckConfig) -> Iterator[Finding]:
    """Pool and schedule are written in two files; both say the same."""
    crons = [schedule.cron for schedule in entry.schedules if schedule.active]
    said = {"work_pool": entry.work_pool.name, "schedule": crons[0] if len(crons) == 1 else crons or None}
    for field, git, found in differences({"work_pool": config.work_pool, "schedule": config.schedule}, said):
        problem = f"prefect.yaml says {found!r} for {field}, policy.yml says {git!r}"
        yield _finding(f"prefect.yaml, {entry.name}", problem, "make them agree, then `nox -s deployment`")


def _policies(dataset: str, configs: Mapping[str, CheckConfig]) -> Iterator[Finding]:
    documents = {name: config.model_dump(mode="json", include=set(POLICY)) for name, config in configs.items()}
    (first, one), *others = documents.items()
    for name, other in others:
        said = [f"{field} {was!r} → {now!r}" for field, was, now in differences(one, other) if "reason" not in field]
        if said:
            note = _finding(f"{dataset}, {first} → {name}", f"policy differs: {', '.join(said)}", "")
            yield note.model_copy(update={"note": True})


def _finding(subject: str, problem: str, fix: str) -> Finding:
    return Finding(layer=Layer.ENVIRONMENTS, subject=subject, problem=problem, fix=fix)
