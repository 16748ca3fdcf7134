"""A dataset's contract: what it is, who owns it, where it lies and what must hold in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from quality.contract.sources import Files, Source, domain_sources
from quality.contract.yaml_file import YamlFile
from quality.engine.rule import Rule
from quality.errors import ConfigurationError, nearest
from quality.rules.catalogue import parse_rules
from quality.values import Fraction, Frozen, Severity, Text


def parse_source(written: Any) -> Source:
    """The source that a mapping or a path says: files, unless its `kind` names one of the domain's own."""
    if isinstance(written, Source):
        return written
    fields: Mapping[str, Any] = {"path": written} if isinstance(written, str) else written
    if not isinstance(fields, Mapping):
        raise ConfigurationError(f"a source is a mapping such as {{path: data/orders.parquet}}, not {written!r}")
    known: dict[str, type[Source]] = {"files": Files, **domain_sources()}
    kind = str(fields.get("kind", "files"))
    if kind not in known:
        raise ConfigurationError(f"unknown source kind '{kind}'; {nearest(kind, known)}")
    try:
        return known[kind].model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(complaint(error, known[kind], "the source")) from None


def read_rules(written: Any) -> tuple[Rule, ...]:
    """Rules for a pydantic field."""
    return parse_rules(written)


AnySource = Annotated[SerializeAsAny[Source], BeforeValidator(parse_source)]
AnyRules = Annotated[tuple[SerializeAsAny[Rule], ...], BeforeValidator(read_rules)]


class Quarantine(Frozen):
    """Where each run's rows go when they are split into good ones and failing ones."""

    path: Text = Field(description="A local folder, in the repository or outside it.")
    drop: tuple[Text, ...] = Field((), description="Columns, such as sensitive ones, that quarantined rows lose.")
    encrypt: tuple[Text, ...] = Field(
        (), description="Columns that only the key in `secret` reads in quarantined rows."
    )
    secret: Text | None = Field(
        None, description="Name of a saved Secret block that holds the Fernet key of `encrypt`."
    )
    severities: tuple[Severity, ...] = Field(
        (Severity.CRITICAL, Severity.ERROR), description="Of the rules whose failing rows are quarantined."
    )
    passed: bool = Field(True, description="Write the good rows, too; they stay in the source only when false.")
    keep_days: Annotated[int, Field(ge=1)] = Field(90, description="Older splits are deleted.")

    @model_validator(mode="after")
    def _local(self) -> Self:
        if "://" in self.path:
            raise ValueError("quarantine.path is a local folder; only there can a split appear as a whole")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.encrypt and self.secret is None:
            raise ValueError("quarantine.encrypt needs the name of a saved Secret block with the key: `secret: …`")
        if both := sorted(set(self.encrypt) & set(self.drop)):
            raise ValueError(f"quarantine: '{both[0]}' is dropped and encrypted; choose one")
        return self


class Contract(Frozen):
    """What must hold in one dataset, in every environment."""

    dataset: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="Equals the file's name.")]
    description: str | None = None
    owner: Text = Field(description="E-mail or team handle: who is told, and who fixes it.")
    source: AnySource
    key: tuple[Text, ...] = Field((), description="Columns that name a row in examples of failing rows.")
    sensitive: tuple[Text, ...] = Field((), description="Columns whose values are masked wherever a person looks.")
    warning_threshold: Fraction | None = Field(
        None, description="Fraction of failed rules at or below which a failed run is a WARNING."
    )
    allow_empty: bool = Field(False, description="Whether a run that judged nothing is a success.")
    quarantine: Quarantine | None = Field(None, description="Split the rows of every run into good and failing ones.")
    rules: AnyRules


def read_rules_of(file: YamlFile, written: Any) -> tuple[Rule, ...]:
    """The rules of a contract; complaints begin with file and line."""
    if not isinstance(written, list):
        raise ConfigurationError(f"{file.at('rules')}: rules are a list, such as - {{check: not_null, column: id}}")
    return parse_rules(written, lambda number: f"{file.at('rules', number)}: rule {number + 1}")


def load_contract(path: Path) -> Contract:
    """The contract in a YAML file; ConfigurationError names file, line and nearest valid spelling."""
    file = YamlFile(path, f"{path.parent.name}/{path.name}")
    data = file.data()
    rules = read_rules_of(file, data.get("rules") or [])
    try:
        contract = Contract.model_validate({**data, "rules": rules})
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        raise ConfigurationError(f"{file.at(*place)}: {complaint(error, Contract, 'the contract')}") from None
    if contract.dataset != path.stem:
        raise ConfigurationError(f"{file.at('dataset')}: dataset is '{contract.dataset}' but the file is {path.name}")
    return contract


def complaint(error: ValidationError, model: type[Frozen], subject: str) -> str:
    """The first complaint as a sentence, with the nearest valid spelling."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{subject} has no field '{place}'; {nearest(place, model.model_fields)}"
    if first["type"] == "missing":
        return f"{subject} needs the field '{place}'"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
