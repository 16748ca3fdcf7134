"""Writes down that the tests of a real Spark have passed, and on what: docs/pushdown.md of the template says it."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

LAST_RUN = Path(__file__).parent.parent / "tests" / "spark" / "last_run.json"


def java() -> str:
    """The version of Java, whose first number is enough."""
    said = subprocess.run(["java", "-version"], capture_output=True, encoding="utf-8", check=True).stderr
    found = re.search(r'"(\d+)', said)
    return found[1] if found else "unknown"


def last_run() -> str:
    """One sentence of when Spark judged as Polars does, and which."""
    said = json.loads(LAST_RUN.read_text(encoding="utf-8"))
    return (
        f"The tests of Spark, which are a session of the template's own, passed last on {said['date']}, "
        f"with Spark {said['spark']} on Java {said['java']}."
    )


if __name__ == "__main__":
    now = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "spark": version("pyspark"), "java": java()}
    LAST_RUN.write_text(json.dumps(now) + "\n", encoding="utf-8")
