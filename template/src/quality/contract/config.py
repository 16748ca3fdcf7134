"""One configuration: a contract and one environment's policy, resolved to one frozen value with one fingerprint."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import ValidationError, field_serializer, model_validator

from quality.contract.contract import AnyRules, AnySource, Contract, Quarantine, remembered_secrets
from quality.contract.decides import beside
from quality.contract.policy import Cache, EnvironmentPolicy, Policy, Retries
from quality.engine.request import Request
from quality.engine.rule import Rule
from quality.errors import ConfigurationError
from quality.rules.catalogue import canonical, parse_rules
from quality.rules.complaints import sentences


class CheckConfig(Request, EnvironmentPolicy):
    """Everything a check depends on but the data: a contract's fields and a policy's, with the defaults of a call."""

    description: str | None = None
    owner: str | None = None
    environment: str | None = None
    source: AnySource | None = None
    rules: AnyRules = ()
    quarantine: Quarantine | None = None
    retries: Retries = Retries(reason="a check without a policy is not retried")
    cache: Cache = Cache(reason="a verdict is about the data of now")
    work_pool: str | None = None  # type: ignore[assignment]

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
        """The configuration as JSON values, without what is left at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)

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
        given = {field: value for field, value in call.items() if value is not None}
        if "rules" in given:
            given["rules"] = parse_rules(given["rules"])
        try:
            return CheckConfig.model_validate({**dict(self), **given}) if given else self
        except ValidationError as error:
            raise ConfigurationError(sentences(error, CheckConfig, "the check")) from None


def resolve(contract: Contract, policy: Policy | EnvironmentPolicy, environment: str | None = None) -> CheckConfig:
    """Contract and one environment's policy as one value; where both speak, the policy's word holds."""
    chosen = policy.of(environment or policy.first) if isinstance(policy, Policy) else policy
    name = environment or (policy.first if isinstance(policy, Policy) else None)
    given = {field: value for field, value in chosen if value is not None}
    said = {field: value for field, value in contract if field != "sources"} | {"source": contract.source_in(name)}
    try:
        return CheckConfig.model_validate({**said, **given, "environment": name})
    except ValidationError as error:
        raise ConfigurationError(sentences(error, CheckConfig, contract.dataset)) from None
