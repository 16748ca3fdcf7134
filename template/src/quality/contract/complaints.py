"""Complaints about files that people write: all mistakes of a file at once, a line each, its place first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.rules.complaints import Mistake, mistakes

Model = TypeVar("Model", bound=BaseModel)


class Complaints:
    """What is wrong with one file, as it is found; `refuse` ends with all of it, in the order of the lines."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self.found: list[tuple[int, str]] = []

    def add(self, said: str, *place: str | int) -> None:
        """One mistake, or a line for each, at an entry of the file."""
        at = self.file.at(*place)
        line = int(at.rsplit(":", 1)[1])
        self.found += [(line, f"{at}: {' '.join(one.split())}") for one in said.splitlines()]

    def extend(self, wrong: Iterable[Mistake], *within: str | int) -> None:
        """Mistakes at their places within an entry."""
        for one in wrong:
            self.add(one.said, *within, *one.place)

    def validated(self, model: type[Model], written: object, subject: str, *within: str | int) -> Model | None:
        """What was written as a value of the model; None with complaints."""
        try:
            return model.model_validate(written)
        except ValidationError as error:
            self.extend(mistakes(error, model, subject), *within)
            return None

    def refuse(self) -> None:
        """ConfigurationError with everything that was found, if anything was."""
        if self.found:
            told = sorted(self.found, key=lambda one: one[0])
            raise ConfigurationError("\n".join(dict.fromkeys(said for _, said in told)))
