"""States made in batches elsewhere: everything that is sent says the same there, and what is lost is sent again."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Literal

import polars as pl
import pytest
from histories import History, differences
from prefect import flow

from quality import ConfigurationError, check, data_quality_check_task
from quality.contract.config import CheckConfig
from quality.contract.policy import load_policy
from quality.file_states import run
from quality.file_states.nights import nights
from quality.file_states.opening import ignored
from quality.file_states.spread import EACH
from quality.file_states.store import Store
from quality.ladder import runners
from quality.result import CheckResult
from quality.sources import Files
from quality.sources.source import Part
from quality.values import Status

ENGINE = {"runner": "threads", "files_per_task": 1, "workers": 2}
RULES = [
    {"check": "unique", "column": "id"},
    {"check": "unique", "column": "name"},
    {"check": "in_range", "column": "amount", "min": 0, "max": 50, "by": "shop"},
    {"check": "z_score_outlier", "column": "amount", "threshold": 1.5},
    {"check": "foreign_key", "column": "shop", "reference": "shops.parquet", "reference_column": "shop"},
    {"check": "increasing", "column": "id"},
]


class Sent:
    """Runs batches here, after everything has gone through bytes both ways, as between two processes.

    It cannot be sent itself, as no runner that is at work can.
    """

    def __init__(self) -> None:
        self.batches = self.bytes = 0
        self.at_work = Lock()

    def __call__(self, work: Callable[[Any], Any], batches: Sequence[Any]) -> list[Any]:
        said = pickle.dumps(work)
        return [self._answer(said, pickle.dumps(one)) for one in batches]

    def _answer(self, work: bytes, batch: bytes) -> Any:
        answer = pickle.dumps(pickle.loads(work)(pickle.loads(batch)))
        self.batches += 1
        self.bytes += len(work) + len(batch) + len(answer)
        return pickle.loads(answer)


def test_batches_that_are_sent_say_what_the_whole_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated files, rules and changes of both, as in `histories.py`; every file is a batch of its own."""
    own = History.config
    monkeypatch.setattr(History, "config", lambda self, kept, rules=None: _spread(own(self, kept, rules), kept))
    sent = Sent()
    token = EACH.set(sent)
    try:
        assert [said for seed in (*range(40, 44), 63, 87) for said in differences(seed)] == []
    finally:
        EACH.reset(token)
    assert sent.batches > 20


@pytest.mark.parametrize("keys", ["numbers", "texts"])
def test_what_is_sent_grows_as_the_files_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    """Each batch is sent what is about its own files: marks that repeat, and the tables of each range, are of all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.setattr(run, "BYTES", 2**16)
    rules = [{"check": "unique", "column": "key"}]
    asks = CheckConfig().override(dataset="orders", source=Files(path="data/*.parquet"), rules=rules, engine=ENGINE)
    (tmp_path / "data").mkdir()
    bytes_sent = []
    for files in (16, 48):
        for number in range(files):
            ids = pl.Series("key", range(number // 2 * 500, number // 2 * 500 + 500))  # two files have the same keys
            ids.cast(pl.String if keys == "texts" else pl.Int64).to_frame().write_parquet(
                tmp_path / "data" / f"{number:02}.parquet"
            )
        sent = Sent()
        token = EACH.set(sent)
        try:
            found = check(None, asks.override(states={"path": f"states {files}"}))
        finally:
            EACH.reset(token)
        assert found.rules[0].failed_count == files * 500
        bytes_sent.append(sent.bytes)
    assert bytes_sent[1] < 3.3 * bytes_sent[0]


def _spread(config: CheckConfig, kept: bool) -> CheckConfig:
    return config.override(engine=ENGINE) if kept else config


class Fragile(Files):
    """Files of which one ends the task that reads it, so many times."""

    kind: Literal["fragile"] = "fragile"  # type: ignore[assignment]
    ends: ClassVar[int] = 0
    ended: ClassVar[list[str]] = []

    def parts(self, root: Path) -> tuple[Part, ...]:
        return tuple(one._replace(read=partial(_fragile, one)) for one in super().parts(root))


def _fragile(part: Part, judged: Any) -> Any:
    if part.name.endswith("3.parquet") and len(Fragile.ended) < Fragile.ends:
        Fragile.ended.append(part.name)
        raise SystemExit("the worker is gone")
    return part.read(judged)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six files of orders, and their shops."""
    (tmp_path / "data").mkdir()
    for number in range(6):
        ids = range(100 * number - number % 2, 100 * number + 100)
        made = {"id": ids, "name": [f"n{one % 450}" for one in ids]}
        made |= {"amount": [float(one % 64) for one in ids], "shop": [one % 7 for one in ids]}
        pl.DataFrame(made).write_parquet(tmp_path / "data" / f"{number}.parquet")
    pl.DataFrame({"shop": range(6)}).write_parquet(tmp_path / "shops.parquet")
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Fragile.ended.clear()
    return tmp_path


def config(**engine: Any) -> CheckConfig:
    source = Fragile(path="data/*.parquet")
    given: dict[str, Any] = {"dataset": "orders", "source": source, "rules": RULES, "key": ("id",)}
    states = {"path": "states", "full_every_days": None}
    return CheckConfig().override(**given, states=states, fail_on_error=False, engine=ENGINE | engine)


@flow
def checked(asked: CheckConfig) -> tuple[CheckResult | None, str]:
    """A check in a run, and what it failed with."""
    state = data_quality_check_task(config=asked, return_state=True)
    found = state.result(raise_on_failure=False)
    result = getattr(found, "result", found)
    return result if isinstance(result, CheckResult) else None, str(state.message)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches each check has sent to its runner."""
    counts, send = [0], runners.Batches._submit

    def counted(self: runners.Batches, work: bytes, batch: bytes) -> Any:
        counts[0] += 1
        return send(self, work, batch)

    monkeypatch.setattr(runners.Batches, "_submit", counted)
    return counts


def test_threads_of_a_run_give_the_verdict_of_one_file_after_the_other(
    api: str, folder: Path, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BYTES", 2**20)
    monkeypatch.setattr(run, "FEW", 1)  # marks of six files are many enough to be put together first
    expected = check(None, config())
    assert expected.status is Status.FAILED
    assert "states of 6 files: 0 kept, 6 read" in expected.metadata.explain.queries[0]
    shutil.rmtree(folder / "states")
    found, _ = checked(config())
    assert found is not None
    assert found.comparable() == expected.comparable()
    first = sent[0]
    assert first > 6 * 3  # what each file is, its states, its marks
    again, _ = checked(config())
    assert again is not None
    assert "states of 6 files: 6 kept, 0 read" in again.metadata.explain.queries[0]
    assert again.comparable() == expected.comparable()
    assert sent[0] == first  # what repeats among these files is known by now
    few, _ = checked(config(files_per_task=100).override(states={"path": "others"}))
    assert few is not None
    assert sent[0] == first + 2 * 3 + 2 * 3  # groups of marks and ranges alone: what fits into one batch is done here


class Rewritten(Files):
    """Files of which one is written anew when it is opened alone for the first time."""

    kind: Literal["rewritten"] = "rewritten"  # type: ignore[assignment]

    def parts(self, root: Path) -> tuple[Part, ...]:
        return tuple(one._replace(read=partial(_rewritten, one, root)) for one in super().parts(root))


def _rewritten(part: Part, root: Path, judged: Any) -> Any:
    file, marker = root / part.name, root / "rewritten"
    if part.name.endswith("3.parquet") and not marker.exists():
        marker.touch()
        frame = pl.read_parquet(file).with_columns(amount=pl.lit(0.0))
        file.unlink()
        frame.write_parquet(file)
    return part.read(judged)


@pytest.mark.parametrize("each", [None, Sent()], ids=["here", "elsewhere"])
def test_nothing_is_kept_of_a_file_that_is_rewritten_while_it_is_read(folder: Path, each: Any) -> None:
    asks = config().override(source=Rewritten(path="data/*.parquet"))
    store = Store("states", "orders", "none")
    token = EACH.set(each)
    try:
        found = check(None, asks)
        assert "the source, or a reference, changed while it was read" in str(found.reason)
        assert len([one for one in Path(store.folder).glob("*.parquet") if "." not in one.stem]) == 5
        assert nights(store) == []
        again = check(None, asks)
    finally:
        EACH.reset(token)
    with ignored():
        whole = check(None, asks)
    assert again.comparable() == whole.comparable()


def test_data_that_changes_while_it_is_read_in_full_is_no_defect_of_kept_states(folder: Path) -> None:
    asks = config().override(source=Rewritten(path="data/*.parquet"), states={"full_every_days": 7})
    now = datetime(2026, 11, 27, tzinfo=UTC)
    (folder / "rewritten").touch()
    check(None, asks, now=now)
    new = folder / "data" / "53.parquet"
    shutil.copy(folder / "data" / "3.parquet", new)
    (folder / "rewritten").unlink()
    found = check(None, asks, now=now + timedelta(days=8))
    assert found.status is Status.FAILED, found.reason
    with ignored():
        assert found.comparable() == check(None, asks).comparable()


@pytest.mark.parametrize(("ends", "status"), [(1, Status.FAILED), (2, Status.ERROR)])
def test_a_batch_that_is_lost_is_sent_again_and_one_that_is_lost_twice_is_one_error(
    api: str, folder: Path, monkeypatch: pytest.MonkeyPatch, ends: int, status: Status
) -> None:
    expected = check(None, config())
    shutil.rmtree(folder / "states")
    monkeypatch.setattr(Fragile, "ends", ends)
    found, _ = checked(config())
    assert found is not None
    assert (found.status, len(Fragile.ended)) == (status, ends)
    if status is Status.FAILED:
        assert found.comparable() == expected.comparable()
    else:
        said = "the runner threads gave no answer for batch 4 of 6, sent 2 times"
        assert {rule.message.partition(":")[0] for rule in found.rules} == {said}
        assert found.retry_helps


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{runner: spark}", "must be one of threads, dask, ray"),
        ("{runner: threads, address: tcp://a:1}", "the runner threads is in this process"),
        (
            "{runner: dask, address: tcp://a:1}",
            "the workers at tcp://a:1 do not see .quality/states: set",
        ),
        ("{runner: ray, address: ray://a:1, workers: 2}", "has workers of its own"),
        ("{runner: dask, bytes_per_task: lots}", "'lots' is not an amount of memory; write 512MB or 4GB"),
        ("{runner: dask, files_per_task: 0}", "engine.files_per_task must be at least 1, not 0"),
        ("{runner: dask}\n    isolate: true", "which has no task runner for an `engine`: leave one of them out"),
        ("{runner: dask}\n    states: {enabled: false}", "keeps none; leave one of them out"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(tmp_path: Path, written: str, said: str) -> None:
    policy = tmp_path / "policy.yml"
    needed = "    retries: {reason: a}\n    cache: {reason: a}\n    work_pool: p\n"
    policy.write_text(f"environments:\n  dev:\n{needed}    engine: {written}\n", "utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_policy(policy)
    assert said in str(refused.value)


def test_a_runner_whose_extra_is_not_installed_is_refused_by_name(
    api: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    _, said = checked(config(runner="dask"))
    assert 'the runner dask needs the extra `dask`: add "dask" to `extras` in pyproject.toml' in said


def test_a_configuration_without_an_engine_has_the_fingerprint_that_it_had() -> None:
    assert "engine" not in CheckConfig().document()
    assert CheckConfig().override(engine=ENGINE).fingerprint != CheckConfig().fingerprint
