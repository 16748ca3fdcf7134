"""Columns of text as their dtypes: declared ones, or those of the first rows; what does not fit is counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from quality.engine.frame import Frame
from quality.sources.dates import dated
from quality.sources.options import TextFormat, dtype_of
from quality.sources.parses import Parses
from quality.sources.parsing import Written, parsed, strictly, unparsed
from quality.sources.source import Reading
from quality.values import Scalar

SAMPLE = 10_000
"""Rows that an undeclared dtype is told from."""
GUESSES = (
    (pl.Int64(), False),
    (pl.Int128(), False),
    (pl.Float64(), False),
    (pl.Float64(), True),
    (pl.Boolean(), False),
)
"""What text may be, in this order; the second is whether numbers may have exponents."""

Wrong = Callable[[int, str, pl.Expr, int, Frame], list[dict[str, Scalar]]]


class Text(NamedTuple):
    """Rows whose columns are text named by their number; `key 0`, … are those of folders. `wrong` looks rows up.

    Columns in `native` have their dtype already.
    """

    lazy: pl.LazyFrame
    columns: Sequence[str]
    keys: Mapping[str, pl.DataType]
    wrong: Wrong
    native: Mapping[str, pl.DataType] = {}


class Column(NamedTuple):
    """What a column of text is read as."""

    dtype: pl.DataType
    written: Written
    declared: bool


def typed(text: Text, options: TextFormat, judged: Collection[str] | None, count: int) -> Reading:
    """The columns as their dtypes. Texts that do not fit a declared dtype are null, and failing rows of a rule of
    their own. A dtype of the first rows is a guess, and what does not fit it breaks every query that reads it; where a
    rule judges the dtype itself, in `judged`, the guess is a rule of its own as well."""
    known = _columns(text, options, count)
    read, hidden, rules = list[pl.Expr](), list[pl.Expr](), list[Parses]()
    for number, (name, column) in enumerate(known.items()):
        own = pl.col(str(number))
        lenient = judged is not None and column.declared
        read.append(_value(name, own, column, lenient, name in text.native).alias(name))
        ruled = judged is not None and (column.declared or name in judged) and name not in text.native
        if ruled and column.dtype not in (pl.String, pl.Null, pl.Categorical):
            label = _unlike(f"text of {name}", [*known, *text.keys])
            hidden.append(own.alias(label))
            rules.append(_rule(name, number, column, label, text.wrong))
    if judged is not None:
        rules += [_gone(name, options) for name in sorted(set(options.declared) - {*known, *text.keys})]
    for number, (key, dtype) in enumerate(text.keys.items()):
        read.append(parsed(pl.col(f"key {number}"), dtype, Written()).alias(key))
    lazy = text.lazy.select(*read, *hidden)
    schema = pl.Schema({name: column.dtype for name, column in known.items()} | dict(text.keys))
    plain = {name: pl.String() if dtype == pl.Null else dtype for name, dtype in schema.items()}
    schemas = {"": pl.Schema(plain)} if pl.Null in schema.values() else {}
    shown = tuple(expr.meta.output_name() for expr in hidden)
    return Reading(lazy, shown, tuple(rules), schemas, exponents=_exponents(known, options))


def _exponents(known: Mapping[str, Column], options: TextFormat) -> tuple[str, ...]:
    """The columns that are guessed to have exponents, which the source does not say of all."""
    guessed = (name for name, one in known.items() if one.written.scientific and not one.declared)
    return () if options.scientific else tuple(guessed)


def _value(name: str, text: pl.Expr, column: Column, lenient: bool, native: bool) -> pl.Expr:
    if native:
        return text
    if lenient:
        return parsed(text, column.dtype, column.written)
    why = "as declared" if column.declared else "in its first rows"
    return strictly(text, column.dtype, column.written, f"column '{name}' is {column.dtype} {why}, but not in all:")


def _rule(name: str, number: int, column: Column, label: str, wrong: Wrong) -> Parses:
    look = partial(_look, wrong, number, name, column)
    return Parses.of(name, column.dtype, column.written, not column.declared, label, look)


def _gone(name: str, options: TextFormat) -> Parses:
    """The declaration of a column that the data has not, which alone cannot be judged for it."""
    column = _declared(name, options, Written())
    return Parses.of(name, column.dtype, column.written, False, name, lambda most, frame: [])


def _look(wrong: Wrong, number: int, name: str, column: Column, most: int, frame: Frame) -> list[dict[str, Scalar]]:
    return wrong(number, name, unparsed(pl.col("text"), column.dtype, column.written), most, frame)


def _unlike(name: str, others: Collection[str]) -> str:
    while name in others:
        name += " "
    return name


def _columns(text: Text, options: TextFormat, count: int) -> dict[str, Column]:
    """What each column is read as, in order."""
    written = Written(options.decimal, options.thousands, options.scientific)
    known: dict[str, Column | None] = {}
    for name in text.columns:
        if name in text.native:
            known[name] = Column(text.native[name], written, False)
        else:
            known[name] = _declared(name, options, written) if name in options.declared else None
    unknown = [str(number) for number, name in enumerate(text.columns) if known[name] is None]
    guessed = _guess(text.lazy, unknown, written, count)
    return {name: known[name] or guessed[str(number)] for number, name in enumerate(text.columns)}


def _declared(name: str, options: TextFormat, written: Written) -> Column:
    """What a declared column is read as, whether the data has it or not."""
    form = options.date_of(name)
    own = dtype_of(options.dtypes[name]) if name in options.dtypes else None
    dtype = dated(form) if form is not None and own in (None, pl.Datetime) else own
    return Column(dtype or pl.String(), written._replace(date=form), True)


def _guess(lazy: pl.LazyFrame, columns: Sequence[str], written: Written, count: int) -> dict[str, Column]:
    """The dtypes of the first rows with a value; Null for a column that has none anywhere."""
    if not columns:
        return {}
    first = lazy.select(columns).head(SAMPLE).collect(engine="streaming")
    empty = [name for name in columns if not _has_value(first[name])]
    later = pl.DataFrame()
    if empty and count > SAMPLE:
        there = pl.any_horizontal([pl.col(name).is_not_null() & (pl.col(name) != "") for name in empty])
        later = lazy.select(empty).filter(there).head(SAMPLE).collect(engine="streaming")
    found = {
        name: Column(pl.Null(), written, False) for name in empty if not later.height or not _has_value(later[name])
    }
    for frame, names in (
        (first, [n for n in columns if n not in empty]),
        (later, [n for n in empty if n not in found]),
    ):
        found |= _guessed(frame, names, written)
    return found


def _has_value(texts: pl.Series) -> bool:
    return bool((texts.is_not_null() & (texts != "")).any())


def _guessed(texts: pl.DataFrame, names: Sequence[str], written: Written) -> dict[str, Column]:
    """The first dtype that all texts of a column are, for each."""
    found: dict[str, Column] = {}
    for dtype, scientific in GUESSES:
        form = written._replace(scientific=scientific or written.scientific)
        left = [name for name in names if name not in found]
        wrong = texts.select(unparsed(pl.col(name), dtype, form).any().alias(name) for name in left)
        found |= {name: Column(dtype, form, False) for name in left if not wrong[name].item()}
    return found | {name: Column(pl.String(), written, False) for name in names if name not in found}
