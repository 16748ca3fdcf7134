"""The report as one HTML file: read without a script, sorted and searched with one, in light and dark."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from repositories.report import Report, rungs, trend

HERE = Path(__file__).parent
SCRIPT = "fleet.js"


def page(report: Report) -> str:
    """The page of a report."""
    loader = FileSystemLoader(HERE)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = (HERE / SCRIPT).read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = environment.get_template("fleet.html").render(
        report=report,
        script=Markup(script),
        digest=digest,
        rungs=rungs,
        trend=trend,
        slug=_slug,
        views={
            "files": _rows(report.by_file(), "file", "repositories"),
            "releases": _rows(report.by_release(), "release", "made", "repositories"),
            "tuples": _rows(report.by_tuple(), "tuple", "repositories"),
            "owners": _rows(report.by_owner(), "owner", "repositories", "to_do"),
        },
    )
    return shown if shown.endswith("\n") else f"{shown}\n"


def _rows(rows: list[dict[str, Any]], *names: str) -> list[list[Any]]:
    return [[row[name] for name in names] for row in rows]


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
