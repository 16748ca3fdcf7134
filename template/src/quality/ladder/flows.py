"""The rung of standard flows: the blessed flow that every deployment runs."""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import Flow

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError
from quality.ladder.states import settling
from quality.ladder.tasks import check_task


class DomainFlow(Flow[..., Any]):
    """A flow whose name on a server begins with the domain's, wherever this code is imported."""

    @property
    def name(self) -> str:
        return project.named(self._own_name)

    @name.setter
    def name(self, name: str) -> None:
        self._own_name = name


@partial(DomainFlow, name="check-dataset", flow_run_name="{dataset}", persist_result=True, retries=0)
@settling
def check_dataset(dataset: str, environment: str | None = None, fingerprint: str | None = None) -> Any:
    """Check one dataset against its contract, as policy.yml says for the environment, and publish the artifacts."""
    config = project.load(dataset, environment)
    refuse_other_configuration(config, fingerprint)
    return check_task(config).now()


def refuse_other_configuration(config: CheckConfig, fingerprint: str | None) -> None:
    """A deployment runs the configuration it was deployed with, or not at all."""
    if fingerprint not in (None, config.fingerprint):
        raise ConfigurationError(
            f"{config.dataset} in {config.environment}: deployed with fingerprint {fingerprint}, but contract and "
            f"policy are now {config.fingerprint}; deploy again with `nox -s deployment`"
        )
