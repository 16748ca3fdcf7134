"""Rules about text: lengths, patterns and well-known forms."""

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import AfterValidator, AliasChoices, Field

from quality.engine.dtypes import TEXT, Kinds
from quality.engine.frame import Frame
from quality.engine.rule import ColumnRule
from quality.rules.bounds import Bounded
from quality.texts import shorten
from quality.values import Count

LONGEST = 300
"""Characters of a pattern in a sentence."""
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{LABEL}(?:\.{LABEL})+$"
URL = r"^(?i:https?|ftp)://[^\s/?#@]+(?:@[^\s/?#@]+)?(?:[/?#]\S*)?$"
UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
PHONE = r"^\+[1-9][0-9]{1,14}$"
IPV4 = r"^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$"


def _regex(pattern: str) -> str:
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()
        said = next((line for line in reason if line.startswith("error:")), reason[0])
        raise ValueError(
            f"the pattern '{shorten(pattern, LONGEST)}' cannot be compiled ({said.removeprefix('error: ')})"
        ) from None
    return pattern


class _Length(ColumnRule):
    JUDGES: ClassVar[Kinds] = TEXT

    def limits(self) -> tuple[int | None, int | None]:
        raise NotImplementedError

    def says(self) -> str:
        low, high = self.limits()
        bounds = (f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else "")
        return f"{self.column} has {' and '.join(filter(None, bounds))} characters"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        low, high = self.limits()
        size = value.str.len_chars()
        parts = ([size >= low] if low is not None else []) + ([size <= high] if high is not None else [])
        return parts[0] if len(parts) == 1 else parts[0] & parts[1]


class Length(Bounded, _Length):
    """The text has between `min` and `max` characters."""

    check: Literal["length"] = "length"
    min: Count | None = Field(None, validation_alias=AliasChoices("min", "min_length"))
    max: Count | None = Field(None, validation_alias=AliasChoices("max", "max_length"))

    def limits(self) -> tuple[int | None, int | None]:
        return self.min, self.max


class MinLength(_Length):
    """The text has at least `value` characters."""

    check: Literal["min_length"] = "min_length"
    value: Count = Field(validation_alias=AliasChoices("value", "min_length", "min_len", "length"))

    def limits(self) -> tuple[int | None, int | None]:
        return self.value, None


class MaxLength(_Length):
    """The text has at most `value` characters."""

    check: Literal["max_length"] = "max_length"
    value: Count = Field(validation_alias=AliasChoices("value", "max_length", "max_len"))

    def limits(self) -> tuple[int | None, int | None]:
        return None, self.value


class Regex(ColumnRule):
    """The pattern (Rust syntax) is found in the text; anchor it with ^ and $ to match the whole."""

    ALIASES: ClassVar[tuple[str, ...]] = ("pattern",)
    JUDGES: ClassVar[Kinds] = TEXT
    check: Literal["regex"] = "regex"
    pattern: Annotated[str, AfterValidator(_regex)] = Field(validation_alias=AliasChoices("pattern", "regex"))

    def says(self) -> str:
        return f"{self.column} matches {shorten(self.pattern, LONGEST)}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value.str.contains(self.pattern)


class _Format(ColumnRule):
    JUDGES: ClassVar[Kinds] = TEXT
    PATTERN: ClassVar[str]
    WORD: ClassVar[str]

    def says(self) -> str:
        return f"{self.column} is {self.WORD}"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value.str.contains(self.PATTERN)


class EmailFormat(_Format):
    """The text is an e-mail address with a domain that has a dot."""

    ALIASES: ClassVar[tuple[str, ...]] = ("email",)
    PATTERN: ClassVar[str] = EMAIL
    WORD: ClassVar[str] = "an e-mail address"
    check: Literal["email_format"] = "email_format"


class UrlFormat(_Format):
    """The text is an http, https or ftp URL."""

    ALIASES: ClassVar[tuple[str, ...]] = ("url",)
    PATTERN: ClassVar[str] = URL
    WORD: ClassVar[str] = "a URL"
    check: Literal["url_format"] = "url_format"


class UuidFormat(_Format):
    """The text is a UUID in its hyphenated form."""

    ALIASES: ClassVar[tuple[str, ...]] = ("uuid",)
    PATTERN: ClassVar[str] = UUID
    WORD: ClassVar[str] = "a UUID"
    check: Literal["uuid_format"] = "uuid_format"


class PhoneFormat(_Format):
    """The text is a telephone number in E.164 form, such as +4930123456."""

    ALIASES: ClassVar[tuple[str, ...]] = ("phone",)
    PATTERN: ClassVar[str] = PHONE
    WORD: ClassVar[str] = "an E.164 telephone number"
    check: Literal["phone_format"] = "phone_format"


class Ipv4Format(_Format):
    """The text is a dotted IPv4 address."""

    ALIASES: ClassVar[tuple[str, ...]] = ("ipv4",)
    PATTERN: ClassVar[str] = IPV4
    WORD: ClassVar[str] = "an IPv4 address"
    check: Literal["ipv4_format"] = "ipv4_format"
