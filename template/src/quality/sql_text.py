"""SQL conditions as text: what they may say, found on their tokens before Polars, which runs what it parses, sees them.

A condition speaks of a row. No query, no file, no table function can be part of it, however it is spelt: quoted text
and quoted names are skipped as a whole, comments may hold no quote that would hide what follows, and what is neither
is read word by word.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

import polars as pl

from quality.errors import ConfigurationError, first_line
from quality.sql_meaning import TRUTHS, meant
from quality.texts import shorten

TOKEN = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?P<comment>--[^\n]*|/\*.*?\*/)"""
    r"|(?P<number>\d[\d.]*(?:[eE][+-]?\d+)?)|(?P<word>[^\W\d]\w*)|(?P<blank>\s+)|(?P<sign>.)",
    re.DOTALL,
)
QUERIES = ("SELECT", "EXISTS", "UNION", "INTERSECT", "EXCEPT", "LATERAL")
"""Words that only a query has."""
BEGINNINGS = ("FROM", "WITH", "VALUES", "TABLE")
"""Words that are those of a query where it begins, and of `EXTRACT(year FROM day)` or of a column elsewhere."""
READERS = re.compile(r"READ_\w+|SCAN_\w+|COLUMNS")
PADS = ("LPAD", "RPAD")
LONGEST, DEEPEST, CONNECTED, WIDEST = 100_000, 40, 2_000, 10_000
ROW = "a condition speaks of a single row"


class Token(NamedTuple):
    """A word in capitals, a number, a sign or something quoted, with where it begins and how deep it stands."""

    kind: str
    text: str
    start: int
    depth: int


@functools.lru_cache(maxsize=1_000)
def tokens(sql: str) -> tuple[Token, ...]:
    """The tokens of a condition; ValueError with what it must not say. Words within comments count as words."""
    if len(sql) > LONGEST:
        raise ValueError(f"it is {len(sql):,} characters long; at most {LONGEST:,} are read: use several rules")
    found, depth = [], 0
    for match in TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match.group()
        if kind == "comment":
            found += _commented(text, match.start(), depth)
        elif kind != "blank":
            opens = text in "([" if kind == "sign" else text.upper() == "CASE"
            closes = text in ")]" if kind == "sign" else kind == "word" and text.upper() == "END"
            depth -= closes
            found.append(Token(kind, text.upper() if kind == "word" else text, match.start(), depth))
            depth += opens
    _refuse(found, sql)
    return tuple(found)


def _commented(text: str, start: int, depth: int) -> list[Token]:
    if re.search("['\"`$]", text[2:]) or "/*" in text[2:]:
        raise ValueError("a comment holds a quote; say it in the rule's `description` instead")
    return [Token("comment", word.upper(), start, depth) for word in re.findall(r"[^\W\d]\w*", text)]


def _refuse(found: list[Token], sql: str) -> None:
    before = ""
    _refuse_open_ends(found)
    for number, token in enumerate(found):
        if token.kind in ("word", "comment") and (
            token.text in QUERIES or (before == "(" and token.text in BEGINNINGS and token.kind == "word")
        ):
            word = sql[token.start : token.start + len(token.text)]
            raise ValueError(f'{ROW} and holds no query ({word}); a column of that name is written "{word.lower()}"')
        opens = number + 1 < len(found) and found[number + 1].text == "("
        if token.kind == "word" and opens and READERS.fullmatch(token.text):
            raise ValueError(f"{ROW} and reads nothing else; {token.text.lower()}() is not a function of its values")
        if token.kind == "word" and opens and token.text in PADS:
            _refuse_wide(token.text, found[number + 2 :])
        if token.kind == "sign" and token.text in "$;'\"`":
            raise ValueError(f"the {token.text} in it is not a part of a condition, or a quote is not closed")
        before = token.text if token.kind != "comment" else before
    if glued := re.search(r"(?<![\w.])\d[\d.]*(?!\d)(?![eE][+-]?\d)[^\W\d]", _unquoted(found)):
        raise ValueError(f"a number runs into a word at '{glued.group()}'")
    if max((token.depth for token in found), default=0) > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST} brackets: use several rules")
    if sum(token.text in ("AND", "OR") for token in found) > CONNECTED:
        raise ValueError(f"it connects more than {CONNECTED:,} conditions: use several rules")


def _refuse_open_ends(found: list[Token]) -> None:
    """Polars reads what DISTINCT FROM compares with up to the end of its brackets, with all that AND and OR add."""
    opened: set[int] = set()
    for token in (one for one in found if one.kind in ("word", "sign")):
        opened = {depth for depth in opened if depth <= token.depth}
        if token.text == "DISTINCT" and token.depth:
            opened.add(token.depth)
        elif token.text in (",", "WHEN", "THEN", "ELSE"):
            opened.discard(token.depth)
        elif token.text in ("AND", "OR") and token.depth in opened:
            raise ValueError(
                f"in brackets IS DISTINCT FROM takes all up to their end, this {token.text} too: "
                f"write (a IS DISTINCT FROM b) {token.text} …"
            )


def _unquoted(found: list[Token]) -> str:
    """Numbers and words with a blank between all that do not touch."""
    text, end = [], 0
    for token in found:
        if token.kind in ("number", "word"):
            text.append(token.text if token.start == end else f" {token.text}")
            end = token.start + len(token.text)
    return "".join(text)


def _refuse_wide(function: str, arguments: list[Token]) -> None:
    """The second argument is one number, and no large one: as many characters would be made for every row."""
    depth = arguments[0].depth if arguments else 0
    commas = [n for n, token in enumerate(arguments) if token.text == "," and token.depth == depth]
    width = arguments[commas[0] + 1 : commas[0] + 3] if commas else []
    if len(width) < 2 or width[0].kind != "number" or width[1].text not in (",", ")") or float(width[0].text) > WIDEST:
        raise ValueError(f"{function.lower()} takes a number up to {WIDEST:,} as its length")


def parts(sql: str, connector: str) -> list[str]:
    """The conditions that the connector, AND or OR, stands between outside of all brackets; AND of BETWEEN is none."""
    found, cuts, between = tokens(sql), [0], 0
    for token in found:
        if token.depth == 0 and token.kind == "word":
            between += token.text == "BETWEEN"
            if token.text == "AND" and between:
                between -= 1
            elif token.text == connector:
                cuts += [token.start, token.start + len(connector)]
    if len(cuts) == 1:
        return [sql]
    return [sql[a:b] for a, b in zip(cuts[::2], [*cuts[1::2], len(sql)], strict=True)]


def patterns(sql: str) -> list[str]:
    """The regular expressions that a condition is written with: after `~`, `~*`, RLIKE and in REGEXP_LIKE(name, …)."""
    found = tokens(sql)
    texts = []
    for number, token in enumerate(found):
        before = [one.text for one in found[max(0, number - 4) : number]]
        after = before[-1:] in (["~"], ["RLIKE"], ["REGEXP"]) or before[-2:] == ["~", "*"]
        if token.text[0] == "'" and (after or (before[-1:] == [","] and "REGEXP_LIKE" in before)):
            texts.append(token.text[1:-1].replace("''", "'"))
    return texts


def refuse_patterns(sql: str) -> None:
    """ConfigurationError for a regular expression that cannot be read."""
    for pattern in patterns(sql):
        try:
            pl.select(pl.lit("").str.contains(pattern))
        except pl.exceptions.PolarsError as error:
            said = " ".join(str(error).split())
            raise ConfigurationError(f"cannot read the pattern '{pattern}' in the SQL '{brief(sql)}': {said}") from None


def several(sql: str, across: set[str]) -> str:
    """Why a condition that is about other rows, too, is refused."""
    return f"the SQL '{brief(sql)}' speaks of several rows at once ({', '.join(sorted(across))}); {ROW}"


def brief(sql: str) -> str:
    """A condition as a sentence quotes it."""
    return shorten(" ".join(sql.split()), 100)


HINTS = {
    "to a string value": "a date is compared with a text; write DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00'",
    r"Datetime\('\w+', '": "a time zone is compared with none; write TIMESTAMPTZ '2024-01-31 12:00:00+00:00', or use "
    "not_future, not_past or freshness instead of NOW()",
}


def fixed(error: BaseException) -> str:
    """What Polars says of a condition that it cannot compute; where it is known, what to write instead."""
    said = str(error)
    return next((hint for pattern, hint in HINTS.items() if re.search(pattern, said)), first_line(error))


def expression(sql: str, connector: str = "OR") -> pl.Expr:
    """The condition as a tree as flat as it can be: what is nested a thousand deep takes Polars seconds."""
    pieces = parts(sql, connector)
    if len(pieces) == 1 and connector == "AND":
        return _read(sql)
    exprs = [expression(piece, "AND") if connector == "OR" else _read(piece) for piece in pieces]
    return _folded(exprs, connector)


def _read(sql: str) -> pl.Expr:
    words = [token for token in tokens(sql) if token.kind != "comment"]
    texts = ["", "", *(token.text for token in words)]
    before = zip(words, texts, texts[1:], strict=False)
    return meant(
        sql,
        [
            (token.start, token.text, last == "IS" or (first, last) == ("IS", "NOT"))
            for token, first, last in before
            if token.kind == "word" and token.text in TRUTHS
        ],
    )


def _folded(exprs: list[pl.Expr], connector: str) -> pl.Expr:
    if len(exprs) == 1:
        return exprs[0]
    half = len(exprs) // 2
    left, right = _folded(exprs[:half], connector), _folded(exprs[half:], connector)
    return left & right if connector == "AND" else left | right
