"""Drift of a Prefect server: its version and clock, the saved blocks and deployments; and how git heals it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import prefect
from packaging.version import Version
from prefect.client.orchestration import SyncPrefectClient

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.drift.blocks import block_drift, rules_drift, save
from quality.drift.deployments import deployment_drift
from quality.drift.earlier_domain import left_of, remove_domain
from quality.drift.finding import Finding, Layer
from quality.drift.leftovers import leftover_drift, remove_leftovers, remove_old
from quality.drift.managed_files import SKEW
from quality.drift.pools import heal_pools, leftover_templates, pool_drift
from quality.drift.standstill import standstill
from quality.ladder.deployment import deploy, deployed, ensure_pool
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile
from quality.rollout.gate import unmet


class Scope:
    """What is looked at: the blocks and deployments of every environment, or of one; of contracts that can be read.

    Where the domain had another name that is `gone`, also what is left under it.
    ConfigurationError when none can.
    """

    def __init__(self, file: PrefectFile, environment: str | None = None, gone: str | None = None) -> None:
        names = [environment] if environment else list(project.policy().environments)
        self.file, self.gone = file, gone
        by_name = [project.load_each(project.datasets(), name) for name in names]
        self.configs: list[CheckConfig] = [config for read, _ in by_name for config in read]
        unread = {name: error for _, failed in by_name for name, error in failed.items()}
        if unread and not self.configs:
            raise next(iter(unread.values()))
        chosen = [entry for entry in file.deployments if environment in (None, entry.environment)]
        self.entries: list[DeploymentEntry] = [entry for entry in chosen if entry.dataset not in unread]


def server_drift(client: SyncPrefectClient, scope: Scope) -> Iterator[Finding]:
    """Everything on the server that is not as the repository says."""
    yield from version_drift(client.api_version(), prefect.__version__)
    yield from clock_drift(_clock(client), datetime.now(UTC))
    for config in scope.configs:
        yield from block_drift(client, config)
    yield from rules_drift(client, scope.configs)
    for entry in scope.entries:
        yield from deployment_drift(client, scope.file, entry)
    yield from pool_drift(client, scope.entries)
    yield from leftover_templates(scope.file.deployments)
    yield from leftover_drift(client, scope.file, scope.configs)
    if scope.gone:
        yield from left_of(client, scope.gone)
    yield from standstill(client, scope.entries)


def heal(client: SyncPrefectClient, scope: Scope, old: bool = False) -> Iterator[str]:
    """Saves, deploys and deletes what drifted, and nothing else; `old` also what has a name of before."""
    for config in scope.configs:
        if any(one.heals for one in block_drift(client, config)):
            yield save(client, config)
    yield from heal_pools(client, scope.entries)
    for entry in scope.entries:
        if any(one.heals for one in deployment_drift(client, scope.file, entry)):
            ensure_pool(client, entry.work_pool)
            promoted = unmet(entry, deployed(client, entry)) is None
            deploy(client, scope.file, entry, promoted)
            yield f"deployed{'' if promoted else ' paused, as it is not promoted:'} {entry.name}"
    yield from remove_leftovers(client, scope.file)
    if old:
        yield from remove_old(client, scope.file, scope.configs)
    if scope.gone:
        yield from remove_domain(client, scope.gone)


def version_drift(server: str, ours: str) -> Iterator[Finding]:
    """A server of another release: Prefect's must not be older than its clients."""
    if Version(server).release[:2] != Version(ours).release[:2]:
        older = Version(server) < Version(ours)
        fix = "update the server: it must not be older than its clients" if older else "Prefect serves older clients"
        yield Finding.of(Layer.SERVER, "server", f"runs Prefect {server}, this repository {ours}", fix).model_copy(
            update={"note": not older}
        )


def clock_drift(server: datetime, ours: datetime) -> Iterator[Finding]:
    """A server whose clock is another: schedules and evidence go by it."""
    skew = server - ours
    if abs(skew) > SKEW:
        yield Finding.of(
            Layer.SERVER, "server", f"its clock is {skew.total_seconds():+.0f} s from this machine's", "set both by NTP"
        )


def _clock(client: SyncPrefectClient) -> datetime:
    """The server's time, as its answers say it; this machine's when they do not."""
    try:
        return parsedate_to_datetime(httpx.get(f"{client.api_url}/health", timeout=10).headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return datetime.now(UTC)
