"""One file of a source at work: what is known of it, and how it is measured where something is not known yet."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from quality.engine.frame import Frame, Surroundings
from quality.engine.groups import Planned
from quality.engine.one_pass import States, fill, merged
from quality.engine.rule import Measure, State
from quality.errors import CannotJudgeError, MalformedError, SourceError
from quality.file_states.asks import Ask, Edges, Kept, Measured, Row
from quality.file_states.ends import Marks
from quality.file_states.store import Store
from quality.file_states.written import UnkeptError, dumps, loads
from quality.merging import place
from quality.sources.parses import Parses
from quality.sources.parsing import Written
from quality.sources.source import Part, Reading
from quality.values import Scalar

HEADER = "header"
SMALL = 2**20
"""Bytes of a file whose columns are read at once: a query costs as much as to read a megabyte."""
BROKEN: tuple[type[BaseException], ...] = (Exception, pl.exceptions.PanicException)


def _elsewhere(*_: Any) -> Any:
    raise AssertionError("what is measured of a file needs nothing beside it")


def _unchanged() -> bool:
    return False


def light(around: Surroundings) -> Surroundings:
    """Surroundings that another process can be sent: whoever asks there has said all that references say."""
    return replace(around, references=_elsewhere, history=_elsewhere, past=_elsewhere, references_changed=_unchanged)


class UnlikeError(MalformedError):
    """Files that are not of one shape: the whole says what that means."""


class Header(NamedTuple):
    """What a file is made of: files of one shape have states that merge."""

    schema: pl.Schema
    rows: int
    columnar: bool
    hidden: tuple[str, ...]
    declared: tuple[tuple[Any, ...], ...]
    dtypes: pl.Schema
    exponents: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[Any, ...]:
        return (*self.schema.items(), self.columnar, self.hidden, self.declared, *self.dtypes.items())


class Piece:
    """A file, the key that its states are kept under, its states so far, and what is known of its marks.

    Of one that is new to the store, marks are not looked for.
    """

    def __init__(
        self,
        part: Part,
        key: str,
        judged: Collection[str],
        around: Surroundings,
        store: Store,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self.part, self.key, self.judged, self.around, self.store = part, key, judged, around, store
        self.kept: dict[str, Kept] = {}
        self.header: Header | None = None
        self.was_read = self.has_news = self.has_changed = False
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.marks: dict[str, Marks | None] = {}
        self.sought = pl.DataFrame()
        self.is_new = not texts
        if texts:
            with suppress(*BROKEN):
                self._load(dict(texts))

    def _load(self, texts: dict[str, str]) -> None:
        header = loads(texts.pop(HEADER))
        kept = {name: _kept(*said) for name, said in zip(texts, loads(f"[{','.join(texts.values())}]"), strict=True)}
        schema, dtypes = _schema(header["schema"]), _schema(header["dtypes"])
        declared = tuple(map(tuple, header["declared"]))
        columnar, hidden, exponents = header["columnar"], tuple(header["hidden"]), tuple(header["exponents"])
        self.header = Header(schema, header["rows"], columnar, hidden, declared, dtypes, exponents)
        self.kept = kept

    @cached_property
    def reading(self) -> Reading:
        """The file, opened alone; UnlikeError where it cannot be judged by itself."""
        found = self.part.read(self.judged)
        self.was_read = self.has_news = True
        own = all(isinstance(rule, Parses) for rule in found.declared)
        if found.differs or found.schemas or found.ended or found.there is not None or not own:
            raise UnlikeError(f"{self.part.name} cannot be judged alone")
        return found

    @cached_property
    def frame(self) -> Frame:
        """The file's rows; its queries are its own, and few and wide where a query costs more than to read the file."""
        around = replace(self.around, far=self.around.far or 0 < self.part.size <= SMALL)
        return Frame(self.reading.lazy, around, columnar=self.reading.columnar, hidden=self.reading.hidden)

    @property
    def queries(self) -> list[tuple[str, tuple[str, ...]]]:
        """What the file was asked, here and elsewhere; nothing where it was not opened."""
        return [*self.asked, *(self.frame.queries if "frame" in vars(self) else [])]

    def __getstate__(self) -> dict[str, Any]:
        """Without what only this process has open."""
        said = {name: held for name, held in vars(self).items() if name not in ("reading", "frame")}
        return said | {"around": light(self.around), "asked": self.queries}

    def absorb(self, other: Piece) -> None:
        """Takes over what was found out about the same file elsewhere."""
        self.kept, self.header, self.asked, self.marks = other.kept, other.header, other.asked, other.marks
        self.was_read, self.has_news = self.was_read or other.was_read, other.has_news
        self.has_changed, self.sought = self.has_changed or other.has_changed, other.sought

    def described(self) -> Header:
        """The header: as it is kept, or as the file says it."""
        if self.header is None:
            found, frame = self.reading, self.frame
            parses = [rule for rule in found.declared if isinstance(rule, Parses)]
            declared = tuple((one.column, one.inferred, one.told[0], *one.told[2]) for one in parses)
            dtypes = pl.Schema({str(n): one.told[1] for n, one in enumerate(parses)})
            rows = frame.rows if found.rows is None else found.rows
            self.header = Header(frame.schema, rows, found.columnar, found.hidden, declared, dtypes, found.exponents)
        return self.header

    def seek(self) -> pl.DataFrame:
        """The marks that it is looked through for, once: a worker is sent those of its files, and sends none back."""
        marks, self.sought = self.sought, pl.DataFrame()
        return marks

    def measure(self, asks: Sequence[Ask], takes: Sequence[Planned] = ()) -> dict[str, BaseException]:
        """Asks the file what is not known yet, and says why something stays unknown. Nothing is kept half.

        The queries take values of every row along, where that fits; the frame knows what became of them.
        """
        missing = self.unknown(asks)
        if not missing:
            return {}
        try:
            _ = self.frame
        except CannotJudgeError as error:
            return {one.key: error for one in missing}
        problems, self.has_news = dict[str, BaseException](), True
        for of_all in (False, True):
            problems |= self._measure([one for one in missing if one.of_all == of_all], () if of_all else takes)
        if self.frame.rows != self.described().rows:
            raise UnlikeError(f"{self.part.name} has other rows than its lines say")
        return problems

    def unknown(self, asks: Sequence[Ask]) -> list[Ask]:
        """What is not known of the file yet."""
        return [one for one in asks if not (one.key in self.kept and self.kept[one.key].holds_for(one))]

    def _measure(self, asks: Sequence[Ask], takes: Sequence[Planned]) -> dict[str, BaseException]:
        states, planned, problems = States({}), [*takes], dict[str, BaseException]()
        for number, one in enumerate(asks):
            try:
                planned.append(one.planned(number))
            except BROKEN as error:
                problems[one.key] = error
                continue
            if one.values is not None:
                asked = Measured(columns=one.rule.subjects)
                planned.append(Planned(-1 - number, asked, _nearest(one.values, one.edges)))
        wrong = fill(states, planned, self.frame, BROKEN, lambda rules: None)
        for number, one in enumerate(asks):
            if broken := wrong.get(number) or wrong.get(-1 - number):
                problems[one.key] = broken
            elif one.key not in problems:
                self.kept[one.key] = _answer(one, number, states)
        return problems

    def save(self) -> None:
        """Keeps the states, where there are new ones."""
        if not self.has_news:
            return
        self.has_news = False
        header = self.described()
        said: dict[str, Any] = header._asdict() | {"schema": _text(header.schema), "dtypes": _text(header.dtypes)}
        texts = {HEADER: dumps(said)}
        for key, kept in self.kept.items():
            with suppress(UnkeptError):
                texts[key] = dumps(list(kept))
        self.keep(self.key, pl.DataFrame({"key": list(texts), "state": list(texts.values())}))

    def keep(self, name: str, table: pl.DataFrame, about: Mapping[str, str] | None = None) -> None:
        """Keeps what was read of the file; nothing once it is another one than was listed, as its name says which."""
        self.has_changed = self.has_changed or self._is_another()
        if not self.has_changed:
            self.store.write(name, table, about)

    def _is_another(self) -> bool:
        try:
            return self.part.has_changed()
        except (SourceError, OSError):
            return True


def _answer(ask: Ask, number: int, states: States) -> Kept:
    """The states of a file, one for each segment."""
    by = ask.rule.by
    found: dict[Any, tuple[dict[str, Any], list[State]]] = {}
    for segment, state in states.rows[number]:
        told = {} if by is None else {by: segment[by]}
        found.setdefault(place(segment[by] if by is not None else None), (told, []))[1].append(state)
    rows: list[Row] = [(told, _one(some, ask)) for told, some in found.values()]
    if ask.values is None:
        return Kept(rows)
    near = merged(_nearest(ask.values, ask.edges), [state for _, state in states.rows[-1 - number]])
    return Kept(rows, ask.edges, tuple((near[f"below {n}"], near[f"above {n}"]) for n in range(len(ask.edges))))


def _one(states: Sequence[State], ask: Ask) -> dict[str, Any]:
    return dict(states[0] if ask.of_all else merged(ask.merged_by, states))


def _nearest(values: pl.Expr, edges: Edges) -> dict[str, Measure]:
    """The nearest values on both sides of each edge."""
    below = {f"below {n}": Measure(values.filter(values <= edge).max(), "max") for n, edge in enumerate(edges)}
    return below | {f"above {n}": Measure(values.filter(values > edge).min(), "min") for n, edge in enumerate(edges)}


def parses(header: Header, look: Callable[..., list[dict[str, Scalar]]]) -> list[Parses]:
    """The rules that declared dtypes are; `look` finds wrong values by column, and whether its dtype is inferred."""
    found = []
    for number, (column, inferred, text, *written) in enumerate(header.declared):
        one = functools.partial(look, column, inferred)
        found.append(Parses.of(column, header.dtypes[str(number)], Written(*written), inferred, text, one))
    return found


def _kept(rows: list[Any], edges: list[float], gaps: list[Any]) -> Kept:
    pairs = tuple((below, above) for below, above in gaps)
    return Kept([(segment, state) for segment, state in rows], tuple(edges), pairs)


def _text(schema: pl.Schema) -> str:
    held = io.BytesIO()
    pl.DataFrame(schema=schema).write_ipc(held)
    return base64.b64encode(held.getvalue()).decode()


@functools.lru_cache(maxsize=64)
def _schema(text: str) -> pl.Schema:
    return pl.read_ipc(io.BytesIO(base64.b64decode(text))).schema
