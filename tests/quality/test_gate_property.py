"""Whatever is edited, run, promoted, deployed, healed, updated and released, in whatever order: no schedule of what was
not promoted is ever active, what was promoted is active once it is deployed, and no release stops what is active."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from domains import Domain
from own_domain import OwnDomain
from prefect.client.orchestration import SyncPrefectClient, get_client

from quality import checking
from quality.__main__ import main
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.ladder.prefect_file import load_prefect_file
from quality.rollout import evidence, scorecard
from quality.rollout.checklist import ran
from quality.rollout.evidence import Check, Rung
from quality.rollout.gate import breaches
from quality.rollout.scorecard import CHECKLIST

ENVIRONMENTS = ("dev", "prod")
CLIMBED = tuple(Rung)[1:]
LINES = (*(rung.value for rung in Rung), *(f"{CHECKLIST}-{rung}" for rung in CLIMBED))
SEVERITIES = ("error", "warning", "info")
TIMES = (5, 6, 7)
LIMITS = (1_000, 2_000)


class Months:
    """What a team does to one dataset in two environments, each with a schedule."""

    def __init__(
        self, shop: Domain, client: SyncPrefectClient, own: OwnDomain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.shop, self.client, self.own, self.monkeypatch = shop, client, own, monkeypatch
        self.severity, self.hour, self.code = "error", 6, 0
        self.proofs: dict[tuple[str, str], tuple[str, int] | None] = {}
        """For which fingerprint, and by which code, each line of the ladder is met, by environment and evidence."""
        self.promoted: set[tuple[str, str]] = set()
        """Every configuration that was ever promoted, by environment and fingerprint."""
        self.write(good=True)
        self.release()

    def step(self, chance: random.Random) -> str:
        """One thing that somebody does, and what it was."""
        environment, rung = chance.choice(ENVIRONMENTS), chance.choice(CLIMBED)
        forgotten = chance.choice([None] * len(LINES) + list(LINES))
        done, often = zip(
            ((self.edit, chance.choice(SEVERITIES)), 3),
            ((self.update, chance.choice(TIMES)), 2),
            ((self.edit_own_rule, chance.choice(LIMITS)), 2),
            ((self.release,), 2),
            ((self.climb_again, environment), 3),
            ((self.run, environment, chance.choice(list(Rung)), chance.random() < 0.5), 2),
            ((self.promote, environment, rung, chance.random() < 0.5), 2),
            ((self.climb, environment, forgotten), 6),
            ((self.deploy, environment), 6),
            ((self.heal,), 3),
            strict=True,
        )
        [(act, *words)] = chance.choices(done, often)
        act(*words)
        return f"{act.__name__}({', '.join(map(str, words))})"

    def write(self, good: bool) -> None:
        pl.DataFrame({"id": [1, 2 if good else 1]}).write_parquet(self.shop.root / "data" / "users.parquet")
        for name, old, new in (
            ("datasets/users.yml", r"unique, column: id.*", f"unique, column: id, severity: {self.severity}}}"),
            ("policy.yml", r'"0 \d 3 \* \*"', f'"0 {self.hour} 3 * *"'),
        ):
            self.shop.replace(name, old, new)

    def edit(self, severity: str) -> None:
        self.severity = severity
        self.write(good=True)

    def update(self, hour: int) -> None:
        """Contract, policy and deployments as a merge of somebody else's brings them."""
        self.hour = hour
        self.write(good=True)

    def edit_own_rule(self, limit: int) -> None:
        rules = (self.own.folder / "rules.py").read_text("utf-8")
        self.own.write("rules.py", re.sub(r"value < [\d_]+", f"value < {limit}", rules))

    def release(self) -> None:
        """A release of the template that judges by other code."""
        self.code += 1
        for module in (evidence, checking):
            self.monkeypatch.setattr(module, "judging_digest", lambda digest=f"{self.code:016x}": digest)

    def climb_again(self, environment: str) -> None:
        """What `nox -s climb` does of this: the rungs that evidence says there were, and the promotions."""
        self.write(good=True)
        config = project.load("users", environment)
        for rung, was_promoted in scorecard.had("users", environment).items():
            self.prove(config, rung)
            if was_promoted:
                self.go_through(config, rung, met=True)
        self.note(environment)

    def run(self, environment: str, rung: Rung, good: bool) -> None:
        self.write(good)
        self.prove(project.load("users", environment), rung)
        self.note(environment)

    def prove(self, config: CheckConfig, rung: Rung) -> None:
        evidence.record(evidence.of(checking.check(None, config), rung.value))
        self.proofs[str(config.environment), rung.value] = (config.fingerprint, self.code)

    def promote(self, environment: str, rung: Rung, met: bool) -> None:
        self.go_through(project.load("users", environment), rung, met)
        self.note(environment)

    def go_through(self, config: CheckConfig, rung: Rung, met: bool) -> None:
        """What `nox -s promote` records; of its checklist only the line that looks at evidence, and one by chance."""
        lines = (ran(config, rung), Check(name="a line", ok=met, seen="so it is"))
        evidence.record(evidence.checked(config, f"{CHECKLIST}-{rung}", lines))
        done = all(line.ok for line in lines)
        place = (str(config.environment), f"{CHECKLIST}-{rung}")
        fingerprint, code = self.proofs.get(place) or (None, self.code)
        if done or fingerprint != config.fingerprint or code == self.code:
            self.proofs[place] = (config.fingerprint, self.code) if done else None

    def climb(self, environment: str, forgotten: str | None) -> None:
        """The whole ladder, or all of it but one line: chance alone would hardly ever come so far."""
        self.write(good=True)
        config = project.load("users", environment)
        for rung in Rung:
            if forgotten != rung.value:
                self.prove(config, rung)
            if rung in CLIMBED and forgotten != f"{CHECKLIST}-{rung}":
                self.go_through(config, rung, met=True)
        self.note(environment)

    def deploy(self, environment: str) -> None:
        expected = self.expected(environment)
        assert main(["deployment", "users", "--env", environment]) == 3, "no worker is there to run it"
        assert self.active().get(environment) == expected

    def heal(self) -> None:
        expected = {name: now for name in ENVIRONMENTS if (now := self.expected(name))}
        assert main(["drift", "server", "--fix"]) == 0
        assert self.active() == expected
        assert list(breaches(self.client, load_prefect_file(self.shop.root / "prefect.yaml"))) == []

    def expected(self, environment: str) -> str | None:
        """What is to run by itself once it is deployed: what is proved, or what runs and was proved by other code."""
        now = project.load("users", environment).fingerprint
        found = [self.proofs.get((environment, line)) for line in LINES]
        stays = self.active().get(environment) == now and all(one is not None and one[0] == now for one in found)
        return now if stays else self.current(environment)

    def note(self, environment: str) -> None:
        self.promoted |= {(environment, now)} if (now := self.current(environment)) else set()

    def current(self, environment: str) -> str | None:
        """The fingerprint of today's configuration, where every line of the ladder is met for it by today's code."""
        now = project.load("users", environment).fingerprint
        return now if all(self.proofs.get((environment, line)) == (now, self.code) for line in LINES) else None

    def active(self) -> dict[str, str]:
        """The fingerprint that a schedule runs by itself, by environment."""
        found = [one for one in self.client.read_deployments() if not one.paused]
        running = [one for one in found if any(schedule.active for schedule in one.schedules)]
        return {one.parameters["environment"]: one.parameters["fingerprint"] for one in running}


@pytest.fixture
def shop(api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Domain]:
    """A domain whose deployments all have a schedule; on the server nothing of it is left."""
    made = Domain(tmp_path, "shop").work_here(monkeypatch)
    monkeypatch.setattr("signal.signal", lambda *words: None)
    made.replace("policy.yml", r"dev: \{\}", 'dev: {schedule: "0 6 3 * *"}')
    made.replace("policy.yml", r"0 6 \* \* \*", "0 6 3 * *")
    made.edit("datasets/users.yml", "rules:", "rules:\n  - {check: small, column: id}")
    yield made
    with get_client(sync_client=True) as client:
        for found in client.read_deployments():
            client.delete_deployment(found.id)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_schedule_of_what_was_not_promoted_is_ever_active(
    api: str, shop: Domain, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, past, own = random.Random(seed), [], OwnDomain(shop.root, monkeypatch)
    with get_client(sync_client=True) as client:
        months = Months(shop, client, own, monkeypatch)
        for _ in range(60):
            past.append(months.step(chance))
            assert months.active().items() <= months.promoted, past
    own.forget()
    assert len(months.promoted) > 1, "the sequence is about something"
