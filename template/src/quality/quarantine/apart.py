"""Rows that lie in quarantine by partition: each partition that was judged alone is redriven by its name."""

from __future__ import annotations

from collections import Counter

from pydantic import ValidationError

from quality.contract.config import CheckConfig
from quality.errors import QuarantineError
from quality.history.releases import why_unread
from quality.quarantine.keeping import PART
from quality.quarantine.splits import ABOUT, Split, base


def rows_by_partition(config: CheckConfig) -> dict[str, int]:
    """How many rows of each partition are in quarantine, by the text that asks for it, as people may read it."""
    found: list[Split] = []
    for file in sorted(base(config).glob(f"{PART}*/date=*/run=*/{ABOUT}")):
        try:
            found.append(Split.model_validate_json(file.read_text("utf-8")))
        except (ValidationError, OSError) as error:
            raise QuarantineError(f"{file} cannot be read: {why_unread(error)}") from None
    gone = {name for split in found for name in split.replaces}
    rows: Counter[str] = Counter()
    for split in found:
        if split.failing and split.run not in gone:
            rows[split.partition or "?"] += split.failing
    return dict(rows)
