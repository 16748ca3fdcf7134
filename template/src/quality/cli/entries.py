"""prefect.yaml, computed from datasets and policy.yml, and written."""

from __future__ import annotations

import argparse

from quality.cli.answers import Entries
from quality.contract import project
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.ladder.computed_file import COMMAND, KEEP, Difference, differences, is_computed, text_of
from quality.ladder.entries import document


def entries(asked: argparse.Namespace) -> Entries:
    """Writes prefect.yaml; with `check` only says what differs, and with `adopt` first keeps it in policy.yml."""
    if asked.check and asked.adopt:
        raise ConfigurationError("--check writes nothing and --adopt does; give one of them")
    if asked.check:
        return _checked()
    kept = tuple(_adopted()) if asked.adopt else ()
    for line in kept:
        print(f"policy.yml: {line}")
    return Entries(verb="entries", kept=kept, written=tuple(write(adopted=asked.adopt)))


def _checked() -> Entries:
    found = list(differences())
    if not found and not is_written():
        found = [Difference(None, "says the same in other words than `nox -s entries` writes")]
    for one in found:
        print(one)
    if not found:
        print(f"{project.PREFECT_FILE} is current")
    return Entries(verb="entries", stale=tuple(map(str, found)), exit_code=int(bool(found)))


def _adopted() -> list[str]:
    from quality.cli.adopt import adopt

    if not (project.root() / project.PREFECT_FILE).is_file():
        raise ConfigurationError(f"there is no {project.PREFECT_FILE} to adopt; {COMMAND}")
    return adopt()


def is_written() -> bool:
    """Whether the file is, byte for byte, what is computed."""
    path = project.root() / project.PREFECT_FILE
    return path.is_file() and path.read_text("utf-8", errors="replace") == text_of(document())


def write(adopted: bool = False, quiet: bool = False) -> list[str]:
    """Brings prefect.yaml up to date, and says what changed; a file that people wrote is not written over.

    `quiet` says nothing where nothing changed, for what goes on afterwards.
    """
    path, text = project.root() / project.PREFECT_FILE, text_of(document())
    before = path.read_text("utf-8", errors="replace") if path.is_file() else None
    if before == text:
        if not quiet:
            print(f"{project.PREFECT_FILE} is current")
        return []
    changed = [": ".join(filter(None, (one.entry, one.says))) for one in _changes(before)]
    if before is not None and not is_computed(before) and changed and not adopted:
        raise ConfigurationError("\n".join([*changed, f"{project.PREFECT_FILE} was written by hand; {KEEP}"]))
    write_whole(path, text)
    for line in changed:
        print(f"{project.PREFECT_FILE}: {line}")
    print(f"written: {project.PREFECT_FILE}")
    return [project.PREFECT_FILE]


def _changes(before: str | None) -> list[Difference]:
    """What the file said otherwise; of one that cannot be read and is ours, nothing."""
    try:
        return list(differences()) if before is not None else []
    except ConfigurationError:
        if before is not None and is_computed(before):
            return []
        raise
