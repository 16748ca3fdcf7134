"""Orders, customers and wide tables for the benchmarks: a seed names the data, and a chunk bounds the memory."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

SEED: Final = 20
ROW_GROUP: Final = 122_880
BLOCK: Final = 1_000
CUSTOMERS: Final = 1_000_000
WIDE_ROWS: Final = 2_000_000
DATA: Final = Path(__file__).parent / ".data"
VARIANTS: Final = ("orders", "orders_clean_sorted", "wide_clean")
STATUSES: Final = ("pending", "paid", "packed", "shipped", "delivered", "returned")
COUNTRIES: Final = tuple(re.findall("..", "ATAUBEBRCACHCNCZDEDKEEESFIFRGBGRHUIEINITJPLTLULVMXNLNONZPLPTSEUS"))
DOMAINS: Final = ("example.com", "example.org", "mail.example.net", "shop.example.co.uk")
NAMES: Final = ("ada", "alan", "barbara", "edsger", "frances", "grace", "john", "katherine", "niklaus", "tony")
NOTES: Final = ("leave at the door", "gift, please wrap", "call before delivery", "second floor, left", "fragile")
SHIPPED: Final = ("shipped", "delivered", "returned")
FUTURE: Final = datetime(2999, 1, 1)
SPREAD: Final = 310_248_241_751
EPOCH: Final = datetime(2020, 1, 1)
SPAN: Final = 5 * 365 * 86_400 * 1_000_000
DAY: Final = 86_400 * 1_000_000

# One row in a thousand is wrong in each of these ways; no row is wrong in two.
DEFECTS: Final = (
    "id", "reference", "pair", "customer_null", "customer_orphan", "email", "status", "country",
    "amount", "quantity", "created_future", "shipped_before", "shipped_missing", "reference_shape", "email_long",
)  # fmt: skip


def mix(index: pl.Expr, seed: int, stream: int) -> pl.Expr:
    """64 random bits per row (SplitMix64), a function of seed, stream and row alone."""
    z = index * pl.lit(0x9E3779B97F4A7C15, pl.UInt64) + pl.lit(
        (seed * 1_000 + stream) * 0xD1342543DE82EF95 % 2**64, pl.UInt64
    )
    z = (z ^ (z // pl.lit(2**30, pl.UInt64))) * pl.lit(0xBF58476D1CE4E5B9, pl.UInt64)
    z = (z ^ (z // pl.lit(2**27, pl.UInt64))) * pl.lit(0x94D049BB133111EB, pl.UInt64)
    return z ^ (z // pl.lit(2**31, pl.UInt64))


def below(bound: int, index: pl.Expr, seed: int, stream: int) -> pl.Expr:
    return (mix(index, seed, stream) % bound).cast(pl.Int64)


def unit(index: pl.Expr, seed: int, stream: int) -> pl.Expr:
    """Uniform in (0, 1]."""
    return (mix(index, seed, stream) // 2**11 + 1).cast(pl.Float64) / 2**53


def microseconds(count: pl.Expr) -> pl.Expr:
    return count.cast(pl.Duration("us"))


def pick(words: tuple[str, ...], index: pl.Expr, seed: int, stream: int) -> pl.Expr:
    return pl.lit(pl.Series(words)).gather(below(len(words), index, seed, stream))


def orders(start: int, stop: int, rows: int, seed: int, *, clean: bool) -> pl.DataFrame:
    """Rows start to stop of an orders table of that many rows. A repeated value repeats the row half a block away."""
    i, twin = pl.col("row"), pl.col("twin")

    def plant(defect: str, bad: pl.Expr, good: pl.Expr) -> pl.Expr:
        return good if clean else pl.when(pl.col("slot") == DEFECTS.index(defect)).then(bad).otherwise(good)

    row = pl.int_range(start, stop, dtype=pl.UInt64)
    base = pl.select(
        row=row, slot=(row + mix(row // BLOCK, seed, 1)) % BLOCK, twin=row // BLOCK * BLOCK + (row + BLOCK // 2) % BLOCK
    )
    base = base.with_columns(pair=plant("pair", twin, i), named=plant("reference", twin, i))
    jitter = pl.lit(0) if clean else below(DAY, pl.col("pair"), seed, 4)
    base = base.with_columns(
        customer=below(customer_count(rows), pl.col("pair"), seed, 2),
        status=pick(STATUSES, i, seed, 3),
        created=(pl.col("pair").cast(pl.Int64) * (SPAN // rows) + jitter).cast(pl.Duration("us")) + pl.lit(EPOCH),
        serial=(pl.col("named") * SPREAD % 10**12).cast(pl.String).str.zfill(12),
    )
    base = base.with_columns(
        mail=pl.format(
            "{}.{}@{}", pick(NAMES, pl.col("customer"), seed, 6), "customer", pick(DOMAINS, pl.col("customer"), seed, 7)
        ),
        shipped=pl.when(pl.col("status").is_in(SHIPPED)).then(
            pl.col("created") + microseconds(below(14 * DAY, i, seed, 5) + 1)
        ),
    )
    customer, created = pl.col("customer"), pl.col("created")
    return base.select(
        id=(plant("id", twin, i) + 1).cast(pl.Int64),
        reference=plant("reference_shape", pl.format("ord {}", "serial"), pl.format("ORD-{}", "serial")),
        customer_id=plant("customer_null", pl.lit(None), plant("customer_orphan", -customer - 1, customer + 1)),
        email=plant(
            "email",
            pl.format("{} at home", customer),
            plant("email_long", pl.format("{}{}", pl.lit("x" * 80), "mail"), pl.col("mail")),
        ),
        status=plant("status", pl.lit("unknown"), plant("shipped_missing", pl.lit("shipped"), pl.col("status"))),
        country=plant("country", pl.lit("XX"), pick(COUNTRIES, i, seed, 8)),
        amount=plant("amount", pl.lit(-1.0), (-60 * unit(i, seed, 9).log() + 1).round(2)),
        quantity=plant("quantity", pl.lit(0), below(20, i, seed, 10) + 1),
        discount=pl.when(below(5, i, seed, 11) > 0).then(below(50, i, seed, 12) / 100),
        created_at=plant("created_future", pl.lit(FUTURE), created).cast(pl.Datetime("us")),
        shipped_at=plant(
            "shipped_missing",
            pl.lit(None),
            plant(
                "created_future",
                pl.lit(None),
                plant("shipped_before", created - pl.lit(timedelta(days=1)), pl.col("shipped")),
            ),
        ).cast(pl.Datetime("us")),
        note=pl.when(below(10, i, seed, 13) < 3).then(pick(NOTES, i, seed, 14)),
    )


def customer_count(rows: int) -> int:
    return min(CUSTOMERS, max(rows // 10, 1))


def customers(start: int, stop: int, seed: int) -> pl.DataFrame:
    """The reference table; code is the key as text."""
    i = pl.int_range(start, stop, dtype=pl.UInt64)
    return pl.select(
        customer_id=(i + 1).cast(pl.Int64),
        code=pl.format("CUST-{}", (i + 1).cast(pl.String).str.zfill(9)),
        country=pick(COUNTRIES, i, seed, 21),
    )


def wide(start: int, stop: int, seed: int) -> pl.DataFrame:
    """A hundred clean columns: fifty whole numbers, twenty floats, twenty texts of a small set, ten datetimes."""
    i = pl.int_range(start, stop, dtype=pl.UInt64)
    whole = [below(10_000, i, seed, 100 + n).alias(f"int_{n:02}") for n in range(50)]
    floats = [unit(i, seed, 200 + n).round(4).alias(f"float_{n:02}") for n in range(20)]
    texts = [pick(STATUSES, i, seed, 300 + n).alias(f"text_{n:02}") for n in range(20)]
    times = [
        (pl.lit(EPOCH) + microseconds(below(SPAN // 1_000_000, i, seed, 400 + n) * 1_000_000)).alias(f"time_{n:02}")
        for n in range(10)
    ]
    return pl.select(*whole, *floats, *texts, *times)


def write(path: Path, rows: int, chunk: Callable[[int, int], pl.DataFrame]) -> Path:
    """Write through a temporary name, so that a file that exists is whole."""

    def chunks(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        for start in range(0, rows, ROW_GROUP):
            yield chunk(start, min(start + ROW_GROUP, rows))

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    source = register_io_source(chunks, schema=chunk(0, 1).schema)
    source.sink_parquet(partial, compression="zstd", row_group_size=ROW_GROUP, statistics=True, maintain_order=True)
    return partial.rename(path)


def folder(rows: int, data: Path = DATA, seed: int = SEED) -> Path:
    """Where tables of that many rows and that seed lie; the contracts' paths start there."""
    return data / f"{rows}-{seed}"


def table(variant: str, rows: int, data: Path = DATA, seed: int = SEED) -> Path:
    """Path of the table, written with its customers if it is not there yet. Defects need whole blocks of rows."""
    if rows % BLOCK:
        raise ValueError(f"{rows} rows: defects are planted in blocks of {BLOCK} rows, give a multiple of it")
    here = folder(rows, data, seed)
    path = here / f"{variant}.parquet"
    chunks: dict[str, Callable[[int, int], pl.DataFrame]] = {
        "orders": lambda start, stop: orders(start, stop, rows, seed, clean=False),
        "orders_clean_sorted": lambda start, stop: orders(start, stop, rows, seed, clean=True),
        "wide_clean": lambda start, stop: wide(start, stop, seed),
    }
    reference = here / "customers.parquet"
    if variant != "wide_clean" and not reference.exists():
        write(reference, customer_count(rows), lambda start, stop: customers(start, stop, seed))
    return path if path.exists() else write(path, rows, chunks[variant])


def count(text: str) -> int:
    """20k, 10m or 250000."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1].lower())
    return int(float(text[:-1]) * scale) if scale else int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS, default="orders")
    parser.add_argument("--rows", type=count, default=1_000_000)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    print(table(options.variant, options.rows, options.data, options.seed))


if __name__ == "__main__":
    main()
