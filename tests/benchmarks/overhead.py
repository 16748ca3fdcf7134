"""What a run leaves behind, beside the check alone: `python overhead.py TABLE SUITE ROUNDS` prints what each way took.

Every way is a flow run with one task, on a real Prefect server on loopback, in turn, in one process: the check alone;
with artifacts, report, message, history and event, as an operator has them; with failing rows quarantined; and with
good rows written, too. A sink on loopback takes the messages; every run sends one.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TEMPLATE = HERE.parents[1] / "template"
sys.path[:0] = [str(TEMPLATE / "src"), str(HERE.parents[1] / "tests" / "quality")]

WAYS: dict[str, dict[str, Any] | None] = {
    "check alone": None,
    "as operators have it": {},
    "failing rows quarantined": {"quarantine": {"path": "quarantine", "passed": False}},
    "good rows written, too": {"quarantine": {"path": "quarantine"}},
}

POLICY = "{defaults: {retries: {reason: -}, cache: {reason: -}, work_pool: -}, environments: {prod: {}}}"


def taken(run: Callable[[], Any]) -> dict[str, float]:
    """Wall and processor seconds of this process."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.perf_counter() - wall, "cpu": cpu}


@contextmanager
def prefect() -> Iterator[None]:
    """A server of this benchmark's own, and no heartbeat thread."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_HOME, temporary_settings

    from quality.loopback import loopback

    home = Path(os.environ["QUALITY_ROOT"]) / ".prefect"
    with loopback(home) as server:
        own = {PREFECT_API_URL: server.wait(), PREFECT_HOME: home, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        with temporary_settings(own):
            yield


def compared(table: Path, suite: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """What each way took, in each round after an uncounted one."""
    from prefect import flow, task
    from prefect.blocks.notifications import SlackWebhook
    from pydantic import SecretStr
    from sink import listening

    from quality import checking
    from quality.contract.config import CheckConfig
    from quality.contract.contract import load_contract
    from quality.ladder.tasks import data_quality_check_task

    with listening() as sink, prefect():
        SlackWebhook(url=SecretStr(f"json://{sink.place}/operators")).save("operators", _sync=True)  # type: ignore[call-arg]
        channel = {"channel": "slack", "block": "slack-webhook/operators"}
        policy = {"environment": "prod", "notifications": [channel], "remind_after_hours": 1e-6, "fail_on_error": False}
        asked = {name: value for name, value in load_contract(suite) if name in CheckConfig.model_fields}
        contract = asked | policy

        @task
        def check_alone(config: CheckConfig) -> None:
            checking.check(str(table), config)

        @flow
        def one(way: str) -> None:
            more = WAYS[way]
            config = CheckConfig.model_validate(contract | (more or {}))
            check_alone(config) if more is None else data_quality_check_task(str(table), config=config)

        took: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for number in range(rounds + 1):
            for way in WAYS:
                shutil.rmtree(Path(os.environ["QUALITY_ROOT"], "quarantine"), ignore_errors=True)
                spent = taken(lambda way=way: one(way))  # type: ignore[misc]
                if number:
                    took[way].append(spent)
        told, due = len(sink.bodies), (rounds + 1) * (len(WAYS) - 1)
        assert told == due, f"{due} runs sent {told} messages"
    return took


def main() -> None:
    table, suite, rounds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(Path(table).with_name("customers.parquet"), folder)
        os.environ |= {"QUALITY_ROOT": folder, "PREFECT_LOGGING_LEVEL": "ERROR", "DO_NOT_TRACK": "1"}
        (Path(folder) / "datasets").mkdir()
        (Path(folder) / "policy.yml").write_text(POLICY)
        print("\n" + json.dumps(compared(Path(table), Path(suite), int(rounds))))


if __name__ == "__main__":
    main()
