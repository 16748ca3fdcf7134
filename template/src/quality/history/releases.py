"""What other releases wrote, as far as this one knows it: a repository may go back to an earlier one."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from quality.errors import first_line

M = TypeVar("M", bound=BaseModel)
LATER = "extra_forbidden"
"""What Pydantic calls a field that a model does not have."""


def as_known(model: type[M], text: str) -> M:
    """What is written, without fields that only later releases know; ValidationError where that is not whole."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        if not (places := _later(error)):
            raise
    data = json.loads(text)
    for *way, field in places:
        within: Any = data
        for step in way:
            within = within[step]
        del within[field]
    return model.model_validate_json(json.dumps(data))


def why_unread(error: Exception) -> str:
    """What is wrong with what was written, and what to do where a later release wrote it."""
    if not isinstance(error, ValidationError):
        return first_line(error)
    if places := _later(error):
        fields = ", ".join(".".join(map(str, place)) for place in places)
        return f"a later release wrote it, with {fields}: go on with that one, by `nox -s update`"
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"


def _later(error: ValidationError) -> list[tuple[int | str, ...]]:
    """The places of the fields that only later releases know."""
    return [one["loc"] for one in error.errors() if one["type"] == LATER]
