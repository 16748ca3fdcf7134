"""Whatever is edited, run, promoted, deployed, healed and updated, in whatever order: no schedule of what was not
promoted is ever active, and what was promoted is active once it is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from domains import Domain
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
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
SEVERITIES = ("error", "warning", "info")
TIMES = (5, 6, 7)


class Months(RuleBasedStateMachine):
    """What a team does to one dataset in two environments, each with a schedule."""

    shop: Domain
    """The repository; its evidence is deleted where a sequence begins."""
    client: SyncPrefectClient

    @initialize()
    def start(self) -> None:
        self.severity, self.hour = "error", 6
        self.proofs: dict[tuple[str, str], str] = {}
        """For which fingerprint each line of the ladder is met, by environment and evidence."""
        self.promoted: set[tuple[str, str]] = set()
        """Every configuration that was ever promoted, by environment and fingerprint."""
        for path in (self.shop.root / "rollout").rglob("*.json"):
            path.unlink()
        for found in self.client.read_deployments():
            self.client.delete_deployment(found.id)
        self.write(good=True)

    def write(self, good: bool) -> None:
        pl.DataFrame({"id": [1, 2 if good else 1]}).write_parquet(self.shop.root / "data" / "users.parquet")
        for name, old, new in (
            ("datasets/users.yml", r"unique, column: id.*", f"unique, column: id, severity: {self.severity}}}"),
            ("policy.yml", r'"0 \d 3 \* \*"', f'"0 {self.hour} 3 * *"'),
            ("prefect.yaml", r'"0 \d 3 \* \*"', f'"0 {self.hour} 3 * *"'),
        ):
            self.shop.replace(name, old, new)

    @rule(severity=st.sampled_from(SEVERITIES))
    def edit(self, severity: str) -> None:
        self.severity = severity
        self.write(good=True)

    @rule(hour=st.sampled_from(TIMES))
    def update(self, hour: int) -> None:
        """Contract, policy and deployments as a merge of somebody else's brings them."""
        self.hour = hour
        self.write(good=True)

    @rule(environment=st.sampled_from(ENVIRONMENTS), rung=st.sampled_from(Rung), good=st.booleans())
    def run(self, environment: str, rung: Rung, good: bool) -> None:
        self.write(good)
        self.prove(project.load("users", environment), rung)
        self.note(environment)

    def prove(self, config: CheckConfig, rung: Rung) -> None:
        evidence.record(evidence.of(checking.check(None, config), rung.value))
        self.proofs[str(config.environment), rung.value] = config.fingerprint

    @rule(environment=st.sampled_from(ENVIRONMENTS), rung=st.sampled_from(CLIMBED), met=st.booleans())
    def promote(self, environment: str, rung: Rung, met: bool) -> None:
        self.go_through(project.load("users", environment), rung, met)
        self.note(environment)

    def go_through(self, config: CheckConfig, rung: Rung, met: bool) -> None:
        """What `nox -s promote` records; of its checklist only the line that looks at evidence, and one by chance."""
        lines = (ran(config, rung), Check(name="a line", ok=met, seen="so it is"))
        evidence.record(evidence.checked(config, f"{CHECKLIST}-{rung}", lines))
        done = all(line.ok for line in lines)
        self.proofs[str(config.environment), f"{CHECKLIST}-{rung}"] = config.fingerprint if done else "none"

    @rule(environment=st.sampled_from(ENVIRONMENTS))
    def climb(self, environment: str) -> None:
        """Chance alone would hardly ever promote anything."""
        self.write(good=True)
        config = project.load("users", environment)
        for rung in Rung:
            self.prove(config, rung)
            if rung in CLIMBED:
                self.go_through(config, rung, met=True)
        self.note(environment)

    @rule(environment=st.sampled_from(ENVIRONMENTS))
    def deploy(self, environment: str) -> None:
        assert main(["deployment", "users", "--env", environment]) == 3, "no worker is there to run it"
        assert self.active().get(environment) == self.current(environment)

    @rule()
    def heal(self) -> None:
        assert main(["drift", "server", "--fix"]) == 0
        assert self.active() == {name: now for name in ENVIRONMENTS if (now := self.current(name))}

    def note(self, environment: str) -> None:
        self.promoted |= {(environment, now)} if (now := self.current(environment)) else set()

    def current(self, environment: str) -> str | None:
        """The fingerprint of today's configuration, where every line of the ladder is met for it."""
        now = project.load("users", environment).fingerprint
        lines = [*Rung, *(f"{CHECKLIST}-{rung}" for rung in CLIMBED)]
        return now if all(self.proofs.get((environment, line)) == now for line in lines) else None

    def active(self) -> dict[str, str]:
        """The fingerprint that a schedule runs by itself, by environment."""
        found = [one for one in self.client.read_deployments() if not one.paused]
        running = [one for one in found if any(schedule.active for schedule in one.schedules)]
        return {one.parameters["environment"]: one.parameters["fingerprint"] for one in running}

    @invariant()
    def nothing_runs_that_was_not_promoted(self) -> None:
        if hasattr(self, "promoted"):
            assert self.active().items() <= self.promoted


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A domain whose deployments all have a schedule."""
    made = Domain(tmp_path, "shop").work_here(monkeypatch)
    monkeypatch.setattr("signal.signal", lambda *words: None)
    made.replace("policy.yml", r"dev: \{\}", 'dev: {schedule: "0 6 3 * *"}')
    made.replace("policy.yml", r"0 6 \* \* \*", "0 6 3 * *")
    made.replace("prefect.yaml", r"schedules: .*", 'schedules: [{cron: "0 6 3 * *", timezone: UTC, active: true}]')
    return made


def test_no_schedule_of_what_was_not_promoted_is_ever_active(
    api: str, shop: Domain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Months, "shop", shop, raising=False)
    slow: Any = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    bounds: Any = {"max_examples": 4, "stateful_step_count": 12, "deadline": None, "derandomize": True}
    with get_client(sync_client=True) as client:
        monkeypatch.setattr(Months, "client", client, raising=False)
        run_state_machine_as_test(Months, settings=settings(**bounds, suppress_health_check=slow))
