"""prefect.yaml read strictly, and deployments that a worker really runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Crashed, Failed

from quality import ConfigurationError, check, check_dataset, data_quality_check_task
from quality.cli.deployment import _read_back
from quality.contract import project
from quality.errors import ServerError
from quality.ladder.block import DataQualityBlock, load_block
from quality.ladder.deployment import declared, deploy, ensure_pool, online_workers, pool_type, work_off
from quality.ladder.prefect_file import DeploymentEntry, PoolEntry, load_prefect_file
from quality.loopback import Loopback, importable, loopback
from quality.server import artifact_of, result_of

FLOWS = """
from quality import QualityFlowConfig, create_quality_flow, quality_checked_flow

rules = [{"column": "id", "check": "not_null"}]
quality_flow = create_quality_flow("users_quality", cfg=QualityFlowConfig(rules=rules, engine_name="truthound"))


@quality_checked_flow(rules=rules, check_mode="both")
async def hand_over(data: dict) -> dict:
    return {"id": [None]}
"""


def test_prefect_yaml_says_which_deployment_checks_what(repository: Path) -> None:
    file = load_prefect_file(repository / "prefect.yaml")
    assert file.of("users", "prod").name == "users-prod"
    with pytest.raises(
        ConfigurationError, match="no deployment of users in staging; it has: users in dev, users in prod"
    ):
        file.of("users", "staging")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("schedules: []", "schedual: []", r"prefect.yaml:\d+: there is no key 'schedual'; did you mean 'schedules'\?$"),
        ("    paused: false\n", "", "the key 'paused' is missing"),
        ("    schedules: []\n", "", "the key 'schedules' is missing"),
        ("name: users-dev\n      work", "nam: users-dev\n      work", "no key 'nam'; did you mean 'name'"),
        ("work_queue_name", "work_queue", "no key 'work_queue'; did you mean 'work_queue_name'"),
        ("concurrency_limit: 1", "concurrency_limit: {limt: 1}", "no key 'limt'; did you mean 'limit'"),
        ("concurrency_limit: 1", "concurrency_limit: none", "'none' is not a whole number"),
        ("cron:", "corn:", "no key 'corn'; did you mean 'cron'"),
        ("name: users-prod\n", "name: users-dev\n", "two deployments are named 'users-dev'"),
        ("pull: []", "pull: []\nsla: []", "no key 'sla'; service levels are a key of a deployment"),
        ("paused: false", "paused: perhaps", "must be true or false, not 'perhaps'"),
        ("image: users", 'image: "{{ prefect.blocks.secret.x }}"', "stored in clear"),
        ("build: null", "build: [a.b]", "must be a mapping"),
    ],
    ids=lambda value: value.strip()[:30] if isinstance(value, str) else None,
)
def test_what_prefect_would_ignore_is_refused_by_line(repository: Path, written: str, instead: str, said: str) -> None:
    path = repository / "prefect.yaml"
    path.write_text(path.read_text("utf-8").replace(written, instead, 1), "utf-8")
    with pytest.raises(ConfigurationError, match=said):
        load_prefect_file(path)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"stream_output": True}, "process"), ({"image": "x"}, "docker"), ({"namespace": "x"}, "kubernetes")],
    ids=["process", "docker", "kubernetes"],
)
def test_a_pool_is_of_the_type_that_its_job_variables_belong_to(
    api: str, variables: dict[str, Any], expected: str
) -> None:
    with get_client(sync_client=True) as client:
        assert pool_type(client, PoolEntry(name="some", job_variables=variables))[0] == expected


def test_a_job_variable_of_no_pool_type_is_refused(api: str) -> None:
    with (
        get_client(sync_client=True) as client,
        pytest.raises(ConfigurationError, match="no job variable 'strem_output'; did you mean 'stream_output'"),
    ):
        pool_type(client, PoolEntry(name="some", job_variables={"strem_output": True}))


def test_a_run_that_crashed_says_why_in_the_words_of_its_log(api: str, repository: Path) -> None:
    error = "Unexpected\nTraceback (most recent call last):\n  …\nModuleNotFoundError: No module named 'x'"
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(check_dataset, parameters={"dataset": "users"})
        for at, said in enumerate((error, "Process exited with status code: 1")):
            moment = datetime(2026, 11, 29, 6, at, tzinfo=UTC)
            log = LogCreate(name="a", level=40, message=said, timestamp=moment, flow_run_id=run.id)
            client.request("POST", "/logs/", json=[log.model_dump(mode="json")])
        ends: tuple[tuple[State, str], ...] = (
            (
                Crashed(message="exit code 1"),
                "Crashed, exit code 1: ModuleNotFoundError: No module named 'x'; http",
            ),
            (Failed(message="ValueError: 7"), "Failed, ValueError: 7; http"),
        )
        for state, said in ends:
            client.set_flow_run_state(run.id, state, force=True)
            with pytest.raises(ServerError, match=f"run {run.name} left no result: {said}"):
                _read_back(client, project.load("users", "dev"), client.read_flow_run(run.id))


def test_a_pool_without_a_worker_has_none_online(api: str, repository: Path) -> None:
    with get_client(sync_client=True) as client:
        pool = ensure_pool(client, PoolEntry(name="lonely", job_variables={"stream_output": True}))
        assert (pool.type, online_workers(client, "lonely")) == ("process", [])
        assert ensure_pool(client, PoolEntry(name="lonely")).id == pool.id


def test_a_worker_runs_every_kind_of_flow_and_all_four_rungs_give_the_same_result(
    api: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "own_flows.py").write_text(FLOWS, "utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{repository}:{importable()}")
    file = load_prefect_file(repository / "prefect.yaml")
    entry = file.of("users", "dev")
    pool = entry.work_pool.model_copy(update={"name": "worked"})
    entries = [
        entry.model_copy(update={"work_pool": pool}),
        *(
            entry.model_copy(
                update={"name": name, "entrypoint": place, "parameters": {"data": data}, "work_pool": pool}
            )
            for name, place, data in [
                ("by-variable", f"{repository}/own_flows.py:quality_flow", {"id": [1]}),
                ("by-module", "own_flows.hand_over", {"id": [1]}),
            ]
        ),
    ]
    monkeypatch.syspath_prepend(str(repository))
    with get_client(sync_client=True) as client:
        ensure_pool(client, pool)
        runs = [client.create_flow_run_from_deployment(deploy(client, file, one)) for one in entries]
        work_off("worked")
        ended = [client.read_flow_run(run.id) for run in runs]
        assert [run.state_name for run in ended] == ["Completed", "Completed", "Failed"], [run.state for run in ended]
        assert "0 of 1 rules passed" in str(ended[2].state and ended[2].state.message)
        artifact = artifact_of(client, runs[0].id, "result")
        assert artifact is not None
        config = project.load("users", "dev")
        DataQualityBlock.from_config(config).save("users-dev", overwrite=True)

        @flow
        def ephemeral() -> Any:
            return data_quality_check_task(config=config)

        rungs: dict[str, Any] = {
            "task": ephemeral(),
            "block": load_block("users-dev").check(),
            "flow": check_dataset("users", "dev"),
            "deployment": result_of(artifact),
        }
        engine = check(None, config).comparable()
        assert {name: result.comparable() for name, result in rungs.items()} == dict.fromkeys(rungs, engine)
        assert ended[0].parameters["fingerprint"] == project.load("users", "dev").fingerprint


def test_a_parameter_that_a_flow_does_not_take_is_refused_before_there_is_a_run(api: str, repository: Path) -> None:
    file = load_prefect_file(repository / "prefect.yaml")
    entry = file.of("users", "dev")
    with get_client(sync_client=True) as client:
        ensure_pool(client, entry.work_pool)
        made = deploy(client, file, entry)
        with pytest.raises(PrefectHTTPStatusError, match="'partitions' was unexpected"):
            client.create_flow_run_from_deployment(made, parameters={"partitions": "day=1"})


@pytest.mark.parametrize(
    "given",
    [
        {"parameters": {"dataset": "users", "partitions": "day=1"}},
        {"schedules": [{"cron": "5 4 * * *", "parameters": {"partitions": "day=1"}}]},
        {"triggers": [{"expect": ["arrived"], "parameters": {"partitions": "day=1"}}]},
    ],
    ids=["parameters", "schedules", "triggers"],
)
def test_an_entry_whose_flow_does_not_take_what_it_gives_is_not_deployed(
    repository: Path, given: dict[str, Any]
) -> None:
    file = load_prefect_file(repository / "prefect.yaml")
    entry = DeploymentEntry.model_validate(file.of("users", "dev").model_dump(mode="json") | given)
    with pytest.raises(ConfigurationError, match="takes no parameter 'partitions'; did you mean 'partition'"):
        declared(file, entry)


def test_a_loopback_server_ends_with_its_block_also_on_an_error(prefect_home: Path, tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_bytes((prefect_home / "prefect.db").read_bytes())
    started: list[Loopback] = []

    def interrupted() -> None:
        with loopback(tmp_path) as server:
            started.append(server)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not started[0].running


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "prefect.db").mkdir()  # where its database would be
    with pytest.raises(ServerError, match="did not start"), loopback(tmp_path) as server:
        server.wait()
