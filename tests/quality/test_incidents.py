from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from quality.contract.config import CheckConfig
from quality.contract.policy import Notification, Silence
from quality.contract.times import is_over
from quality.history.runs import MESSAGES
from quality.operations.incidents import THE_RUN, Incident, Kind, due, told
from quality.provenance import RunMetadata
from quality.result import CheckResult, RuleResult
from quality.values import Severity, Status

START = datetime(2024, 6, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGER = Notification(channel="webhook", block="custom-webhook/pager")
PAGING = Notification(channel="pagerduty", block="pager-duty-webhook/night")
TEAM = Notification(channel="slack", block="slack-webhook/team", severities=(Severity.ERROR, Severity.WARNING))
CONFIG = CheckConfig(dataset="orders", owner="@orders-team", environment="prod", remind_after_hours=6)
P, F, W, S, E = Status.PASSED, Status.FAILED, Status.WARNING, Status.SKIPPED, Status.ERROR


class Night:
    """Runs, an hour apart, and what one channel is told after each; a delivery fails when it is down."""

    def __init__(self, channel: Notification = PAGER, silences: tuple[Silence, ...] = ()) -> None:
        self.channel, self.silences, self.now = channel, silences, START
        self.messages, self.config = MESSAGES.to_frame(), CONFIG

    def run(
        self, *rules: RuleResult, status: Status = Status.FAILED, down: bool = False, rows: int | None = None
    ) -> list[tuple[str, str]]:
        return [(one.rule, str(one.kind)) for one in self.incidents(*rules, status=status, down=down, rows=rows)]

    def incidents(
        self, *rules: RuleResult, status: Status, down: bool = False, rows: int | None = None
    ) -> list[Incident]:
        about = RunMetadata(dataset="orders", environment="prod")
        result = CheckResult(status=status, rules=rules, timestamp=self.now, metadata=about, row_count=rows)
        found = due(result, self.config, self.channel, told(self.messages, self.channel.block, self.now), self.silences)
        new = pl.DataFrame([self.row(one, down) for one in found], schema=MESSAGES)
        self.messages = pl.concat([self.messages, new])
        self.now += HOUR
        return found

    def row(self, incident: Incident, down: bool) -> dict[str, object]:
        ok = incident.kind.is_told and not down
        return {
            "rule": incident.rule,
            "kind": str(incident.kind),
            "ok": ok,
            "at": self.now,
            "block": self.channel.block,
            "number": self.messages.height,
        }


def rule(name: str, status: Status, severity: Severity = Severity.ERROR, segment: str | None = None) -> RuleResult:
    failed = 0 if status in (P, S) else 3
    return RuleResult(
        rule_name=name,
        check="not_null",
        severity=severity,
        status=status,
        message="it is so",
        failed_count=failed,
        total_count=10,
        segment=segment,
        by=segment and "country",
    )


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(days=400)], ids=["some hours", "a year"])
@pytest.mark.parametrize("channel", [PAGER, PAGING], ids=["chat", "page"])
def test_what_a_clock_that_was_ahead_has_told_hides_nothing_that_comes_after(
    ahead: timedelta, channel: Notification
) -> None:
    night, failed, holds = Night(channel), rule("id", F, Severity.CRITICAL), rule("id", P)
    night.now += ahead
    assert night.run(failed) == [("id", "OPENED")]
    night.now = START + HOUR
    (reminder,) = night.incidents(failed, status=F)
    assert (str(reminder.kind), reminder.since) == ("REMINDER", START + HOUR)
    assert night.run(failed) == []
    ended = [("id", "RECOVERED" if channel is PAGER else "CLOSED")]
    assert night.run(holds, status=P) == ended
    assert night.run(holds, status=P) == []
    assert night.run(failed) == [("id", "OPENED")]


def test_one_message_when_it_opens_none_while_it_lasts_one_when_it_recovers() -> None:
    night = Night()
    assert night.run(rule("a", P), status=P) == []
    assert night.run(rule("a", F)) == [("a", "OPENED")]
    assert night.run(rule("a", F)) == []
    assert night.run(rule("a", F)) == []
    assert night.run(rule("a", P), status=P) == [("a", "RECOVERED")]
    assert night.run(rule("a", P), status=P) == []
    assert night.run(rule("a", F)) == [("a", "OPENED")]


def test_every_rule_has_its_own_incident() -> None:
    night = Night()
    assert night.run(rule("a", F), rule("b", P)) == [("a", "OPENED")]
    assert night.run(rule("a", F), rule("b", F)) == [("b", "OPENED")]
    assert night.run(rule("a", P), rule("b", F)) == [("a", "RECOVERED")]


def test_an_open_incident_is_told_again_after_the_stated_time_and_since_when() -> None:
    night = Night()
    kinds = [night.incidents(rule("a", F), status=F) for _ in range(13)]
    assert [str(one[0].kind) if one else "" for one in kinds] == [
        "OPENED",
        *[""] * 5,
        "REMINDER",
        *[""] * 5,
        "REMINDER",
    ]
    assert kinds[12][0].since == START


def test_what_could_not_be_judged_neither_opens_nor_recovers_a_rule() -> None:
    night = Night()
    assert night.run(rule("a", S), rule("b", P), status=P) == []
    assert night.run(rule("a", F), rule("b", P)) == [("a", "OPENED")]
    assert night.run(rule("a", S), rule("b", P), status=P) == []
    assert night.run(rule("a", P), rule("b", P), status=P) == [("a", "RECOVERED")]


def test_a_channel_that_was_down_hears_of_it_at_the_next_run_with_the_time_it_began() -> None:
    night = Night()
    assert night.run(rule("a", F), down=True) == [("a", "OPENED")]
    (late,) = night.incidents(rule("a", F), status=F)
    assert (late.kind, late.since) == (Kind.OPENED, START)
    assert night.run(rule("a", P), status=P, down=True) == [("a", "RECOVERED")]
    assert night.run(rule("a", P), status=P) == [("a", "RECOVERED")]
    assert night.run(rule("a", P), status=P) == []


def test_nobody_hears_of_a_recovery_from_what_nobody_was_told() -> None:
    night = Night()
    night.run(rule("a", F), down=True)
    assert night.run(rule("a", P), status=P, down=True) == [("a", "CLOSED")]
    (again,) = night.incidents(rule("a", F), status=F)
    assert (again.kind, again.since) == (Kind.OPENED, START + 2 * HOUR)


TEXTS = "parses(id, Int64)"
"""What a source adds where texts are no values: it is in no result where they are."""


@pytest.mark.parametrize("channel", [PAGER, PAGING], ids=["message", "page"])
def test_nothing_recovers_by_a_source_that_cannot_be_read(channel: Notification) -> None:
    night = Night(channel)
    assert night.run(rule("a", F), rule(TEXTS, F)) == [("a", "OPENED"), (TEXTS, "OPENED")]
    assert night.run(rule("a", E), status=E) == []
    assert night.run(rule("a", F), rule(TEXTS, F)) == []
    ended = night.incidents(rule("a", P), status=P)
    assert [(one.rule, one.line) for one in ended] == [("a", "holds again"), (TEXTS, "holds again")]
    assert night.run(status=S) == [(THE_RUN, "OPENED")]
    assert night.run(rule("a", E), status=E) == [("a", "OPENED")]
    assert sorted(one for one, _ in night.run(rule("a", P), status=P)) == ["a", THE_RUN]


def test_a_rule_that_left_the_contract_is_over_once_there_is_a_verdict() -> None:
    night = Night()
    night.run(rule("a", F), rule("b", F))
    assert night.run(rule("b", E), status=E) == []
    assert [one.line for one in night.incidents(rule("b", F), status=F)] == ["left the contract"]


@pytest.mark.parametrize(("named", "told"), [("a", "OPENED"), (None, "SILENCED")])
def test_a_silence_of_a_rule_hides_no_source_that_cannot_be_read(named: str | None, told: str) -> None:
    silence = Silence(dataset="orders", rule=named, until=date(2024, 6, 1), reason="a known gap")
    night = Night(silences=(silence,))
    assert night.run(rule("a", F)) == [("a", "SILENCED")]
    assert night.run(rule("a", E), status=E) == [("a", told)]
    assert night.run(rule("a", E), rule("b", P), status=E) == ([("a", "SILENCED")] if named is None else [])
    gone = Night(silences=(silence,))
    assert gone.run(rule("a", E), status=E, rows=9) == [("a", "SILENCED")], "its column is gone, and the data is there"


def test_a_silence_ends_on_its_day_and_then_the_incident_is_told() -> None:
    silence = Silence(dataset="orders", rule="a", until=date(2024, 6, 1), reason="a known gap")
    night = Night(silences=(silence,))
    (quiet,) = night.incidents(rule("a", F), status=F)
    assert (quiet.kind, quiet.note) == (Kind.SILENCED, "silenced until 2024-06-01: a known gap")
    assert night.run(rule("a", F), rule("b", F)) == [("a", "SILENCED"), ("b", "OPENED")]
    night.now = datetime(2024, 6, 2, tzinfo=UTC)
    assert night.run(rule("a", F), rule("b", F)) == [("a", "OPENED"), ("b", "REMINDER")]


@pytest.mark.parametrize(
    ("silence", "silenced"),
    [
        ({"dataset": "orders"}, True),
        ({"dataset": "orders", "rule": "b"}, False),
        ({"dataset": "orders", "environment": "dev"}, False),
        ({"dataset": "users"}, False),
        ({"dataset": "orders", "until": date(2024, 5, 31)}, False),
    ],
    ids=["every rule", "another rule", "another environment", "another dataset", "expired"],
)
def test_a_silence_is_of_what_it_names(silence: dict[str, str | date], silenced: bool) -> None:
    night = Night(silences=(Silence.model_validate({"until": date(2024, 6, 1), "reason": "known"} | silence),))
    assert night.run(rule("a", F)) == [("a", "SILENCED" if silenced else "OPENED")]


@pytest.mark.parametrize(
    ("found", "pager", "team"),
    [
        (rule("a", F, Severity.CRITICAL), True, False),
        (rule("a", F, Severity.WARNING), False, True),
        (rule("a", F, Severity.INFO), False, False),
        (rule("a", W, Severity.CRITICAL), False, True),
        (rule("a", E, Severity.INFO), True, True),
    ],
    ids=["critical", "warning", "info", "a critical rule that warns", "an error"],
)
def test_a_channel_hears_of_its_severities_and_of_every_error(found: RuleResult, pager: bool, team: bool) -> None:
    assert [bool(Night(channel).run(found)) for channel in (PAGER, TEAM)] == [pager, team]


@pytest.mark.parametrize(("owners", "heard"), [((), True), (("@orders-team",), True), (("@users-team",), False)])
def test_a_channel_hears_of_its_owners(owners: tuple[str, ...], heard: bool) -> None:
    assert bool(Night(PAGER.model_copy(update={"owners": owners})).run(rule("a", F))) is heard


def test_a_run_that_judged_nothing_is_an_incident_of_its_own() -> None:
    night = Night()
    assert night.run(rule("a", S), status=S) == [(THE_RUN, "OPENED")]
    assert night.run(rule("a", S), status=S) == []
    assert night.run(rule("a", F)) == [(THE_RUN, "RECOVERED"), ("a", "OPENED")][::-1]


def test_segments_of_a_rule_are_one_incident() -> None:
    night = Night()
    (one,) = night.incidents(
        rule("a", F, segment="DE"), rule("a", P, segment="FR"), rule("a", F, segment="IT"), status=F
    )
    assert (one.rule, one.line) == ("a", "FAILED [error]: 6 of 20 (30 %), in 2 of 3 segments")
    assert night.run(rule("a", F, segment="DE"), rule("a", P, segment="FR")) == []
    assert night.run(rule("a", P, segment="DE"), rule("a", S, segment="FR"), status=P) == [("a", "RECOVERED")]


def test_a_rule_that_left_the_contract_has_no_open_incident() -> None:
    night = Night()
    night.run(rule("a", F), rule("b", P))
    assert night.run(rule("b", P), status=P) == [("a", "RECOVERED")]


def test_a_rule_that_now_only_warns_is_over_for_the_pager() -> None:
    night = Night()
    night.run(rule("a", F))
    assert night.run(rule("a", W), status=W) == [("a", "RECOVERED")]


@pytest.mark.parametrize("pager", ["pagerduty/pager-duty-webhook", "opsgenie/opsgenie-webhook"])
def test_nobody_is_woken_to_hear_that_all_is_well(pager: str) -> None:
    channel, _, kind = pager.partition("/")
    night = Night(Notification.model_validate({"channel": channel, "block": f"{kind}/night"}))
    assert night.run(rule("a", F)) == [("a", "OPENED")]
    assert night.run(rule("a", P), status=P) == [("a", "CLOSED")]
    assert night.run(rule("a", P), status=P) == []
    assert night.run(rule("a", F)) == [("a", "OPENED")]


def test_a_page_is_closed_with_the_last_of_its_incidents() -> None:
    night = Night(PAGING)
    assert night.run(rule("a", F), rule("b", F)) == [("a", "OPENED"), ("b", "OPENED")]
    (first,) = night.incidents(rule("a", P), rule("b", F), status=F)
    assert (first.ends_page, first.note) == (False, "the page stays open for other incidents")
    (last,) = night.incidents(rule("a", P), rule("b", P), status=P)
    assert last.ends_page


def test_somebody_is_paged_only_after_so_many_failures_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CONFIG", CONFIG.model_copy(update={"page_after": 3}))
    night = Night(PAGING)
    assert night.run(rule("a", F)) == [("a", "WAITING")]
    assert night.run(rule("a", F)) == [("a", "WAITING")]
    assert night.run(rule("a", P), status=P) == [("a", "CLOSED")]
    assert night.run(rule("a", F)) == [("a", "WAITING")]
    assert night.run(rule("a", F)) == [("a", "WAITING")]
    assert night.run(rule("a", F)) == [("a", "OPENED")]
    assert night.run(rule("a", F)) == []
    assert Night(TEAM).run(rule("a", F)) == [("a", "OPENED")]


@pytest.mark.parametrize("hours", [1, 30, -1, -30])
@pytest.mark.parametrize("channel", [PAGER, PAGING], ids=["message", "page"])
def test_a_clock_that_is_wrong_for_a_run_repeats_and_loses_no_message(channel: Notification, hours: int) -> None:
    """The second of these runs is on a machine whose clock is so many hours ahead, or behind."""
    for nights in ("PFFFP", "FPPPP", "FPFPF", "FFPPF", "PFPFF"):
        ends = "CLOSED" if channel.pages else "RECOVERED"
        night, heard = Night(channel), list[list[tuple[str, str]]]()
        night.config = CONFIG.model_copy(update={"remind_after_hours": None})
        for number, letter in enumerate(nights):
            status = {"P": P, "F": F}[letter]
            night.now += timedelta(hours={1: hours, 2: -hours}.get(number, 0))
            heard.append(night.run(rule("a", status), status=status))
        before = zip(" " + nights, nights, strict=False)
        wanted = {" F": "OPENED", "PF": "OPENED", "FP": ends}
        assert heard == [[("a", wanted[one + other])] if one + other in wanted else [] for one, other in before], nights


def test_who_was_told_by_a_clock_that_was_far_ahead_is_reminded_all_the_same() -> None:
    night = Night()
    night.now += timedelta(days=400)
    assert night.run(rule("a", F)) == [("a", "OPENED")]
    night.now -= timedelta(days=400)
    assert night.run(rule("a", F)) == [("a", "REMINDER")]
    assert night.run(rule("a", F)) == []


def test_messages_of_earlier_releases_come_before_those_that_are_numbered() -> None:
    night = Night()
    night.now += timedelta(hours=3)
    night.run(rule("a", F))
    night.messages = night.messages.with_columns(number=pl.lit(None, pl.Int64))
    night.now -= timedelta(hours=3)
    assert night.run(rule("a", P), status=P) == [("a", "RECOVERED")]
    assert night.run(rule("a", P), status=P) == []


@pytest.mark.parametrize(
    "named",
    [
        [{"severities": ["critical"]}, {"severities": ["error", "warning"]}],
        [{"owners": ["@users-team"]}, {"owners": ["@orders-team"], "severities": ["error"]}],
        [{"severities": ["error"]}, {"severities": ["warning"], "owners": ["@users-team"]}],
    ],
)
def test_a_block_that_is_named_twice_hears_of_each_incident_once(named: list[dict[str, object]]) -> None:
    channels = tuple(
        Notification.model_validate({"channel": "webhook", "block": "custom-webhook/pager"} | one) for one in named
    )
    for channel in channels:
        night = Night(channel)
        night.config = CONFIG.model_copy(update={"notifications": channels})
        assert night.run(rule("a", F)) == [("a", "OPENED")]
        assert night.run(rule("a", F)) == []
        assert night.run(rule("a", P), status=P) == [("a", "RECOVERED")]


@pytest.mark.parametrize(
    ("zone", "clock", "silenced"),
    [
        ("Pacific/Kiritimati", "2024-06-02 09:00", True),
        ("Pacific/Kiritimati", "2024-06-02 14:00", False),
        ("America/St_Johns", "2024-06-01 21:00", True),
        ("America/St_Johns", "2024-06-01 21:30", False),
        ("UTC", "2024-06-01 23:59", True),
    ],
)
def test_the_last_day_of_a_silence_and_of_a_waiver_ends_at_midnight_in_utc(
    zone: str, clock: str, silenced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        night = Night(silences=(Silence(dataset="orders", until=date(2024, 6, 1), reason="known"),))
        night.now = datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone))
        assert night.run(rule("a", F)) == [("a", "SILENCED" if silenced else "OPENED")]
        assert is_over(date(2024, 6, 1), night.now - HOUR) is not silenced
    finally:
        monkeypatch.undo()
        time.tzset()
