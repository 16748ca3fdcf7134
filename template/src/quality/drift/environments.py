"""Drift between environments: the same rules in each, and one word about each in policy.yml and prefect.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import Contract
from quality.contract.policy import EnvironmentPolicy
from quality.drift.finding import NOTHING, Finding, Layer, differences
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile

POLICY = frozenset(EnvironmentPolicy.model_fields)
"""What may differ between environments."""
SAME = tuple(field for field in Contract.model_fields if field not in {"dataset", "description", *POLICY})
"""What environments share."""


def environments(file: PrefectFile) -> Iterator[Finding]:
    """Where environments differ in more than policy, where two files disagree on one, and each policy that differs."""
    names = tuple(project.policy().environments)
    yield from _unknown(file, names)
    for dataset in project.datasets():
        configs = {name: project.load(dataset, name) for name in names}
        yield from same_rules(dataset, {name: config.model_dump(mode="json") for name, config in configs.items()})
        yield from _policies(dataset, configs)
        deployed = {entry.environment: entry for entry in file.deployments if entry.dataset == dataset}
        for name, config in configs.items():
            if name in deployed:
                yield from deployed_otherwise(deployed[name], config)
            elif deployed:
                others = " and ".join(sorted(str(other) for other in deployed))
                problem = f"{dataset} is deployed in {others} and not in {name}"
                yield Finding.of(
                    Layer.ENVIRONMENTS, f"prefect.yaml, {name}", problem, "copy a deployment of another environment"
                )


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
            yield Finding.of(
                Layer.ENVIRONMENTS,
                f"prefect.yaml, {entry.name}",
                problem,
                "add it to policy.yml, or delete the deployment",
            )


def deployed_otherwise(entry: DeploymentEntry, config: CheckConfig) -> Iterator[Finding]:
    """Where prefect.yaml and policy.yml, which both have the pool and the schedule, do not say the same."""
    crons = [schedule.cron for schedule in entry.schedules if schedule.active]
    said = {"work_pool": entry.work_pool.name, "schedule": crons[0] if len(crons) == 1 else crons or None}
    for field, git, found in differences({"work_pool": config.work_pool, "schedule": config.schedule}, said):
        problem = f"prefect.yaml says {found or NOTHING} for {field}, policy.yml {git or NOTHING}"
        yield Finding.of(
            Layer.ENVIRONMENTS, f"prefect.yaml, {entry.name}", problem, "make them equal, then `nox -s deployment`"
        )


def _policies(dataset: str, configs: Mapping[str, CheckConfig]) -> Iterator[Finding]:
    documents = {name: config.model_dump(mode="json", include=set(POLICY)) for name, config in configs.items()}
    (first, one), *others = documents.items()
    for name, other in others:
        said = [f"{field} {was!r} → {now!r}" for field, was, now in differences(one, other) if "reason" not in field]
        if said:
            note = Finding.of(
                Layer.ENVIRONMENTS, f"{dataset}, {first} → {name}", f"policy differs: {', '.join(said)}", ""
            )
            yield note.model_copy(update={"note": True})
