"""The repository a check runs in: its root, datasets, configuration and versions."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import load_contract
from quality.contract.policy import Policy, load_policy
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.texts import nearest, slug

VERSION = "1.0.0"
PREFECT_FILE = "prefect.yaml"
"""Its top-level `name` is the domain's: what this repository has on a server carries it."""


def root() -> Path:
    """The repository's folder: QUALITY_ROOT, the nearest one upwards with `datasets/` and `policy.yml`, or this code's.

    A worker runs in a folder of its own; there, the checkout that this code is installed from is the repository.
    """
    if given := os.environ.get("QUALITY_ROOT"):
        return Path(given)
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).parents[3]):
        if (folder / "policy.yml").is_file() and (folder / "datasets").is_dir():
            return folder
    return here


def domain() -> str | None:
    """The domain's name, as prefect.yaml says it; None where no file or no name is."""
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
    """The datasets that have a contract, by name."""
    folder = root() / "datasets"
    if other := next(folder.glob("*.yaml"), None):
        raise ConfigurationError(f"datasets/{other.name} would not be checked; name it {other.stem}.yml")
    return tuple(sorted(path.stem for path in folder.glob("*.yml")))


def policy() -> Policy:
    """The repository's policy."""
    return load_policy(root() / "policy.yml")


def environment_names() -> tuple[str, ...]:
    """The environments of the repository's policy, in the order of the file."""
    return tuple(policy().environments)


def environment(given: str | None = None) -> str:
    """The environment asked for, that of QUALITY_ENV, or the first of policy.yml."""
    return given or os.environ.get("QUALITY_ENV") or policy().first


def load(dataset: str, env: str | None = None) -> CheckConfig:
    """The resolved configuration of a dataset in an environment."""
    known = datasets()
    if dataset not in known:
        if not known:
            raise ConfigurationError(f"there is no contract in {root() / 'datasets'}; run this inside the repository")
        raise ConfigurationError(f"there is no dataset '{dataset}'; {nearest(dataset, known)}")
    return resolve(load_contract(root() / "datasets" / f"{dataset}.yml"), policy(), environment(env))


def configs(names: Sequence[str], env: str | None = None) -> list[CheckConfig]:
    """The configurations of the datasets named, or of all; there is one at least."""
    return [load(name, env) for name in names or datasets()] or [load("", env)]


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
