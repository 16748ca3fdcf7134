"""A page ends when what it was about does: PagerDuty and Opsgenie by their own APIs, heard on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from nightly import BAD, GOOD, Repository
from prefect.blocks.notifications import OpsgenieWebhook, PagerDutyWebHook
from pydantic import SecretStr
from sink import Sink, listening

from quality.errors import DataQualityError
from quality.history import runs as history
from quality.history.runs import MESSAGES
from quality.ladder.flows import check_dataset
from quality.operations import notifications

KEY = "b43ccbd5-1bd2-4c0d-b0fd-4d5e2f3a7c01"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """Takes what the vendors would get, at their addresses."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send
    with listening() as made:

        def to_the_sink(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
            there = urlsplit(request.url)
            request.headers["Host"] = there.netloc
            request.url = there._replace(scheme="http", netloc=made.place).geturl()
            return send(self, request, *args, **kwargs)

        monkeypatch.setattr(HTTPAdapter, "send", to_the_sink)
        monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0)
        yield made


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, sink: Sink) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    (tmp_path / "prefect.yaml").write_text("name: shop\ndeployments: []\n", "utf-8")
    PagerDutyWebHook(integration_key=SecretStr("a" * 32), api_key=SecretStr(KEY)).save(
        "page", overwrite=True, _sync=True
    )  # type: ignore[call-arg]
    OpsgenieWebhook(apikey=SecretStr(KEY), target_team=["orders"]).save("page", overwrite=True, _sync=True)  # type: ignore[call-arg]
    return Repository(tmp_path)


def run(repository: Repository, data: Any) -> None:
    repository.holds(data)
    try:
        check_dataset("orders")
    except DataQualityError:
        return


def test_pager_duty_is_told_of_the_end_under_the_key_of_the_beginning(repository: Repository, sink: Sink) -> None:
    repository.decides(notifications=[{"channel": "pagerduty", "block": "pager-duty-webhook/page"}])
    for data in (BAD, BAD, GOOD, GOOD):
        run(repository, data)
    assert [(one["event_action"], one["dedup_key"]) for one in sink.bodies] == [
        ("trigger", "shop-orders-prod"),
        ("resolve", "shop-orders-prod"),
    ]
    assert all(address == "events.pagerduty.com/v2/enqueue" for address in sink.asked)
    assert sink.bodies[0]["payload"]["severity"] == "critical"
    assert "unique(id)" in sink.bodies[0]["payload"]["custom_details"]["Prefect Notification Body"]


def test_opsgenie_closes_the_alert_of_the_alias(repository: Repository, sink: Sink) -> None:
    repository.decides(notifications=[{"channel": "opsgenie", "block": "opsgenie-webhook/page"}])
    for data in (BAD, GOOD, BAD):
        run(repository, data)
    alerts = "api.opsgenie.com/v2/alerts"
    assert sink.asked == [alerts, f"{alerts}/shop-orders-prod/close?identifierType=alias", alerts]
    assert [one.get("alias") for one in sink.bodies] == ["shop-orders-prod", None, "shop-orders-prod"]
    assert sink.bodies[0]["responders"] == [{"type": "team", "name": "orders"}]


def test_an_end_that_the_pager_does_not_take_is_told_again_by_the_next_run(repository: Repository, sink: Sink) -> None:
    repository.decides(notifications=[{"channel": "pagerduty", "block": "pager-duty-webhook/page"}])
    run(repository, BAD)
    sink.down = True
    run(repository, GOOD)
    sink.down = False
    run(repository, GOOD)
    run(repository, GOOD)
    assert [one["event_action"] for one in sink.bodies] == ["trigger", "resolve"]


def test_nobody_is_paged_before_so_many_failures_as_the_policy_says(repository: Repository, sink: Sink) -> None:
    repository.decides(notifications=[{"channel": "pagerduty", "block": "pager-duty-webhook/page"}], page_after=2)
    run(repository, BAD)
    assert sink.bodies == []
    waiting = history.shelf(repository.config, "messages").read(MESSAGES)
    assert waiting["note"].unique().to_list() == ["FAILED for 1 of 2 runs that page somebody"]
    run(repository, BAD)
    assert [one["event_action"] for one in sink.bodies] == ["trigger"]
