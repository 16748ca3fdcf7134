"""YAML files that people write: read with the line of every entry, so that a complaint can say where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quality.errors import ConfigurationError


class YamlFile:
    """A mapping read from a YAML 1.2 file, where `no` is a word and a key stands once."""

    def __init__(self, path: Path, shown: str | None = None) -> None:
        from ruamel.yaml import YAML  # where a file is read: a check of a frame never waits for it
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        self.shown = shown or path.name
        try:
            text = path.read_text("utf-8")
        except OSError:
            raise ConfigurationError(f"there is no file {self.shown}") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{self.shown} is not UTF-8 text; save it as UTF-8") from None
        if conflict := next((n for n, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<<")), None):
            raise ConfigurationError(f"{self.shown}:{conflict}: an unresolved merge conflict; resolve it first")
        try:
            self.tree: Any = YAML(typ="rt").load(text)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigurationError(f"{self.shown}:{line}: not valid YAML: {error.problem}") from None
        except YAMLError as error:
            raise ConfigurationError(f"{self.shown}: not valid YAML: {str(error).splitlines()[0]}") from None
        if not isinstance(self.tree, dict):
            raise ConfigurationError(f"{self.shown}:1: a mapping is expected, such as `dataset: orders`")

    def at(self, *path: str | int) -> str:
        """`file:line` of the entry at the path, or of the nearest entry around it."""
        node: Any = self.tree
        line = 0
        for part in path:
            try:
                mark = node.lc.key(part) if isinstance(part, str) else node.lc.item(part)
                node, line = node[part], mark[0]
            except (KeyError, IndexError, AttributeError, TypeError):
                break
        return f"{self.shown}:{line + 1}"

    def data(self) -> dict[str, Any]:
        """The mapping in plain Python values."""
        plain: dict[str, Any] = _plain(self.tree)
        return plain


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node
