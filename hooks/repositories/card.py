"""The card of a repository: what is so and what is not, each with what was seen and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Literal

State = Literal["unreachable", "no answers", "conflict markers", "needs trust", "behind", "current"]
STATES: tuple[State, ...] = ("unreachable", "no answers", "conflict markers", "needs trust", "behind", "current")
"""The worst first."""
RUNGS = ("task", "block", "flow", "deployment")
FLAGS = {
    "unreachable": "reachable",
    "unanswered": "answers",
    "moved": "address",
    "behind": "release",
    "trust": "trust",
    "conflict": "conflicts",
    "drifted": "managed files",
    "waived": "waivers",
    "forked": "forks",
    "unreadable": "files that people wrote",
    "unproved": "evidence",
    "stale": "evidence is current",
    "tuple": "tuple",
    "dirty": "all is committed",
}
"""What --only and --fail-on take, each with the check that must not be met."""


@dataclass(frozen=True)
class Check:
    """One line of a card: whether it is so, what was seen, and what to do when it is not."""

    name: str
    ok: bool
    seen: str
    fix: str | None = None


@dataclass(frozen=True)
class Waiver:
    """A managed file that may differ until a day."""

    path: str
    reason: str
    until: date


@dataclass(frozen=True)
class Standing:
    """A dataset in an environment: the rung that rollout/status.json claims, and the one that evidence carries."""

    dataset: str
    environment: str
    claimed: str | None
    proved: str | None
    stale: str | None = None


@dataclass(frozen=True)
class Drift:
    """Managed files that are not the release's, those of waivers left out."""

    edited: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.edited) + len(self.missing) + len(self.extra)

    def words(self) -> str:
        """Such as `2 edited, 1 missing`."""
        counts = {name: len(getattr(self, name)) for name in ("edited", "missing", "extra")}
        return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


@dataclass(frozen=True)
class Point:
    """How many checks of a repository failed when a page was made."""

    read: str
    failed: int


@dataclass(frozen=True)
class Card:
    """A repository as one row of the page."""

    repository: str
    state: State
    checks: tuple[Check, ...]
    domain: str = ""
    owner: str = ""
    release: str = ""
    releases_behind: int = 0
    days_behind: int = 0
    address: str = ""
    drift: Drift = field(default_factory=Drift)
    waivers: tuple[Waiver, ...] = ()
    forks: tuple[str, ...] = ()
    standings: tuple[Standing, ...] = ()
    runs_on: str = ""
    drift_job: str = ""
    trend: tuple[Point, ...] = ()

    @property
    def name(self) -> str:
        """The domain, or where the repository lies."""
        return self.domain or self.repository.rstrip("/").rsplit("/", 1)[-1]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.ok)

    @property
    def flags(self) -> set[str]:
        """The words of FLAGS that hold for this repository."""
        failed = {check.name for check in self.failed}
        return {flag for flag, name in FLAGS.items() if name in failed} | ({"waived"} if self.waivers else set())

    @property
    def next_to_expire(self) -> Waiver | None:
        return min(self.waivers, key=lambda waiver: waiver.until, default=None)

    @property
    def stale(self) -> list[Standing]:
        return [one for one in self.standings if one.stale]

    def rank(self) -> tuple[int, int, int, str]:
        """The worst first: by state, then by how many checks fail, then by how far behind."""
        return STATES.index(self.state), -len(self.failed), -self.releases_behind, self.name

    def document(self) -> dict[str, Any]:
        """The card in plain JSON."""
        return asdict(self) | {"flags": sorted(self.flags), "ok": not self.failed}


def plain(value: object) -> Any:
    """A date in JSON."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not written as JSON")
