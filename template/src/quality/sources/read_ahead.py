"""How many row groups of Parquet files a query reads ahead: as many as keep every thread busy, or requests in flight.

Polars alone reads up to 512 ahead, which costs memory; its environment variable is the only switch, and it is read when
a query starts. So it is set around each query of a check, and what a process has set itself is left alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import polars as pl

from quality.engine.frame import Surroundings

VARIABLE = "POLARS_ROW_GROUP_PREFETCH_SIZE"
AT_ONCE = 2
"""Queries over other columns that run beside each other, where one of them leaves threads or the network idle."""

_active: list[int] = []
_lock = threading.Lock()


def row_groups(remote: bool) -> int:
    """How many are read ahead of the one that is judged: requests to a store are waited for, unlike reads of a disk."""
    threads = pl.thread_pool_size()
    return max(8, 2 * threads) if remote else max(2, threads)


def at_once(remote: bool) -> int:
    """How many queries over other columns run beside each other."""
    return AT_ONCE if remote or pl.thread_pool_size() >= 4 else 1


def surroundings(around: Surroundings, remote: bool) -> Surroundings:
    """Those of a source's queries, which know whether each request of theirs is waited for."""
    return replace(around, reading=partial(read_ahead, remote), at_once=at_once(remote), far=remote)


@contextmanager
def read_ahead(remote: bool) -> Iterator[None]:
    """Queries that start inside read so many row groups ahead, or more where another check asks for more."""
    groups = row_groups(remote)
    with _lock:
        ours = bool(_active) or VARIABLE not in os.environ
        if ours:
            _active.append(groups)
            os.environ[VARIABLE] = str(max(_active))
    try:
        yield
    finally:
        if ours:
            with _lock:
                _active.remove(groups)
                os.environ.pop(VARIABLE) if not _active else os.environ.update({VARIABLE: str(max(_active))})
