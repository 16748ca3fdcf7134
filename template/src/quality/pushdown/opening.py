"""The frame of a table that its database judges, once nothing is asked that it cannot judge exactly."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from quality.engine.frame import Surroundings
from quality.errors import ConfigurationError
from quality.pushdown.frame import TableFrame
from quality.pushdown.rehearsal import refusals


def judged_there(found: Any, config: Any, around: Surroundings, refer: Callable[[Any], Any]) -> TableFrame:
    """ConfigurationError with a line for each rule that the database cannot judge exactly: before anything runs."""
    frame = TableFrame(found.there, around, refer)
    frame.close = weakref.finalize(frame, found.ended)
    told = [f"{config.dataset}: {said}" for said in refusals(config.rules, frame)]
    if config.quarantine is not None and config.quarantine.passed:
        told.append(f"{config.dataset}: good rows stay in a table that is judged there: write quarantine.passed: false")
    if told:
        frame.close()
        raise ConfigurationError.of(told)
    return frame
