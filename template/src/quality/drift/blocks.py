"""Drift of saved blocks: each dataset's block in each environment against contract and policy, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import httpx
from packaging.version import InvalidVersion, Version
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import BlockDocumentUpdate
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.ownership import belongs, own_domain, way_out
from quality.drift.environments import same_rules
from quality.drift.finding import Finding, Layer
from quality.drift.rules import configuration
from quality.ladder.block import SLUG, DataQualityBlock, block_name, block_of, owner_of, save_block
from quality.texts import slug as slug_of


def stored(client: SyncPrefectClient, name: str, slug: str = SLUG) -> dict[str, Any] | None:
    """The fields of a saved block as the server has them; None when there is no such block."""
    try:
        return client.read_block_document_by_name(name, slug).data
    except ObjectNotFound:
        return None


def declared(config: CheckConfig) -> dict[str, Any]:
    """The fields of the block that git asks for."""
    return DataQualityBlock.from_config(config).model_dump(mode="json", include=set(DataQualityBlock.model_fields))


def block_drift(client: SyncPrefectClient, config: CheckConfig) -> Iterator[Finding]:
    """What was changed by hand, is missing, or was saved by a newer template."""
    name = block_name(config.dataset, str(config.environment))
    saved, finding = stored(client, name), partial(Finding.of, Layer.SERVER, f"block {name}")
    if saved is None:
        fix = f"save it with `nox -s block -- {config.dataset} --env {config.environment}`"
        yield finding("there is no such block", fix, heals=True)
    elif other := owner_of(saved, config):
        yield finding(belongs(other), way_out("block"))
    elif is_newer(saved.get("template_version")):
        problem = f"saved by template {saved['template_version']}, newer than this code's {project.template_version()}"
        yield finding(problem, "update this repository with `nox -s update`")
    else:
        for field, git, found in configuration(declared(config), saved):
            changed = finding("differs from the repository", "save it again with `nox -s drift -- --fix`", heals=True)
            yield changed.about(field, git, found)


def rules_drift(client: SyncPrefectClient, configs: list[CheckConfig]) -> Iterator[Finding]:
    """Saved blocks of one dataset that do not check the same in each environment."""
    for dataset in dict.fromkeys(config.dataset for config in configs):
        blocks: Mapping[str, dict[str, Any] | None] = {
            str(config.environment): stored(client, block_name(dataset, str(config.environment)))
            for config in configs
            if config.dataset == dataset
        }
        yield from same_rules(dataset, {name: data for name, data in blocks.items() if data}, "the saved block of ")


def save(client: SyncPrefectClient, config: CheckConfig) -> str:
    """Saves the block that git asks for, without the fields that git does not have, and says so."""
    name, fields = block_name(config.dataset, str(config.environment)), declared(config)
    save_block(client, config)
    saved = client.read_block_document_by_name(name, SLUG)
    if saved.data != fields:
        schema = saved.block_schema_id
        whole = BlockDocumentUpdate(block_schema_id=schema, data=fields, merge_existing_data=False)
        client.update_block_document(saved.id, whole)
    return f"saved the block {name}"


def old_blocks(client: SyncPrefectClient, configs: list[CheckConfig]) -> Iterator[BlockDocument]:
    """This domain's blocks of before names carried the domain: they name its dataset, environment and work pool."""
    for config in configs:
        found = block_of(client, slug_of(f"{config.dataset}-{config.environment}"))
        mine = {"dataset": config.dataset, "environment": config.environment, "work_pool": config.work_pool}
        if found and found.data.get("domain") is None and {name: found.data.get(name) for name in mine} == mine:
            yield found


def left_blocks(client: SyncPrefectClient) -> Iterator[BlockDocument]:
    """This domain's blocks of datasets and environments that the repository has no more: they say what they are of."""
    datasets, environments, mine = project.datasets(), project.policy().environments, own_domain()
    for block in every_block(client):
        dataset, environment = str(block.data.get("dataset")), str(block.data.get("environment"))
        gone = dataset not in datasets or environment not in environments
        if gone and block.data.get("domain") == mine and block.name == block_name(dataset, environment):
            yield block


def every_block(client: SyncPrefectClient) -> list[BlockDocument]:
    """Each saved block of a contract's type, which a server tells all at once; none where it does not have the type."""
    try:
        return client.read_block_documents_by_type(SLUG)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return []


def is_newer(version: Any) -> bool:
    """Whether a newer release of the template than this code's has written something."""
    try:
        return version is not None and Version(str(version)) > Version(project.template_version())
    except InvalidVersion:
        return False
