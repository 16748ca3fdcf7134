"""YAML files that people write: read with the line of every entry, so that a complaint can say where.

A file is bounded in size, depth and what its aliases expand to; whatever cannot be read is one sentence with a line.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quality.errors import ConfigurationError
from quality.texts import shorten

MOST_BYTES, DEEPEST, MOST_ENTRIES, MOST_DIGITS = 2_000_000, 50, 50_000, 100
"""A contract of a thousand rules has 100 kB, 5 levels and 6,000 entries; aliases count as what they stand for."""
SCALARS = {"int": "construct_yaml_int", "float": "construct_yaml_float", "bool": "construct_yaml_bool"}
SCALARS |= {"null": "construct_yaml_null", "timestamp": "construct_yaml_timestamp"}
KINDS = {"int": int, "float": float, "bool": bool}
WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "timestamp": "a date or a moment"}
MERGE = "<<"


class YamlFile:
    """A mapping read from a YAML 1.2 file, where `no` is a word and a key stands once."""

    def __init__(self, path: Path, shown: str | None = None) -> None:
        self.shown = shown or path.name
        text = self._text(path)
        if conflict := next((n for n, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<<")), None):
            raise ConfigurationError(f"{self.shown}:{conflict}: an unresolved merge conflict; resolve it first")
        self._root, self._constructor = self._composed(text)
        if self._root is None or self._root.id != "mapping":
            raise ConfigurationError(f"{self.shown}:1: a mapping is expected, such as `dataset: orders`")
        self._refuse_endless()
        self._data: dict[str, Any] = self._value(self._root, {})

    def _text(self, path: Path) -> str:
        try:
            raw = path.read_bytes()
        except OSError:
            raise ConfigurationError(f"there is no file {self.shown}") from None
        if len(raw) > MOST_BYTES:
            raise ConfigurationError(f"{self.shown}:1: it has {len(raw):,} bytes; at most {MOST_BYTES:,} are read")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise ConfigurationError(f"{self.shown}:{line}: this is not UTF-8 text; save the file as UTF-8") from None
        if found := re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", text):
            line = text.count("\n", 0, found.start()) + 1
            raise ConfigurationError(f"{self.shown}:{line}: delete the control character {found.group()!r}")
        return text

    def _composed(self, text: str) -> tuple[Any, Any]:
        """The tree of nodes, each with the line it begins in, and what reads a scalar of each kind."""
        from ruamel.yaml import YAML  # where a file is read: a check of a frame never waits for it
        from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning

        yaml = YAML(typ="rt")
        try:
            yaml.Composer = _bounded()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ReusedAnchorWarning)
                return yaml.compose(text), yaml.constructor
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            said = f"{error.context}, {error.problem}" if str(error.problem).startswith("but ") else error.problem
            raise ConfigurationError(f"{self.shown}:{line}: not valid YAML: {_first(said)}") from None
        except RecursionError:
            raise ConfigurationError(f"{self.shown}:1: not valid YAML: it is nested too deep") from None
        except Exception as error:  # a parser's own failure says nothing that helps, but where it was
            raise ConfigurationError(f"{self.shown}:1: not valid YAML: {_first(error)}") from None

    def _refuse_endless(self) -> None:
        """The size of what aliases expand to, counted once for each node."""
        sizes: dict[int, int] = {}
        for node in _inside_out(self._root):
            sizes[id(node)] = 1 + sum(sizes.get(id(child), MOST_ENTRIES) for child in _children(node))
            if sizes[id(node)] > MOST_ENTRIES:
                self._refuse(node, f"aliases make more than {MOST_ENTRIES:,} entries of it; write out what you mean")

    def _refuse(self, node: Any, said: str) -> None:
        raise ConfigurationError(f"{self.shown}:{node.start_mark.line + 1}: {said}")

    def at(self, *path: str | int) -> str:
        """`file:line` of the entry at the path, or of the nearest entry around it."""
        node, line = self._root, 0
        for part in path:
            entry = next((pair for pair in _entries(node) if pair[0] == part), None)
            if entry is None:
                break
            _, mark, node = entry
            line = mark.line
        return f"{self.shown}:{line + 1}"

    def data(self) -> dict[str, Any]:
        """The mapping in plain Python values."""
        return self._data

    def _value(self, node: Any, known: dict[int, Any]) -> Any:
        if id(node) not in known:
            if node.id != "scalar" and str(node.tag).rsplit(":", 1)[-1] not in ("map", "seq"):
                self._refuse(node, f"the tag {shorten(str(node.tag))} means nothing here; write the value without it")
            if node.id == "mapping":
                known[id(node)] = self._mapping(node, known)
            elif node.id == "sequence":
                known[id(node)] = [self._value(child, known) for child in node.value]
            else:
                known[id(node)] = self._scalar(node)
        return known[id(node)]

    def _mapping(self, node: Any, known: dict[int, Any]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.id != "scalar":
                self._refuse(key, f"a {key.id} is not a key of a mapping; a key is a word")
            if key.value == MERGE and key.style is None:
                merged = self._merged(value, known) | merged
                continue
            name = str(self._scalar(key))
            if name in own:
                self._refuse(key, f'not valid YAML: found duplicate key "{name}"; remove one')
            own[name] = self._value(value, known)
        return own | {name: value for name, value in merged.items() if name not in own}

    def _merged(self, node: Any, known: dict[int, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in node.value if node.id == "sequence" else [node]:
            if part.id != "mapping":
                self._refuse(part, "`<<` merges mappings, such as *defaults")
            found = self._value(part, known) | found
        return found

    def _scalar(self, node: Any) -> Any:
        """The value of a scalar in plain Python; a number or a date that is none is refused with its line."""
        kind = str(node.tag).rsplit(":", 1)[-1]
        if kind not in SCALARS:
            return self._word(node, kind)
        if kind == "int" and len(node.value) > MOST_DIGITS:
            self._refuse(
                node, f"{shorten(node.value)} is a number of {len(node.value):,} digits; at most {MOST_DIGITS}"
            )
        try:
            value = getattr(self._constructor, SCALARS[kind])(node)
        except Exception:
            self._refuse(node, f"'{shorten(node.value)}' is not {WORDS.get(kind, kind)}; put a text in quotes")
        if kind == "float" and value - value != 0:
            self._refuse(
                node, f"'{node.value}' is not a value; a value is a number that has an end: leave the bound out"
            )
        return KINDS[kind](value) if kind in KINDS else value

    def _word(self, node: Any, kind: str) -> str:
        if kind not in ("str", "value", "merge"):
            self._refuse(node, f"the tag {shorten(str(node.tag))} means nothing here; write the value without it")
        try:
            node.value.encode("utf-8")
        except UnicodeEncodeError:
            self._refuse(node, "this text holds half a character (a lone surrogate); write it anew")
        return str(node.value)


def _bounded() -> Any:
    """A composer that goes no deeper and no further than it must, and knows in which line it ends."""
    from ruamel.yaml.composer import Composer, ComposerError

    class Bounded(Composer):
        depth, entries = 0, 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth, self.entries = self.depth + 1, self.entries + 1
            if self.depth > DEEPEST or self.entries > MOST_ENTRIES:
                most = (
                    f"is nested deeper than {DEEPEST} levels"
                    if self.depth > DEEPEST
                    else f"has over {MOST_ENTRIES:,} entries"
                )
                raise ComposerError(None, None, f"it {most}", self.parser.peek_event().start_mark)
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

    return Bounded


def _first(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "it cannot be read"


def _children(node: Any) -> list[Any]:
    if node.id == "mapping":
        return [part for pair in node.value for part in pair]
    return list(node.value) if node.id == "sequence" else []


def _inside_out(root: Any) -> Iterator[Any]:
    """Every node once, after all that it holds; one that holds itself comes before what it holds."""
    seen, stack = {id(root)}, [(root, iter(_children(root)))]
    while stack:
        node, rest = stack[-1]
        child = next((one for one in rest if id(one) not in seen), None)
        if child is None:
            yield node
            stack.pop()
        else:
            seen.add(id(child))
            stack.append((child, iter(_children(child))))


def _entries(node: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """What an entry is called, where it begins, and its node."""
    if node.id == "mapping":
        yield from ((str(key.value), key.start_mark, value) for key, value in node.value)
        for key, value in node.value:
            if key.value == MERGE:
                for part in value.value if value.id == "sequence" else [value]:
                    yield from _entries(part)
    elif node.id == "sequence":
        yield from ((number, child.start_mark, child) for number, child in enumerate(node.value))
