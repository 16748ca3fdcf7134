"""Edits of a contract that people wrote: rules come, go or change, and every word of theirs stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from quality.contract.contract import load_contract
from quality.contract.yaml_file import YamlFile
from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.learning.page import comment, flow, lines
from quality.learning.review import Change
from quality.texts import many

QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|' r"'(?:''|[^'])*'")
COMMENT = re.compile(r"(^|\s)#.*")


def append(path: Path, added: Iterable[Rule]) -> None:
    """Appends rules after the last one of a contract; ConfigurationError where its rules are not a list of lines.

    A contract that would not be read afterwards is left as it was.
    """
    _save(path, appended(_text(path), [line for rule in added for line in lines(rule)], path.name))


def apply(path: Path, made: Iterable[Change], fields: Mapping[str, Any], rows: int) -> None:
    """Brings what so many rows say into a contract, and writes its fields anew; what people wrote is not touched.

    A contract that would not be read afterwards is left as it was, as is one whose rules are not a list of lines.
    """
    own = [change for change in made if change.what != "yours"]
    file, there = YamlFile(path), _text(path).splitlines()
    _rules_at(there, path.name)
    for change in sorted((one for one in own if one.number is not None), key=lambda one: -(one.number or 0)):
        _replace(there, _line(file, "rules", change.number), change, path.name)
    for name, value in fields.items():
        _set(there, name, value)
    text = "".join(f"{line}\n" for line in there)
    text = re.sub(r"(?m)^(# Learned from) [0-9,]+ rows?[.]", rf"\1 {many(rows, 'row')}.", text)
    new = [line for one in own if one.number is None and one.after is not None for line in lines(one.after)]
    _save(path, appended(text, new, path.name) if new else text)


def appended(text: str, more: list[str], name: str) -> str:
    """The text with more lines at the end of its rules, indented as these are."""
    there = text.splitlines()
    start, after = _rules_at(there, name)
    there[start] = re.sub(r"\[\s*\]", "", there[start]).rstrip()
    last = max((n for n in range(start, after) if there[n].strip()), default=start)
    first = next((there[n] for n in range(start + 1, after) if there[n].lstrip().startswith("-")), "  -")
    indent = " " * (len(first) - len(first.lstrip()))
    new = [indent + line[2:] for line in more]
    return "".join(f"{line}\n" for line in (*there[: last + 1], *new, *there[last + 1 :]))


def _rules_at(there: list[str], name: str) -> tuple[int, int]:
    """The line in which the rules begin, and the first one after them."""
    start = next((n for n, line in enumerate(there) if re.match(r"rules\s*:", line)), None)
    if start is None or not re.fullmatch(r"rules\s*:\s*(\[\s*\])?\s*(#.*)?", there[start]):
        raise ConfigurationError(f"{name}: the rules are not one a line; add the proposed ones by hand")
    own = range(start + 1, len(there))
    return start, next((n for n in own if there[n].strip() and not re.match(r"[\s#-]", there[n])), len(there))


def _replace(there: list[str], first: int, change: Change, name: str) -> None:
    """The lines of a rule, and the comment that was written with it, become those of another rule, or none.

    A comment that a person wrote among them comes to stand above.
    """
    entry = re.match(r"(\s*)-\s", there[first])
    if entry is None or change.before is None:
        raise ConfigurationError(f"{name}:{first + 1}: this rule is not written where it stands; change it by hand")
    inside = re.compile(rf"{entry[1]}\s+\S")
    until = next((n for n in range(first + 1, len(there)) if not inside.match(there[n])), len(there))
    own = first > 0 and there[first - 1].strip() == f"# {comment(change.before)}"
    new = [entry[1] + line[2:] for line in lines(change.after)] if change.after is not None else []
    kept = [f"{entry[1]}{said}" for line in there[first:until] if (said := _comment(line))]
    there[first - own : until] = [*kept, *new]


def _comment(line: str) -> str:
    """The comment of a line; a # within quotes begins none."""
    found = COMMENT.search(QUOTED.sub(lambda text: "_" * len(text[0]), line))
    return line[found.start() :].strip() if found else ""


def _set(there: list[str], name: str, value: Any) -> None:
    """A field of the contract, in one line; a new one comes before the rules."""
    new = f"{name}: {flow(value)}"
    first = next((n for n, line in enumerate(there) if re.match(rf"{name}\s*:", line)), None)
    if first is None:
        there.insert(_rules_at(there, name)[0], new)
        return
    until = next((n for n in range(first + 1, len(there)) if not re.match(r"\s+[^\s#]", there[n])), len(there))
    there[first:until] = [new]


def _line(file: YamlFile, *place: Any) -> int:
    return int(file.at(*place).rsplit(":", 1)[1]) - 1


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _save(path: Path, after: str) -> None:
    """Writes a contract, with the line ends that it has; as it was before, where it would not be read any more."""
    before = path.read_bytes().decode("utf-8")
    write_whole(path, after.replace("\n", "\r\n") if "\r\n" in before else after)
    try:
        load_contract(path)
    except ConfigurationError:
        write_whole(path, before)
        raise
