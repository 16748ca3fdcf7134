"""The rung of shared configuration: a check's complete configuration as one saved Prefect block."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, cast, get_args, get_origin
from uuid import UUID

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator
from pydantic.fields import FieldInfo

from quality import checking
from quality.checking import Rules, known_engine, resolve_call, uphold
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.ownership import own_domain, refused
from quality.contract.policy import EnvironmentPolicy
from quality.errors import ConfigurationError
from quality.ladder.awaitable import AwaitableResult
from quality.prefect_run import either
from quality.result import CheckResult
from quality.rules.catalogue import canonical, parse_rules
from quality.rules.complaints import mistakes


def stored(field: FieldInfo) -> tuple[Any, Any]:
    """The type and default with which a policy's field, appended to a block, is stored: plain values, or as JSON."""
    parts = (field.annotation, *get_args(field.annotation))
    many, models = get_origin(field.annotation) is tuple, any(map(_is_model, parts))
    kind: Any = dict[str, Any] if models else field.annotation
    if many:
        return (tuple[kind, ...] if models else kind), Field((), description=field.description)
    none = models or field.is_required()
    return (kind | None if none else kind), Field(None if none else field.default, description=field.description)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


SLUG = "data-quality-block"


class DataQualityBlock(Block):
    """Checks data by saved rules. `from_config` fills it from a contract; fields left out take a check's defaults.

    Fields are appended and never reordered; what a policy gains, a block gains.
    """

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Data Quality"
    _block_type_slug = SLUG
    _documentation_url = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")

    engine_name: str = Field("truthound", description="Accepted for compatibility; there is one engine.")
    auto_schema: bool = Field(False, description="Without rules, check what the data's own profile suggests.")
    dataset: str = Field("data", description="Name of the dataset, as in its contract.")
    description: str | None = Field(None, description="What the dataset is.")
    owner: str | None = Field(None, description="E-mail or team handle: who is told, and who fixes the data.")
    environment: str | None = Field(None, description="The environment of policy.yml that this block is for.")
    source: dict[str, Any] | None = Field(None, description="Where the data lies, when a call gives none.")
    key: tuple[str, ...] = Field((), description="Columns that name a row in examples of failing rows.")
    sensitive: tuple[str, ...] = Field((), description="Columns whose values are masked.")
    rules: tuple[dict[str, Any], ...] = Field((), description="Rules, each with its `check` and its parameters.")
    warning_threshold: float | None = Field(None, description="Fraction of failed rules that is still a WARNING.")
    allow_empty: bool = Field(False, description="Whether a run that judged nothing is a success.")
    fail_on_error: bool = Field(True, description="Whether a FAILED verdict raises.")
    sample_rows: int = Field(5, description="Failing rows shown per failed rule.")
    retries: dict[str, Any] | None = Field(None, description="Retries of a check that could not be judged.")
    cache: dict[str, Any] | None = Field(None, description="Reuse of a verdict for unchanged data.")
    notifications: tuple[dict[str, Any], ...] = Field((), description="Channels and the severities they are told of.")
    schedule: str | None = Field(None, description="Cron of this environment, in UTC.")
    work_pool: str | None = Field(None, description="Work pool of this environment.")
    fingerprint: str | None = Field(None, description="Of the configuration this block was made from.")
    template_version: str | None = Field(None, description="Of the template this block was made by.")
    history: dict[str, Any] | None = Field(None, description="Where runs' metrics are kept, and for how long.")
    remind_after_hours: float | None = Field(24, description="An open incident is told again after this time.")
    lineage: dict[str, Any] | None = Field(None, description="Where OpenLineage events go.")
    quarantine: dict[str, Any] | None = Field(None, description="Where failing rows are quarantined.")
    repository_url: str | None = Field(None, description="Where a browser finds the repository's files.")
    domain: str | None = Field(None, description="Whose this block is; another domain never overwrites it.")
    partition: str | None = Field(None, description="What alone is judged, such as day=2026-11-26; all when left out.")
    for _name, _field in EnvironmentPolicy.model_fields.items():
        if _name not in __annotations__:
            __annotations__[_name], locals()[_name] = stored(_field)
    del _name, _field

    @field_validator("engine_name")
    @classmethod
    def _known_engine(cls, name: str) -> str:
        return known_engine(name)

    @field_validator("rules", mode="before")
    @classmethod
    def _canonical_rules(cls, rules: Any) -> tuple[dict[str, Any], ...]:
        return tuple(canonical(rule) for rule in parse_rules(rules))

    @classmethod
    def from_config(cls, config: CheckConfig) -> DataQualityBlock:
        """The block that carries this configuration, whole: it is about all partitions."""
        document = config.model_dump(mode="json", exclude={"partition"})
        made = {"fingerprint": config.fingerprint, "template_version": project.template_version()}
        return cls(**document, **made, domain=project.domain())

    @property
    def config(self) -> CheckConfig:
        """The configuration that this block carries."""
        return CheckConfig().override(**self.given())

    def given(self) -> dict[str, Any]:
        """The fields of a configuration that this block sets.

        A server keeps every field: of a block that is there and was not made from a contract, those that differ from
        the defaults.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set & CheckConfig.model_fields.keys()}
        if self._block_document_id is None or self.fingerprint is not None:
            return given
        fields = type(self).model_fields
        return {name: value for name, value in given.items() if value != fields[name].default}

    def check(
        self,
        data: object = None,
        rules: Rules | None = None,
        fail_on_error: bool | None = None,
        warning_threshold: float | None = None,
        now: datetime | None = None,
        partition: str | None = None,
    ) -> AwaitableResult:
        """The CheckResult of the data, or of the configured source; what the call gives goes before the block's.

        Of a `partition` such as `day=2026-11-26` only the files in its folders are read.

        A plain call in sync code, `await` it in async code. A verdict that fails raises DataQualityError.
        """
        call: dict[str, Any] = {"rules": rules, "fail_on_error": fail_on_error, "partition": partition}
        call |= {"warning_threshold": warning_threshold}
        return cast("AwaitableResult", either(partial(self._check, data, call, now)))

    def _check(self, data: object, call: dict[str, Any], now: datetime | None) -> CheckResult:
        config = resolve_call(data, self.config, self.auto_schema, **call)
        return uphold(checking.check(data, config, now=now), config.fail_on_error)


def block_name(dataset: str, environment: str) -> str:
    """The name under which a dataset's block for an environment is saved, after its domain: `orders-flights-prod`."""
    return project.named(dataset, environment)


def block_of(client: SyncPrefectClient, name: str) -> BlockDocument | None:
    """The saved block of this name, as the server has it."""
    try:
        return client.read_block_document_by_name(name, SLUG)
    except ObjectNotFound:
        return None


def owner_of(saved: dict[str, Any], config: CheckConfig) -> str | None:
    """Whose a saved block is, when it is not this configuration's: another domain, or another dataset."""
    mine, said = own_domain(), saved.get("domain")
    if said is not None and said != mine:
        return f"the domain {said}"
    about = (str(saved.get("dataset")), str(saved.get("environment")))
    edited = said == mine and block_name(*about) != block_name(config.dataset, str(config.environment))
    if edited or about == (config.dataset, str(config.environment)):
        return None
    return f"the dataset {about[0]} in {about[1]}"


def save_block(client: SyncPrefectClient, config: CheckConfig) -> UUID:
    """Saves the block of a configuration; ConfigurationError when its name is another's."""
    own_domain()
    name = block_name(config.dataset, str(config.environment))
    if (found := block_of(client, name)) and (other := owner_of(found.data, config)):
        raise refused("block", f"{SLUG}/{name}", other)
    return cast("UUID", DataQualityBlock.from_config(config).save(name, overwrite=True))


def load_block(name: str) -> DataQualityBlock:
    """A saved block; ConfigurationError says why this code cannot read it."""
    try:
        return cast("DataQualityBlock", DataQualityBlock.load(name, _sync=True))  # type: ignore[call-arg]
    except RuntimeError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        wrong = mistakes(error.__cause__, DataQualityBlock, "it")
        newer = [f"it has a field '{one.place[-1]}'" for one in wrong if one.kind == "extra_forbidden"]
        why = "; ".join(newer or [one.said for one in wrong])
        advice = (
            f"this is template {project.template_version()}; update it, or save the block again with `nox -s block`"
        )
        raise ConfigurationError(f"block {name} was saved by other code: {why}; {advice}") from None
    except ValueError as error:
        raise ConfigurationError(f"there is no saved block {name}; save it with `nox -s block` ({error})") from None
