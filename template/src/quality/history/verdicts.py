"""What history knows of each version of the data: the last verdict on it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import polars as pl

from quality.contract.config import CheckConfig
from quality.errors import SourceError
from quality.history.runs import SCHEMA, shelf
from quality.history.store import SUBJECT
from quality.values import Status

READ = pl.Schema({name: SCHEMA[name] for name in ("run", "at", "status", "version")})


class Verdict(NamedTuple):
    """The last look at a version of the data; at data whose version is unknown, each look."""

    at: datetime
    status: Status
    version: str | None


def verdicts(config: CheckConfig, since: datetime) -> list[Verdict]:
    """The verdicts from a moment on, oldest first; none where history cannot be read."""
    with suppress(SourceError):
        looks = shelf(config).read(READ).group_by(SUBJECT.alias("subject"), maintain_order=True)
        found = looks.agg(pl.col("at", "status", "version").last()).filter(pl.col("at") >= since).sort("at")
        return [Verdict(at, Status(status), version) for _, at, status, version in found.rows()]
    return []
