"""The child process of an isolated check: reads what is asked, judges, quarantines rows, and leaves an answer."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

from quality import checking
from quality.contract.config import CheckConfig
from quality.contract.contract import parse_source
from quality.contract.policy import memory
from quality.engine.frame import Frame
from quality.engine.judge import Found
from quality.errors import ConfigurationError, QuarantineError, retry_helps
from quality.isolation import SIZES, Answer, Asked
from quality.values import Status


def answer(asked: Asked) -> Answer:
    """What there is to say of the check: a result, and what quarantine did with its rows."""
    judged: list[tuple[Frame, list[Found]]] = []
    config = CheckConfig.model_validate(asked.config)
    data = parse_source(asked.source) if asked.source else asked.path
    try:
        result = checking.check(data, config, now=asked.now, seen=lambda frame, found: judged.append((frame, found)))
    except ConfigurationError as error:
        return Answer(refused=str(error))
    again = asked.again and result.status is Status.ERROR and result.retry_helps
    if asked.run is None or not judged or again:
        return Answer(result=result)
    from quality.quarantine import splits  # with it comes Prefect, which a check alone never waits for

    try:
        return Answer(result=result, split=splits.split(*judged[0], result, config, asked.run).says())
    except QuarantineError as error:
        return Answer(result=result, problem=str(error), retry=retry_helps(error))


def limit_memory(text: str) -> None:
    """No more address space than the process has now and the limit beside it; nothing but on Linux, as doctor says."""
    if sys.platform == "win32" or not SIZES.exists():
        return
    import resource

    most = int(SIZES.read_text("ascii").split()[0]) * mmap.PAGESIZE + memory(text)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(question: str, place: str) -> int:
    """Answers a question; 0 when there is an answer."""
    asked = Asked.model_validate_json(Path(question).read_text("utf-8"))
    if limit := asked.config.get("memory_limit"):
        limit_memory(str(limit))
    Path(place).write_text(answer(asked).model_dump_json(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
