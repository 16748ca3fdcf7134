"""Draw template/docs/report.png and artifact.png: a failing run of the sample, after three weeks of history.

`nox -s pictures` runs this with the template's pins on a repository that it renders: `draw_pictures.py <folder>`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "template"
sys.path[:0] = [str(TEMPLATE / "src"), str(ROOT / "tests" / "quality")]

import browser  # noqa: E402 - the tests' own, in place
import polars as pl  # noqa: E402
from prefect.client.orchestration import get_client  # noqa: E402
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings  # noqa: E402

from quality.checking import check  # noqa: E402
from quality.contract import project  # noqa: E402
from quality.contract.config import CheckConfig  # noqa: E402
from quality.errors import DataQualityError  # noqa: E402
from quality.history import runs as history  # noqa: E402
from quality.ladder.flows import check_dataset  # noqa: E402
from quality.loopback import loopback  # noqa: E402
from quality.reporting import html as report  # noqa: E402
from quality.reporting.artifacts import dataset_key  # noqa: E402
from quality.server import latest_artifacts  # noqa: E402

DOCS = TEMPLATE / "docs"
RAISED = {
    "column: tailnum, severity: warning": "column: tailnum, severity: error",
    "value: 720, max_failure_rate: 0, severity": "value: 720, max_failure_rate: 0, by: carrier, severity",
}
GOOD_DAYS = 19


def main(folder: Path) -> None:
    """Raise severities in the folder's contract, judge day after day, and draw what the last run left."""
    os.environ["QUALITY_ROOT"] = str(folder)
    contract = folder / "datasets" / "flights.yml"
    text = contract.read_text("utf-8")
    for old, new in RAISED.items():
        assert old in text, old
        text = text.replace(old, new)
    contract.write_text(text, "utf-8")
    config = project.load("flights", "prod")
    remember(config, pl.read_parquet(folder / "data" / "flights.parquet"))
    with tempfile.TemporaryDirectory() as profile, loopback(folder / ".prefect") as server:
        with temporary_settings({PREFECT_API_URL: server.wait(), PREFECT_HOME: folder / ".prefect"}):
            page = artifact_page(config)
        os.environ["QUALITY_SCREENSHOTS"] = str(DOCS)
        light = browser.PREFERS["light"]
        waiting = ("--virtual-time-budget=30000", "--timeout=60000")
        browser.screenshot(page, "artifact", Path(profile), light, *waiting, size="1280,1300")
        browser.screenshot(report.last(config).as_uri(), "report", Path(profile), light, size="1280,1640")


def remember(config: CheckConfig, flights: pl.DataFrame) -> None:
    """A run for each day but the last, of the flights until then; every aircraft is known on the good days."""
    last = int(flights["day"].max())  # type: ignore[arg-type]
    for day in range(3, last):
        rows = flights.filter(pl.col("day") <= day)
        known = rows.filter(pl.col("tailnum").is_not_null()) if day <= GOOD_DAYS else rows
        result = check(known, config)
        moment = datetime.now(UTC) - timedelta(days=last - day)
        history.append(result.model_copy(update={"timestamp": moment}), config, f"day{day}")


def artifact_page(config: CheckConfig) -> str:
    """The address of the summary that a failing run of the flow has left."""
    with suppress(DataQualityError):
        check_dataset(config.dataset, config.environment)
    key = dataset_key(config.dataset, config.environment)
    with get_client(sync_client=True) as client:
        found = latest_artifacts(client, [key])[key]
    return f"{str(PREFECT_API_URL.value()).removesuffix('/api')}/artifacts/artifact/{found.id}"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
