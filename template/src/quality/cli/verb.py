"""What a verb is: a name, its words on the command line, what runs, and what that answers."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from importlib import import_module
from typing import Any, NamedTuple


class Option(NamedTuple):
    """A word of the command line, with what argparse makes of it."""

    words: tuple[str, ...]
    settings: dict[str, Any]


class Verb(NamedTuple):
    """One verb. `run` is where its function is, imported when it runs; `answer` is the class of what that returns, of
    `answers` or of the module before its colon."""

    name: str
    help: str
    run: str
    answer: str
    options: tuple[Option, ...] = ()
    usage: str = ""

    @property
    def line(self) -> str:
        """What it does, in one line, and the words that it takes."""
        return f"{self.help} (-- {self.usage})." if self.usage else f"{self.help}."

    def function(self) -> Any:
        """What runs."""
        return load(self.run)

    def model(self) -> Any:
        """The class whose JSON `--json` prints."""
        return load(f"quality.cli.{self.answer if ':' in self.answer else f'answers:{self.answer}'}")


def load(place: str) -> Any:
    """What a place such as `quality.cli.ladder:task` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def count(text: str) -> int:
    """A number of things, one at least."""
    if (number := int(text)) < 1:
        raise ArgumentTypeError(f"{text} is not 1 or more")
    return number


def seconds(text: str) -> float:
    """A time that passes and ends."""
    if not 0 < (number := float(text)) < math.inf:
        raise ArgumentTypeError(f"{text} is no number of seconds above 0")
    return number


def option(*words: str, **settings: Any) -> Option:
    """An option in argparse's own words."""
    return Option(words, settings)
