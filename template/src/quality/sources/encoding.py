"""Text files of other encodings, as UTF-8 files for as long as the process runs; and where a file is not UTF-8."""

from __future__ import annotations

import atexit
import codecs
import functools
import gzip
import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from quality.errors import MalformedError

BLOCK = 1 << 20


@functools.cache
def _folder() -> Path:
    """A folder of this process's own, which only its user can read."""
    folder = Path(tempfile.mkdtemp(prefix="quality-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


_numbers = itertools.count()
_made: dict[tuple[str, str], tuple[tuple[int, int, int], Path]] = {}


def as_utf8(file: Path, shown: str, encoding: str) -> Path:
    """A UTF-8 copy of a file, made once for each version of it; MalformedError names the line that cannot be read."""

    def write(made: Path) -> None:
        with opened(file, shown) as source, made.open("w", encoding="utf-8", newline="") as target:
            _copy(source, target, shown, encoding)

    return kept(file, encoding, write)


def kept(file: Path, kind: str, write: Callable[[Path], None]) -> Path:
    """Another form of a file, written once for each version of it, which lasts as long as the process."""
    stat = file.stat()
    version, known = (stat.st_size, stat.st_mtime_ns, stat.st_ino), _made.get((str(file), kind))
    if known is not None and known[0] == version and known[1].exists():
        return known[1]
    made = scratch(f"{stat.st_ino}-{stat.st_mtime_ns}")
    write(made)
    if known is not None:
        known[1].unlink(missing_ok=True)
    _made[str(file), kind] = (version, made)
    return made


def scratch(name: str) -> Path:
    """A new place in a folder of this process's own, which is gone when the process ends."""
    return _folder() / f"{next(_numbers)}-{name}"


def _copy(source: IO[bytes], target: IO[str], shown: str, encoding: str) -> None:
    decoder, lines = codecs.getincrementaldecoder(encoding)(), 1
    while True:
        block = source.read(BLOCK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = lines + str(error.object[: error.start], encoding, "ignore").count("\n")
            raise MalformedError(
                f"{shown} line {line:,}: not {encoding} text ({error.reason}): set source.encoding to what it is"
            ) from None
        lines += text.count("\n")
        target.write(text)
        if not block:
            return


def opened(file: Path, shown: str) -> IO[bytes]:
    """The bytes of a file, unpacked."""
    if file.suffix == ".zst":
        raise MalformedError(f"{shown}: a .zst file must be UTF-8 text; pack it with gzip, or write it as UTF-8")
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def first_bad_line(file: Path, shown: str) -> int | None:
    """The first line that is not UTF-8; None where all are, or where it cannot be told."""
    if file.suffix == ".zst":
        return None
    with opened(file, shown) as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return None


def last_byte(file: Path, shown: str) -> bytes:
    """The last byte of a text file; a newline is taken to be that of .zst files, which only Polars unpacks."""
    if file.suffix == ".zst":
        return b"\n"
    if file.suffix == ".gz":
        last = b""
        with opened(file, shown) as source:
            while block := source.read(BLOCK):
                last = block[-1:]
        return last
    with file.open("rb") as source:
        source.seek(-1, 2)
        return source.read(1)
