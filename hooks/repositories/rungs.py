"""Where datasets stand, by the files of rollout/: what status.json claims, and how far its evidence carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from repositories.card import RUNGS, Check, Standing
from repositories.snapshot import Snapshot, UnreadableError
from repositories.written import Written

STATUS, EVIDENCE = "rollout/status.json", "rollout/evidence"
GREEN = ("PASSED", "WARNING", None)
Entries = dict[tuple[str, str, str], dict[str, Any]]


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


def rollout(snapshot: Snapshot, people: Written, version: str) -> Rollout:
    """What rollout/ says of the datasets and environments that people wrote."""
    entries, problems = _evidence(snapshot)
    try:
        said = json.loads(snapshot.text(STATUS))["standings"] if STATUS in snapshot.entries else []
        claims = {(one["dataset"], one["environment"]): one for one in said}
    except (UnreadableError, ValueError, TypeError, KeyError):
        claims = {}
        problems.append(f"{STATUS} is incomplete")
    places = [(dataset, environment) for dataset in people.datasets for environment in people.environments]
    standings = [_standing(place, claims.get(place, {}), entries, version) for place in sorted({*places, *claims})]
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
        except (UnreadableError, ValueError, TypeError, KeyError, AttributeError):
            problems.append(f"{name} is incomplete")
    return found, problems


def _standing(place: tuple[str, str], claim: dict[str, Any], entries: Entries, version: str) -> Standing:
    first = entries.get((*place, "task"), {})
    fingerprint = str(claim.get("fingerprint") or first.get("fingerprint") or "")
    proved, stale = None, None
    for rung in RUNGS:
        needed = [rung] if rung == "task" else [rung, f"checklist-{rung}"]
        flaws = [_flaw(entries.get((*place, name)), fingerprint, version) for name in needed]
        if any(flaw is not None for flaw in flaws):
            stale = next((f"{rung}: {flaw}" for flaw in flaws if flaw), None)
            break
        proved = rung
    return Standing(*place, claimed=claim.get("current_level"), proved=proved, stale=stale)


def _flaw(one: dict[str, Any] | None, fingerprint: str, version: str) -> str | None:
    """Why evidence does not count: an empty text when it is not there or was no success, words when it is stale."""
    if one is None or one.get("status") not in GREEN or not all(check.get("ok") for check in one["checks"]):
        return ""
    if one["fingerprint"] != fingerprint:
        return "the configuration changed since"
    if version and one.get("template_version") != version:
        return f"it is of template {one.get('template_version')}, the repository is at {version}"
    return None


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
