"""An update in waves: canaries first, and no other repository before they are green; opened, and taken back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from quality.masking import masked
from repositories.card import Card
from repositories.outcome import KINDS, Outcome, remember, remembered
from repositories.places import Place
from repositories.workshop import Workshop

Pair = tuple[Place, Card]
ROLL_BACK = "to take back what is done: nox -s fleet-update -- --rollback, with the same repositories"


class Change(Protocol):
    """What is done to a repository: an update, or a move."""

    @property
    def workshop(self) -> Workshop: ...

    def plan(self, card: Card) -> Outcome: ...

    def one(self, place: Place, card: Card) -> Outcome: ...


@dataclass(frozen=True)
class Waves:
    """How many repositories go first, how many follow at a time, and how many are worked on at once."""

    change: Change
    canary: int = 3
    wave: int = 20
    jobs: int = 2
    opens: str | None = None

    def cut(self, pairs: Iterable[Pair]) -> tuple[list[Outcome], list[list[Pair]]]:
        """What ends without an update, and the waves of the others: the canaries, then the rest."""
        planned = [(pair, self.change.plan(pair[1])) for pair in pairs]
        ended = [outcome for _, outcome in planned if not outcome.is_done]
        tried = [pair for pair, outcome in planned if outcome.is_done]
        canaries, rest = tried[: self.canary], tried[self.canary :]
        waves = [rest[start : start + self.wave] for start in range(0, len(rest), self.wave)]
        return ended, [wave for wave in (canaries, *waves) if wave]

    def run(self, pairs: Iterable[Pair], told: Callable[[Outcome], None]) -> tuple[list[Outcome], str]:
        """Every outcome, those that need a person first, and why the run stopped; empty when it did not."""
        outcomes, waves = self.cut(pairs)
        stopped = ""
        for number, wave in enumerate(waves):
            if stopped:
                reason = f"the canaries are not green: {stopped}"
                outcomes += [replace(self.change.plan(card), kind="skipped", reason=reason) for _, card in wave]
                continue
            with ThreadPoolExecutor(self.jobs) as pool:
                done = list(pool.map(lambda pair: self._one(pair, told), wave))
            outcomes += done
            if number == 0 and self.canary:
                red = next((one for one in done if one.not_green or not one.is_done), None)
                stopped = f"{red.repository}: {red.not_green or red.words()}" if red else ""
        return sorted(outcomes, key=lambda one: (KINDS.index(one.kind), one.repository)), stopped

    def _one(self, pair: Pair, told: Callable[[Outcome], None]) -> Outcome:
        try:
            outcome = self.change.one(*pair)
            if self.opens and outcome.is_done and not outcome.opened and not outcome.not_green:
                outcome = self._opened(pair[0], outcome, self.opens)
        except Exception as error:  # what one repository breaks keeps none of the others from its own outcome
            said = f"it could not be changed: {type(error).__name__}: {error}"
            outcome = replace(self.change.plan(pair[1]), kind="skipped", reason=masked(said))
        told(outcome)
        return outcome

    def _opened(self, place: Place, outcome: Outcome, command: str) -> Outcome:
        """The outcome with the last line of what opens a pull request, or why it did not."""
        shop = self.change.workshop
        about = {
            "FLEET_BRANCH": outcome.branch,
            "FLEET_TITLE": f"Template: {outcome.after}",
            "FLEET_BODY": str(shop.note(place, ".md")),
            "FLEET_REPOSITORY": outcome.repository,
        }
        done = shop.run(place, shop.kept(place), command, **about)
        lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or [""]
        if done.returncode:
            why = f"the command ended with {done.returncode}: {telling(lines)}"
            return replace(outcome, reason=f"it was not opened, as {why}")
        outcome = replace(shop.left(shop.kept(place), outcome), opened=lines[-1] or "opened", reason="")
        remember(shop.note(place, ".json"), outcome)
        return outcome

    def roll_back(self, places: Iterable[Place], closes: str | None) -> list[str]:
        """Remove every clone that was updated, after closing what was opened; the repositories taken back."""
        shop, back = self.change.workshop, []
        for place in places:
            note = shop.note(place, ".json")
            before = remembered(note)
            if before is None:
                continue
            if before.opened and closes:
                done = shop.run(place, shop.kept(place), closes, FLEET_BRANCH=before.branch, FLEET_OPENED=before.opened)
                if done.returncode:
                    back.append(f"{place.name}: not closed, {done.stderr.strip()[-200:]}; it is kept")
                    continue
            if work := shop.work(place):
                back.append(f"{place.name}: {work}; it is kept")
                continue
            shutil.rmtree(shop.kept(place), ignore_errors=True)
            shop.note(place, ".md").unlink(missing_ok=True)
            note.unlink(missing_ok=True)
            opened = f", and close {before.opened} yourself" if before.opened and not closes else ""
            back.append(f"{place.name}: the clone with {before.branch or 'its branch'} is removed{opened}")
        return back


def telling(lines: list[str]) -> str:
    """The line that says why a command failed: the branch that git rejected, else the last that is no hint of git's."""
    said = [line.strip() for line in lines if not line.startswith("hint:")] or lines
    return next((line for line in said if line.startswith("! ")), said[-1])
