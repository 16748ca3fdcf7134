"""Where datasets stand, by the files of rollout/: what status.json claims, and how far its evidence carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from repositories.card import RUNGS, Check, Standing
from repositories.snapshot import Snapshot, UnreadableError
from repositories.written import Written

STATUS, EVIDENCE = "rollout/status.json", "rollout/evidence"
GREEN = ("PASSED", "WARNING", None)
Entries = dict[tuple[str, str, str], dict[str, Any]]
Judging = Callable[[str], str | None]
"""The digest of the code that judges in a repository, with a Polars such as 2.1; None where it cannot be told."""


@dataclass(frozen=True)
class Rollout:
    """The standings of a repository, the tuple that its newest evidence ran on, and what cannot be read."""

    standings: tuple[Standing, ...] = ()
    runs_on: str = ""
    problems: tuple[str, ...] = ()

    def checks(self) -> Iterator[Check]:
        """The lines of a card about evidence."""
        beyond = [
            f"{one.dataset} in {one.environment} claims {one.claimed}, the evidence proves {one.proved or 'nothing'}"
            for one in self.standings
            if _height(one.claimed) > _height(one.proved)
        ]
        proved = sum(one.proved is not None for one in self.standings)
        seen = "; ".join([*self.problems, *beyond]) or f"{proved} of {len(self.standings)} standings are proved"
        bad = bool(self.problems or beyond)
        yield Check("evidence", not bad, seen, "nox -s status -- --check" if bad else None)
        old = [f"{one.dataset} in {one.environment}: {one.stale}" for one in self.standings if one.stale]
        yield Check("evidence is current", not old, "; ".join(old) or "none is stale", "nox -s status" if old else None)


def rollout(snapshot: Snapshot, people: Written, judging: Judging, now: datetime) -> Rollout:
    """What rollout/ says of the datasets and environments that people wrote, by the rules of `nox -s status`."""
    entries, problems = _evidence(snapshot)
    try:
        said = json.loads(snapshot.text(STATUS))["standings"] if STATUS in snapshot.entries else []
        claims = {(one["dataset"], one["environment"]): one for one in said}
    except (UnreadableError, ValueError, TypeError, KeyError):
        claims = {}
        problems.append(f"{STATUS} is incomplete")
    places = [(dataset, environment) for dataset in people.datasets for environment in people.environments]
    judged = partial(_standing, entries=entries, judging=judging, now=now)
    standings = [judged(place, claims.get(place, {})) for place in sorted({*places, *claims})]
    return Rollout(tuple(standings), _tuple(entries), tuple(problems))


def _evidence(snapshot: Snapshot) -> tuple[Entries, list[str]]:
    """Each piece of evidence by dataset, environment and rung, and the files that are not whole."""
    found: Entries = {}
    problems = []
    for name in snapshot.under(EVIDENCE, ".json"):
        dataset, _, rung = name.removeprefix(f"{EVIDENCE}/").removesuffix(".json").rpartition(".")
        try:
            for environment, one in json.loads(snapshot.text(name))["environments"].items():
                found[dataset, environment, rung] = {"fingerprint": "", "recorded": "", "checks": [], **one}
                _ = [check["ok"] for check in found[dataset, environment, rung]["checks"]]
        except (UnreadableError, ValueError, TypeError, KeyError, AttributeError):
            found = {place: kept for place, kept in found.items() if (place[0], place[2]) != (dataset, rung)}
            problems.append(f"{name} is incomplete")
    return found, problems


def _standing(
    place: tuple[str, str], claim: dict[str, Any], entries: Entries, judging: Judging, now: datetime
) -> Standing:
    """Evidence of another configuration proves nothing; that of other code takes no rung away, and asks for proof."""
    first = entries.get((*place, "task"), {})
    fingerprint = str(claim.get("fingerprint") or first.get("fingerprint") or "")
    proved, stale = None, None
    for rung in RUNGS:
        needed = [rung] if rung == "task" else [rung, f"checklist-{rung}"]
        found = [entries.get((*place, name)) for name in needed]
        flaws = [_flaw(one, fingerprint, now) for one in found]
        again = (_outdated(one, judging) for one in found if one is not None)
        stale = stale or next((f"{rung}: {said}" for said in (*flaws, *again) if said), None)
        if any(flaw is not None for flaw in flaws):
            break
        proved = rung
    return Standing(*place, claimed=claim.get("current_level"), proved=proved, stale=stale)


def _flaw(one: dict[str, Any] | None, fingerprint: str, now: datetime) -> str | None:
    """Why evidence does not count: an empty text when it is not there or was no success, words when it is stale."""
    if one is None or one.get("status") not in GREEN or not all(check.get("ok") for check in one["checks"]):
        return ""
    if one["fingerprint"] != fingerprint:
        return "the configuration changed since"
    return "it is dated in the future; a clock is wrong" if _moment(str(one["recorded"])) > now else None


def _moment(written: str) -> datetime:
    """When evidence was given; long ago where that cannot be read."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _outdated(one: dict[str, Any], judging: Judging) -> str | None:
    """Whether other code judged than the repository's own; None also where that cannot be told from here."""
    polars = str(one.get("compatibility", "")).rpartition("-polars-")[2]
    now = judging(".".join(polars.split(".")[:2]))
    return None if now in (None, one.get("judged_by")) else f"proved on {one.get('template_version')}, prove again"


def _height(rung: str | None) -> int:
    return RUNGS.index(rung) + 1 if rung in RUNGS else 0


def _tuple(entries: Entries) -> str:
    """The tuple of the newest evidence, spelled as its constraints file is: py311-prefect-3.9.1-polars-2.1."""
    newest = max(entries.values(), key=lambda one: str(one["recorded"]), default={})
    words = str(newest.get("compatibility", "")).split("-")
    if len(words) != 5:
        return ""
    python, _, prefect, _, polars = words
    return f"{python.replace('.', '')}-prefect-{prefect}-polars-{'.'.join(polars.split('.')[:2])}"
