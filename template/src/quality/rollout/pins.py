"""The supported tuples of Python, Prefect and Polars, and whether this environment is installed from one of them."""

from __future__ import annotations

import re
import sys

from packaging.requirements import Requirement

from quality.contract import project

TUPLE = re.compile(r"py\d+-prefect-\d+(\.\d+)*-polars-\d+(\.\d+)*")


def supported() -> tuple[str, ...]:
    """The tuples that have a constraints file, such as py311-prefect-3.9.1-polars-2.1, the oldest first."""
    names = (path.stem for path in (project.root() / "constraints").glob("*.txt"))
    return tuple(sorted(filter(TUPLE.fullmatch, names), key=_numbers))


def newest() -> str | None:
    """The newest supported tuple for the Python that runs; None when it is not supported at all."""
    return max((name for name in supported() if name.startswith(f"{_python()}-")), key=_numbers, default=None)


def running() -> str:
    """The tuple that runs, spelled as its constraints file is."""
    polars = ".".join(project.installed("polars").split(".")[:2])
    return f"{_python()}-prefect-{project.installed('prefect')}-polars-{polars}"


def pinned(tuple_: str) -> dict[str, str]:
    """Package to version, as the constraints files of a tuple say: its own, and that of extras."""
    paths = [project.root() / "constraints" / f"{name}.txt" for name in (f"extras-{tuple_}", tuple_)]
    lines = [line for path in paths if path.exists() for line in path.read_text("utf-8").splitlines()]
    pins = [Requirement(line) for line in lines if "==" in line and not line.lstrip().startswith("#")]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in here}


def unpinned() -> list[tuple[str, str, str]]:
    """Installed packages whose version is not the pinned one: package, pinned, installed."""
    tuple_ = running()
    pins = pinned(tuple_)
    if not pins:
        return [("the tuple", newest() or " or ".join(supported()) or "a supported one", tuple_)]
    found = ((package, wanted, project.installed(package)) for package, wanted in pins.items())
    return [one for one in found if one[2] not in (one[1], "none")]


def _python() -> str:
    return f"py{sys.version_info.major}{sys.version_info.minor}"


def _numbers(name: str) -> tuple[int, ...]:
    """3.10 is newer than 3.9, whatever the alphabet says."""
    return tuple(map(int, re.findall(r"\d+", name)))
