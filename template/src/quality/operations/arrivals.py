"""Data has arrived: the event that whoever brings data emits, and that triggers of deployments wait for.

`quality.data.arrived` is about the resource `quality.dataset.<domain>.<dataset>.<environment>`, as a check's are.
"""

from __future__ import annotations

from prefect.events import emit_event

from quality.contract import project
from quality.errors import ConfigurationError, ServerError
from quality.operations.events import related, resource_id
from quality.server import hand_over_events, server
from quality.texts import nearest

ARRIVED = "quality.data.arrived"


def data_arrived(dataset: str, environment: str | None = None) -> str:
    """Says on the Prefect server that new data of a dataset is there; the resource that the event is about.

    It returns once the server has the event. Every deployment whose trigger waits for it then runs.
    """
    chosen = project.environment(environment)
    project.policy().of(chosen)
    if dataset not in (known := project.datasets()):
        raise ConfigurationError(f"there is no dataset '{dataset}'; {nearest(dataset, known)}")
    _need_a_server(dataset)
    about = resource_id(dataset, chosen)
    names = {"prefect.resource.name": dataset, "quality.domain": project.domain() or "", "quality.environment": chosen}
    with server():
        emit_event(event=ARRIVED, resource={"prefect.resource.id": about, **names}, related=related())
        hand_over_events()
    return about


def _need_a_server(dataset: str) -> None:
    from prefect.settings import get_current_settings

    if not get_current_settings().api.url:
        raise ServerError(f"no PREFECT_API_URL is set, so nobody would hear that data of {dataset} has arrived; set it")
