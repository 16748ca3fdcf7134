"""Which files a path means, in order, what format they are of, and what the folders they lie in say of their rows."""

from __future__ import annotations

import glob
import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar
from urllib.parse import unquote

from quality.errors import ConfigurationError, MalformedError, SourceError, first_line
from quality.files import expanded
from quality.sources.partition import NO_VALUE, Keys, Partition
from quality.sources.tables import refuse_tables

T = TypeVar("T")
Format = Literal["parquet", "csv", "ndjson", "ipc", "json", "excel", "delta", "iceberg"]
SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".feather": "ipc",
    ".json": "json",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
ASIDE = ("json", "excel")
"""Formats of what often lies beside data in a folder, such as a description: they are data where nothing else is."""
OLD_EXCEL = (".xls", ".xlsb", ".ods")
KEY = re.compile(r"([^=]+)=(.*)")
POINTER = b"version https://git-lfs.github.com/spec/"
"""How Git LFS begins the file that stands in a checkout for one that was not fetched."""
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What ends a line in a name, or hides a part of it."""


class File(NamedTuple):
    """One file: the place that is read, its name as people know it, the values of its folders, and its parts.

    `among` has the values of all folders of the dataset, also of those that are not read.
    """

    place: str
    shown: str
    keys: Keys = {}  # noqa: RUF012 - a named tuple's default, which nobody changes
    unit: str = "line"
    among: Mapping[str, Collection[str | None]] = {}

    @property
    def path(self) -> Path:
        return Path(self.place)


def suffix_format(name: str) -> Format | None:
    """The format that a file's name tells, packed or not."""
    return SUFFIXES.get(Path(name.removesuffix(".gz").removesuffix(".zst")).suffix.lower())


def told_format(path: str) -> Format | None:
    """The format that a path tells; None where its files must tell; ConfigurationError for an unknown one."""
    if told := suffix_format(path):
        return told
    suffix = Path(path.removesuffix(".gz").removesuffix(".zst")).suffix.lower()
    if suffix in OLD_EXCEL:
        raise ConfigurationError(f"'{path}' is of a spreadsheet format that is not read ({suffix}); save it as .xlsx")
    if suffix and "*" not in suffix and "/" not in suffix:
        raise ConfigurationError(f"the format of '{path}' cannot be told from '{suffix}'; set source.format")
    return None


def local_files(path: str, root: Path, form: Format | None, part: Partition | None = None) -> list[File]:
    """The files, in order; SourceError says which one is missing or empty, and refuses those of a table's folder."""
    base, found = _local(path, root, form)
    keys = {one: keys_of(one.relative_to(base).as_posix()) if base and "=" in str(one) else {} for one in found}
    among = values_of(keys.values()) if part else {}
    found = part.of(keys, path) if part else found
    for one in found:
        _refuse_hollow(one, root)
    return [File(str(one), shown(one, root), keys[one], among=among) for one in found]


def _local(path: str, root: Path, form: Format | None) -> tuple[Path | None, list[Path]]:
    """The folder that a path's folders are named from, and the files, in order."""
    place = root / expanded(path)
    if place.is_dir():
        base: Path | None = place
        found = _in_folder(place, form, root)
    elif not place.exists() and glob.has_magic(path):
        written = expanded(path)
        base, pattern = root / before_magic(written), Path(glob.escape(str(root))) / written
        _refuse_closed(pattern, base, root)
        found = sorted(Path(one) for one in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - may be absolute
        folders = [one for one in found if os.path.isdir(one)]  # noqa: PTH112 - which never raises
        found = sorted({*found}.difference(folders)) if folders else found
        if not found:
            raise SourceError(f"no file matches {path}{_instead(path, root, bool(folders))}")
    else:
        base, found = None, [place]
    refuse_tables(found, place if place.is_dir() else None, path)
    if not found:
        raise SourceError(f"no file matches {path}")
    return base, found


def _instead(path: str, root: Path, folders: bool) -> str:
    """What to write where a pattern matches no file: of folders that it matches, or of one whose name it looks like."""
    if folders:
        return f", only folders: write {path.rstrip('/')}/* for the files in them"
    parts = Path(path).parts
    there = [os.path.lexists(root / expanded(Path(*parts[: n + 1]))) for n in range(len(parts))]
    meant = Path(*(glob.escape(part) if known else part for part, known in zip(parts, there, strict=True)))
    return "" if meant == Path(path) else f", as a [, * or ? stands for other characters there; write {meant}"


def _in_folder(folder: Path, form: Format | None, root: Path) -> list[Path]:
    return of_format(sorted(_below(folder, root)), form, lambda one: one.name)


def of_format(files: Iterable[T], form: Format | None, name: Callable[[T], str]) -> list[T]:
    """Those that are data, by their names: of the format, or of any where none is told and no other lies aside."""
    told = [(one, suffix_format(name(one))) for one in files]
    found = [(one, its) for one, its in told if its is not None and its == (form or its)]
    return [one for one, its in found if form or its not in ASIDE] or [one for one, _ in found]


def _below(folder: Path, root: Path) -> Iterator[Path]:
    """What is no folder, in this one and in those that it holds or links to; SourceError where one stays unseen."""
    for at, folders, names in os.walk(folder, followlinks=True, onerror=lambda error: _refuse(error, root)):
        folders[:] = sorted(name for name in folders if not is_aside(name))
        for linked in (Path(at, name) for name in folders if os.path.islink(os.path.join(at, name))):  # noqa: PTH114, PTH118
            if Path(at).resolve().is_relative_to(linked.resolve()):
                raise SourceError(f"the link {shown(linked, root)} leads back to a folder that it lies in: remove it")
        for one in (Path(at, name) for name in names if not is_aside(name)):
            if not os.path.isfile(one):  # noqa: PTH113 - which never raises
                _look_into(str(one), root)
            yield one


def _refuse_closed(pattern: Path, base: Path, root: Path) -> None:
    """SourceError where a folder that a pattern leads through cannot be listed, which says nothing of its files."""
    for depth in range(len(base.parts), len(pattern.parts)):
        for place in glob.iglob(str(Path(*pattern.parts[:depth])), recursive=True):  # noqa: PTH207 - may be absolute
            if not is_aside(os.path.basename(place)):  # noqa: PTH119 - there may be many
                _look_into(place, root)


def _look_into(place: str, root: Path) -> None:
    try:
        os.scandir(place).close()
    except NotADirectoryError:
        pass
    except OSError as error:
        _refuse(error, root)


def _refuse(error: OSError, root: Path) -> None:
    """SourceError for what cannot be listed; what is no more there was deleted a moment ago, unless it is a link."""
    place = Path(error.filename)
    if isinstance(error, FileNotFoundError) and not place.is_symlink():
        return
    said = error.strerror or first_line(error)
    raise SourceError(f"{shown(place, root)} cannot be opened, so that what lies there is not judged: {said}") from None


def is_aside(name: str) -> bool:
    """Whether what has this name is no data: hidden, open in a spreadsheet program, or a file system's own."""
    return name.startswith((".", "~$")) or name == "lost+found"


def before_magic(pattern: Path) -> Path:
    """The folder that a pattern starts from; all of a path that is none."""
    return Path(*itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts))


def _refuse_hollow(file: Path, root: Path) -> None:
    if str(file) != (name := str(file).encode("utf-8", "replace").decode()):
        raise MalformedError(f"the name of the file {shown(Path(name), root)} is not UTF-8 text; rename the file")
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            raise MalformedError(f"{shown(file, root)} is no file that could be read again, but a pipe or a device")
        with file.open("rb") as opened:
            begins = opened.read(len(POINTER))
    except FileNotFoundError:
        what = "link {} leads to no file: remove it, or mend it" if file.is_symlink() else "file {} does not exist"
        raise SourceError(f"the {what.format(shown(file, root))}") from None
    except OSError as error:
        raise SourceError(
            f"the file {shown(file, root)} cannot be opened: {error.strerror or first_line(error)}"
        ) from None
    if about.st_size == 0:
        raise MalformedError(f"the file {shown(file, root)} is empty (0 bytes)")
    if begins == POINTER:
        raise MalformedError(f"{shown(file, root)} is a pointer of Git LFS, and its data is not here; git lfs pull")


def shown(file: Path, root: Path) -> str:
    """A file's name as people know it, and states do, on every system: from the repository, where it lies there."""
    try:
        return readable(file.relative_to(root).as_posix())
    except ValueError:
        return readable(file.as_posix())


def readable(name: str) -> str:
    """A name on one line, with what cannot be seen in it written by its number."""
    return UNSEEN.sub(lambda found: repr(found[0])[1:-1], name)


def keys_of(path: str) -> Keys:
    """The values that folders named `day=2024-01-01` give to the rows of their files."""
    pairs = [pair for part in path.split("/")[:-1] if (pair := KEY.fullmatch(part))]
    found = {unquote(pair[1]): unquote(pair[2]) for pair in pairs}
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(unquote(pair[1]) for pair in pairs).items() if times > 1)
        raise MalformedError(f"{readable(path)} lies in two folders {twice}=…, of which only one can name its rows")
    return {name: None if value == NO_VALUE else value for name, value in found.items()}


def values_of(folders: Iterable[Keys]) -> dict[str, set[str | None]]:
    """Every value that folders have, by key."""
    found: dict[str, set[str | None]] = {}
    for keys in folders:
        for key, value in keys.items():
            found.setdefault(key, set()).add(value)
    return found


def one_format(files: Iterable[File], path: str) -> Format:
    """The format of all files, told from their names; parquet where no name tells."""
    first: dict[Format, str] = {}
    for file in files:
        if (form := suffix_format(file.place)) is not None and not file.place.endswith(".txt"):
            first.setdefault(form, file.shown)
    if len(first) > 1:
        kinds = ", ".join(f"{form} ({name})" for form, name in sorted(first.items()))
        raise MalformedError(f"{path} holds files of several formats: {kinds}; set source.format")
    texts = any(file.place.endswith(".txt") for file in files)
    return next(iter(first), "csv" if texts else "parquet")
