"""Write template/data/flights.parquet: the New York departures of 1 to 23 January 2013, as published, dirt included.

The table is public-domain US transport statistics and ships inside the pointblank wheel as `nycflights`.
`nox -s sample` runs this with both packages pinned.
"""

from __future__ import annotations

from pathlib import Path

import pointblank
import polars as pl

TARGET = Path(__file__).parent.parent / "template" / "data" / "flights.parquet"


def main() -> None:
    """Write the slice and print its size."""
    flights = pointblank.load_dataset("nycflights", tbl_type="polars")
    assert isinstance(flights, pl.DataFrame)
    january = flights.filter(pl.col("month") == 1, pl.col("day") <= 23)
    january.write_parquet(TARGET, compression="zstd", compression_level=19)
    print(f"{TARGET.name}: {january.height:,} rows, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
