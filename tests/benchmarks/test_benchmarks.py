"""Every contestant that this environment can import counts the same failing rows, on twenty thousand rows."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402
import jobs  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
from contestant import Job  # noqa: E402
from polars.testing import assert_frame_equal  # noqa: E402

from quality.contract.contract import load_contract  # noqa: E402

ROWS = 20_000
PEERS = sorted({one.module for one in run.CONTESTANTS.values()} - {"raw", "fused"})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def told(variant: str, suite: str, data: Path) -> Job:
    return Job(**json.loads(jobs.job(suite, generate.table(variant, ROWS, data)).read_text()))


def counts(module: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, int], dict[str, str]]:
    monkeypatch.setenv("QUALITY_ROOT", str(Path(job.table).parent))
    contestant: Any = importlib.import_module(f"contestants.{module}")
    return contestant.judge(job), getattr(contestant, "DIFFERENCES", {})


@pytest.mark.parametrize("module", PEERS)
def test_contestant_counts_what_the_hand_written_query_counts(
    module: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        importlib.import_module(f"contestants.{module}")
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed here")
    monkeypatch.chdir(tmp_path)
    job = told("orders", "orders", data)
    expected, _ = counts("fused", job, monkeypatch)
    found, differences = counts(module, job, monkeypatch)
    assert set(found) <= set(expected)
    assert {name: value for name, value in found.items() if name not in differences} == {
        name: expected[name] for name in found if name not in differences
    }


def test_every_planted_defect_is_counted(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = counts("fused", told("orders", "orders", data), monkeypatch)
    whole = {"created_fresh", "amount_mean", "amount_median", "enough_rows", "amount_dtype"}
    assert {name for name, rows in expected.items() if rows == 0} == whole
    assert expected["id_unique"] == 2 * ROWS // 1_000


@pytest.mark.parametrize(("variant", "suite"), [("orders_clean_sorted", "orders"), ("wide_clean", "wide")])
def test_clean_tables_are_clean_to_ours_and_to_the_hand_written_query(
    variant: str, suite: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = told(variant, suite, data)
    expected, _ = counts("fused", job, monkeypatch)
    found, _ = counts("ours", job, monkeypatch)
    assert found == expected
    assert set(found.values()) == {0}


@pytest.mark.parametrize(("suite", "rules"), [("orders", 20), ("orders_hundred", 100), ("wide", 200)])
def test_suite_has_as_many_rules_as_it_says(suite: str, rules: int) -> None:
    assert len(load_contract(jobs.SUITES / f"{suite}.yml").rules) == rules


def test_chunks_are_the_table_in_pieces() -> None:
    whole = generate.orders(0, 4_000, 10_000, 7, clean=False)
    assert_frame_equal(generate.orders(1_000, 3_000, 10_000, 7, clean=False), whole.slice(1_000, 2_000))


def test_another_seed_is_another_table() -> None:
    one, other = (generate.orders(0, 1_000, 1_000, seed, clean=True) for seed in (1, 2))
    assert not one.equals(other)


def test_a_count_that_differs_without_a_reason_is_a_disagreement() -> None:
    def one(**counts: int) -> dict[str, Any]:
        return {"counts": counts, "differences": {"b": "it counts otherwise"}}

    found = {"contestants": {"hand-written": one(a=1, b=1), "ours": one(a=2, b=2)}}
    assert report.disagreements(found) == ["ours counts 2 for a, the hand-written query 1"]
