"""A dataset's contract: what it is, who owns it, where it lies and what must hold in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from quality.contract.clear import refuse_in_clear
from quality.contract.complaints import Complaints
from quality.contract.yaml_file import YamlFile
from quality.engine.rule import Reference, Rule
from quality.errors import ConfigurationError
from quality.rules.catalogue import parse_rules, read_rules
from quality.rules.complaints import sentences
from quality.sources import Files, Source, Sql, Table, domain_sources
from quality.texts import nearest
from quality.values import STRICT_INT, Flag, Fraction, Frozen, Severity, Text

WORD = re.compile(r"[\w-]+")
"""What a dataset can be called; a path has a separator or an ending, an address a colon."""


def parse_source(written: Any) -> Source:
    """The source that a mapping or a path says: files, unless its `kind`, or a `connection`, says another."""
    if isinstance(written, Source):
        return written
    fields: Mapping[str, Any] = {"path": written} if isinstance(written, str) else written
    if not isinstance(fields, Mapping):
        raise ConfigurationError(f"a source is a mapping such as {{path: data/orders.parquet}}, not {written!r}")
    known: dict[str, type[Source]] = {"files": Files, "sql": Sql, "table": Table, **domain_sources()}
    kind = str(fields.get("kind", "sql" if "connection" in fields else "files"))
    if kind not in known:
        raise ConfigurationError(f"unknown source kind '{kind}'; {nearest(kind, known)}")
    try:
        return known[kind].model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(sentences(error, known[kind], "the source")) from None


AnySource = Annotated[SerializeAsAny[Source], BeforeValidator(parse_source)]
AnyRules = Annotated[tuple[SerializeAsAny[Rule], ...], BeforeValidator(lambda written: parse_rules(written))]


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
    passed: Flag = Field(True, description="Write the good rows, too; they stay in the source only when false.")
    keep_days: Annotated[int, Field(ge=1), STRICT_INT] = Field(90, description="Older splits are deleted.")

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
    sources: dict[str, AnySource] = Field({}, description="By environment, where it lies there and not in `source`.")
    key: tuple[Text, ...] = Field((), description="Columns that name a row in examples of failing rows.")
    sensitive: tuple[Text, ...] = Field((), description="Columns whose values are masked wherever a person looks.")
    warning_threshold: Fraction | None = Field(
        None, description="Fraction of failed rules at or below which a failed run is a WARNING."
    )
    allow_empty: Flag = Field(False, description="Whether a run that judged nothing is a success.")
    quarantine: Quarantine | None = Field(None, description="Split the rows of every run into good and failing ones.")
    rules: AnyRules

    def source_in(self, environment: str | None) -> Source:
        """Where the data of an environment lies."""
        return self.sources.get(str(environment), self.source)


def load_contract(path: Path) -> Contract:
    """The contract in a YAML file; ConfigurationError has a line for each mistake, and what to write instead."""
    file = YamlFile(path, f"{path.parent.name}/{path.name}")
    data, wrong = file.data(), Complaints(file)
    refuse_in_clear(wrong, data)
    rules = _rules(wrong, data.get("rules") or [])
    contract = wrong.validated(Contract, {**data, "rules": tuple(rules.values())}, "the contract")
    _refuse_unknown_references(wrong, rules, path)
    if contract is not None:
        if contract.dataset != path.stem:
            wrong.add(f"dataset is '{contract.dataset}' but the file is {path.name}", "dataset")
        for number, said in remembered_secrets(rules, contract.sensitive):
            wrong.add(f"rule {number + 1}: {said}", "rules", number)
    wrong.refuse()
    return cast("Contract", contract)


def _rules(wrong: Complaints, written: Any) -> dict[int, Rule]:
    """The rules of a contract that can be read, by number."""
    if not isinstance(written, list):
        wrong.add("rules are a list, such as - {check: not_null, column: id}", "rules")
        return {}
    read = read_rules(written)
    for number, said in read.wrong:
        wrong.add(f"rule {number + 1}: {said}", "rules", number)
    return read.rules


def _refuse_unknown_references(wrong: Complaints, rules: Mapping[int, Rule], path: Path) -> None:
    """A reference that is a plain word names a dataset of this repository."""
    known = {path.stem, *(other.stem for other in path.parent.glob("*.yml"))}
    for number, rule in rules.items():
        for said in unknown_references(rule, known):
            wrong.add(f"rule {number + 1}: {said}", "rules", number)


def unknown_references(rule: Rule, known: Iterable[str]) -> Iterator[str]:
    """What is wrong with the other datasets that a rule names, as far as it can be known without them."""
    for name, field in type(rule).model_fields.items():
        written = getattr(rule, name)
        if field.annotation != Reference or written is None:
            continue
        if isinstance(written, str) and written not in known and WORD.fullmatch(written):
            yield f"rule '{rule.check}': {name}: there is no dataset '{written}'; {nearest(written, known)}"
        elif isinstance(written, dict):
            try:
                parse_source(written)
            except ConfigurationError as error:
                yield from (f"rule '{rule.check}': {name}: {said}" for said in str(error).splitlines())


def remembered_secrets(rules: Mapping[int, Rule], sensitive: Iterable[str]) -> Iterator[tuple[int, str]]:
    """History keeps no value of a sensitive column, so a rule that needs earlier ones would be skipped for ever."""
    for number, rule in rules.items():
        if rule.remembers is not None and (secret := sorted(set(rule.subjects) & set(sensitive))):
            yield (
                number,
                (
                    f"column '{secret[0]}' is sensitive, so history keeps none of its numbers to compare with; "
                    "judge it by bounds of your own, or take it from `sensitive`"
                ),
            )
