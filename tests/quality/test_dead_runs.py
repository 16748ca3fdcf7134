"""A run that dies without a word is said to be dead by the next one, with its incident."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from nightly import BAD, GOOD, Repository
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
from prefect.states import Running
from pydantic import SecretStr
from sink import Sink, listening

from quality.ladder.flows import check_dataset
from quality.operations import dead, notifications
from quality.server import hand_over_events

HANGS = """
import time
from pathlib import Path
import polars as pl
from quality import check_dataset
from quality.sources import Files

def read(self, root, judged):
    Path("begun").touch()
    time.sleep(600)

Files.read = read
check_dataset("orders", "prod")
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, sink: Sink) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0.01)
    (tmp_path / "prefect.yaml").write_text(f"name: dead-{uuid4().hex[:6]}\ndeployments: []\n", "utf-8")
    SlackWebhook(url=SecretStr(f"json://{sink.place}/x")).save("dead-runs", overwrite=True, _sync=True)  # type: ignore[call-arg]
    made = Repository(tmp_path)
    made.decides(notifications=[{"channel": "slack", "block": "slack-webhook/dead-runs"}])
    made.holds(GOOD)
    return made


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


def left_behind(client: SyncPrefectClient) -> FlowRun:
    """A run that says that it is running, and is nowhere."""
    given = {"dataset": "orders", "environment": "prod"}
    run = client.create_flow_run(check_dataset, parameters=given, state=Running())
    return client.read_flow_run(run.id)


def state_of(client: SyncPrefectClient, run: UUID) -> tuple[str, str]:
    state = client.read_flow_run(run).state
    assert state is not None
    return str(state.name), str(state.message)


def test_a_killed_run_is_marked_as_crashed_by_the_next_one_and_told_of_until_a_verdict(
    repository: Repository, client: SyncPrefectClient, sink: Sink
) -> None:
    own = {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_HOME": str(PREFECT_HOME.value())}
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], cwd=repository.root, env=os.environ | own, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 120
        while not (repository.root / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    assert (repository.root / "begun").exists()
    (killed,) = list(dead._running(client, repository.config, check_dataset.name))
    check_dataset("orders", "prod")
    name, message = state_of(client, killed.id)
    assert name == "Crashed"
    assert f"found dead: its process {process.pid} on " in message
    opened, recovered = sink.messages
    assert opened.startswith("ERROR: orders in prod: 1 incident opened")
    assert f"the run {killed.name} died without a word" in opened
    assert recovered.startswith("RECOVERED: orders in prod: 1 incident recovered")
    assert list(dead._running(client, repository.config, check_dataset.name)) == []


def test_a_run_that_lives_is_left_alone(repository: Repository, client: SyncPrefectClient, sink: Sink) -> None:
    living = left_behind(client)
    client.update_flow_run_labels(living.id, {dead.LABEL: dead.process()})
    check_dataset("orders", "prod")
    assert state_of(client, living.id)[0] == "Running"
    assert sink.messages == []
    assert dead.bury(client, repository.config, check_dataset.name, own_server=True) != []
    assert state_of(client, living.id) == ("Crashed", "found dead: its session is over")


def test_a_number_of_a_process_that_another_has_now_proves_no_life(
    repository: Repository, client: SyncPrefectClient
) -> None:
    run = left_behind(client)
    machine, pid, _ = dead.process().split(":")
    client.update_flow_run_labels(run.id, {dead.LABEL: f"{machine}:{pid}:1"})
    (said,) = dead.bury(client, repository.config, check_dataset.name)
    assert said.startswith(f"the run {run.name} died without a word: its process {pid} on {machine} is gone")


def test_a_run_elsewhere_is_dead_when_its_heartbeats_end_or_the_policy_allows_no_more(
    repository: Repository, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead, "SILENT_AFTER", timedelta(seconds=2))
    run = left_behind(client)
    client.update_flow_run_labels(run.id, {dead.LABEL: "another-machine:1:1"})
    assert dead.bury(client, repository.config, check_dataset.name) == []
    at = datetime.now(UTC)
    emit_event(event=dead.HEARTBEAT, resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"})
    hand_over_events()
    deadline = time.monotonic() + 60
    while not (said := dead.bury(client, repository.config, check_dataset.name)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert f"its last heartbeat was at {at:%Y-%m-%d %H:%M} UTC" in said[0]
    left_behind(client)
    repository.decides(longest_minutes=0.001)
    time.sleep(0.2)  # more than that
    (late,) = dead.bury(client, repository.config, check_dataset.name)
    assert "it has run for more than the 0.001 minutes that the policy allows" in late


def test_a_run_whose_server_took_its_verdict_and_not_its_end_is_given_the_end_that_it_had(
    repository: Repository, client: SyncPrefectClient, sink: Sink
) -> None:
    for data, name in ((GOOD, "Completed"), (BAD, "Failed")):
        repository.holds(data)
        state = check_dataset("orders", "prod", return_state=True)
        run = state.state_details.flow_run_id
        assert run is not None
        client.set_flow_run_state(run, Running(), force=True)
        heard = len(sink.messages)
        client.update_flow_run_labels(run, {dead.LABEL: f"{dead.process()}0"})
        (said,) = dead.bury(client, repository.config, check_dataset.name)
        assert "died with its verdict" in said
        assert state_of(client, run) == (name, str(state.message) if name == "Failed" else f"orders: PASSED — {ALL}")
        assert len(sink.messages) == heard, "the verdict has been told"


ALL = "2 of 2 rules passed"
