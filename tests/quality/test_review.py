"""`add` on a contract that is there: what its data says otherwise is shown, and written only where that is accepted."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
import pytest
from domains import Domain

from quality import check
from quality.__main__ import main
from quality.contract import project
from quality.reporting import console
from quality.rules.catalogue import canonical
from quality.values import Status

OURS = """rules:
  # ours, and said so
  - check: in_range   # by intent
    column: amount
    # a note
    max: 100
    severity: warning
  - {check: unique, column: "id"}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setattr(console.out, "_width", 200)
    return Domain(tmp_path, "shop").work_here(monkeypatch)


def delivery(seed: int, rows: int, states: tuple[str, ...], **more: Any) -> pl.DataFrame:
    chance = random.Random(seed)
    columns = {
        "id": range(rows),
        "state": [chance.choice(states) for _ in range(rows)],
        "amount": [round(chance.gauss(50, 10), 2) for _ in range(rows)],
    }
    return pl.DataFrame(columns | {name: [one] * rows for name, one in more.items()})


def first(shop: Domain, ours: str = OURS, newline: str = "\n") -> Path:
    """A contract that was learned, with rules of the team's own before them."""
    delivery(1, 400, ("open", "paid", "gone")).write_parquet(shop.root / "data" / "orders.parquet")
    assert main(["add", "data/orders.parquet"]) == 0
    path = shop.root / "datasets" / "orders.yml"
    text = path.read_text("utf-8").replace("rules:\n", ours, 1)
    text = text.replace('- {check: "row_count"', '- {severity: "warning", check: "row_count"')
    path.write_bytes(text.replace("\n", newline).encode())
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_second_delivery_is_shown_and_written_only_when_accepted(
    shop: Domain, capsys: pytest.CaptureFixture[str], newline: str
) -> None:
    path = first(shop, newline=newline)
    before = path.read_bytes()
    hand = [canonical(rule) for rule in project.contract("orders").rules if rule.learned is None]
    capsys.readouterr()
    assert main(["add", "data/orders.parquet"]) == 0
    assert "nothing to change; learned from 400 rows" in capsys.readouterr().out

    more = delivery(2, 900, ("open", "paid", "new"), note="x1").with_columns(pl.col("amount") * 3)
    more.write_parquet(shop.root / "data" / "orders.parquet")
    assert main(["add", "data/orders.parquet"]) == 0
    shown = capsys.readouterr().out
    assert path.read_bytes() == before
    assert "nothing was written: give `--accept` too" in shown
    for said in (
        "widened  schema(",
        "note is extra",
        "yours    in_range(amount, max=100",
        "added",
        "break it; a person",
    ):
        assert said in shown

    assert main(["add", "data/orders.parquet", "orders", "--accept"]) == 0
    contract = project.contract("orders")
    assert [canonical(rule) for rule in contract.rules if rule.learned is None] == hand
    kept = path.read_bytes().decode()
    assert OURS.replace("\n", newline) in kept
    assert kept.count("\n") == kept.count(newline)
    assert "# Learned from 900 rows." in kept
    assert kept.count("# the number of rows is") == kept.count("# the schema has") == 1
    (count,) = (rule for rule in contract.rules if rule.check == "row_count")
    assert count.severity == "warning"
    assert count.learned is not None
    assert count.learned.rows == 900
    result = check(None, project.load("orders"))
    assert [rule.rule_name for rule in result.rules if rule.status is not Status.PASSED] == [
        "in_range(amount, max=100)"
    ]
    after = path.read_bytes()
    capsys.readouterr()
    assert main(["add", "data/orders.parquet", "--accept"]) == 0
    assert path.read_bytes() == after
    assert "yours" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(3))
def test_what_was_accepted_holds_and_has_nothing_left_to_accept(shop: Domain, seed: int) -> None:
    chance = random.Random(seed)
    path = first(shop, chance.choice(["rules:\n", OURS]))
    for step in range(2):
        states = tuple(chance.sample(["open", "paid", "gone", "new", "lost"], 3))
        rows = delivery(seed * 10 + step, chance.choice([3, 40, 700]), states)
        gone = chance.choice([None, "state"])
        rows = rows.drop(gone) if gone else rows.with_columns(pl.lit(chance.choice([None, "a"])).alias("extra"))
        rows.write_parquet(shop.root / "data" / "orders.parquet")
        hand = [canonical(rule) for rule in project.contract("orders").rules if rule.learned is None]
        assert main(["add", "data/orders.parquet", "--accept"]) == 0
        contract = project.contract("orders")
        assert [canonical(rule) for rule in contract.rules if rule.learned is None] == hand
        judged = {rule.rule_name: rule.status for rule in check(None, project.load("orders")).rules}
        learned = {judged[rule.title] for rule in contract.rules if rule.learned is not None}
        assert learned <= {Status.PASSED, Status.SKIPPED}
        once = path.read_bytes()
        assert main(["add", "data/orders.parquet", "--accept"]) == 0
        assert path.read_bytes() == once


def test_a_comment_within_a_learned_rule_stays_above_what_replaces_it(shop: Domain) -> None:
    path = first(shop)
    said = '# isn\'t it "agreed" #1?'
    text = path.read_text("utf-8").replace("rarest", "#rarest")
    path.write_text(text.replace('{check: "in_set", column', f'{{check: "in_set",  {said}\n     column'), "utf-8")
    assert said in path.read_text("utf-8")
    delivery(2, 900, ("open", "paid", "new")).write_parquet(shop.root / "data" / "orders.parquet")
    assert main(["add", "data/orders.parquet", "--accept"]) == 0
    after = path.read_text("utf-8")
    assert f"\n  {said}\n  # state is one of [new, open, paid]" in after
    assert "#rarest" not in after


def test_what_is_another_source_moves_only_when_the_dataset_is_named(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    path = first(shop)
    (shop.root / "data" / "new").mkdir()
    delivery(1, 400, ("open", "paid", "gone")).write_csv(shop.root / "data" / "new" / "orders.csv")
    before = path.read_bytes()
    assert main(["add", "data/new/orders.csv", "--accept"]) == 2
    assert "is there already, for data/orders.parquet; give this one another name" in capsys.readouterr().err
    assert main(["add", "data/missing.csv", "orders", "--accept"]) == 3
    assert capsys.readouterr().out == ""
    assert path.read_bytes() == before
    assert main(["add", "data/new/orders.csv", "orders", "--accept"]) == 0
    assert project.contract("orders").source.describe() == "data/new/orders.csv"
    assert 'source: {path: "data/new/orders.csv"}\n' in path.read_text("utf-8")


def test_rules_that_are_not_one_a_line_stay_and_nothing_else_is_written(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    path = first(shop)
    text = path.read_text("utf-8")
    head, _ = text.split("rules:\n", 1)
    path.write_text(f"{head}rules: [{{check: row_count, min: 1000, learned: {{rows: 3, holds_out: true, why: x}}}}]\n")
    before = path.read_bytes()
    assert main(["add", "data/orders.parquet", "--accept"]) == 2
    assert "the rules are not one a line; add the proposed ones by hand" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_nothing_is_said_to_be_current_before_what_fails(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["add", "data/missing.csv"], ["add", "data/users.parquet", "other", "--accept"], ["remove", "none"]):
        assert main(words) != 0
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verb", ["add", "learn", "challenge"])
def test_a_file_that_grows_while_it_is_read_gives_no_rules(
    verb: str, shop: Domain, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = delivery(1, 400, ("open", "paid", "gone"))
    path = shop.root / "data" / "orders.csv"
    rows.write_csv(path)
    if verb == "challenge":
        assert main(["add", "data/orders.csv"]) == 0
    before = {one: one.read_bytes() for one in shop.root.rglob("*.y*ml")}
    capsys.readouterr()
    stop = Event()

    def write() -> None:
        with path.open("a", encoding="utf-8") as file:
            while not stop.wait(0.01):
                file.write("1,open,50.0\n")
                file.flush()

    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(write)
        try:
            code = main([verb, "orders" if verb == "challenge" else "data/orders.csv"])
        finally:
            stop.set()
            writing.result()
    told = capsys.readouterr()
    assert code == 3
    assert "the source changed while it was read; do it again when nobody writes it" in told.err
    assert told.err.count("\n") == 1
    assert {one: one.read_bytes() for one in shop.root.rglob("*.y*ml")} == before


@pytest.mark.parametrize("written", ["{root}/data/orders.parquet", "./data/orders.parquet", "~/data/orders.parquet"])
def test_the_same_place_is_the_same_source_however_it_is_written(
    written: str, shop: Domain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell writes `~` and `$PWD` out, and a contract may have either."""
    path = first(shop)
    before = path.read_bytes()
    monkeypatch.setenv("HOME", str(shop.root))
    assert main(["add", written.format(root=shop.root)]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert path.read_bytes() == before
