"""Markdown that the comment of a pull request takes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from quality.texts import many

CALLS = re.compile(r"(?<!\w)@(?=\w)|#(?=\w)|\bGH(?=-\d)|:(?=[\w+-]+:)")
"""What calls a person or another issue where a name follows it, also behind another repository's, or is a picture."""
DOLLAR = "<span>$</span>"
"""A dollar that begins no formula."""
LONGEST = 30_000
"""Characters of a page; a comment takes twice as many, for the two pages that stand in it."""


def _quiet(line: str) -> str:
    return CALLS.sub(r"\g<0><!-- -->", line).replace("$", DOLLAR)


def page(lines: Iterable[str], verb: str) -> str:
    """The lines as one page, cut where it would be too long; `verb` shows all of it.

    Names in it call nobody, and texts in it are no formulas and no pictures.
    """
    every, kept, length = [_quiet(line) for line in lines], list[str](), 0
    for number, line in enumerate(every):
        length += len(line) + 1
        if length > LONGEST:
            more = f"… and {many(len(every) - number, 'more line')}: `nox -s {verb}` shows all of it."
            return "\n".join([*kept, "", more])
        kept.append(line)
    return "\n".join(kept)
