from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import browser
import httpx
import polars as pl
import pytest
from nightly import BAD, GOOD, Repository
from prefect import flow
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, State
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectAlreadyExists
from prefect.server.events.schemas.automations import EventTrigger
from prefect.states import Crashed, Failed, Late
from pydantic import SecretStr
from sink import Sink, listening

from quality.__main__ import main
from quality.errors import DataQualityError, QuarantineError
from quality.history import runs as history
from quality.history.runs import MESSAGES
from quality.ladder.flows import check_dataset
from quality.ladder.tasks import data_quality_check_task
from quality.operations import alarms as automations
from quality.operations import notifications, progress
from quality.operations.events import EVENT
from quality.quarantine import splits as quarantine
from quality.result import CheckResult
from quality.server import hand_over_events
from quality.values import Status


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


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


def newest() -> Artifact:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["orders-prod-quality"]))
        (found,) = client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=1)
    return found


def summary() -> str:
    return str(newest().data)


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
    assert "* quarantine: 2 of 4 rows quarantined" in said
    assert "was told" in said
    assert history.metrics(repository.config)["status"].to_list() == ["FAILED", "FAILED"]
    page = (repository.root / "reports" / "orders-prod.html").read_text("utf-8")
    assert "<title>FAILED: orders in prod</title>" in page
    assert "@x.org" not in page
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


def test_the_summary_links_to_the_contract_where_the_policy_says_where_files_are_read(
    repository: Repository, sink: Sink
) -> None:
    run(repository, BAD)
    assert "| contract | datasets/orders.yml |" in summary()
    repository.decides(repository_url="https://git.example/shop/quality/blob/main/")
    run(repository, BAD)
    address = "https://git.example/shop/quality/blob/main/datasets/orders.yml"
    assert f"| contract | [datasets/orders.yml](<{address}>) |" in summary()
    run(repository, GOOD)
    assert f"contract: {address} · " in sink.messages[-1]


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


def test_a_history_that_cannot_be_read_costs_the_report_its_trends_only(repository: Repository) -> None:
    run(repository, GOOD)
    (file,) = history.shelf(repository.config).files()
    file.write_bytes(file.read_bytes()[:100])
    assert run(repository, BAD).status is Status.FAILED
    assert "report: without trends: the runs in .quality/history cannot be read" in summary()
    assert "<title>FAILED: orders in prod" in (repository.root / "reports" / "orders-prod.html").read_text("utf-8")


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


def test_a_long_check_shows_its_progress_and_a_short_one_leaves_none(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(repository, GOOD).status is Status.PASSED
    assert progress_of("orders-prod-quality-progress") == []
    monkeypatch.setattr(progress, "AFTER_SECONDS", 0.05)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.05)
    slow = pl.LazyFrame(GOOD).map_batches(held_up)
    config = repository.config

    @flow
    def slow_check() -> Any:
        return data_quality_check_task(slow, config=config)

    slow_check()
    (bar,) = progress_of("orders-prod-quality-progress")
    assert (bar.type, bar.data) == ("progress", 100.0)
    assert str(bar.description).startswith("2 of 2 rules judged in ")


def held_up(rows: pl.DataFrame) -> pl.DataFrame:
    time.sleep(0.2)
    return rows


def progress_of(key: str) -> list[Artifact]:
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))


def test_rows_that_could_not_be_set_apart_fail_the_run(repository: Repository) -> None:
    repository.says(quarantine={"path": "policy.yml"})
    with pytest.raises(QuarantineError, match="could not be quarantined"):
        run(repository, GOOD)
    assert "rows could not be quarantined in policy.yml" in summary()


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


@pytest.fixture
def pool(repository: Repository, api: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(automations, "LATE_AFTER", timedelta(seconds=10))
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name="orders-dev", type="process"))
    return "orders-dev"


def test_alarms_are_made_once_and_kept_as_the_repository_says(
    repository: Repository, pool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alarms"]) == 0
    capsys.readouterr()
    assert main(["alarms"]) == 0
    assert capsys.readouterr().out.count("current") == 4
    channels = repository.policy["defaults"]["notifications"]
    repository.decides(notifications=[*channels, *channels])
    assert main(["alarms", "--env", "prod"]) == 0
    assert capsys.readouterr().out.count("updated") == 4
    with get_client(sync_client=True) as client:
        names = [one.name for one in client.read_automations()]
    assert sorted(name for name in names if name.startswith(pool)) == [
        "orders-dev: a check crashed",
        "orders-dev: a check failed without a verdict",
        "orders-dev: a check never started",
        "orders-dev: a check went silent",
    ]


UNREAD: State = Failed(
    message="Flow run encountered an exception: ConfigurationError: datasets/orders.yml:6: rule 1: …"
)
VERDICTS = (
    "orders: FAILED — 0 of 1 rules passed",
    "orders (day=1): ERROR — the source is not there",
    "orders: SKIPPED — 0 of 1 rules passed",
    "Flow run encountered an exception: DataQualityError: orders: FAILED — 0 of 1 rules passed",
)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (Crashed(), "crashed"),
        (Late(), "has not started"),
        (UNREAD, "failed without a verdict"),
        (Failed(name="TimedOut", message="Flow run exceeded timeout of 3.0 second(s)"), "failed without a verdict"),
    ],
    ids=["crashed", "never started", "wrong contract", "timed out"],
)
def test_operators_hear_of_a_run_that_could_not_speak(
    repository: Repository, sink: Sink, pool: str, state: State, said: str
) -> None:
    assert main(["alarms"]) == 0
    with get_client(sync_client=True) as client:
        flow = client.create_flow(check_dataset)
        deployment = client.create_deployment(flow, name="orders-prod", work_pool_name=pool, parameters={})
        for verdict in VERDICTS:  # of which the check itself tells
            known = client.create_flow_run_from_deployment(deployment)
            client.set_flow_run_state(known.id, Failed(message=verdict), force=True)
        run = client.create_flow_run_from_deployment(deployment)
        client.set_flow_run_state(run.id, state, force=True)
    (message,) = _wait_for(lambda: [one for one in sink.messages if said in one], 60)
    assert message.startswith("prod: a check ")
    assert run.name in message
    assert not [one for one in sink.messages if "FAILED —" in one]


def test_a_run_that_waits_or_timed_out_is_not_taken_for_a_silent_one(repository: Repository) -> None:
    (silent,) = (one for one in automations.watches("orders-dev") if one.name == "went silent")
    there = EventTrigger.model_validate(silent.trigger.model_dump())
    for name in ("Paused", "Suspended", "TimedOut", "Failed", "heartbeat"):
        assert there.expects(f"prefect.flow-run.{name}"), name


def test_operators_read_history_and_report_at_a_terminal(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    run(repository, BAD)
    run(repository, GOOD)
    capsys.readouterr()
    assert main(["history"]) == 0
    said = capsys.readouterr().out
    assert [said.index(word) for word in ("FAILED", "PASSED", "unique(id)", "OPENED", "RECOVERED")]
    assert main(["report"]) == 0
    assert Path(capsys.readouterr().out.strip()) == repository.root / "reports" / "orders-prod.html"
    assert main(["redrive"]) == 0
    assert "no dataset asks for a quarantine" in capsys.readouterr().out
    repository.says(quarantine={"path": "out"})
    run(repository, BAD)
    capsys.readouterr()
    assert main(["redrive", "orders"]) == 0
    assert capsys.readouterr().out == "orders in prod: quarantine: 0 of 2 rows released, 2 stay\n"


def test_the_summary_is_read_on_a_page_of_prefects_own_ui(repository: Repository, api: str, tmp_path: Path) -> None:
    run(repository, BAD)
    page = f"{api.removesuffix('/api')}/artifacts/artifact/{newest().id}"
    waiting = ("--virtual-time-budget=30000", "--timeout=60000")
    drawn = browser.dom(page, tmp_path / "profile", *waiting)
    assert "orders in prod: FAILED" in drawn
    assert "What to do:" in drawn
    assert "2 of 4 rows (50 %) break the rule" in drawn
    browser.screenshot(page, "artifact", tmp_path / "profile", *waiting)


def named(repository: Repository, sink: Sink, name: str) -> dict[str, str]:
    """Another channel to the same endpoint."""
    SlackWebhook(url=SecretStr(f"json://{sink.place}/token")).save(name, overwrite=True, _sync=True)  # type: ignore[call-arg]
    return {"channel": "slack", "block": f"slack-webhook/{name}"}


def test_a_channel_that_is_renamed_while_incidents_are_open_hears_since_when_and_the_old_one_is_named_once(
    repository: Repository, sink: Sink
) -> None:
    run(repository, BAD)
    (opened,) = sink.messages
    (old,) = repository.policy["defaults"]["notifications"]
    repository.decides(notifications=[named(repository, sink, f"new-{sink.server.server_port}")])
    run(repository, BAD)
    assert sink.messages[1].startswith("FAILED: orders in prod: 2 incidents opened")
    since = [one.partition("since ")[2] for one in opened.splitlines() if "since " in one]
    assert [one.partition("since ")[2] for one in sink.messages[1].splitlines() if "since " in one] == since
    left = f"{old['block']} was not told: it has left policy.yml"
    assert left in summary().replace("\\", "")
    assert "unique(id), in\\_range" in summary() or "unique(id), in_range" in summary()
    run(repository, BAD)
    assert left not in summary().replace("\\", "")
    assert len(sink.messages) == 2
    repository.decides(notifications=[old])
    run(repository, GOOD)
    assert len(sink.messages) == 2, "it was told nothing of, and the other one has left"
    assert "it has left policy.yml" in summary()


def test_what_was_open_with_the_last_channel_is_said_when_there_is_none(repository: Repository, sink: Sink) -> None:
    run(repository, BAD)
    repository.decides(notifications=[])
    run(repository, GOOD)
    assert "it has left policy.yml, and nobody tells it how this ends" in summary()
    run(repository, GOOD)
    assert "it has left policy.yml" not in summary()


def test_an_incident_that_comes_to_concern_others_is_not_said_to_have_recovered(
    repository: Repository, sink: Sink
) -> None:
    (channel,) = repository.policy["defaults"]["notifications"]
    repository.decides(notifications=[channel | {"owners": ["@orders-team"]}])
    run(repository, BAD)
    repository.says(owner="@other-team")
    run(repository, BAD)
    assert sink.messages[1].startswith("FAILED: orders in prod: 2 incidents no longer for this channel")
    run(repository, GOOD)
    assert len(sink.messages) == 2


def test_a_history_that_lies_elsewhere_now_is_said_to_begin_anew(repository: Repository, sink: Sink) -> None:
    first = "this is the first run that {} knows of"
    run(repository, BAD)
    assert first.format(".quality/history") in summary()
    run(repository, BAD)
    assert "the first run" not in summary()
    repository.decides(history={"path": "elsewhere"})
    run(repository, BAD)
    assert first.format("elsewhere") in summary()
    assert len(sink.messages) == 2, "what is open is told anew"
    repository.decides(notifications=[], history={"path": "third"})
    run(repository, BAD)
    assert "the first run" not in summary(), "nobody relies on one"
