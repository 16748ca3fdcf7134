"""The text of prefect.yaml as it is computed, and the one comparison of policy.yml with what the file says."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from quality.contract import project
from quality.errors import ConfigurationError
from quality.ladder.entries import document
from quality.ladder.entry import DeploymentEntry
from quality.ladder.prefect_file import PrefectFile, load_prefect_file
from quality.texts import shorten

FIRST = "# Computed by `nox -s entries` from datasets/ and policy.yml; an edit here is lost.\n"
HEADER = (
    FIRST + "# What differs is written there: `deployment` of defaults, an environment or a dataset; and `flows`.\n"
)
STEPS = ("build", "push", "pull")
COMMAND, KEEP = "run `nox -s entries`", "run `nox -s entries -- --adopt` to keep it in policy.yml"
PLAIN = re.compile(r"[A-Za-z_./][^\n]*\Z")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Words that one version of YAML or another does not read as text."""


class Difference(NamedTuple):
    """What prefect.yaml says otherwise than what is computed, and in which entry; of the file, where that is None."""

    entry: str | None
    says: str
    fix: str = COMMAND

    def __str__(self) -> str:
        return f"{': '.join(filter(None, (project.PREFECT_FILE, self.entry, self.says)))}; {self.fix}"


def is_plain(text: str) -> bool:
    """Whether every reader of YAML takes it for a text, without quotes."""
    return bool(PLAIN.match(text)) and text.lower() not in WORDS


class _Text(SafeRepresenter):
    """Plain YAML that every reader takes for the same: no aliases, and quotes around what is not surely a text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def of_text(self, data: str) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if is_plain(data) else '"')

    def represent_sequence(self, tag: Any, sequence: Any, flow_style: Any = None) -> Any:
        return _in_one_line(super().represent_sequence(tag, sequence, flow_style))

    def represent_mapping(self, tag: Any, mapping: Any, flow_style: Any = None) -> Any:
        return _in_one_line(super().represent_mapping(tag, mapping, flow_style))


def _in_one_line(node: Any) -> Any:
    """What holds only plain values, or nothing, stands in one line."""
    inner = [part for pair in node.value for part in pair] if node.id == "mapping" else node.value
    node.flow_style = all(part.id == "scalar" for part in inner)
    return node


_Text.add_representer(str, _Text.of_text)


def text_of(written: Mapping[str, Any]) -> str:
    """The file with this document."""
    yaml, made = YAML(typ="safe", pure=True), io.StringIO()
    yaml.Representer = _Text
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = False, 10**6, True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(dict(written), made)
    return HEADER + made.getvalue()


def current() -> PrefectFile:
    """The computed deployments; ConfigurationError where prefect.yaml says something else: nothing is deployed then."""
    written = document()
    if found := list(_differences(written)):
        raise ConfigurationError("\n".join(map(str, found)))
    return PrefectFile.model_validate(written)


def differences() -> Iterator[Difference]:
    """Where prefect.yaml does not say what datasets and policy.yml give."""
    yield from _differences(document())


def is_computed(text: str) -> bool:
    """Whether a file is one of ours, and not one that people wrote."""
    return text.startswith(FIRST)


def _differences(written: Mapping[str, Any]) -> Iterator[Difference]:
    path = project.root() / project.PREFECT_FILE
    if not path.is_file():
        yield Difference(None, "there is no such file")
        return
    text = path.read_text("utf-8", errors="replace")
    if text == text_of(written):
        return
    fix = COMMAND if is_computed(text) else f"{KEEP}, or delete the file and {COMMAND}"
    yield from compared(PrefectFile.model_validate(written), load_prefect_file(path), fix)


def compared(git: PrefectFile, found: PrefectFile, fix: str = COMMAND) -> Iterator[Difference]:
    """Each entry that one side does not have, and each field in which two of one name differ."""
    ours, theirs = ({one.name: normal(file, one) for one in file.deployments} for file in (git, found))
    if git.name is not None and found.name != git.name:
        yield Difference(None, f"name is {found.name}, policy.yml says {git.name}", fix)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if name not in theirs:
            yield Difference(name, "is missing", fix)
        elif name not in ours:
            yield Difference(name, "is neither a dataset's, as policy.yml says it, nor one of its flows", fix)
        else:
            for path, here, there in _unlike(ours[name], theirs[name]):
                yield Difference(name, f"{path} {_told(path, here, there)}", fix)


def _unlike(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each value that differs, by the keys that lead to it."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            yield from _unlike(ours.get(key), theirs.get(key), f"{path}.{key}".strip("."))
    elif ours != theirs:
        yield path, ours, theirs


def _told(path: str, here: Any, there: Any) -> str:
    """Both values, as JSON has them; an environment's variable may be a secret."""
    if ".env." in path:
        return "is not what policy.yml says"
    said, given = (shorten(json.dumps(one, ensure_ascii=False, default=str), 120) for one in (there, here))
    return f"is {said}, policy.yml says {given}"


def normal(file: PrefectFile, entry: DeploymentEntry) -> dict[str, Any]:
    """What an entry means, whichever way it is written."""
    made = entry.model_dump(mode="json", exclude={"schedule"})
    steps = {key: getattr(file, key) if getattr(entry, key) is None else getattr(entry, key) for key in STEPS}
    made["schedules"] = [{key: value for key, value in one.items() if value is not None} for one in made["schedules"]]
    return made | {"tags": sorted(set(entry.tags)), "sla": made["sla"] or None} | {k: v or [] for k, v in steps.items()}
