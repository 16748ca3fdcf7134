"""A commit of a repository: the names of its files, and the text of those that no release gives as they are."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from repositories.git import FILE_MODE, LINK, Entry, contents, tree
from repositories.template import Template

ANSWERS = ".copier-answers.yml"
TEXT = re.compile(r"|\.(cfg|csv|html|ini|jinja|json|md|py|sh|sql|toml|txt|ya?ml)")
MARKERS = tuple(re.compile(line, re.MULTILINE) for line in (rb"^<{7} ", rb"^={7}\r?$", rb"^>{7} "))
"""The lines that a conflict has, in their order."""
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_BYTES = 1_000_000
"""A larger file that people wrote is not parsed."""
DEEPEST, MOST_ENTRIES = 50, 50_000
"""How far a YAML file goes that people write; an alias counts as what it stands for."""


class UnreadableError(Exception):
    """A file that cannot be read; the message says where and why, in one line."""


class Snapshot:
    """What HEAD of a clone or mirror holds."""

    def __init__(self, folder: Path, template: Template) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = tree(folder)
        read = {one.blob for name, one in self.entries.items() if _is_read(name, one)} - template.known
        people = (one for name, one in self.entries.items() if name.startswith(("datasets/", "policy.")))
        read |= {one.blob for one in people if one.mode.startswith(FILE_MODE)}
        self._bytes = contents(folder, read)

    def bytes(self, name: str) -> bytes | None:
        """The bytes of a file; None when it is not there, or is a release's own."""
        entry = self.entries.get(name)
        return None if entry is None or entry.mode == LINK else self._bytes.get(entry.blob)

    def text(self, name: str) -> str:
        """A file as text; UnreadableError when it is not there, is no text, or is too large."""
        if (found := self.bytes(name)) is None:
            raise UnreadableError(f"{name} is {'not a file' if name in self.entries else 'missing'}")
        if len(found) > MOST_BYTES:
            raise UnreadableError(f"{name} is larger than {MOST_BYTES:,} bytes")
        try:
            return found.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UnreadableError(f"{name} is not UTF-8 text") from None

    def yaml(self, name: str) -> dict[str, Any]:
        """A YAML file that is a mapping; UnreadableError with the line that is wrong."""
        if name in self.conflicts:
            raise UnreadableError(f"{name} has conflict markers")
        try:
            data = loaded(self.text(name))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{name}:{mark.line + 1}" if mark else name
            raise UnreadableError(f"{where}: {getattr(error, 'problem', None) or type(error).__name__}") from None
        if not isinstance(data, dict):
            raise UnreadableError(f"{name} is not a mapping of keys")
        return data

    @cached_property
    def conflicts(self) -> tuple[str, ...]:
        """The files that were committed with conflict markers in them."""
        marked = {blob for blob, content in self._bytes.items() if is_marked(content)}
        return tuple(sorted(name for name, one in self.entries.items() if one.blob in marked))

    def under(self, folder: str, suffix: str) -> list[str]:
        """The files directly in a folder with a suffix, by path."""
        inside = (name for name in self.entries if name.startswith(f"{folder}/") and name.endswith(suffix))
        return sorted(name for name in inside if "/" not in name.removeprefix(f"{folder}/"))


def loaded(text: str) -> Any:
    """What a YAML text says; YAMLError where it is nested deeper, or its aliases make more of it, than people write."""
    sizes: dict[str | None, int] = {}
    within: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, LOADER):
        anchor, size = getattr(event, "anchor", None), 1
        if isinstance(event, yaml.CollectionStartEvent):
            sizes[anchor] = MOST_ENTRIES + 1  # until it ends: one that holds itself has no end
            within.append((anchor, 0))
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = within.pop()
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(anchor, 1)
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        within[-1] = (within[-1][0], within[-1][1] + size + 1)
        if not isinstance(event, yaml.AliasEvent):
            sizes[anchor] = size + 1
        if len(within) > DEEPEST or within[-1][1] > MOST_ENTRIES:
            said = "it is nested too deep, or its aliases make too much of it"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=event.start_mark)
    return yaml.load(text, LOADER)


def is_marked(content: bytes) -> bool:
    """Whether a text has the lines of a conflict; each is looked for once, from where the one before it is."""
    at = 0
    for line in MARKERS:
        if (found := line.search(content, at)) is None:
            return False
        at = found.end()
    return True


def _is_read(name: str, entry: Entry) -> bool:
    path = PurePosixPath(name)
    text = TEXT.fullmatch(path.suffix.lower()) and path.parts[0] != "data"
    return entry.mode.startswith(FILE_MODE) and bool(text or path.parts[0] in ("src", "tests", "constraints"))
