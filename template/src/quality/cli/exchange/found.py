"""What a document of another tool says: a contract for each of its datasets, and each rule that has no counterpart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from quality.errors import ConfigurationError
from quality.rules.catalogue import canonical, parse_rule

Rule = dict[str, Any]
DTYPES = {
    "Boolean": "bool boolean",
    "integer": "int integer bigint smallint tinyint int2 int4 int8 int16 int32 int64 long short",
    "float": "float double real float4 float8 float32 float64 double_precision",
    "numeric": "numeric decimal number",
    "string": "str string text varchar char character object character_varying nvarchar uuid",
    "Date": "date",
    "Datetime": "datetime timestamp timestamptz timestamp_ntz timestamp_tz timestamp_ltz datetime64 datetime64[ns]",
    "Time": "time",
    "List": "list array",
    "Struct": "struct record dict map",
    "Binary": "bytes binary bytea blob varbinary",
}
KNOWN = {word: ours for ours, words in DTYPES.items() for word in words.split()}


class NoCounterpartError(Exception):
    """A rule of another tool that nothing here says."""


class Given(Mapping[str, Any]):
    """What a rule of another tool is given; it knows which of it was asked for, as what nobody asks for is not kept."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given, self._asked = dict(given), set[str]()

    def __getitem__(self, field: str) -> Any:
        self._asked.add(field)
        return self._given[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def all_asked(self, aside: Iterable[str] = ()) -> None:
        """NoCounterpartError for a field that is given and says more than the rules that were made of it."""
        left = [field for field in self._given if field not in self._asked and field not in aside]
        for field in left:
            if self._given[field] not in (None, False):
                raise NoCounterpartError(f"`{field}` has no counterpart")


class Found:
    """The contract of one dataset, as it is found: rules that hold here, and what was left out, by name."""

    def __init__(self, dataset: str) -> None:
        self.dataset = re.sub(r"[^a-z0-9]+", "_", dataset.lower()).strip("_") or "dataset"
        self.dataset = self.dataset if self.dataset[0].isalpha() else f"d_{self.dataset}"
        self.owner: str | None = None
        self.description: str | None = None
        self.source: str | None = None
        self.key: list[str] = []
        self.rules: list[Rule] = []
        self.left: list[str] = []
        self._taken: list[Rule] = []

    def add(self, name: str, rule: Mapping[str, Any]) -> None:
        """A rule, once, if it can be read here; else its name with the reason."""
        try:
            one = canonical(parse_rule({field: value for field, value in rule.items() if value is not None}))
        except ConfigurationError as error:
            self.leave(name, str(error).splitlines()[0])
            return
        if one not in self._taken:
            self._taken.append(one)
            self.rules.append(self._named(one))

    def _named(self, rule: Rule) -> Rule:
        """The rule with a name of its own, where another that says something else has its title."""
        titles, title, number = {parse_rule(other).title for other in self.rules}, parse_rule(rule).title, 1
        while (name := title if number == 1 else f"{title} ({number})") in titles:
            number += 1
        return rule if number == 1 else canonical(parse_rule({**rule, "name": name}))

    def leave(self, name: str, why: str) -> None:
        """A rule that is not taken, by its name."""
        self.left.append(f"{name}: {why}")

    def take(self, name: str, rules: Iterable[Mapping[str, Any]]) -> None:
        """Rules that are made while they are taken: what has no counterpart is left, by name."""
        try:
            made = list(rules)
        except NoCounterpartError as error:
            self.leave(name, str(error))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
            self.leave(name, f"it is not written as its tool documents it ({type(error).__name__}: {error})")
        else:
            for one in made:
                self.add(name, one)


def dtype(written: Any) -> str:
    """The dtype or family that a type of another tool is here; NoCounterpartError for an unknown one."""
    word = re.sub(r"[(<].*", "", str(written)).strip().lower().replace(" ", "_").removesuffix("type")
    if word not in KNOWN:
        raise NoCounterpartError(f"the type {written} is none here")
    return KNOWN[word]


def rate(mostly: Any) -> float | None:
    """`mostly: 0.95` as the fraction that may fail; None where all must pass."""
    return None if mostly in (None, 1, 1.0) else round(1 - float(mostly), 12)


def bounds(low: Any, high: Any, names: tuple[str, str] = ("min", "max")) -> Rule:
    """Bounds that are given; NoCounterpartError where none is."""
    given = {name: value for name, value in zip(names, (low, high), strict=True) if value is not None}
    if not given:
        raise NoCounterpartError("it has no bound")
    return given


def exclusive(low: Any, high: Any) -> str | None:
    """Which bounds are themselves not allowed."""
    return "both" if low and high else "min" if low else "max" if high else None


def quoted(column: str) -> str:
    """A column's name in a condition."""
    return '"' + column.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text in a condition."""
    return "'" + value.replace("'", "''") + "'"


def both(one: Any, other: Any) -> Any:
    """Two conditions as one; either may be none."""
    return f"({one}) AND ({other})" if one and other else one or other
