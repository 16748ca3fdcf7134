"""What other tools call rules and fields, and what they are called here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from quality.rules.other_tools import TOOLS
from quality.texts import nearest

PREFIX = re.compile(r"(?:dbt_utils|dbt_expectations|elementary|Check|pa|pb|gxe?|expect)\.(?=\w)", re.IGNORECASE)
EXPECTATION = re.compile(r"expect_(?:(?:multi)?columns?_|table_)?(?:pair_)?(?:values?_)?(?:to_)?(?:be_)?")


def _plain(name: str) -> str:
    """A name without what differs by taste: case and underscores."""
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


KNOWN = {_plain(name): (tool, name, ours) for tool, names in reversed(TOOLS.items()) for name, ours in names.items()}
FIELDS: dict[str, tuple[str, ...]] = {
    "column_name": ("column",),
    "col": ("column",),
    "col_name": ("column",),
    "field_name": ("column",),
    "name_of_column": ("column",),
    "column_list": ("columns", "column"),
    "columns": ("column",),
    "column": ("columns", "key"),
    "combination_of_columns": ("columns",),
    "fields": ("columns",),
    "minimum": ("min", "at_least", "value", "min_ratio"),
    "min_value": ("min", "at_least", "value"),
    "min": ("at_least", "value", "min_ratio"),
    "lower": ("min", "at_least"),
    "lower_bound": ("min", "at_least"),
    "left": ("min",),
    "gte": ("min", "at_least"),
    "maximum": ("max", "at_most", "value"),
    "max_value": ("max", "at_most", "value"),
    "max": ("at_most", "value"),
    "upper": ("max", "at_most"),
    "upper_bound": ("max", "at_most"),
    "right": ("max",),
    "lte": ("max", "at_most"),
    "allowed": ("values",),
    "set": ("values",),
    "valid_values": ("values",),
    "quote": ("values",),
    "valid_regex": ("pattern",),
    "like_pattern": ("pattern",),
    "strftime_format": ("format",),
    "valid_format": ("format",),
    "valid_min": ("min",),
    "valid_max": ("max",),
    "valid_min_length": ("min", "value"),
    "valid_max_length": ("max", "value"),
    "model": ("reference", "dataset"),
    "to": ("reference",),
    "table": ("reference", "dataset"),
    "parent": ("reference",),
    "compare_model": ("reference",),
    "other_table_name": ("reference",),
    "field": ("reference_column", "column"),
    "to_field": ("reference_column",),
    "compare_columns": ("columns",),
    "primary_key": ("key",),
    "id": ("key",),
    "mostly": ("max_failure_rate",),
    "error_if": ("max_failure_rate",),
    "warn_if": ("warn_failure_rate",),
    "fail": ("max_failure_rate",),
    "row_condition": ("where",),
    "condition": ("where", "expression"),
    "filter": ("where",),
    "group_by": ("by",),
    "partition_by": ("by",),
    "level": ("severity",),
    "priority": ("severity",),
    "type": ("dtype",),
    "data_type": ("dtype",),
    "datatype": ("dtype",),
    "strict_min": ("exclusive",),
    "strict_max": ("exclusive",),
    "inclusive": ("exclusive",),
    "max_delay": ("max_age",),
    "interval": ("max_age",),
    "tests": ("rules",),
    "data_tests": ("rules",),
    "checks": ("rules",),
    "expectations": ("rules",),
    "cron": ("schedule",),
    "pool": ("work_pool",),
    "file": ("path",),
    "location": ("path",),
    "delimiter": ("separator",),
    "sep": ("separator",),
    "team": ("owner",),
    "pii": ("sensitive",),
    "primary_keys": ("key",),
}
"""Names of fields elsewhere; the first of ours that the rule at hand has is meant."""
NOTES = {
    "mostly": "; mostly: 0.95 is max_failure_rate: 0.05",
    "strict_min": "; strict_min: true is exclusive: min",
    "strict_max": "; strict_max: true is exclusive: max",
    "inclusive": "; bounds are included unless exclusive: min, max or both",
}


def rule(name: str) -> str | None:
    """What a rule of another tool is here, as the end of a sentence; None for a name that no tool has."""
    bare = PREFIX.sub("", name.strip())
    word = bare.split("(")[0].strip()
    if found := KNOWN.get(_plain(word)):
        tool, theirs, ours = found
        return f"`{theirs}` of {tool} is {ours} here"
    return None


def expectation(name: str, known: Iterable[str]) -> str | None:
    """The rule that is nearest to what an unknown expectation says; None for what is none."""
    bare = EXPECTATION.match(PREFIX.sub("", name))
    if bare is None:
        return None
    rest = name[bare.end() :]
    return f"`{name}` is of Great Expectations; {nearest(rest or name, known)}"


def field(name: str, known: Iterable[str]) -> str | None:
    """What a field of another tool is here, as the end of a sentence; None where it is nothing that can be said."""
    there = set(known)
    for ours in FIELDS.get(name.lower(), ()):
        if ours in there:
            return f"it is called '{ours}' here{NOTES.get(name.lower(), '')}"
    return None
