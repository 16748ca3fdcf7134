"""Work on many files that goes elsewhere in batches, where something runs it there, and comes back with their states.

A batch is cut by bytes, so that a task is worth its cost; what fits into one batch is done here. What a worker raises
comes back as an answer, as another attempt would raise it again: a task that fails is one whose worker was lost.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, TypeVar

from quality.contract.engine import Engine, memory
from quality.errors import SourceError, first_line
from quality.file_states.piece import BROKEN, Piece
from quality.sources import storage

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
"""Calls a function with every one of the batches, wherever it likes, and gives the answers in their order."""

TOGETHER = 32 * 2**20
"""Bytes of files that are measured beside each other, as each of them is decoded."""

EACH: ContextVar[Each | None] = ContextVar("each", default=None)
"""What runs batches elsewhere, set around a check by whoever has a task runner."""


class SpreadError(SourceError):
    """Batches came back without an answer."""


class Spread(NamedTuple):
    """How files are cut into batches, and what runs them; here, one file after the other, where nothing does.

    Files that are far, or whose states are, wait for a store: small ones are measured beside each other.
    """

    each: Each | None = None
    files: int = 100
    size: int = 512 * 2**20
    far: bool = False

    def __reduce__(self) -> tuple[type[Spread], tuple[None, int, int, bool]]:
        """What is sent elsewhere sends nothing on: a runner that is at work belongs to its process."""
        return Spread, (None, self.files, self.size, self.far)

    def over(self, pieces: Sequence[Piece], work: Callable[[Sequence[Piece]], Sequence[Answer]]) -> list[Answer]:
        """What the work says of each file, in their order; the files know what it found out."""
        work = partial(beside, work) if self.far else work
        batches = list(_batches(pieces, self.files, self.size)) if self.each else []
        if self.each is None or len(batches) < 2:
            return list(work(pieces))
        answers, wrong = list[Answer](), list[BaseException]()
        for batch, (theirs, said) in zip(batches, self.each(partial(_carried, work), batches), strict=True):
            for piece, other in zip(batch, theirs, strict=True):
                piece.absorb(other)
            if isinstance(said, BaseException):
                wrong.append(said)
            else:
                answers += said
        if wrong:
            raise wrong[0]
        return answers

    def each_of(self, items: Sequence[Item], work: Callable[[Item], Answer]) -> list[Answer]:
        """What the work says of each item, in their order."""
        if self.each is None or len(items) < 2:
            return [work(item) for item in items]
        answers = self.each(partial(_answered, work), items)
        for said in answers:
            if isinstance(said, BaseException):
                raise said
        return answers


def _batches(pieces: Sequence[Piece], files: int, size: int) -> Iterator[list[Piece]]:
    """Files one after the other, cut into batches of so many files and bytes."""
    batch, held = list[Piece](), 0
    for piece in pieces:
        if batch and (len(batch) >= files or held + piece.part.size > size):
            yield batch
            batch, held = [], 0
        batch.append(piece)
        held += piece.part.size
    if batch:
        yield batch


HERE = Spread()


def spread_for(engine: Engine | None, far: bool) -> Spread:
    """As the policy says, where something runs batches elsewhere."""
    each = EACH.get()
    if engine is None or each is None:
        return Spread(far=far)
    return Spread(each, engine.files_per_task, memory(engine.bytes_per_task), far)


def beside(work: Callable[[Sequence[Piece]], Sequence[Answer]], pieces: Sequence[Piece]) -> list[Answer]:
    """What the work says of each file, in their order: of small ones beside each other, of a large one by itself."""
    told = list[Answer]()
    for some in _batches(pieces, len(pieces), TOGETHER):
        for answers in storage.each(work, [[piece] for piece in some], far=len(some) > 1):
            told += answers
    return told


def described(pieces: Sequence[Piece]) -> list[None]:
    """Reads what each file is made of."""
    return [piece.described() and None for piece in pieces]


def _carried(work: Callable[[Sequence[Piece]], Any], pieces: Sequence[Piece]) -> tuple[Sequence[Piece], Any]:
    """The files as they are after the work, and what it says or raises."""
    return pieces, _answered(work, pieces)


def _answered(work: Callable[[Any], Any], given: Any) -> Any:
    try:
        return work(given)
    except BROKEN as error:
        return _sendable(error)


def _sendable(error: BaseException) -> BaseException:
    """The error, or what it says, where another process could not take it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return SourceError(first_line(error))
    return error
