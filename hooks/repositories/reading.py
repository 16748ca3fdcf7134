"""One repository, read and judged: its card."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

from quality.masking import masked
from repositories import managed
from repositories.card import Card, Check, Drift, State
from repositories.forked import Forks
from repositories.git import GitError, changed, git, has_files, is_address
from repositories.judging import Judging
from repositories.places import Place
from repositories.rungs import Rollout, rollout
from repositories.snapshot import Snapshot, UnreadableError
from repositories.template import Given, Template, same_address
from repositories.written import Answers, answers, waivers, written

WORKERS = 8
JOB_HANGS = 60
UNMERGED = {"DD", "AU", "UD", "UA", "DU", "AA", "UU"}


EMPTY = "it has no commit yet"


@dataclass
class Reader:
    """What all repositories are judged by: the template, a day, and where mirrors are kept."""

    template: Template
    cache: Path
    now: datetime
    job_log: str | None = None

    @cached_property
    def forks(self) -> Forks:
        return Forks()

    @cached_property
    def judging(self) -> Judging:
        return Judging()

    def cards(self, found: Iterable[Place], done: Callable[[Card], None] = lambda card: None) -> list[Card]:
        """The card of every repository, the worst first, read in parallel; `done` is told of each."""
        _ = self.template.known, self.forks, self.judging
        cards = []
        with ThreadPoolExecutor(WORKERS) as pool:
            for future in as_completed([pool.submit(self.card, place) for place in found]):
                cards.append(future.result())
                done(cards[-1])
        return sorted(cards, key=Card.rank)

    def card(self, place: Place) -> Card:
        """The card of a repository; of one that cannot be read, why."""
        try:
            return self._card(place, place.opened(self.cache))
        except (GitError, OSError) as error:
            reason, todo = str(error) or type(error).__name__, "check the address, the rights and the network"
            if reason == EMPTY:
                todo = "commit what was rendered, and push it"
            line = Check("reachable", False, reason, f"{todo}, then look again")
            return Card(place.name, "unreachable", (line,))
        except Exception as error:  # one repository that is like no other hides none of the others
            seen = f"it could not be judged: {type(error).__name__}: {error}"
            line = Check("reachable", False, seen, "tell who keeps the template, with the file that it is about")
            return Card(place.name, "unreachable", (line,))

    def _card(self, place: Place, folder: Path) -> Card:
        try:
            snapshot = Snapshot(folder, self.template)
        except GitError as error:
            raise error if git(folder, "for-each-ref", "--count=1") else GitError(EMPTY) from None
        uncommitted = changed(folder) if has_files(folder) else []
        conflicts = _conflicts(snapshot, uncommitted)
        try:
            said, problem = answers(snapshot), None
        except UnreadableError as error:
            said, problem = Answers(), str(error)
        lines = [Check("reachable", True, f"HEAD of {place.name}")]
        lines.append(Check("answers", problem is None, problem or "Copier's", problem and ANSWERED))
        lines += [_conflict(conflicts), _clean(uncommitted)]
        card = self._judged(Card(place.name, "current", tuple(lines)), snapshot, said, place)
        return replace(card, state=self._state(card, conflicts, problem), drift_job=self._job(place))

    def _judged(self, card: Card, snapshot: Snapshot, said: Answers, place: Place) -> Card:
        people, waived = written(snapshot), waivers(snapshot, self.now.date())
        release, given = self._given(snapshot, said)
        drift = managed.drift(snapshot, given, waived.current) if given else Drift()
        stands = rollout(snapshot, people, partial(self.judging.of, snapshot), self.now)
        forks = self.forks.of(snapshot)
        missed = self.template.missed(said.release)
        lines = [*card.checks, *self._lines(said, place)]
        lines.append(managed.check(drift, snapshot, self.template, given, release))
        lines += [waived.check(), _forked(forks), people.check(), *stands.checks(), self._tuple(stands)]
        return replace(
            card,
            checks=tuple(lines),
            domain=said.domain,
            owner=said.owner,
            release=said.release,
            releases_behind=len(missed),
            days_behind=max(0, (self.now - missed[0].made).days) if missed else 0,
            address=said.address,
            drift=drift,
            waivers=waived.current,
            forks=forks,
            standings=stands.standings,
            runs_on=stands.runs_on,
        )

    def _given(self, snapshot: Snapshot, said: Answers) -> tuple[str, Given | None]:
        """The release that managed files are judged by: the one that is named or, without a name, the nearest."""
        if said.release:
            commit = self.template.commit(said.release)
            return said.release, self.template.given(commit) if commit else None
        nearest = managed.nearest(snapshot, self.template)
        return nearest or "", self.template.given(nearest) if nearest else None

    def _lines(self, said: Answers, place: Place) -> list[Check]:
        """The lines about address, release and trust; none where nothing is known of them."""
        if not said.release:
            return []
        known = any(same_address(said.address, one) for one in self.template.addresses)
        moved = None if known else self._move(place, said.address)
        lines = [Check("address", known, f"it updates from {said.address}", moved)]
        newest, missed = self.template.newest, self.template.missed(said.release)
        if self.template.version(said.release) is None or self.template.commit(said.release) is None:
            seen = f"{said.release} is no release of this template"
            return [*lines, Check("release", False, seen, "nox -s update, or correct _commit in .copier-answers.yml")]
        seen = f"{said.release}, {len(missed)} behind {newest.tag}" if missed else f"{said.release}, the newest"
        crossed = self.template.migrations(said.release, newest) if missed else []
        fix = "nox -s update -- --trust" if crossed else "nox -s update" if missed else None
        lines.append(Check("release", not missed, seen, fix))
        needed = "; ".join(map(str, crossed))
        lines.append(Check("trust", not crossed, needed or "none is needed", fix if crossed else None))
        return lines

    def _move(self, place: Place, old: str) -> str:
        """The command that moves a repository to where this template lies; ADDRESS where nobody knows an address."""
        new = next((one for one in self.template.addresses if is_address(one) and masked(one) == one), "ADDRESS")
        words = ("move", str(place.folder or place.name), "--from", old, "--to", new)
        return f"nox -s fleet -- {shlex.join(words)}"

    def _state(self, card: Card, conflicts: list[str], problem: str | None) -> State:
        failed = {check.name for check in card.failed}
        if conflicts:
            return "conflict markers"
        if problem:
            return "no answers"
        if "trust" in failed:
            return "needs trust"
        return "behind" if "release" in failed else "current"

    def _tuple(self, stands: Rollout) -> Check:
        given = self.template.given(self.template.newest.tag)
        offered = given is None or f"constraints/{stands.runs_on}.txt" in given.digests
        if not stands.runs_on:
            return Check("tuple", True, "no run is recorded")
        end = self.template.ending.get(stands.runs_on, {})
        over = f", which was supported until {end['until']}" if end and end["until"] < self.now.date() else ""
        if wrong := over if offered else ", which the newest release lacks":
            other = end.get("instead") or (given.tuple_for(stands.runs_on) if given else "")
            return Check("tuple", False, f"{stands.runs_on}{wrong}", f"QUALITY_TUPLE={other} nox -s climb")
        return Check("tuple", True, stands.runs_on + (f", supported until {end['until']}" if end else ""))

    def _job(self, place: Place) -> str:
        """What the command of --job-log says of a repository's last drift job."""
        if not self.job_log:
            return "not asked"
        command = [*shlex.split(self.job_log), place.name]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=JOB_HANGS)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"unknown: {type(error).__name__}"
        lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
        return lines[0] if lines else "none"


ANSWERED = "restore .copier-answers.yml from git's history; copier needs it to update"


def _conflicts(snapshot: Snapshot, uncommitted: list[tuple[str, str]]) -> list[str]:
    return sorted({*snapshot.conflicts, *(name for letters, name in uncommitted if letters in UNMERGED)})


def _conflict(names: list[str]) -> Check:
    fix = "resolve them, git add them, and commit" if names else None
    return Check("conflicts", not names, ", ".join(names) or "none", fix)


def _clean(uncommitted: list[tuple[str, str]]) -> Check:
    names = [name for _, name in uncommitted]
    files = "1 file is" if len(names) == 1 else f"{len(names)} files are"
    seen = f"{files} not: {', '.join(names[:3])}" if names else "all is"
    return Check("all is committed", not names, seen, "commit or stash them" if names else None)


def _forked(forks: tuple[str, ...]) -> Check:
    fix = "nox -s drift -- forks says what to call instead" if forks else None
    return Check("forks", not forks, "; ".join(forks) or "none", fix)
