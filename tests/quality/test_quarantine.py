from __future__ import annotations

import itertools
import json
import random
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from time import sleep
from typing import Any

import polars as pl
import pytest
from checking import NOW
from cryptography.fernet import Fernet, MultiFernet
from nightly import BAD, GOOD, RULES, Repository
from polars.testing import assert_frame_equal
from prefect.blocks.system import Secret
from pydantic import SecretStr
from rule_table import ROW_RULES, Row, write_references

from quality import checking
from quality.contract.config import CheckConfig
from quality.engine.frame import Frame
from quality.engine.judge import Found
from quality.errors import ConfigurationError, QuarantineError, SourceError
from quality.history import runs
from quality.operations import after_check
from quality.quarantine import splits as quarantine
from quality.quarantine.encryption import decrypted, encrypted
from quality.quarantine.redrive import redrive
from quality.quarantine.splits import Split
from quality.quarantine.waiting import waiting
from quality.values import Status

QUARANTINE = {"path": "out", "drop": ["email"]}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    return Repository(tmp_path, quarantine=QUARANTINE)


def judged(repository: Repository, run: str) -> Split:
    seen: list[tuple[Frame, list[Found]]] = []
    result = checking.check(None, repository.config, seen=lambda frame, found: seen.append((frame, found)))
    return quarantine.split(*seen[0], result, repository.config, run)


def rows(repository: Repository, name: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(folder / name) for folder in quarantine.standing(repository.config)])


def test_every_row_lands_in_exactly_one_file_with_its_rules_run_and_fingerprint(repository: Repository) -> None:
    repository.holds(BAD)
    assert judged(repository, "one").says() == "quarantine: 2 of 4 rows quarantined"
    fingerprint = repository.config.fingerprint
    unique, in_range = "unique(id)", "in_range(amount, min=0, max=100)"
    assert rows(repository, "failing.parquet").to_dicts() == [
        {"id": 2, "amount": -2.0, "_dq_rules": [unique, in_range], "_dq_run": "one", "_dq_fingerprint": fingerprint},
        {"id": 2, "amount": 3.0, "_dq_rules": [unique], "_dq_run": "one", "_dq_fingerprint": fingerprint},
    ]
    passed = rows(repository, "passed.parquet")
    assert passed["id"].to_list() == [1, 4]
    assert passed.columns == list(BAD)


def test_rows_in_quarantine_are_not_taken_into_git(repository: Repository) -> None:
    repository.holds(BAD)
    judged(repository, "one")
    subprocess.run(["git", "init", "--quiet"], cwd=repository.root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=repository.root, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=repository.root, check=True, capture_output=True, text=True).stdout
    assert "data" in listed
    assert "out/" not in listed


def test_a_clean_run_has_all_rows_among_the_good_ones(repository: Repository) -> None:
    split = judged(repository, "one")
    assert (split.rows, split.passed, split.failing) == (4, 4, 0)
    assert rows(repository, "failing.parquet").is_empty()


@pytest.mark.parametrize("passed", [True, False], ids=["good rows written", "failing rows only"])
@pytest.mark.parametrize("row", ROW_RULES, ids=lambda row: row.check)
def test_the_rows_that_a_rule_counts_are_those_set_apart_in_every_segment(
    row: Row, passed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    write_references(tmp_path)
    half = row.bad.height
    twice = pl.concat([row.bad, row.bad]).with_columns(
        segment=pl.Series(["x", "y"]).repeat_by(half).explode(), place=pl.int_range(2 * half)
    )
    rule, path = row.rule | {"by": "segment"}, {"path": "out", "passed": passed}
    config = CheckConfig.model_validate({"environment": "prod", "rules": [rule], "quarantine": path})
    seen: list[tuple[Frame, list[Found]]] = []
    result = checking.check(twice, config, now=NOW, seen=lambda frame, found: seen.append((frame, found)))
    split = quarantine.split(*seen[0], result, config, "one")
    (folder,) = quarantine.standing(config)
    apart = pl.read_parquet(folder / "failing.parquet")["place"].sort().to_list()
    failing = row.failing or ()
    assert apart == [*failing, *(half + number for number in failing)]
    assert split.passed + split.failing == 2 * half


def test_good_rows_stay_in_the_source_where_the_contract_says_so(repository: Repository) -> None:
    repository.says(quarantine={"path": "out", "passed": False})
    repository.holds(BAD)
    split = judged(repository, "one")
    assert (split.rows, split.passed, split.failing) == (4, 2, 2)
    (folder,) = quarantine.standing(repository.config)
    assert sorted(path.name for path in folder.iterdir()) == ["failing.parquet", "split.json"]
    repository.says(rules=[{"check": "in_range", "column": "amount", "min": 0, "max": 100}])
    assert redrive(repository.config) is not None
    assert rows(repository, "passed.parquet")["id"].to_list() == [2]


def test_only_rules_of_the_severities_asked_for_set_rows_apart(repository: Repository) -> None:
    repository.holds(BAD)
    repository.says(
        rules=[
            {"check": "unique", "column": "id", "severity": "warning"},
            {"check": "in_range", "column": "amount", "min": 0, "by": "id"},
        ]
    )
    assert judged(repository, "one").failing == 1


def test_the_same_data_is_set_apart_once(repository: Repository) -> None:
    repository.holds(BAD)
    judged(repository, "one")
    judged(repository, "two")
    assert [split.run for split in quarantine.standing(repository.config).values()] == ["two"]
    assert redrive(repository.config) is not None
    assert judged(repository, "three").run == "two"
    assert rows(repository, "failing.parquet").height == 2


def test_redrive_releases_the_rows_that_pass_todays_rules(repository: Repository) -> None:
    repository.holds(BAD)
    judged(repository, "one")
    repository.holds(GOOD | {"amount": [500.0, 2.0, 3.0, 4.0], "id": [7, 8, 9, 10]})
    judged(repository, "two")
    repository.says(rules=[{"check": "in_range", "column": "amount", "min": 0, "max": 1000}])
    split = redrive(repository.config)
    assert split is not None
    assert split.says() == "quarantine: 2 of 3 rows released, 1 stay"
    stays = rows(repository, "failing.parquet")
    assert stays.select("amount", "_dq_rules", "_dq_run").rows() == [
        (-2.0, ["in_range(amount, min=0, max=1000)"], "one")
    ]
    assert stays["_dq_fingerprint"].to_list() == [repository.config.fingerprint]
    again = redrive(repository.config)
    assert again is not None
    assert (again.passed, again.failing) == (0, 1)


@pytest.mark.parametrize("place", ["", "~/"], ids=["in a checkout named like a pattern", "in a home named like one"])
def test_wherever_folders_lie_what_is_written_is_found_again(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, home = tmp_path / "shop [new]*", tmp_path / "home [of]?"
    monkeypatch.setenv("QUALITY_ROOT", str(root))
    monkeypatch.setenv("HOME", str(home))
    root.mkdir()
    volume = {"check": "volume", "max_change": 1}
    repository = Repository(root, quarantine={"path": f"{place}rows"}, rules=[*RULES, volume])
    repository.decides(history={"path": f"{place}history"}, states={"path": f"{place}states", "enabled": True})
    repository.decides(lineage={"namespace": "shop", "path": f"{place}lineage/events.ndjson"})
    for number in range(2):
        repository.holds({**BAD, "id": [number, 7, 7, 8]})
        ran = after_check.check(None, repository.config)
        assert ran.notes == ("quarantine: 2 of 4 rows quarantined",)
    assert [rule.status for rule in ran.result.rules if rule.check == "volume"] == [Status.PASSED]
    split = redrive(repository.config)
    assert split is not None
    assert (split.rows, split.failing) == (4, 4)
    made = {"rows", "history", "states", "lineage"}
    assert made <= {folder.name for folder in (home if place else root).iterdir()}
    assert not (root / "~").exists()


def test_redrive_of_an_empty_quarantine_does_nothing(repository: Repository) -> None:
    assert redrive(repository.config) is None
    judged(repository, "one")
    assert redrive(repository.config) is None


def test_rows_that_lost_a_column_are_not_released_past_a_rule_that_needs_it(repository: Repository) -> None:
    regex = {"check": "regex", "name": "an address", "column": "email", "pattern": "@"}
    repository.says(rules=[{"check": "positive", "column": "amount"}, regex])
    repository.holds(GOOD | {"email": ["a@x.org", "b", "c@x.org", "d"], "amount": [1.0, 2.0, -3.0, 4.0]})
    assert judged(repository, "one").failing == 3
    repository.says(rules=[{"check": "greater_than", "column": "amount", "value": -10}, regex])
    split = redrive(repository.config)
    assert split is not None
    assert (split.passed, split.failing) == (1, 2)
    repository.says(rules=[regex | {"name": "a new rule"}])
    with pytest.raises(QuarantineError, match=r"a new rule is newer than the quarantined rows, which have lost email"):
        redrive(repository.config)


def test_rows_are_not_set_apart_by_a_rule_that_could_not_be_judged(repository: Repository) -> None:
    gone = {
        "check": "referential_integrity",
        "column": "id",
        "reference": "data/gone.parquet",
        "reference_column": "id",
    }
    repository.says(rules=[gone])
    with pytest.raises(QuarantineError, match="rows were not quarantined"):
        judged(repository, "one")
    assert not list(quarantine.home(repository.config).glob("date=*"))


def test_a_split_of_a_later_release_is_told_as_one(repository: Repository) -> None:
    repository.holds(BAD)
    judged(repository, "one")
    (file,) = repository.root.rglob("split.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"moved": True}))
    with pytest.raises(QuarantineError, match=r"split.json cannot be read: a later release wrote it, with moved"):
        redrive(repository.config)


def test_a_write_that_fails_says_so_and_leaves_nothing(repository: Repository) -> None:
    repository.says(quarantine={"path": "policy.yml"})
    with pytest.raises(QuarantineError, match=r"could not be quarantined in policy\.yml"):
        judged(repository, "one")


def test_a_quarantine_that_cannot_be_locked_keeps_no_run_from_history(repository: Repository) -> None:
    """As on a disk that has become read-only."""
    (repository.root / "out" / "orders" / "prod" / ".lock").mkdir(parents=True)
    ran = after_check.check(None, repository.config)
    (note,) = ran.notes
    assert note.startswith("rows could not be quarantined in out: ")
    assert str(ran.problem) == note
    assert len(runs.shelf(repository.config).files()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size")
def test_a_disk_without_room_is_called_that_of_rows_history_and_states(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Polars says that a file is out of specification; a column is sensitive, whose errors are else not told."""
    import resource

    repository.holds(BAD)
    repository.decides(states={"enabled": True})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        ran = after_check.check(None, repository.config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ran.result.status is Status.FAILED
    full = "File too large: '"
    assert [note for note in ran.notes if full in note] == [*ran.notes[:3]], ran.notes
    assert [note.partition(full)[0].split(" ")[0] for note in ran.notes[:3]] == ["rows", "history:", "states:"]
    assert "rows could not be quarantined in " in capsys.readouterr().out
    assert not [*repository.root.rglob("failing.parquet")]


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize(
    "later",
    [{name: values[:3] for name, values in GOOD.items()}, BAD, BAD | {"amount": [-1.0, 2.0, 3.0, 4.0]}],
    ids=["fewer rows", "more failures", "another row fails"],
)
def test_data_that_changes_between_judging_and_writing_is_noticed(
    repository: Repository, later: dict[str, Any], passed: bool
) -> None:
    repository.says(quarantine=QUARANTINE | {"passed": passed})
    seen: list[tuple[Frame, list[Found]]] = []
    result = checking.check(None, repository.config, seen=lambda frame, found: seen.append((frame, found)))
    repository.holds(later)
    with pytest.raises(QuarantineError):
        quarantine.split(*seen[0], result, repository.config, "one")
    assert quarantine.splits(repository.config) == {}


def quarantined_on(repository: Repository, day: date) -> None:
    """Rows that were quarantined on another day."""
    repository.holds(BAD)
    judged(repository, f"{day}")
    today = next(folder for folder, split in quarantine.splits(repository.config).items() if split.run == f"{day}")
    elsewhere = today.parent.with_name(f"date={day}")
    elsewhere.mkdir(exist_ok=True)
    today.rename(elsewhere / today.name)


def there(repository: Repository) -> list[str]:
    return sorted(split.run for split in quarantine.splits(repository.config).values())


def test_splits_older_than_keep_days_are_deleted_and_said_to_be(repository: Repository) -> None:
    today = datetime.now(UTC).date()
    old, young, new = (today - timedelta(days=days) for days in (110, 80, 50))
    for day in (old, young, new):
        quarantined_on(repository, day)
    quarantined_on(repository, today - timedelta(days=19))
    repository.holds(BAD)
    said = judged(repository, "now").says()
    cut = today - timedelta(days=19 + 90)
    assert said == f"quarantine: 2 of 4 rows quarantined; deleted 1 split from before {cut}, as keep_days is 90"
    assert there(repository) == sorted([f"{young}", f"{new}", f"{today - timedelta(days=19)}", "now"])
    whole = json.loads(next(repository.root.glob("out/**/run=now/split.json")).read_text("utf-8"))
    assert "retention" not in whole


@pytest.mark.parametrize("runs", [1, 3])
def test_a_clock_that_is_far_ahead_deletes_no_split_and_is_named(
    repository: Repository, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=500 + n) for n in range(3)]
    for day in days:
        quarantined_on(repository, day)
    for n in range(runs):
        repository.holds(BAD)
        said = judged(repository, f"ahead {n}").says()
        assert said.endswith(
            f"no old splits were deleted: today, {today}, is long after the others; is the clock right?"
        )
    assert there(repository) == sorted([*map(str, days), *(f"ahead {n}" for n in range(runs))])


@pytest.fixture
def key(api: str) -> str:
    """A Fernet key in a saved Secret block."""
    made = Fernet.generate_key().decode()
    Secret(value=SecretStr(made)).save("orders-key", overwrite=True, _sync=True)  # type: ignore[call-arg]
    return made


SEALED = {"path": "out", "encrypt": ["email", "amount"], "secret": "orders-key"}


def test_encrypted_columns_are_nulls_of_their_dtype_and_come_back_at_redrive(repository: Repository, key: str) -> None:
    repository.says(quarantine=SEALED)
    repository.holds(BAD)
    assert judged(repository, "one").failing == 2
    (folder,) = quarantine.standing(repository.config)
    failing = pl.read_parquet(folder / "failing.parquet")
    assert failing.select("id", "email", "amount").rows() == [(2, None, None)] * 2
    assert failing.schema["amount"] == pl.Float64
    assert b"@x.org" not in (folder / "failing.parquet").read_bytes()
    assert json.loads(Fernet(key).decrypt(failing["_dq_encrypted"][0])) == {"email": "b@x.org", "amount": "-2.0"}
    repository.says(rules=[{"check": "in_range", "column": "amount", "min": 0, "max": 100}])
    split = redrive(repository.config)
    assert split is not None
    assert split.says() == "quarantine: 1 of 2 rows released, 1 stay"
    assert rows(repository, "passed.parquet").rows() == [(2, "c@x.org", 3.0)]
    assert rows(repository, "failing.parquet")["amount"].to_list() == [None]


def test_a_new_key_stands_before_the_old_one_and_another_one_is_refused(repository: Repository, key: str) -> None:
    repository.says(quarantine=SEALED)
    repository.holds(BAD)
    judged(repository, "one")
    new = Fernet.generate_key().decode()
    Secret(value=SecretStr(new)).save("orders-key", overwrite=True, _sync=True)  # type: ignore[call-arg]
    with pytest.raises(SourceError, match="2 quarantined rows were encrypted with another key"):
        redrive(repository.config)
    Secret(value=SecretStr(f"{new} {key}")).save("orders-key", overwrite=True, _sync=True)  # type: ignore[call-arg]
    assert redrive(repository.config) is not None
    token = rows(repository, "failing.parquet")["_dq_encrypted"][0]
    assert Fernet(new).decrypt(token)


def test_without_a_key_no_row_is_set_apart(repository: Repository, api: str) -> None:
    repository.says(quarantine=SEALED | {"secret": "nobody"})
    with pytest.raises(QuarantineError, match="no saved Secret block 'nobody' for the quarantine"):
        judged(repository, "one")
    Secret(value=SecretStr("short")).save("orders-no-key", overwrite=True, _sync=True)  # type: ignore[call-arg]
    repository.says(quarantine=SEALED | {"secret": "orders-no-key"})
    with pytest.raises(QuarantineError, match="'orders-no-key' holds no Fernet key; one is printed by: python -c"):
        judged(repository, "one")
    assert quarantine.splits(repository.config) == {}


CELLS: dict[str, pl.Series] = {
    "text": pl.Series(["ä\n", None]),
    "number": pl.Series([0.1, float("nan")]),
    "infinity": pl.Series([float("-inf"), None]),
    "wide": pl.Series([2**100, None], dtype=pl.Int128),
    "decimal": pl.Series([Decimal("1.20"), None], dtype=pl.Decimal(20, 2)),
    "truth": pl.Series([True, False]),
    "day": pl.Series([date(1969, 1, 1), None]),
    "moment": pl.Series([datetime(2020, 1, 1, 1, 2, 3, 456), None], dtype=pl.Datetime("us", "Europe/Paris")),
    "hour": pl.Series([time(1, 2, 3), None]),
    "span": pl.Series([timedelta(microseconds=5), None]),
    "bytes": pl.Series([b"\x00\xff", None]),
    "category": pl.Series(["x", None], dtype=pl.Categorical),
    "choice": pl.Series(["x", None], dtype=pl.Enum(["x", "y"])),
    "nothing": pl.Series([None, None]),
}


@pytest.mark.parametrize("name", CELLS)
def test_every_dtype_comes_back_as_it_was(name: str) -> None:
    frame, cipher = CELLS[name].to_frame("cell"), MultiFernet([Fernet(Fernet.generate_key())])
    hidden = frame.select(encrypted(["cell"], frame.schema, cipher))
    assert hidden["cell"].null_count() == 2
    assert_frame_equal(decrypted(hidden, cipher, "key"), frame)


NIGHTS = [
    *itertools.pairwise([*CELLS, "days", "numbers"]),
    *(("day", "days"), ("days", "moment"), ("text", "bytes"), ("number", "numbers"), ("category", "choice")),
    *(("text", "numbers"), ("moment", "gone"), ("gone", "moment")),
]
"""What a column was on one night, and what on the next."""


@pytest.mark.parametrize("is_sealed", [False, True], ids=["clear", "sealed"])
@pytest.mark.parametrize(("one", "other"), NIGHTS)
def test_rows_of_nights_with_other_types_are_redriven_and_stay_what_they_were(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, one: str, other: str, is_sealed: bool
) -> None:
    cipher = MultiFernet([Fernet(Fernet.generate_key())])
    monkeypatch.setattr(quarantine, "key", lambda config: cipher)
    cells = CELLS | {"days": pl.Series([date(2020, 1, 1)] * 2, dtype=pl.Datetime("ms")), "numbers": pl.Series([1, 2])}
    held: dict[int, Any] = {}
    for night, name in enumerate((one, other)):
        ids = [-2 * night - 1, -2 * night - 2]
        column = {} if name == "gone" else {"cell": cells[name]}
        hidden = {"encrypt": ["cell"], "secret": "key"} if is_sealed and column else {}
        rules = [{"check": "positive", "column": "id"}]
        repository.says(quarantine={"path": "out", "passed": False} | hidden, rules=rules, sensitive=[], key=["id"])
        repository.holds({"id": ids} | column)
        assert judged(repository, name).failing == 2
        held |= dict(zip(ids, cells[name] if column else [None, None], strict=True))
    repository.says(quarantine={"path": "out", "passed": False, "encrypt": ["cell"], "secret": "key"})
    for _ in range(2):  # what stays is read again
        split = redrive(repository.config)
        assert split is not None
        assert (split.rows, split.passed, split.failing) == (4, 0, 4)
        rows = {
            row["id"]: row.get("cell")
            for group, _ in waiting(repository.config)
            for row in group.collect().iter_rows(named=True)
        }
        assert rows.keys() == held.keys()
        assert not [name for name in held if rows[name] != held[name] and repr(rows[name]) != repr(held[name])], rows


def test_rows_that_todays_rules_cannot_judge_keep_no_others_in_quarantine(repository: Repository) -> None:
    repository.says(quarantine={"path": "out"}, sensitive=[], rules=[{"check": "in_set", "column": "x", "values": [9]}])
    repository.holds({"id": [1, 2], "x": [1, 2]})
    assert judged(repository, "numbers").failing == 2
    repository.says(rules=[{"check": "in_set", "column": "x", "values": ["9"]}])
    repository.holds({"id": [3, 4, 5], "x": ["1", "2", "3"]})
    assert judged(repository, "texts").failing == 3
    repository.says(rules=[{"check": "in_set", "column": "x", "values": ["1", "9"]}])
    with pytest.raises(QuarantineError, match=r"of 2 rows, quarantined on [-\d]{10}; rows with columns of other"):
        redrive(repository.config)
    assert sorted(split.failing for split in quarantine.standing(repository.config).values()) == [2, 2]
    assert [split.passed for split in quarantine.standing(repository.config).values() if split.kind == "redrive"] == [1]
    repository.says(rules=[{"check": "not_null", "column": "x"}])
    split = redrive(repository.config)
    assert split is not None
    assert split.says() == "quarantine: 4 of 4 rows released, 0 stay"
    assert redrive(repository.config) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"encrypt": ["email"]}, "needs the name of a saved Secret block"),
        ({"encrypt": ["email"], "drop": ["email"], "secret": "key"}, "'email' is dropped and encrypted"),
        ({"drop": ["emial"]}, "quarantine.drop: column 'emial' is gone; the data has 'email'"),
        ({"encrypt": ["emial"], "secret": "key"}, "quarantine.encrypt: column 'emial' is gone; the data has 'email'"),
        ({"encrypt": ["tags"], "secret": "key"}, "column 'tags' is List(String); drop it instead"),
    ],
    ids=["no key named", "dropped and encrypted", "unknown column dropped", "unknown column encrypted", "nested"],
)
def test_a_quarantine_that_would_leak_is_refused(repository: Repository, asked: dict[str, Any], said: str) -> None:
    repository.holds(GOOD | {"tags": [["a"]] * 4})
    repository.says(quarantine={"path": "out"} | asked)
    with pytest.raises((ConfigurationError, QuarantineError), match=re.escape(said)):
        judged(repository, "one")


CHILD = """
import sys
from quality import checking
from quality.contract import project
from quality.quarantine import splits as quarantine
from quality.quarantine.redrive import redrive
config = project.load("orders")
seen = []
print("ready", flush=True)
if sys.argv[1] == "redrive":
    redrive(config)
else:
    result = checking.check(None, config, seen=lambda frame, found: seen.append((frame, found)))
    quarantine.split(*seen[0], result, config, sys.argv[1])
"""


@pytest.mark.parametrize("what", ["split", "redrive"])
def test_counts_add_up_after_a_kill_in_the_middle(repository: Repository, what: str) -> None:
    many, dice = 400_000, random.Random(5)
    amounts = [float(n % 110) for n in range(many)]
    repository.holds({"id": range(many), "email": ["a@x.org"] * many, "amount": amounts})
    failing = sum(amount > 100 for amount in amounts)
    if what == "redrive":
        judged(repository, "before")
        repository.says(rules=[{"check": "less_than", "column": "amount", "value": 105}])
    halves = 0
    for attempt in range(6):
        child = subprocess.Popen([sys.executable, "-c", CHILD, f"run{attempt}" if what == "split" else what], stdout=-1)
        assert child.stdout is not None
        child.stdout.readline()
        _wait_for_half(quarantine.home(repository.config), child)
        sleep(dice.random() * 0.05 if attempt % 2 else 0)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        halves += len(list(quarantine.home(repository.config).glob(".half-*")))
        assert _adds_up(repository) in (0, failing, sum(amount >= 105 for amount in amounts))
    assert halves, "no kill came in the middle of a write"
    done = judged(repository, "whole") if what == "split" else redrive(repository.config)
    assert done is not None
    assert done.passed + done.failing == done.rows
    assert _adds_up(repository) in (failing, sum(amount >= 105 for amount in amounts))
    assert not list(quarantine.home(repository.config).glob(".half-*"))


def _wait_for_half(home: Path, child: subprocess.Popen[bytes]) -> None:
    while child.poll() is None and not [half for half in home.glob(".half-*") if str(child.pid) in half.name]:
        sleep(0.001)


def _adds_up(repository: Repository) -> int:
    """The rows in quarantine, once every split has been found whole and equal to what it says of itself."""
    for folder, split in quarantine.splits(repository.config).items():
        counted = [
            pl.scan_parquet(folder / name).select(pl.len()).collect().item()
            for name in ("passed.parquet", "failing.parquet")
        ]
        assert counted == [split.passed, split.failing]
        assert sum(counted) == split.rows
        assert json.loads((folder / "split.json").read_text())["rows"] == split.rows
    return sum(split.failing for split in quarantine.standing(repository.config).values())
