"""Drift of work pools: the base job template that the server has against the one in `pools/`, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from quality.drift.deployments import leaves, seen
from quality.drift.finding import Finding, Layer, differences
from quality.errors import ConfigurationError
from quality.ladder.job_template import Template, name_of, pools, template_of, values
from quality.ladder.pools import apply, declared_template
from quality.ladder.prefect_file import DeploymentEntry, PoolEntry
from quality.masking import is_secret

APPLY = "apply it again with `nox -s drift -- --fix`"
PART = "base_job_template"


def pool_drift(client: SyncPrefectClient, entries: Iterable[DeploymentEntry]) -> Iterator[Finding]:
    """Where a pool of these deployments is not as its file says, has none while others do, or has a secret in clear."""
    told: set[str] = set()
    for one in _pools(entries):
        try:
            ours, found = declared_template(one), _read(client, one.name)
        except ConfigurationError as error:
            yield from (_finding(one.name, line, "") for line in str(error).splitlines() if line not in told)
            told |= set(str(error).splitlines())
            continue
        if found and one.name not in told:
            told.add(one.name)
            yield from _differing(one.name, ours, found)
            yield from _in_clear(found)


def leftover_templates(entries: Iterable[DeploymentEntry]) -> Iterator[Finding]:
    """Files of pools in which no deployment runs."""
    used = {entry.work_pool.name for entry in entries}
    for pool in pools():
        if pool not in used:
            fix = f"delete {name_of(pool)}, or name the pool in policy.yml"
            yield _finding(pool, f"has the file {name_of(pool)}, and no deployment runs in it", fix)


def heal_pools(client: SyncPrefectClient, entries: Iterable[DeploymentEntry]) -> Iterator[str]:
    """Applies the file of every pool that differs from it; what is wrong in a file is left to its finding."""
    for pool in dict.fromkeys(entry.work_pool.name for entry in entries):
        ours, found = None, _read(client, pool)
        with suppress(ConfigurationError):
            ours = template_of(pool)
        if ours is not None and found and found.base_job_template != ours:
            apply(client, pool, ours)
            yield f"applied {name_of(pool)} to the work pool {pool}"


def _pools(entries: Iterable[DeploymentEntry]) -> list[PoolEntry]:
    """What entries ask of pools, each once; their order is that of the entries."""
    asked: list[PoolEntry] = []
    for entry in entries:
        asked += [entry.work_pool] if entry.work_pool not in asked else []
    return asked


def _read(client: SyncPrefectClient, pool: str) -> WorkPool | None:
    """A pool that is not there is told of by its deployments."""
    try:
        return client.read_work_pool(pool)
    except ObjectNotFound:
        return None


def _differing(pool: str, ours: Template | None, found: WorkPool) -> Iterator[Finding]:
    if ours is None and not pools():
        return  # the repository leaves pools to the server
    if ours is None:
        fix = f"`nox -s pools` writes {name_of(pool)}; commit it"
        yield _finding(pool, "has no base job template in the repository, so nobody compares it", fix).model_copy(
            update={"note": True}
        )
        return
    for field, git, there in differences(ours, found.base_job_template):
        path = f"{PART}.{field}"
        finding = _finding(pool, f"differs from {name_of(pool)}", APPLY, heals=True)
        yield finding.about(path, git, seen(path, git, there))


def _in_clear(found: WorkPool) -> Iterator[Finding]:
    said = values(found.base_job_template)
    for path, value in (leaf for name, one in said.items() for leaf in leaves(f"{PART}.{name}", one)):
        if is_secret(value, path.rpartition(".")[2]):
            problem = f"{path} is stored in clear, for everyone who may read work pools"
            yield _finding(found.name, problem, "revoke it; name it as {{ prefect.blocks.secret.NAME }} instead")


def _subject(pool: str) -> str:
    return f"work pool {pool}"


def _finding(pool: str, problem: str, fix: str, heals: bool = False) -> Finding:
    return Finding.of(Layer.SERVER, _subject(pool), problem, fix, heals)
