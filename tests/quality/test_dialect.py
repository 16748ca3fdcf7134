"""How a CSV file is written is told from its bytes, so that adding it needs no edit; what is declared stays."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.contract.contract import parse_source
from quality.learning.formats import described
from quality.sources import Files

DAY = date(2026, 1, 31)
EUROPEAN = "Nr;PLZ;Ort;Tag;Betrag\r\n1;01067;Müller;31.01.2026;3.141,59\r\n2;80331;Größe;30.01.2026;0,5\r\n"
ROWS = [(1, "01067", "Müller", DAY, 3141.59), (2, "80331", "Größe", date(2026, 1, 30), 0.5)]
PLAIN = "a,b\n1,x\n2,y\n"


def zstd(text: str) -> bytes:
    """The text in a frame of zstd, as one block that is not compressed."""
    block = text.encode()
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(block)]) + (len(block) << 3 | 1).to_bytes(3, "little") + block


WRITTEN: list[tuple[str, str, bytes, dict[str, Any]]] = [
    ("as usual", "f.csv", PLAIN.encode(), {}),
    ("with a mark of UTF-8", "f.csv", PLAIN.encode("utf-8-sig"), {}),
    ("tabs in a .tsv", "f.tsv", PLAIN.replace(",", "\t").encode(), {}),
    ("tabs in a .csv", "f.csv", PLAIN.replace(",", "\t").encode(), {"separator": "\t"}),
    ("commas in a .tsv", "f.tsv", PLAIN.encode(), {"separator": ","}),
    ("bars", "f.csv", PLAIN.replace(",", "|").encode(), {"separator": "|"}),
    ("semicolons, and commas in texts", "f.csv", b"a;b\n1;x, y\n2;y, z\n", {"separator": ";"}),
    ("commas, and semicolons in texts", "f.csv", b'a,b\n1,"x;y"\n2,y;z\n', {}),
    ("a separator and a line within quotes", "f.csv", b'a;b\n1;"x;\ny,"\n2;z\n', {"separator": ";"}),
    ("one column", "f.csv", b"a\n1\n2\n", {}),
    ("lines above the header", "f.csv", f"Report of January\nmade by x\n{PLAIN}".encode(), {"skip_lines": 2}),
    ("a blank line above it", "f.csv", f"Report of January\n\n{PLAIN}".encode(), {"skip_lines": 2}),
    ("a last line that is not ended", "f.csv", PLAIN.strip().encode(), {"ends_in_newline": False}),
    ("packed", "f.csv.gz", gzip.compress(PLAIN.replace(",", ";").encode()), {"separator": ";"}),
    ("UTF-16", "f.csv", PLAIN.replace("x", "ž").encode("utf-16"), {"encoding": "utf-16"}),
    ("zstd", "f.csv.zst", zstd(PLAIN.replace(",", ";")), {"separator": ";"}),
    ("the euro of cp1252", "f.csv", "a,b\n1,5 €\n2,y\n".encode("cp1252"), {"encoding": "cp1252"}),
    ("what cp1252 has not", "f.csv", b"a,b\n1,\xfc\x81\n2,y\n", {"encoding": "latin-1"}),
    ("a decimal comma", "f.csv", b"a;b\n1,5;x\n-2,25;y\n", {"separator": ";", "decimal": ","}),
    (
        "blanks between thousands",
        "f.csv",
        b'a,b\n1 500.5,x\n2,y\n',
        {"thousands": " "},
    ),
    ("commas between thousands", "f.csv", b'a,b\n"1,500.5",x\n2,y\n', {"thousands": ","}),
    ("one that may be either", "f.csv", b"a;b\n1.500;x\n2.250;y\n", {"separator": ";"}),
    ("a word for no value among numbers", "f.csv", b"a,b\n1,x\nNA,y\n", {"null_values": ("NA",)}),
    ("and among dates", "f.csv", b"a,b\n2026-01-31,x\n-,y\n", {"null_values": ("-",), "dtypes": {"a": "Date"}}),
    ("a word that also is a text", "f.csv", b"a,b\n1,NA\nNA,FR\n", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "told"), [row[1:] for row in WRITTEN], ids=[row[0] for row in WRITTEN])
def test_how_a_file_is_written_is_told_from_its_bytes(
    name: str, content: bytes, told: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    source: Any = described(Files(path=name), tmp_path)
    assert source.model_dump(exclude_defaults=True) == {"path": name, **told}
    assert source.scan(tmp_path).collect().height == 2


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8", "utf-8-sig", "utf-16"])
def test_a_european_file_is_read_as_what_it_says(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(EUROPEAN.encode(encoding))
    source: Any = described(Files(path="f.csv"), tmp_path)
    assert (source.decimal, source.thousands, source.dates) == (",", ".", {"Tag": "DD.MM.YYYY"})
    assert source.scan(tmp_path).collect().rows() == ROWS
    assert described(source, tmp_path) == source


MOMENTS = {
    "day": ["2026-01-31", "2026-02-01"],
    "local": ["31.01.2026", "01.02.2026"],
    "at": ["2026-01-31T10:00:00Z", "2026-02-01T10:00:00+01:00"],
    "exact": ["2026-01-31T10:00:00.500Z", "2026-02-01T10:00:00Z"],
    "no": ["007", "008"],
    "either": ["01/02/2026", "02/02/2026"],
}
DTYPES = {"day": pl.Date(), "local": pl.Date(), "at": pl.Datetime("us", "UTC"), "exact": pl.Datetime("us", "UTC")}


def sheet(rows: pl.DataFrame) -> dict[str, Any]:
    rows.write_excel("a.xlsx")
    return {"path": "a.xlsx"}


def objects(rows: pl.DataFrame) -> dict[str, Any]:
    rows.write_json("a.json")
    return {"path": "a.json"}


def lines(rows: pl.DataFrame) -> dict[str, Any]:
    rows.write_ndjson("a.ndjson")
    return {"path": "a.ndjson"}


def table(rows: pl.DataFrame) -> dict[str, Any]:
    with closing(sqlite3.connect("a.db")) as there, there:
        there.execute(f"CREATE TABLE t ({', '.join(rows.columns)})")
        there.executemany(f"INSERT INTO t VALUES ({', '.join('?' * rows.width)})", rows.rows())
    return {"connection": "sqlite:///a.db", "table": "t"}


def query(rows: pl.DataFrame) -> dict[str, Any]:
    return {"connection": table(rows)["connection"], "query": "SELECT * FROM t;"}


@pytest.mark.parametrize("write", [sheet, objects, lines, table, query])
def test_dates_are_dates_where_a_source_writes_them_as_text(
    write: Callable[[pl.DataFrame], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = parse_source(write(pl.DataFrame(MOMENTS)))
    found: Any = described(written, tmp_path)
    rows = found.scan(tmp_path).collect()
    assert dict(rows.schema) == {name: DTYPES.get(name, pl.String()) for name in MOMENTS}
    assert [one.isoformat() for one in rows["exact"]] == [
        "2026-01-31T10:00:00.500000+00:00",
        "2026-02-01T10:00:00+00:00",
    ]
    assert rows["at"][1].hour == 9
    assert described(found, tmp_path) == found


def test_what_is_declared_stays(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(EUROPEAN.encode("cp1252"))
    said = Files(path="f.csv", encoding="latin-1", separator=";", decimal=",", dtypes={"Betrag": "String"})
    source: Any = described(said, tmp_path)
    assert (source.encoding, source.thousands) == ("latin-1", None)
    assert source.dtypes == {"Betrag": "String", "PLZ": "String"}


def test_a_folder_of_files_is_told_from_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "1.csv").write_bytes(b"a;b\n1;x\n")
    (tmp_path / "f" / "2.csv").write_bytes("a;b\n2;ä\n".encode("cp1252"))
    for path in ("f", "f/*.csv"):
        source: Any = described(Files(path=path), tmp_path)
        assert (source.separator, source.encoding) == (";", "cp1252")
        assert source.scan(tmp_path).collect()["b"].to_list() == ["x", "ä"]
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "p.parquet")
    assert described(Files(path="p.parquet"), tmp_path) == Files(path="p.parquet")
