from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from nightly import BAD, GOOD, Repository
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from pydantic import SecretStr

from quality import history, notifications, quarantine
from quality.announcements import EVENT
from quality.errors import DataQualityError
from quality.flows import check_dataset
from quality.incidents import MESSAGES
from quality.result import CheckResult, Status
from quality.rungs import hand_over_events


class Sink:
    """An HTTP endpoint that keeps what it is sent; while it is down it answers 503."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.refused = 0
        self.down = False
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if sink.down:
                    sink.refused += 1
                else:
                    sink.bodies.append(json.loads(body))
                self.send_response(503 if sink.down else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def messages(self) -> list[str]:
        return [body["title"] + "\n" + body["message"] for body in self.bodies if "title" in body]

    @property
    def events(self) -> list[str]:
        return [body["eventType"] for body in self.bodies if "eventType" in body]


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, sink: Sink) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0.01)
    name = f"sink-{sink.server.server_port}"
    SlackWebhook(url=SecretStr(f"json://{sink.place}/token")).save(name, overwrite=True, _sync=True)  # type: ignore[call-arg]
    made = Repository(tmp_path)
    made.decides(notifications=[{"channel": "slack", "block": f"slack-webhook/{name}"}])
    return made


def run(repository: Repository, data: Any) -> CheckResult:
    repository.holds(data)
    try:
        return CheckResult.model_validate(check_dataset("orders"))
    except DataQualityError as error:
        return error.result


def summary() -> str:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["orders-prod-quality"]))
        (newest,) = client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=1)
    return str(newest.data)


def test_a_night_from_failure_to_recovery(repository: Repository, sink: Sink) -> None:
    repository.says(quarantine={"path": "out", "drop": ["email"]})
    repository.decides(lineage={"namespace": "shop", "url": f"http://{sink.place}/lineage"})
    assert run(repository, BAD).status is Status.FAILED
    (opened,) = sink.messages
    assert opened.startswith("FAILED: orders in prod: 2 incidents opened")
    assert "- unique(id): FAILED [error]: 2 of 4 (50 %), since " in opened
    assert "owner: @orders-team · contract: datasets/orders.yml" in opened
    assert "@x.org" not in opened
    assert sink.events == ["START", "COMPLETE"]
    said = summary()
    assert said.startswith("# orders in prod: FAILED")
    assert "* quarantine: 2 of 4 rows set apart" in said
    assert "was told" in said
    assert history.metrics(repository.config)["status"].to_list() == ["FAILED", "FAILED"]
    (folder,) = quarantine.standing(repository.config)
    assert pl.read_parquet(folder / "failing.parquet").height == 2

    assert run(repository, BAD).status is Status.FAILED
    assert len(sink.messages) == 1

    assert run(repository, GOOD).status is Status.PASSED
    recovered = sink.messages[1]
    assert recovered.startswith("RECOVERED: orders in prod: 2 incidents recovered")
    assert "- unique(id): holds again, since " in recovered
    assert history.metrics(repository.config)["run"].n_unique() == 3
    assert sink.events == ["START", "COMPLETE"] * 3
    assert run(repository, GOOD).status is Status.PASSED
    assert len(sink.messages) == 2


def test_a_channel_that_is_down_is_tried_again_recorded_and_never_changes_the_verdict(
    repository: Repository, sink: Sink
) -> None:
    sink.down = True
    assert run(repository, BAD).status is Status.FAILED
    assert sink.refused == notifications.ATTEMPTS
    said = summary()
    assert "was not told" in said
    assert "token" not in said
    messages = history.shelf(repository.config, "messages").read(MESSAGES)
    assert messages.select("kind", "ok", "attempts").rows() == [("OPENED", False, 3)] * 2
    sink.down = False
    assert run(repository, BAD).status is Status.FAILED
    (late,) = sink.messages
    assert "2 incidents opened" in late
    assert run(repository, GOOD).status is Status.PASSED
    assert sink.messages[1].startswith("RECOVERED: orders in prod: 2 incidents recovered")
    assert len(sink.messages) == 2


def test_a_block_that_was_never_saved_is_named(repository: Repository) -> None:
    repository.decides(notifications=[{"channel": "slack", "block": "slack-webhook/nobody"}])
    assert run(repository, BAD).status is Status.FAILED
    assert "slack-webhook/nobody was not told" in summary()


def test_what_may_be_mended_by_a_retry_is_told_after_the_last_one(repository: Repository, sink: Sink) -> None:
    repository.decides(retries={"count": 1, "delay_seconds": 0, "reason": "once more"})
    (repository.root / "data" / "orders.parquet").unlink()
    with pytest.raises(DataQualityError):
        check_dataset("orders")
    (message,) = sink.messages
    assert message.startswith("ERROR: orders in prod: 2 incidents opened")
    assert "does not exist" in message
    assert history.metrics(repository.config)["run"].n_unique() == 1


def test_rows_that_could_not_be_set_apart_fail_the_run(repository: Repository) -> None:
    repository.says(quarantine={"path": "policy.yml"})
    with pytest.raises(quarantine.QuarantineError, match="could not be set apart"):
        run(repository, GOOD)
    assert "rows could not be set apart in policy.yml" in summary()


def test_the_run_emits_its_documented_event(repository: Repository, api: str) -> None:
    repository.says(description="the only one of this test")
    run(repository, BAD)
    fingerprint = repository.config.fingerprint
    event = _wait_for(lambda: next((e for e in _events(api) if e["payload"]["fingerprint"] == fingerprint), None))
    assert event["resource"]["prefect.resource.id"] == "quality.dataset.orders.prod"
    assert event["resource"]["quality.status"] == "FAILED"
    assert event["payload"]["failures"] == ["unique(id)", "in_range(amount, min=0, max=100)"]
    assert event["related"][0]["prefect.resource.role"] == "flow-run"


def _events(api: str) -> list[dict[str, Any]]:
    hand_over_events()
    wanted = {"filter": {"event": {"name": [EVENT]}, "order": "DESC"}}
    events: list[dict[str, Any]] = httpx.post(f"{api}/events/filter", json=wanted).json()["events"]
    return events


def _wait_for(look: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found, f"nothing within {seconds} s"
    return found
