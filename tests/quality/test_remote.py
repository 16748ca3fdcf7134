"""Files in object storage are judged like local ones: every file, one version, and what cannot be known is said."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import polars as pl
import pytest
from checking import judge
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer

from quality.checking import check
from quality.contract.config import CheckConfig
from quality.errors import SourceError
from quality.file_states.nights import again, nights
from quality.file_states.store import Store as KeptStore
from quality.result import CheckResult
from quality.rules.catalogue import parse_rules
from quality.sources import Files
from quality.sources.source import Part, Reading
from quality.values import Status

ROWS = {"check": "row_count", "min": 1}


class Store:
    """An S3 server on loopback with one bucket, `shop`."""

    def __init__(self, address: str) -> None:
        self.address = address

    def put(self, path: str, body: bytes) -> None:
        signed = "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request"
        headers = {"Authorization": signed, "Content-Type": "application/octet-stream"}
        asked = urllib.request.Request(f"{self.address}/{path}", data=body, method="PUT", headers=headers)
        urllib.request.urlopen(asked, timeout=30).close()

    def parquet(self, path: str, **columns: list[Any]) -> None:
        written = io.BytesIO()
        pl.DataFrame(columns).write_parquet(written)
        self.put(path, written.getvalue())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def store(server: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    given = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1", "ALLOW_HTTP": "true"}
    for name, value in {**given, "ENDPOINT_URL": server}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST"), timeout=30).close()
    made = Store(server)
    made.put("shop", b"")
    return made


@pytest.fixture(params=["obstore", "polars alone"])
def listing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "obstore":
        monkeypatch.setitem(sys.modules, "obstore", None)
    return str(request.param)


def judged(path: str, *rules: dict[str, Any], **source: Any) -> CheckResult:
    return judge(None, *(rules or (ROWS,)), source={"path": f"s3://shop/{path}", **source})


@pytest.mark.parametrize("path", ["sales/", "sales/*/*.parquet"])
def test_a_partition_is_the_files_of_its_folders(store: Store, path: str) -> None:
    store.parquet("shop/sales/shop=007/1.parquet", a=[1])
    store.parquet("shop/sales/shop=a%20b/1.parquet", a=[1, 2])
    store.put("shop/sales/shop=010/1.parquet", b"")
    source, rule = {"path": f"s3://shop/{path}"}, {"check": "in_set", "column": "shop", "values": ["007"]}
    one = judge(None, rule, source=source, partition="shop=007")
    assert (one.status, one.row_count, one.metadata.partition) == (Status.PASSED, 1, "shop=007")
    assert judge(None, rule, source=source, partition="shop=a b").row_count == 2
    store.parquet("shop/sales/shop=a%20b/1.parquet", a=[1, 2, 3])
    assert judge(None, rule, source=source, partition="shop=007").metadata.version == one.metadata.version
    assert "has no partition shop=008; the nearest are shop=007" in str(
        judge(None, rule, source=source, partition="shop=008").reason
    )
    assert judge(None, rule, source=source).status is Status.ERROR


@pytest.mark.usefixtures("listing")
@pytest.mark.parametrize("path", ["sales/", "sales/*/*.parquet", "sales/**/*.parquet"])
def test_every_file_and_its_folder_counts(store: Store, path: str) -> None:
    for shop in ("007", "010"):
        store.parquet(f"shop/sales/shop={shop}/1.parquet", a=[1])
    result = judged(path, {"check": "not_null", "column": "a", "by": "shop"})
    assert [(rule.segment, rule.status.value) for rule in result.rules] == [("007", "PASSED"), ("010", "PASSED")]
    store.parquet("shop/sales/shop=010/2.parquet", a=["x"])
    odd = judged(path, {"check": "dtype", "column": "a", "dtype": "Int64"}, ROWS)
    assert [rule.status.value for rule in odd.rules] == ["FAILED", "ERROR"]
    assert "s3://shop/sales/shop=010/2.parquet: it is String" in odd.rules[0].message


@pytest.mark.usefixtures("listing")
def test_text_files_are_whole_and_strict(store: Store) -> None:
    store.put("shop/c/1.csv", b"a,b\n1,2\n3,4\n")
    store.put("shop/n/1.ndjson", b'{"a": 1}\n{"a": 2}\n')
    assert judged("c/1.csv").row_count == judged("n/1.ndjson").row_count == 2
    store.put("shop/c/2.csv", b"a,b\n1,2\n3\n4,5\n")
    assert "s3://shop/c/2.csv cannot be read as csv: line 3: 1 field" in str(judged("c/*.csv").reason)
    wrong = judged("c/1.csv", dtypes={"b": "Date"}).rules[-1]
    assert (wrong.check, wrong.failed_count, wrong.samples[0]["line"]) == ("parses", 2, 2)


def test_files_that_are_missing_are_an_error(store: Store, listing: str) -> None:
    for path in ("none.csv", "none.parquet", "none/*.parquet", "a[x]/*.parquet"):
        result = judged(path)
        assert result.status is Status.ERROR
        assert "no file matches" in str(result.reason) or "does not exist" in str(result.reason)
        assert ("write ? where a name has a [" in str(result.reason)) is ("[" in path)
    store.parquet("shop/a[x]/1.parquet", a=[1, 2])
    if listing == "obstore":
        assert judged("a?x]/*.parquet").row_count == 2


NAMES = (
    *(
        "a.parquet",
        "a/1.parquet",
        "a/B.PARQUET",
        "a/_made.parquet",
        "a/x y#%+.parquet",
        "a/b/2.parquet",
        "a/c=1/3.parquet",
    ),
    *(".a.parquet", "a/.half.parquet", "a/.staging/4.parquet", "a/~$5.xlsx", "csv/1.csv", "csv/about.json", "b/1.json"),
)
PATTERNS = """
    / /* /** /*.parquet /**/*.parquet /?.* /[!1].* /*/* /.* /**/.* ?b/* * /*/ /1*
"""


@pytest.mark.parametrize("folder", ["a", "csv", "b", "?"])
def test_the_same_files_are_data_in_a_store_and_on_a_disk(store: Store, tmp_path: Path, folder: str) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"a")
        store.put(f"shop/{quote(name)}", b"a")

    def files(path: str) -> list[str] | str:
        try:
            return [file.shown.removeprefix("s3://shop/") for file in Files(path=path).files(tmp_path)]
        except SourceError as error:
            return str(error).replace("s3://shop/", "").partition(";")[0]

    for pattern in PATTERNS.split():
        assert files(f"s3://shop/{folder}{pattern}") == files(f"{folder}{pattern}"), pattern
    (said,) = (files(f"s3://shop/{one}") for one in ["csv"])
    assert said == "no file matches csv, only folders: write csv/ for the files in them"


def test_a_file_that_a_web_server_lacks_is_missing_though_no_folder_of_it_can_be_listed(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/none.csv"
    assert str(judge(None, ROWS, source={"path": address}).reason) == f"no file matches {address}"
    server.shutdown()


def test_an_object_that_changes_while_it_is_read_gives_no_verdict(store: Store, listing: str) -> None:
    store.put("shop/a.csv", b"a,b\n1,2\n")
    config = CheckConfig(rules=parse_rules([ROWS]), source="s3://shop/a.csv")
    result = check(None, config, history=lambda runs: [], judged=lambda rules: store.put("shop/a.csv", b"a,b\n1,3\n"))
    if listing == "obstore":
        assert (result.status, result.exit_code) == (Status.ERROR, 3)
        assert "changed while it was read" in str(result.reason)
    else:
        assert result.status is Status.PASSED
        assert str(result.metadata.version).startswith("unknown: install the extra `remote`")


def test_a_table_in_object_storage_is_refused_by_name(store: Store) -> None:
    store.put("shop/t/_delta_log/00000000000000000000.json", b"{}")
    store.parquet("shop/t/1.parquet", a=[1])
    for path in ("t/", "t/*.parquet"):
        assert "is a Delta table" in str(judged(path).reason)


def test_states_of_files_in_object_storage_are_kept_there_and_only_new_files_are_read(store: Store) -> None:
    for number in range(3):
        store.parquet(f"shop/days/{number}.parquet", id=[number * 10 + one for one in range(10)], name=["a"] * 10)
    rules = [{"check": kind, "column": column} for kind in ("unique", "not_null") for column in ("id", "name")]
    states = {"enabled": True, "path": "s3://shop/kept", "full_every_days": None}
    given = {"dataset": "days", "source": "s3://shop/days/*.parquet", "states": states}
    asks = CheckConfig(**{**given, "rules": parse_rules(rules)})
    whole = asks.override(states={"enabled": False})

    def found() -> str:
        result, other = check(None, asks), check(None, whole)
        assert [rule.model_dump() for rule in result.rules] == [rule.model_dump() for rule in other.rules]
        return result.metadata.explain.queries[0]

    said = "states of {} files: {} kept, {} read: (metadata)"
    assert found() == said.format(3, 0, 3)
    assert found() == said.format(3, 3, 0)
    store.parquet("shop/days/3.parquet", id=[*range(30, 39), 5], name=[*"aaaaaaaaa", None])
    assert found() == said.format(4, 3, 1)
    store.parquet("shop/days/1.parquet", id=[*range(60, 70)], name=["b"] * 10)
    assert found() == said.format(4, 3, 1)
    (night, *_) = reversed(nights(KeptStore("s3://shop/kept", "days", "none")))
    assert [rule.status for rule in again(asks, night).rules] == [rule.status for rule in check(None, whole).rules]


def test_files_that_are_waited_for_are_measured_beside_each_other_and_no_marks_of_a_new_one_are_looked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request is waited for 50 ms and more: a thousand files one after the other would take an hour."""
    for number in range(12):
        store.parquet(f"shop/days/{number:02}.parquet", id=[number, 5], name=["a", str(number)])
    answers, asked, running, most = DomainDispatcherApplication.__call__, list[tuple[str, str]](), set[object](), [0]

    def slowly(server: DomainDispatcherApplication, said: dict[str, Any], start: Any) -> Any:
        asked.append((said["REQUEST_METHOD"], said["PATH_INFO"].rpartition("/")[2]))
        running.add(mine := object())
        most[0] = max(most[0], len(running))
        time.sleep(0.02)
        running.remove(mine)
        return answers(server, said, start)

    monkeypatch.setattr(DomainDispatcherApplication, "__call__", slowly)
    rules = [{"check": "unique", "column": column} for column in ("id", "name")]
    states = {"enabled": True, "path": "s3://shop/kept", "full_every_days": None}
    asks = CheckConfig(dataset="days", source="s3://shop/days/*.parquet", rules=parse_rules(rules), states=states)
    first, most_of_first = check(None, asks), most[0]
    whole = check(None, asks.override(states={"enabled": False}))
    assert [rule.model_dump() for rule in first.rules] == [rule.model_dump() for rule in whole.rules]
    assert [rule.failed_count for rule in first.rules] == [13, 12]
    assert most_of_first >= 6
    of_files = {name for _, name in asked if re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{32}\.parquet", name)}
    begun = [next(method for method, name in asked if name == one) for one in of_files]
    assert begun.count("PUT") == 24  # the marks of two keys; rows that repeat are looked for before they are looked up


def test_nights_in_object_storage_are_those_that_are_whole_and_no_store_is_taken_for_an_empty_one(store: Store) -> None:
    states = {"enabled": True, "path": "s3://shop/kept"}
    assert nights(KeptStore("s3://shop/kept", "days", "none")) == []
    for number in range(2):
        store.parquet(f"shop/days/{number}.parquet", id=[number])
        check(None, CheckConfig(dataset="days", source="s3://shop/days/*.parquet", states=states))
    store.put("shop/kept/states/days/none/night.half.parquet", b"PAR1 is half of one")
    assert [len(night.files) for night in nights(KeptStore("s3://shop/kept", "days", "none"))] == [1, 2]
    with pytest.raises(SourceError, match="the states in s3://elsewhere/kept cannot be read: "):
        nights(KeptStore("s3://elsewhere/kept", "days", "none"))


class Restless(Files):
    """Files with which something happens when they are opened."""

    kind: Literal["restless"] = "restless"  # type: ignore[assignment]
    happens: ClassVar[Callable[[str], None]]

    def parts(self, root: Path) -> tuple[Part, ...]:
        return tuple(one._replace(read=partial(_happening, one)) for one in super().parts(root))


def _happening(part: Part, judged: Any) -> Reading:
    Restless.happens(part.name)
    return part.read(judged)


@pytest.mark.parametrize("when", ["before it is read", "between its states and its marks"])
def test_nothing_is_kept_of_a_file_that_was_another_while_it_was_read_whatever_it_is_afterwards(
    store: Store, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    old: dict[str, list[Any]] = {"id": [0, 1], "name": ["a", None]}
    store.parquet("shop/days/0.parquet", **old)
    for number in (1, 2):
        store.parquet(f"shop/days/{number}.parquet", id=[number * 10], name=[f"b{number}"])
    there, change = partial(store.parquet, "shop/days/0.parquet"), [True]

    def changes(name: str) -> None:
        if change and name.endswith("days/0.parquet"):
            change.clear()
            there(id=[20, 20], name=["b", None])

    writes = KeptStore.write

    def written(kept: KeptStore, name: str, *what: Any, **how: Any) -> None:
        writes(kept, name, *what, **how)
        changes("days/0.parquet")

    if when == "before it is read":
        monkeypatch.setattr(Restless, "happens", changes, raising=False)
    else:
        monkeypatch.setattr(Restless, "happens", lambda name: None, raising=False)
        monkeypatch.setattr(KeptStore, "write", written)
    rules = parse_rules([{"check": kind, "column": column} for kind in ("unique", "not_null") for column in old])
    states = {"enabled": True, "path": "s3://shop/kept", "full_every_days": None}
    asks = CheckConfig(dataset="days", source=Restless(path="s3://shop/days/*.parquet"), states=states, rules=rules)
    first = check(None, asks, judged=lambda rules: there(**old))
    assert not change
    assert "the source, or a reference, changed while it was read" in str(first.reason)
    assert not nights(KeptStore("s3://shop/kept", "days", "none"))
    again, whole = check(None, asks), check(None, asks.override(states={"enabled": False}))
    assert [rule.model_dump() for rule in again.rules] == [rule.model_dump() for rule in whole.rules]
    assert again.metadata.explain.queries[0].startswith("states of 3 files: 2 kept, 1 read")
    assert again.status is Status.FAILED
    assert check(None, asks).metadata.explain.queries[0].startswith("states of 3 files: 3 kept, 0 read")
