"""What a prefect.yaml that people wrote says otherwise than what is computed, kept in policy.yml: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from quality.cli.policy_file import PolicyFile
from quality.contract import project
from quality.contract.deployment_policy import BLOCK, DATASETS, FLOWS, SHORT
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.ladder.computed_file import STEPS, normal
from quality.ladder.entries import computed, entry_of
from quality.ladder.entry import CHECK, DeploymentEntry
from quality.ladder.prefect_file import PrefectFile, load_prefect_file

NOTHING = PrefectFile(deployments=[])
GAINED = ("description",)
"""What an entry may gain: where it said nothing, it meant nothing else."""


class Written(NamedTuple):
    """An entry as people wrote it, and as it is read."""

    raw: dict[str, Any]
    read: DeploymentEntry


def adopt() -> list[str]:
    """Writes into policy.yml what prefect.yaml says of its own; says what it wrote, a line each."""
    path = project.root() / project.PREFECT_FILE
    file = load_prefect_file(path)
    entries = [Written(*one) for one in zip(YamlFile(path).data()["deployments"], file.deployments, strict=True)]
    policy, told = PolicyFile(), []
    if project.policy().deployments.domain is None and file.name:
        policy.set(file.name, "domain")
        told.append(f"domain: {file.name}")
        policy.save()
    of_datasets, own = _sorted(entries)
    for place, value in _placed(_overrides(file, of_datasets)):
        policy.set(value, *place)
        told.append(f"{'.'.join(place)}: {value}")
    for one in own:
        flow = {key: value for key, value in one.raw.items() if key not in (*STEPS, "definitions")}
        policy.append(flow | {"name": one.read.name} | _steps(file, one.read), FLOWS)
        told.append(f"flows: {one.read.name}")
    policy.save()
    if lost := [*_lost(file, of_datasets, own)]:
        policy.restore()
        raise ConfigurationError("\n".join(lost))
    return told


def _lost(file: PrefectFile, of_datasets: Mapping[tuple[str, str], Written], own: list[Written]) -> Iterator[str]:
    """What would not be as it was, for each entry: then nothing is written."""
    made = {one.name: one for one in computed().deployments}
    for (dataset, environment), left in _overrides(file, of_datasets).items():
        if left:
            yield f"{dataset} in {environment}: policy.yml cannot say {left}; change prefect.yaml, then adopt it again"
    for one in own:
        if not (there := made.get(one.read.name)) or normal(NOTHING, there) != normal(file, one.read):
            yield f"{one.read.name}: policy.yml cannot say what it is; change prefect.yaml, then adopt it again"


def _sorted(entries: list[Written]) -> tuple[dict[tuple[str, str], Written], list[Written]]:
    """The first entry of each dataset and environment there is, and all others, which are flows of the team's own."""
    known = {(dataset, name) for dataset in project.datasets() for name in project.policy().environments}
    first: dict[tuple[str, str], Written] = {}
    own = []
    for one in entries:
        place = (str(one.read.dataset), str(one.read.environment))
        if one.read.entrypoint == CHECK and place in known and place not in first:
            first[place] = one
        else:
            own.append(one)
    return first, own


def _overrides(file: PrefectFile, entries: Mapping[tuple[str, str], Written]) -> dict[tuple[str, str], Any]:
    """By dataset and environment, what differs; False where it is deployed no more than before."""
    found: dict[tuple[str, str], Any] = {}
    for dataset in project.datasets():
        for environment in project.policy().environments:
            if project.policy().deployments.of(dataset, environment) is None:
                continue
            one = entries.get((dataset, environment))
            found[dataset, environment] = (
                False if one is None else _differing(file, one, entry_of(dataset, environment))
            )
    return found


def _differing(file: PrefectFile, one: Written, made: DeploymentEntry) -> dict[str, Any]:
    """The fields of an entry that are not as computed, in the words in which they were written."""
    ours, theirs = normal(NOTHING, made), normal(file, one.read)
    found: dict[str, Any] = {}
    for key, value in theirs.items():
        if value == ours[key] or (key in GAINED and value is None):
            continue
        if key == "tags":
            more = [tag for tag in one.read.tags if tag not in made.tags]
            found |= {"tags": more} if more else {}
        elif key == "work_pool":
            found |= _short(_more(value, ours[key]))
        elif key == "parameters":
            given = _more(value, ours[key])
            found |= {key: given} if given else {}
        else:
            found[key] = _as_written(one, key, value)
    return found


def _as_written(one: Written, key: str, value: Any) -> Any:
    """A field in the words of the file; what only its reading gives, as it is read."""
    if key == "schedules" and key not in one.raw:
        return [one.raw["schedule"]] if "schedule" in one.raw else []
    return value if key == "name" or key in STEPS else one.raw.get(key, value)


def _short(pool: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a work pool, by the short names of its fields."""
    short = {mine: pool[theirs] for mine, theirs in SHORT.items() if theirs in pool}
    return short | ({"work_pool": {"name": pool["name"]}} if "name" in pool else {})


def _more(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """What a mapping says beyond another one, or otherwise."""
    found: dict[str, Any] = {}
    for key, value in theirs.items():
        if key in ours and isinstance(value, dict) and isinstance(ours[key], dict):
            if inner := _more(value, ours[key]):
                found[key] = inner
        elif key not in ours or ours[key] != value:
            found[key] = value
    return found


def _placed(overrides: dict[tuple[str, str], Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value at its place: of an environment where all its datasets have it in common, else of the dataset."""
    for environment in project.policy().environments:
        here = {dataset: said for (dataset, name), said in overrides.items() if name == environment}
        block = ("environments", environment, BLOCK)
        if here and all(said is False for said in here.values()):
            yield block, False
            continue
        common = _common(environment, list(here.values()))
        for key, value in common.items():
            yield (*block, key), value
        for dataset, said in here.items():
            if said is False:
                yield (*block, DATASETS, dataset), False
            for key, value in (said or {}).items():
                if key not in common:
                    yield (*block, DATASETS, dataset, key), value


def _common(environment: str, said: list[Any]) -> dict[str, Any]:
    """What every dataset of an environment has in common; its schedules only where the policy has none of its own."""
    if not said or any(one is False for one in said):
        return {}
    alone = {"name"} | ({"schedules"} if project.policy().of(environment).schedule else set())
    first, *others = said
    return {k: v for k, v in first.items() if k not in alone and all(k in one and one[k] == v for one in others)}


def _steps(file: PrefectFile, entry: DeploymentEntry) -> dict[str, Any]:
    """The steps of an entry, the file's where it names none; none at all need no words."""
    return {key: value for key in STEPS if (value := normal(file, entry)[key])}
