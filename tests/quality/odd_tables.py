"""Tables of every type that a database has, with odd names and odd values, and rules about them that nobody chose."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

TEXTS = (
    *("", " ", "a", "A", "ä", "a\u0308", "Ä", "ß", "ss", "x1", "x1 ", " x1", "\t\n", "line\nline", "\\0", "\\d", "'q'"),
    *(
        "😀",
        "👨‍👩‍👧",
        "%",
        "_",
        "a%",
        "NULL",
        "null",
        "NaN",
        "7",
        "07",
        "7.0",
        "-1",
        "2024-05-31",
        "true",
        "zz",
        "Zz",
        "i",
        "İ",
    ),
    *(
        '"',
        "`",
        "$1",
        "{x}",
        "--",
        "/*",
        ";",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\x7f",
        "\x01",
        "\r\n",
        "a.b",
        "1e5",
        "0x1",
    ),
)
INTS = ("0", "1", "-1", "2", "7", "-7", "10", "49", "100")
FLOATS = ("0", "-0.0", "0.1", "0.3", "1", "-1", "2.5", "1e10", "'NaN'", "'Infinity'", "'-Infinity'", "5e-324", "3")
REALS = ("0", "-0.0", "0.1", "0.3", "1", "2.5", "'NaN'", "'Infinity'", "'-Infinity'", "3e38", "16777217", "1.1")
CALM = ("0.5", "1.25", "-3", "10", "11", "9.75", "1000", "0")
DAYS = ("2024-05-31", "2024-06-01", "2024-06-02", "2024-02-29", "1969-12-31", "1970-01-01", "0001-01-01", "9999-12-31")
MOMENTS = (
    *("2024-06-01 12:00:00", "2024-06-01 12:00:00.000001", "2024-05-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
    *("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-03-31 02:30:00", "2024-06-01 14:00:00"),
)
ZONES = ("+00", "+05:30", "-08", "+14")
NAMES = (
    *(
        "id",
        "order",
        "Select",
        "a b",
        "a.b",
        'quo"te',
        "quo'te",
        "ünï",
        "😀",
        "100%",
        "back\\slash",
        "c0",
        "r0",
        "ID of",
    ),
    *("row", "t", "l", "$1", "{x}", ":p", "a-b", "*", "^a.*$", "?", "rule", "k", "n", "_", "--", "group", "1", " lead"),
)


class Kind(NamedTuple):
    """A type as a database writes it, values of it as they stand in SQL, and those that have no place in Polars."""

    type: str
    values: Sequence[str]
    odd: Sequence[str] = ()


class Column(NamedTuple):
    name: str
    kind: Kind


class Made(NamedTuple):
    """A table as statements that make it, by its columns."""

    name: str
    columns: tuple[Column, ...]
    statements: tuple[str, ...]


def said(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _all(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(said, values))


def _zoned(moments: Sequence[str]) -> tuple[str, ...]:
    return tuple(said(one + ZONES[n % 4 if "0001" < one[:4] < "9999" else 0]) for n, one in enumerate(moments))


TEXT, DAY, MOMENT = _all(TEXTS), _all(DAYS), _all(MOMENTS)
SECONDS = _all(["2024-06-01 12:00:00", "2024-06-01 12:00:01", "1969-12-31 23:59:59", "0001-01-01 00:00:00"])
SHARED = (
    Kind("smallint", (*INTS, "32767", "-32768")),
    Kind("integer", (*INTS, "2147483647", "-2147483648")),
    Kind("bigint", (*INTS, "9223372036854775807", "-9223372036854775808", "4611686018427387904", "9007199254740993")),
    Kind("bigint", INTS),
    Kind("decimal(5, 0)", ("0", "1", "-1", "99999", "-99999")),
    Kind("decimal(12, 2)", ("0", "0.01", "-1.25", "2.5", "9999999999.99", "-9999999999.99")),
    Kind("decimal(38, 10)", ("0", "0.1", "0.0000000001", "9999999999999999999999999999.9999999999", "-2.5")),
    Kind("decimal(38, 0)", ("0", "1", "9" * 38, "-" + "9" * 38)),
    Kind("decimal(3, 3)", ("0", "0.999", "-0.5", "0.001")),
    Kind("real", REALS),
    Kind("double precision", FLOATS),
    Kind("double precision", CALM),
    Kind("varchar", TEXT),
    Kind("text", TEXT),
    Kind("varchar(12)", TEXT),
    Kind("boolean", ("true", "false")),
    Kind("date", DAY, ("'infinity'", "'-infinity'")),
    Kind("timestamp", MOMENT, ("'infinity'", "'-infinity'")),
    Kind("timestamp with time zone", _zoned(MOMENTS), ("'infinity'", "'-infinity'")),
    Kind("time", _all(["00:00:00", "23:59:59.999999", "12:30"])),
    Kind("interval", _all(["1 day", "24 hours", "1 month", "30 days", "-1 second", "1 year 2 months"])),
    Kind("uuid", _all(["00000000-0000-0000-0000-000000000000", "a0eebc99-9C0B-4EF8-BB6D-6BB9BD380A11"])),
    Kind("json", _all(['{"a": 1}', '{"a":1}', "[]", "null", '"x"', "1.0"])),
    Kind("integer[]", ("'{1,2}'", "'{}'", "'{NULL}'")),
    Kind("mood", _all(["sad", "ok", "happy"])),
)  # fmt: skip
DUCK = (
    *(one for one in SHARED if one.type not in ("integer[]",)),
    Kind("integer[]", ("[1, 2]", "[]", "[NULL]")),
    Kind("date", DAY, ("'0044-03-15 (BC)'",)),
    Kind("tinyint", (*INTS, "127", "-128")),
    Kind("utinyint", ("0", "1", "255")),
    Kind("usmallint", ("0", "1", "65535")),
    Kind("uinteger", ("0", "1", "4294967295")),
    Kind("ubigint", ("0", "1", "18446744073709551615", "9223372036854775808")),
    Kind("hugeint", ("0", "-1", "170141183460469231731687303715884105727")),
    Kind("uhugeint", ("0", "340282366920938463463374607431768211455")),
    Kind("varchar COLLATE NOCASE", TEXT),
    Kind("varchar COLLATE NOCASE.NOACCENT", TEXT),
    Kind("blob", ("'a'::BLOB", "'\\x00'::BLOB", "''::BLOB")),
    Kind("timestamp_s", SECONDS),
    Kind("timestamp_ms", SECONDS),
    Kind("timestamp_ns", _all(["2024-06-01 12:00:00.000000001", "2024-06-01 12:00:00"])),
    Kind("time with time zone", _all(["12:00:00+00", "12:00:00+05:30"])),
    Kind("bit", ("'101'::BIT", "'0'::BIT")),
    Kind("struct(a integer)", ("{'a': 1}", "{'a': NULL}")),
    Kind("map(varchar, integer)", ("MAP {'a': 1}",)),
    Kind("decimal(18, 3)", ("0", "0.001", "-7.125", "999999999999999.999")),
)
POSTGRES = (
    *SHARED,
    Kind("numeric", ("0", "0.1", "1e20")),
    Kind("date", DAY, ("'0044-03-15 BC'",)),
    Kind("decimal(12, 2)", ("0", "2.5", "-1"), ("'NaN'",)),
    Kind("numeric(3, 5)", ("0", "0.00999", "-0.00001")),
    Kind("numeric(3, -2)", ("0", "99900", "-100")),
    Kind("numeric(60, 2)", ("0", "1.25")),
    Kind("char(5)", _all(["", "a", "a    ", "abcde"])),
    Kind('"char"', _all(["a", "b"])),
    Kind("name", _all(["a", "A", "x1"])),
    Kind('text COLLATE "odd"', TEXT),
    Kind("small_domain", ("1", "2", "100")),
    Kind("timestamp(0)", SECONDS),
    Kind("timestamp(3) with time zone", _zoned(["2024-06-01 12:00:00.001", "1969-12-31 23:59:59.999"])),
    Kind("time with time zone", _all(["12:00:00+00", "12:00:00+05:30"])),
    Kind("jsonb", _all(['{"a": 1}', '{"a":1}', "[]", "null", '"x"'])),
    Kind("bytea", _all(["a", "\\x00", ""])),
    Kind("inet", _all(["127.0.0.1", "::1", "10.0.0.0/8"])),
    Kind("money", _all(["1.5", "-2", "0"])),
    Kind("bit(3)", ("B'101'", "B'000'")),
    Kind("int4range", _all(["[1,5)", "empty"])),
    Kind("text[]", ("'{a,b}'", "'{}'")),
    Kind("oid", ("0", "1", "4294967295")),
    Kind("point", ("'(1,2)'",)),
)
ICU = (Kind('text COLLATE "ci"', TEXT), Kind('varchar(12) COLLATE "en-x-icu"', TEXT), Kind("insensitive", TEXT))
"""What a server has that was built with ICU, beside all others."""
MADE = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    'CREATE SCHEMA "O\'s"',
)
MADE_IN_POSTGRES = (
    *MADE,
    "CREATE COLLATION odd (provider = libc, locale = 'C.UTF-8')",
    "CREATE DOMAIN small_domain AS smallint CHECK (VALUE > 0)",
)
MADE_WITH_ICU = (
    "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE DOMAIN insensitive AS text COLLATE ci",
)
NOT_OF_SPARK = ("time", "interval", "uuid", "json", "integer[]", "mood")
SPARK = (
    *(one for one in SHARED if one.type not in NOT_OF_SPARK),
    *(one for one in DUCK if one.type in ("tinyint", "blob", "decimal(18, 3)")),
)
"""What Spark has too: DuckDB makes such tables, and Spark is given their rows."""
KINDS = {"duckdb": DUCK, "postgresql": POSTGRES, "postgresql with icu": (*POSTGRES, *ICU), "spark": SPARK}


def table(database: str, seed: int) -> Made:
    """A table, a view or a partitioned table, in any schema and by any name, of up to 60 rows."""
    pick = random.Random(f"{database} {seed}")
    kinds = pick.choices(KINDS[database], k=pick.randint(3, 9))
    columns = tuple(map(Column, pick.sample(NAMES, len(kinds)), kinds))
    schema, plain = pick.choice(["", "", "O's"]), f"{pick.choice(NAMES).replace('.', '_')} {seed}"
    odd = pick.random() < 0.15
    rows = [_row(columns, odd, pick) for _ in range(pick.choice([0, 1, 2, 20, 60, 60]))]
    where = ".".join(map(quoted, filter(None, (schema, plain))))
    return Made(".".join(filter(None, (schema, plain))), columns, _made(database, where, columns, rows, pick))


def _row(columns: Sequence[Column], odd: bool, pick: random.Random) -> str:
    cells = []
    for one in columns:
        there = [*one.kind.values, *(one.kind.odd if odd else ())]
        cells.append(f"({'NULL' if pick.random() < 0.12 else pick.choice(there)})::{_bare(one)}")
    return f"({', '.join(cells)})"


def _bare(column: Column) -> str:
    return column.kind.type.partition(" COLLATE ")[0]


def _made(
    database: str, where: str, columns: Sequence[Column], lines: Sequence[str], pick: random.Random
) -> tuple[str, ...]:
    declared = ", ".join(f"{quoted(one.name)} {one.kind.type}" for one in columns)
    form = pick.choice(["table", "view", "materialized", "partitioned"])
    base = where if form in ("table", "partitioned") else f'{where[:-1]} base"'
    keys = [
        quoted(one.name) for one in columns if one.kind.type in ("smallint", "integer", "bigint", "boolean", "text")
    ]
    kind = (
        f" PARTITION BY HASH ({keys[0]})"
        if form == "partitioned" and database.startswith("postgresql") and keys
        else ""
    )
    statements = [f"CREATE TABLE {base} ({declared}){kind}"]
    if kind:
        statements.append(
            f'CREATE TABLE {where[:-1]} part" PARTITION OF {where} FOR VALUES WITH (MODULUS 1, REMAINDER 0)'
        )
    if lines:
        statements.append(f"INSERT INTO {base} VALUES {', '.join(lines)}")
    if base != where:
        how = "MATERIALIZED VIEW" if form == "materialized" and database.startswith("postgresql") else "VIEW"
        statements.append(f"CREATE {how} {where} AS SELECT * FROM {base}")
    return tuple(statements)


def rules(database: str, seed: int, data: pl.DataFrame, count: int) -> list[dict[str, Any]]:
    """Rules of every kind that fits the columns, with bounds out of their own values."""
    ask = Asker(random.Random(f"rules {database} {seed}"), data)
    return [{**ask.rule(), "name": str(n)} for n in range(count)]


WHOLE = ("row_count", "not_null", "unique", "distinct_count", "completeness_ratio", "unique_combination", "primary_key")


def _is_calm(values: pl.Series) -> bool:
    """Whether no value is so great that a sum of floats depends on the order of the rows."""
    return all(one is None or math.isnan(one) or abs(one) < 1e7 for one in values.to_list())


class Asker:
    """Makes rules about the columns of a frame."""

    def __init__(self, pick: random.Random, data: pl.DataFrame) -> None:
        self.pick, self.data = pick, data
        self.of: dict[str, list[str]] = {"number": [], "text": [], "moment": [], "bool": []}
        for name, dtype in data.schema.items():
            for kind, fits in FITS.items():
                if fits(dtype):
                    self.of[kind].append(name)
        self.of["calm"] = [name for name in self.of["number"] if _is_calm(data.get_column(name))]

    def rule(self) -> dict[str, Any]:
        makers = [self._any, self._expression, self._expression]
        makers += [self._number] * bool(self.of["number"]) + [self._text] * bool(self.of["text"])
        makers += [self._moment] * bool(self.of["moment"]) + [self._ordered] * 2
        return {**self.pick.choice(makers)(), **self._how()}

    def _how(self) -> dict[str, Any]:
        how: dict[str, Any] = {}
        if self.pick.random() < 0.25:
            how["where"] = self.condition(2)
        if self.pick.random() < 0.15:
            how["by"] = self.pick.choice(self.data.columns)
        if self.pick.random() < 0.15:
            how["max_failure_rate"] = self.pick.choice([0.1, 0.5])
        return how

    def _column(self, kind: str = "") -> str:
        return self.pick.choice(self.of[kind] if kind else self.data.columns)

    def _any(self) -> dict[str, Any]:
        check = self.pick.choice(WHOLE)
        if check == "row_count":
            return {"check": check, "min": 20}
        if check in ("unique_combination", "primary_key"):
            return {"check": check, "columns": self.pick.sample(self.data.columns, min(2, self.data.width))}
        more = {"min": 3} if check == "distinct_count" else {"min_ratio": 0.9} if "ratio" in check else {}
        return {"check": check, "column": self._column(), **more}

    def value(self, column: str) -> Any:
        values = [one for one in self.data[column].to_list() if one is not None] or [0]
        found = self.pick.choice(values)
        return found if isinstance(found, (int, float, str, bool)) else str(found)

    def _ordered(self) -> dict[str, Any]:
        column, check = self._column(), self.pick.choice(ORDERED)
        if check in ("in_set", "not_in_set"):
            return {"check": check, "column": column, "values": [self.value(column) for _ in range(3)]}
        if check == "in_range":
            return {"check": check, "column": column, self.pick.choice(["min", "max"]): self.value(column)}
        if check in ("min", "max"):
            return {"check": check, "column": column, "at_least": self.value(column)}
        return {"check": check, "column": column, "value": self.value(column)}

    def _number(self) -> dict[str, Any]:
        check = self.pick.choice([*NUMBERS, *(AVERAGES if self.of["calm"] else ())])
        column = self._column("calm" if check in AVERAGES else "number")
        if check in ("mean", "sum", "median", "stddev"):
            return {"check": check, "column": column, "at_least": 3}
        if check == "quantile":
            return {"check": check, "column": column, "q": self.pick.choice([0, 0.1, 0.5, 0.9, 1]), "at_least": 2}
        if check == "z_score_outlier":
            return {"check": check, "column": column, "threshold": 1.5}
        return {"check": check, "column": column}

    def _text(self) -> dict[str, Any]:
        check, column = self.pick.choice(TEXTUAL), self._column("text")
        more: dict[str, Any] = {}
        if check == "length":
            more = {"min": 1, "max": 3}
        elif check == "regex":
            more = {"pattern": self.pick.choice(PATTERNS)}
        elif check == "date_format":
            more = {"format": "%Y-%m-%d"}
        return {"check": check, "column": column, **more}

    def _moment(self) -> dict[str, Any]:
        check = self.pick.choice(["not_future", "not_past", "freshness"])
        more = {"max_age": "1d"} if check == "freshness" else {}
        return {"check": check, "column": self._column("moment"), **more}

    def _expression(self) -> dict[str, Any]:
        if self.pick.random() < 0.2:
            return {"check": "conditional_null", "column": self._column(), "condition": self.condition(1)}
        return {"check": "expression", "expression": self.condition(3)}

    def condition(self, depth: int) -> str:
        """What is true or false of a row."""
        makers: list[Callable[[int], str]] = [self._is_null]
        makers += [self._numbers, self._numbers] * bool(self.of["number"]) + [self._texts] * 2 * bool(self.of["text"])
        makers += [self._moments] * bool(self.of["moment"]) + [self._truth] * bool(self.of["bool"])
        makers += [self._joined] * 2 * (depth > 1)
        return self.pick.choice(makers)(depth - 1)

    def _is_null(self, depth: int) -> str:
        return f"{quoted(self._column())} IS {self.pick.choice(['', 'NOT '])}NULL"

    def _joined(self, depth: int) -> str:
        one, other = self.condition(depth), self.condition(depth)
        form = self.pick.choice(["({} AND {})", "({} OR {})", "(CASE WHEN {} THEN {} END)", "(NOT {0})", "({}) = ({})"])
        return form.format(one, other)

    def number(self, depth: int) -> str:
        forms = ["{}", "{}", *INTS, "2.5", "0.1"]
        if depth > 0:
            forms += ["({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} / {1})", "({0} % {1})", "ABS({0})", "-{0}"]
            forms += ["COALESCE({0}, {1})", "NULLIF({0}, {1})", "FLOOR({0})", "CEIL({0})", "ROUND({0}, 1)", "SIGN({0})"]
            forms += ["CASE WHEN {0} > {1} THEN {0} ELSE {1} END", "CAST({0} AS DOUBLE)", "CAST({0} AS BIGINT)"]
            forms += ["GREATEST({0}, {1})", "POWER({0}, 2)", "SQRT({0})", "MOD({0}, {1})", "({0} // {1})", "EXP({0})"]
        form = self.pick.choice(forms)
        if form == "{}":
            return quoted(self._column("number")) if self.of["number"] else "1"
        return filled(form, self.number, depth)

    def _numbers(self, depth: int) -> str:
        one, other, third = (self.number(depth) for _ in range(3))
        forms = ["{} = {}", "{} <> {}", "{} < {}", "{} >= {}", "{} IS DISTINCT FROM {}", "{} BETWEEN {} AND {}"]
        return self.pick.choice([*forms, "{} IN (1, 0, 7)", "{} NOT IN (2, 100)"]).format(one, other, third)

    def text(self, depth: int) -> str:
        forms = ["{}", "{}", "{}", *map(said, self.pick.sample(TEXTS, 2))]
        if depth > 0:
            forms += ["({0} || {1})", "TRIM({0})", "LTRIM({0})", "RTRIM({0})", "SUBSTR({0}, 2, 1)", "UPPER({0})"]
            forms += ["COALESCE({0}, {1})", "NULLIF({0}, {1})", "CONCAT({0}, {1})", "REPLACE({0}, 'a', 'b')"]
            forms += ["LEFT({0}, 1)", "RIGHT({0}, 2)", "REVERSE({0})", "SUBSTR({0}, 2)", "CONCAT_WS('-', {0}, {1})"]
        form = self.pick.choice(forms)
        if form == "{}":
            return quoted(self._column("text"))
        return filled(form, self.text, depth)

    def _texts(self, depth: int) -> str:
        forms = ["{0} = {1}", "{0} <> {1}", "{0} < {1}", "{0} >= {1}", "{0} BETWEEN {1} AND 'x'", "LENGTH({0}) > 2"]
        forms += ["{0} LIKE '%a%'", "{0} LIKE '_1'", "{0} NOT LIKE 'x%'", "{0} ILIKE 'A%'", "{0} IN ('a', 'x1', NULL)"]
        forms += [
            "STARTS_WITH({0}, 'x')",
            "ENDS_WITH({0}, {1})",
            "{0} ~ '^[a-z]+$'",
            "{0} !~ 'a'",
            "OCTET_LENGTH({0}) = 1",
        ]
        forms += ["STRPOS({0}, 'a') > 0", "{0} IS NOT DISTINCT FROM {1}", "CAST({0} AS INTEGER) > 1", "{0} ~* 'Z'"]
        forms += ["REGEXP_LIKE({0}, '\\d')", "{0} LIKE {1}", "LENGTH(TRIM({0})) = 0"]
        form = self.pick.choice(forms)
        return form.replace("{0}", self.text(depth)).replace("{1}", self.text(depth))

    def _moments(self, depth: int) -> str:
        own, other = quoted(self._column("moment")), quoted(self._column("moment"))
        part = self.pick.choice(
            ["year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "quarter", "week", "epoch"]
        )
        forms = [
            f"{own} = {other}",
            f"{own} < {other}",
            f"EXTRACT({part} FROM {own}) >= 6",
            f"{own} >= DATE '2024-06-01'",
            f"{own} + INTERVAL '1 hour' <= {other}",
        ]
        forms += [f"{own} < TIMESTAMP '2024-06-01 12:00:00.000001'", f"{own} + INTERVAL '1 day' > {other}"]
        forms += [f"{own} - {other} > INTERVAL '1 hour'", f"CAST({own} AS DATE) = DATE '2024-06-01'"]
        forms += [
            f"CAST({own} AS VARCHAR) < '2024'",
            f"DATE_PART('{part}', {own}) = 12",
            f"{own} BETWEEN DATE '1970-01-01' AND DATE '2024-06-01'",
        ]
        forms += [f"STRFTIME({own}, '%Y') = '2024'", f"COALESCE({own}, {other}) > DATE '2024-01-01'"]
        return self.pick.choice(forms)

    def _truth(self, depth: int) -> str:
        own = quoted(self._column("bool"))
        forms = [
            own,
            f"NOT {own}",
            f"{own} = TRUE",
            f"{own} IS TRUE",
            f"{own} IS NOT FALSE",
            f"CAST({own} AS INTEGER) = 1",
        ]
        return self.pick.choice([*forms, f"{own} <> {quoted(self._column('bool'))}", f"COALESCE({own}, FALSE)"])


FITS: dict[str, Callable[[pl.DataType], bool]] = {
    "number": lambda dtype: dtype.is_numeric(),
    "text": lambda dtype: dtype == pl.String,
    "moment": lambda dtype: dtype == pl.Date or dtype == pl.Datetime,
    "bool": lambda dtype: dtype == pl.Boolean,
}
ORDERED = (
    *("in_set", "not_in_set", "in_range", "greater_than", "greater_than_or_equal", "less_than", "less_than_or_equal"),
    *("equal", "not_equal", "min", "max"),
)
NUMBERS = (*("positive", "negative", "non_negative", "non_positive", "median", "quantile"),)
AVERAGES = ("mean", "sum", "stddev", "z_score_outlier")
TEXTUAL = ("not_empty", "length", "regex", "email_format", "uuid_format", "ipv4_format", "date_format", "phone_format")
PATTERNS = (
    r"^\w+$",
    r"\d",
    r"\s$",
    "a|b",
    r"^.$",
    r"(?i)ä",
    r"\p{L}",
    "^$",
    r"[^a-z]",
    r"\\",
    "'",
    "x1$",
    r"^\S+\s\S+$",
)


def filled(form: str, of: Callable[[int], str], depth: int) -> str:
    """A form with what it is about."""
    for place in ("{0}", "{1}"):
        form = form if place not in form else form.replace(place, of(depth - 1).replace("{", "{{"))
    return form.replace("{{", "{")
