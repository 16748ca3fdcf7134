"""What people write as bounds, ages and values, and what is wrong with it whatever the column is."""

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, FiniteFloat, WithJsonSchema, model_validator

from quality.texts import text_of
from quality.values import Frozen

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def plain(value: Any) -> Any:
    """Dates, times and decimals as text, so that a rule is the same value before and after JSON."""
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if not isinstance(value, (bool, int, float, str)) or value in (math.inf, -math.inf) or value != value:
        raise ValueError(f"a value is a number, a text, a date, true or false, not {value}")
    return value


def _bound(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a bound; write a number, a date or a text")
    return plain(value)


def _amount(value: Any) -> Any:
    try:
        return _bound(value) if not isinstance(value, str) or Decimal(value).is_finite() else _bound(math.nan)
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number; write one such as 5 or 0.05, without quotes") from None


Value = Annotated[bool | int | FiniteFloat | str, BeforeValidator(plain)]
Bound = Annotated[int | FiniteFloat | str, BeforeValidator(_bound)]
Amount = Annotated[int | FiniteFloat | str, BeforeValidator(_amount)]
"""A number, which a text can be that has more digits than a float."""


class Bounded(Frozen):
    """A rule with a lower and an upper bound: one is given at least, and something can lie between the two."""

    BOUNDS: ClassVar[tuple[str, str]] = ("min", "max")

    @property
    def bounds(self) -> tuple[Any, Any]:
        low, high = self.BOUNDS
        return getattr(self, low), getattr(self, high)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        low, high = self.bounds
        if low is None and high is None:
            raise ValueError(f"give {', '.join(self.BOUNDS)} or both")
        if low is not None and high is not None and self._apart(_comparable(low), _comparable(high)):
            raise ValueError(f"nothing lies between {low} and {high}")
        return self

    def _apart(self, low: Any, high: Any) -> bool:
        """Whether the lower bound is known to be above the upper one, whatever the column is."""
        try:
            return bool(low > high)
        except TypeError:
            return False


def _comparable(value: Any) -> Any:
    """A number or an ISO date as it is compared whatever the column; other text is ordered by its column's dtype."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is None else (moment,)  # times with a zone and without are not compared


def parse_duration(text: str) -> timedelta:
    """`90s`, `30m`, `26h`, `7d`, `2w` and sums such as `1d12h`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(n + u for n, u in parts) != text.replace(" ", ""):
        raise ValueError(f"'{text}' is not a duration; write 90s, 30m, 26h, 7d or 2w")
    try:
        return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"'{text}' is longer than any age; write 90s, 30m, 26h, 7d or 2w") from None


def _duration(text: str) -> str:
    parse_duration(text)
    return text


AGE = r"^ *([0-9]+([.][0-9]+)?[smhdw] *)+$"
Duration = Annotated[str, AfterValidator(_duration), WithJsonSchema({"type": "string", "pattern": AGE})]


def between(low: Any, high: Any) -> str:
    """The bounds as they are written, with every digit: a number beside them is rounded with care, they are not."""
    bounds = {"at least": low, "at most": high}
    return " and ".join(f"{word} {text_of(bound, bound)}" for word, bound in bounds.items() if bound is not None)
