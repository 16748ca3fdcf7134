"""A night of faults on one server: no verdict is wrong, nothing is half written or lost, and the run after each fault
gives what a quiet night gives."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from nightly import BAD, GOOD, Repository
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    temporary_settings,
)

from quality.errors import DataQualityError, SourceError
from quality.history import runs as history
from quality.ladder.deployment import cancel_unfinished, deploy, ensure_pool, online_workers
from quality.ladder.flows import check_dataset
from quality.ladder.prefect_file import load_prefect_file
from quality.loopback import SERVING, healthy, importable
from quality.operations import dead, notifications
from quality.quarantine import splits
from quality.result import CheckResult
from quality.server import artifact_of, hand_over_events, result_of
from quality.sources import Files
from quality.values import Status

FILE = """
name: faults
pull: []
deployments:
  - name: faults-orders-prod
    entrypoint: quality.ladder.flows.check_dataset
    parameters: {dataset: orders, environment: prod}
    work_pool: {name: faults-prod, job_variables: {stream_output: false}}
    schedules: []
    paused: false
    concurrency_limit: 1
"""
WAITS = """
import time
from pathlib import Path
from quality import DataQualityError, check_dataset
from quality.sources import Files

read = Files.read

def slowly(self, root, judged):
    Path("begun").touch()
    while not Path("go").exists():
        time.sleep(0.1)
    return read(self, root, judged)

Files.read = slowly
try:
    check_dataset("orders", "prod")
except DataQualityError:
    pass
"""


class Server:
    """A Prefect server that can be killed and started again at the same address, with what it had."""

    def __init__(self, home: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.home, self.url = home, f"http://127.0.0.1:{self.port}/api"
        self.start()

    def start(self) -> None:
        own = {"PREFECT_HOME": str(self.home), "PYTHONPATH": importable()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "quality.loopback", str(self.port)],
            cwd=self.home,  # where its database lies
            env={name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"} | SERVING | own,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: healthy(self.url))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin
        self.process.stdin.close()


def wait_for(there: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, prefect_home: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("faults")
    if (prefect_home / "prefect.db").exists():
        (home / "prefect.db").write_bytes((prefect_home / "prefect.db").read_bytes())
    made = Server(home)
    own = {PREFECT_API_URL: made.url, PREFECT_HOME: home, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(own):
        yield made
    made.kill()


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> Iterator[Night]:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prefect.yaml").write_text(FILE, "utf-8")
    made = Night(tmp_path, quarantine={"path": "out"})
    made.holds(BAD)
    made.quiet = made.run().comparable()
    yield made
    assert made.run().comparable() == made.quiet, "the night after is as the one before"
    assert made.half_written() == []


class Night(Repository):
    """A repository, what a quiet night of it gives, and what is left half written."""

    quiet: dict[str, Any]

    def run(self) -> CheckResult:
        try:
            return CheckResult.model_validate(check_dataset("orders", "prod"))
        except DataQualityError as error:
            return error.result
        finally:
            hand_over_events()

    def half_written(self) -> list[str]:
        """What a writer has not finished; every Parquet file that is there can be read."""
        for path in self.root.rglob("[!.]*.parquet"):
            pl.read_parquet(path)
        for path in self.root.rglob("*.json"):
            json.loads(path.read_text("utf-8"))
        return [str(path) for path in self.root.rglob(".*") if path.name.startswith((".half", ".2", ".orders"))]

    def nights(self) -> int:
        return int(history.metrics(self.config, 1_000)["run"].n_unique())


def test_a_disk_that_is_full_takes_no_verdict_away_and_leaves_nothing_half_written(night: Night) -> None:
    nights = night.nights()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        result = night.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert result.comparable() == night.quiet
    assert night.nights() == nights
    assert len(splits.standing(night.config)) == 1, "the rows of the night before are still there"


def test_a_channel_that_hangs_costs_minutes_and_no_verdict(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0)
    with closing(socket.create_server(("127.0.0.1", 0))) as hangs:
        place = f"127.0.0.1:{hangs.getsockname()[1]}"
        block = CustomWebhookNotificationBlock(name="hangs", url=f"http://{place}/", timeout=1)
        block.save("hangs", overwrite=True, _sync=True)  # type: ignore[call-arg]
        night.decides(notifications=[{"channel": "webhook", "block": "custom-webhook/hangs"}])
        began = time.monotonic()
        assert night.run().status is Status.FAILED
        assert time.monotonic() - began < 60
    told = history.messages_of(night.config)
    assert told["ok"].to_list() == [False] * told.height
    night.decides(notifications=[])


def test_a_source_that_is_replaced_while_it_is_read_gives_no_verdict(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, once = Files.read, threading.Event()

    def replaced(self: Files, root: Path, judged: Any) -> Any:
        found = read(self, root, judged)
        if not once.is_set():
            once.set()
            night.holds(GOOD)
        return found

    monkeypatch.setattr(Files, "read", replaced)
    with pytest.raises((DataQualityError, SourceError), match="changed"):
        check_dataset("orders", "prod")
    assert once.is_set()
    night.holds(BAD)


def test_a_clock_that_is_wrong_by_a_year_loses_nothing(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=366)

    nights = night.nights()
    with monkeypatch.context() as patched:
        patched.setattr("quality.checking.datetime", Ahead)
        assert night.run().comparable() == night.quiet
    assert night.nights() >= nights
    assert len(splits.standing(night.config)) == 1


@contextmanager
def waiting(night: Night, server: Server, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in which the check waits in the middle of reading, until it is told to go on."""
    own = {
        "PREFECT_API_URL": server.url,
        "PREFECT_HOME": str(server.home),
        "PYTHONPATH": importable(),
        "PREFECT_CLIENT_MAX_RETRIES": "1",
    }
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, *command], cwd=night.root, env=os.environ | own, stdout=quiet, stderr=quiet
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            (night.root / "begun").unlink(missing_ok=True)
            (night.root / "go").unlink(missing_ok=True)


def unfinished(night: Night) -> list[str]:
    with get_client(sync_client=True) as client:
        return [run.name for run in dead._running(client, night.config, check_dataset.name)]


def test_a_server_that_is_killed_and_comes_back_has_no_run_that_looks_unfinished(night: Night, server: Server) -> None:
    with waiting(night, server, "-c", WAITS) as process:
        wait_for((night.root / "begun").exists)
        server.kill()
        (night.root / "go").touch()
        process.wait(timeout=240)
        server.start()
    night.run()
    assert unfinished(night) == []


def test_a_flow_that_is_killed_is_crashed_after_the_next_run(night: Night, server: Server) -> None:
    with waiting(night, server, "-c", WAITS) as process:
        wait_for((night.root / "begun").exists)
        process.kill()
        process.wait()
    assert len(unfinished(night)) == 1
    night.run()
    assert unfinished(night) == []


def test_a_worker_that_is_killed_loses_no_run(night: Night, server: Server) -> None:
    file = load_prefect_file(night.root / "prefect.yaml")
    (entry,) = file.deployments
    words = ("-m", "prefect", "worker", "start", "--pool", entry.work_pool.name, "--no-create-pool-if-not-found")
    with get_client(sync_client=True) as client:
        ensure_pool(client, entry.work_pool)
        made = deploy(client, file, entry, promoted=True)
        with waiting(night, server, *words) as worker:
            wait_for(lambda: online_workers(client, entry.work_pool.name))
            going_on = client.create_flow_run_from_deployment(made)
            wait_for(lambda: client.read_flow_run(going_on.id).infrastructure_pid)
            worker.kill()
            worker.wait()
            wait_for(lambda: (found := client.read_flow_run(going_on.id).state) and found.is_final(), 180)
        waited = client.create_flow_run_from_deployment(made)
        with waiting(night, server, *words):
            wait_for(lambda: (found := client.read_flow_run(waited.id).state) and found.is_final(), 180)
        for run in (going_on, waited):
            artifact = artifact_of(client, run.id, "result")
            assert artifact
            assert result_of(artifact).comparable() == night.quiet
            assert sum(state.is_running() for state in client.read_flow_run_states(run.id)) == 1, "nothing ran twice"
        cancel_unfinished(client, made)
