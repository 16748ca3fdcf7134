"""The supported tuples of Python, Prefect and Polars, and whether this environment is installed from one of them."""

from __future__ import annotations

import sys

from packaging.requirements import Requirement

from quality.contract import project


def supported() -> tuple[str, ...]:
    """The tuples that have a constraints file, such as py311-prefect-3.8.8-polars-2.1."""
    return tuple(sorted(path.stem for path in (project.root() / "constraints").glob("py*-prefect-*-polars-*.txt")))


def running() -> str:
    """The tuple that runs, spelled as its constraints file is."""
    polars = ".".join(project.installed("polars").split(".")[:2])
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    return f"{python}-prefect-{project.installed('prefect')}-polars-{polars}"


def pinned(tuple_: str) -> dict[str, str]:
    """Package to version, as the constraints file of a tuple says."""
    path = project.root() / "constraints" / f"{tuple_}.txt"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    pins = [Requirement(line) for line in lines if "==" in line and not line.lstrip().startswith("#")]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in here}


def unpinned() -> list[tuple[str, str, str]]:
    """Installed packages whose version is not the pinned one: package, pinned, installed."""
    tuple_ = running()
    pins = pinned(tuple_)
    if not pins:
        return [("the tuple", " or ".join(supported()) or "a supported one", tuple_)]
    found = ((package, wanted, project.installed(package)) for package, wanted in pins.items())
    return [one for one in found if one[2] not in (one[1], "none")]
