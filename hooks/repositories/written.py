"""What people wrote in a repository: answers, waivers, datasets, environments, and whether it can be read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from quality.masking import masked
from quality.texts import many
from repositories.card import Check, Waiver
from repositories.snapshot import ANSWERS, Snapshot, UnreadableError

WAIVERS, POLICY = "waivers.yml", "policy.yml"


@dataclass(frozen=True)
class Answers:
    """What Copier wrote down of a repository."""

    domain: str = ""
    owner: str = ""
    release: str = ""
    address: str = ""


def answers(snapshot: Snapshot) -> Answers:
    """The answers of a repository; UnreadableError when there are none, or they are not what Copier writes."""
    if ANSWERS not in snapshot.entries:
        raise UnreadableError(f"there is no {ANSWERS}: it was not made from a template, or the file was deleted")
    data = snapshot.yaml(ANSWERS)
    if missing := [key for key in ("_commit", "_src_path") if not isinstance(data.get(key), str)]:
        raise UnreadableError(f"{ANSWERS} does not say {' and '.join(missing)}")
    domain, owner = (word(data.get(key)) for key in ("domain", "owner"))
    return Answers(domain, owner, data["_commit"], masked(data["_src_path"]))


def word(value: object) -> str:
    """A word that people wrote as a value; nothing of a list or a mapping, which is none."""
    return str(value) if isinstance(value, (str, int, float, date)) and value else ""


@dataclass(frozen=True)
class Waivers:
    """The waivers that count, and what is wrong with the others."""

    current: tuple[Waiver, ...] = ()
    problems: tuple[str, ...] = ()

    def check(self) -> Check:
        """The line of a card about waivers."""
        if self.problems:
            return Check("waivers", False, "; ".join(self.problems), f"correct {WAIVERS}, then nox -s restore")
        first = min(self.current, key=lambda one: one.until, default=None)
        seen = f"{len(self.current)}, the next to expire on {first.until}: {first.path}" if first else "none"
        return Check("waivers", True, seen)


def waivers(snapshot: Snapshot, today: date) -> Waivers:
    """The waivers of a repository on a day."""
    if WAIVERS not in snapshot.entries or snapshot.bytes(WAIVERS) is None:
        return Waivers()
    try:
        written = snapshot.yaml(WAIVERS).get("waivers") or []
    except UnreadableError as error:
        return Waivers(problems=(str(error),))
    current, problems = [], []
    for number, one in enumerate(written if isinstance(written, list) else [written], 1):
        found = _waiver(one)
        if found is None:
            problems.append(f"waiver {number} does not say path, reason and until")
        elif found.until < today:
            problems.append(f"the waiver of {found.path} expired on {found.until}")
        else:
            current.append(found)
    return Waivers(tuple(current), tuple(problems))


def _waiver(written: Any) -> Waiver | None:
    if not isinstance(written, dict):
        return None
    path, reason, until = (written.get(key) for key in ("path", "reason", "until"))
    until = until.date() if isinstance(until, datetime) else until
    if isinstance(until, str):
        with suppress(ValueError):
            until = date.fromisoformat(until)
    whole = isinstance(path, str) and isinstance(reason, str) and reason.strip() and isinstance(until, date)
    return Waiver(path, reason.strip(), until) if whole else None  # type: ignore[arg-type, union-attr]


@dataclass(frozen=True)
class Written:
    """The datasets and environments of a repository, and what of its files cannot be read."""

    datasets: dict[str, str] = field(default_factory=dict)
    environments: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def check(self) -> Check:
        """The line of a card about files that people wrote."""
        if self.problems:
            return Check("files that people wrote", False, "; ".join(self.problems), "correct them, then nox -s doctor")
        return Check(
            "files that people wrote", True, f"{many(len(self.datasets), 'contract')} and {POLICY} can be read"
        )


def written(snapshot: Snapshot) -> Written:
    """The contracts and the policy of a repository, with each dataset's owner."""
    datasets, problems = {}, []
    for name in snapshot.under("datasets", ".yml"):
        try:
            datasets[name.removeprefix("datasets/").removesuffix(".yml")] = word(snapshot.yaml(name).get("owner"))
        except UnreadableError as error:
            problems.append(str(error))
    try:
        said = snapshot.yaml(POLICY).get("environments") or {}
        environments = tuple(one for one in said if isinstance(one, str)) if isinstance(said, dict) else ()
        if not isinstance(said, dict):
            problems.append(f"{POLICY}: environments is no mapping of names")
    except UnreadableError as error:
        environments = ()
        problems.append(str(error))
    return Written(datasets, environments, tuple(problems))
