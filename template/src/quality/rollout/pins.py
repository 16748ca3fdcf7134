"""The supported tuples of Python, Prefect and Polars, and whether this environment is installed from one of them."""

from __future__ import annotations

import re
import sys
import tomllib
from datetime import date

from packaging.requirements import Requirement
from pydantic import ValidationError

from quality.contract import project
from quality.errors import ConfigurationError, first_line
from quality.values import Frozen, Text

TUPLE = re.compile(r"py\d+-prefect-\d+(\.\d+)*-polars-\d+(\.\d+)*")


class Ending(Frozen):
    """A tuple that is supported until a day, that day included."""

    until: date
    instead: Text
    why: Text

    def says(self, name: str, today: date) -> str:
        """What a person is told of it."""
        over = f"was supported until {self.until}" if today > self.until else f"is supported until {self.until}"
        return f"{name} {over}: {self.why}; QUALITY_TUPLE={self.instead} nox -s environment, then nox -s climb"


def ending() -> dict[str, Ending]:
    """The tuples whose support ends, as constraints/ending.toml says; ConfigurationError where it cannot be read."""
    path = project.root() / "constraints" / "ending.toml"
    if not path.is_file():
        return {}
    try:
        return {name: Ending.model_validate(said) for name, said in tomllib.loads(path.read_text("utf-8")).items()}
    except (tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"constraints/ending.toml cannot be read: {first_line(error)}; nox -s restore"
        ) from None


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
    """Package to version, as the constraints files of a tuple say: its own and, where it has extras, that of extras."""
    names = (f"extras-{tuple_}", tuple_) if _has_extras() else (tuple_,)
    paths = [project.root() / "constraints" / f"{name}.txt" for name in names]
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


def _has_extras() -> bool:
    """Whether pyproject.toml names an extra: what none of them needs is pinned by nobody."""
    path = project.root() / "pyproject.toml"
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return True
    return bool(said.get("tool", {}).get("quality", {}).get("extras", True))


def _python() -> str:
    return f"py{sys.version_info.major}{sys.version_info.minor}"


def _numbers(name: str) -> tuple[int, ...]:
    """3.10 is newer than 3.9, whatever the alphabet says."""
    return tuple(map(int, re.findall(r"\d+", name)))
