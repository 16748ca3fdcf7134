"""The one translation of pydantic's validation errors into sentences, each with the nearest spelling that is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import AliasChoices, BaseModel, ValidationError

from quality.rules import elsewhere
from quality.texts import nearest, shorten


class Mistake(NamedTuple):
    """What is wrong, as a sentence, the way to it within what was written, and pydantic's word for its kind."""

    place: tuple[str | int, ...]
    said: str
    kind: str = ""


SHAPES = {
    "tuple_type": "a list, such as [a, b]",
    "list_type": "a list, such as [a, b]",
    "set_type": "a list, such as [a, b]",
    "dict_type": "a mapping, such as {a: b}",
    "model_type": "a mapping, such as {a: b}",
    "model_attributes_type": "a mapping, such as {a: b}",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 4,300 digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a date, such as 2026-12-31",
    "date_parsing": "a date, such as 2026-12-31",
    "date_from_datetime_parsing": "a date, such as 2026-12-31",
    "date_from_datetime_inexact": "a date, such as 2026-12-31",
    "datetime_type": "a moment, such as 2026-12-31T12:00:00Z",
    "datetime_parsing": "a moment, such as 2026-12-31T12:00:00Z",
}
BOUNDS = {"greater_than_equal": "at least", "greater_than": "above", "less_than_equal": "at most", "less_than": "below"}
WORD = re.compile(r"[a-z][a-z0-9_]*\Z")
INNER = re.compile(r"constrained-|function-|(?:str|int|float|bool|none|dict|list|tuple)\Z|\w+\[")
"""What pydantic adds to the way to a value, and no person wrote: the members of a union, and what wraps them."""


def mistakes(error: ValidationError, model: type[BaseModel], subject: str) -> list[Mistake]:
    """Everything that is wrong, in the order of the fields; `subject` names what was written, such as `the contract`.

    A field that is missing because it was misspelt is told once, and so is a value that fits no member of a union.
    """
    found: dict[tuple[str | int, ...], list[tuple[str, str]]] = {}
    for one in error.errors(include_url=False):
        *way, last = one["loc"] or ("",)
        named = one["type"] in ("extra_forbidden", "missing")
        place = (*(part for part in way if _is_written(part)), *((last,) if named or _is_written(last) else ()))
        found.setdefault(place, []).append((one["type"], _said(dict(one), place, _model_at(model, place), subject)))
    misspelt = {_meant(place, model) for place, told in found.items() if told[0][0] == "extra_forbidden"}
    holders = {place[:-1] for place in found}
    return [
        Mistake(place, _joined([said for _, said in told]), told[0][0])
        for place, told in found.items()
        if not (told[0][0] == "missing" and place in misspelt) and not (told[0][0] == "too_short" and place in holders)
    ]


def _is_written(part: str | int) -> bool:
    return isinstance(part, int) or not INNER.match(part)


def _joined(said: list[str]) -> str:
    """What the members of a union say of one value as one sentence: `x must be a text or a mapping, not 5`."""
    heads = [re.fullmatch(r"(.+?) must be (.+), not (.+)", one) for one in dict.fromkeys(said)]
    first = heads[0]
    if first is None or any(head is None or head[1] != first[1] for head in heads):
        return said[0]
    return f"{first[1]} must be {' or '.join(head[2] for head in heads if head)}, not {first[3]}"


def _said(error: dict[str, Any], place: tuple[str | int, ...], model: type[BaseModel] | None, subject: str) -> str:
    kind, context = error["type"], error.get("ctx", {})
    name, owner = shown(place), f"'{shown(place[:-1])}'" if len(place) > 1 else subject
    if kind == "extra_forbidden":
        return unknown_field(str(place[-1]), model, owner)
    if kind == "missing":
        return f"{owner} needs the field '{place[-1] if place else ''}'"
    if kind in ("value_error", "assertion_error"):
        return f"{name + ': ' if name else ''}{error['msg'].removeprefix('Value error, ')}"
    return f"{name or subject} {_is(kind, context, error['input'])}"


def _is(kind: str, context: Mapping[str, Any], given: Any) -> str:
    """`must be a list, such as [a, b], not 5`: what a value has to be, and what it is."""
    value = _quoted(given)
    if kind in SHAPES:
        quotes = f"; put it in quotes: '{given}'" if kind == "string_type" and _is_number(given) else ""
        return f"must be {SHAPES[kind]}, not {value}{quotes}"
    if kind in ("literal_error", "enum"):
        known = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        listed = f"must be one of {', '.join(known)}" if len(known) > 1 else f"must be {known[0]}"
        close = nearest(str(given), known)
        return f"{listed}, not {value}{f'; {close}' if close.startswith('did') else ''}"
    if kind in BOUNDS:
        bound = next(iter(context.values()))
        if kind == "less_than_equal" and bound == 1 and _is_number(given) and 1 < given <= 100:
            return f"must be a fraction from 0 to 1, not {value}; {given:g} % is {given / 100:g}"
        return (
            f"must be {BOUNDS[kind]} {bound:g}, not {value}" if _is_number(bound) else f"must be {BOUNDS[kind]} {bound}"
        )
    if kind in ("string_too_short", "too_short"):
        return "is empty; give at least one" if kind == "too_short" else "is empty; write it, or leave the field out"
    if kind == "string_pattern_mismatch":
        return (
            f"must begin with a small letter and have small letters, digits and _ only, as in orders_2024; not {value}"
        )
    return f"cannot be {value}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _quoted(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"'{shorten(value)}'"
    if isinstance(value, Mapping):
        return "a mapping"
    return shorten(value)


def shown(place: Iterable[str | int]) -> str:
    """The way to a value as a person counts it: `notifications 2.channel`."""
    text = ""
    for part in place:
        text += f" {part + 1}" if isinstance(part, int) else f".{part}" if text else part
    return text


def unknown_field(field: str, model: type[BaseModel] | None, owner: str) -> str:
    """That there is no such field, and what it may mean."""
    known = fields_of(model) if model else {}
    if field in known.values() or field in known:
        return f"{owner} has two spellings of one field: '{field}' is '{known.get(field, field)}'; keep one of them"
    if (ours := elsewhere.field(field, list(dict.fromkeys(known.values())))) is not None:
        return f"{owner} has no field '{field}'; {ours}"
    return f"{owner} has no field '{field}'; {nearest(field, dict.fromkeys(known.values()))}"


def fields_of(model: type[BaseModel]) -> dict[str, str]:
    """Every spelling of a model's fields, and the field that it means."""
    known: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if field.deprecated:
            continue  # it is read, and not proposed to anybody
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or field.alias or name]
        written = name if name in choices or not choices else str(choices[0])
        known |= {str(choice): written for choice in (*choices, written)}
    return known


def _meant(place: tuple[str | int, ...], model: type[BaseModel]) -> tuple[str | int, ...]:
    """The way to the field that a misspelt one is likely to mean."""
    owner = _model_at(model, place)
    known = list(dict.fromkeys(fields_of(owner).values())) if owner else []
    said = elsewhere.field(str(place[-1]), known) or nearest(str(place[-1]), known)
    found = next(iter(re.findall(r"'([^']+)'", said)), "")
    return (*place[:-1], found)


def _model_at(model: type[BaseModel], place: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that holds the field at the end of a way; None where it is not a model's."""
    here: type[BaseModel] | None = model
    for part in place[:-1]:
        if isinstance(part, str):
            here = _inner(here.model_fields[part].annotation) if here and part in here.model_fields else None
    return here


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_inner(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in inside if one is not None), None)


def sentences(error: ValidationError, model: type[BaseModel], subject: str) -> str:
    """Everything that is wrong, a line each."""
    return "\n".join(one.said for one in mistakes(error, model, subject))
