"""Where every dataset stands on the ladder: computed from evidence, never declared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quality.contract import project
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.rollout import evidence
from quality.rollout.evidence import Check, Rung
from quality.values import Frozen

CHECKLIST = "checklist"
CONTRACT = "contract"
STATUS = "rollout/status.json"


class Standing(Frozen):
    """One dataset in one environment, scorecard-shaped: its rungs from the ground up, and what blocks the next one."""

    dataset: str
    environment: str
    owner: str | None
    fingerprint: str
    levels: tuple[Rung, ...] = tuple(Rung)
    current_level: Rung | None
    next_level: Rung | None
    checks: tuple[Check, ...]

    @property
    def unread(self) -> str | None:
        """Why the dataset's contract cannot be read; None where it can."""
        return next((check.seen for check in self.checks if check.name == CONTRACT), None)


class Scorecard(Frozen):
    """Every dataset in every environment. Written to rollout/status.json; equal evidence gives an equal file."""

    standings: tuple[Standing, ...]

    @property
    def unread(self) -> dict[str, str]:
        """The datasets whose contract cannot be read, and why."""
        return {one.dataset: one.unread for one in self.standings if one.unread}


def standing(dataset: str, environment: str) -> Standing:
    """The highest rung whose evidence, and that of every rung below, is about the current configuration."""
    try:
        config = project.load(dataset, environment)
    except ConfigurationError as error:
        return _unread(dataset, environment, "; ".join(str(error).splitlines()))
    fingerprint = config.fingerprint
    checks = [_rung(dataset, environment, rung, fingerprint) for rung in Rung]
    climbed: list[Rung] = []
    for rung, check in zip(Rung, checks, strict=True):
        if not check.ok:
            break
        climbed.append(rung)
    following = next((rung for rung in Rung if rung not in climbed), None)
    return Standing(
        dataset=dataset,
        environment=environment,
        owner=config.owner,
        fingerprint=fingerprint,
        current_level=climbed[-1] if climbed else None,
        next_level=following,
        checks=tuple(checks),
    )


def _unread(dataset: str, environment: str, problem: str) -> Standing:
    """A dataset whose contract cannot be read stands on no rung, whatever it once proved."""
    check = Check(name=CONTRACT, ok=False, seen=problem, fix=f"correct datasets/{dataset}.yml")
    return Standing(
        dataset=dataset,
        environment=environment,
        owner=None,
        fingerprint="none",
        current_level=None,
        next_level=Rung.TASK,
        checks=(check,),
    )


def needed(dataset: str, environment: str, rung: Rung) -> list[tuple[str, str, str]]:
    """What proves a rung: its run and, above the task, a promotion; each with its evidence and its command."""
    run = ("its run", rung.value, f"nox -s {rung} -- {dataset} --env {environment}")
    climb = ("its promotion", f"{CHECKLIST}-{rung}", f"nox -s promote -- {rung} {dataset} --env {environment}")
    return [run] if rung is Rung.TASK else [run, climb]


def _rung(dataset: str, environment: str, rung: Rung, fingerprint: str) -> Check:
    """The task's rung is its run; every rung above is its run and a promotion's checklist."""
    for what, name, command in needed(dataset, environment, rung):
        try:
            problem = evidence.flaw(evidence.read(dataset, name).get(environment), fingerprint)
        except ConfigurationError as error:
            problem = str(error)
        if problem:
            return Check(name=rung.value, ok=False, seen=f"{what} does not count: {problem}", fix=command)
    return Check(name=rung.value, ok=True, seen="proved for this configuration")


def outdated(dataset: str, environment: str, level: Rung = Rung.DEPLOYMENT) -> Check | None:
    """The first proof up to this rung that other code has judged than judges now, and how to prove it again.

    It takes no rung away: what was proved once is no false claim, but nothing new becomes active by it.
    """
    for rung in list(Rung)[: list(Rung).index(level) + 1]:
        for _, name, _ in needed(dataset, environment, rung):
            found = evidence.read(dataset, name).get(environment)
            if found and (problem := evidence.outdated(found)):
                fix = f"nox -s climb -- {dataset} --env {environment}"
                return Check(name=f"rung {rung}", ok=False, seen=problem, fix=fix)
    return None


def had(dataset: str, environment: str) -> dict[Rung, bool]:
    """Each rung up to the highest that a dataset ran on, whatever has changed since, and whether it was promoted to it.

    A run that failed counts: what climbs again and fails is asked to climb again the next time.
    """
    found = {rung: evidence.read(dataset, rung.value).get(environment) for rung in Rung}
    lists = {rung: evidence.read(dataset, f"{CHECKLIST}-{rung}").get(environment) for rung in Rung}
    promoted = {rung: bool(one and one.checks and all(check.ok for check in one.checks)) for rung, one in lists.items()}
    reached = [rung for rung, one in found.items() if one]
    return {
        rung: promoted[rung] for rung in Rung if reached and list(Rung).index(rung) <= list(Rung).index(reached[-1])
    }


def scorecard() -> Scorecard:
    """The standing of every dataset in every environment of policy.yml."""
    environments = tuple(project.policy().environments)
    return Scorecard(standings=tuple(standing(d, e) for d in project.datasets() for e in environments))


def text(card: Scorecard) -> str:
    """The scorecard as rollout/status.json holds it."""
    return card.model_dump_json(indent=2) + "\n"


def save(card: Scorecard) -> bool:
    """Brings rollout/status.json up to date; whether it was not."""
    path = project.root() / STATUS
    if path.exists() and path.read_text("utf-8") == text(card):
        return False
    write_whole(path, text(card))
    return True


@contextmanager
def kept() -> Iterator[None]:
    """Brings rollout/status.json up to date when a session ends, however it ends: once, for all that it proved."""
    try:
        yield
    finally:
        save(scorecard())


def claims(card: Scorecard) -> list[str]:
    """What the committed status says that the evidence does not, of datasets whose contract can be read."""
    path = project.root() / STATUS
    if not path.exists():
        return [] if not any(one.current_level for one in card.standings) else [f"{STATUS} is missing"]
    try:
        said = Scorecard.model_validate_json(path.read_text("utf-8"))
    except ValueError:
        return [f"{STATUS} is incomplete"]
    known = {(one.dataset, one.environment): one for one in card.standings}
    unread = card.unread
    wrong = [
        f"{one.dataset} in {one.environment}: {STATUS} says {one.current_level}, the evidence says "
        f"{known[place].current_level if place in known else 'there is no such dataset'}"
        for one in said.standings
        if one.dataset not in unread
        if (place := (one.dataset, one.environment)) not in known or known[place].current_level != one.current_level
    ]
    if not wrong and not unread and text(said) != text(card):
        wrong.append(f"{STATUS} is not what the evidence gives")
    return wrong
