"""The rung of standard flows: the blessed flow that every deployment runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from prefect import Flow
from prefect.runtime import flow_run

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.ladder.flow_config import refuse_retries
from quality.ladder.states import settling
from quality.ladder.tasks import check_task
from quality.masking import masked, masked_value
from quality.operations import dead
from quality.result import CheckResult

P = ParamSpec("P")
R = TypeVar("R")


class DomainFlow(Flow[P, R]):
    """A flow whose name on a server begins with the domain's, wherever this code is imported."""

    @property
    def name(self) -> str:
        return project.named(self._own_name)

    @name.setter
    def name(self, name: str) -> None:
        self._own_name = name

    def with_options(self, **options: Any) -> DomainFlow[P, R]:
        """A copy with other options, as good as this one."""
        refuse_retries(options)
        copy = super().with_options(**options)
        copy.__class__ = type(self)
        copy.name = options.get("name") or self._own_name
        return copy  # type: ignore[return-value]

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """What a server is told of a run's parameters."""
        told: dict[str, Any] = masked_value(super().serialize_parameters(parameters))
        return told


def _run_name() -> str:
    """What a run is called: its dataset, whatever was given for one."""
    return masked(str(flow_run.parameters.get("dataset")))


def _blessed(function: Callable[P, R]) -> DomainFlow[P, R]:
    return DomainFlow(function, name="check-dataset", flow_run_name=_run_name, persist_result=True, retries=0)


@_blessed
@settling
def check_dataset(
    dataset: str,
    environment: str | None = None,
    fingerprint: str | None = None,
    now: datetime | None = None,
    partition: str | None = None,
) -> CheckResult:
    """Check one dataset against its contract, as policy.yml says for the environment, and publish the artifacts.

    `now` is the run's own moment when left out. Of a `partition` such as `day=2026-11-26` only the files in its folders
    are read.
    """
    config = project.load(dataset, environment).override(partition=partition)
    refuse_other_configuration(config, fingerprint)
    dead.meet(config, check_dataset.name)
    result: CheckResult = check_task(config).now(now=now)
    return result


def refuse_other_configuration(config: CheckConfig, fingerprint: str | None) -> None:
    """A deployment runs the configuration it was deployed with, or not at all."""
    if fingerprint not in (None, config.fingerprint):
        raise ConfigurationError(
            f"{config.dataset} in {config.environment}: deployed with fingerprint {fingerprint}, but contract, "
            f"policy, own Python and saved profiles are now {config.fingerprint}; deploy again with `nox -s deployment`"
        )
