"""Time the fleet's page of 300 repositories in every state, from local clones.

    python tests/benchmarks/fleet_page.py --repositories 300

It prints seconds and CPU seconds of `hooks/fleet.py`, each the least of three runs, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from fleet_states import STATES, fleet, releases  # noqa: E402
from rendering import git  # noqa: E402

IDENTITY = {f"GIT_{who}_{what}": "fleet@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def main() -> None:
    """Make the fleet, read it three times, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repositories", type=int, default=300)
    count = parser.parse_args().repositories
    os.environ.update(IDENTITY | NO_SETTINGS)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        git(folder, "clone", "--quiet", str(ROOT), str(folder / "here"))
        tagged = releases(folder / "here", folder / "template")
        states = fleet(tagged, folder / "states")
        for number in range(count):
            state = STATES[number % len(STATES)].name
            git(folder, "clone", "--quiet", str(states / state), str(folder / "fleet" / f"{state}_{number}"))
        taken = [timed(folder / "fleet", tagged, folder / "fleet.html") for _ in range(3)]
    print(f"{count} repositories: {min(t for t, _ in taken):.1f} s, {min(cpu for _, cpu in taken):.1f} CPU s")


def timed(folder: Path, template: Path, page: Path) -> tuple[float, float]:
    """Seconds, and CPU seconds of the command and of git."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(ROOT / "hooks" / "fleet.py"), str(folder)]
    options = ["--template", str(template), "--html", str(page)]
    subprocess.run([*command, *options], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


if __name__ == "__main__":
    main()
