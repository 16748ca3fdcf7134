"""Four deliveries of a shop as people get them: a European CSV file, a workbook, a Delta table, a PostgreSQL table.

The rows are the same in all four, so that what is learned of one can be compared with what is learned of another. A
delivery is of a month; it is clean, or `spoiled` in one way for each source.
"""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import adbc_driver_postgresql.dbapi as postgresql
import polars as pl
import xlsxwriter
from deltalake import DeltaTable
from pyroaring import BitMap64

ROWS = 3_000
FIRST_DAY = date(2026, 1, 1)
STATUS = ("offen", "bezahlt", "versandt")
TOWNS = {"01067": "Dresden", "04109": "Leipzig", "20095": "Hamburg", "50667": "Köln", "80331": "München"}
VARIABLE = "SHOP_DATABASE"
"""The environment variable with the address of the database."""
Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
B85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"


def delivery(month: int, rows: int = ROWS) -> pl.DataFrame:
    """The rows of a month, in the order in which they came; the same for the same month."""
    known = random.Random(month)
    first = FIRST_DAY + timedelta(days=30 * month)
    zips = known.choices([*TOWNS], k=rows)
    return pl.DataFrame(
        {
            "Nr": range(month * rows + 1, (month + 1) * rows + 1),
            "PLZ": zips,
            "Ort": [TOWNS[one] for one in zips],
            "Datum": [first + timedelta(days=30 * number // rows) for number in range(rows)],
            "Betrag": [round(known.lognormvariate(6, 1), 2) for _ in range(rows)],
            "Menge": [known.randint(1, 60) for _ in range(rows)],
            "Status": known.choices(STATUS, (2, 5, 3), k=rows),
        }
    )


def in_some(column: str, value: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Another value in every twentieth row."""
    chosen = pl.int_range(pl.len()) % 20 == 7
    return lambda rows: rows.with_columns(pl.when(chosen).then(value).otherwise(pl.col(column)).alias(column))


class Source(NamedTuple):
    """One source: what `add` is told, the name of its dataset, how rows get there, and what may go wrong on the way."""

    asked: tuple[str, ...]
    dataset: str
    deliver: Callable[[pl.DataFrame, Path, str], None]
    spoil: Callable[[pl.DataFrame], pl.DataFrame]
    column: str
    """The column that it happens to."""


def write_csv(rows: pl.DataFrame, folder: Path, _: str = "") -> None:
    """Semicolons, CRLF, cp1252, 31.01.2026 and 3.141,59."""
    amount = pl.col("Betrag").map_elements(european, pl.String)
    text = rows.with_columns(pl.col("Datum").dt.strftime("%d.%m.%Y"), amount)
    (folder / "umsatz.csv").write_bytes(text.write_csv(separator=";", line_terminator="\r\n").encode("cp1252"))


def european(number: float) -> str:
    """3141.59 as 3.141,59."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def write_workbook(rows: pl.DataFrame, folder: Path, _: str = "") -> None:
    """A workbook whose dates are dates and whose post codes are text."""
    with xlsxwriter.Workbook(folder / "filialen.xlsx") as book:
        rows.write_excel(book, worksheet="Umsatz", dtype_formats={pl.Date: "dd.mm.yyyy"})


def write_delta(rows: pl.DataFrame, folder: Path, _: str = "") -> None:
    """A table that also had test rows and rows that were called off: deleted by a rewrite, and by a deletion vector."""
    place = folder / "lieferungen"
    called_off = rows.head(40).with_columns(Nr=-pl.col("Nr"), Status=pl.lit("storniert"))
    tests = rows.head(60).with_columns(Nr=-pl.col("Nr") - 10**9, Status=pl.lit("test"))
    pl.concat([rows, tests]).write_delta(place, mode="overwrite")
    DeltaTable(place).delete("Status = 'test'")
    called_off.vstack(rows.tail(1).with_columns(Nr=pl.col("Nr") + 1)).write_delta(place, mode="append")
    delete_by_vector(place, range(called_off.height))


def delete_by_vector(table: Path, rows: range) -> None:
    """Deletes rows of the file that was added last as engines do that rewrite no file; delta-rs only reads such."""
    log, number = table / "_delta_log", DeltaTable(table).version()
    actions = [json.loads(line) for line in (log / f"{number:020}.json").read_text("utf-8").splitlines()]
    (added,) = (one["add"] for one in actions if "add" in one)
    bitmap = struct.pack("<i", 1681511377) + BitMap64(rows).serialize()
    padded = bitmap + bytes(-len(bitmap) % 4)
    inline = base64.b85encode(padded).translate(bytes.maketrans(B85, Z85)).decode()
    vector = {"storageType": "i", "pathOrInlineDv": inline, "sizeInBytes": len(padded), "cardinality": len(rows)}
    removed = {name: added[name] for name in ("path", "partitionValues", "size")} | {"dataChange": True}
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    commit = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {"remove": removed | {"deletionTimestamp": added["modificationTime"]}},
        {"add": added | {"deletionVector": vector}},
    ]
    text = "".join(json.dumps(one) + "\n" for one in commit)
    (log / f"{number + 1:020}.json").write_text(text, "utf-8")


def write_postgresql(rows: pl.DataFrame, _: Path, url: str) -> None:
    """A table in a schema of its own, whose amounts are exact."""
    columns = '"Nr" bigint, "PLZ" text, "Ort" text, "Datum" date, "Betrag" numeric(12, 2), "Menge" int, "Status" text'
    with closing(postgresql.connect(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS laden")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS laden.rechnungen ({columns})")
        cursor.execute("TRUNCATE laden.rechnungen")
        cursor.adbc_ingest("neu", rows.to_arrow(), temporary=True)
        cursor.execute("INSERT INTO laden.rechnungen SELECT * FROM neu")
        connection.commit()


SOURCES = (
    Source(("data/umsatz.csv",), "umsatz", write_csv, in_some("PLZ", pl.col("PLZ").str.strip_chars_start("0")), "PLZ"),
    Source(("data/filialen.xlsx",), "filialen", write_workbook, in_some("Betrag", pl.col("Betrag") * -1), "Betrag"),
    Source(("data/lieferungen",), "lieferungen", write_delta, in_some("Datum", pl.lit(None, pl.Date)), "Datum"),
    Source(
        (f"env:{VARIABLE}", "--table", "laden.rechnungen"),
        "rechnungen",
        write_postgresql,
        in_some("Status", pl.lit("OFFEN")),
        "Status",
    ),
)
