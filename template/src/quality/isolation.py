"""A check in a child process: what ends the process becomes an ERROR with its reason, and the caller lives on.

What the child is asked and what it answers are JSON files, so that nothing that it prints is taken for an answer. Data
in memory cannot be isolated: it is judged where it is.
"""

from __future__ import annotations

import math
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, SourceError
from quality.result import CheckResult
from quality.sources import Source
from quality.values import Frozen

INSIDE = "QUALITY_ISOLATED"
"""Set in the child, which judges and asks nobody else."""
CHILD = "quality.operations.isolated"
STOPPED = ("SIGKILL", "SIGTERM", "SIGINT")
"""What others end a process with: the machine's memory, an operator; the next attempt may be let live."""
STILL = 20
"""Seconds after which a process that is at its limit on memory, and works at nothing, is ended."""
NEAR = 32 << 20
"""Bytes below the limit on memory from which on the stack of another thread may be refused."""
SIZES = Path("/proc/self/statm")
"""Where Linux says how large this process is, beside which a limit on memory is set; no other system has it."""


class Asked(Frozen):
    """A check, and under which run its failing rows are quarantined; `again` when a retry would follow."""

    config: dict[str, Any]
    path: str | None = None
    source: dict[str, Any] | None = None
    now: datetime | None = None
    run: str | None = None
    again: bool = False


class Answer(Frozen):
    """A result, what quarantine said of its rows, or why the check was refused."""

    result: CheckResult | None = None
    split: str | None = None
    problem: str | None = None
    retry: bool = Field(False, description="Whether another attempt may fix the problem.")
    refused: str | None = None


class AbortedError(SourceError):
    """The child ended without an answer."""

    def __init__(self, message: str, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


def wanted(data: Any, config: CheckConfig) -> bool:
    """Whether a check is to run in a child: where the configuration asks, and data can be named."""
    return config.isolate and INSIDE not in os.environ and isinstance(data, (type(None), str, os.PathLike, Source))


def ask(
    data: Any, config: CheckConfig, now: datetime | None = None, run: str | None = None, again: bool = False
) -> Answer:
    """The child's answer; AbortedError when it ends without one, ConfigurationError when it refuses."""
    source = data.model_dump(mode="json") if isinstance(data, Source) else None
    path = None if data is None or source else os.fspath(data)
    asked = Asked(config=config.model_dump(mode="json"), path=path, source=source, now=now, run=run, again=again)
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder, "asked.json"), Path(folder, "answer.json")
        question.write_text(asked.model_dump_json(), "utf-8")
        code, said = _run([sys.executable, "-m", CHILD, str(question), str(answer)], config.timeout_seconds)
        if code == 0 and answer.exists():
            found = Answer.model_validate_json(answer.read_text("utf-8"))
            if found.refused is not None:
                raise ConfigurationError(found.refused)
            return found
    raise AbortedError(*_why(code, said, config))


def _run(command: list[str], seconds: float | None) -> tuple[int | None, str]:
    """How a child ended, None when it took too long, and what it said last; it never outlives the caller."""
    paths = (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH"))
    with tempfile.TemporaryFile() as told:
        child = subprocess.Popen(
            command,
            env=os.environ | {INSIDE: "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
        try:
            code, said = _end(child, seconds)
        finally:
            if child.poll() is None:
                _kill(child)
                child.wait()
        told.seek(max(0, told.tell() - 10_000))
        return code, said + told.read().decode("utf-8", "replace")


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends a child and what it has started; on Windows, which knows no group of processes, the child alone."""
    if sys.platform == "win32":
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes], seconds: float | None) -> tuple[int | None, str]:
    """How a child ended, None when it took too long; one that stands still at its limit on memory never will.

    A thread that is refused memory may die alone, and the query that it worked for waits for it. What waits for a
    store, or a database, works at nothing either, and is let.
    """
    end = time.monotonic() + (math.inf if seconds is None else seconds)
    used, since = -1.0, time.monotonic()
    while (left := end - time.monotonic()) > 0:
        try:
            return child.wait(min(left, 1)), ""
        except subprocess.TimeoutExpired:
            before, used = used, _used_at_limit(child.pid)
            since = since if used >= 0 and used == before else time.monotonic()
            if time.monotonic() - since > STILL:
                return -signal.SIGABRT, "memory allocation of more than there may be was refused\n"
    return None, ""


def _used_at_limit(pid: int) -> float:
    """The processor time of a process whose address space is at its limit; below zero where it is not."""
    try:
        limits = Path(f"/proc/{pid}/limits").read_text("ascii")
        size = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[0]) * mmap.PAGESIZE
        times = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except (OSError, ValueError):
        return -1
    most = next(line for line in limits.splitlines() if line.startswith("Max address space")).split()[3]
    near = most.isdecimal() and size > int(most) - NEAR
    return sum(map(int, times[11:13])) if near and not _is_connected(pid) else -1


def _is_connected(pid: int) -> bool:
    """Whether a process has a connection, for whose other end it may be waiting: that only its time limit ends."""
    try:
        held = {str(Path(name).readlink()) for name in Path(f"/proc/{pid}/fd").iterdir()}
        tables = [Path(f"/proc/{pid}/net/{name}").read_text("ascii") for name in ("tcp", "tcp6")]
    except OSError:
        return False
    return any(f"socket:[{line.split()[9]}]" in held for table in tables for line in table.splitlines()[1:])


def _why(code: int | None, said: str, config: CheckConfig) -> tuple[str, bool]:
    """Why there is no answer, as a sentence, and whether a retry may help; never what a traceback quotes."""
    if code is None:
        return f"the check took longer than timeout_seconds: {config.timeout_seconds:g}, and was stopped", True
    if "memory allocation of" in said or "MemoryError" in said:
        limit = f"its memory_limit of {config.memory_limit}" if config.memory_limit else "this machine has"
        return f"the check needed more memory than {limit}, and was stopped", config.memory_limit is None
    if code < 0:
        name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
        return f"the check was ended by {name}; the data or a rule made its process crash", name in STOPPED
    if code > 255:
        return f"the check was ended by the system (0x{code:X}); the data or a rule made its process crash", False
    return f"the check's process exited with code {code} and without an answer", False
