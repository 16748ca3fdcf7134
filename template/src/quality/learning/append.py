"""Rules appended to a contract that people wrote: every line of theirs stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from quality.contract.contract import load_contract
from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.learning.page import lines


def rules(path: Path, added: Iterable[Rule]) -> None:
    """Appends rules after the last one of a contract; ConfigurationError where its rules are not a list of lines.

    A contract that would not be read afterwards is left as it was.
    """
    before = path.read_text("utf-8")
    after = appended(before, [line for rule in added for line in lines(rule)], path.name)
    write_whole(path, after)
    try:
        load_contract(path)
    except ConfigurationError:
        write_whole(path, before)
        raise


def appended(text: str, more: list[str], name: str) -> str:
    """The text with more lines at the end of its rules, indented as these are."""
    there = text.splitlines()
    start = next((n for n, line in enumerate(there) if re.match(r"rules\s*:", line)), None)
    if start is None or not re.fullmatch(r"rules\s*:\s*(\[\s*\])?\s*(#.*)?", there[start]):
        raise ConfigurationError(f"{name}: the rules are not one a line; add the proposed ones by hand")
    there[start] = re.sub(r"\[\s*\]", "", there[start]).rstrip()
    own = range(start + 1, len(there))
    after = next((n for n in own if there[n].strip() and not re.match(r"[\s#-]", there[n])), len(there))
    last = max((n for n in range(start, after) if there[n].strip()), default=start)
    first = next((there[n] for n in range(start + 1, after) if there[n].lstrip().startswith("-")), "  -")
    indent = " " * (len(first) - len(first.lstrip()))
    new = [indent + line[2:] for line in more]
    return "".join(f"{line}\n" for line in (*there[: last + 1], *new, *there[last + 1 :]))
