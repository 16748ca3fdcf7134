"""Patterns of Rust's syntax in another: every piece that matches one character becomes the set of these characters.

Dialects disagree on what `\\w`, `\\d`, `.`, `$` or a letter whose case is ignored match. Which characters a piece
matches is asked of Polars itself, and written as ranges of code points, which all dialects read alike.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

Ranges = tuple[tuple[int, int], ...]
LAST = 0x10FFFF
FEW = 4
EVERY: Ranges = ((0, 0xD7FF), (0xE000, LAST))
FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])")
NAMED = re.compile(r"\(\?P?<(?![=!])[^>]*>")
COUNTED = re.compile(r"\{\s*([0-9]+)\s*(,\s*([0-9]*)\s*)?\}")
ESCAPE = re.compile(r"\\(?:[pP]\{[^}]*\}|[pP].|x\{[^}]*\}|x..|[uU]\{[^}]*\}|u....|U.{8}|.)", re.DOTALL)
ANCHORS = {"\\A": "start", "\\z": "end", "\\b": "boundary", "\\B": "inside"}


ASCII_WORDS = (
    r"whose words are of ASCII letters alone, so that é ends one; write what may stand there, such as (^|\W) before"
)


class UnsaidError(ValueError):
    """A piece of a pattern that a dialect has no words for, and why, where that is not plain."""

    def __init__(self, piece: str, why: str = "") -> None:
        super().__init__(piece)
        self.why = why


class Words(NamedTuple):
    """How a dialect writes what is not one character; a piece that it has no words for is None."""

    start: str
    end: str
    most: int
    code: Callable[[int], str]
    around: bool = False
    """Whether it can look ahead and behind."""
    first: int = 0
    """The lowest character that its texts can hold."""
    nested: bool = False
    """Whether it tries the ranges of a set one by one, and reads sets within sets, which make it a search."""


def translated(pattern: str, words: Words) -> str:
    """The pattern in another dialect: for whether it is found in a text, not for where."""
    return _Reader(pattern, words).whole()


class _Reader:
    """Reads a pattern from the left; `flags` are those that are set where it stands."""

    def __init__(self, pattern: str, words: Words) -> None:
        self.text, self.at, self.words = pattern, 0, words
        self.flags: frozenset[str] = frozenset()

    def whole(self) -> str:
        said = self.alternatives()
        if self.at < len(self.text):
            raise UnsaidError(self.text[self.at :])
        return said

    def alternatives(self) -> str:
        """Until the end, or the parenthesis that closes; flags that are set inside end there."""
        outer, branches = self.flags, [""]
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] == "|":
                self.at += 1
                branches.append("")
            else:
                branches[-1] += self.repeated(self.atom())
        self.flags = outer
        return "|".join(branches)

    def atom(self) -> str:
        letter = self.text[self.at]
        if letter == "(":
            return self.group()
        if letter in "^$":
            self.at += 1
            if "m" in self.flags:
                raise UnsaidError(f"(?m){letter}")
            return self.words.start if letter == "^" else self.words.end
        piece = self.piece(letter)
        self.at += len(piece)
        return self.anchor(ANCHORS[piece]) if piece in ANCHORS else self.single(piece)

    def piece(self, letter: str) -> str:
        """The text of what matches one character, or a place."""
        if letter == "\\":
            found = ESCAPE.match(self.text, self.at)
            if found is None or found[0][:2] in ("\\<", "\\>"):
                raise UnsaidError(self.text[self.at :])
            if self.text.startswith("\\b{", self.at):
                raise UnsaidError("\\b{…}")
            return found[0]
        return self.text[self.at : self.close(self.at)] if letter == "[" else letter

    def close(self, at: int) -> int:
        """The place after the class that begins here; classes can hold classes."""
        end = at + 1
        end += self.text.startswith("^", end)
        end += self.text.startswith("]", end)
        while self.text[end] != "]":
            if self.text[end] == "[":
                end = self.close(end)
            else:
                end += 2 if self.text[end] == "\\" else 1
        return end + 1

    def group(self) -> str:
        if self.text.startswith("(?", self.at) and not NAMED.match(self.text, self.at):
            found = FLAGS.match(self.text, self.at)
            if found is None or set(found[1] + (found[2] or "")) - set("isU"):
                raise UnsaidError(self.text[self.at : self.at + 4])
            outer, self.flags = self.flags, self.flags | set(found[1]) - set(found[2] or "")
            self.at = found.end()
            if found[3] == ")":
                return ""
            said = self.inside()
            self.flags = outer
            return said
        named = NAMED.match(self.text, self.at)
        self.at = named.end() if named else self.at + 1
        return self.inside()

    def inside(self) -> str:
        said = self.alternatives()
        self.at += 1
        return f"(?:{said})"

    def repeated(self, said: str) -> str:
        """With its quantifier, whose greed does not matter for whether a text matches."""
        while said and self.at < len(self.text):
            counted = COUNTED.match(self.text, self.at)
            if counted:
                low, high = int(counted[1]), counted[3] if counted[2] else counted[1]
                if max(low, int(high or 0)) > self.words.most:
                    raise UnsaidError(counted[0])
                how, length = f"{{{low},{high}}}" if high != str(low) else f"{{{low}}}", len(counted[0])
            elif self.text[self.at] in "*+?":
                how, length = self.text[self.at], 1
            else:
                break
            self.at += length
            self.at += self.text.startswith("?", self.at)
            said = f"(?:{said}){how}"
        return said

    def anchor(self, where: str) -> str:
        if where in ("start", "end"):
            return self.words.start if where == "start" else self.words.end
        if not self.words.around:
            raise UnsaidError("\\b" if where == "boundary" else "\\B", ASCII_WORDS)
        word = self.single("\\w")
        edge = f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
        return edge if where == "boundary" else f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"

    def single(self, piece: str) -> str:
        """The characters that a piece matches, as Polars has them."""
        found = [
            (max(low, self.words.first), high) for low, high in matching(piece, "".join(sorted(self.flags - {"U"})))
        ]
        found = [one for one in found if one[0] <= one[1]]
        if not found:
            raise UnsaidError(piece)
        return _set(found, self.words)


def _set(found: Sequence[tuple[int, int]], words: Words) -> str:
    """One character of these ranges; of many, the half that it can be in is looked at alone."""
    code, few = words.code, not words.nested or len(found) <= FEW
    if few:
        return "[" + "".join(code(low) if low == high else f"{code(low)}-{code(high)}" for low, high in found) + "]"
    half = len(found) // 2
    halves = "".join(_set(part, words) for part in (found[:half], found[half:]))
    return f"[{code(found[0][0])}-{code(found[-1][1])}&&{halves}]"


@functools.cache
def _characters() -> pl.DataFrame:
    codes = [code for low, high in EVERY for code in range(low, high + 1)]
    return pl.DataFrame({"code": codes, "text": [chr(code) for code in codes]})


@functools.cache
def matching(piece: str, flags: str) -> Ranges:
    """The code points of the characters that a piece of a pattern matches."""
    if piece.isascii() and piece.isalnum() and "i" not in flags:
        return ((ord(piece), ord(piece)),)
    flag = f"(?{flags})" if flags else ""
    try:
        found = _characters().filter(pl.col("text").str.contains(rf"{flag}\A(?:{piece})\z"))
    except pl.exceptions.ComputeError:
        raise UnsaidError(piece) from None
    follows = pl.col("code").diff().fill_null(0) == 1
    runs = found.group_by((~follows).cum_sum(), maintain_order=True).agg(
        pl.col("code").first().alias("low"), pl.col("code").last().alias("high")
    )
    return tuple(runs.select("low", "high").rows())


@functools.cache
def blanks() -> str:
    """What Polars strips from the ends of a text."""
    return "".join(_characters().filter(pl.col("text").str.strip_chars() == "")["text"])
