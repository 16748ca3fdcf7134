"""Work pools on a server: of the type that their job variables belong to, with the template of the repository."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from quality.contract import project
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.ladder.job_template import Template, name_of, path_of, refuse_job_variables, template_of, text_of
from quality.ladder.prefect_file import DeploymentEntry, PoolEntry
from quality.server import shell
from quality.texts import nearest

POOL_TYPES = ("process", "docker", "kubernetes")


def worker_start(pool: str, kind: str) -> str:
    """How a worker of a pool is started; one of containers needs a package of Prefect's, and nothing from here."""
    words = f"worker start --pool {pool} --no-create-pool-if-not-found"
    return shell(words) if kind == "process" else f"prefect {words}, where the package prefect-{kind} is installed"


def pool_type(client: SyncPrefectClient, entry: PoolEntry) -> tuple[str, dict[str, Any]]:
    """The first pool type that has all of these job variables, and its default template."""
    metadata = client.read_worker_metadata()
    templates = {kind: made for package in metadata.values() for kind, made in package.items() if kind in POOL_TYPES}
    known: set[str] = set()
    for kind in POOL_TYPES:
        template = templates[kind]["default_base_job_configuration"]
        variables = set(template["variables"]["properties"])
        known |= variables
        if entry.job_variables.keys() <= variables:
            return kind, template
    unknown = next((name for name in entry.job_variables if name not in known), None)
    if unknown is None:
        raise ConfigurationError(f"prefect.yaml: no type of work pool has all job variables of '{entry.name}'")
    raise ConfigurationError(
        f"prefect.yaml: pool '{entry.name}' has no job variable '{unknown}'; {nearest(unknown, known)}"
    )


def ensure_pool(client: SyncPrefectClient, entry: PoolEntry) -> WorkPool:
    """The work pool, with the template that the repository has for it.

    Where the server has none of this name it is created with the type that its job variables belong to; where the
    repository has no template, with Prefect's own of that type, and one that is there stays as it is.
    """
    ours = declared_template(entry)
    try:
        found = client.read_work_pool(entry.name)
    except ObjectNotFound:
        kind, default = _kind(client, entry, ours)
        made = WorkPoolCreate(name=entry.name, type=kind, base_job_template=default if ours is None else ours)
        return client.create_work_pool(made)
    if ours is not None and ours != found.base_job_template:
        apply(client, entry.name, ours)
        return client.read_work_pool(entry.name)
    return found


def declared_template(entry: PoolEntry) -> Template | None:
    """The template that the repository has for a pool, which takes the job variables of this entry."""
    if (ours := template_of(entry.name)) is not None:
        refuse_job_variables(entry.name, ours, entry.job_variables)
    return ours


def apply(client: SyncPrefectClient, pool: str, template: Template) -> None:
    """Brings a pool's template to what the repository says."""
    client.update_work_pool(pool, WorkPoolUpdate(base_job_template=template))


def _kind(client: SyncPrefectClient, entry: PoolEntry, ours: Template | None) -> tuple[str, Template]:
    """The type of a new pool: where the repository has a template, the one with most of its variables."""
    if ours is None:
        return pool_type(client, entry)
    known = set(ours["variables"]["properties"])
    metadata = client.read_worker_metadata()
    kinds = {kind: made for package in metadata.values() for kind, made in package.items() if kind in POOL_TYPES}
    templates = {kind: kinds[kind]["default_base_job_configuration"] for kind in POOL_TYPES}
    best = max(POOL_TYPES, key=lambda kind: len(known & set(templates[kind]["variables"]["properties"])))
    return best, templates[best]


def write_templates(client: SyncPrefectClient, entries: Iterable[DeploymentEntry]) -> list[str]:
    """Writes the template of every pool that has no file: Prefect's own of the pool's type; names the files."""
    written = []
    for pool in dict.fromkeys(entry.work_pool.name for entry in entries):
        if not path_of(pool).exists():
            mine = [entry.work_pool for entry in entries if entry.work_pool.name == pool]
            together = {name: value for one in mine for name, value in one.job_variables.items()}
            _, template = pool_type(client, PoolEntry(name=pool, job_variables=together))
            write_whole(project.root() / name_of(pool), text_of(template))
            written.append(name_of(pool))
    return written
