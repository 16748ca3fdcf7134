"""The progress of a check that takes long: a bar on Prefect's page of its run, and under the dataset's own key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread
from typing import Any
from uuid import UUID

from prefect.artifacts import ProgressArtifact, update_progress_artifact
from prefect.logging import get_run_logger

from quality.contract.config import CheckConfig
from quality.errors import first_line
from quality.prefect_run import run_context
from quality.reporting.artifacts import dataset_key
from quality.texts import slug

AFTER_SECONDS = 10.0
"""Checks that are done by then leave no artifact."""
EVERY_SECONDS = 5.0


class Progress:
    """How many of a check's rules are judged, and since when it runs."""

    def __init__(self, config: CheckConfig) -> None:
        self.key = slug(dataset_key(config.dataset, config.environment, config.part) + "-progress")
        self.rules, self.judged, self.started = len(config.rules), 0, time.monotonic()
        self.artifact: UUID | None = None

    def __call__(self, rules: int) -> None:
        """Some more rules are judged."""
        self.judged += rules

    def show(self) -> None:
        """Writes the artifact, or brings it up to date."""
        percent = 100.0 * self.judged / max(self.rules, 1)
        words = f"{self.judged} of {self.rules} rules judged in {time.monotonic() - self.started:,.0f} s"
        if self.artifact is None:
            self.artifact = _made(ProgressArtifact(key=self.key, progress=percent, description=words))
        else:
            update_progress_artifact(self.artifact, percent, description=words, _sync=True)  # type: ignore[call-arg]

    def watch(self, over: Event) -> None:
        """Shows the progress again and again, and a last time, unless the check is over before it is long."""
        wait = AFTER_SECONDS
        while not over.wait(wait):
            self.show()
            wait = EVERY_SECONDS
        if self.artifact is not None:
            self.show()


@contextmanager
def visible(config: CheckConfig) -> Iterator[Callable[[int], None]]:
    """What a check calls with the number of rules it has just judged; one that cannot be shown stops no check."""
    progress, over = Progress(config), Event()
    if run_context() is None:
        yield progress
        return
    thread = Thread(target=copy_context().run, args=(_watch, progress, over), name=progress.key, daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        over.set()
        thread.join(EVERY_SECONDS)  # a server that does not answer is not waited for


def _made(artifact: ProgressArtifact) -> UUID:
    created: Any = artifact.create(_sync=True)  # type: ignore[call-arg]
    return UUID(str(created.id))


def _watch(progress: Progress, over: Event) -> None:
    try:
        progress.watch(over)
    except Exception as error:
        get_run_logger().warning("progress: not shown: %s", first_line(error))
