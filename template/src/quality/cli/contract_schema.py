"""The JSON Schema of contracts: a rule is what its check says, in every spelling, so that a mistake is one message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, create_model

from quality.contract.contract import Contract
from quality.engine.rule import Rule
from quality.rules.bounds import Bounded
from quality.rules.catalogue import BUILT_IN, check_name, domain_rules
from quality.sources import Files, Source, Sql, Table, domain_sources

Schema = dict[str, Any]
Wanted = tuple[tuple[str, ...], ...]


def contract_schema() -> Schema:
    """The schema of a contract with the rules and sources of the template, and those of the domain."""
    elsewhere: Any = Field({}, description=Contract.model_fields["sources"].description)
    fields: dict[str, Any] = {
        "rules": (list[dict[str, Any]], ...),
        "source": (dict[str, Any], ...),
        "sources": (dict[str, dict[str, Any]], elsewhere),
    }
    model = create_model("Contract", __base__=Contract, __doc__=Contract.__doc__, **fields)
    whole = model.model_json_schema(by_alias=False)
    known: Schema = {}
    rules = [*BUILT_IN, *domain_rules()]
    sources: list[type[Source]] = [Files, Sql, Table, *domain_sources().values()]
    for rule in rules:
        known |= _definition(rule, ("check", "type"), (check_name(rule), *rule.ALIASES))
    for source in sources:
        known |= _definition(source, ("kind",), (source.model_fields["kind"].default,))
    known = {name: _plain(one) for name, one in known.items()}
    place = _sources(sources)
    by_environment = whole["properties"]["sources"] | {"additionalProperties": place}
    own = {"rules": _rules(rules), "source": place, "sources": by_environment}
    properties = {**whole["properties"], **own}
    return {**whole, "$defs": known | whole.get("$defs", {}), "properties": _plain(properties)}


def _definition(model: type[BaseModel], named: tuple[str, ...], spelled: tuple[str, ...]) -> Schema:
    """The definition of a model, and those that it refers to; `named` are the fields that say which model it is."""
    made = model.model_json_schema(by_alias=False)
    others = made.pop("$defs", {})
    spellings = {name: _spellings(model, name) for name in made["properties"] if name not in named}
    required = [name for name in made.pop("required", []) if name not in named]
    properties: Schema = {name: {"enum": list(spelled)} for name in named}
    for name, words in spellings.items():
        properties |= dict.fromkeys(words, made["properties"][name])
    wanted: list[tuple[str, ...]] = [spellings[name] for name in required]
    if issubclass(model, Bounded):
        wanted.append(tuple(word for bound in model.BOUNDS for word in spellings[bound]))
    parts = [*map(_one_of, wanted), *map(_not_both, (words for words in spellings.values() if len(words) > 1))]
    rules = {"allOf": parts} if parts else {}
    return {**others, model.__name__: {**made, "properties": properties, **rules}}


def _spellings(model: type[BaseModel], name: str) -> tuple[str, ...]:
    alias = model.model_fields[name].validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (name,)


def _one_of(words: tuple[str, ...]) -> Schema:
    """One of the spellings is there; where none is, the message names the first."""
    if len(words) == 1:
        return {"required": [words[0]]}
    return {"if": {"not": {"anyOf": [{"required": [word]} for word in words]}}, "then": {"required": [words[0]]}}


def _not_both(words: tuple[str, ...]) -> Schema:
    """A field is spelled once."""
    return {"not": {"anyOf": [{"required": list(pair)} for pair in combinations(words, 2)]}}


def _rules(rules: Iterable[type[Rule]]) -> Schema:
    """A list whose items are of the rule that their `check`, or `type`, names."""
    spelled = {rule.__name__: [check_name(rule), *rule.ALIASES] for rule in rules}
    names = sorted(name for words in spelled.values() for name in words)
    rule = {
        "properties": {"check": {"enum": names}, "type": {"enum": names}},
        "if": {"required": ["type"]},
        "else": {"required": ["check"]},
        "allOf": [_where(("check", "type"), words, name) for name, words in spelled.items()],
    }
    items = {"type": "object", "if": {"type": "object"}, "then": rule}
    return {"title": "Rules", "type": "array", "items": items}


def _where(fields: tuple[str, ...], words: list[str], name: str) -> Schema:
    said = [{"properties": {field: {"enum": words}}, "required": [field]} for field in fields]
    return {"if": said[0] if len(said) == 1 else {"anyOf": said}, "then": {"$ref": f"#/$defs/{name}"}}


def _sources(sources: Iterable[type[BaseModel]]) -> Schema:
    """A path, or the source that `kind` names: files without, and a database where there is a connection."""
    kinds = {str(one.model_fields["kind"].default): one.__name__ for one in sources}
    unsaid = {"not": {"required": ["kind"]}}
    files = {"allOf": [unsaid, {"not": {"required": ["connection"]}}]}
    named = [_where(("kind",), [kind], name) for kind, name in kinds.items()]
    told = [
        {"if": files, "then": {"$ref": f"#/$defs/{kinds['files']}"}},
        {"if": {"allOf": [unsaid, {"required": ["connection"]}]}, "then": {"$ref": f"#/$defs/{kinds['sql']}"}},
    ]
    mapping = {"properties": {"kind": {"enum": list(kinds)}}, "allOf": [*told, *named]}
    return {"title": "Source", "type": ["string", "object"], "minLength": 1, "if": {"type": "object"}, "then": mapping}


def _plain(schema: Any) -> Any:
    """The schema with each choice of types as one list of them, which is one message where none is there."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _plain(value) for key, value in schema.items()}
    choices = made.get("anyOf", [])
    if len(choices) == 2 and choices[1] == {"type": "null"} and "$ref" in choices[0]:
        kept = {key: value for key, value in made.items() if key != "anyOf"}
        return {**kept, "if": {"type": "null"}, "else": choices[0]}
    if len(choices) < 2 or not all(isinstance(one.get("type"), str) and "enum" not in one for one in choices):
        return made
    bounds = [set(one) - {"type"} for one in choices]
    types = [one["type"] for one in choices]
    if len(set(types)) < len(types) or any(one & other for one, other in combinations(bounds, 2)):
        return made
    rest = {key: value for one in choices for key, value in one.items() if key != "type"}
    kept = {key: value for key, value in made.items() if key != "anyOf"}
    return {**kept, **rest, "type": [one for one in types if one != "integer" or "number" not in types]}
