"""Prefect's task runners for the states of many files: threads of this process, or the workers of Dask and of Ray."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from quality.contract.config import CheckConfig
from quality.contract.engine import Engine
from quality.errors import ConfigurationError, first_line
from quality.file_states.spread import EACH, SpreadError
from quality.prefect_run import run_context
from quality.sources.drivers import driver

THREADS = "POLARS_MAX_THREADS"
ATTEMPTS = 2
"""How often a batch is sent; beside that, Dask and Ray send one whose worker was lost to another."""
WAVE = 64
"""Tasks that are sent before any of them is waited for, as each holds all that is asked, keys of references too."""
LOST = {"distributed.scheduler.allowed-failures": 1, "distributed.scheduler.no-workers-timeout": "30s"}
"""Of a cluster on this machine: a task may end one worker, and does not wait for ever where none is left."""


def run_batch(work: bytes, batch: bytes) -> bytes:
    """What the work says of a batch; all three as one process sends them to another."""
    answer: bytes = pickle.dumps(pickle.loads(work)(pickle.loads(batch)))
    return answer


states_of_files = Task(run_batch, name="states_of_files", cache_policy=NO_CACHE, persist_result=False)


@contextmanager
def spreading(config: CheckConfig) -> Iterator[None]:
    """Inside, a check in a Prefect run has the states of its files made by the policy's runner."""
    if config.engine is None or run_context() is None:
        yield
        return
    stack = ExitStack()
    token = EACH.set(Batches(config.engine, stack))
    try:
        yield
    finally:
        EACH.reset(token)
        _end(stack)


def _end(stack: ExitStack) -> None:
    """Ends a runner; a verdict does not depend on how."""
    try:
        stack.close()
    except Exception as error:
        get_run_logger().warning("The runner did not end well: %s", first_line(error))


class Batches:
    """Sends batches to a runner, which is started when there are some for the first time."""

    def __init__(self, engine: Engine, stack: ExitStack) -> None:
        self.engine, self.stack = engine, stack
        try:
            make_runner(engine)  # a missing extra, or an option that there is not, is said at once
        except (TypeError, ValueError, ImportError, AttributeError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"engine.options: {first_line(error)}") from None

    @cached_property
    def runner(self) -> TaskRunner[Any]:
        """The runner at work, until the check ends."""
        try:
            started: TaskRunner[Any] = self.stack.enter_context(make_runner(self.engine))
        except Exception as error:
            raise SpreadError(f"the runner {self.engine.runner} cannot be started: {first_line(error)}") from error
        return started

    def __call__(self, work: Callable[[Any], Any], batches: Sequence[Any]) -> list[Any]:
        try:
            said, *sent = (pickle.dumps(one) for one in (work, *batches))
        except Exception as error:
            raise SpreadError(f"the source cannot be sent to another process: {first_line(error)}") from error
        waves = [range(first, min(first + WAVE, len(sent))) for first in range(0, len(sent), WAVE)]
        return [pickle.loads(answer) for wave in waves for answer in self._answers(said, sent, wave)]

    def _answers(self, work: bytes, sent: Sequence[bytes], wave: Sequence[int]) -> list[bytes]:
        """The answers to some of the batches, each of which is sent again where it was lost."""
        found: dict[int, bytes] = {}
        for left in reversed(range(ATTEMPTS)):
            futures = {number: self._submit(work, sent[number]) for number in wave if number not in found}
            for number, future in futures.items():
                try:
                    found[number] = future.result()
                except (Exception, SystemExit) as error:
                    self._lost(number, len(sent), error, left)
        return [found[number] for number in wave]

    def _submit(self, work: bytes, batch: bytes) -> Any:
        runner = self.runner
        try:
            return runner.submit(states_of_files, parameters={"work": work, "batch": batch})
        except Exception as error:
            said = f"the runner {self.engine.runner} takes no task of this run: {first_line(error)}"
            raise SpreadError(said) from error

    def _lost(self, number: int, of: int, error: BaseException, left: int) -> None:
        """A batch without an answer: told where it is sent again, SpreadError where it is not."""
        where = f"batch {number + 1:,} of {of:,}"
        if not left:
            raise SpreadError(
                f"the runner {self.engine.runner} gave no answer for {where}, sent {ATTEMPTS} times: "
                f"{first_line(error)}; look at its workers, or make batches smaller by `engine.files_per_task`"
            ) from None  # a lost worker may be let live the next time, whatever it says
        get_run_logger().warning("%s was lost and is sent again: %s", where, first_line(error))


def make_runner(engine: Engine) -> TaskRunner[Any]:
    """The runner as the policy says it; ConfigurationError where its extra is not installed."""
    workers = engine.workers or os.cpu_count() or 1
    if engine.runner == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    return _dask(engine, workers) if engine.runner == "dask" else _ray(engine, workers)


def _dask(engine: Engine, workers: int) -> TaskRunner[Any]:
    """A cluster that runs, or one of processes on this machine, which share its cores."""
    module = driver("prefect_dask", "dask", "the runner dask")
    given = dict(engine.options)
    if engine.address:
        given["address"] = engine.address
    elif "cluster_class" not in given:
        driver("dask", "dask", "the runner dask").config.set(LOST)
        own = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None, "env": _share(workers)}
        given["cluster_kwargs"] = own | given.get("cluster_kwargs", {})
    runner: TaskRunner[Any] = module.DaskTaskRunner(**given)
    return runner


def _ray(engine: Engine, workers: int) -> TaskRunner[Any]:
    """A cluster that runs, or one of processes on this machine, which share its cores."""
    module = driver("prefect_ray", "ray", "the runner ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    given = dict(engine.options)
    if engine.address:
        given["address"] = engine.address
    else:
        own = {"num_cpus": workers, "include_dashboard": False, "runtime_env": {"env_vars": _share(workers)}}
        given["init_kwargs"] = own | given.get("init_kwargs", {})
    runner: TaskRunner[Any] = module.RayTaskRunner(**given)
    return runner


def _share(workers: int) -> dict[str, str]:
    """The threads of each process, where nobody has said how many."""
    return {} if THREADS in os.environ else {THREADS: str(max(1, (os.cpu_count() or 1) // workers))}
