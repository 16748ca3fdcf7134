"""What is learned: held out, true of its own data, few, and what a person would have written."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from checking import NOW
from domains import Domain

from quality.__main__ import main
from quality.checking import check
from quality.cli.learn import proposal
from quality.contract.config import CheckConfig
from quality.contract.contract import load_contract
from quality.learning.formats import declared, with_dtypes
from quality.learning.holdout import cuts
from quality.learning.page import page
from quality.learning.proposal import Proposal, learn
from quality.rules.catalogue import parse_rules
from quality.sources import Files
from quality.values import Status

ROWS = 1_200


def orders(rows: int = ROWS, seed: int = 1) -> pl.DataFrame:
    """Orders as they come: numbers with a tail, words, codes, moments, a serial, nulls at random."""

    def chance(n: int) -> pl.Expr:
        return (pl.col("n") + n * 1_000_003).hash(seed) % 10_000 / 10_000

    return pl.DataFrame({"n": range(rows)}, schema={"n": pl.Int64}).select(
        order_id=pl.col("n") + 10_000,
        zip=(chance(1) * 90_000 + 501).cast(pl.Int64).cast(pl.String).str.zfill(5),
        status=(chance(2) * 3).cast(pl.Int8).replace_strict([0, 1, 2], ["open", "paid", "sent"]),
        amount=-(1 - chance(3) + 1e-5).log() * 50,
        discount=pl.when(chance(4) >= 0.3).then(chance(5)),
        ordered_at=pl.datetime(2024, 1, 1) + pl.duration(hours=pl.col("n")),
        currency=pl.lit("EUR"),
        urgent=chance(6) < 0.2,
    )


def rules_about(proposal: Proposal, column: str) -> dict[str, dict[str, Any]]:
    said = [rule for rule in proposal.written() if rule.get("column") == column]
    return {rule["check"]: rule for rule in said}


@pytest.fixture(scope="module")
def learned() -> Proposal:
    return learn(orders().lazy(), now=NOW)


def test_what_is_learned_is_what_a_person_would_write(learned: Proposal) -> None:
    assert learned.key == ("order_id",)
    status, amount = rules_about(learned, "status"), rules_about(learned, "amount")
    assert status["in_set"]["values"] == ["open", "paid", "sent"]
    assert {"not_null", "distinct_count"} < status.keys()
    assert amount["in_range"]["min"] == 0
    assert orders()["amount"].max() < amount["in_range"]["max"] < 2_000
    assert rules_about(learned, "zip")["regex"]["pattern"] == "^[0-9]{5}$"
    assert 0.5 < rules_about(learned, "discount")["completeness_ratio"]["min_ratio"] < 0.7
    assert rules_about(learned, "order_id")["increasing"]["strict"]
    assert "in_set" not in rules_about(learned, "currency"), "one value may be another one's tomorrow"
    whole = {rule["check"]: rule for rule in learned.written() if "column" not in rule}
    assert whole["schema"]["closed"]
    assert whole["schema"]["columns"]["zip"] == "String"
    assert whole["row_count"]["min"] > ROWS / 2 < ROWS < whole["row_count"]["max"] < 2 * ROWS


def test_each_rule_says_on_what_it_stands_and_a_column_has_three_at_most(learned: Proposal) -> None:
    assert len(learned.rules) <= 3 * orders().width
    for name in orders().columns:
        assert len(rules_about(learned, name)) <= 3
    for rule in learned.written():
        assert rule["learned"]["rows"] == ROWS
        assert rule["learned"]["why"]
        assert rule["learned"]["holds_out"]


def test_other_rows_of_the_kind_pass(learned: Proposal) -> None:
    later = orders(seed=2).with_columns(pl.col("order_id") + ROWS, pl.col("ordered_at") + timedelta(hours=ROWS))
    result = check(later, CheckConfig(rules=learned.rules), now=NOW)
    assert result.failed_count + result.error_count == 0, [one for one in result.rules if one.status != "PASSED"]


WRONG: dict[str, pl.Expr] = {
    "a sign": -pl.col("amount"),
    "a unit": pl.col("amount") * 1_000,
    "one number for all": pl.lit(12.5).alias("amount"),
    "a new word": pl.col("status").replace("sent", "shipped"),
    "no value": pl.lit(None, pl.String).alias("status"),
    "more nulls": pl.when(pl.col("discount") > 0.5).then("discount"),
    "lost zeros": pl.col("zip").str.strip_chars_start("0"),
    "blanks": pl.col("zip") + " ",
    "the future": pl.col("ordered_at") + timedelta(days=3_000),
    "the epoch": pl.lit(datetime(1970, 1, 1)).alias("ordered_at"),
    "numbers as text": pl.col("amount").cast(pl.String),
    "one key for all": pl.lit(10_000, pl.Int64).alias("order_id"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_noticed(wrong: pl.Expr, learned: Proposal) -> None:
    result = check(orders().with_columns(wrong), CheckConfig(rules=learned.rules), now=NOW)
    assert result.status is not Status.PASSED


@pytest.mark.parametrize(
    "rows", [slice(0, 600), slice(0, 1), slice(0, 300, 100)], ids=["half", "one row", "three rows"]
)
def test_half_or_a_few_rows_are_noticed(rows: slice, learned: Proposal) -> None:
    assert check(orders()[rows], CheckConfig(rules=learned.rules), now=NOW).status is Status.FAILED


def test_what_the_later_rows_broke_is_widened_or_dropped() -> None:
    """The first half alone would have claimed a set of two words, no null and a narrow range."""
    half = ROWS // 2
    drifting = pl.DataFrame(
        {
            "word": ["a", "b"] * (half // 2) + ["c", "d"] * (half // 2),
            "level": [*range(half), *range(10 * half, 11 * half)],
            "note": ["x y"] * half + [None] * half,
        }
    )
    found = learn(drifting.lazy(), now=NOW)
    assert "in_set" not in rules_about(found, "word")
    assert rules_about(found, "level").get("in_range", {"max": 11 * half})["max"] >= 11 * half
    assert "not_null" not in rules_about(found, "note")


SHAPES: dict[str, pl.DataFrame] = {
    "no rows": orders().head(0),
    "one row": orders().head(1),
    "three rows": orders().head(3),
    "twenty rows": orders().head(20),
    "all null": orders().select(pl.lit(None, dtype).alias(name) for name, dtype in orders().schema.items()),
    "one column": orders().select("amount"),
    "a null column": pl.DataFrame({"a": range(100), "b": [None] * 100}),
    "nested": pl.DataFrame({"a": [[1]] * 60, "b": [{"x": 1}] * 60, "c": [b"x"] * 60}),
    "numbers that are none": pl.DataFrame({"f": [float("nan"), float("inf"), *map(float, range(98))]}),
    "names like patterns": orders().rename({"status": "*", "amount": "^a$", "zip": "a, b"}),
    "an empty name": orders().rename({"status": ""}),
    "kinds of dtypes": pl.DataFrame(
        {
            "dec": pl.Series(range(100)).cast(pl.Decimal(10, 2)),
            "cat": pl.Series(["a", "b"] * 50, dtype=pl.Categorical),
            "enum": pl.Series(["a", "b"] * 50, dtype=pl.Enum(["b", "a"])),
            "zone": pl.Series([datetime(2024, 5, 1, n % 24, tzinfo=UTC) for n in range(100)]),
            "dur": pl.Series([timedelta(hours=n) for n in range(100)]),
            "time": pl.Series([(datetime(2024, 1, 1) + timedelta(minutes=n)).time() for n in range(100)]),
            "u64": pl.Series([2**64 - 1 - n for n in range(100)], dtype=pl.UInt64),
            "i8": pl.Series([n - 50 for n in range(100)], dtype=pl.Int8),
            "f32": pl.Series([n / 7 for n in range(100)], dtype=pl.Float32),
            "date": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 4, 9), eager=True),
            "ns": pl.Series([datetime(2024, 1, 1)] * 100).cast(pl.Datetime("ns")),
            "same": [5] * 100,
        }
    ),
}


@pytest.mark.parametrize("data", SHAPES.values(), ids=list(SHAPES))
def test_whatever_the_data_is_a_contract_takes_what_is_learned_and_its_data_passes(
    data: pl.DataFrame, tmp_path: Path
) -> None:
    found = learn(data.lazy(), now=NOW)
    (tmp_path / "d.yml").write_text(f"dataset: d\nowner: '@d'\nsource: d.parquet\n{page(found)}", "utf-8")
    contract = load_contract(tmp_path / "d.yml")
    assert [rule.learned for rule in contract.rules] == [rule.learned for rule in found.rules]
    assert contract.rules == found.rules
    result = check(data, CheckConfig(rules=contract.rules), now=NOW)
    assert result.error_count == 0, [rule.message for rule in result.rules if rule.status is Status.ERROR]
    assert result.failed_count == 0


def test_what_a_rule_stands_on_is_no_part_of_the_fingerprint(learned: Proposal) -> None:
    plain = parse_rules([{k: v for k, v in rule.items() if k != "learned"} for rule in learned.written()])
    assert not any(rule.learned for rule in plain)
    assert CheckConfig(rules=plain).fingerprint == CheckConfig(rules=learned.rules).fingerprint


def test_of_large_data_all_rows_have_the_last_word(tmp_path: Path) -> None:
    """One row in a hundred thousand is unlike all that were looked at; a key that repeats once is no key."""
    rows = 120_000
    data = pl.select(
        pl.int_range(rows).alias("id"), (pl.int_range(rows).hash(1) % 100).cast(pl.Float64).alias("score")
    ).with_columns(pl.when(pl.col("id") == 77_777).then(9_999.5).otherwise("score").alias("score"))
    twice = data.with_columns(pl.when(pl.col("id") == 5).then(6).otherwise("id").alias("id"))
    twice.write_parquet(tmp_path / "large.parquet")
    found = learn(pl.scan_parquet(tmp_path / "large.parquet"), now=NOW)
    assert found.rows == rows
    assert "id" not in found.key
    assert rules_about(found, "score")["in_range"]["max"] >= 9_999.5
    assert check(twice, CheckConfig(rules=found.rules), now=NOW).status is Status.PASSED


def test_a_rhythm_that_reaches_now_is_learned_as_freshness() -> None:
    moments = [NOW.replace(tzinfo=None) - timedelta(hours=n) for n in range(200, 0, -1)]
    fresh = rules_about(learn(pl.DataFrame({"at": moments}).lazy(), now=NOW), "at")["freshness"]
    assert fresh["max_age"] == "3h"


def test_texts_of_files_keep_their_zeros_and_become_dates() -> None:
    found = declared(
        pl.DataFrame(
            {
                "zip": ["00501", "10001"],
                "n": ["1", "20"],
                "day": ["2024-01-31", "2024-02-29"],
                "european": ["31.01.2024", "01.02.2024"],
                "either": ["01/02/2024", "03/04/2024"],
                "american": ["01/31/2024", "02/01/2024"],
                "at": ["2024-01-31 10:00:00", "2024-01-31T11:00:00"],
            }
        )
    )
    assert found.dtypes == {"zip": "String", "day": "Date", "at": "Datetime"}
    assert found.dates == {"european": "DD.MM.YYYY", "american": "MM/DD/YYYY"}


def test_a_csv_file_is_learned_from_as_what_it_is(tmp_path: Path) -> None:
    orders(100).with_columns(pl.col("ordered_at").dt.strftime("%d.%m.%Y")).write_csv(tmp_path / "o.csv")
    source = with_dtypes(Files(path="o.csv"), tmp_path)
    assert source.dtypes == {"zip": "String"}
    assert source.dates == {"ordered_at": "DD.MM.YYYY"}
    assert source.scan(tmp_path).collect_schema()["ordered_at"] == pl.Date


def test_the_verb_says_what_the_source_had_better_declare_and_why_it_cannot_learn(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8").replace("users.parquet", "users.csv"), "utf-8")
    orders(60).rename({"order_id": "id"}).write_csv(repository / "data" / "users.csv")
    assert main(["learn", "users", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["datasets"]
    assert found["source"]["dtypes"]["zip"] == "String"
    assert found["key"] == ["id"]
    assert all(rule["learned"]["rows"] == 60 for rule in found["rules"])
    (repository / "data" / "users.csv").write_text("id,zip\n", "utf-8")
    assert main(["learn", "users"]) == 3
    assert "there are no rows to learn from" in capsys.readouterr().err


def test_a_name_that_means_another_dataset_is_learned_as_a_reference() -> None:
    customers = pl.DataFrame({"id": range(50)}).lazy()
    visits = pl.DataFrame({"customer_id": [n % 40 for n in range(200)], "n": range(200)})
    found = learn(visits.lazy(), now=NOW, references={"customers": (customers, ("id",))})
    assert rules_about(found, "customer_id")["referential_integrity"]["reference"] == "customers"
    strange = learn((visits * 10).lazy(), now=NOW, references={"customers": (customers, ("id",))})
    assert "referential_integrity" not in rules_about(strange, "customer_id")


@pytest.mark.parametrize("dtype", [pl.Date(), pl.Datetime("us")])
def test_moments_that_go_on_have_no_bound_soon_after_them(dtype: pl.DataType) -> None:
    days = pl.date_range(NOW.date() - timedelta(days=400), NOW.date() - timedelta(days=371), eager=True)
    in_order = pl.DataFrame({"day": days.cast(dtype).repeat_by(10).explode()})
    found = rules_about(learn(in_order.lazy(), now=NOW), "day")
    assert found["in_range"]["max"] > (NOW + timedelta(days=600)).date().isoformat()
    assert found["in_range"]["min"] > (NOW - timedelta(days=440)).date().isoformat()
    assert "increasing" in found
    mixed = rules_about(learn(in_order.sample(fraction=1, shuffle=True, seed=1).lazy(), now=NOW), "day")
    assert mixed["in_range"]["max"] < NOW.date().isoformat()


def test_a_number_that_names_the_rows_of_two_datasets_refers_to_neither() -> None:
    bills, repeated = pl.DataFrame({"no": range(200)}), pl.DataFrame({"no": [n % 50 for n in range(200)]})
    for rows, dataset, expected in ((bills, "stores", False), (bills, "no", True), (repeated, "stores", True)):
        found = learn(rows.lazy(), now=NOW, references={dataset: (bills.lazy(), ("no",))})
        assert ("referential_integrity" in rules_about(found, "no")) == expected


def test_three_hundred_columns_are_learned_in_seconds() -> None:
    number = pl.int_range(2_000, eager=True)
    wide = pl.DataFrame({f"c{n}": (number * (n + 1)).hash(n) % 1_000 for n in range(300)})
    start = time.process_time()
    found = learn(wide.lazy(), now=NOW)
    assert time.process_time() - start < 20
    assert len(found.rules) > 300


@pytest.mark.parametrize("sizes", [(50,) * 12, (400, 10, 10, 90), (7, 300), (1_000,)], ids=str)
def test_no_partition_is_on_both_sides_of_a_cut(sizes: tuple[int, ...]) -> None:
    months = [month for month, size in enumerate(sizes, 1) for _ in range(size)]
    rows = pl.DataFrame({"month": months, "n": range(len(months))}).sort(pl.col("month").cast(pl.String))
    made = list(cuts(rows, ["month"]))
    if len(sizes) == 1:
        assert [cut.earlier.height for cut in made] == [cut.earlier.height for cut in cuts(rows)]
        return
    assert made
    for earlier, later in made:
        assert not {*earlier["month"]} & {*later["month"]}
        for part in (earlier, later):
            counts = part["month"].value_counts()
            assert {size for _, size in counts.rows()} <= {*sizes}
            assert all(size == sizes[month - 1] for month, size in counts.rows())
    first = made[0]
    assert first.earlier["month"].max() < first.later["month"].min()  # type: ignore[operator]


def test_what_only_the_first_partitions_bear_out_is_no_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Domain(tmp_path, "shop").work_here(monkeypatch)
    for month in range(1, 13):
        folder = shop.root / "data" / "all" / f"month={month}"
        folder.mkdir(parents=True)
        state = ["open", "paid", f"only {month}"] * 30
        orders(90, month).with_columns(status=pl.Series(state)).write_parquet(folder / "a.parquet")
    found, _ = proposal(CheckConfig(dataset="orders", source=Files(path="data/all/**/*.parquet")))
    assert not [rule for rule in found.rules if rule.check == "in_set" and rule.subjects == ("status",)]
    assert Files(path="data/all/**/*.parquet").partitions(shop.root) == ("month",)


def test_of_ten_thousand_columns_the_table_is_judged_and_the_contract_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Domain(tmp_path, "shop").work_here(monkeypatch)
    pl.DataFrame({f"c{n}": [n, n + 1, n + 2] for n in range(10_000)}).write_parquet(shop.root / "data" / "wide.parquet")
    assert main(["add", "data/wide.parquet"]) == 0
    contract = shop.root / "datasets" / "wide.yml"
    assert "Of 10,000 columns none has rules of its own" in contract.read_text("utf-8")
    assert [rule.check for rule in load_contract(contract).rules] == ["schema", "row_count"]


def test_a_path_is_learned_from_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Domain(tmp_path, "shop").work_here(monkeypatch)
    orders(200).write_csv(shop.root / "data" / "orders.csv")
    before = set(shop.root.rglob("*"))
    assert main(["learn", "data/orders.csv"]) == 0
    assert capsys.readouterr().out.startswith("# data/orders.csv: 200 rows. Keep what is true by intent")
    assert main(["learn", "data/gone.csv", "users"]) == 3
    told = capsys.readouterr()
    assert "# users: 3 rows." in told.out
    assert told.err == "quality: the file data/gone.csv does not exist\n"
    assert set(shop.root.rglob("*")) == before


def test_names_that_may_be_values_are_told_with_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Domain(tmp_path, "shop").work_here(monkeypatch)
    (shop.root / "data" / "bare.csv").write_text("".join(f"{n},x{n % 3},2026-01-{n % 28 + 1:02}\n" for n in range(90)))
    assert main(["add", "data/bare.csv"]) == 0
    contract = shop.root / "datasets" / "bare.yml"
    said = "A column is called 0: if the first line names no columns, write `header: false` into source."
    assert said in contract.read_text("utf-8")
    contract.unlink()
    (shop.root / "data" / "bare.csv").write_text("id,year 2026\n" + "".join(f"{n},1\n" for n in range(90)))
    assert main(["add", "data/bare.csv"]) == 0
    assert "header: false" not in contract.read_text("utf-8")
