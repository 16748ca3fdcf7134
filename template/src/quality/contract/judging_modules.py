"""Which modules decide a verdict, and the digest of what they mean; nothing here needs more than Python.

A release that changes documentation, or what happens around a verdict, leaves the digest the same.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping

from quality.contract.syntax import canonical

DECIDE = (
    *("values.py", "result.py", "sql_text.py", "isolation.py", "checking.py", "engine/", "rules/", "pushdown/"),
    "file_states/",
    *("sources/", "contract/config.py", "contract/contract.py", "history/runs.py", "history/store.py"),
)
"""Modules and rooms that read data, judge it, or say by what; what policy.yml says is in the fingerprint."""
SPEAK = ("rules/complaints.py", "rules/elsewhere.py", "rules/other_tools.py")
"""Of these, what only words a refusal."""


def decides(name: str) -> bool:
    """Whether a file of the package, by its path there, decides a verdict."""
    return name.endswith(".py") and name.startswith(DECIDE) and name not in SPEAK


def digest_of(modules: Mapping[str, bytes], polars: str) -> str:
    """16 hexadecimal digits: of the modules that decide, and of the Polars that computes, 2.1 for 2.1.4."""
    order = sorted((name for name in modules if decides(name)), key=_place)
    said = [f"polars {polars}", *(f"{name} {meaning(modules[name])}" for name in order)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _place(name: str) -> tuple[int, list[str]]:
    return next(number for number, one in enumerate(DECIDE) if name.startswith(one)), name.split("/")


def meaning(written: bytes) -> str:
    """A module without comments, layout and documentation; its bytes where it is no Python."""
    try:
        return canonical(ast.parse(written), documented=False)
    except (SyntaxError, ValueError, RecursionError):
        return written.decode("utf-8", "replace").replace("\r\n", "\n")
