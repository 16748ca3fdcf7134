"""The repository a check runs in: its root, datasets, configuration and versions."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar, cast

from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract, load_contract
from quality.contract.policy import Policy, load_policy
from quality.errors import ConfigurationError
from quality.texts import nearest

VERSION = "1.0.0"
T = TypeVar("T")
SUFFIXES = (".yml", ".yaml")


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
    return _parsed(path, load_contract)


def _parsed(path: Path, parse: Callable[[Path], T]) -> T:
    """What a file says, parsed again only when its bytes are others: a repository has hundreds of them."""
    try:
        written = path.read_bytes()
    except OSError:
        return parse(path)
    return cast("T", _parsed_once(path, written, parse))


@functools.lru_cache(maxsize=2_048)
def _parsed_once(path: Path, written: bytes, parse: Callable[[Path], object]) -> object:
    return parse(path)


def policy() -> Policy:
    """The repository's policy."""
    return _parsed(root() / "policy.yml", load_policy)


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
    return resolve(contract(dataset), policy(), environment(env))


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
