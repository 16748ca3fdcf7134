"""One configuration: a contract and one environment's policy, resolved to one frozen value with one fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Self, get_args

from polars import LazyFrame
from pydantic import AfterValidator, ValidationError, field_serializer, model_validator

from quality.contract.contract import AnyRules, AnySource, Contract, Quarantine, remembered_secrets
from quality.contract.decides import beside
from quality.contract.policy import Cache, EnvironmentPolicy, Policy, Retries
from quality.engine.request import Request
from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.rules.catalogue import canonical, parse_rules
from quality.rules.complaints import sentences
from quality.sources import Source
from quality.sources.partition import Partition
from quality.sources.partition import canonical as canonical_partition
from quality.sources.partition import read as read_partition


class CheckConfig(Request, EnvironmentPolicy):
    """Everything a check depends on but the data: a contract's fields and a policy's, with the defaults of a call.

    `partition` is a part of the data, as `day=2026-11-26`; what it is judged by is the same, and so is the fingerprint.
    """

    description: str | None = None
    owner: str | None = None
    environment: str | None = None
    source: AnySource | None = None
    rules: AnyRules = ()
    quarantine: Quarantine | None = None
    retries: Retries = Retries(reason="a check without a policy is not retried")
    cache: Cache = Cache(reason="a verdict is about the data of now")
    work_pool: str | None = None  # type: ignore[assignment]
    partition: Annotated[str, AfterValidator(canonical_partition)] | None = None

    @model_validator(mode="after")
    def _can_remember(self) -> Self:
        if wrong := list(remembered_secrets(dict(enumerate(self.rules)), self.sensitive)):
            raise ValueError("\n".join(f"rule {number + 1}: {said}" for number, said in wrong))
        return self

    @property
    def named_columns(self) -> dict[str, tuple[str, ...]]:
        rows = self.quarantine
        return super().named_columns | (
            {"quarantine.drop": rows.drop, "quarantine.encrypt": rows.encrypt} if rows else {}
        )

    @field_serializer("rules")
    def _canonical_rules(self, rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
        return [canonical(rule) for rule in rules]

    def document(self) -> dict[str, Any]:
        """The configuration as JSON values, without what is left at its default, and without a partition."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude={"partition"})

    @property
    def part(self) -> Partition | None:
        """The partition that is judged; None where it is the whole dataset."""
        return None if self.partition is None else read_partition(self.partition, self.sensitive)

    @property
    def subject(self) -> str:
        """The dataset and, where one is judged alone, its partition, as people may read it."""
        return f"{self.dataset} {self.part.shown}" if self.part else self.dataset

    def within(self, source: Source) -> Source:
        """A source, of the partition alone that is judged."""
        return source.within(self.part) if self.part else source

    def in_memory(self, frame: LazyFrame) -> LazyFrame:
        """The frame; ConfigurationError where a partition of it is asked for, as it lies in no folders."""
        if self.part:
            what = f"a frame in memory has no partition {self.part.shown}"
            raise ConfigurationError(f"{self.dataset}: {what}; leave the partition out, or give the data's path")
        return frame

    @property
    def contract(self) -> str | None:
        """Where the contract is read: its page where the policy says where the repository's are, else its path."""
        if self.environment is None:
            return None
        return "/".join(filter(None, ((self.repository_url or "").rstrip("/"), f"datasets/{self.dataset}.yml")))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON, and of what decides a verdict beside it."""
        said = self.document() | beside(self.rules, self.source)
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def override(self, **call: Any) -> CheckConfig:
        """This configuration with what the call gives; None means not given. The one place of precedence."""
        given = given_of(call)
        if "rules" in given:
            given["rules"] = parse_rules(given["rules"])
        try:
            return CheckConfig.model_validate({**dict(self), **given}) if given else self
        except ValidationError as error:
            raise ConfigurationError(sentences(error, CheckConfig, "the check")) from None


NULLS = frozenset(
    name
    for name, field in CheckConfig.model_fields.items()
    if field.default is not None and type(None) in get_args(field.annotation)
)
"""Fields of which null says something, such as never, and is not their default."""


def given_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of fields: all but None, where it does not say something of its own."""
    return {name: value for name, value in values.items() if value is not None or name in NULLS}


def resolve(contract: Contract, policy: Policy | EnvironmentPolicy, environment: str | None = None) -> CheckConfig:
    """Contract and one environment's policy as one value; where both speak, the policy's word holds."""
    chosen = policy.of(environment or policy.first) if isinstance(policy, Policy) else policy
    name = environment or (policy.first if isinstance(policy, Policy) else None)
    given = given_of(dict(chosen))
    said = {field: value for field, value in contract if field != "sources"} | {"source": contract.source_in(name)}
    try:
        return CheckConfig.model_validate({**said, **given, "environment": name})
    except ValidationError as error:
        raise ConfigurationError(sentences(error, CheckConfig, contract.dataset)) from None
