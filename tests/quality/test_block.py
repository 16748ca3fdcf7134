"""The saved configuration: complete, strict, and giving what the contract itself gives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from pydantic import ValidationError

from quality import ConfigurationError, DataQualityBlock, DataQualityError, Status, check, data_quality_check_task
from quality.contract import project
from quality.ladder.block import block_name, load_block

RULES: list[dict[str, Any]] = [{"column": "id", "type": "not_null"}]


class TestTheStandardOfBlocks(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> Any:
        return DataQualityBlock

    def test_has_a_valid_image(self, block: Any) -> None:
        """The block has no logo of its own."""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ruls": RULES}, "ruls"),
        ({"rules": [{"check": "not_nul", "column": "id"}]}, "did you mean 'not_null'"),
        ({"engine_name": "soda"}, "there is no engine 'soda'"),
    ],
    ids=["unknown field", "unknown rule", "unknown engine"],
)
def test_what_a_block_cannot_mean_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DataQualityBlock(**fields)


def test_every_field_of_a_configuration_is_a_described_field_of_the_block(repository: Path) -> None:
    config = project.load("users", "prod")
    assert config.__class__.model_fields.keys() <= DataQualityBlock.model_fields.keys()
    assert all(field.description for field in DataQualityBlock.model_fields.values())


@pytest.mark.parametrize("nulls", [(), ("remind_after_hours", "challenge")], ids=["plain", "null for never"])
def test_a_block_carries_the_whole_configuration(nulls: tuple[str, ...], repository: Path) -> None:
    path = repository / "policy.yml"
    said = "".join(f"  {name}: null\n" for name in nulls)
    path.write_text(path.read_text("utf-8").replace("defaults:\n", f"defaults:\n{said}"), "utf-8")
    config = project.load("users", "prod")
    assert [getattr(config, name) for name in nulls] == [None] * len(nulls)
    block = DataQualityBlock.from_config(config)
    assert (block.config, block.fingerprint) == (config, config.fingerprint)


def test_a_saved_block_loads_as_it_was_and_judges_as_the_contract_does(api: str, repository: Path) -> None:
    config = project.load("users", "prod")
    DataQualityBlock.from_config(config).save(block_name("users", "prod"), overwrite=True)
    loaded = load_block(block_name("users", "prod"))
    assert (loaded.config, loaded.fingerprint) == (config, config.fingerprint)
    assert loaded.check().comparable() == check(None, config).comparable()


def test_a_saved_block_sets_beside_a_contract_what_it_set_before_it_was_saved(api: str, repository: Path) -> None:
    """A server keeps every field: a default of a saved block would unmask what the contract calls sensitive."""
    block = DataQualityBlock(rules=[{"check": "regex", "column": "email", "pattern": "@"}], sample_rows=1)
    block.save("of-two-fields", overwrite=True)

    @flow
    def judged() -> Any:
        asks = project.load("users", "prod")
        return data_quality_check_task(config=asks, block=load_block("of-two-fields"), fail_on_error=False)

    found: Any = judged()
    assert (found.metadata.dataset, found.failures[0].sample_values) == ("users", ["***"])
    assert load_block("of-two-fields").given().keys() == {"rules", "sample_rows"}


def test_async_code_loads_and_awaits(api: str, repository: Path) -> None:
    async def climb() -> Any:
        await DataQualityBlock(rules=RULES).asave("awaited", overwrite=True)
        loaded: Any = await DataQualityBlock.aload("awaited")
        return await loaded.check(pl.DataFrame({"id": [1]}))

    assert asyncio.run(climb()).status is Status.PASSED


def test_the_call_of_a_block_takes_rules_of_its_own() -> None:
    data = pl.DataFrame({"id": [1], "email": ["no address"]})
    with pytest.raises(DataQualityError, match="email_format"):
        DataQualityBlock(rules=RULES).check(data, rules=[{"column": "email", "check": "email_format"}])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rules": [{"check": "from_tomorrow", "column": "id"}]}, "unknown rule 'from_tomorrow'"),
        ({"from_tomorrow": 1}, "it has a field 'from_tomorrow'"),
    ],
    ids=["rule", "field"],
)
def test_a_block_of_newer_code_is_refused_by_name(api: str, change: dict[str, Any], said: str) -> None:
    from prefect.client.schemas.actions import BlockDocumentUpdate

    DataQualityBlock(rules=RULES).save("newer", overwrite=True)
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name("newer", "data-quality-block")
        client.update_block_document(document.id, BlockDocumentUpdate(data={**document.data, **change}))
    with pytest.raises(ConfigurationError, match=said):
        load_block("newer")


def test_a_block_that_was_never_saved_is_named(api: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no saved block absent"):
        load_block("absent")
