"""Object storage: what is an address of it, how long it is waited for, and what its errors say in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from quality.files import no_room, whole

PATIENT = {"connect_timeout": "5s", "read_timeout": "30s"}
"""For data: no request lasts for ever, and Polars tries again as often as it likes to."""
SHORT = {"connect_timeout": "5s", "read_timeout": "5s", "max_retries": 2, "retry_timeout_ms": 5_000}
"""For what stands beside a verdict: each look at a store that says nothing costs 10 seconds, as Polars looks twice."""
NONE = "expanded paths were empty"
"""What Polars says where no object of a store fits a pattern."""

AT_ONCE = 16
"""What is asked of a store beside each other: a request is waited for 50 ms, and costs a thread nothing meanwhile."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def each(work: Callable[[Item], Answer], items: Iterable[Item], far: bool) -> list[Answer]:
    """What the work says of each item, in their order; several at once where it waits for a store."""
    if not far:
        return [work(item) for item in items]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(work, items))


def is_remote(path: str) -> bool:
    """Whether it is an address and no local path."""
    return "://" in path


def options(path: str, wait: dict[str, Any]) -> dict[str, Any] | None:
    """What Polars is told of an address; Hugging Face takes none of it."""
    return None if path.startswith("hf://") else wait


def write_table(
    table: pl.DataFrame, place: str, seal: Callable[[Path], None] | None = None, first: bool = False, **how: Any
) -> None:
    """Writes a Parquet file, whole or not at all, its owner's only; OSError or PolarsError where it cannot be.

    A local file is sealed before it appears; where it is to be the `first`, one that is there stays.
    """
    if is_remote(place):
        table.write_parquet(place, storage_options=options(place, SHORT), **how)
        return
    with whole(Path(place), first=first) as half:
        try:
            table.write_parquet(half, **how)
        except pl.exceptions.PolarsError as error:
            raise no_room(half.parent) or error from None
        if seal:
            seal(half)
