"""Drift between environments: the same rules in each, and one word about each in policy.yml and prefect.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import Contract
from quality.contract.policy import EnvironmentPolicy
from quality.drift.finding import NOTHING, Finding, Layer, differences
from quality.drift.rules import configuration
from quality.ladder.prefect_file import CHECK, DeploymentEntry, PrefectFile

POLICY = frozenset(EnvironmentPolicy.model_fields)
"""What may differ between environments."""
SAME = tuple(field for field in Contract.model_fields if field not in {"dataset", "description", *POLICY})
"""What environments share."""


def environments(file: PrefectFile) -> Iterator[Finding]:
    """Where environments differ in more than policy, where two files disagree on one, and each policy that differs.

    A contract that cannot be read is the layer of files to tell of.
    """
    for dataset in _readable():
        configs = _configs(dataset)
        yield from same_rules(dataset, {name: config.model_dump(mode="json") for name, config in configs.items()})
        yield from _policies(dataset, configs)
    yield from disagreements(file)


def disagreements(file: PrefectFile) -> Iterator[Finding]:
    """Where prefect.yaml and policy.yml disagree on what is checked, where and when; own flows are the team's."""
    yield from _unknown(file, tuple(project.policy().environments))
    for dataset in _readable():
        configs, entries = _configs(dataset), [entry for entry in file.deployments if entry.dataset == dataset]
        for entry in entries:
            if (config := configs.get(str(entry.environment))) is not None:
                yield from deployed_otherwise(entry, config)
        deployed = sorted({str(entry.environment) for entry in entries})
        for name in configs if deployed else ():
            if name not in deployed:
                problem = f"{dataset} is deployed in {' and '.join(deployed)} and not in {name}"
                yield Finding.of(
                    Layer.ENVIRONMENTS, f"prefect.yaml, {name}", problem, "copy a deployment of another environment"
                )
        if not deployed:
            yield _undeployed(file, dataset)


def _readable() -> list[str]:
    """The datasets whose contract can be read."""
    return [config.dataset for config in project.load_each(project.datasets())[0]]


def _configs(dataset: str) -> dict[str, CheckConfig]:
    return {name: project.load(dataset, name) for name in project.policy().environments}


def same_rules(dataset: str, documents: Mapping[str, Mapping[str, Any]], place: str = "") -> Iterator[Finding]:
    """What differs between environments of one dataset and must not."""
    (first, one), *others = documents.items() if documents else [("", {})]
    for name, other in others:
        for field, git, found in configuration({f: one.get(f) for f in SAME}, {f: other.get(f) for f in SAME}):
            where, problem = f"{place}{dataset} in {name}", f"is not checked as in {first}"
            fix = "save both again with `nox -s drift -- --fix`"
            yield Finding.of(Layer.ENVIRONMENTS, where, problem, fix, heals=True).about(field, git, found)


def _unknown(file: PrefectFile, environments: tuple[str, ...]) -> Iterator[Finding]:
    """Deployments of the blessed flow that name no dataset or environment of this repository."""
    for entry in (entry for entry in file.deployments if entry.entrypoint == CHECK):
        subject = f"prefect.yaml, {entry.name}"
        if entry.dataset not in project.datasets():
            problem = f"there is no dataset {entry.dataset}" if entry.dataset else "its parameters name no dataset"
            yield Finding.of(
                Layer.ENVIRONMENTS, subject, problem, "name a dataset that has a contract, or delete the deployment"
            )
        if entry.environment not in environments:
            problem = f"policy.yml has no environment {entry.environment}"
            problem = problem if entry.environment else "its parameters name no environment"
            yield Finding.of(Layer.ENVIRONMENTS, subject, problem, "add it to policy.yml, or delete the deployment")


def _undeployed(file: PrefectFile, dataset: str) -> Finding:
    """A flow of the team's may check it in its own code, which no file says; without one, nothing does."""
    if any(entry.entrypoint != CHECK for entry in file.deployments):
        problem = f"no deployment of {CHECK.rpartition('.')[2]} checks {dataset}; a flow of yours may"
        return Finding.of(Layer.ENVIRONMENTS, "prefect.yaml", problem, "").model_copy(update={"note": True})
    return Finding.of(
        Layer.ENVIRONMENTS, "prefect.yaml", f"{dataset} is not deployed", "copy a deployment of another dataset"
    )


def deployed_otherwise(entry: DeploymentEntry, config: CheckConfig) -> Iterator[Finding]:
    """Where prefect.yaml and policy.yml, which both have the pool and the schedule, do not say the same."""
    crons = [schedule.cron for schedule in entry.schedules if schedule.active]
    said = {"work_pool": entry.work_pool.name, "schedule": crons[0] if len(crons) == 1 else crons or None}
    for field, git, found in differences({"work_pool": config.work_pool, "schedule": config.schedule}, said):
        problem = f"prefect.yaml says {found or NOTHING} for {field}, policy.yml {git or NOTHING}"
        yield Finding.of(
            Layer.ENVIRONMENTS, f"prefect.yaml, {entry.name}", problem, "make them agree, then `nox -s deployment`"
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
