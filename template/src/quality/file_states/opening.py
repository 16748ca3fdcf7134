"""A source of many files opened with the states that are kept of them, where that says the same as reading them all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from quality.contract.config import CheckConfig
from quality.contract.policy import KeptStates
from quality.contract.references import References
from quality.engine.frame import Frame, Surroundings
from quality.errors import MalformedError, SourceError, first_line
from quality.file_states.asks import digest
from quality.file_states.frame import Whole
from quality.file_states.gathered import gather, texts_of
from quality.file_states.measuring import Measuring
from quality.file_states.nights import about, made_by, read_by, remember
from quality.file_states.piece import BROKEN, Header, Piece, parses
from quality.file_states.spread import Spread, SpreadError, described, spread_for
from quality.file_states.store import GONE, Store
from quality.history.claims import claim
from quality.sources import Source
from quality.sources import digest as digest_of
from quality.sources.parses import Parses
from quality.sources.source import Part, Reading, settled_parts
from quality.sources.typed import SAMPLE
from quality.values import Scalar, Status

FULL = "full"
"""Beside the states: when everything was read."""
IGNORED = "QUALITY_FULL"
"""Set where kept states are neither used nor made."""
CHANGED = "changed"
"""The version of a source of which a file was seen to change; no source says it."""


class Kept(NamedTuple):
    """The whole, the rules that its source adds, and the pass that asks states first; `partly` of one partition.

    `about` is what is kept of the night beside its files and its verdict.
    """

    frame: Whole
    declared: tuple[Parses, ...]
    measuring: Measuring
    store: Store
    keep: KeptStates
    references: Callable[[], dict[str, str]]
    partly: bool
    about: Mapping[str, str]

    def is_due(self, now: datetime) -> bool:
        """Whether everything is to be read all the same, to compare; not where all of it has just been read."""
        if self.keep.full_every_days is None or self.partly:
            return False
        last = self.store.about(FULL).get("at")
        if last is None and all(piece.was_read for piece in self.measuring.pieces):
            self.was_full(now)
            return False
        return last is None or abs(now - datetime.fromisoformat(last)) >= timedelta(days=self.keep.full_every_days)

    def was_full(self, now: datetime) -> None:
        """Remembers when everything was read."""
        with suppress(*GONE):
            self.store.write(FULL, pl.DataFrame(), {"at": now.isoformat()})

    def remember(self, now: datetime, status: Status) -> None:
        """Which files this check was about, for whoever judges their states by other rules; what is old is deleted."""
        pieces = self.measuring.pieces
        if self.partly or any(piece.has_changed for piece in pieces):
            return
        with suppress(*GONE):
            version = digest_of(self.frame.version)
            more = self.about if version is None else {**self.about, "version": version}
            remember(self.store, pieces, now, status, self.references(), more)
            if read := {piece.key for piece in pieces if piece.was_read}:
                gather(self.store, [piece.key for piece in pieces], read)
                self.store.prune(self.keep.keep_days)


class Asked(NamedTuple):
    """A source that is to be judged, and by what; `judged` are the columns whose dtypes rules judge."""

    source: Source
    base: Path
    config: CheckConfig
    around: Surroundings
    references: References
    judged: frozenset[str]
    version: str | None


def opened(asked: Asked) -> Kept | str | None:
    """The source as its files' states have it; None where states are off, and why not where they cannot be used.

    What is wrong with the source is said by reading it whole.
    """
    config = asked.config
    if not wanted(config):
        return None
    try:
        parts = settled_parts(asked.source, asked.base)
        if not parts or (config.states.enabled is None and len(parts) == 1):
            return None
        store = Store(config.states.path, config.dataset, config.environment or "none")
        if said := _anothers(store):
            return said
        salt = _salt(asked.source, asked.judged, config.sensitive)
        pieces = _pieces(asked, {_key(part, salt): part for part in parts}, store)
        spread = spread_for(config.engine, asked.around.far or store.remote)
        spread.over([piece for piece in pieces if piece.header is None], described)
        headers = [piece.described() for piece in pieces]
    except SpreadError:
        raise
    except BROKEN as error:
        return first_line(error)
    if odd := next((piece for piece, one in zip(pieces, headers, strict=True) if one.shape != headers[0].shape), None):
        return f"{odd.part.name} is not of the shape of {pieces[0].part.name}"
    if said := _guessed_apart(pieces, headers):
        return said
    return _kept(asked, store, pieces, headers, spread)


def _anothers(store: Store) -> str | None:
    """Why states cannot be kept in a store that is of another domain."""
    try:
        claim(store.folder)
    except SourceError as error:
        return f"states could not be kept: {first_line(error)}"
    except GONE:
        return None  # whoever writes next says why that cannot be
    return None


def _guessed_apart(pieces: Sequence[Piece], headers: Sequence[Header]) -> str | None:
    """Why a file alone may be read otherwise than among all, whose first rows tell what is guessed."""
    before, known = 0, set[str]()
    for piece, header in zip(pieces, headers, strict=True):
        known |= set(header.exponents) if before == 0 or before + header.rows <= SAMPLE else set()
        if other := next((name for name in header.exponents if name not in known), None):
            return f"{piece.part.name} has numbers such as 1e5 in '{other}', which the first rows of all files have not"
        before += header.rows
    return None


@contextmanager
def ignored() -> Iterator[None]:
    """Everything is read, here and in child processes, and nothing is kept of it."""
    before = os.environ.get(IGNORED)
    os.environ[IGNORED] = "1"
    try:
        yield
    finally:
        os.environ.pop(IGNORED) if before is None else os.environ.update({IGNORED: before})


def wanted(config: CheckConfig) -> bool:
    """Whether states are kept: as the policy says; where it says nothing, for a dataset of a repository."""
    if os.environ.get(IGNORED):
        return False
    if config.states.enabled is None:
        return config.environment is not None or config.engine is not None
    return config.states.enabled


def _salt(source: Source, judged: frozenset[str], sensitive: Collection[str]) -> str:
    """What shapes the states of every file: how it is read, by which code, and of which columns no value is kept."""
    return digest(read_by(source), made_by(), sorted(judged), sorted(sensitive))


def _pieces(asked: Asked, parts: Mapping[str, Part], store: Store) -> list[Piece]:
    texts = texts_of(store, tuple(parts))
    return [Piece(part, key, asked.judged, asked.around, store, texts.get(key)) for key, part in parts.items()]


def _key(part: Part, salt: str) -> str:
    """The same for the same file; one of its own for a file that may still change unseen."""
    return digest(part.name, part.version, salt, None if part.settled else time.time_ns())


class _Rows:
    """The whole source, opened once and only where it is needed."""

    def __init__(self, source: Source, base: Path, judged: frozenset[str], schema: pl.Schema) -> None:
        self.read = partial(source.read, base, judged)
        self.schema = schema
        self.found: Reading | None = None

    def reading(self) -> Reading:
        if self.found is None:
            found: Reading = self.read()
            there = found.lazy.collect_schema()
            if found.differs or {n: t for n, t in there.items() if n not in found.hidden} != dict(self.schema):
                raise MalformedError(found.differs or "the files read together are of another shape than each alone")
            self.found = found
        return self.found

    def look(self, column: str, inferred: bool, most: int, frame: Frame) -> list[dict[str, Scalar]]:
        """The first wrong values of a declared column, of all files."""
        for rule in self.reading().declared:
            if isinstance(rule, Parses) and (rule.column, rule.inferred) == (column, inferred):
                return rule.look(most, frame)
        return []


def _version_now(source: Source, base: Path, pieces: Sequence[Piece]) -> str | None:
    """The version of the source; another one where a file was another while it was read, whatever it is now."""
    return CHANGED if any(piece.has_changed for piece in pieces) else source.version(base)


def _kept(asked: Asked, store: Store, pieces: Sequence[Piece], headers: Sequence[Header], spread: Spread) -> Kept:
    source, base, first = asked.source, asked.base, headers[0]
    rows = _Rows(source, base, asked.judged, first.schema)
    whole = Whole(
        first.schema,
        asked.around,
        lambda: rows.reading().lazy,
        columnar=first.columnar,
        version=asked.version,
        version_now=partial(_version_now, source, base, pieces),
        hidden=first.hidden,
    )
    whole.rows_seen(sum(one.rows for one in headers))
    declared, config = tuple(parses(first, rows.look)), asked.config
    scope = config.part.name if config.part else ""
    measuring = Measuring(pieces, whole, store, asked.references.version, config.sensitive, spread, scope)
    partly, said = config.partition is not None, about(source, config, asked.judged)
    return Kept(whole, declared, measuring, store, config.states, asked.references.versions, partly, said)
