"""`impact`: contracts beside those of a commit, the promises that are taken, and exactly the rows that change sides."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import polars as pl
import pytest
import reference_implementation as reference
from checking import NOW
from domains import Domain
from hypothesis import given
from hypothesis import strategies as st
from test_properties import REFERENCES, examples, frame_of, rule_lists, scoped, scopes, strategies, tables

from quality import CheckConfig
from quality.__main__ import main
from quality.checking import check
from quality.cli.documents import answer_schemas
from quality.engine.rule import RowRule
from quality.errors import ConfigurationError
from quality.impact.commits import compared_with
from quality.impact.judged import judge_both
from quality.impact.rules import Pair, compared
from quality.reporting import console
from quality.rules.catalogue import parse_rule, parse_rules
from quality.sources.typed import SAMPLE
from quality.values import Status

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4, 4, 6],
        "amount": [-1.0, 0.0, 5.0, 10.0, 12.0, 20.0],
        "state": ["open", "paid", "gone", "lost", None, "open"],
        "email": ["hush1@x", "hush2@x", "hush3", "hush4@x", "hush5@x", None],
    }
)
CONTRACT = """dataset: orders
owner: "@shop-team"
source: {path: data/orders.parquet}
key: [id]
sensitive: [email]
rules:
  - {check: not_null, column: id}
  - {check: in_range, column: amount, min: 0, max: 10}
  - {check: in_set, column: state, values: [open, paid, gone]}
  - {check: unique, column: id}
  - {check: regex, column: email, pattern: "@"}
  - {check: mean, column: amount, at_most: 5}
"""


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "as it is")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A repository of one dataset, orders, as it is committed on main; everything after that is a change."""
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setattr(console.out, "_width", 200)
    made = Domain(tmp_path, "shop", "orders").work_here(monkeypatch)
    ROWS.write_parquet(made.root / "data" / "orders.parquet")
    made.write("datasets/orders.yml", CONTRACT)
    git(made.root, "init", "--quiet")
    commit(made.root)
    return made


Asked = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def impact(capsys: pytest.CaptureFixture[str]) -> Asked:
    def ask(*words: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the document, which is true to its schema."""
        capsys.readouterr()
        code = main(["impact", *words, "--json"])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        jsonschema.validate(found, answer_schemas()["impact"], jsonschema.Draft202012Validator)
        assert found["exit_code"] == code
        return code, found

    return ask


def rows_of(found: dict[str, Any]) -> list[int | None]:
    return [found[name] for name in ("failing_before", "failing_after", "newly_failing", "newly_passing")]


def moved(found: dict[str, Any]) -> dict[str, tuple[str, bool, Any, Any]]:
    return {r["rule"]: (r["what"], r["breaking"], r["newly_failing"], r["newly_passing"]) for r in found["rules"]}


def files(root: Path) -> dict[str, bytes]:
    there = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in there}


def rule(check: str, **fields: Any) -> dict[str, Any]:
    return {"check": check, "column": "a", **fields}


UNIQUE = {"check": "unique", "column": "id"}
RANGE, SET = rule("in_range", min=0, max=10), rule("in_set", values=["x", "y"])
SCHEMA_RULE = {"check": "schema", "columns": {"a": "Int64", "b": "String"}}
LOOSER = {
    "a bound goes": (RANGE, rule("in_range", min=0)),
    "a lower bound falls": (RANGE, rule("in_range", min=-1, max=10)),
    "an upper bound rises": (RANGE, rule("in_range", min=0, max=10.5)),
    "a bound includes itself": (rule("in_range", min=0, exclusive="min"), rule("in_range", min=0)),
    "a day is a later bound": (rule("in_range", max="2024-01-31"), rule("in_range", max="2024-02-01")),
    "a decimal is a greater number": (rule("sum", at_most="9.5"), rule("sum", at_most="10.25")),
    "a comparison includes its value": (rule("greater_than", value=0), rule("greater_than_or_equal", value=0)),
    "a sign includes zero": (rule("positive"), rule("non_negative")),
    "a number is a range": (rule("positive"), rule("in_range", min=-5)),
    "a length grows": (rule("max_length", value=5), rule("max_length", value=6)),
    "a length has no least": (rule("length", min=1, max=5), rule("max_length", value=5)),
    "a set grows": (SET, rule("in_set", values=["y", "x", "z"])),
    "less is rejected": (rule("not_in_set", values=["x", "y"]), rule("not_in_set", values=["x"])),
    "a severity falls": (rule("not_null"), rule("not_null", severity="warning")),
    "a severity falls further": (rule("not_null", severity="warning"), rule("not_null", severity="info")),
    "a rate rises": (rule("not_null"), rule("not_null", max_failure_rate=0.1)),
    "a warning goes": (rule("not_null", warn_failure_rate=0.1), rule("not_null")),
    "fewer rows are meant": (rule("not_null"), rule("not_null", where="b > 1")),
    "less is complete": (rule("completeness_ratio", min_ratio=0.9), rule("completeness_ratio", min_ratio=0.8)),
    "an age grows": (rule("freshness", max_age="26h"), rule("freshness", max_age="2d")),
    "more change is usual": ({"check": "volume", "max_change": 0.1}, {"check": "volume", "max_change": 0.5}),
    "more deviations are usual": (rule("z_score_outlier", threshold=2), rule("z_score_outlier")),
    "a column is no longer stated": (SCHEMA_RULE, {"check": "schema", "columns": {"a": "Int64"}}),
    "a family is enough": (rule("dtype", dtype="Int64"), rule("dtype", dtype="numeric")),
    "others are welcome": ({**SCHEMA_RULE, "closed": True}, SCHEMA_RULE),
    "more hours are waited": (rule("in_range", max="2h"), rule("in_range", max="10h")),
    "a later hour of the day": (rule("in_range", max="09:30"), rule("in_range", max="12:00:00")),
    "a duration is shorter": (rule("min", at_least="1d"), rule("min", at_least="20h")),
    "a text of digits is greater either way": (rule("in_range", max="200"), rule("in_range", max="300")),
    "keys may repeat in other segments": (UNIQUE, {**UNIQUE, "by": "b"}),
    "an order starts again in every segment": (rule("increasing"), rule("increasing", by="b")),
    "more columns tell rows apart": (
        {"check": "unique_combination", "columns": ["a", "b"], "name": "n"},
        {"check": "unique_combination", "columns": ["b", "a", "c"], "name": "n"},
    ),
    "a rate holds of all segments together": (
        rule("not_null", max_failure_rate=0.1, by="b"),
        rule("not_null", max_failure_rate=0.1),
    ),
    "equal neighbours are in order": (rule("increasing", strict=True), rule("increasing")),
    "nulls are welcome": ({"check": "primary_key", "columns": ["a"]}, rule("unique")),
    "blanks are welcome": (rule("not_empty"), rule("not_null")),
    "rows may differ": (
        {"check": "reconcile", "reference": "b.csv", "key": ["a"]},
        {"check": "reconcile", "reference": "b.csv", "key": ["a"], "tolerance": 0.1},
    ),
}
OTHERWISE = {
    "a pattern": (rule("regex", pattern="a"), rule("regex", pattern="b"), False),
    "a condition": (rule("not_null", where="b > 1"), rule("not_null", where="b > 2"), False),
    "segments": (rule("not_null"), rule("not_null", by="b"), False),
    "a name": (rule("not_null"), rule("not_null", name="there"), False),
    "a window": ({"check": "volume", "max_change": 1}, {"check": "volume", "max_change": 1, "window": 3}, False),
    "a shifted range": (RANGE, rule("in_range", min=5, max=15), True),
    "another set": (SET, rule("in_set", values=["y", "z"]), True),
    "another dtype": (rule("dtype", dtype="Int64"), rule("dtype", dtype="String"), True),
    "a bound and a severity": (RANGE, rule("in_range", min=-1, max=10, severity="critical"), True),
    "a way to measure": (
        rule("statistical_drift", baseline="b.csv", method="ks"),
        rule("statistical_drift", baseline="b.csv", method="psi"),
        False,
    ),
    "a text that numbers have a word for": (rule("in_range", min="nan"), rule("in_range", min="1"), False),
    "a number and a word": (rule("in_range", min="a"), rule("in_range", min=1), False),
    "a schema and a key by name": (
        {**SCHEMA_RULE, "name": "n"},
        {"check": "unique_combination", "columns": ["a"], "name": "n"},
        True,
    ),
    "a kind by name": (rule("not_null", name="n"), rule("unique", name="n"), True),
    "a column by name": (rule("not_null", name="n"), {"check": "not_null", "column": "b", "name": "n"}, True),
    "a metric by name": (
        {"check": "trend", "metric": "mean", "column": "a", "max_change": 1, "name": "n"},
        {"check": "trend", "metric": "row_count", "max_change": 1, "name": "n"},
        True,
    ),
    "another value": (rule("equal", value=1), rule("equal", value=2), True),
    "another value that none may be": (rule("not_equal", value=1), rule("not_equal", value=2), True),
    "a word of an order that the column has": (
        rule("greater_than_or_equal", value="high"),
        rule("greater_than_or_equal", value="medium"),
        True,
    ),
    "digits that texts order otherwise": (rule("in_range", max="9"), rule("in_range", max="10"), True),
    "a moment of another zone": (
        rule("in_range", max="2024-01-31"),
        rule("in_range", max="2024-01-31T12:00:00+00:00"),
        True,
    ),
    "a number of fewer rows": (
        {"check": "row_count", "min": 9},
        {"check": "row_count", "min": 9, "where": "b > 1"},
        True,
    ),
    "a number of all rows": (
        {"check": "row_count", "min": 9, "where": "b > 1"},
        {"check": "row_count", "min": 9},
        True,
    ),
    "a share of all rows": (
        rule("not_null", max_failure_rate=0.1, where="b > 1"),
        rule("not_null", max_failure_rate=0.1),
        True,
    ),
    "segments of a number": (rule("mean", at_most=5), rule("mean", at_most=5, by="b"), True),
    "other segments of a key": ({**UNIQUE, "by": "b"}, {**UNIQUE, "by": "c"}, True),
    "a primary key of fewer columns": (
        {"check": "primary_key", "columns": ["a", "b"], "name": "n"},
        {"check": "primary_key", "columns": ["a"], "name": "n"},
        True,
    ),
}


def paired(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Pair]:
    return compared([*map(parse_rule, before)], [*map(parse_rule, after)])


@pytest.mark.parametrize(("before", "after"), LOOSER.values(), ids=LOOSER)
def test_what_allows_more_is_loosened_and_back_again_tightened(before: dict[str, Any], after: dict[str, Any]) -> None:
    (there,), (back,) = paired([before], [after]), paired([after], [before])
    assert (there.what, there.is_breaking) == ("loosened", True)
    assert (back.what, back.is_breaking) == ("tightened", False)


@pytest.mark.parametrize(("before", "after", "breaking"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_is_neither_is_changed_and_breaks_where_a_part_of_it_allows_more(
    before: dict[str, Any], after: dict[str, Any], breaking: bool
) -> None:
    (pair,) = paired([before], [after])
    assert (pair.what, pair.is_breaking) == ("changed", breaking)


def test_rules_are_paired_by_name_then_by_what_they_are_about() -> None:
    named = rule("in_range", max=10, name="small")
    found = paired(
        [named, rule("regex", pattern="a"), rule("not_null", where="b > 1"), rule("not_null", where="b > 2")],
        [rule("in_range", max=20, name="small"), rule("not_null", where="b > 2"), rule("regex", pattern="b")],
    )
    assert [(one.what, one.rule.check) for one in found] == [
        ("removed", "not_null"),
        ("loosened", "in_range"),
        ("changed", "regex"),
    ]
    others = ([{"check": "expression", "expression": e} for e in pair] for pair in (["a > 1"], ["b > 1"]))
    assert [one.what for one in paired(*others)] == ["removed", "added"]
    assert paired([RANGE, SET], [SET, RANGE]) == []
    assert paired([SET], [rule("in_set", values=["y", "x"], description="why")]) == []


@examples(300)
@given(data=st.data(), rows=tables)
def test_what_is_tightened_passes_nothing_that_failed_and_what_is_loosened_fails_nothing_that_passed(
    here: Path, data: st.DataObject, rows: list[dict[str, Any]]
) -> None:
    """Of a rule of which one field is that of another of its kind."""
    kind = strategies[data.draw(st.sampled_from(sorted(strategies)))]
    one, other = (scoped(data.draw(kind), data.draw(scopes), "n") for _ in range(2))
    differ = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    there = [name for name in ("where", "by") if name in differ]
    name = data.draw(st.sampled_from(there or differ or ["severity"]))
    kept = {field: value for field, value in one.items() if field != name}
    both = [one, kept | {name: other[name]} if name in other else kept]
    try:
        before, after = map(parse_rule, both)
    except ConfigurationError:
        return
    for pair in compared([before], [after]):
        if pair.what == "changed":
            continue
        softer, harder = both if pair.what == "tightened" else reversed(both)
        frame_of(rows).write_parquet("rows.parquet")
        source = {"source": {"path": "rows.parquet"}}
        said = [
            {one.status for one in check(None, CheckConfig(rules=parse_rules([rule]), **source), now=NOW).rules}
            for rule in (softer, harder)
        ]
        assert Status.FAILED not in said[0] or not said[1] <= {Status.PASSED, Status.SKIPPED}, (pair, said)


def broken(written: dict[str, Any], rows: list[dict[str, Any]]) -> set[int]:
    """The numbers of the rows that break a rule, told row by row in plain Python."""
    by, where = written.get("by"), written.get("where")
    kept = [n for n, row in enumerate(rows) if where is None or reference.CONDITIONS[where](row)]
    found: set[int] = set()
    for segment in {rows[n][by] if by else None for n in kept}:
        inside = [n for n in kept if by is None or rows[n][by] == segment]
        truths = reference.judge_rows(written, [rows[n] for n in inside], NOW, REFERENCES)
        found |= {n for n, truth in zip(inside, truths, strict=True) if truth is False}
    return found


def remade(rules: list[dict[str, Any]], fates: list[str], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules after a change: each stays, goes, or is another one of the same name."""
    made = []
    for number, (one, fate) in enumerate(zip(rules, fates, strict=False)):
        if fate == "another" and number < len(others):
            made.append({**others[number], "name": one["name"]})
        elif fate != "gone":
            made.append({**one, "where": "i > 0"} if fate == "fewer" else one)
    return made + [{**one, "name": f"new {n}"} for n, one in enumerate(others[len(rules) :])]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pl.DataFrame(REFERENCES).write_parquet(tmp_path / "keys.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return tmp_path


@examples(80)
@given(
    rules=rule_lists,
    others=rule_lists,
    rows=tables,
    fates=st.lists(st.sampled_from(["same", "gone", "another", "fewer"]), min_size=6, max_size=6),
)
def test_rows_that_change_sides_are_those_that_a_look_at_every_row_finds(
    here: Path, rules: list[dict[str, Any]], others: list[dict[str, Any]], rows: list[dict[str, Any]], fates: list[str]
) -> None:
    """Both verdicts are those of a check of each contract alone."""
    frame_of(rows).write_parquet(here / "rows.parquet")
    written = {one["name"]: one for one in rules}, {one["name"]: one for one in remade(rules, fates, others)}
    configs = [CheckConfig(rules=parse_rules([*some.values()]), source={"path": "rows.parquet"}) for some in written]
    pairs = compared(configs[0].rules, configs[1].rules)
    found = judge_both(configs[0], configs[1], pairs, NOW)
    for config, side in zip(configs, (found.before, found.after), strict=True):
        assert side is not None
        alone = check(None, config, now=NOW)
        assert (side.status, side.rows) == (alone.status, alone.row_count)
        results = [(one.rule_name, one.segment, one.status, one.failed_count) for one in alone.rules]
        mine = [(r.rule_name, r.segment, r.status, r.failed_count) for one in side.found.values() for _, r in one]
        assert sorted(mine, key=str) == sorted(results, key=str)
    for pair, move in zip(pairs, found.moved, strict=True):
        sides = (pair.before, pair.after)
        if all(one is None or isinstance(one, RowRule) for one in sides):
            was, now = (
                {*()} if one is None else broken(some[one.title], rows)
                for one, some in zip(sides, written, strict=True)
            )
            assert (move.failing, move.passing) == (len(now - was), len(was - now)), pair
        else:
            assert (move.failing, move.passing) == (None, None)
            assert move.why is not None
            assert "table as a whole" in move.why
    row_rules = [[r for r in config.rules if isinstance(r, RowRule)] for config in configs]
    was, now = (
        set().union(*(broken(some[r.title], rows) for r in of)) for some, of in zip(written, row_rules, strict=True)
    )
    counts = (found.whole.before, found.whole.after, found.whole.failing, found.whole.passing)
    assert counts == (len(was), len(now), len(now - was), len(was - now))


def test_kept_states_of_many_files_are_left_as_they_are(here: Path) -> None:
    """Neither used, nor made, nor kept longer: both contracts are judged on the rows."""
    (here / "days").mkdir()
    for number in range(3):
        pl.DataFrame({"id": [number, 7]}).write_parquet(here / f"days/{number}.parquet")
    states = {"enabled": True, "path": str(here / "kept")}
    config = CheckConfig(dataset="days", source={"path": "days/"}, states=states, rules=parse_rules([UNIQUE]))
    assert check(None, config, now=NOW).rules[0].failed_count == 3
    kept = [file for file in (here / "kept").rglob("*") if file.is_file()]
    for file in kept:
        os.utime(file, (1e9, 1e9))
    after = config.override(rules=parse_rules([UNIQUE, {"check": "not_null", "column": "id"}]))
    found = judge_both(config, after, compared(config.rules, after.rules), NOW)
    assert (found.whole.before, found.whole.after) == (3, 3)
    assert {file: file.stat().st_mtime for file in (here / "kept").rglob("*") if file.is_file()} == dict.fromkeys(
        kept, 1e9
    )


def test_a_change_of_every_kind_is_told_with_the_rows_that_it_moves(shop: Domain, impact: Asked) -> None:
    shop.edit("datasets/orders.yml", "  - {check: not_null, column: id}\n", "")
    shop.edit("datasets/orders.yml", "min: 0, max: 10", "min: 1, max: 15")
    shop.edit("datasets/orders.yml", "[open, paid, gone]", "[open, paid]")
    shop.edit("datasets/orders.yml", "unique, column: id", 'unique, column: id, where: "id < 4"')
    shop.edit("datasets/orders.yml", "at_most: 5", "at_most: 50")
    shop.write(
        "datasets/orders.yml",
        (shop.root / "datasets/orders.yml").read_text() + "  - {check: not_null, column: state}\n"
        "  - {check: not_null, column: nosuch}\n",
    )
    before = files(shop.root)
    code, found = impact()
    assert code == 1
    assert files(shop.root) == before
    (one,) = found["datasets"]
    assert (one["what"], one["status_before"], one["status_after"], one["rows"]) == ("changed", "FAILED", "FAILED", 6)
    assert moved(one) == {
        "not_null(id)": ("removed", True, 0, 0),
        "in_range(amount, min=1, max=15)": ("changed", True, 1, 1),
        "in_set(state, values=[open, paid])": ("tightened", False, 1, 0),
        "unique(id) where id < 4": ("loosened", True, 0, 2),
        "mean(amount, at_most=50)": ("loosened", True, None, None),
        "not_null(state)": ("added", False, 1, 0),
        "not_null(nosuch)": ("added", False, None, None),
    }
    assert rows_of(one) == [5, 6, 1, 0]
    assert one["note"] == "not in these counts, as they could not be judged: not_null(nosuch)"
    mean = next(r for r in one["rules"] if r["check"] == "mean")
    assert [mean[side]["status"] for side in ("before", "after")] == ["FAILED", "PASSED"]
    assert "judges the table as a whole" in mean["note"]
    gone = next(r for r in one["rules"] if r["rule"] == "not_null(nosuch)")
    assert gone["after"]["status"] == "ERROR"
    assert "column 'nosuch' is gone" in gone["note"]
    assert [said for said in one["breaking"] if "not_null(id) is removed" in said]
    assert impact("--allow-breaking")[0] == 3  # not_null(nosuch) is new and could not be judged
    assert impact("orders", "--rules", "HEAD")[1]["datasets"] == found["datasets"]


def test_what_decides_nothing_is_no_difference(shop: Domain, impact: Asked) -> None:
    text = (shop.root / "datasets/orders.yml").read_text("utf-8")
    (shop.root / "datasets/orders.yml").write_bytes(text.replace("\n", "\r\n").encode())
    assert impact() == (0, impact()[1] | {"datasets": [], "breaking": False})
    shop.write("datasets/orders.yml", f"# a comment\n{text}".replace("@shop-team", "@others"))
    assert impact()[1]["datasets"] == []


def test_only_what_promises_more_breaks_nothing(shop: Domain, impact: Asked) -> None:
    shop.edit("datasets/orders.yml", "max: 10", "max: 5")
    code, found = impact()
    assert (code, found["breaking"], found["datasets"][0]["breaking"]) == (0, False, [])
    assert moved(found["datasets"][0]) == {"in_range(amount, min=0, max=5)": ("tightened", False, 1, 0)}


def test_datasets_that_come_go_and_are_renamed(shop: Domain, impact: Asked) -> None:
    other = CONTRACT.replace("dataset: orders", "dataset: bills").replace("orders.parquet", "bills.parquet")
    ROWS.write_parquet(shop.root / "data" / "bills.parquet")
    shop.write("datasets/bills.yml", other)
    commit(shop.root)
    (shop.root / "datasets/bills.yml").unlink()
    (shop.root / "datasets/orders.yml").unlink()
    shop.write("datasets/sales.yml", CONTRACT.replace("dataset: orders", "dataset: sales").replace("max: 10", "max: 9"))
    code, found = impact("--rules", "HEAD")
    said = {one["dataset"]: one for one in found["datasets"]}
    assert (code, {name: one["what"] for name, one in said.items()}) == (1, {"bills": "removed", "sales": "renamed"})
    assert said["sales"]["was"] == "orders"
    assert said["bills"]["breaking"] == ["the dataset bills is removed, with its 6 rules"]
    assert said["sales"]["breaking"] == ["the dataset orders is removed: it is called sales now"]
    assert (said["bills"]["status_before"], said["bills"]["status_after"]) == ("FAILED", None)
    assert rows_of(said["bills"]) == [5, None, 0, 5]
    assert [one["dataset"] for one in impact("orders", "--rules", "HEAD")[1]["datasets"]] == ["sales"]
    commit(shop.root)
    shop.write("datasets/bills.yml", other)
    code, found = impact("--rules", "HEAD")
    assert (code, [(one["dataset"], one["what"]) for one in found["datasets"]]) == (0, [("bills", "added")])
    assert rows_of(found["datasets"][0]) == [None, 5, 5, 0]


def test_a_column_that_is_no_longer_declared_is_breaking(shop: Domain, impact: Asked) -> None:
    ROWS.drop("email").write_csv(shop.root / "data" / "orders.csv")
    text = CONTRACT.replace("orders.parquet}", "orders.csv, dtypes: {id: Int64, amount: Float64}}")
    text = text.replace("sensitive: [email]\n", "").replace('  - {check: regex, column: email, pattern: "@"}\n', "")
    shop.write("datasets/orders.yml", text + "  - {check: schema, columns: {id: Int64, state: String}}\n")
    commit(shop.root)
    shop.edit("datasets/orders.yml", ", amount: Float64}", "}")
    shop.edit("datasets/orders.yml", ", state: String}", "}")
    code, found = impact("--rules", "HEAD")
    (one,) = found["datasets"]
    assert (code, one["columns_removed"]) == (1, ["amount", "state"])
    assert "the column amount is no longer declared" in one["breaking"]
    assert [field["field"] for field in one["fields"]] == ["source.dtypes.amount"]
    assert (one["newly_failing"], one["note"]) == (
        None,
        "the source is another one, so rows are not compared one by one",
    )
    assert one["failing_after"] == one["failing_before"] == 4


def test_fields_beside_the_rules_are_told_and_a_softer_verdict_is_breaking(shop: Domain, impact: Asked) -> None:
    shop.edit("datasets/orders.yml", "key: [id]", "key: [id]\nwarning_threshold: 0.9\nallow_empty: true")
    code, found = impact()
    (one,) = found["datasets"]
    assert (code, one["status_before"], one["status_after"]) == (1, "FAILED", "WARNING")
    assert one["breaking"] == ["warning_threshold is loosened", "allow_empty is loosened"]


def test_a_guess_that_only_one_side_judges_fails_that_side_alone(shop: Domain, impact: Asked) -> None:
    """Text that is no number after those that said it is one: a rule about the dtype asks the source for it."""
    lines = [f"{n},{n}" for n in range(SAMPLE)] + [f"{SAMPLE},many"]
    (shop.root / "data" / "orders.csv").write_text("id,amount\n" + "\n".join(lines) + "\n", "utf-8")
    head = CONTRACT.split("rules:")[0].replace("orders.parquet", "orders.csv").replace("sensitive: [email]\n", "")
    shop.write("datasets/orders.yml", head + "rules:\n  - {check: not_null, column: id}\n")
    commit(shop.root)
    shop.write("datasets/orders.yml", head + "rules:\n  - {check: dtype, column: amount, dtype: integer}\n")
    _, found = impact("--rules", "HEAD")
    (one,) = found["datasets"]
    assert (one["status_before"], one["status_after"]) == ("PASSED", "FAILED")
    assert rows_of(one) == [0, 1, 1, 0]


@pytest.mark.parametrize("way", ["text", "json", "markdown"])
def test_no_value_of_a_sensitive_column_is_shown(shop: Domain, capsys: pytest.CaptureFixture[str], way: str) -> None:
    shop.edit("datasets/orders.yml", 'email, pattern: "@"}', 'email, pattern: "^h", by: email}')
    text = (shop.root / "datasets/orders.yml").read_text("utf-8")
    shop.write(
        "datasets/orders.yml",
        text + "  - {check: max, column: email, at_most: i}\n  - {check: unique, column: email}\n",
    )
    capsys.readouterr()
    assert main(["impact", *([] if way == "text" else [f"--{way}"])]) == 0
    shown = capsys.readouterr()
    assert "regex(email" in shown.out
    assert "hush" not in shown.out + shown.err


def test_what_is_sensitive_on_one_side_is_hidden_on_both_wherever_the_data_lies(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    ROWS.write_parquet(shop.root / "data" / "moved.parquet")
    text = CONTRACT.replace("sensitive: [email]\n", "").replace("orders.parquet", "moved.parquet")
    shop.write("datasets/orders.yml", text + "  - {check: max, column: email, at_most: i}\n")
    capsys.readouterr()
    assert main(["impact", "--json"]) == 0
    shown = capsys.readouterr()
    assert "max(email" in shown.out
    assert "hush" not in shown.out + shown.err
    ROWS.rename({"email": "mail"}).write_parquet(shop.root / "data" / "moved.parquet")
    shop.write("datasets/orders.yml", text.replace("email", "mail"))
    assert main(["impact", "--json"]) == 1
    new = next(r for r in json.loads(capsys.readouterr().out)["datasets"][0]["rules"] if r["what"] == "added")
    assert new["after"]["failing"] == 1


def test_a_long_field_is_shown_from_where_it_differs(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    many = [f"state {n}" for n in range(100)]
    shop.edit("datasets/orders.yml", "[open, paid, gone]", json.dumps(many))
    shop.edit("datasets/orders.yml", "column: state,", "column: state, name: known,")
    commit(shop.root)
    shop.edit("datasets/orders.yml", '"state 70", ', "")
    shop.edit("datasets/orders.yml", "orders.parquet}", "orders.parquet, evolution: [new_columns]}")
    capsys.readouterr()
    assert main(["impact", "--rules", "HEAD"]) == 0
    page = capsys.readouterr().out
    assert '"state 69", "state 70", "state 71"' in page.partition(" → …")[0]
    assert '"state 69", "state 71", "state 72"' in page.partition(" → …")[2]
    assert 'source.evolution: [] → ["new_columns"]' in page


def test_rows_are_told_apart_one_query_at_a_time_where_all_together_are_too_many(
    shop: Domain, impact: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quality.impact.moved.TOGETHER", 2)
    text = CONTRACT + "".join(f"  - {{check: less_than, column: amount, value: {n}}}\n" for n in range(9))
    shop.write("datasets/orders.yml", text)
    _, found = impact()
    assert [r["newly_failing"] for r in found["datasets"][0]["rules"]] == [5, 4, 4, 4, 4, 4, 3, 3, 3]


@pytest.mark.parametrize("kind", ["files", "table"])
def test_a_table_that_is_judged_where_it_lies_moves_the_same_rows(shop: Domain, impact: Asked, kind: str) -> None:
    with closing(duckdb.connect(str(shop.root / "data" / "shop.duckdb"))) as made:
        made.execute("CREATE TABLE orders AS SELECT * FROM read_parquet('data/orders.parquet')")
    if kind == "table":
        place = "{kind: table, connection: 'duckdb:///data/shop.duckdb', table: orders, order_by: [id]}"
        shop.edit("datasets/orders.yml", "{path: data/orders.parquet}", place)
        commit(shop.root)
    shop.edit("datasets/orders.yml", "min: 0, max: 10", "min: 1, max: 15")
    shop.edit("datasets/orders.yml", "unique, column: id", "unique, column: id, by: state")
    shop.edit("datasets/orders.yml", '"@"', '"^hush[1-3]"')
    _, found = impact("--rules", "HEAD")
    (one,) = found["datasets"]
    assert {name: told[2:] for name, told in moved(one).items()} == {
        "in_range(amount, min=1, max=15)": (1, 1),
        "unique(id) by state": (0, 2),
        "regex(email, pattern=^hush[1-3])": (2, 1),
    }
    assert rows_of(one) == [5, 5, 1, 1]


def both_ways() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rules of every kind about rows before a change, and each of them as another one after it, by the same names."""
    kinds: list[dict[str, Any]] = [
        {"check": "unique", "column": "id"},
        {"check": "primary_key", "columns": ["id", "state"]},
        {"check": "unique_combination", "columns": ["id", "amount"], "by": "state"},
        {"check": "in_range", "column": "amount", "min": 0, "by": "state"},
        {"check": "positive", "column": "amount", "where": "id > 2"},
        {"check": "not_null", "column": "state"},
        {"check": "not_empty", "column": "state"},
        {"check": "in_set", "column": "state", "values": ["open", "paid"]},
        {"check": "regex", "column": "email", "pattern": "[1-3]"},
        {"check": "length", "column": "email", "max": 5},
        {"check": "increasing", "column": "id", "strict": True},
        {"check": "decreasing", "column": "amount", "by": "state"},
        {"check": "z_score_outlier", "column": "amount", "threshold": 1},
        {"check": "expression", "expression": "amount > 4 OR state = 'open'"},
        {"check": "conditional_null", "column": "email", "condition": "amount > 4"},
    ]
    shifted = [*kinds[4:], *kinds[:4]]
    named = ([{**one, "name": f"rule {n}"} for n, one in enumerate(some)] for some in (kinds, shifted))
    before, after = named
    return before, after


def test_a_table_moves_the_same_rows_by_every_rule_about_rows(here: Path) -> None:
    ROWS.write_parquet(here / "rows.parquet")
    with closing(duckdb.connect(str(here / "shop.duckdb"))) as made:
        made.execute("CREATE TABLE rows AS SELECT * FROM read_parquet('rows.parquet')")
    table = {"kind": "table", "connection": "duckdb:///shop.duckdb", "table": "rows", "order_by": ["id", "amount"]}
    found = []
    for source in ({"path": "rows.parquet"}, table):
        before, after = (CheckConfig(rules=parse_rules(rules), source=source) for rules in both_ways())
        judged = judge_both(before, after, compared(before.rules, after.rules), NOW)
        found.append((judged.moved, judged.whole))
    assert found[0] == found[1]
    assert all(one.why is None and one.failing is not None for one in found[0][0])
    assert sum(bool(one.failing) for one in found[0][0]) > 8


def test_what_a_table_cannot_judge_is_told_and_the_other_side_is_judged(shop: Domain, impact: Asked) -> None:
    with closing(duckdb.connect(str(shop.root / "data" / "shop.duckdb"))) as made:
        made.execute("CREATE TABLE orders AS SELECT * FROM read_parquet('data/orders.parquet')")
    place = "{kind: table, connection: 'duckdb:///data/shop.duckdb', table: orders}"
    shop.edit("datasets/orders.yml", "{path: data/orders.parquet}", place)
    commit(shop.root)
    shop.edit("datasets/orders.yml", '"@"', '"\\\\b@"')
    code, found = impact("--rules", "HEAD")
    (one,) = found["datasets"]
    assert (code, one["status_before"], one["status_after"]) == (2, "FAILED", None)
    assert "is not judged there" in one["problem"]
    assert moved(one) == {"regex(email, pattern=\\b@)": ("changed", False, None, None)}


WRONG = {
    "unknown ref": (["--rules", "nosuch"], 2, "git knows no commit 'nosuch' here"),
    "a ref like an option": (["--rules=--all"], 2, "git knows no commit '--all' here"),
    "a range": (["--rules", "main..HEAD"], 2, "'main..HEAD' is a range of commits, and one is meant, whose contracts"),
    "a range of both sides": (["--rules", "main...HEAD"], 2, "are taken: write --rules main"),
    "a range from here": (["--rules", "..main"], 2, "are taken: write --rules HEAD"),
    "what is left out": (["--rules", "^main"], 2, "are taken: write --rules main"),
    "what a commit brought": (["--rules", "HEAD^!"], 2, "are taken: write --rules HEAD"),
    "a folder": (["--rules", "main:datasets"], 2, "is a tree of git, and one commit is meant: write --rules main"),
    "a file": (
        ["--rules", "HEAD:datasets/orders.yml"],
        2,
        "is a blob of git, and one commit is meant: write",
    ),
    "before the first": (
        ["--rules", "HEAD~9"],
        2,
        "knows no commit 'HEAD~9' here: what follows HEAD leads to none; name another",
    ),
    "no upstream": (["--rules", "@{u}"], 2, "'@{u}' here: what follows HEAD leads to none; name another"),
    "unknown dataset": (
        ["orderz"],
        2,
        "there is no dataset 'orderz', here or in the commit where HEAD left",
    ),
    "unknown environment": (["--env", "nowhere"], 2, "policy.yml has no environment 'nowhere'"),
}


def one_sentence(shown: Any, said: str) -> None:
    assert said in shown.err
    assert "Traceback" not in shown.err + shown.out


@pytest.mark.parametrize(("words", "code", "said"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_one_sentence(
    shop: Domain, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    shop.edit("datasets/orders.yml", "max: 10", "max: 5")
    capsys.readouterr()
    assert main(["impact", *words]) == code
    shown = capsys.readouterr()
    one_sentence(shown, said)
    assert len(shown.err.splitlines()) == 1


def test_outside_git_and_without_a_commit_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    root = Domain(tmp_path, "shop").work_here(monkeypatch).root
    assert main(["impact"]) == 2
    one_sentence(capsys.readouterr(), "contracts are compared with those of a git commit, but")
    git(root, "init", "--quiet")
    assert main(["impact"]) == 2
    one_sentence(capsys.readouterr(), "has no commit yet")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["impact"]) == 2
    one_sentence(capsys.readouterr(), "gives none: git is not installed here; install it, or put it on PATH")


@pytest.mark.parametrize("side", ["there", "here"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("rules: [", "not valid YAML"),
        ("rules:\n  - {check: nosuch}", "unknown rule 'nosuch'"),
        ("nosuch: 1\nrules: []", "nosuch"),
    ],
    ids=["syntax", "rule", "an older schema"],
)
def test_a_contract_that_cannot_be_read_on_either_side_stops_no_other(
    shop: Domain, impact: Asked, capsys: pytest.CaptureFixture[str], side: str, wrong: str, said: str
) -> None:
    head = CONTRACT.split("rules:")[0]
    shop.write("datasets/bills.yml", CONTRACT.replace("dataset: orders", "dataset: bills"))
    path = shop.root / "datasets/orders.yml"
    if side == "there":
        path.write_text(head + wrong, "utf-8")
    commit(shop.root)
    path.write_text(CONTRACT if side == "there" else head + wrong, "utf-8")
    (shop.root / "datasets/bills.yml").write_text(
        CONTRACT.replace("dataset: orders", "dataset: bills").replace("max: 10", "max: 5"), "utf-8"
    )
    code, found = impact("--rules", "HEAD")
    bills, orders = found["datasets"]
    assert (code, orders["exit_code"], bills["exit_code"], bills["newly_failing"]) == (2, 2, 0, 0)
    assert said in orders["problem"]
    assert orders["problem"].startswith("HEAD: datasets/orders.yml" if side == "there" else "datasets/orders.yml")
    assert main(["impact", "--rules", "HEAD"]) == 2
    assert "; 1 of them could not be compared; nothing else is breaking" in capsys.readouterr().out


def test_data_that_is_gone_with_its_dataset_or_its_old_place_is_a_note(shop: Domain, impact: Asked) -> None:
    (shop.root / "data" / "orders.parquet").rename(shop.root / "data" / "moved.parquet")
    shop.edit("datasets/orders.yml", "orders.parquet", "moved.parquet")
    code, found = impact("--rules", "HEAD")
    (one,) = found["datasets"]
    assert (code, one["status_before"], one["status_after"], one["failing_after"]) == (0, "ERROR", "FAILED", 5)
    assert "orders.parquet" in one["note"]
    (shop.root / "datasets/orders.yml").unlink()
    code, found = impact("--rules", "HEAD")
    assert (code, found["datasets"][0]["what"], found["datasets"][0]["problem"]) == (1, "removed", None)


@pytest.mark.parametrize("way", [[], ["--markdown"]], ids=["text", "markdown"])
def test_data_that_is_not_there_leaves_what_contracts_say(
    shop: Domain, impact: Asked, capsys: pytest.CaptureFixture[str], way: list[str]
) -> None:
    shop.edit("datasets/orders.yml", "  - {check: not_null, column: id}\n", "")
    (shop.root / "data" / "orders.parquet").unlink()
    code, found = impact()
    (one,) = found["datasets"]
    assert (code, one["breaking"]) == (3, ["the rule not_null(id) is removed"])
    assert "orders in dev:" in one["problem"]
    assert main(["impact", *way]) == 3
    shown = capsys.readouterr()
    assert "not judged:" in shown.out
    one_sentence(shown, "orders.parquet")


def test_a_branch_is_compared_with_where_it_left_main(shop: Domain, impact: Asked) -> None:
    git(shop.root, "checkout", "--quiet", "-b", "change")
    shop.edit("datasets/orders.yml", "max: 10", "max: 5")
    commit(shop.root)
    git(shop.root, "checkout", "--quiet", "main")
    shop.edit("datasets/orders.yml", "[open, paid, gone]", "[open]")
    left = git(shop.root, "rev-parse", "HEAD")
    commit(shop.root)
    git(shop.root, "checkout", "--quiet", "change")
    _, found = impact()
    assert (found["commit"], found["compared_with"]) == (left, "the commit where HEAD left main")
    assert [*moved(found["datasets"][0])] == ["in_range(amount, min=0, max=5)"]
    assert len(impact("--rules", "main")[1]["datasets"][0]["rules"]) == 2


def test_a_clone_that_lacks_the_commit_where_the_branch_left_is_no_green_one(shop: Domain, tmp_path: Path) -> None:
    git(shop.root, "checkout", "--quiet", "-b", "change")
    for branch in ("change", "main"):
        git(shop.root, "checkout", "--quiet", branch)
        git(shop.root, "commit", "--quiet", "--allow-empty", "--message", branch)
    clone, address = tmp_path / "clone", f"file://{shop.root}"
    words = ("clone", "--quiet", "--depth", "1", "--no-single-branch", "--branch", "change", address, str(clone))
    git(tmp_path, *words)
    with pytest.raises(ConfigurationError, match=r"where HEAD left origin/main is not known here.*--unshallow"):
        compared_with(clone, None)
    with pytest.raises(ConfigurationError, match=r"git knows no commit 'HEAD~1' here; this clone lacks .*--unshallow"):
        compared_with(clone, "HEAD~1")
    git(clone, "fetch", "--quiet", "--unshallow")
    assert compared_with(clone, None).id == git(shop.root, "merge-base", "change", "main").strip()
    with pytest.raises(ConfigurationError, match="git knows no commit 'HEAD~99' here: what follows HEAD leads to none"):
        compared_with(clone, "HEAD~99")


@pytest.mark.parametrize("depth", [["--depth", "1"], []], ids=["shallow", "whole"])
def test_a_clone_without_its_main_branch_is_no_green_one(shop: Domain, tmp_path: Path, depth: list[str]) -> None:
    """As CI makes it, of one commit or of one branch: what HEAD is compared with is not here."""
    git(shop.root, "checkout", "--quiet", "-b", "change")
    git(shop.root, "commit", "--quiet", "--allow-empty", "--message", "change")
    clone = tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--initial-branch", "unborn", str(clone))
    git(clone, "remote", "add", "origin", f"file://{shop.root}")
    git(clone, "fetch", "--quiet", "--no-tags", *depth, "origin", "+refs/heads/change:refs/remotes/pull/1/merge")
    git(clone, "checkout", "--quiet", "--detach", "refs/remotes/pull/1/merge")
    with pytest.raises(ConfigurationError, match=r"where HEAD left the main branch is not known .*fetch-depth: 0"):
        compared_with(clone, None)
    assert compared_with(clone, "HEAD").id == git(shop.root, "rev-parse", "change")
    git(clone, "fetch", "--quiet", *(["--unshallow"] if depth else []), "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert compared_with(clone, None).id == git(shop.root, "merge-base", "change", "main")


def test_branches_that_have_no_commit_in_common_are_said_to_have_none(shop: Domain) -> None:
    git(shop.root, "checkout", "--quiet", "--orphan", "other")
    (shop.root / "other.txt").write_text("the same files in the same second would be the same commit", "utf-8")
    commit(shop.root)
    with pytest.raises(ConfigurationError, match=r"HEAD and ma.* have no commit in common; name a commit by --rules"):
        compared_with(shop.root, None)


def test_a_repository_in_a_folder_of_another_one_is_compared_too(
    shop: Domain, impact: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.root / ".git").rename(shop.root.parent / ".git")
    commit(shop.root.parent)
    shop.edit("datasets/orders.yml", "max: 10", "max: 5")
    assert moved(impact("--rules", "HEAD")[1]["datasets"][0])["in_range(amount, min=0, max=5)"][2:] == (1, 0)


def test_a_contract_that_is_a_link_is_what_it_leads_to(shop: Domain, impact: Asked) -> None:
    (shop.root / "shared").mkdir()
    path = shop.root / "datasets" / "orders.yml"
    path.rename(shop.root / "shared" / "orders.yml")
    path.symlink_to("../shared/orders.yml")
    commit(shop.root)
    assert impact("--rules", "HEAD")[1]["datasets"] == []
    shop.edit("shared/orders.yml", "max: 10", "max: 5")
    code, found = impact("--rules", "HEAD")
    assert (code, [*moved(found["datasets"][0])]) == (0, ["in_range(amount, min=0, max=5)"])
    (shop.root / ".git").rename(shop.root.parent / ".git")
    commit(shop.root.parent)
    assert impact("--rules", "HEAD")[1]["datasets"] == []


@pytest.mark.parametrize("to", ["../shared/none.yml", "orders.yml", "../policy.yml/x", "/nowhere/at/all.yml"])
def test_a_link_in_git_that_leads_nowhere_is_no_contract(shop: Domain, impact: Asked, to: str) -> None:
    path, text = shop.root / "datasets" / "orders.yml", (shop.root / "datasets" / "orders.yml").read_text("utf-8")
    shop.write("datasets/others.yml", text.replace("dataset: orders", "dataset: others"))
    path.unlink()
    path.symlink_to(to)
    commit(shop.root)
    path.unlink()
    shop.write("datasets/orders.yml", text)
    (one,) = impact("--rules", "HEAD")[1]["datasets"]
    assert (one["dataset"], one["what"], one["problem"]) == ("orders", "added", None)


def test_policy_and_own_python_are_this_trees_on_both_sides_and_it_says_so(shop: Domain, impact: Asked) -> None:
    shop.edit("datasets/orders.yml", "max: 10", "max: 5")
    assert impact()[1]["notes"] == []
    shop.edit("policy.yml", "reason: a test", "reason: another")
    (note,) = impact()[1]["notes"]
    assert note == "policy.yml: other than in the commit; both contracts are judged by what this tree has"
    shop.write("datasets/orders.yml", CONTRACT)
    assert impact()[1]["notes"] == ["policy.yml: other than in the commit; what that changes is not compared"]


ADDED = {
    "a row rule": "{check: not_null, column: emial}",
    "a table rule": "{check: mean, column: amonut, at_most: 5}",
}


@pytest.mark.parametrize("added", ADDED.values(), ids=ADDED.keys())
def test_a_new_rule_that_cannot_be_judged_is_not_green(shop: Domain, impact: Asked, added: str) -> None:
    shop.write("datasets/orders.yml", f"{CONTRACT}  - {added}\n")
    code, found = impact()
    (one,) = found["datasets"]
    (rule,) = one["rules"]
    assert (code, one["breaking"], rule["after"]["status"]) == (3, [], "ERROR")
    assert rule["note"].startswith("it could not be judged: column '")
    commit(shop.root)
    shop.edit("datasets/orders.yml", "max: 10", "max: 5")
    assert impact("--rules", "HEAD")[0] == 0


def test_nothing_is_said_of_what_breaks_where_nothing_could_be_compared(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write("datasets/orders.yml", f"{CONTRACT}  - [\n")
    assert main(["impact"]) == 2
    shown = capsys.readouterr().out
    assert "1 of them could not be compared\n" in shown
    assert "breaking" not in shown


def test_the_markdown_is_a_page_that_a_comment_takes(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    many = "".join(f"  - {{check: in_range, column: amount, min: 0, name: 'a | b {n} <i>'}}\n" for n in range(900))
    shop.write("datasets/orders.yml", CONTRACT.replace("  - {check: not_null, column: id}\n", many))
    capsys.readouterr()
    assert main(["impact", "--markdown"]) == 1
    page = capsys.readouterr().out
    assert page.startswith("## Impact on data quality\n\n1 contract differs from the commit where HEAD left main")
    assert "* **breaking for consumers**: the rule not\\_null(id) is removed" in page.replace("not_null", "not\\_null")
    assert "| added | a \\| b 1 \\<i\\> |" in page
    assert len(page) < 31_000
    assert "more lines: `nox -s impact` shows all of it." in page


def test_a_name_in_the_data_calls_nobody_in_a_comment(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    one = "  - {check: in_range, column: amount, min: 0, name: '@team and a@b.example, see #12'}\n"
    shop.write("datasets/orders.yml", CONTRACT.replace("  - {check: not_null, column: id}\n", one))
    capsys.readouterr()
    assert main(["impact", "--markdown"]) == 1
    assert "| added | @<!-- -->team and a@b.example, see #<!-- -->12 |" in capsys.readouterr().out

    other = one.replace("@team and a@b.example, see #12", "$a$ :tada: a/b#1 GH-2")
    shop.write("datasets/orders.yml", CONTRACT.replace("  - {check: not_null, column: id}\n", other))
    assert main(["impact", "--markdown"]) == 1
    shown = "<span>$</span>a<span>$</span> :<!-- -->tada: a/b#<!-- -->1 GH<!-- -->-2"
    assert f"| added | {shown} |" in capsys.readouterr().out
