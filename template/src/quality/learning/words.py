"""What text lets one claim: few values, a shape of characters, lengths, tidiness; and that it varies."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

import polars as pl

from quality.learning.blocks import fewest_distinct
from quality.learning.claim import Column, Proposed
from quality.learning.sets import of_few

ENOUGH, MOST_SHAPES, LOOKED_AT = 8, 3, 4_000
CLASSES = {"A": r"\p{Lu}", "a": r"\p{Ll}", "0": "[0-9]", "x": r"\p{L}"}
NAMES = {"A": "capitals", "a": "small letters", "0": "digits", "x": "letters"}
ENOUGH_OF_A_SHAPE = 12
CHEAP = 1_000
"""Different values in a choice of rows: to count more in all rows takes longer than the rest of a check."""
VARIETY = {"variety": 0.8, "some variety": 0.3, "two values": 0.0}


def of_text(column: Column) -> Proposed:
    """Claims about the values, from a set to mere tidiness, then about how many different ones there are."""
    values = column.values.cast(pl.String)
    if values.len() < ENOUGH:
        return
    column = column._replace(values=values)
    yield from of_few(column)
    distinct = values.unique(maintain_order=True)
    step = max(1, distinct.len() // LOOKED_AT)
    texts = distinct.gather_every(step).to_list()
    lengths = values.str.len_chars()
    shortest, longest = int(lengths.min() or 0), int(lengths.max() or 0)  # type: ignore[arg-type]
    yield from _shapes(texts, distinct.len(), shortest, longest)
    fewest = fewest_distinct(values)
    dear = fewest > CHEAP and column.rows > values.len() + column.nulls
    if fewest > 1 and not dear:
        for tier, share in VARIETY.items():
            least = max(2, int(fewest * share))
            why = f"{distinct.len():,} different values in {values.len():,}, {fewest:,} in a quarter of them at least"
            yield "varies", tier, {"check": "distinct_count", "min": least}, why


def _shapes(texts: list[str], distinct: int, shortest: int, longest: int) -> Proposed:
    """Patterns that all the texts have, from exact runs of characters to what is tidy."""
    seen = f"{distinct:,} different texts of {shortest} to {longest} characters"
    runs = [_runs(text) for text in texts]
    exact = Counter(tuple(made) for made in runs)
    if len(exact) <= MOST_SHAPES and distinct >= ENOUGH_OF_A_SHAPE * len(exact):
        yield "values", "shape", {"check": "regex", "pattern": _anchored(map(_counted, sorted(exact)))}, seen
    loose = Counter(tuple(kind for kind, _ in made) for made in runs)
    if len(loose) <= MOST_SHAPES and distinct >= 2 * ENOUGH_OF_A_SHAPE * len(loose) and max(map(len, loose)) <= 9:
        pattern = _anchored("".join(_class(kind) + "+" for kind in made) for made in sorted(loose))
        yield "values", "runs", {"check": "regex", "pattern": pattern}, seen
    yield from _characters(texts, seen, shortest, longest)


def _characters(texts: list[str], seen: str, shortest: int, longest: int) -> Proposed:
    kinds = {kind for text in texts for kind in map(_kind, set(text))}
    least, most = max(0, shortest // 2), longest + max(3, longest // 2)
    tidy = all(text == text.strip() and text for text in texts)
    begins = {_kind(text[0]) for text in texts if text}
    first = _class(begins.pop()) if len(begins) == 1 and not (kinds <= begins) else None
    small = r"[^\p{C}]*\p{Ll}[^\p{C}]*" if all(any(c.islower() for c in text) for text in texts) else None
    if tidy and first and small and first != CLASSES["a"]:
        yield "values", "capital and small", {"check": "regex", "pattern": rf"^{first}{small}[^\s\p{{C}}]$"}, seen
    if tidy and (not kinds & {"x"}) and len(kinds) <= 12:
        body = "[" + "".join(_inside(kind) for kind in sorted(kinds)) + "]"
        yield "values", "characters", {"check": "regex", "pattern": f"^{body}{{{max(1, least)},{most}}}$"}, seen
    if tidy:
        inside = f"[^\\p{{C}}]{{0,{max(most, 2) - 2}}}"
        yield "values", "tidy", {"check": "regex", "pattern": rf"^[^\s\p{{C}}](?:{inside}[^\s\p{{C}}])?$"}, seen
    yield "values", "length", {"check": "length", "min": least, "max": most}, seen


def _kind(char: str) -> str:
    if char.isascii() and char.isdigit():
        return "0"
    if char.isalpha():
        return "A" if char.isupper() else "a" if char.islower() else "x"
    return f"={char}"


def _runs(text: str) -> list[tuple[str, int]]:
    return [(kind, len(list(run))) for kind, run in groupby(map(_kind, text))]


def _class(kind: str) -> str:
    return CLASSES.get(kind) or re.escape(kind[1:])


def _inside(kind: str) -> str:
    return CLASSES[kind].strip("[]") if kind in CLASSES else re.escape(kind[1:])


def _counted(runs: tuple[tuple[str, int], ...]) -> str:
    return "".join(_class(kind) + (f"{{{count}}}" if count > 1 else "") for kind, count in runs)


def _anchored(patterns: object) -> str:
    made = list(patterns)  # type: ignore[call-overload]
    return f"^{made[0]}$" if len(made) == 1 else f"^(?:{'|'.join(made)})$"
