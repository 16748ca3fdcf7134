"""Earlier nights judged again from kept states say what their checks said, and nothing is read for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import histories
import polars as pl
import pytest

from quality.__main__ import main
from quality.checking import check
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.file_states.nights import UNREAD, again, nights
from quality.file_states.opening import ignored
from quality.file_states.store import Store
from quality.history.runs import append
from quality.result import CheckResult
from quality.sources.typed import SAMPLE
from quality.values import Status

CONTRACT = """
dataset: orders
owner: "@shop"
source: {{path: "data/*.parquet"}}
key: [id]
rules:
  - {{check: not_null, column: id}}
  - {{check: unique, column: id}}
  - {{check: max, column: amount, at_most: {most}}}
  - {{check: not_future, column: day, max_failure_rate: {rate}}}
{more}"""
POLICY = """
domain: shop
defaults:
  retries: {count: 0, delay_seconds: 0, reason: a test}
  cache: {enabled: false, reason: a test}
  work_pool: shop
environments:
  dev: {}
"""
Asked = Callable[..., Any]
Shown = Callable[..., str]
PAGE = Path(__file__).parents[2] / "template" / "docs" / "states.md"
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


def write(most: int = 100, rate: float = 0.0, more: str = "") -> None:
    Path("datasets/orders.yml").write_text(CONTRACT.format(most=most, rate=rate, more=more), "utf-8")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[CheckResult]:
    """A repository with five nights, each with a file more, the fourth with a key that repeats; what they said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    for folder in ("data", "datasets"):
        Path(folder).mkdir()
    Path("policy.yml").write_text(POLICY, "utf-8")
    write()
    said = []
    for number in range(5):
        ids = [number * 10 + one for one in range(10)] if number != 3 else [*range(30, 39), 5]
        day = (NOW + timedelta(days=number)).date()
        amounts = [10.0 * number + one for one in range(10)]
        table = {"id": ids, "amount": amounts, "day": [day] * 10}
        pl.DataFrame(table).write_parquet(f"data/{number}.parquet")
        said.append(check(None, project.load("orders", "dev"), now=NOW + timedelta(days=number)))
    for words in ("init -q -b main .", "add -A", "-c user.name=a -c user.email=a@b commit -qm one"):
        subprocess.run(["git", *words.split()], check=True)
    return said


@pytest.fixture
def replayed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def asked(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["replay", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return asked


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def asked(*words: str) -> str:
        capsys.readouterr()
        assert main(["replay", *words]) == 0
        return capsys.readouterr().out

    return asked


def test_nights_say_again_what_they_said(shop: list[CheckResult], replayed: Asked, shown: Shown) -> None:
    answer = replayed()
    (found,) = answer["datasets"]
    assert [night["was"] for night in found["nights"]] == [str(result.status) for result in shop[1:]]
    assert [night["would_be"] for night in found["nights"]] == [str(result.status) for result in shop[1:]]
    assert [night["alarm"] for night in found["nights"]] == ["none", "none", "same", "same"]
    assert {name for night in found["nights"] for name in night["failing"]} == {"unique(id)"}
    assert [night["unanswered"] + [night["problem"]] for night in found["nights"]] == [[None]] * 4


def test_other_bounds_alarm_on_other_nights_and_no_data_is_needed(
    shop: list[CheckResult], replayed: Asked, shown: Shown
) -> None:
    for file in Path("data").iterdir():
        file.unlink()
    write(most=25)
    (found,) = replayed()["datasets"]
    assert [night["alarm"] for night in found["nights"]] == ["none", "new", "same", "same"]
    assert found["nights"][1]["failing"] == ["max(amount, at_most=25)"]
    (before,) = replayed("--rules", "HEAD")["datasets"]
    assert [night["alarm"] for night in before["nights"]] == ["none", "none", "same", "same"]
    (late,) = replayed("--from", "2026-11-23")["datasets"]
    assert [night["at"][:10] for night in late["nights"]] == ["2026-11-23", "2026-11-24"]


@pytest.mark.parametrize("words", ["orders --from 2026-11-01", "orders --rules main", "--markdown"])
def test_the_commands_of_the_page_run(words: str, shop: list[CheckResult], shown: Shown) -> None:
    assert f"nox -s replay -- {words}" in " ".join(PAGE.read_text("utf-8").split())
    assert "of 4 nights 2 would have alarmed, and 2 did" in shown(*words.split())


def test_a_rule_without_states_is_named_and_the_others_are_judged(
    shop: list[CheckResult], replayed: Asked, shown: Shown
) -> None:
    write(more="  - {check: max_length, column: id, value: 3}\n  - {check: mean, column: amount, at_least: 0}\n")
    (found,) = replayed()["datasets"]
    assert {name for night in found["nights"] for name in night["unanswered"]} == {"mean(amount, at_least=0)"}
    assert [night["would_be"] for night in found["nights"]] == ["ERROR"] * 2 + ["FAILED"] * 2, "ids are no text"
    text = shown("--markdown")
    assert "of 4 nights 4 would have alarmed, and 2 did" in text
    assert "| 2026-11-21 06:00 UTC | PASSED | ERROR | new alarm |" in text
    assert "not judged: mean(amount, at_least=0)" in text
    assert "of 4 nights 4 would have alarmed, and 2 did" in shown()


def test_no_alarm_is_gone_where_a_rule_that_could_alarm_is_not_judged(
    shop: list[CheckResult], replayed: Asked, shown: Shown
) -> None:
    contract = Path("datasets/orders.yml")
    softer = contract.read_text("utf-8").replace("column: id}", "column: id, severity: info}")
    new = "  - {check: mean, column: amount, at_least: 0, severity: SEVERITY}\n"
    contract.write_text(softer + new.replace("SEVERITY", "error"), "utf-8")
    (found,) = replayed()["datasets"]
    assert [(night["would_be"], night["alarm"]) for night in found["nights"]] == [("PASSED", None)] * 4
    said = "of 4 nights 0 would have alarmed, and 2 did; of 4 it is not known, as rules that would alarm are not judged"
    assert said in shown()
    assert "| FAILED | PASSED | not known |" in shown("--markdown")
    contract.write_text(softer + new.replace("SEVERITY", "warning"), "utf-8")
    (found,) = replayed()["datasets"]
    assert [night["alarm"] for night in found["nights"]] == ["none", "none", "gone", "gone"]


@pytest.mark.parametrize(
    ("severity", "more", "said"),
    [
        ("warning", 2, "| FAILED | FAILED | not known |"),
        ("warning", 0, "| FAILED | WARNING | not known |"),
        ("error", 0, "| FAILED | WARNING | not known |"),
    ],
    ids=["more rules make it a smaller share", "one that fails makes it a greater share", "one that fails at all"],
)
def test_a_share_of_failed_rules_is_known_once_all_are_judged(
    severity: str, more: int, said: str, shop: list[CheckResult], shown: Shown
) -> None:
    """Of four or five rules one fails; the others are judged by nobody."""
    unread = f"  - {{check: mean, column: amount, at_least: 0, severity: {severity}, name: N}}\n"
    shares = f"warning_threshold: {0.2 if more else 0.25}\nrules:"
    write(more="".join(unread.replace("N", f"mean {n}") for n in range(more or 1)))
    contract = Path("datasets/orders.yml")
    contract.write_text(contract.read_text("utf-8").replace("rules:", shares), "utf-8")
    assert said in shown("--markdown")


def test_of_a_rule_with_segments_nobody_knows_the_share_that_fails(shop: list[CheckResult], replayed: Asked) -> None:
    write(more="  - {check: mean, column: amount, at_least: 0, by: id}\n")
    contract = Path("datasets/orders.yml")
    contract.write_text(contract.read_text("utf-8").replace("rules:", "warning_threshold: 0.9\nrules:"), "utf-8")
    assert [night["alarm"] for night in replayed()["datasets"][0]["nights"]] == [None] * 4


def test_no_row_that_is_judged_is_an_alarm_unless_that_may_be(shop: list[CheckResult], replayed: Asked) -> None:
    """As a check without `allow_empty` is no success, and people are told."""
    contract = Path("datasets/orders.yml")
    nobody = "rules:\n  - {check: max, column: amount, at_most: 1, where: id < 0}\n"
    judged = contract.read_text("utf-8").split("rules:")[0]
    contract.write_text(judged + nobody, "utf-8")
    unread = [night["unanswered"] for night in replayed()["datasets"][0]["nights"]]
    assert unread == [["max(amount, at_most=1) where id < 0"]] * 4
    again = check(None, project.load("orders", "dev"), now=NOW + timedelta(days=5))
    assert not again.is_success
    *_, night = replayed()["datasets"][0]["nights"]
    assert (night["was"], night["alarmed"], night["would_be"], night["alarm"]) == ("SKIPPED", True, "SKIPPED", "same")
    contract.write_text(f"{judged}allow_empty: true\n{nobody}", "utf-8")
    *_, night = replayed()["datasets"][0]["nights"]
    assert (night["alarmed"], night["would_be"], night["alarm"]) == (True, "SKIPPED", "gone")


def test_files_without_rows_pass_nothing(tmp_path: Path, shop: list[CheckResult], replayed: Asked) -> None:
    for file in Path("data").iterdir():
        pl.read_parquet(file).clear().write_parquet(file)
    write(more="  - {check: column_exists, column: id}\n")
    assert check(None, project.load("orders", "dev"), now=NOW + timedelta(days=9)).status is Status.SKIPPED
    *_, night = replayed()["datasets"][0]["nights"]
    assert (night["would_be"], night["alarm"]) == ("SKIPPED", "same")


def test_a_night_that_was_looked_at_again_is_not_its_own_past(shop: list[CheckResult], replayed: Asked) -> None:
    """By another configuration, so that history has both looks."""
    write(more="  - {check: row_count, min: 1}\n")
    for number in range(6):
        run(NOW + timedelta(days=6 + number))
        rows = pl.read_parquet("data/0.parquet").with_columns(pl.col("id") + 100 * (number + 1))
        rows.write_parquet(f"data/{number + 5}.parquet")
    run(NOW + timedelta(days=12))
    write(more="  - {check: volume, max_change: 0.5, window: 1}\n  - {check: row_count, min: 2}\n")
    said = run(NOW + timedelta(days=12, hours=3))
    volume = {rule.rule_name: rule for rule in said.rules}["volume(max_change=0.5, window=1)"]
    write(more="  - {check: volume, max_change: 0.05, window: 1}\n")
    *_, night = replayed()["datasets"][0]["nights"]
    assert "it is 110; the median, 100, allows 50 to 150" in volume.message
    assert "volume(max_change=0.05, window=1)" in night["failing"]


def test_a_version_that_is_checked_for_other_columns_is_one_night(shop: list[CheckResult], replayed: Asked) -> None:
    """Its states have other keys, as nothing of a sensitive column is kept."""
    contract = Path("datasets/orders.yml")
    contract.write_text(contract.read_text("utf-8").replace("rules:", "sensitive: [amount]\nrules:"), "utf-8")
    check(None, project.load("orders", "dev"), now=NOW + timedelta(days=4, hours=2))
    (found,) = replayed()["datasets"]
    assert [night["at"][:13] for night in found["nights"]][-2:] == ["2026-11-23T06", "2026-11-24T08"]
    assert len(found["nights"]) == 4


def test_nights_that_were_read_in_another_way_are_not_judged(shop: list[CheckResult], replayed: Asked) -> None:
    contract = Path("datasets/orders.yml")
    text = contract.read_text("utf-8")
    contract.write_text(text.replace('"data/*.parquet"}', '"data/[0-9].parquet"}'), "utf-8")
    assert [night["problem"] for night in replayed()["datasets"][0]["nights"]] == [None] * 4
    contract.write_text(text.replace('"data/*.parquet"}', '"data/*.parquet", evolution: [new_columns]}'), "utf-8")
    said = "its files were read in another way than `source` says, so states of them say nothing"
    assert [night["problem"] for night in replayed()["datasets"][0]["nights"]] == [said] * 4
    assert [night["problem"] for night in replayed("--rules", "main")["datasets"][0]["nights"]] == [None] * 4


def test_a_guess_that_other_rules_judge_is_theirs(shop: list[CheckResult], replayed: Asked) -> None:
    """Text that is no number after those that said it is one: a rule about the dtype asks the source for it."""
    lines = [f"{n},{n}" for n in range(SAMPLE)] + [f"{SAMPLE},many"]
    for name in ("0", "1"):
        Path(f"data/{name}.csv").write_text("id,amount\n" + "\n".join(lines) + "\n", "utf-8")
    contract = Path("datasets/orders.yml")
    head = contract.read_text("utf-8").split("rules:")[0].replace("parquet", "csv")
    plain, judging = (
        head + f"rules:\n  - {{check: {rule}}}\n"
        for rule in ("not_null, column: id", "dtype, column: amount, dtype: integer")
    )
    alarms = []
    for number, (first, then) in enumerate(((plain, judging), (judging, plain))):
        contract.write_text(first, "utf-8")
        check(None, project.load("orders", "dev"), now=NOW + timedelta(days=10 + number))
        contract.write_text(then, "utf-8")
        *_, night = replayed()["datasets"][0]["nights"]
        alarms.append((night["was"], night["would_be"], night["unanswered"]))
    rule = "dtype(amount, dtype=integer)"
    assert alarms == [("PASSED", None, [rule]), ("FAILED", None, ["not_null(id)"])]


def test_many_nights_are_a_page_that_a_comment_takes(shop: list[CheckResult], shown: Shown) -> None:
    write(more="".join(f"  - {{check: mean, column: amount, at_least: {n}}}\n" for n in range(40)))
    folder = Path(".quality/states/states/orders/dev")
    for night in [*folder.glob("night.*.parquet")]:
        table = pl.read_parquet(night)
        for copy in range(99):
            other = table.with_columns(version=pl.col("version") + str(copy))
            other.write_parquet(folder / f"{night.stem}{copy}.parquet")
    page = shown("--markdown")
    assert len(page) < 31_000
    assert "more lines: `nox -s replay` shows all of it." in page


def test_nights_that_cannot_be_judged_again_say_why(shop: list[CheckResult], replayed: Asked, shown: Shown) -> None:
    folder = Path(".quality/states/states/orders/dev")
    for night in folder.glob("night.*.parquet"):
        table = pl.read_parquet(night)
        if table.height == 2:
            table.with_columns(made_by=pl.lit("other code")).write_parquet(night)
        if table.height == 3:
            (folder / f"{table['key'][2]}.parquet").unlink()
    nights_said = replayed()["datasets"][0]["nights"]
    problems = [night["problem"] for night in nights_said]
    gone = "the states of 1 of 3 files are not there"
    assert problems[:2] == ["its states were made by another release, or by another Polars", gone]


BROKEN: dict[str, dict[str, Any]] = {
    "a moment without a zone": {"at": "2026-11-20T06:00:00"},
    "no moment": {"at": None},
    "another verdict": {"status": "GOOD"},
    "no references": {"references": "[1]"},
    "a file without a key": {"key": None},
    "columns that are no list": {"judged": None},
    "no word of emptiness": {"allow_empty": None},
}


@pytest.mark.parametrize("wrong", BROKEN.values(), ids=BROKEN)
def test_a_night_that_is_broken_is_none_and_hides_no_other(
    wrong: dict[str, Any], shop: list[CheckResult], replayed: Asked
) -> None:
    folder = Path(".quality/states/states/orders/dev")
    table = pl.read_parquet(next(folder.glob("night.*.parquet")))
    table.with_columns(pl.lit(held).alias(name) for name, held in wrong.items()).write_parquet(
        folder / "night.x.parquet"
    )
    for name, held in {"empty": table.clear(), "other": pl.DataFrame({"a": [1]})}.items():
        held.write_parquet(folder / f"night.{name}.parquet")
    (folder / "night.half.parquet").write_bytes(b"PAR1")
    assert len(replayed()["datasets"][0]["nights"]) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "yesterday"), "--from takes a day such as 2026-11-01, and 'yesterday' is none"),
        (("--rules", "nowhere"), "git knows no commit 'nowhere' here"),
        (("--rules", "main..HEAD"), "'main..HEAD' is a range of commits, and one is meant"),
        (("ordrs",), "there is no dataset 'ordrs'; did you mean 'orders'?"),
    ],
)
def test_wrong_words_are_one_sentence(
    shop: list[CheckResult], replayed: Asked, words: tuple[str, ...], said: str
) -> None:
    answer = replayed(*words, code=2)
    assert said in answer["problem"]


def test_without_kept_states_it_says_what_keeps_them(shop: list[CheckResult], replayed: Asked, shown: Shown) -> None:
    for file in Path(".quality/states").rglob("night.*"):
        file.unlink()
    assert "no night is kept; states are kept of datasets of several files" in shown()


def test_nights_before_the_first_asked_day_are_not_denied(shop: list[CheckResult], shown: Shown) -> None:
    assert "no night since 2036-01-01 is kept; states are kept of datasets" in shown("--from", "2036-01-01")


def run(now: datetime) -> CheckResult:
    """A check that history remembers, as those of a session are."""
    config = project.load("orders", "dev")
    result = check(None, config, now=now).model_copy(update={"timestamp": now})
    append(result, config, now.isoformat())
    return result


@pytest.mark.parametrize(
    ("words", "said", "counts"),
    [
        ((), "; no states are kept of 1 more night that history knows, of which 1 alarmed", (1, 1)),
        (("--from", "2026-11-27"), "; no states are kept of 1 night that history knows, of which 1 alarmed", (1, 1)),
        (("--from", "2026-11-28"), "the last of 5 kept is of 2026-11-26", (0, 0)),
    ],
)
def test_nights_of_which_no_states_are_kept_are_told(
    shop: list[CheckResult], replayed: Asked, shown: Shown, words: tuple[str, ...], said: str, counts: tuple[int, int]
) -> None:
    pl.read_parquet("data/0.parquet").write_parquet("data/5.parquet")
    assert run(datetime(2026, 11, 26, 6, tzinfo=UTC)).status is Status.FAILED
    Path("data/6.parquet").write_bytes(b"half of a fi")
    assert run(datetime(2026, 11, 27, 6, tzinfo=UTC)).status is Status.ERROR
    assert said in shown(*words)
    (found,) = replayed(*words)["datasets"]
    assert (found["without_states"], found["without_states_alarmed"]) == counts


def test_a_check_that_reads_everything_is_a_night_without_states(shop: list[CheckResult], shown: Shown) -> None:
    with ignored():
        pl.read_parquet("data/4.parquet").with_columns(pl.col("id") + 100).write_parquet("data/5.parquet")
        run(datetime(2026, 11, 26, 6, tzinfo=UTC))
    assert "no states are kept of 1 more night that history knows, of which 1 alarmed" in shown()


def test_where_no_night_is_it_says_where_it_looked(shop: list[CheckResult], shown: Shown) -> None:
    shutil.rmtree(".quality/states")
    assert "or where policy.yml says so; none is in .quality/states" in shown()
    Path("policy.yml").write_text(POLICY.replace("defaults:", "defaults:\n  states: {enabled: false}"), "utf-8")
    assert "or where policy.yml says so, and it says `states: {enabled: false}`" in shown()


def test_of_what_is_no_files_it_says_that_no_night_will_be_kept(shop: list[CheckResult], shown: Shown) -> None:
    table = "source: {kind: table, connection: 'duckdb:///shop.duckdb', table: orders}"
    contract = Path("datasets/new.yml")
    text = CONTRACT.format(most=1, rate=0, more="").replace('source: {path: "data/*.parquet"}', table)
    contract.write_text(text.replace("dataset: orders", "dataset: new"), "utf-8")
    Path("policy.yml").write_text(POLICY.replace("defaults:", "defaults:\n  states: {enabled: true}"), "utf-8")
    assert "no night is kept; states are kept of files, and a source of kind table has none" in shown("new")


def test_what_is_looked_at_again_is_not_kept_for_longer(shop: list[CheckResult], shown: Shown) -> None:
    kept = [file for file in Path(".quality/states").rglob("*") if file.is_file()]
    for file in kept:
        os.utime(file, (1e9, 1e9))
    assert "of 4 nights 2 would have alarmed, and 2 did" in shown()
    after = {file: file.stat().st_mtime for file in Path(".quality/states").rglob("*") if file.is_file()}
    assert after == dict.fromkeys(kept, 1e9)


def test_a_store_that_cannot_be_listed_has_not_no_nights(shop: list[CheckResult], replayed: Asked) -> None:
    folder = Path(Store(".quality/states", "orders", "dev").folder)
    shutil.rmtree(folder)
    folder.write_text("no folder", "utf-8")
    assert "the states in .quality/states cannot be read: " in replayed(code=3)["datasets"][0]["problem"]


def test_a_dataset_that_is_new_is_no_fault_of_the_rules_of_a_commit(shop: list[CheckResult], replayed: Asked) -> None:
    Path("datasets/new.yml").write_text(CONTRACT.format(most=1, rate=0, more="").replace(": orders", ": new"), "utf-8")
    new, old = replayed("--rules", "main")["datasets"]
    assert new["note"] == "main has no contract of it, so no night is judged"
    assert len(old["nights"]) == 4
    assert "main has no dataset 'new'" in replayed("new", "--rules", "main", code=2)["datasets"][0]["problem"]


Said = tuple[CheckConfig, CheckResult]


def _here(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> histories.History:
    """A generated history in a repository of its own."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("QUALITY_ROOT", str(folder))
    return histories.History(folder, seed)


def _four_nights(history: histories.History, told: Callable[[CheckResult], Said]) -> dict[str, Said]:
    """What is told of each night, by its moment, after its states were kept."""
    said = {}
    for _ in range(4):
        said[history.now.isoformat()] = told(history.judged(kept=True))
        history.step()
        history.now += timedelta(seconds=1)
    return said


@pytest.mark.parametrize("seed", range(60, 66))
def test_generated_nights_are_judged_again_as_they_were(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = _here(tmp_path, monkeypatch, seed)
    said = _four_nights(history, lambda result: (history.config(kept=True), result))
    found = nights(Store("states", "orders", "none"))
    for night in found:
        asks, result = said[night.at.isoformat()]
        replay = again(asks, night)
        then = {(rule.rule_name, rule.segment): _told(rule) for rule in result.rules}
        now = {(rule.rule_name, rule.segment): _told(rule) for rule in replay.rules}
        left = {name for name, _ in then} - {name for name, _ in now}
        assert left <= set(replay.unanswered), replay
        assert UNREAD not in str(replay.rules)
        remember = {rule.rule_name for rule in result.rules if rule.check in ("trend", "volume")}
        for name, told in now.items():
            if name[0] in remember:
                continue
            assert histories.same(list(told), list(then[name])), (name, told, then[name])


@pytest.mark.parametrize(
    "then", [pl.DataFrame({"k": ["1"]}), pl.DataFrame({"x": [1]}), None], ids=["text", "gone", "no"]
)
def test_a_reference_of_today_that_says_nothing_of_a_night_makes_no_error_of_it(
    then: pl.DataFrame | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys are of another type by now, or their column or the file is gone."""
    history, reference = _here(tmp_path, monkeypatch, 60), tmp_path / "reference.parquet"
    pl.DataFrame({"k": [1, 2]}).write_parquet(reference)
    rule = {"check": "foreign_key", "column": "k", "reference": "reference.parquet", "name": "known"}
    pl.DataFrame({"k": [1, 3]}).write_parquet(tmp_path / "rows.parquet")
    asks = history.config(kept=True).override(source=parse_source({"path": "rows.parquet"}), rules=[rule])
    assert [_told(one)[:2] for one in check(None, asks, now=history.now).rules] == [(Status.FAILED, 1)]
    [night] = nights(Store("states", "orders", "none"))
    reference.unlink()
    if then is not None:
        then.write_parquet(reference)
    replay = again(asks, night)
    assert (replay.rules, replay.unanswered) == ((), ("known",))


@pytest.mark.parametrize("seed", range(80, 88))
def test_generated_nights_are_judged_by_other_rules_as_a_check_by_those_would_have(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rule that is answered, and whether people would have been told, where that is said."""
    history = _here(tmp_path, monkeypatch, seed)
    others = [one for one in (history.rule() for _ in range(6)) if one["check"] not in ("trend", "volume")]
    others.append({"check": "z_score_outlier", "column": "f", "threshold": 2, "name": "far"})

    def by_others(_: CheckResult) -> Said:
        asks = history.config(kept=True).override(rules=[*others, *history.rules[1:3]], warning_threshold=0.3)
        return asks, check(None, asks.override(states={"enabled": False}), now=history.now)

    said = _four_nights(history, by_others)
    for night in nights(Store("states", "orders", "none")):
        asks, result = said[night.at.isoformat()]
        replay = again(asks, night)
        then, now = (
            {(rule.rule_name, rule.segment): _told(rule) for rule in one.rules if rule.check not in ("trend", "volume")}
            for one in (result, replay)
        )
        assert {name for name, _ in then.keys() - now.keys()} <= set(replay.unanswered)
        for name, told in now.items():
            assert histories.same(list(told), list(then[name])), (name, told, then[name])
        assert replay.alarms in (None, not result.is_success)
        assert replay.unanswered or replay.status is result.status


def _told(rule: Any) -> tuple[Any, ...]:
    return rule.status, rule.failed_count, rule.total_count, rule.value
