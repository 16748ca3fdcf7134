"""Whatever is edited, run, promoted, deployed, healed and updated, in whatever order: no schedule of what was not
promoted is ever active, and what was promoted is active once it is deployed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from domains import Domain
from prefect.client.orchestration import SyncPrefectClient, get_client

from quality import checking
from quality.__main__ import main
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.rollout import evidence
from quality.rollout.checklist import ran
from quality.rollout.evidence import Check, Rung
from quality.rollout.scorecard import CHECKLIST

ENVIRONMENTS = ("dev", "prod")
CLIMBED = tuple(Rung)[1:]
LINES = (*(rung.value for rung in Rung), *(f"{CHECKLIST}-{rung}" for rung in CLIMBED))
SEVERITIES = ("error", "warning", "info")
TIMES = (5, 6, 7)


class Months:
    """What a team does to one dataset in two environments, each with a schedule."""

    def __init__(self, shop: Domain, client: SyncPrefectClient) -> None:
        self.shop, self.client = shop, client
        self.severity, self.hour = "error", 6
        self.proofs: dict[tuple[str, str], str] = {}
        """For which fingerprint each line of the ladder is met, by environment and evidence."""
        self.promoted: set[tuple[str, str]] = set()
        """Every configuration that was ever promoted, by environment and fingerprint."""
        self.write(good=True)

    def step(self, chance: random.Random) -> str:
        """One thing that somebody does, and what it was."""
        environment, rung = chance.choice(ENVIRONMENTS), chance.choice(CLIMBED)
        forgotten = chance.choice([None] * len(LINES) + list(LINES))
        done, often = zip(
            ((self.edit, chance.choice(SEVERITIES)), 3),
            ((self.update, chance.choice(TIMES)), 2),
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

    def run(self, environment: str, rung: Rung, good: bool) -> None:
        self.write(good)
        self.prove(project.load("users", environment), rung)
        self.note(environment)

    def prove(self, config: CheckConfig, rung: Rung) -> None:
        evidence.record(evidence.of(checking.check(None, config), rung.value))
        self.proofs[str(config.environment), rung.value] = config.fingerprint

    def promote(self, environment: str, rung: Rung, met: bool) -> None:
        self.go_through(project.load("users", environment), rung, met)
        self.note(environment)

    def go_through(self, config: CheckConfig, rung: Rung, met: bool) -> None:
        """What `nox -s promote` records; of its checklist only the line that looks at evidence, and one by chance."""
        lines = (ran(config, rung), Check(name="a line", ok=met, seen="so it is"))
        evidence.record(evidence.checked(config, f"{CHECKLIST}-{rung}", lines))
        done = all(line.ok for line in lines)
        self.proofs[str(config.environment), f"{CHECKLIST}-{rung}"] = config.fingerprint if done else "none"

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
        assert main(["deployment", "users", "--env", environment]) == 3, "no worker is there to run it"
        assert self.active().get(environment) == self.current(environment)

    def heal(self) -> None:
        assert main(["drift", "server", "--fix"]) == 0
        assert self.active() == {name: now for name in ENVIRONMENTS if (now := self.current(name))}

    def note(self, environment: str) -> None:
        self.promoted |= {(environment, now)} if (now := self.current(environment)) else set()

    def current(self, environment: str) -> str | None:
        """The fingerprint of today's configuration, where every line of the ladder is met for it."""
        now = project.load("users", environment).fingerprint
        return now if all(self.proofs.get((environment, line)) == now for line in LINES) else None

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
    yield made
    with get_client(sync_client=True) as client:
        for found in client.read_deployments():
            client.delete_deployment(found.id)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_schedule_of_what_was_not_promoted_is_ever_active(api: str, shop: Domain, seed: int) -> None:
    chance, past = random.Random(seed), []
    with get_client(sync_client=True) as client:
        months = Months(shop, client)
        for _ in range(60):
            past.append(months.step(chance))
            assert months.active().items() <= months.promoted, past
    assert len(months.promoted) > 1, "the sequence is about something"
