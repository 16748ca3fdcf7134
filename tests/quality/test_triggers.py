"""Deployments that run when something happens: automations, gated as schedules are, and data that arrives."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from domains import Domain, worker
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger
from prefect.settings import PREFECT_API_URL, temporary_settings
from promoted import promote

from quality import ConfigurationError, data_arrived
from quality.__main__ import main
from quality.drift.finding import Layer
from quality.drift.report import Report, look
from quality.errors import ServerError
from quality.ladder.computed_file import current
from quality.ladder.deployment import deploy, ensure_pool
from quality.ladder.triggers import without_owner
from quality.operations.arrivals import ARRIVED
from quality.server import artifact_of, result_of

PROD = "shop-check-dataset/shop-users-prod"
TRIGGER = "triggers: [{expect: [quality.data.arrived]}]"
STEP = "prefect.deployments.steps.run_shell_script"


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A domain whose prod waits for data instead of a time."""
    made = Domain(tmp_path, "shop").work_here(monkeypatch)
    made.edit("policy.yml", 'schedule: "0 6 * * *", ', f"deployment: {{{TRIGGER}}}, ")
    return made


@pytest.fixture
def client(api: str, shop: Domain) -> Iterator[SyncPrefectClient]:
    """A server on which nothing is left afterwards."""
    with get_client(sync_client=True) as made:
        yield made
        for automation in made.read_automations():
            made.delete_automation(automation.id)
        for deployment in made.read_deployments():
            made.delete_deployment(deployment.id)
        for block in made.read_block_documents():
            made.delete_block_document(block.id)


def healed() -> Report:
    return look([Layer.SERVER], fix=True)


def drifted() -> str:
    return "\n".join(str(one) for one in look([Layer.SERVER]).findings)


def automations(client: SyncPrefectClient) -> dict[str, Automation]:
    return {one.name: one for one in client.read_automations()}


def since(client: SyncPrefectClient, before: set[UUID]) -> list[FlowRun]:
    """The runs that came after those; other tests of this server leave runs that never start."""
    return [run for run in client.read_flow_runs() if run.id not in before]


def ended(client: SyncPrefectClient, before: set[UUID], seconds: float = 120) -> FlowRun:
    """The one run that came since, once it has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(run.state and run.state.is_final() for run in since(client, before)):
            [run] = since(client, before)
            return run
        time.sleep(0.5)
    raise AssertionError([(run.name, run.state_name) for run in since(client, before)])


def test_a_file_arrives_and_its_deployment_judges_it(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    promote("users", "prod")
    assert healed().findings == ()
    with worker("shop-prod", shop.root):
        before = {run.id for run in client.read_flow_runs()}
        assert main(["arrived", "users"]) == 0, "of another environment, so nothing runs"
        assert "quality.dataset.shop.users.dev" in capsys.readouterr().out
        pl.DataFrame({"id": [1, 2, 3, 4]}).write_parquet(shop.root / "data" / "users.parquet")
        assert data_arrived("users", "prod") == "quality.dataset.shop.users.prod"
        run = ended(client, before)
        assert run.deployment_id == client.read_deployment_by_name(PROD).id
        assert run.state_name == "Completed", run.state
        artifact = artifact_of(client, run.id, "result")
        assert artifact is not None
        assert result_of(artifact).row_count == 4
    assert [one.id for one in since(client, before)] == [run.id]


def test_a_trigger_carries_the_domain_and_is_disabled_until_its_deployment_is_promoted(
    client: SyncPrefectClient, shop: Domain
) -> None:
    assert healed().findings == ()
    [made] = automations(client).values()
    assert made.name == "shop-users-prod__automation_1"
    assert (made.tags, made.enabled) == (["domain:shop"], False)
    assert isinstance(made.trigger, EventTrigger)
    assert made.trigger.expect == {ARRIVED}
    promote("users", "prod")
    assert "its automation 'shop-users-prod__automation_1' differs from prefect.yaml: enabled" in drifted()
    assert healed().findings == ()
    [enabled] = automations(client).values()
    assert (enabled.id, enabled.enabled) == (made.id, True), "updated, not made again"
    shop.edit("datasets/users.yml", "not_null, column: id", "not_null, column: id, severity: warning")
    assert healed().findings == ()
    assert [one.enabled for one in automations(client).values()] == [False]
    shop.edit("policy.yml", TRIGGER, "triggers: []")
    assert "is on the server and not in prefect.yaml" in drifted()
    assert healed().findings == ()
    assert automations(client) == {}


def by_hand(client: SyncPrefectClient, parameters: dict[str, str] | None = None, **fields: object) -> None:
    """An automation that somebody makes in the UI."""
    action = RunDeployment(deployment_id=client.read_deployment_by_name(PROD).id, parameters=parameters)
    trigger = EventTrigger(expect={"anything"})
    client.create_automation(
        AutomationCore.model_validate({"name": "by hand", "trigger": trigger, "actions": [action], **fields})
    )


def test_an_active_trigger_of_what_is_not_promoted_is_a_breach(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    healed()
    main(["status"])
    capsys.readouterr()
    assert main(["status", "--check"]) == 0
    client.resume_automation(automations(client)["shop-users-prod__automation_1"].id)
    assert main(["status", "--check"]) == 1
    said = capsys.readouterr().out
    active = "deployment shop-users-prod is active on the server by its automation 'shop-users-prod__automation_1' and"
    assert f"{active} not promoted: rung task" in said
    healed()
    by_hand(client)
    assert main(["status", "--check"]) == 1
    assert "its automation 'by hand' is active and runs what is not promoted" in drifted()
    assert healed().findings == ()
    assert automations(client)["by hand"].enabled is False
    assert main(["status", "--check"]) == 0


def test_an_automation_of_somebody_else_is_left_alone_unless_it_would_run_what_is_not_promoted(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    promote("users", "prod")
    main(["status"])
    healed()
    by_hand(client)
    assert healed().findings == ()
    assert automations(client)["by hand"].enabled
    assert main(["status", "--check"]) == 0
    by_hand(client, {"environment": "dev", "fingerprint": "0"}, name="elsewhere")
    assert main(["status", "--check"]) == 1
    assert "by its automation 'elsewhere'" in capsys.readouterr().out


def test_an_automation_of_another_domain_is_refused_by_name(client: SyncPrefectClient, shop: Domain) -> None:
    healed()
    made = automations(client)["shop-users-prod__automation_1"]
    client.update_automation(made.id, without_owner(made.model_copy(update={"tags": ["domain:other"]})))
    file = current()
    with pytest.raises(ConfigurationError, match="'shop-users-prod__automation_1' belongs to the domain other"):
        deploy(client, file, file.of("users", "prod"))
    assert "belongs to the domain other" in drifted()


def test_a_deployment_that_leaves_takes_its_automations_with_it(client: SyncPrefectClient, shop: Domain) -> None:
    healed()
    assert len(automations(client)) == 1
    shop.edit("policy.yml", f"deployment: {{{TRIGGER}}}", "deployment: false")
    assert "deleted the deployment shop-users-prod" in healed().healed
    assert automations(client) == {}


def test_what_a_deployment_says_in_full_is_on_the_server_and_no_drift(
    client: SyncPrefectClient, shop: Domain, tmp_path: Path
) -> None:
    shop.edit(
        "policy.yml",
        TRIGGER,
        "schedules: [{cron: '0 1 * * *', timezone: Europe/Berlin, slug: night, day_or: false}, {interval: 3600},"
        " {rrule: FREQ=DAILY}], concurrency_limit: {limit: 2, collision_strategy: CANCEL_NEW}, work_queue: fast,"
        f" version: '7', build: [{{{STEP}: {{id: image, script: echo sha-1}}}}], parameters: {{now: null}},"
        " job_variables: {env: {IMAGE: '{{ image.stdout }}'}}, triggers: [{type: compound, require: any, within: 60,"
        " name: either, triggers: [{expect: [a.b], match: {x: y}}, {expect: [quality.data.arrived]}]}]",
    )
    promote("users", "prod")
    assert healed().findings == ()
    found = client.read_deployment_by_name(PROD)
    assert found.job_variables["env"] == {"QUALITY_ENV": "prod", "IMAGE": "sha-1"}
    assert found.global_concurrency_limit is not None
    assert found.global_concurrency_limit.limit == 2
    assert found.concurrency_options is not None
    assert found.concurrency_options.collision_strategy.value == "CANCEL_NEW"
    assert (found.version, found.work_queue_name) == ("7", "fast")
    assert "night" in {one.slug for one in found.schedules}
    assert [*automations(client)] == ["shop-either"]
    shop.edit("policy.yml", "CANCEL_NEW", "ENQUEUE")
    assert "concurrency_options.collision_strategy" in drifted()
    shop.edit("policy.yml", "concurrency_limit: {limit: 2, collision_strategy: ENQUEUE}", "concurrency_limit: null")
    assert healed().findings == ()
    assert client.read_deployment_by_name(PROD).global_concurrency_limit is None


def test_service_levels_are_refused_before_anything_is_written(client: SyncPrefectClient, shop: Domain) -> None:
    level = "sla: [{name: fresh, severity: high, duration: 60, type: TimeToCompletion}]"
    shop.edit("policy.yml", TRIGGER, level.replace(", type: TimeToCompletion", ""))
    file = current()
    entry = file.of("users", "prod")
    ensure_pool(client, entry.work_pool)
    with pytest.raises(ConfigurationError, match="exist on Prefect Cloud only"):
        deploy(client, file, entry)
    assert client.read_deployments() == []


def test_a_build_step_that_fails_deploys_nothing(client: SyncPrefectClient, shop: Domain) -> None:
    shop.edit("policy.yml", TRIGGER, f"build: [{{{STEP}: {{script: 'false'}}}}]")
    file = current()
    with pytest.raises(ConfigurationError, match="shop-users-prod: a build or push step failed"):
        deploy(client, file, file.of("users", "prod"))
    assert client.read_deployments() == []


def test_who_cannot_be_heard_is_told(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ.pop("PREFECT_API_URL", None)
    with temporary_settings({PREFECT_API_URL: None}):
        assert main(["arrived", "users"]) == 3
        assert "no PREFECT_API_URL is set, so nobody would hear" in capsys.readouterr().err
        with pytest.raises(ConfigurationError, match="there is no dataset 'user'; did you mean 'users'"):
            data_arrived("user")
        with pytest.raises(ConfigurationError, match="no environment 'prd'; did you mean 'prod'"):
            data_arrived("users", "prd")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), pytest.raises(ServerError):
        data_arrived("users")
