"""JSON Schema: the properties of one record as the rules of a dataset's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quality.cli.exchange.found import Found, NoCounterpartError, Rule, bounds, exclusive

Given = Mapping[str, Any]
TYPES = {"integer": "integer", "number": "numeric", "string": "string", "boolean": "Boolean", "array": "List"}
TYPES |= {"object": "Struct"}
FORMATS = {"email": "email_format", "uri": "url_format", "uuid": "uuid_format", "ipv4": "ipv4_format"}
DATES = {"date": "YYYY-MM-DD"}
SAYS = ("type", "format", "title", "description", "default", "examples", "$id", "$comment", "deprecated", "items")
KEYWORDS = (
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
)


def record(document: Given, name: str) -> Found:
    """The schema of a record, or of an array of records."""
    whole = document
    if document.get("type") == "array" and isinstance(document.get("items"), Mapping):
        document = document["items"]
    found = Found(str(whole.get("title") or name))
    found.description = whole.get("description")
    required = document.get("required") or []
    for column, said in (document.get("properties") or {}).items():
        _column(found, column, said if isinstance(said, Mapping) else {}, column in required)
    for keyword in document:
        if keyword in ("allOf", "anyOf", "oneOf", "not", "if", "dependentRequired", "patternProperties", "$ref"):
            found.leave(keyword, "nothing here says it")
    if document.get("additionalProperties") is False:
        found.take("additionalProperties: false", _closed(document.get("properties") or {}))
    return found


def _closed(properties: Given) -> Iterator[Rule]:
    columns = {column: TYPES.get(str(_types(said)[0])) for column, said in properties.items() if _types(said)}
    if len(columns) < len(properties) or None in columns.values():
        raise NoCounterpartError("a closed schema needs the type of every column")
    yield {"check": "schema", "columns": columns, "closed": True}


def _types(said: Given) -> list[str]:
    given = said.get("type")
    return [one for one in (given if isinstance(given, list) else [given]) if one not in ("null", None)]


def _column(found: Found, column: str, said: Given, required: bool) -> None:
    types = _types(said)
    nullable = isinstance(said.get("type"), list) and "null" in said["type"]
    if required:
        found.add(
            f"required {column}", {"check": "column_exists" if nullable or not types else "not_null", "column": column}
        )
    if len(types) == 1:
        found.add(f"type of {column}", {"check": "dtype", "column": column, "dtype": TYPES[types[0]]})
    elif types:
        found.leave(f"type of {column}", f"a column has one dtype, not {' or '.join(types)}")
    form = said.get("format")
    if form in FORMATS:
        found.add(f"format of {column}", {"check": FORMATS[form], "column": column})
    elif form in DATES:
        found.add(f"format of {column}", {"check": "date_format", "column": column, "format": DATES[form]})
    elif form:
        found.leave(f"format of {column}", f"the format {form} has no counterpart")
    found.take(f"{', '.join(set(said) & set(KEYWORDS))} of {column}", keywords(column, said))
    for keyword in sorted(set(said) - set(SAYS) - set(KEYWORDS)):
        found.leave(f"{keyword} of {column}", "nothing here says it")


def keywords(column: str, said: Given) -> Iterator[Rule]:
    """What the keywords of a value say."""
    own = {"column": column}
    if "enum" in said:
        yield {"check": "in_set", **own, "values": [one for one in said["enum"] if one is not None]}
    if "const" in said:
        yield {"check": "equal", **own, "value": said["const"]}
    if "pattern" in said:
        yield {"check": "regex", **own, "pattern": said["pattern"]}
    (least, above), (most, below) = _limit(said, "inimum"), _limit(said, "aximum")
    if least is not None or most is not None:
        yield {"check": "in_range", **own, **bounds(least, most), "exclusive": exclusive(above, below)}
    if {"minLength", "maxLength"} & set(said):
        yield {"check": "length", **own, **bounds(said.get("minLength"), said.get("maxLength"))}


def _limit(said: Given, word: str) -> tuple[Any, bool]:
    """A bound, and whether it is itself not allowed, in the words of old drafts and new ones."""
    bound, strict = said.get(f"m{word}"), said.get(f"exclusiveM{word}")
    if strict is None or isinstance(strict, bool):
        return bound, bool(strict)
    return strict, True
