"""The repository a check runs in: its root, datasets, configuration and versions."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from quality.contract.complaints import Complaints
from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract, load_contract
from quality.contract.place import local as local
from quality.contract.place import parsed
from quality.contract.place import root as root
from quality.contract.policy import Policy, load_policy
from quality.contract.written_folders import among_the_data
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.texts import nearest, slug

VERSION = "1.0.0"
SUFFIXES = (".yml", ".yaml")
PREFECT_FILE = "prefect.yaml"
"""Computed; its top-level `name` is the domain's: what this repository has on a server carries it."""


def domain() -> str | None:
    """The domain's name, as policy.yml says it or else prefect.yaml; None where neither does."""
    with suppress(ConfigurationError):
        if (said := policy().deployments.domain) is not None:
            return slug(said) or None
    path = root() / PREFECT_FILE
    if not path.is_file():
        return None
    seen = path.stat()
    return _name_in(path, seen.st_mtime_ns, seen.st_size)


@functools.lru_cache(maxsize=16)
def _name_in(path: Path, changed: int, size: int) -> str | None:
    name = YamlFile(path).data().get("name")
    return slug(str(name)) or None if name is not None else None


def named(*parts: str | None) -> str:
    """A name on a server: the domain's, then the parts, as Prefect takes names: `orders-flights-prod`."""
    return slug("-".join(filter(None, (domain(), *parts))))


def carried(name: str, whose: str) -> str:
    """A name that people wrote, after the domain's where it does not begin with that."""
    return name if name.startswith(f"{slug(whose)}-") else f"{slug(whose)}-{name}"


def datasets() -> tuple[str, ...]:
    """The datasets that have a contract, by name; one whose file cannot be read is among them, and fails by itself."""
    try:
        paths = [*(root() / "datasets").iterdir()]
    except FileNotFoundError:
        return ()
    return tuple(sorted({path.stem for path in paths if path.suffix in SUFFIXES}))


def _has_contract(dataset: str) -> bool:
    """As `datasets` says, without a look at the hundreds of others."""
    folder = root() / "datasets"
    plain = bool(dataset) and Path(dataset).name == dataset
    return plain and any(os.path.lexists(folder / f"{dataset}{suffix}") for suffix in SUFFIXES)


def contract(dataset: str) -> Contract:
    """The contract of a dataset; ConfigurationError when its file cannot be read."""
    path = root() / "datasets" / f"{dataset}.yml"
    if path.with_suffix(".yaml").exists():
        raise ConfigurationError(f"datasets/{dataset}.yaml would not be checked; name it {dataset}.yml")
    return parsed(path, load_contract)


def policy() -> Policy:
    """The repository's policy."""
    return parsed(root() / "policy.yml", load_policy)


def environment_names() -> tuple[str, ...]:
    """The environments of the repository's policy, in the order of the file."""
    return tuple(policy().environments)


def environment(given: str | None = None) -> str:
    """The environment asked for, that of QUALITY_ENV, or the first of policy.yml."""
    return given or os.environ.get("QUALITY_ENV") or policy().first


def load(dataset: str, env: str | None = None) -> CheckConfig:
    """The resolved configuration of a dataset in an environment."""
    if not _has_contract(dataset):
        if not (known := datasets()):
            raise ConfigurationError(f"there is no contract in {root() / 'datasets'}; run this inside the repository")
        raise ConfigurationError(f"there is no dataset '{dataset}'; {nearest(dataset, known)}")
    found = contract(dataset)
    _refuse_unknown_environments(found)
    config = resolve(found, policy(), environment(env))
    if wrong := [f"{dataset} in {config.environment}: {said}" for said in among_the_data(config, root())]:
        raise ConfigurationError.of(wrong)
    return config


def _refuse_unknown_environments(found: Contract) -> None:
    """A source of an environment that policy.yml does not have would never be read."""
    known = policy().environments
    if unknown := [name for name in found.sources if name not in known]:
        path = root() / "datasets" / f"{found.dataset}.yml"
        wrong = Complaints(YamlFile(path, f"datasets/{path.name}"))
        for name in unknown:
            wrong.add(f"sources: policy.yml has no environment '{name}'; {nearest(name, known)}", "sources", name)
        wrong.refuse()


def load_each(names: Iterable[str], env: str | None = None) -> tuple[list[CheckConfig], dict[str, ConfigurationError]]:
    """The configurations of these datasets and, for each whose contract cannot be read, why: no other one minds."""
    chosen = environment(env)
    policy().of(chosen)
    read: list[CheckConfig] = []
    unread: dict[str, ConfigurationError] = {}
    for name in names:
        try:
            read.append(load(name, chosen))
        except ConfigurationError as error:
            unread[name] = error
    return read, unread


def template_version() -> str:
    """The release of the template that the managed code is of."""
    return VERSION


@functools.cache
def compatibility() -> str:
    """The tuple that runs: `py3.11-prefect-3.8.8-polars-2.1.0`."""
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    return "-".join([python, *(f"{name}-{installed(name)}" for name in ("prefect", "polars"))])


def installed(package: str) -> str:
    """The installed version of a package, or `none`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"
