"""The gate: what a server runs by itself was promoted; what was not goes up paused, and says what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from domains import Domain, worker
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_API_URL, temporary_settings
from promoted import promote
from pydantic import SecretStr
from sink import Sink, listening

from quality import ConfigurationError
from quality.__main__ import main
from quality.cli import documents
from quality.contract import project
from quality.drift.finding import Layer
from quality.drift.report import Report, look
from quality.ladder.deployment import NOT_PROMOTED, deploy, ensure_pool, work_off
from quality.ladder.prefect_file import load_prefect_file
from quality.rollout import evidence, pins
from quality.rollout.evidence import Rung
from quality.rollout.gate import unmet, unproved
from quality.rollout.scorecard import CHECKLIST

DEV, PROD = (f"shop-check-dataset/shop-users-{environment}" for environment in ("dev", "prod"))
FACTORY_FLOW = """
from quality import quality_checked_flow


@quality_checked_flow(dataset="users", check_mode="after")
def load_users() -> str:
    return "users"
"""
PLAIN_FLOW = "from prefect import flow\n\n\n@flow\ndef load_users() -> None:\n    pass\n"


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    return Domain(tmp_path, "shop").work_here(monkeypatch)


@pytest.fixture
def client(api: str, shop: Domain) -> Iterator[SyncPrefectClient]:
    """A server on which nothing is left afterwards."""
    with get_client(sync_client=True) as made:
        yield made
        for deployment in made.read_deployments():
            made.delete_deployment(deployment.id)
        for block in made.read_block_documents():
            made.delete_block_document(block.id)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


def state(client: SyncPrefectClient, name: str) -> tuple[bool, list[bool], bool]:
    """Whether a deployment is paused, whether its schedules are active, whether its tag says that nothing proves it."""
    found = client.read_deployment_by_name(name)
    return found.paused, [schedule.active for schedule in found.schedules], NOT_PROMOTED in found.tags


HELD, ACTIVE = (True, [False], True), (False, [True], False)


def healed() -> Report:
    return look([Layer.SERVER], fix=True)


def test_a_dataset_climbs_for_real_and_its_schedule_is_active_only_once_it_is_promoted(
    client: SyncPrefectClient, shop: Domain, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    SlackWebhook(url=SecretStr(f"json://{sink.place}/token")).save("night", overwrite=True, _sync=True)  # type: ignore[call-arg]
    channel = "  notifications: [{channel: slack, block: slack-webhook/night}]\n  work_pool"
    shop.edit("policy.yml", "  work_pool", channel)
    documents.write(shop.root)
    shop.write(f"constraints/{pins.running()}.txt", f"polars=={project.installed('polars')}\n")
    asked = ["users", "--env", "prod"]
    with worker("shop-prod", shop.root):
        for rung in Rung:
            assert main([rung, *asked]) == 0
        told = capsys.readouterr().out
        assert "shop-users-prod is paused, as it is not promoted: rung block: its promotion does not count" in told
        assert "do: nox -s promote -- block users --env prod; once it is promoted, deploy it again" in told
        assert state(client, PROD) == HELD, "and its proof run ran none the less"
        ours = [found.name for found in client.read_deployments() if found.name.startswith("shop-")]
        assert ours == ["shop-users-prod"], "nothing else was asked for"
        assert main(["alarms", "--env", "prod"]) == 0
        for rung in list(Rung)[1:]:
            assert main(["promote", rung, *asked]) == 0, capsys.readouterr().out
        assert state(client, PROD) == HELD
        assert main(["deployment", *asked]) == 0
    assert "paused" not in capsys.readouterr().out.split("promoted to deployment")[-1]
    assert state(client, PROD) == ACTIVE
    for automation in client.read_automations():
        client.delete_automation(automation.id)


def test_a_paused_deployment_carries_out_the_runs_that_somebody_starts(client: SyncPrefectClient, shop: Domain) -> None:
    file = load_prefect_file(shop.root / "prefect.yaml")
    entry = file.of("users", "prod")
    ensure_pool(client, entry.work_pool)
    run = client.create_flow_run_from_deployment(deploy(client, file, entry))
    work_off("shop-prod")
    ended = client.read_flow_run(run.id)
    assert ended.state_name == "Completed", ended.state
    assert state(client, PROD) == HELD


def test_drift_takes_the_pause_for_right_and_an_unpaused_deployment_for_drift(
    client: SyncPrefectClient, shop: Domain
) -> None:
    first = healed()
    assert "deployed paused, as it is not promoted: shop-users-prod" in first.healed
    assert first.findings == ()
    found = client.read_deployment_by_name(PROD)
    client.resume_deployment(found.id)
    client.update_deployment_schedule(found.id, found.schedules[0].id, active=True)
    report = look([Layer.SERVER])
    told = report.text()
    assert report.exit_code == 1
    assert "shop-users-prod: is active and not promoted: rung task: its run does not count: it has not run" in told
    assert "pause it with `nox -s drift -- --fix`" in told
    assert healed().healed == ("deployed paused, as it is not promoted: shop-users-prod",)
    assert state(client, PROD) == HELD


def test_promoting_and_deploying_again_activates_and_a_change_pauses(client: SyncPrefectClient, shop: Domain) -> None:
    assert healed().exit_code == 0
    promote("users", "prod")
    assert "shop-users-prod" in look([Layer.SERVER]).text(), "the pause is no longer right"
    assert "deployed shop-users-prod" in healed().healed
    assert state(client, PROD) == ACTIVE
    assert state(client, DEV) == (True, [], True), "each environment is promoted by itself"
    shop.edit("datasets/users.yml", "not_null, column: id", "not_null, column: id, severity: warning")
    assert healed().exit_code == 0
    assert state(client, PROD) == HELD


def test_what_a_file_pauses_stays_paused_and_is_not_tagged(client: SyncPrefectClient, shop: Domain) -> None:
    shop.edit("policy.yml", "deployment: {", "deployment: {paused: true, ")
    promote("users", "prod")
    healed()
    assert state(client, PROD) == (True, [True], False)


@pytest.mark.parametrize("gone", [*Rung, *(f"{CHECKLIST}-{rung}" for rung in list(Rung)[1:])])
def test_the_line_that_is_missing_is_named(shop: Domain, gone: str) -> None:
    promote("users", "prod")
    assert unproved("users", "prod") is None
    evidence.place("users", gone).unlink()
    line = unproved("users", "prod")
    assert line is not None
    rung = gone.removeprefix(f"{CHECKLIST}-")
    assert line.name == f"rung {rung}"
    climb = "promote -- " if gone.startswith(CHECKLIST) else ""
    assert line.fix == (f"nox -s {climb}{rung} users --env prod" if climb else f"nox -s {rung} -- users --env prod")


def test_bad_data_of_later_takes_no_promotion_back_and_a_broken_file_of_evidence_does(shop: Domain) -> None:
    promote("users", "prod")
    pl.DataFrame({"id": [1, 1, 1]}).write_parquet(shop.root / "data" / "users.parquet")
    promote("users", "prod", Rung.TASK)
    assert evidence.read("users", "task")["prod"].status == "FAILED"
    assert unproved("users", "prod") is None, "monitoring does not stop on the night that it is needed"
    evidence.place("users", "flow").write_text("{", "utf-8")
    line = unproved("users", "prod")
    assert line is not None
    assert "is incomplete" in line.seen


def test_what_this_repository_does_not_check_is_not_promoted(shop: Domain) -> None:
    for dataset, environment in (("users", "gone"), ("gone", "prod")):
        line = unproved(dataset, environment, "0")
        assert line is not None
        assert line.seen == f"this repository checks no {dataset} in {environment}"


def status(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["status", "--check"])
    return code, capsys.readouterr().out


def test_status_fails_on_what_is_active_and_not_promoted(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    healed()
    assert status(capsys)[0] == 0
    client.resume_deployment(client.read_deployment_by_name(PROD).id)
    code, said = status(capsys)
    assert code == 1
    assert "deployment shop-users-prod is active on the server and not promoted: rung task" in said
    healed()
    promote("users", "prod")
    main(["status"])
    healed()
    assert state(client, PROD) == ACTIVE
    assert status(capsys)[0] == 0


def test_the_answers_for_machines_name_what_went_up_paused_and_what_is_active(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    with worker("shop-prod", shop.root):
        assert main(["deployment", "users", "--env", "prod", "--json"]) == 0
    paused = json.loads(capsys.readouterr().out)["paused"]
    assert {name: line["name"] for name, line in paused.items()} == {"shop-users-prod": "rung task"}
    client.resume_deployment(client.read_deployment_by_name(PROD).id)
    assert main(["status", "--check", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["active"][0].startswith("deployment shop-users-prod is active on the server and not promoted")
    assert answer["unseen"] is None


def test_status_goes_by_what_is_deployed_and_not_by_its_name(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    promote("users", "prod")
    main(["status"])
    healed()
    prod = client.read_deployment_by_name(PROD)
    extra: dict[str, Any] = {"flow_id": prod.flow_id, "entrypoint": prod.entrypoint, "paused": False}
    client.create_deployment(**extra, name="by-hand", parameters=prod.parameters | {"environment": "dev"})
    code, said = status(capsys)
    assert code == 1
    assert "deployment by-hand is active on the server and not promoted" in said
    client.create_deployment(**extra, name="by-hand", parameters=prod.parameters)
    assert status(capsys)[0] == 0


def test_status_says_when_it_cannot_look(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    for address, code, why in ((None, 0, "no PREFECT_API_URL is set"), ("http://127.0.0.1:9/api", 3, "127.0.0.1:9")):
        with temporary_settings({PREFECT_API_URL: address}):
            found, said = status(capsys)
        assert found == code
        assert "whether a deployment is active without a promotion was not looked at" in said
        assert why in said


def own_flow(shop: Domain, code: str) -> None:
    shop.write("own.py", code)
    entry = f"""
flows:
  - name: load
    entrypoint: {shop.root}/own.py:load_users
    environment: prod
    schedules: [{{cron: "0 5 * * *", timezone: UTC}}]
"""
    shop.write("policy.yml", (shop.root / "policy.yml").read_text("utf-8") + entry)


def load(client: SyncPrefectClient) -> DeploymentResponse:
    return client.read_deployment_by_name("load-users/shop-load")


def test_a_flow_of_the_teams_that_checks_a_dataset_waits_for_its_promotion(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    own_flow(shop, FACTORY_FLOW)
    assert healed().findings == ()
    assert state(client, "load-users/shop-load") == HELD
    client.resume_deployment(load(client).id)
    code, said = status(capsys)
    assert (code, "deployment shop-load is active on the server and not promoted" in said) == (1, True)
    promote("users", "prod")
    healed()
    assert state(client, "load-users/shop-load") == ACTIVE


def test_a_flow_of_the_teams_that_checks_nothing_is_as_its_file_says(client: SyncPrefectClient, shop: Domain) -> None:
    own_flow(shop, PLAIN_FLOW)
    assert healed().findings == ()
    assert state(client, "load-users/shop-load") == ACTIVE


def test_the_environment_of_an_entry_without_one_is_that_of_its_worker(client: SyncPrefectClient, shop: Domain) -> None:
    shop.edit("prefect.yaml", "dataset: users, environment: prod", "dataset: users")
    promote("users", "dev")
    file = load_prefect_file(shop.root / "prefect.yaml")
    entry = file.of("users", "prod")
    assert unmet(entry) is not None
    ensure_pool(client, entry.work_pool)
    deploy(client, file, entry)
    assert state(client, PROD) == HELD
    assert client.read_deployment_by_name(PROD).parameters["environment"] == "prod"


@pytest.mark.parametrize("chosen", ["dataset", "environment", "fingerprint"])
def test_a_schedule_that_would_run_something_else_is_refused(shop: Domain, chosen: str) -> None:
    shop.edit("prefect.yaml", "timezone: UTC, active", f"timezone: UTC, parameters: {{{chosen}: other}}, active")
    with pytest.raises(ConfigurationError, match=rf"prefect.yaml:\d+: a schedule cannot change {chosen} of a deploy"):
        load_prefect_file(shop.root / "prefect.yaml")


def test_a_schedule_added_by_hand_with_other_parameters_is_found(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    promote("users", "prod")
    main(["status"])
    healed()
    other = {"environment": "dev", "fingerprint": None}
    schedule = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 9 * * *"), parameters=other)
    client.create_deployment_schedules(client.read_deployment_by_name(PROD).id, [schedule])
    code, said = status(capsys)
    assert (code, "deployment shop-users-prod is active on the server and not promoted" in said) == (1, True)
