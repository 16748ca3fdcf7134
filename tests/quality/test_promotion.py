"""The checklist before promotion: each of its lines shown failing, with its exact fix, and then passing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from quality import checking
from quality.__main__ import main
from quality.cli import documents
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.ladder.block import DataQualityBlock
from quality.rollout import evidence, pins
from quality.rollout import scorecard as rollout
from quality.rollout.checklist import LINES, _line, ran
from quality.rollout.evidence import Check, Rung

POLICY_WITH_CHANNEL = """
defaults:
  retries: {count: 2, delay_seconds: 0, reason: storage hiccups}
  cache: {enabled: false, reason: a verdict is about the data of now}
  work_pool: users-dev
  notifications: [{channel: slack, block: slack-webhook/users-alerts}]
environments:
  dev: {}
"""


@pytest.fixture
def config(repository: Path) -> CheckConfig:
    documents.write(repository)
    return project.load("users", "dev")


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    """A client of a server that has no block of the dataset yet, whatever other tests have saved."""
    with get_client(sync_client=True) as made:
        with contextlib.suppress(ObjectNotFound):
            made.delete_block_document(made.read_block_document_by_name("users-users-dev", "data-quality-block").id)
        yield made


@pytest.fixture
def sink() -> Iterator[tuple[str, list[bytes]]]:
    """A loopback address that takes every message, and the bodies it took."""
    taken: list[bytes] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # ends at once
    yield f"json://127.0.0.1:{server.server_port}/alerts", taken
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")


def line(name: str, config: CheckConfig, client: SyncPrefectClient, rung: Rung = Rung.BLOCK) -> Check:
    return next(_line(*one, config, rung, client) for one in LINES if one[0] == name)


def test_a_rung_that_did_not_run_is_not_climbed_to(config: CheckConfig) -> None:
    assert ran(config, Rung.BLOCK).fix == "nox -s task -- users --env dev"
    evidence.record(evidence.of(checking.check(None, config), "task"))
    assert ran(config, Rung.BLOCK).fix == "nox -s block -- users --env dev"
    evidence.record(evidence.of(checking.check(None, config), "block"))
    assert ran(config, Rung.BLOCK).ok


def test_a_block_that_is_not_saved_or_was_edited_by_hand_is_not_reproducible(
    config: CheckConfig, client: SyncPrefectClient
) -> None:
    name = "explicit and reproducible"
    missing = line(name, config, client)
    assert "there is no saved block users-users-dev" in missing.seen
    assert missing.fix == "nox -s block -- users --env dev"

    edited = DataQualityBlock.from_config(config)
    edited.sample_rows = 99
    edited.save("users-users-dev", overwrite=True)
    seen = line(name, config, client).seen
    assert "the saved block's sample_rows is 99, the repository says 5" in seen

    DataQualityBlock.from_config(config).save("users-users-dev", overwrite=True)
    unpinned = line(name, config, client).seen
    assert "sample_rows" not in unpinned
    assert "the tuple is py" in unpinned


def test_the_environment_is_reproducible_when_every_package_is_the_pinned_one(
    config: CheckConfig, client: SyncPrefectClient, repository: Path
) -> None:
    DataQualityBlock.from_config(config).save("users-users-dev", overwrite=True)
    constraints = repository / "constraints" / f"{pins.running()}.txt"
    constraints.parent.mkdir()
    constraints.write_text(f"polars=={project.installed('polars')}\nno-such-package==1.0\n", "utf-8")
    assert line("explicit and reproducible", config, client).ok
    constraints.write_text('polars==0.0.1\nnumpy==0.0.1 ; python_version < "3"\n', "utf-8")
    assert "the pinned tuple says 0.0.1" in line("explicit and reproducible", config, client).seen


def test_a_policy_document_that_is_not_what_the_tasks_carry_is_refused(
    config: CheckConfig, client: SyncPrefectClient, repository: Path
) -> None:
    name = "retry and cache policy documented"
    assert line(name, config, client).ok
    document = repository / "docs" / "policy.md"
    assert "| users | dev | 2 | 0 s | never | no | storage hiccups; a verdict is about the data of now |" in (
        document.read_text("utf-8")
    )
    document.write_text(document.read_text("utf-8").replace("| 2 |", "| 9 |"), "utf-8")
    refused = line(name, config, client)
    assert (refused.ok, refused.fix) == (False, "nox -s rules")


def test_the_last_rung_needs_a_channel_that_takes_a_message(
    config: CheckConfig, client: SyncPrefectClient, repository: Path, sink: tuple[str, list[bytes]]
) -> None:
    name = "artifacts and notifications wired"
    assert line(name, config, client).ok
    none = line(name, config, client, Rung.DEPLOYMENT)
    assert none.seen == "no channel is notified"
    assert none.fix == "name one under notifications in policy.yml for dev"

    (repository / "policy.yml").write_text(POLICY_WITH_CHANNEL, "utf-8")
    config = project.load("users", "dev")
    unsaved = line(name, config, client, Rung.DEPLOYMENT)
    assert "slack-webhook/users-alerts did not take a test message" in unsaved.seen
    assert unsaved.fix == "fix or save the block slack-webhook/users-alerts"

    address, taken = sink
    SlackWebhook(url=SecretStr(address)).save("users-alerts", overwrite=True)
    assert line(name, config, client, Rung.DEPLOYMENT).ok
    assert any(b"A test message" in body for body in taken)


def test_the_last_rung_needs_the_alarms(
    client: SyncPrefectClient, config: CheckConfig, repository: Path, sink: tuple[str, list[bytes]]
) -> None:
    name = "alarms set"
    assert line(name, config, client).ok
    assert "nobody would be told" in line(name, config, client, Rung.DEPLOYMENT).seen
    (repository / "policy.yml").write_text(POLICY_WITH_CHANNEL + "  prod: {longest_minutes: 30}\n", "utf-8")
    SlackWebhook(url=SecretStr(sink[0])).save("users-alerts", overwrite=True)
    config = project.load("users", "prod")
    missing = line(name, config, client, Rung.DEPLOYMENT)
    assert "a check took too long' is not on the server" in missing.seen
    assert missing.fix == "nox -s alarms -- --env prod"
    assert main(["alarms", "--env", "prod"]) == 0
    assert line(name, config, client, Rung.DEPLOYMENT).ok
    made = [one for one in client.read_automations() if "took too long" in one.name]
    off = made[0].model_dump(include={"name", "description", "tags", "trigger", "actions"}) | {"enabled": False}
    client.update_automation(made[0].id, AutomationCore.model_validate(off))
    assert "is switched off" in line(name, config, client, Rung.DEPLOYMENT).seen
    for one in client.read_automations():
        client.delete_automation(one.id)


def test_a_contract_that_does_not_fit_a_shape_is_refused(config: CheckConfig, client: SyncPrefectClient) -> None:
    name = "representative shapes"
    assert line(name, config, client).ok
    fits = {"check": "expression", "name": "fits", "expression": "an_extra_column IS NULL"}
    refused = line(name, config.override(rules=[fits]), client)
    assert "extra column" in refused.seen
    assert refused.fix == "make the rule fit this shape"


def test_a_promotion_counts_until_the_configuration_changes(config: CheckConfig, repository: Path) -> None:
    for rung in ("task", "block"):
        evidence.record(evidence.of(checking.check(None, config), rung))
    evidence.record(evidence.checked(config, f"{rollout.CHECKLIST}-block", (Check(name="a line", ok=True, seen=""),)))
    assert rollout.standing("users", "dev").current_level is Rung.BLOCK
    policy = repository / "policy.yml"
    policy.write_text(policy.read_text("utf-8").replace("count: 2", "count: 3"), "utf-8")
    assert rollout.standing("users", "dev").current_level is None


def test_promote_refuses_with_the_fix_of_each_line_and_then_promotes(
    config: CheckConfig, client: SyncPrefectClient, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "block", "users", "--env", "dev"]) == 1
    refused = capsys.readouterr().out
    assert "not met: the rung task ran: it has not run" in refused
    assert "not met: explicit and reproducible: there is no saved block users-users-dev" in refused
    assert "do: nox -s block -- users --env dev" in refused
    assert "not promoted" in refused

    pinned = repository / "constraints" / f"{pins.running()}.txt"
    pinned.parent.mkdir()
    pinned.write_text(f"polars=={project.installed('polars')}\n", "utf-8")
    assert main(["task", "users"]) == main(["block", "users"]) == 0
    assert main(["promote", "block", "users", "--env", "dev"]) == 0
    promoted = capsys.readouterr().out
    assert promoted.count("met: ") == 6
    assert "promoted to block" in promoted
    assert rollout.standing("users", "dev").current_level is Rung.BLOCK
