"""Files in object storage: which there are and which version they are of, where `obstore` (the extra `remote`) is."""

from __future__ import annotations

import fnmatch
import functools
import glob
import importlib
import importlib.util
import os
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from quality.errors import MalformedError, SourceError, first_line
from quality.sources.listing import File, Format, is_aside, keys_of, of_format, readable, values_of
from quality.sources.partition import Keys, Partition
from quality.sources.storage import NONE, PATIENT, options
from quality.sources.tables import table_among

UNKNOWN = "unknown: install the extra `remote` (obstore), which tells versions of files in object storage"
"""What is said of the version of files whose store cannot be asked for it."""
SECOND = len("2026-11-27 06:00:00")
"""How much of a time is the same in every answer of a store."""


class Object(NamedTuple):
    """One object of a store: its address and what changes when it does."""

    address: str
    size: int
    tag: str


def files(address: str, form: Format | None, part: Partition | None = None) -> list[File]:
    """The files that an address means, in order; without obstore, those that Polars finds."""
    there = _listed(address, form)
    places = [one.address for one in there] if there is not None else _scanned(address, form or "parquet")
    if not places:
        raise SourceError(f"no file matches {address}{_instead(address)}")
    keys = {place: _keys(place, address) for place in places}
    among = values_of(keys.values()) if part else {}
    places = part.of(keys, address) if part else places
    read = set(places)
    if empty := next((one.address for one in there or () if not one.size and one.address in read), None):
        raise MalformedError(f"the file {empty} is empty (0 bytes)")
    return [File(place, readable(place), keys[place], among=among) for place in places]


def _instead(address: str) -> str:
    """What to write where an address means no file: of a folder, or of folders that a pattern fits.

    Who may read files need not be allowed to list them, and web servers do not: then nothing is known of folders.
    """
    place, is_pattern, there = address.rstrip("/"), glob.has_magic(address), list[Object]()
    if importlib.util.find_spec("obstore") is not None and not address.startswith("http"):
        with suppress(SourceError):
            there = _below(before_magic(address) if is_pattern else f"{place}/")
    pattern = place.split("/")
    if any(_fits(one.address.split("/")[: len(pattern)], pattern) for one in there):
        return f", only folders: write {place}/{'*' if is_pattern else ''} for the files in them"
    return "; write ? where a name has a [" if "[" in address else ""


def version(address: str, form: Format | None, part: Partition | None = None) -> str | None:
    """Names, sizes and tags of the files; None where obstore is not installed."""
    there = tags(address, form, part)
    return None if there is None else ";".join(f"{place}:{tag}" for place, tag in there.items())


def tags(address: str, form: Format | None, part: Partition | None = None) -> dict[str, str] | None:
    """Size and tag of each file by its address; None where obstore is not installed."""
    if (there := _listed(address, form)) is None:
        return None
    read = [one for one in there if part is None or part.has(_keys(one.address, address))]
    return {one.address: f"{one.size}:{one.tag}" for one in read}


def has_changed(address: str, told: str) -> bool:
    """Whether an object is no longer of the size and tag that were told of it, or gone.

    A listing and the object itself may tell different ones of its tags, with quotes or without, and its time to the
    second: what was told is looked for among all of them.
    """
    if (found := _head(address)) is None:
        return True
    size, _, tag = told.partition(":")
    tags = {_bare(str(found.get(name))) for name in ("version", "e_tag")}
    same_time = tag[:SECOND] == str(found["last_modified"])[:SECOND]
    return int(size) != found["size"] or not (_bare(tag) in tags or same_time)


def _bare(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')


def _keys(place: str, address: str) -> Keys:
    """The values of the folders below the one that an address starts from."""
    folders = address.endswith("/") or glob.has_magic(address)
    return keys_of(place.removeprefix(before_magic(address))) if folders else {}


def before_magic(address: str) -> str:
    """The folder that an address with `*` starts from; that of the file without."""
    return address[: address.rindex("/", 0, _magic(address)) + 1]


def _magic(address: str) -> int:
    return next((at for at, sign in enumerate(address) if sign in "*?["), len(address))


def _listed(address: str, form: Format | None) -> list[Object] | None:
    """The objects that an address means; None where they cannot be listed."""
    if address.startswith("hf://") or importlib.util.find_spec("obstore") is None:
        return None
    if not (glob.has_magic(address) or address.endswith("/")):
        return _one(address)
    found = _below(before_magic(address))
    if kind := table_among(one.address for one in found):
        raise MalformedError(
            f"{address} is a {kind} table, whose files also hold rows that were removed: read it as one, with "
            f"`source.format: {kind.lower()}`"
        )
    meant = [one for one in found if _is_meant(one.address, address)]
    return meant if glob.has_magic(address) else of_format(meant, form, lambda one: one.address)


def _is_meant(place: str, address: str) -> bool:
    """Whether a place below a folder is meant by its address, or by a pattern that starts from it."""
    if glob.has_magic(address):
        return matches(place, address)
    return not any(map(is_aside, place.removeprefix(address).split("/")))


def matches(address: str, pattern: str) -> bool:
    """Whether an address fits a pattern, in which `*` stays within one folder and `**` does not, as on a disk.

    What begins with a dot fits only what is written with it.
    """
    return _fits(address.split("/"), pattern.rstrip("/").split("/"))


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern or not parts:
        return not parts and all(left == "**" for left in pattern)
    (part, *rest), (sign, *left) = parts, pattern
    if part.startswith(".") and not sign.startswith("."):
        return sign == "**" and _fits(parts, left)
    if sign == "**":
        return _fits(parts, left) or _fits(rest, pattern)
    return fnmatch.fnmatchcase(part, sign) and _fits(rest, left)


def _below(folder: str) -> list[Object]:
    """Every object whose address begins with that of a folder."""
    scheme, _, rest = folder.partition("://")
    bucket, _, prefix = rest.partition("/")
    return _all(f"{scheme}://{bucket}", prefix)


def _store(bucket: str) -> Any:
    return _store_of(bucket, tuple(sorted(os.environ.items())))


@functools.lru_cache(maxsize=8)
def _store_of(bucket: str, environment: tuple[tuple[str, str], ...]) -> Any:
    """One for every bucket and environment, which holds its connections and knows who asks."""
    made: Any = importlib.import_module("obstore.store")
    return made.from_url(bucket, client_options={"timeout": "30s", "allow_http": True})


def _one(address: str) -> list[Object]:
    """The object of this very address; none where there is none."""
    found = _head(address)
    return [] if found is None else [Object(address, found["size"], _tag(found))]


def _head(address: str) -> Any:
    """What a store says of the object of this very address; None where there is none."""
    obstore: Any = importlib.import_module("obstore")
    scheme, _, rest = address.partition("://")
    bucket, _, path = rest.partition("/")
    try:
        return obstore.head(_store(f"{scheme}://{bucket}"), path)
    except FileNotFoundError:
        return None
    except Exception as error:
        raise SourceError(f"{address} cannot be looked up: {first_line(error)}") from error


def create(address: str, held: bytes) -> bool:
    """Writes an object unless there is one of its address; False where a store cannot be asked for that."""
    if importlib.util.find_spec("obstore") is None:
        return False
    obstore: Any = importlib.import_module("obstore")
    scheme, _, rest = address.partition("://")
    bucket, _, path = rest.partition("/")
    try:
        obstore.put(_store(f"{scheme}://{bucket}"), path, held, mode="create")
    except obstore.exceptions.AlreadyExistsError:
        return True
    except Exception:  # of a store that knows no such thing, or is not there: whoever writes all the same hears of it
        return False
    return True


def _all(bucket: str, prefix: str) -> list[Object]:
    """Every object below a prefix, by name."""
    obstore: Any = importlib.import_module("obstore")
    try:
        pages = obstore.list(_store(bucket), prefix or None)
        found = [Object(f"{bucket}/{one['path']}", one["size"], _tag(one)) for page in pages for one in page]
    except Exception as error:
        raise SourceError(f"{bucket}/{prefix} cannot be listed: {first_line(error)}") from error
    return sorted(found)


def _tag(one: Any) -> str:
    return str(one.get("version") or one.get("e_tag") or one["last_modified"])


def _scanned(address: str, form: Format) -> list[str]:
    """The files that Polars finds, which it names only beside their rows."""
    if not (glob.has_magic(address) or address.endswith("/")):
        return [address]
    scan: Any = {"parquet": pl.scan_parquet, "ipc": pl.scan_ipc}.get(form, partial(pl.scan_lines))
    try:
        lazy = scan(address, include_file_paths="file", storage_options=options(address, PATIENT))
        found = lazy.select(pl.col("file").unique()).collect(engine="streaming")["file"].sort()
    except (pl.exceptions.PolarsError, OSError) as error:
        if NONE in str(error):
            return []
        raise SourceError(f"{address} cannot be listed as {form}: {first_line(error)}; set source.format") from error
    start = before_magic(address)
    return [one for one in found if not one.startswith(start) or _is_meant(one, address)]
