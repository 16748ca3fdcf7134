"""Many checks through one process worker, with Prefect's own empty flow in between. Writes WORKER_RUNS.md.

`python tests/benchmarks/worker_runs.py [--runs 200] [--every 4] [--at-once 2]`, with the template's environment
installed. So many datasets, every tenth with bad data, are due at one moment on a real Prefect server; after so many of
them an empty flow has its turn. It ends with 1 when a run is lost, started twice, or without its verdict and entry of
history.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "template" / "src"), str(HERE.parents[1] / "tests" / "quality")]

PAGE = """# Checks through one process worker

{runs} datasets of 1,000 rows and 3 rules, every tenth with bad data, due at one moment on one server; one process
worker, {at_once} runs at once, {cores} cores, Prefect {prefect}. Prefect's own empty flow has its turn after every
{every} checks. Only the ratio means anything.

| | runs | lost | doubled or wrong | median, s | slowest tenth from, s | to the empty flow |
|---|---:|---:|---:|---:|---:|---:|
| empty flow | {empties} | 0 | 0 | {empty:.2f} | {empty_late:.2f} | 1.0 |
| check of a dataset | {runs} | {lost} | {wrong} | {check:.2f} | {check_late:.2f} | {ratio:.2f} |

Seconds are from where the worker takes a run to its end: a new process, its imports, and all that a check leaves. The
whole took {minutes:.0f} minutes. Each run was started once, ended as its data deserves (FAILED where it is bad), and
left one verdict on the server and one entry of history.
"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=200)
    asked.add_argument("--every", type=int, default=4)
    asked.add_argument("--at-once", type=int, default=2)
    words = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"QUALITY_ROOT": folder, "PREFECT_LOGGING_LEVEL": "ERROR", "DO_NOT_TRACK": "1"}
        sys.path.insert(0, folder)
        return measured(Path(folder), words.runs, words.every, words.at_once)


def measured(root: Path, runs: int, every: int, at_once: int) -> int:
    import prefect
    from one_worker import EMPTY, Crowd, one_worker, run_all, took, turns, wrongs
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    from quality.loopback import loopback

    home = root / ".prefect"
    with loopback(home) as server, temporary_settings({PREFECT_API_URL: server.wait(), PREFECT_HOME: home}):
        os.environ["PREFECT_HOME"] = str(home)
        crowd = Crowd(root, runs)
        with get_client(sync_client=True) as client:
            made = crowd.deploy(client)
            begun = time.monotonic()
            with one_worker(client, root, at_once):
                found = run_all(client, made, turns(list(crowd.status), every), 60.0 * runs)
            minutes = (time.monotonic() - begun) / 60
            said = wrongs(client, crowd, made, found)
            times = {
                kind: sorted(took(client, run) for run in found if (run.deployment_id == made[EMPTY]) is kind)
                for kind in (True, False)
            }
    for one in said:
        print(one)
    empty, check = times[True], times[False]
    page = PAGE.format(
        runs=runs,
        every=every,
        at_once=at_once,
        cores=os.cpu_count(),
        prefect=prefect.__version__,
        minutes=minutes,
        empties=len(empty),
        lost=runs - len(check),
        wrong=len(said),
        empty=statistics.median(empty),
        check=statistics.median(check),
        empty_late=empty[len(empty) * 9 // 10],
        check_late=check[len(check) * 9 // 10],
        ratio=statistics.median(check) / statistics.median(empty),
    )
    print(page)
    if not said:
        (HERE / "WORKER_RUNS.md").write_text(page, "utf-8")
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main())
