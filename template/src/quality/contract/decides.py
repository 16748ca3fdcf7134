"""What decides a verdict beside contract and policy: a domain's own Python, and saved profiles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from quality.contract.contract import WORD, load_contract, parse_source
from quality.contract.own_python import own_digest
from quality.contract.place import parsed, root
from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.rules.distributions import saved_profile
from quality.sources import Source

BESIDE = ("own Python", "saved profiles")
"""Their names in the canonical JSON; no field of a configuration has a space in it."""


def beside(rules: Iterable[Rule], source: Source | None) -> dict[str, dict[str, str | None]]:
    """Digests of the own classes and the saved profiles that are in use, by name; nothing where there are none."""
    judging = tuple(rules)
    sources = (one for one in (source, *(one for rule in judging for one in _referred(rule))) if one)
    used: list[type] = [*map(type, judging), *map(type, sources)]
    own: dict[str, str | None] = {
        f"{kind.__module__}.{kind.__qualname__}": digest for kind in used if (digest := own_digest(kind))
    }
    profiles = {path: _profile(path) for path in map(saved_profile, judging) if path is not None}
    found: dict[str, dict[str, str | None]] = dict(zip(BESIDE, (own, profiles), strict=True))
    return {name: digests for name, digests in found.items() if digests}


def _referred(rule: Rule) -> Iterator[Source]:
    """The sources that a rule compares with: as the rule says them, or as the contract of another dataset does."""
    for written in (getattr(rule, field, None) for field in ("reference", "baseline")):
        try:
            if isinstance(written, Mapping):
                yield parse_source(written)
            elif isinstance(written, str) and WORD.fullmatch(written):
                yield parsed(root() / "datasets" / f"{written}.yml", load_contract).source
        except ConfigurationError:
            continue  # the check itself says what is wrong with it


def _profile(path: str) -> str | None:
    """The digest of what a saved profile says, however it is laid out; None where there is none."""
    try:
        written = (root() / path).read_bytes()
    except OSError:
        return None
    try:
        said: Any = json.dumps(json.loads(written), sort_keys=True).encode()
    except ValueError:
        said = written
    return hashlib.sha256(said).hexdigest()[:16]
