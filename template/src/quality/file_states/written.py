"""Values of states as JSON and back: whatever a query gives that no rounding or lost zone may change."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)


class UnkeptError(ValueError):
    """A value that JSON cannot hold: its state is not kept."""


def dumps(value: Any) -> str:
    """The text; UnkeptError for a value that it cannot hold."""
    return json.dumps(_plain(value), separators=(",", ":"))


def loads(text: str) -> Any:
    """The value as it was, its lists for tuples aside."""
    return _DECODER.decode(text)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {"map": [[_plain(key), _plain(held)] for key, held in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_plain(held) for held in value]
    return _tagged(value)


def _tagged(value: Any) -> dict[str, Any]:
    """Moments with the name of their zone, as a zone's rules are no part of an offset."""
    if isinstance(value, datetime):
        zone = value.tzinfo
        if zone is not None and not isinstance(zone, ZoneInfo):
            raise UnkeptError(f"a moment in the zone {zone}")
        bare = value.replace(tzinfo=None).isoformat()
        return {"datetime": bare, "zone": zone.key if zone else None, "fold": value.fold}
    if isinstance(value, timedelta):
        return {"timedelta": value // MICROSECOND}
    for kind in (date, time, Decimal):
        if isinstance(value, kind):
            return {kind.__name__: str(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    raise UnkeptError(f"a {type(value).__name__}")


def _value(held: dict[str, Any]) -> Any:
    if "datetime" in held:
        zone = ZoneInfo(held["zone"]) if held["zone"] else None
        return datetime.fromisoformat(held["datetime"]).replace(tzinfo=zone, fold=held["fold"])
    ((kind, said),) = held.items()
    return _READ[kind](said)


_READ: dict[str, Any] = {
    "map": dict,
    "timedelta": lambda count: count * MICROSECOND,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "Decimal": Decimal,
    "bytes": bytes.fromhex,
}
_CONSTANTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""One NaN for all, which is found again among keys."""
_DECODER = json.JSONDecoder(object_hook=_value, parse_constant=_CONSTANTS.__getitem__)
"""Objects are read from within, and every one of them is tagged."""
