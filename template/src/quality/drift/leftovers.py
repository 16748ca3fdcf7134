"""Drift of what is left on the server: deployments and blocks of what is gone, and names of before the domain."""

from __future__ import annotations

from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse

from quality.contract.config import CheckConfig
from quality.contract.ownership import REMOVE_OLD, TAG, other_domain, own_domain
from quality.drift.blocks import left_blocks, old_blocks
from quality.drift.finding import Finding, Layer
from quality.errors import ConfigurationError
from quality.ladder.deployment import OLD_FLOW, called, delete, deployments_of, flow_of, old_deployments, read, tagged
from quality.ladder.flows import check_dataset
from quality.ladder.prefect_file import DeploymentEntry, PrefectFile

FINGERPRINT = "fingerprint:"
"""What the tag of a deployment begins with that this template made."""
LEFT = "is left from before names carried the domain"


def leftovers(client: SyncPrefectClient, file: PrefectFile) -> Iterator[tuple[DeploymentResponse, bool]]:
    """Deployments of this domain that prefect.yaml does not name, and whether this template made them."""
    if file.name is None:
        return
    names = {entry.name for entry in file.deployments}
    known = {found.id for entry in file.deployments if (found := deployed(client, entry))}
    old = {found.id for found in deployments_of(client, OLD_FLOW)} if check_dataset.name != OLD_FLOW else set()
    ours = {found.id for found in deployments_of(client, check_dataset.name)}
    for found in _of_domain(client, file.name, names):
        if found.id not in known and found.id not in old and not other_domain(found.tags):
            proved = found.id in ours or f"{TAG}{own_domain()}" in found.tags
            yield found, proved and any(tag.startswith(FINGERPRINT) for tag in found.tags)


def deployed(client: SyncPrefectClient, entry: DeploymentEntry) -> DeploymentResponse | None:
    """The deployment of an entry, under its own flow; where that cannot be imported, whatever has its name."""
    try:
        return read(client, f"{flow_of(entry).name}/{entry.name}")
    except ConfigurationError:
        return next(iter(called(client, entry.name)), None)


def _of_domain(client: SyncPrefectClient, name: str, names: set[str]) -> list[DeploymentResponse]:
    """What carries the domain's tag, the tag that prefect.yaml of before gave it, or a name that an entry has."""
    found = [*tagged(client, f"{TAG}{own_domain()}"), *tagged(client, name), *called(client, *sorted(names))]
    return list({one.id: one for one in found}.values())


def leftover_drift(client: SyncPrefectClient, file: PrefectFile, configs: list[CheckConfig]) -> Iterator[Finding]:
    """Each deployment that left prefect.yaml, each block of what is gone, and each object with a name of before."""
    names = {entry.name for entry in file.deployments}
    for found, own in leftovers(client, file):
        fix = "delete it with `nox -s drift -- --fix`" if own else "delete it by hand: nothing proves that it is yours"
        problem, twin = "is on the server and not in prefect.yaml", found.name in names
        if twin:
            problem = f"is there a second time, under another flow: {client.read_flow(found.flow_id).name}"
        yield _finding(f"deployment {found.name}", problem, fix, own).model_copy(update={"note": not (own or twin)})
    for block in left_blocks(client):
        about = f"{block.data.get('dataset')} in {block.data.get('environment')}"
        problem, fix = f"is of {about}, which the repository does not have", "delete it with `nox -s drift -- --fix`"
        yield _finding(f"block {block.name}", problem, fix, True)
    for one in old_deployments(client, file):
        yield _finding(f"deployment {OLD_FLOW}/{one.name}", LEFT, REMOVE_OLD)
    for block in old_blocks(client, configs):
        yield _finding(f"block {block.name}", LEFT, REMOVE_OLD)


def remove_leftovers(client: SyncPrefectClient, file: PrefectFile) -> Iterator[str]:
    """Deletes the deployments that left prefect.yaml, where their tags prove that they are ours, and blocks of what is
    gone."""
    for found, own in leftovers(client, file):
        if own:
            delete(client, found)
            yield f"deleted the deployment {found.name}"
    for block in left_blocks(client):
        client.delete_block_document(block.id)
        yield f"deleted the block {block.name}"


def remove_old(client: SyncPrefectClient, file: PrefectFile, configs: list[CheckConfig]) -> Iterator[str]:
    """Deletes this domain's objects with names of before, which happens only on request."""
    for found in old_deployments(client, file):
        delete(client, found)
        yield f"deleted the deployment {OLD_FLOW}/{found.name}"
    for block in list(old_blocks(client, configs)):
        client.delete_block_document(block.id)
        yield f"deleted the block {block.name}"


def _finding(subject: str, problem: str, fix: str, heals: bool = False) -> Finding:
    return Finding.of(Layer.SERVER, subject, problem, fix, heals)
