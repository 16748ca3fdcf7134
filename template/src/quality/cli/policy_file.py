"""policy.yml, edited by a command: what people wrote stays as it stands, comments included."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from quality.contract import project
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.ladder.computed_file import is_plain


class PolicyFile:
    """The policy as it is written; `set` and `remove` change it in memory, `save` writes it."""

    def __init__(self) -> None:
        self.path: Path = project.root() / "policy.yml"
        project.policy()  # whatever is wrong with it is told with its line
        self._before = self.path.read_bytes()
        self._yaml = YAML()
        self._yaml.preserve_quotes, self._yaml.width = True, 10**6
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._yaml.representer.add_representer(_Made, RoundTripRepresenter.represent_dict)
        self._yaml.representer.add_representer(type(None), _null)
        self._root: CommentedMap = self._yaml.load(self._before.decode("utf-8"))

    def get(self, *place: str) -> Any:
        """What stands at a place; None where nothing does."""
        here: Any = self._root
        for key in place:
            here = here.get(key) if isinstance(here, CommentedMap) else None
        return here

    def set(self, value: Any, *place: str) -> None:
        """Writes a value at a place, and the mappings on the way to it."""
        here = self._root
        for key in place[:-1]:
            if not isinstance(here.get(key), CommentedMap):
                _put(here, key, _Made())
            here = here[key]
        _put(here, place[-1], _styled(value))

    def remove(self, *place: str) -> bool:
        """Takes away what stands at a place, and mappings that are empty then; whether anything stood there."""
        around = self.get(*place[:-1])
        if not isinstance(around, CommentedMap) or place[-1] not in around:
            return False
        del around[place[-1]]
        if not around and len(place) > 1:
            self.remove(*place[:-1])
        return True

    def append(self, value: Any, *place: str) -> None:
        """Adds an entry to the list at a place."""
        there = self.get(*place)
        self.set([*(there or ()), value], *place) if not there else there.append(_styled(value))

    def save(self) -> None:
        """Writes the file; as it was before, where it would not be a policy any more."""
        text = io.StringIO()
        self._yaml.dump(self._root, text)
        written = text.getvalue()
        windows = b"\r\n" in self._before
        write_whole(self.path, written.replace("\n", "\r\n") if windows else written)
        try:
            project.policy()
        except ConfigurationError:
            self.restore()
            raise

    def restore(self) -> None:
        """The file as it was."""
        write_whole(self.path, self._before.decode("utf-8"))


def _null(representer: RoundTripRepresenter, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _put(within: CommentedMap, key: str, value: Any) -> None:
    """A new key comes before the last one, as comments below a mapping belong to its last line."""
    if key == "domain" and key not in within:
        within.insert(0, key, value)
    elif key in within or not within or isinstance(within, _Made) or within.fa.flow_style():
        within[key] = value
    else:
        within.insert(len(within) - 1, key, value)
    if isinstance(value, CommentedMap) and not value.fa.flow_style():
        within.fa.set_block_style()


class _Made(CommentedMap):
    """A mapping that people did not write."""


def _styled(value: Any) -> Any:
    """A value as a person would write it: plain values in one line, and quotes where they are needed."""
    if isinstance(value, dict):
        made = _Made((key, _styled(inner)) for key, inner in value.items())
        flat = not any(isinstance(inner, (dict, list)) and inner for inner in value.values())
        made.fa.set_flow_style() if flat else made.fa.set_block_style()
        return made
    if isinstance(value, list):
        listed = CommentedSeq(_styled(inner) for inner in value)
        deep = any(isinstance(inner, (dict, list)) for inner in value)
        listed.fa.set_block_style() if deep else listed.fa.set_flow_style()
        return listed
    if isinstance(value, str) and not is_plain(value):
        return DoubleQuotedScalarString(value)
    return value
