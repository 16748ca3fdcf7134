"""Drift between environments: the same rules in each, and a prefect.yaml that says what policy.yml does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import Contract
from quality.contract.policy import EnvironmentPolicy
from quality.drift.finding import Finding, Layer, differences
from quality.drift.rules import configuration
from quality.ladder.computed_file import differences as differences_of_file
from quality.ladder.entries import computed
from quality.ladder.prefect_file import PrefectFile

POLICY = frozenset(EnvironmentPolicy.model_fields)
"""What may differ between environments."""
SAME = tuple(field for field in Contract.model_fields if field not in {"dataset", "description", "sources", *POLICY})
"""What environments share; the source, too, where the contract names no other for one of them."""


def environments() -> Iterator[Finding]:
    """Where environments differ in more than policy, where prefect.yaml is stale, and each policy that differs.

    A contract that cannot be read is the layer of files to tell of.
    """
    for config in project.load_each(project.datasets())[0]:
        configs = _configs(config.dataset)
        yield from same_rules(config.dataset, {name: one.model_dump(mode="json") for name, one in configs.items()})
        yield from _policies(config.dataset, configs)
    yield from stale()


def stale() -> Iterator[Finding]:
    """Where prefect.yaml does not say what datasets and policy.yml give, and each dataset that nothing deploys."""
    for one in differences_of_file():
        subject = ", ".join(filter(None, (project.PREFECT_FILE, one.entry)))
        yield Finding.of(Layer.ENVIRONMENTS, subject, one.says, one.fix)
    yield from _undeployed(computed())


def _undeployed(file: PrefectFile) -> Iterator[Finding]:
    """A flow of the team's may check it in its own code, which no file says; without one, nothing does."""
    own = any(entry.dataset is None for entry in file.deployments)
    deployed = {entry.dataset for entry in file.deployments}
    for dataset in project.datasets():
        if dataset not in deployed:
            problem = f"policy.yml says that {dataset} is deployed nowhere" + (
                "; a flow of yours may check it" if own else ""
            )
            fix = "" if own else "take `false` away there, then run `nox -s entries`"
            yield Finding.of(Layer.ENVIRONMENTS, "policy.yml", problem, fix).model_copy(update={"note": own})


def _configs(dataset: str) -> dict[str, CheckConfig]:
    return {name: project.load(dataset, name) for name in project.policy().environments}


def same_rules(dataset: str, documents: Mapping[str, Mapping[str, Any]], place: str = "") -> Iterator[Finding]:
    """What differs between environments of one dataset and must not."""
    (first, one), *others = documents.items() if documents else [("", {})]
    same = [field for field in SAME if field != "source" or not project.contract(dataset).sources]
    for name, other in others:
        for field, git, found in configuration({f: one.get(f) for f in same}, {f: other.get(f) for f in same}):
            where, problem = f"{place}{dataset} in {name}", f"is not checked as in {first}"
            fix = "save both again with `nox -s drift -- --fix`"
            yield Finding.of(Layer.ENVIRONMENTS, where, problem, fix, heals=True).about(field, git, found)


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
