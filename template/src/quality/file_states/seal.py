"""A checksum within a kept table: a byte that was flipped on a disk would be a count, or a key, like any other.

It stands in the table's footer and is of all bytes of the file, its own digits taken as zeros.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

ABOUT, SUM = "sum of what is beside", "sum"
NAMED = b"sum:"
DIGITS = 8
CHUNK = 2**20


def beside(about: Mapping[str, str], sealed: bool) -> dict[str, str]:
    """What is written beside a table, with a checksum of its own and, where it is sealed, room for the file's."""
    room = {SUM: NAMED.decode() + "0" * DIGITS} if sealed else {}
    return {**about, ABOUT: _sum_of(about), **room}


def said(written: Mapping[str, str]) -> dict[str, str]:
    """What was written beside a table; nothing where it is damaged."""
    about = {name: text for name, text in written.items() if name not in (ABOUT, SUM, "ARROW:schema")}
    return about if written.get(ABOUT) in (None, _sum_of(about)) else {}


def seal(file: Path) -> None:
    """Fills in the checksum of a file."""
    if (at := _place(file)) is not None:
        total = _sum(file, at)
        with file.open("r+b") as opened:
            opened.seek(at)
            opened.write(total)


def refuse_damaged(file: Path) -> None:
    """ValueError for a file whose bytes are others than were written; one without a checksum is taken as it is."""
    if (at := _place(file)) is None:
        return
    with file.open("rb") as opened:
        opened.seek(at)
        kept = opened.read(DIGITS)
    if kept != _sum(file, at):
        raise ValueError(f"{file.name} is damaged")


def _place(file: Path) -> int | None:
    """Where the digits stand, in the footer, whose length is told by the last bytes but four."""
    with file.open("rb") as opened:
        end = opened.seek(0, 2)
        opened.seek(max(end - 8, 0))
        start = end - 8 - int.from_bytes(opened.read(4), "little")
        opened.seek(max(start, 0))
        at = opened.read().rfind(NAMED) if 0 < start < end else -1
    return None if at < 0 else start + at + len(NAMED)


def _sum(file: Path, at: int) -> bytes:
    """The digits of a file's checksum."""
    found = 0
    for chunk in _chunks(file, at):
        found = zlib.crc32(chunk, found)
    return f"{found:0{DIGITS}x}".encode()


def _chunks(file: Path, at: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while opened.tell() < at:
            yield opened.read(min(CHUNK, at - opened.tell()))
        yield b"0" * len(opened.read(DIGITS))
        while chunk := opened.read(CHUNK):
            yield chunk


def _sum_of(about: Mapping[str, str]) -> str:
    return f"{zlib.crc32(json.dumps(about, sort_keys=True).encode()):0{DIGITS}x}"
