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
    *("time_units.py", "sql_meaning.py", "known_sql.py", "merging.py", "file_states/", "sources/"),
    *("contract/config.py", "contract/contract.py", "contract/references.py", "history/runs.py", "history/store.py"),
)
"""Modules and rooms that read data, judge it, or say by what; what policy.yml says is in the fingerprint."""
SPEAK = ("rules/complaints.py", "rules/elsewhere.py", "rules/other_tools.py")
"""Of these, what only words a refusal."""


def decides(name: str) -> bool:
    """Whether a file of the package, by its path there, decides a verdict."""
    return name.endswith(".py") and name.startswith(DECIDE) and name not in SPEAK


def digest_of(modules: Mapping[str, bytes], polars: str, known: Mapping[str, str] | None = None) -> str:
    """16 hexadecimal digits: of the modules that decide, and of the Polars that computes, 2.1 for 2.1.4.

    `known` are meanings by the hash of what was written, as `meanings` gives them.
    """
    known = known or {}
    order = sorted((name for name in modules if decides(name)), key=_place)
    meant = (f"{name} {known.get(_hash(_lines(modules[name]))) or _hash(meaning(modules[name]))}" for name in order)
    return _hash("\n".join([f"polars {polars}", *meant]))[:16]


def meanings(modules: Mapping[str, bytes]) -> dict[str, str]:
    """The hash of what each module that decides means, by the hash of its text: reading it again takes long."""
    return {_hash(_lines(text)): _hash(meaning(text)) for name, text in sorted(modules.items()) if decides(name)}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(written: bytes) -> str:
    return written.decode("utf-8", "replace").replace("\r\n", "\n")


def _place(name: str) -> tuple[int, list[str]]:
    return next(number for number, one in enumerate(DECIDE) if name.startswith(one)), name.split("/")


def meaning(written: bytes) -> str:
    """A module without comments, layout and documentation; its bytes where it is no Python."""
    try:
        return canonical(ast.parse(written), documented=False)
    except (SyntaxError, ValueError, RecursionError):
        return _lines(written)
