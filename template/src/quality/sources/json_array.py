"""JSON arrays as NDJSON: each object of the array becomes a line, which is read as strictly as lines are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from quality.errors import MalformedError
from quality.sources.encoding import kept, opened
from quality.sources.listing import File
from quality.sources.options import TextFormat

LARGEST = 2**30
"""Bytes of a file that is read whole."""
BLANK = re.compile(r"[ \t\n\r]*")


def as_lines(file: File, options: TextFormat) -> File:
    """The objects of an array as lines of a file that lasts as long as the process."""
    place, encoding = file.path, options.encoding
    if place.stat().st_size > LARGEST:
        raise MalformedError(f"{file.shown} has more than 1 GiB, and a JSON array is read whole; write it as NDJSON")
    made = kept(place, f"json {encoding}", lambda target: _write(file, options, target))
    return file._replace(place=str(made), unit="object")


def _write(file: File, options: TextFormat, target: Path) -> None:
    text = _text(file, options)
    at = _after(text, 0)
    if text[at : at + 1] != "[":
        hint = 'an array of objects such as [{"id": 1}, …]'
        said = "one object; write its records as" if text[at : at + 1] == "{" else "not"
        raise MalformedError(f"{file.shown} is {said} {hint}")
    with target.open("w", encoding="utf-8", newline="\n") as lines:
        end = _items(file, text, at + 1, lines.write)
    if text[_after(text, end) :]:
        _refuse(file, text, end, "there is more after the end of the array")


def _text(file: File, options: TextFormat) -> str:
    with opened(file.path, file.shown) as source:
        raw = source.read()
    try:
        return raw.decode("utf-8-sig" if options.is_utf8 else options.encoding)
    except UnicodeDecodeError:
        raise MalformedError(f"{file.shown}: not {options.encoding} text: set source.encoding to what it is") from None


def _items(file: File, text: str, at: int, write: Callable[[str], object]) -> int:
    """Writes each object of the array on a line of its own; where the array ends."""
    scan, first = json.JSONDecoder().raw_decode, True
    while True:
        at = _after(text, at)
        if text[at : at + 1] == "]" and first:
            return at + 1
        try:
            _, end = scan(text, at)
        except (ValueError, RecursionError):
            _refuse(file, text, at, "there is no whole value; was the file cut?")
        write(re.sub(r"[\n\r]+", " ", text[at:end]) + "\n")
        at, first = _after(text, end), False
        if text[at : at + 1] == "]":
            return at + 1
        if text[at : at + 1] != ",":
            _refuse(file, text, at, "a comma or the end of the array is missing; was the file cut?")
        at += 1


def _after(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _refuse(file: File, text: str, at: int, why: str) -> NoReturn:
    raise MalformedError(f"{file.shown} cannot be read as json: line {text.count(chr(10), 0, at) + 1:,}: {why}")
