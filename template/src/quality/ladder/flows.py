"""The rung of standard flows: the blessed flow that every deployment runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

from prefect import Flow

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.ladder.states import settling
from quality.ladder.tasks import check_task
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


def _blessed(function: Callable[P, R]) -> DomainFlow[P, R]:
    return DomainFlow(function, name="check-dataset", flow_run_name="{dataset}", persist_result=True, retries=0)


@_blessed
@settling
def check_dataset(
    dataset: str, environment: str | None = None, fingerprint: str | None = None, now: datetime | None = None
) -> CheckResult:
    """Check one dataset against its contract, as policy.yml says for the environment, and publish the artifacts.

    `now` is the run's own moment when left out.
    """
    config = project.load(dataset, environment)
    refuse_other_configuration(config, fingerprint)
    result: CheckResult = check_task(config).now(now=now)
    return result


def refuse_other_configuration(config: CheckConfig, fingerprint: str | None) -> None:
    """A deployment runs the configuration it was deployed with, or not at all."""
    if fingerprint not in (None, config.fingerprint):
        raise ConfigurationError(
            f"{config.dataset} in {config.environment}: deployed with fingerprint {fingerprint}, but contract, "
            f"policy, own Python and saved profiles are now {config.fingerprint}; deploy again with `nox -s deployment`"
        )
