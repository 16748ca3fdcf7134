"""Drift on a real server: what people change by hand in the UI is named field by field, and git heals it on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    BlockDocumentUpdate,
    DeploymentScheduleCreate,
    DeploymentUpdate,
    WorkPoolUpdate,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from promoted import promote
from users import compute

from quality.contract.project import load
from quality.drift.finding import Layer
from quality.drift.leftovers import leftover_drift, remove_leftovers
from quality.drift.report import Report, look
from quality.drift.server import clock_drift, version_drift
from quality.ladder.block import DataQualityBlock, save_block
from quality.ladder.entries import computed
from quality.server import server

PROD = "users-check-dataset/users-prod"


@pytest.fixture(scope="module")
def _nothing_is_left(prefect_server: str) -> Iterator[None]:
    """Blocks that are right stay from test to test, as saving one takes a second; none stays after the last."""
    yield
    with temporary_settings({PREFECT_API_URL: prefect_server}), server() as client:
        delete_blocks(client)


def delete_blocks(client: SyncPrefectClient) -> None:
    for block in client.read_block_documents():
        client.delete_block_document(block.id)


@pytest.fixture
def client(repository: Path, api: str, _nothing_is_left: None) -> Iterator[SyncPrefectClient]:
    """A server on which everything is as the repository says."""
    for environment in ("dev", "prod"):
        promote("users", environment)
    with server() as client:
        for found in client.read_deployments():
            client.delete_deployment(found.id)
        if look([Layer.SERVER], fix=True).exit_code:
            delete_blocks(client)
            assert look([Layer.SERVER], fix=True).exit_code == 0
        pool = client.read_work_pool("users-prod")
        yield client
        for found in client.read_deployments():
            client.delete_deployment(found.id)
        client.update_work_pool("users-prod", WorkPoolUpdate(base_job_template=pool.base_job_template))


def seen(environment: str | None = None) -> Report:
    return look([Layer.SERVER], environment)


def lines(report: Report) -> str:
    return "\n".join(str(finding) for finding in report.findings)


def deployment(client: SyncPrefectClient, name: str = PROD) -> DeploymentResponse:
    return client.read_deployment_by_name(name)


def change(client: SyncPrefectClient, **fields: object) -> None:
    client.update_deployment(deployment(client).id, DeploymentUpdate.model_validate(fields))


def edit_block(client: SyncPrefectClient, name: str = "users-users-prod", **fields: object) -> None:
    document = client.read_block_document_by_name(name, "data-quality-block")
    update = BlockDocumentUpdate(block_schema_id=document.block_schema_id, data=document.data | fields)
    client.update_block_document(document.id, update)


def edit_a_field(client: SyncPrefectClient) -> None:
    edit_block(client, sample_rows=50)


def edit_a_rule(client: SyncPrefectClient) -> None:
    rules = client.read_block_document_by_name("users-users-prod", "data-quality-block").data["rules"]
    edit_block(client, rules=[rules[0], rules[1] | {"severity": "info"}])


def add_a_field(client: SyncPrefectClient) -> None:
    edit_block(client, ruls=[])


def delete_block(client: SyncPrefectClient) -> None:
    client.delete_block_document(client.read_block_document_by_name("users-users-prod", "data-quality-block").id)


def other_parameter(client: SyncPrefectClient) -> None:
    change(client, parameters={"dataset": "users", "environment": "dev", "fingerprint": None})


def other_schedule(client: SyncPrefectClient) -> None:
    found = deployment(client)
    cron = CronSchedule(cron="0 7 * * *", timezone="UTC")
    client.update_deployment_schedule(found.id, found.schedules[0].id, schedule=cron)


def second_schedule(client: SyncPrefectClient) -> None:
    schedule = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 9 * * *"))
    client.create_deployment_schedules(deployment(client).id, [schedule])


def inactive_schedule(client: SyncPrefectClient) -> None:
    found = deployment(client)
    client.update_deployment_schedule(found.id, found.schedules[0].id, active=False)


def paused(client: SyncPrefectClient) -> None:
    client.pause_deployment(deployment(client).id)


def other_tags(client: SyncPrefectClient) -> None:
    change(client, tags=["mine"])


def other_pool(client: SyncPrefectClient) -> None:
    change(client, work_pool_name="users-dev")


def other_job_variable(client: SyncPrefectClient) -> None:
    change(client, job_variables={"image": "mine", "auto_remove": True})


def delete_deployment(client: SyncPrefectClient) -> None:
    client.delete_deployment(deployment(client).id)


PLANTED: list[tuple[Callable[[SyncPrefectClient], None], str]] = [
    (edit_a_field, "block users-users-prod: differs from the repository: sample_rows is 50, the repository says 5"),
    (
        edit_a_rule,
        "block users-users-prod: differs from the repository: "
        'rules[1].severity is "info", the repository says "warning"',
    ),
    (add_a_field, "block users-users-prod: differs from the repository: ruls is [], the repository says nothing"),
    (delete_block, "block users-users-prod: there is no such block"),
    (other_parameter, 'parameters.environment is "dev", the repository says "prod"'),
    (other_schedule, 'schedules[0].cron is "0 7 * * *", the repository says "0 6 * * *"'),
    (second_schedule, "schedules is [{"),
    (inactive_schedule, "schedules[0].active is false, the repository says true"),
    (paused, "paused is true, the repository says false"),
    (other_tags, 'tags is "mine", the repository says "domain:users'),
    (other_pool, 'work_pool_name is "users-dev", the repository says "users-prod"'),
    (other_job_variable, 'job_variables.image is "mine", the repository says "users"'),
    (delete_deployment, "deployment users-prod: is not on the server"),
]


@pytest.mark.parametrize(("plant", "line"), PLANTED, ids=[f"{row[0].__name__}-{n}" for n, row in enumerate(PLANTED)])
def test_a_change_by_hand_is_named_left_alone_and_healed_on_request(
    plant: Callable[[SyncPrefectClient], None], line: str, client: SyncPrefectClient
) -> None:
    plant(client)
    report = seen()
    assert report.exit_code == 1
    assert line in lines(report)
    healed = look([Layer.SERVER], fix=True)
    assert len(healed.healed) == 1, "looking had changed nothing"
    assert healed.findings == (), lines(healed)


def test_a_changed_contract_is_drift_of_every_block_and_deployment(client: SyncPrefectClient, repository: Path) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8").replace("severity: warning", "severity: error"), "utf-8")
    report = seen()
    assert {finding.subject for finding in report.findings} == {
        *("block users-users-dev", "block users-users-prod", "deployment users-dev", "deployment users-prod"),
    }
    assert "parameters.fingerprint" in lines(report)
    assert look([Layer.SERVER], fix=True).exit_code == 0


def test_one_environment_can_be_looked_at_and_healed_alone(client: SyncPrefectClient) -> None:
    edit_a_field(client)
    assert seen("dev").exit_code == 0
    assert look([Layer.SERVER], "dev", fix=True).healed == ()
    assert seen("prod").exit_code == 1


def test_environments_whose_saved_blocks_check_different_rules_are_named(client: SyncPrefectClient) -> None:
    edit_a_rule(client)
    [found] = [finding for finding in seen().findings if finding.layer is Layer.ENVIRONMENTS]
    assert str(found).startswith("the saved block of users in prod: is not checked as in dev: rules[1].severity")


def test_a_block_of_a_newer_template_is_named_and_never_overwritten(client: SyncPrefectClient) -> None:
    edit_block(client, template_version="99.0.0", later="field")
    for fix in (False, True):
        report = look([Layer.SERVER], fix=fix)
        assert report.exit_code == 1
        assert "saved by template 99.0.0, newer than this code's" in lines(report)
        assert "nox -s update" in lines(report)
        assert report.healed == ()


def clone(client: SyncPrefectClient, name: str, tags: list[str]) -> None:
    found = deployment(client)
    client.create_deployment(flow_id=found.flow_id, name=name, tags=tags, entrypoint=found.entrypoint, paused=True)


def test_a_deployment_that_left_the_file_is_deleted_only_when_its_tags_prove_it_ours(client: SyncPrefectClient) -> None:
    clone(client, "users-old", ["users", "fingerprint:0123456789abcdef"])
    clone(client, "by-hand", ["users"])
    clone(client, "someone-elses", ["orders", "fingerprint:0123456789abcdef"])
    report = seen()
    assert report.exit_code == 1
    assert "users-old: is on the server and not in prefect.yaml" in lines(report)
    assert "by-hand: is on the server and not in prefect.yaml; delete it by hand" in lines(report)
    assert "someone-elses" not in lines(report)
    healed = look([Layer.SERVER], fix=True)
    assert healed.healed == ("deleted the deployment users-old",)
    assert healed.exit_code == 0
    assert {found.name for found in client.read_deployments()} >= {"by-hand", "someone-elses"}


def test_a_block_of_what_is_gone_is_named_and_deleted_on_request(api: str, repository: Path) -> None:
    """Of an environment, or a dataset, that the repository had: what another wrote, or is called otherwise, stays."""
    config, file = load("users", "prod"), computed()
    gone = config.model_copy(update={"environment": "qa"})
    mine = DataQualityBlock.from_config(gone)
    with server() as client:
        for one in (config, gone, gone.model_copy(update={"dataset": "sold"})):
            save_block(client, one)
        for name, block in {"orders-users-qa": mine.model_copy(update={"domain": "orders"}), "mine": mine}.items():
            block.save(name, overwrite=True)
        said = "\n".join(map(str, leftover_drift(client, file, [])))
        assert "block users-users-qa: is of users in qa, which the repository does not have" in said
        assert "block users-sold-qa" in said
        assert not any(name in said for name in ("orders-users-qa", "mine", "users-users-prod"))
        assert {"deleted the block users-users-qa", "deleted the block users-sold-qa"} <= {
            *remove_leftovers(client, file)
        }
        assert {"mine", "orders-users-qa", "users-users-prod"} <= {one.name for one in client.read_block_documents()}
        delete_blocks(client)


def test_a_secret_in_clear_is_named_and_never_shown(client: SyncPrefectClient) -> None:
    change(client, job_variables={"image": "users", "auto_remove": True, "env": {"API_TOKEN": "s3cr3t-value"}})
    report = seen()
    assert "job_variables.env.API_TOKEN is stored in clear" in lines(report)
    assert "s3cr3t-value" not in report.text() + report.model_dump_json()
    assert look([Layer.SERVER], fix=True).exit_code == 0


def test_a_block_deleted_while_a_deployment_refers_to_it_is_named(client: SyncPrefectClient, repository: Path) -> None:
    webhook = CustomWebhookNotificationBlock(name="alerts", url="http://127.0.0.1:9")
    webhook.save("users-alerts", _sync=True)  # type: ignore[call-arg]
    channel = "  notifications: [{channel: webhook, block: custom-webhook/users-alerts}]\n  work_pool"
    policy = repository / "policy.yml"
    policy.write_text(policy.read_text("utf-8").replace("  work_pool", channel, 1), "utf-8")
    pool = client.read_work_pool("users-prod").base_job_template
    pool["variables"]["properties"]["env"] = {"default": {"TOKEN": "{{ prefect.blocks.secret.lake }}"}}
    client.update_work_pool("users-prod", WorkPoolUpdate(base_job_template=pool))
    look([Layer.SERVER], fix=True)
    assert "custom-webhook" not in lines(seen())
    assert "users-prod: refers to the block secret/lake, which is not on the server" in lines(seen())
    client.delete_block_document(client.read_block_document_by_name("users-alerts", "custom-webhook").id)
    assert "users-prod: refers to the block custom-webhook/users-alerts" in lines(seen())


def test_a_parameter_that_refers_to_a_deleted_block_is_named(client: SyncPrefectClient) -> None:
    block = client.read_block_document_by_name("users-users-dev", "data-quality-block")
    change(client, enforce_parameter_schema=False)
    change(client, parameters={"dataset": "users", "environment": {"$ref": {"block_document_id": str(block.id)}}})
    assert "deleted block" not in lines(seen())
    client.delete_block_document(block.id)
    assert f"environment refers to the deleted block {block.id}" in lines(seen())


def test_a_flow_that_cannot_be_imported_is_named(client: SyncPrefectClient, repository: Path) -> None:
    with (repository / "policy.yml").open("a", encoding="utf-8") as policy:
        policy.write("flows: [{name: load, entrypoint: domain.flows.gone, environment: dev}]\n")
    compute(repository)
    report = look([Layer.SERVER], fix=True)
    assert report.exit_code == 1
    assert "users-load: cannot be deployed" in lines(report)


def test_a_file_of_git_in_conflict_stops_the_server_layer_before_anything_is_healed(
    client: SyncPrefectClient, repository: Path
) -> None:
    delete_block(client)
    with (repository / "datasets" / "users.yml").open("a", encoding="utf-8") as file:
        file.write("<<<<<<< before updating\n")
    report = look([Layer.SERVER], fix=True)
    assert report.exit_code == 2
    assert "conflict" in report.unseen[Layer.SERVER]
    with pytest.raises(ObjectNotFound):
        client.read_block_document_by_name("users-users-prod", "data-quality-block")


def test_a_block_saved_by_the_ladder_is_no_drift(client: SyncPrefectClient) -> None:
    DataQualityBlock.from_config(load("users", "prod")).save("users-users-prod", overwrite=True, _sync=True)  # type: ignore[call-arg]
    assert seen().findings == ()


@pytest.mark.parametrize(
    ("server_version", "drifted", "said"),
    [("3.8.8", [], ""), ("3.8.1", [], ""), ("3.7.8", [True], "older"), ("3.9.1", [False], "3.9.1")],
)
def test_a_server_of_another_version_is_named(server_version: str, drifted: list[bool], said: str) -> None:
    found = list(version_drift(server_version, "3.8.8"))
    assert [not finding.note for finding in found] == drifted
    assert all(said in str(finding) for finding in found)


@pytest.mark.parametrize(("minutes", "count"), [(0, 0), (4, 0), (-6, 1), (6, 1)])
def test_a_server_whose_clock_is_another_is_named(minutes: int, count: int) -> None:
    now = datetime.now(UTC)
    found = list(clock_drift(now + timedelta(minutes=minutes), now))
    assert len(found) == count
    assert all("clock" in str(finding) for finding in found)
