"""The table of docs/pushdown.md: every rule, and whether each database judges it, as a rehearsal tells."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

TEMPLATE = Path(__file__).parent.parent / "template"
sys.path[:0] = [str(TEMPLATE / "src"), str(TEMPLATE / "tests" / "quality")]

from rule_table import ROWS, Row, write_references  # noqa: E402

from quality.contract.contract import parse_source  # noqa: E402
from quality.contract.references import References  # noqa: E402
from quality.engine.frame import Surroundings  # noqa: E402
from quality.pushdown.databases import DIALECTS  # noqa: E402
from quality.pushdown.dialects import Dialect, exp  # noqa: E402
from quality.pushdown.frame import Database, TableFrame  # noqa: E402
from quality.pushdown.plans import Table  # noqa: E402
from quality.pushdown.rehearsal import refusal  # noqa: E402
from quality.rules.catalogue import parse_rules  # noqa: E402
from spark_run import last_run  # noqa: E402

START, END = "<!-- rules judged there: made by nox -s stamp -->", "<!-- end of rules judged there -->"
SHOWN = ("DuckDB", "PostgreSQL", "Spark")


def pushdown_page(page: str) -> str:
    """The page with its table as the code has it."""
    before, _, rest = page.partition(START)
    table = "\n".join(["| rule | " + " | ".join(SHOWN) + " |", "|---|" + "---|" * len(SHOWN), *_lines()])
    return f"{before}{START}\n{last_run()}\n\n{table}\n{END}{rest.partition(END)[2]}"


def _lines() -> Iterator[str]:
    dialects = {one.NAME: one for one in DIALECTS.values()}
    root = os.environ.get("QUALITY_ROOT")
    with tempfile.TemporaryDirectory() as folder:
        write_references(Path(folder))
        os.environ["QUALITY_ROOT"] = folder
        try:
            for row in ROWS:
                yield (
                    f"| `{row.check}` | "
                    + " | ".join(_told(row, dialects[name], Path(folder)) for name in SHOWN)
                    + " |"
                )
        finally:
            os.environ.pop("QUALITY_ROOT")
            os.environ |= {"QUALITY_ROOT": root} if root else {}


def _told(row: Row, dialect: Dialect, root: Path) -> str:
    """Whether a rule is judged there as it stands, or with what it needs."""
    why = _refusal(row, dialect, root, helped=False)
    if why is None:
        return "judged there"
    if _refusal(row, dialect, root, helped=True) is None:
        return f"judged there, unless {_plain(why)}"
    return f"refused: {_plain(why)}"


def _plain(why: str) -> str:
    return why.replace("reference.parquet ", "").replace("|", "\\|")


def _refusal(row: Row, dialect: Dialect, root: Path, *, helped: bool) -> str | None:
    """Why a rule is refused; where it is helped, rows have an order and references are tables of the database."""
    table = _table(row.good, ("a",) if helped and "a" in row.good.columns else ())

    def same(written: Any) -> Table | None:
        return _table(pl.read_parquet(root / "reference.parquet")) if helped and "reference" in str(written) else None

    database = Database(dialect, lambda statement: pl.DataFrame(), lambda statement: pl.DataFrame(), table, same)
    now = datetime(2024, 6, 1, 12, tzinfo=UTC)
    around = Surroundings(references=References(), history=lambda window: [], now=now, root=root)
    (rule,) = parse_rules([row.rule])
    return refusal(rule, TableFrame(database, around, parse_source))


def _table(frame: pl.DataFrame, order: tuple[str, ...] = ()) -> Table:
    columns = {name: exp.column(name, quoted=True) for name in frame.columns}
    return Table(exp.table_("t"), columns, dict(frame.schema), order)
