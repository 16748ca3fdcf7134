"""The page as data: every card, and the same facts by file, release, tuple and owner."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from repositories.card import FLAGS, Card, Point, plain
from repositories.template import Template

POINTS = 30
"""How many earlier pages a trend remembers."""
COLUMNS = (
    "domain", "repository", "owner", "state", "release", "releases_behind", "days_behind", "edited", "missing", "extra",
    "waivers", "next_waiver", "forks", "rungs", "stale", "runs_on", "drift_job", "failed", "trend", "first_fix",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """Every repository that was looked at, and what by."""

    template: Template
    read: datetime
    cards: tuple[Card, ...]

    def only(self, flags: Iterable[str], owner: str | None) -> Report:
        """The report about repositories with one of these flags, and of an owner."""
        wanted = set(flags)
        kept = [card for card in self.cards if not wanted or wanted & card.flags]
        return replace(self, cards=tuple(card for card in kept if owner is None or _owned(card, owner)))

    def by_file(self) -> list[dict[str, Any]]:
        """Each managed file that differs somewhere, those that differ most often first."""
        where: dict[str, list[str]] = {}
        for card in self.cards:
            for name in (*card.drift.edited, *card.drift.missing, *card.drift.extra, *card.drift.waived):
                where.setdefault(name.split(" (")[0], []).append(card.name)
        rows = [{"file": name, "repositories": len(found), "where": found} for name, found in where.items()]
        return sorted(rows, key=lambda row: (-int(str(row["repositories"])), str(row["file"])))

    def twins(self) -> dict[str, list[str]]:
        """The domains that are those of several repositories, with where these lie."""
        where: dict[str, list[str]] = {}
        for card in self.cards:
            if card.domain:
                where.setdefault(card.domain, []).append(card.repository)
        return {domain: sorted(found) for domain, found in where.items() if len(found) > 1}

    def by_release(self) -> list[dict[str, Any]]:
        """Each release with the repositories that have it, the newest first, then what is no release."""
        counts = Counter(card.release or "unknown" for card in self.cards)
        made = {release.tag: release.made.date().isoformat() for release in reversed(self.template.releases)}
        names = [*made, *sorted(counts.keys() - made.keys())]
        return [{"release": name, "made": made.get(name, ""), "repositories": counts[name]} for name in names]

    def by_tuple(self) -> list[dict[str, Any]]:
        """Each tuple that evidence names, the most frequent first."""
        counts = Counter(card.runs_on or "no run is recorded" for card in self.cards)
        return [{"tuple": name, "repositories": count} for name, count in counts.most_common()]

    def by_owner(self) -> list[dict[str, Any]]:
        """Each owner with how many repositories, and how many of them have something to do."""
        owned: dict[str, list[Card]] = {}
        for card in self.cards:
            owned.setdefault(card.owner or "nobody", []).append(card)
        rows = [
            {"owner": name, "repositories": len(cards), "to_do": sum(bool(card.failed) for card in cards)}
            for name, cards in owned.items()
        ]
        return sorted(rows, key=lambda row: (-int(str(row["to_do"])), str(row["owner"])))

    def counts(self) -> dict[str, int]:
        """How many repositories have each flag that one of them has."""
        counts = Counter(flag for card in self.cards for flag in card.flags)
        return {flag: counts[flag] for flag in FLAGS if counts[flag]}

    def document(self) -> dict[str, Any]:
        """The report in plain JSON."""
        return {
            "verb": "fleet",
            "template": str(self.template.folder),
            "newest": self.template.newest.tag,
            "read": self.read.isoformat(timespec="seconds"),
            "counts": self.counts(),
            "repositories": [card.document() for card in self.cards],
            "by_file": self.by_file(),
            "by_release": self.by_release(),
            "by_tuple": self.by_tuple(),
            "by_owner": self.by_owner(),
        }

    def json(self) -> str:
        return json.dumps(self.document(), indent=2, default=plain, ensure_ascii=False) + "\n"

    def csv(self) -> str:
        """One line for each repository."""
        target = io.StringIO()
        lines = csv.DictWriter(target, COLUMNS, lineterminator="\n")
        lines.writeheader()
        lines.writerows({name: _cell(value) for name, value in _flat(card).items()} for card in self.cards)
        return target.getvalue()

    def with_trend(self, earlier: Path | None) -> Report:
        """The report with what the last one knew of each repository, this one added; a damaged file is no past."""
        past = _past(earlier)
        when = self.read.isoformat(timespec="seconds")
        told = [
            replace(card, trend=(*past.get(card.repository, ())[-POINTS:], Point(when, len(card.failed))))
            for card in self.cards
        ]
        return replace(self, cards=tuple(told))


def trend(card: Card) -> str:
    """How the number of failing checks moved since the page before."""
    if len(card.trend) < 2:
        return "first page"
    before, now = card.trend[-2].failed, card.trend[-1].failed
    word = "better" if now < before else "worse" if now > before else "same"
    return f"{word}: {before} → {now}" if now != before else word


def rungs(card: Card) -> str:
    """Where each dataset stands in each environment: flights: dev deployment, prod task."""
    by: dict[str, list[str]] = {}
    for one in card.standings:
        by.setdefault(one.dataset, []).append(f"{one.environment} {one.proved or 'none'}")
    return "; ".join(f"{dataset}: {', '.join(places)}" for dataset, places in by.items())


def _owned(card: Card, owner: str) -> bool:
    return card.owner.removeprefix("@").lower() == owner.removeprefix("@").lower()


def _past(earlier: Path | None) -> dict[str, tuple[Point, ...]]:
    try:
        said = json.loads(earlier.read_text("utf-8"))["repositories"] if earlier else []
        return {one["repository"]: tuple(Point(**point) for point in one["trend"]) for one in said}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _flat(card: Card) -> dict[str, Any]:
    first = card.next_to_expire
    return {
        "domain": card.name,
        **{name: getattr(card, name) for name in COLUMNS[1:7]},
        **{kind: len(getattr(card.drift, kind)) for kind in ("edited", "missing", "extra")},
        "waivers": len(card.waivers),
        "next_waiver": first.until if first else "",
        "forks": len(card.forks),
        "rungs": rungs(card),
        "stale": len(card.stale),
        "runs_on": card.runs_on,
        "drift_job": card.drift_job,
        "failed": "; ".join(check.name for check in card.failed),
        "trend": trend(card),
        "first_fix": next((check.fix for check in card.failed if check.fix), ""),
    }


def _cell(value: object) -> object:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "\t", "\r")) else value
