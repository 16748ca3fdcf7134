"""prefect.yaml is computed: an entry for each dataset in each environment, as policy.yml says, and each own flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from quality.contract import project
from quality.contract.complaints import Complaints
from quality.contract.deployment_policy import DATASETS, ENVIRONMENT, SHORT, Said
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.ladder.entry import CHECK, CHOSEN, DeploymentEntry
from quality.ladder.image import in_registry
from quality.ladder.prefect_file import PrefectFile, key_mistake
from quality.operations.arrivals import ARRIVED
from quality.operations.events import resource_id
from quality.rules.complaints import Mistake, mistakes

DESCRIPTION = "Checks one dataset against its contract, as policy.yml says for the environment."
EVERY: dict[str, Any] = {"version": None, "concurrency_limit": 1, "enforce_parameter_schema": True, "paused": False}
"""What every entry of a dataset says, unless policy.yml says otherwise; a field that is added here reaches them all."""
ORDER = ("name", "entrypoint", "description", "version", "tags", "parameters", "work_pool", "schedules", "triggers")
"""The order of an entry's keys; all others follow in that of Prefect."""
ONE_ONLY = ("name", "entrypoint", "flow_name")
"""What deployments cannot have in common."""


def document() -> dict[str, Any]:
    """The whole of prefect.yaml, in plain values; ConfigurationError names the line of policy.yml that is wrong."""
    written = [_ordered(one) for one in _written()]
    name = project.domain()
    head = {"name": name} if name else {}
    return {**head, "build": None, "push": None, "pull": [], "deployments": written}


def computed() -> PrefectFile:
    """The deployments that there should be."""
    return PrefectFile.model_validate(document())


def _written() -> list[dict[str, Any]]:
    """Every entry that can be read; ConfigurationError where one cannot, or two have one name."""
    complaints: list[tuple[Mistake, tuple[Said, ...]]] = []
    made: dict[str, dict[str, Any]] = {}
    for entry, said in (*_of_datasets(), *_of_flows()):
        wrong = [*_refused(entry, said), *_unread(entry)]
        if not wrong and entry["name"] in made:
            wrong = [Mistake(("name",), f"two deployments would be named '{entry['name']}'; give one of them a `name`")]
        complaints += [(one, said) for one in wrong]
        made[str(entry["name"])] = entry
    if complaints:
        _complain(complaints)
    return list(made.values())


def _of_datasets() -> Iterator[tuple[dict[str, Any], tuple[Said, ...]]]:
    """An entry for each dataset in each environment where it is deployed, and where what it says is written."""
    said = project.policy().deployments
    for dataset in project.datasets():
        for environment in project.policy().environments:
            if (levels := said.of(dataset, environment)) is not None:
                yield _merged(_of_dataset(dataset, environment), levels), levels


def _of_dataset(dataset: str, environment: str) -> dict[str, Any]:
    """What the entry of a dataset says where policy.yml says nothing of it."""
    return {
        **EVERY,
        "name": project.named(dataset, environment),
        "entrypoint": CHECK,
        "description": DESCRIPTION,
        "tags": [*filter(None, (project.domain(), dataset, environment))],
        "parameters": {"dataset": dataset, "environment": environment},
        "work_pool": _pool(environment),
        "schedules": [],
    }


def _pool(environment: str) -> dict[str, Any]:
    return {"name": None, "work_queue_name": None, "job_variables": {"env": {"QUALITY_ENV": environment}}}


def _of_flows() -> Iterator[tuple[dict[str, Any], tuple[Said, ...]]]:
    """An entry for each flow of the team's own; one of an environment runs in its pool, with its job variables."""
    said = project.policy().deployments
    for flow in said.flows:
        environment = flow.fields.get(ENVIRONMENT)
        base: dict[str, Any] = {"schedules": [], "paused": False}
        pools = said.everywhere(environment) if environment else ()
        if environment:
            base["work_pool"] = _merged({"work_pool": _pool(environment)}, pools)["work_pool"]
        own = flow.model_copy(update={"fields": {k: v for k, v in flow.fields.items() if k != ENVIRONMENT}})
        yield _merged(base, (own,)), (own,)


def _merged(entry: dict[str, Any], levels: tuple[Said, ...]) -> dict[str, Any]:
    """The entry with what is said of it: mappings are merged, tags are added, and all else is replaced."""
    for level in levels:
        entry = _over(entry, in_full(level.fields), "")
    if "name" in entry and (domain := project.domain()):
        entry["name"] = project.carried(str(entry["name"]), domain)
    return entry | _about_its_data(entry) | _in_its_image(entry)


def _in_its_image(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The work pool of an entry, with this repository's image where it can be pulled from."""
    pool = entry.get("work_pool")
    variables = pool.get("job_variables") if isinstance(pool, Mapping) else None
    if not isinstance(pool, Mapping) or not isinstance(variables, Mapping):
        return {}
    return {"work_pool": {**pool, "job_variables": in_registry(variables)}}


def in_full(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a place says in Prefect's own keys: the short ones of a work pool are in it, a single schedule is a list."""
    full = {key: value for key, value in fields.items() if key not in (*SHORT, DATASETS)}
    pool = full.get("work_pool")
    pool = {"name": pool} if isinstance(pool, str) else pool
    short = {SHORT[key]: fields[key] for key in SHORT if key in fields}
    if short:
        pool = {**(pool if isinstance(pool, Mapping) else {}), **short}
    if pool is not None:
        full["work_pool"] = pool
    if isinstance(full.get("schedule"), Mapping) and "schedules" not in full:
        full["schedules"] = [full.pop("schedule")]
    return full


def _over(below: Mapping[str, Any], above: Mapping[str, Any], within: str) -> dict[str, Any]:
    made = dict(below)
    for key, value in above.items():
        old = made.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and key != "concurrency_limit":
            made[key] = _over(old, value, key)
        elif key == "tags" and not within and isinstance(old, list) and isinstance(value, list):
            made[key] = [*old, *value]
        else:
            made[key] = value
    return made


def _about_its_data(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The triggers of an entry that checks a dataset: one that names no match waits for the data of that dataset."""
    given, triggers = entry.get("parameters"), entry.get("triggers")
    about = given if isinstance(given, Mapping) else {}
    if entry.get("entrypoint") != CHECK or not about.get("dataset") or not isinstance(triggers, list):
        return {}
    match = {"prefect.resource.id": resource_id(str(about["dataset"]), about.get("environment"))}
    return {"triggers": [_matched(one, match) for one in triggers]}


def _matched(trigger: Any, match: dict[str, Any]) -> Any:
    """The trigger, and those that it is made of, with the match of those that wait for data and name none."""
    if not isinstance(trigger, Mapping):
        return trigger
    if isinstance(inner := trigger.get("triggers"), list):
        return {**trigger, "triggers": [_matched(one, match) for one in inner]}
    waits = "match" not in trigger and trigger.get("expect") in (ARRIVED, [ARRIVED])
    return {**trigger, "match": match} if waits else trigger


def _refused(entry: Mapping[str, Any], levels: tuple[Said, ...]) -> Iterator[Mistake]:
    """What Prefect would take, and what the entry of a dataset cannot say."""
    for level in levels:
        single = DATASETS in level.place or level.place[0] == "flows"
        common = [key for key in ONE_ONLY if key in level.fields and not single]
        for key in common:
            yield Mistake((key,), f"{key} is of a single deployment; write it under `deployment.datasets`")
        if level.place[0] != "flows":
            if "entrypoint" in level.fields and not common:
                yield Mistake(("entrypoint",), "a dataset is checked by the blessed flow; write your own under `flows`")
            given = level.fields.get("parameters")
            for key in given if isinstance(given, Mapping) else ():
                if key in CHOSEN:
                    yield Mistake(("parameters", key), f"parameters: {key} is computed; leave it out")


def _unread(entry: dict[str, Any]) -> Iterator[Mistake]:
    try:
        read = DeploymentEntry.model_validate(entry)
    except ValidationError as error:
        yield from map(key_mistake, mistakes(error, DeploymentEntry, "a deployment"))
        return
    if "prefect.blocks" in str(entry):
        yield Mistake(("work_pool",), "a block's secret would be stored in clear; put it into the work pool")
    for chosen, where in read.chosen:
        yield Mistake((where,), f"a {where[:-1]} cannot change {chosen} of the entry of a dataset; write a flow for it")


def _complain(found: list[tuple[Mistake, tuple[Said, ...]]]) -> None:
    """Ends with every mistake, each at the strongest place of policy.yml that says it."""
    wrong = Complaints(YamlFile(project.root() / "policy.yml"))
    for one, levels in found:
        place = _place(one.place, levels)
        wrong.add(one.said, *place)
    wrong.refuse()


def _place(way: tuple[str | int, ...], levels: tuple[Said, ...]) -> tuple[str | int, ...]:
    for level in reversed(levels):
        if way and way[0] in level.fields:
            return (*level.place, *way)
        inner = next((key for key, name in SHORT.items() if name in way[1:2] and key in level.fields), None)
        if inner is not None:
            return (*level.place, inner, *way[2:])
        if way and way[0] in in_full(level.fields):
            return (*level.place, "schedule") if way[0] == "schedules" else level.place
    return levels[-1].place if levels else ()


def _ordered(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with its keys in one order, in JSON's values, each tag once."""
    known = [*ORDER, *(key for key in DeploymentEntry.model_fields if key not in ORDER)]
    made: dict[str, Any] = {key: to_jsonable_python(entry[key]) for key in known if key in entry}
    if made.get("tags"):
        made["tags"] = list(dict.fromkeys(made["tags"]))
    return made


def entry_of(dataset: str, environment: str) -> DeploymentEntry:
    """The computed entry of one dataset; ConfigurationError where it is not deployed there."""
    said = project.policy().deployments.of(dataset, environment)
    if said is None:
        raise ConfigurationError(
            f"policy.yml says that {dataset} is not deployed in {environment} (`deployment: false`)"
        )
    return DeploymentEntry.model_validate(_ordered(_merged(_of_dataset(dataset, environment), said)))
