"""One partition of a dataset, as a person asks for it: `day=2026-11-26`, or `day=2026-11-26,country=de`.

Keys and values are those of the folders: `city=New%20York` and `city=New York` are one. `day=` is the partition of rows
without a value, whose folder is `day=__HIVE_DEFAULT_PARTITION__`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar
from unicodedata import normalize
from urllib.parse import quote, unquote

from quality.engine.judge import MASK
from quality.errors import ConfigurationError, SourceError
from quality.texts import nearest, neighbours

EXAMPLE = "day=2026-11-26"
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
BETWEEN = re.compile(r"[%,=/\\\x00-\x1f\x7f]|^\s+|\s+$")
"""What a text of several keys could not be taken apart with."""
LONGEST = 80
"""Characters of a name that shows its partition; a longer one ends in a digest."""

Keys = dict[str, str | None]
T = TypeVar("T")


class Partition(NamedTuple):
    """The values that folders must have, by key and in its order; those of `hidden` keys no person is shown."""

    values: tuple[tuple[str, str | None], ...]
    hidden: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for key, _ in self.values)

    @property
    def text(self) -> str:
        """What `read` makes the same partition of."""
        return _shown(dict(self.values), ())

    @property
    def shown(self) -> str:
        """The text as a person may read it."""
        return _shown(dict(self.values), self.hidden)

    @property
    def told(self) -> str:
        """The text beside those of others: where values are hidden, with what tells it from them."""
        return f"{self.shown} ({self._digest})" if self.hidden.intersection(self.keys) else self.shown

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What tells it from every other one, in a file's name, too: the text or, where values are hidden, a digest."""
        said = quote(self.shown, safe="=,+@ ").replace(" ", "_")
        if said == self.text and len(said) <= LONGEST:
            return said
        return f"{said[:LONGEST]}-{self._digest}"

    def has(self, keys: Mapping[str, str | None]) -> bool:
        """Whether what lies in folders of these values is of this partition."""
        return all(key in keys and (keys[key] or None) == value for key, value in self.values)

    def of(self, places: Mapping[T, Keys], where: str) -> list[T]:
        """The places of this partition; ConfigurationError for keys that none has, SourceError where none is of it."""
        self.refuse_unknown(dict.fromkeys(key for keys in places.values() for key in keys), where)
        if found := [place for place, keys in places.items() if self.has(keys)]:
            return found
        raise self.missing(places.values(), where)

    def refuse_unknown(self, columns: Collection[str], where: str) -> None:
        """ConfigurationError where the data is not partitioned by one of the keys."""
        if not columns:
            raise ConfigurationError(
                f"{where} has no partition columns: no folders such as {EXAMPLE}, so no partition of it is judged "
                "alone; leave the partition out"
            )
        if unknown := next((key for key in self.keys if key not in columns), None):
            close = f"; {said}" if (said := nearest(unknown, columns)).startswith("did") else ""
            raise ConfigurationError(
                f"{where} has no partition column '{unknown}'; its partition columns are {', '.join(columns)}{close}"
            )

    def _apart(self, other: str) -> str:
        """Another partition as it may be asked for; in its bytes where it looks like this one."""
        alike = normalize("NFC", other) == normalize("NFC", self.shown)
        return quote(other, safe="=,+@ %") if alike else other

    def missing(self, there: Iterable[Keys], where: str) -> SourceError:
        """That the partition is not there, and which are nearest to it, unless their values are hidden."""
        known = {_shown({key: keys.get(key) for key in self.keys}, ()) for keys in there}
        hides = self.hidden.intersection(self.keys) or not known
        others = () if hides else map(self._apart, neighbours(self.shown, known))
        nearest_ones = "" if hides else f"; the nearest are {', '.join(others)}"
        return SourceError(f"{where} has no partition {self.shown}{nearest_ones}")


def read(text: str, hidden: Iterable[str] = ()) -> Partition:
    """The partition that a text asks for; ValueError with one sentence for what cannot be read."""
    found: Keys = {}
    for part in text.split(","):
        name, sign, value = part.strip().partition("=")
        key, value = unquote(name.strip()), unquote(value.strip())
        if not sign or not key:
            given = f"'{part.strip()}'" if part.strip() else "nothing"
            raise ValueError(f"a partition is a column and its value, such as {EXAMPLE}, not {given}")
        wanted = None if value in ("", NO_VALUE) else value
        if found.setdefault(key, wanted) != wanted:
            raise ValueError(f"the partition has two values of '{key}'; ask for one, and for the other in another run")
    return Partition(tuple(sorted(found.items())), frozenset(hidden))


def canonical(text: str) -> str:
    """The one text of a partition, however it was asked for."""
    return read(text).text


def _plain(text: str) -> str:
    return BETWEEN.sub(lambda found: quote(found[0], safe=""), text)


def _shown(keys: Keys, hidden: Collection[str]) -> str:
    said = {key: MASK if value and key in hidden else _plain(value or "") for key, value in keys.items()}
    return ",".join(f"{_plain(key)}={value}" for key, value in said.items())
