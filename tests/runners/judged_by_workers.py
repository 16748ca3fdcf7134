"""States made by Dask and by Ray, from a deployment that a worker runs: the verdict is that of one process.

Run by `nox -s runners`, as the ordinary environment has neither.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import polars as pl
import pytest
from moto.server import ThreadedMotoServer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from quality.checking import check
from quality.contract import project
from quality.contract.engine import Engine
from quality.errors import ConfigurationError
from quality.ladder.computed_file import text_of
from quality.ladder.deployment import deploy, ensure_pool, work_off
from quality.ladder.entries import document
from quality.ladder.prefect_file import load_prefect_file
from quality.ladder.runners import Batches
from quality.loopback import importable
from quality.result import CheckResult
from quality.server import artifact_of, result_of
from quality.values import Status

SOURCES = '''"""Files that tell which process reads them, and that end it where they are asked to."""

import os
import signal
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Literal

from quality.sources import Files


class Told(Files):
    kind: Literal["told"] = "told"
    kills: str = "never"

    def parts(self, root):
        found = super().parts(root)
        return tuple(part._replace(read=partial(told, part.read, root, part.name, self.kills)) for part in found)


def told(read, root, name, kills, judged):
    (root / "pids").mkdir(exist_ok=True)
    (root / "pids" / str(os.getpid())).touch()
    marker = root / "killed"
    wanted = kills == "always" or (kills == "once" and not marker.exists())
    if wanted and parent_process() is not None and name.endswith("5.parquet"):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return read(judged)


SOURCES = (Told,)
'''
CONTRACT = """
dataset: orders
owner: "@orders-team"
source: {kind: told, path: data/*.parquet}
sources:
  killed: {kind: told, path: data/*.parquet, kills: once}
  doomed: {kind: told, path: data/*.parquet, kills: always}
key: [id]
rules:
  - {check: unique, column: id}
  - {check: unique, column: name}
  - {check: unique_combination, columns: [id, name]}
  - {check: not_null, column: amount}
  - {check: in_range, column: amount, min: 0, max: 700, by: shop}
  - {check: z_score_outlier, column: amount, threshold: 1.5}
  - {check: increasing, column: id}
  - {check: foreign_key, column: shop, reference: shops.parquet, reference_column: shop}
  - {check: distinct_count, column: shop, max: 5}
  - {check: mean, column: amount, at_most: 100}
  - {check: median, column: amount, at_most: 100}
  - {check: regex, column: name, pattern: "^n[0-9]+$", where: "amount > 10"}
"""
POLICY = """
domain: orders
defaults:
  fail_on_error: false
  retries: {count: 0, delay_seconds: 0, reason: a test}
  cache: {enabled: false, reason: a test}
  work_pool: orders
  deployment: {job_variables: {stream_output: true}}
environments:
  dask: {engine: {runner: dask, workers: 2, files_per_task: 2}}
  ray: {engine: {runner: ray, workers: 2, files_per_task: 2}}
  killed: {engine: {runner: dask, workers: 2, files_per_task: 2}}
  dask-stored: {engine: {runner: dask, workers: 2, files_per_task: 2}, states: {path: s3://shop/states}}
  ray-stored: {engine: {runner: ray, workers: 2, files_per_task: 2}, states: {path: s3://shop/states}}
  doomed:
    engine:
      runner: dask
      workers: 2
      files_per_task: 2
"""
FILES, ROWS = 12, 2_000


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one dataset of many files, whose source tells which process reads it."""
    for name, text in {
        "datasets/orders.yml": CONTRACT,
        "policy.yml": POLICY,
        "src/domain/__init__.py": "",
        "src/domain/sources.py": SOURCES,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "data").mkdir()
    for number in range(FILES):
        first = number * ROWS - number % 3
        ids = range(first, first + ROWS)
        made: dict[str, Any] = {
            "id": ids,
            "name": [f"n{one % 9_000}" if one % 997 else "odd" for one in ids],
            "amount": [None if one % 500 == 0 else float(one % 800) for one in ids],
            "shop": [one % 7 for one in ids],
        }
        pl.DataFrame(made).write_parquet(tmp_path / "data" / f"{number:02}.parquet")
    pl.DataFrame({"shop": range(6)}).write_parquet(tmp_path / "shops.parquet")
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "src"), importable())))
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prefect.yaml").write_text(text_of(document()), "utf-8")
    return tmp_path


class Store:
    """An S3 server on loopback with one bucket, `shop`."""

    def __init__(self, address: str) -> None:
        self.address = address

    def empty(self) -> None:
        """Makes the bucket, and nothing in it."""
        signed = "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request"
        for place, method in (("moto-api/reset", "POST"), ("shop", "PUT")):
            asked = urllib.request.Request(f"{self.address}/{place}", b"", {"Authorization": signed}, method=method)
            urllib.request.urlopen(asked, timeout=30).close()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Where states are kept that processes do not share a folder for."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    made = Store("http://{}:{}".format(*server.get_host_and_port()))
    given = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1", "ALLOW_HTTP": "true"}
    for name, value in {**given, "ENDPOINT_URL": made.address}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    made.empty()
    yield made
    server.stop()


def deployed(environment: str) -> tuple[CheckResult, list[str]]:
    """The verdict that a run of the deployment left, by a worker of its pool; and the tasks of that run."""
    file = load_prefect_file(Path("prefect.yaml"))
    entry = file.of("orders", environment)
    with get_client(sync_client=True) as client:
        ensure_pool(client, entry.work_pool)
        run = client.create_flow_run_from_deployment(deploy(client, file, entry, promoted=True))
        work_off(entry.work_pool.name)
        return verdict(client, client.read_flow_run(run.id)), tasks(client, run.id)


def verdict(client: SyncPrefectClient, run: FlowRun) -> CheckResult:
    artifact = artifact_of(client, run.id, "result")
    assert artifact is not None, run.state
    return result_of(artifact)


def tasks(client: SyncPrefectClient, run: UUID) -> list[str]:
    """The names of a run's tasks, once the server has heard of all of them."""
    names: list[str] = []
    for _ in range(20):
        before = names
        found = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])), limit=200)
        names = [one.name.rpartition("-")[0] for one in found]
        if names and names == before:
            break
        time.sleep(1)
    return names


def in_one_process(root: Path, environment: str) -> CheckResult:
    """The same check outside of runs, one file after the other; what it kept in a folder is deleted."""
    found = check(None, project.load("orders", environment))
    assert any("12 read" in query for query in found.metadata.explain.queries)
    for kept in (root / ".quality", root / "pids"):
        shutil.rmtree(kept, ignore_errors=True)
    return found


@pytest.mark.parametrize("environment", ["dask", "ray", "killed"])
def test_two_processes_give_the_verdict_of_one_also_where_one_of_them_is_killed(
    api: str, repository: Path, environment: str
) -> None:
    expected = in_one_process(repository, environment)
    assert expected.status is Status.FAILED
    found, named = deployed(environment)
    assert found.comparable() == expected.comparable()
    assert named.count("states_of_files") >= FILES // 2
    assert len(list((repository / "pids").iterdir())) >= 2
    assert (repository / "killed").exists() == (environment == "killed")


@pytest.mark.parametrize("environment", ["dask-stored", "ray-stored"])
def test_states_in_object_storage_give_the_verdict_of_one_process_and_the_next_run_measures_nothing(
    api: str, repository: Path, store: Store, environment: str
) -> None:
    expected = in_one_process(repository, environment)
    store.empty()
    found, named = deployed(environment)
    assert expected.status is Status.FAILED
    assert found.comparable() == expected.comparable()
    assert named.count("states_of_files") >= FILES // 2
    assert len(list((repository / "pids").iterdir())) >= 2
    assert not (repository / ".quality" / "states").exists()
    shutil.rmtree(repository / "pids")
    again, named = deployed(environment)
    assert again.comparable() == expected.comparable()
    assert "states of 12 files: 12 kept, 0 read" in again.metadata.explain.queries[0]
    assert "states_of_files" not in named
    assert len(list((repository / "pids").iterdir())) == 1, "the run opens files that have failing rows, to show some"


def test_files_that_end_every_worker_are_one_clear_error(api: str, repository: Path) -> None:
    found, _ = deployed("doomed")
    assert found.status is Status.ERROR
    (said,) = {rule.message for rule in found.rules} | {found.reason or found.rules[0].message}
    assert re.search(r"the runner dask gave no answer for batch \d of 6, sent 2 times: ", said)
    assert "files_per_task" in said


@pytest.mark.parametrize("runner", ["dask", "ray"])
def test_an_option_that_a_runner_does_not_have_is_refused(runner: Literal["dask", "ray"]) -> None:
    with pytest.raises(ConfigurationError, match=r"^engine\.options: .*adres"):
        Batches(Engine(runner=runner, options={"adres": "tcp://a:1"}), ExitStack())


def test_an_address_that_nobody_answers_is_an_error_of_the_check(api: str, repository: Path) -> None:
    policy = repository / "policy.yml"
    engine = (
        "engine: {runner: dask, files_per_task: 2, address: tcp://127.0.0.1:1, options: {client_kwargs: {timeout: 1}}}"
    )
    states = f"states: {{path: {repository}/shared}}"
    policy.write_text(policy.read_text("utf-8") + f"  gone:\n    {engine}\n    {states}\n", "utf-8")
    (repository / "prefect.yaml").write_text(text_of(document()), "utf-8")
    found, _ = deployed("gone")
    assert found.status is Status.ERROR
    assert str(found.reason).startswith("the runner dask takes no task of this run: ")
