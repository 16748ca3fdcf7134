"""Base job templates in git: written from Prefect's own, applied, compared and healed, on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate
from promoted import promote

from quality.__main__ import main
from quality.drift.finding import Layer
from quality.drift.report import look
from quality.errors import ConfigurationError
from quality.ladder.entries import entry_of
from quality.ladder.job_template import template_of, text_of
from quality.ladder.pools import POOL_TYPES, ensure_pool
from quality.server import server

SECRET = "hunter2-of-the-pool"


@pytest.fixture
def client(repository: Path, api: str) -> Iterator[SyncPrefectClient]:
    """A server that is as the repository says, the pool of prod of docker's type; nothing of it is left afterwards."""
    for environment in ("dev", "prod"):
        promote("users", environment)
    with server() as client:
        assert main(["pools"]) == 0
        assert look([Layer.SERVER], fix=True).exit_code == 0
        yield client
        for found in client.read_deployments():
            client.delete_deployment(found.id)
        for block in client.read_block_documents():
            client.delete_block_document(block.id)
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)


def template(client: SyncPrefectClient, pool: str) -> dict[str, Any]:
    return deepcopy(client.read_work_pool(pool).base_job_template)


def said() -> list[str]:
    return [str(one) for one in look([Layer.SERVER]).findings if one.subject.startswith("work pool") and not one.note]


def test_what_is_edited_behind_the_back_of_a_pool_is_named_field_by_field_and_healed(
    client: SyncPrefectClient, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [one.name for one in sorted((repository / "pools").iterdir())] == ["users-dev.json", "users-prod.json"]
    git = json.loads((repository / "pools" / "users-dev.json").read_text("utf-8"))
    assert template(client, "users-dev") == git
    assert client.read_work_pool("users-prod").type == "docker"
    assert said() == []

    edited = template(client, "users-dev")
    edited["variables"]["properties"]["stream_output"]["default"] = False
    edited["variables"]["properties"]["env"]["default"] = {"DB_PASSWORD": SECRET}
    for part in (edited["variables"]["properties"], edited["job_configuration"]):
        del part["working_dir"]
    edited["job_configuration"]["extra"] = "x"
    client.update_work_pool("users-dev", WorkPoolUpdate(base_job_template=edited))
    before = "work pool users-dev: differs from pools/users-dev.json: base_job_template."
    found = said()
    flag = f"{before}variables.properties.stream_output.default is false, the repository says true"
    assert f"{flag}; apply it again with `nox -s drift -- --fix`" in found
    assert any(one.startswith(f"{before}variables.properties.working_dir is nothing") for one in found)
    assert any(one.startswith(f"{before}job_configuration.extra is ") for one in found)
    assert any("env.default.DB_PASSWORD is stored in clear" in one for one in found)
    assert SECRET not in "\n".join(found)
    assert main(["drift", "server"]) == 1
    assert SECRET not in capsys.readouterr().out

    assert main(["drift", "server", "--fix"]) == 0
    assert "healed: applied pools/users-dev.json to the work pool users-dev" in capsys.readouterr().out
    assert template(client, "users-dev") == git
    assert said() == []


def test_a_template_is_applied_when_its_pool_is_ensured_and_a_pool_without_one_stays_as_it_is(
    client: SyncPrefectClient, repository: Path
) -> None:
    path = repository / "pools" / "users-dev.json"
    changed = json.loads(path.read_text("utf-8"))
    changed["variables"]["properties"]["env"]["default"] = {"TZ": "UTC"}
    path.write_text(text_of(changed), "utf-8")
    assert main(["pools"]) == 0
    assert json.loads(path.read_text("utf-8")) == changed, "a file that is there stays as it is"
    pool = entry_of("users", "dev").work_pool
    assert ensure_pool(client, pool).base_job_template == changed
    client.delete_work_pool("users-dev")
    made = ensure_pool(client, pool)
    assert (made.type, made.base_job_template) == ("process", changed)

    path.unlink()
    changed["variables"]["properties"]["env"]["default"] = {}
    client.update_work_pool("users-dev", WorkPoolUpdate(base_job_template=changed))
    assert ensure_pool(client, pool).base_job_template == changed
    notes = [str(one) for one in look([Layer.SERVER]).findings if one.note]
    assert any("work pool users-dev: has no base job template in the repository" in one for one in notes)
    (repository / "pools" / "users-prod.json").unlink()
    assert not [one for one in look([Layer.SERVER]).findings if one.subject.startswith("work pool")]


def test_a_file_of_a_pool_in_which_nothing_runs_is_named(client: SyncPrefectClient, repository: Path) -> None:
    (repository / "pools" / "users-dev.json").rename(repository / "pools" / "users-old.json")
    (found,) = said()
    assert found.startswith("work pool users-old: has the file pools/users-old.json, and no deployment runs in it")


def own(kind: str, client: SyncPrefectClient) -> dict[str, Any]:
    """Prefect's own template of a type of pool."""
    metadata = client.read_worker_metadata()
    made = {name: one for package in metadata.values() for name, one in package.items()}[kind]
    return deepcopy(made["default_base_job_configuration"])


def test_what_is_wrong_in_a_template_is_one_sentence_before_a_server_hears_of_it(
    client: SyncPrefectClient, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repository / "pools" / "users-dev.json"
    for kind in POOL_TYPES:
        path.write_text(text_of(own(kind, client)), "utf-8")
        assert template_of("users-dev") == own(kind, client), "Prefect's own is taken"

    def refused(made: Any, *expected: str) -> None:
        path.write_text(made if isinstance(made, str) else text_of(made), "utf-8")
        with pytest.raises(ConfigurationError) as error:
            ensure_pool(client, entry_of("users", "dev").work_pool)
        assert all(one in str(error.value) for one in expected), str(error.value)
        assert str(error.value).startswith("pools/users-dev.json")

    refused("{", "is not JSON")
    refused("[]", "is a mapping of job_configuration and variables")
    typo = own("process", client)
    typo["job_configuration"]["command"] = "{{ comand }}"
    refused(typo, "asks for 'comand', which is no variable", "command")
    wrong = own("process", client)
    wrong["variables"]["properties"]["stream_output"]["default"] = "often"
    refused(wrong, "a default: does not take stream_output", "often")
    gone = own("process", client)
    del gone["variables"]["properties"]["stream_output"], gone["job_configuration"]["stream_output"]
    refused(gone, "the pool has no job variable 'stream_output'")
    secret = own("process", client)
    secret["variables"]["properties"]["env"]["default"] = {"DB_PASSWORD": SECRET}
    refused(secret, "it holds a secret")
    hollow = own("kubernetes", client)
    hollow["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["containers"] = []
    refused(hollow, "job_manifest has no container")
    other = own("kubernetes", client)
    other["job_configuration"]["job_manifest"]["kind"] = "Pod"
    refused(other, "is a kubernetes Job")
    assert main(["drift", "server"]) == 1
    assert "work pool users-dev: pools/users-dev.json: job_manifest is a kubernetes Job" in capsys.readouterr().out
