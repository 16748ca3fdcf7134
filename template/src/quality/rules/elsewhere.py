"""What other tools call rules and fields, and what they are called here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from quality.errors import nearest

DBT = {
    "relationships": "referential_integrity with reference and reference_column",
    "accepted_range": "in_range with min and max",
    "expression_is_true": "expression with expression",
    "unique_combination_of_columns": "unique_combination with columns",
    "not_null_proportion": "completeness_ratio with min_ratio",
    "at_least_one": "distinct_count with min: 1",
    "not_constant": "distinct_count with min: 2",
    "cardinality_equality": "referential_integrity with reference and reference_column, in both datasets",
    "equal_rowcount": "cross_table_row_count with reference",
    "fewer_rows_than": "cross_table_row_count with reference and tolerance",
    "equality": "reconcile with reference and key",
    "recency": "freshness with column and max_age",
    "sequential_values": "increasing with strict: true",
    "mutually_exclusive_ranges": "expression over the columns of a row; ranges of different rows are not compared",
    "not_empty_string": "not_empty with column",
    "not_accepted_values": "not_in_set with values",
    "relationships_where": "referential_integrity with reference, reference_column and where",
}
GREAT_EXPECTATIONS = {
    "expect_column_to_exist": "column_exists with column",
    "expect_column_values_to_not_be_null": "not_null with column",
    "expect_column_values_to_be_null": "expression with expression: '<column> IS NULL'",
    "expect_column_values_to_be_unique": "unique with column",
    "expect_compound_columns_to_be_unique": "unique_combination with columns",
    "expect_select_column_values_to_be_unique_within_record": "expression with expression: '<one> <> <other>'",
    "expect_column_values_to_be_in_set": "in_set with values",
    "expect_column_values_to_not_be_in_set": "not_in_set with values",
    "expect_column_distinct_values_to_be_in_set": "in_set with values",
    "expect_column_values_to_be_between": "in_range with min and max",
    "expect_column_values_to_match_regex": "regex with pattern",
    "expect_column_values_to_not_match_regex": "expression with expression: \"<column> !~ '<pattern>'\"",
    "expect_column_values_to_match_like_pattern": "expression with expression: \"<column> LIKE '<pattern>'\"",
    "expect_column_values_to_match_strftime_format": "date_format with format",
    "expect_column_values_to_be_dateutil_parseable": "date_format with format",
    "expect_column_values_to_be_of_type": "dtype with column and dtype",
    "expect_column_values_to_be_in_type_list": "dtype with column and dtype, such as numeric or string",
    "expect_column_values_to_be_increasing": "increasing with column",
    "expect_column_values_to_be_decreasing": "decreasing with column",
    "expect_column_value_lengths_to_be_between": "length with min and max",
    "expect_column_value_lengths_to_equal": "length with equal min and max",
    "expect_column_value_z_scores_to_be_less_than": "z_score_outlier with threshold",
    "expect_column_mean_to_be_between": "mean with at_least and at_most",
    "expect_column_median_to_be_between": "median with at_least and at_most",
    "expect_column_sum_to_be_between": "sum with at_least and at_most",
    "expect_column_stdev_to_be_between": "stddev with at_least and at_most",
    "expect_column_min_to_be_between": "min with at_least and at_most",
    "expect_column_max_to_be_between": "max with at_least and at_most",
    "expect_column_quantile_values_to_be_between": "quantile with q, at_least and at_most",
    "expect_column_unique_value_count_to_be_between": "distinct_count with min and max",
    "expect_column_proportion_of_non_null_values_to_be_between": "completeness_ratio with min_ratio",
    "expect_column_proportion_of_unique_values_to_be_between": "unique with max_failure_rate",
    "expect_column_kl_divergence_to_be_less_than": "statistical_drift with baseline and threshold",
    "expect_column_pair_values_to_be_equal": "expression with expression: '<one> = <other>'",
    "expect_column_pair_values_a_to_be_greater_than_b": "expression with expression: '<a> > <b>'",
    "expect_multicolumn_sum_to_equal": "expression with expression: '<one> + <other> = <total>'",
    "expect_table_row_count_to_be_between": "row_count with min and max",
    "expect_table_row_count_to_equal": "row_count with equal min and max",
    "expect_table_row_count_to_equal_other_table": "cross_table_row_count with reference",
    "expect_table_columns_to_match_set": "schema with columns and closed: true",
    "expect_table_columns_to_match_ordered_list": "schema with columns, closed: true and ordered: true",
    "expect_table_column_count_to_equal": "schema with columns and closed: true",
    "expect_table_column_count_to_be_between": "schema with columns",
    "unexpected_rows_expectation": "expression with expression",
}
SODA = {
    "missing_count": "not_null with column",
    "missing_percent": "completeness_ratio with min_ratio, or not_null with max_failure_rate",
    "missing": "not_null with column",
    "duplicate_count": "unique with column, or unique_combination with columns",
    "duplicate_percent": "unique with max_failure_rate",
    "duplicate": "unique with column",
    "no_duplicates": "unique with column, or unique_combination with columns",
    "invalid_count": "in_set, in_range, regex or length, by what is valid",
    "invalid_percent": "in_set, in_range, regex or length with max_failure_rate",
    "invalid": "in_set, in_range, regex or length, by what is valid",
    "valid_count": "in_set, in_range, regex or length, by what is valid",
    "valid_percent": "in_set, in_range, regex or length with max_failure_rate",
    "avg": "mean with at_least and at_most",
    "avg_length": "length with min and max",
    "min_length_of": "min_length with value",
    "percentile": "quantile with q, at_least and at_most",
    "stddev_pop": "stddev with at_least and at_most",
    "variance": "stddev with at_least and at_most, which are its square root",
    "failed_rows": "expression with what holds in a good row",
    "user_defined": "expression with expression",
    "values_in": "referential_integrity with reference and reference_column",
    "reference_check": "referential_integrity with reference and reference_column",
    "row_count_same_as": "cross_table_row_count with reference",
    "anomaly_score": "anomaly with metric",
    "anomaly_detection_for": "anomaly with metric",
    "change_for": "trend with metric and max_change",
    "distribution_difference": "statistical_drift with baseline and threshold",
    "schema_changes": "schema with columns and closed: true",
}
DEEQU = {
    "isComplete": "not_null with column",
    "hasCompleteness": "completeness_ratio with min_ratio",
    "areComplete": "not_null, one rule for each column",
    "isUnique": "unique with column",
    "hasUniqueness": "unique with max_failure_rate",
    "isPrimaryKey": "primary_key with columns",
    "hasSize": "row_count with min and max",
    "isContainedIn": "in_set with values",
    "isInRange": "in_range with min and max",
    "isNonNegative": "non_negative with column",
    "isPositive": "positive with column",
    "isLessThan": "expression with expression: '<one> < <other>'",
    "isLessThanOrEqualTo": "expression with expression: '<one> <= <other>'",
    "isGreaterThan": "expression with expression: '<one> > <other>'",
    "isGreaterThanOrEqualTo": "expression with expression: '<one> >= <other>'",
    "hasPattern": "regex with pattern",
    "containsEmail": "email_format with column",
    "containsURL": "url_format with column",
    "hasDataType": "dtype with column and dtype",
    "hasMin": "min with at_least and at_most",
    "hasMax": "max with at_least and at_most",
    "hasMean": "mean with at_least and at_most",
    "hasSum": "sum with at_least and at_most",
    "hasStandardDeviation": "stddev with at_least and at_most",
    "hasApproxQuantile": "quantile with q, at_least and at_most",
    "hasApproxCountDistinct": "distinct_count with min and max",
    "hasNumberOfDistinctValues": "distinct_count with min and max",
    "hasMinLength": "min_length with value",
    "hasMaxLength": "max_length with value",
    "hasDistinctness": "distinct_count with min and max",
    "hasUniqueValueRatio": "unique with max_failure_rate",
    "hasColumn": "column_exists with column",
    "doesDatasetMatch": "reconcile with reference and key",
}
PANDERA = {
    "nullable": "not_null with column, where it is false",
    "isin": "in_set with values",
    "notin": "not_in_set with values",
    "ge": "greater_than_or_equal with value",
    "le": "less_than_or_equal with value",
    "ne": "not_equal with value",
    "equal_to": "equal with value",
    "not_equal_to": "not_equal with value",
    "greater_than_or_equal_to": "greater_than_or_equal with value",
    "less_than_or_equal_to": "less_than_or_equal with value",
    "min_value": "in_range with min",
    "max_value": "in_range with max",
    "str_matches": "regex with pattern, which begins with ^",
    "str_contains": "regex with pattern",
    "str_startswith": "regex with pattern, which begins with ^",
    "str_endswith": "regex with pattern, which ends with $",
    "str_length": "length with min and max",
    "unique_values_eq": "in_set with values",
}
POINTBLANK = {
    "col_vals_gt": "greater_than with value",
    "col_vals_ge": "greater_than_or_equal with value",
    "col_vals_lt": "less_than with value",
    "col_vals_le": "less_than_or_equal with value",
    "col_vals_eq": "equal with value",
    "col_vals_ne": "not_equal with value",
    "col_vals_between": "in_range with min and max",
    "col_vals_outside": "expression with expression: '<column> < <left> OR <column> > <right>'",
    "col_vals_in_set": "in_set with values",
    "col_vals_not_in_set": "not_in_set with values",
    "col_vals_null": "expression with expression: '<column> IS NULL'",
    "col_vals_not_null": "not_null with column",
    "col_vals_regex": "regex with pattern",
    "col_vals_expr": "expression with expression",
    "col_vals_increasing": "increasing with column",
    "col_vals_decreasing": "decreasing with column",
    "col_vals_within_spec": "email_format, url_format or ipv4_format with column",
    "col_exists": "column_exists with column",
    "col_schema_match": "schema with columns",
    "col_pct_null": "completeness_ratio with min_ratio",
    "col_count_match": "schema with columns and closed: true",
    "rows_distinct": "unique_combination with columns",
    "rows_complete": "not_null, one rule for each column",
    "row_count_match": "row_count with min and max",
    "tbl_match": "reconcile with reference and key",
    "data_freshness": "freshness with column and max_age",
}
TOOLS: dict[str, Mapping[str, str]] = {
    "dbt": DBT,
    "Great Expectations": GREAT_EXPECTATIONS,
    "Soda": SODA,
    "Deequ": DEEQU,
    "pandera": PANDERA,
    "Pointblank": POINTBLANK,
}
PREFIX = re.compile(
    r"(?:dbt_utils|dbt_expectations|dbt_date|elementary|Check|pa|pb|gx|gxe|expect)\.(?=\w)", re.IGNORECASE
)
EXPECTATION = re.compile(
    r"expect_(?:(?:multi)?columns?_|compound_columns_|table_)?(?:pair_)?(?:values?_)?(?:to_)?(?:be_)?"
)


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
