"""Contracts from elsewhere: every rule is one of ours or is named, and what we export comes back as it was.

The documents are written as each tool documents its own form.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from quality.__main__ import main
from quality.cli.exchange import odcs
from quality.cli.exchange.documents import read
from quality.contract.contract import load_contract
from quality.errors import ConfigurationError

DBT = """
version: 2
models:
  - name: Orders
    description: One row per order
    config: {meta: {owner: "@shop"}}
    data_tests:
      - dbt_utils.unique_combination_of_columns: {combination_of_columns: [order_id, line]}
      - dbt_utils.expression_is_true: {arguments: {expression: "paid <= total"}}
      - dbt_utils.equal_rowcount: {compare_model: ref('raw_orders')}
      - dbt_utils.recency: {datepart: day, field: ordered_at, interval: 1}
      - dbt_expectations.expect_table_row_count_to_be_between: {min_value: 1, max_value: 1000}
      - dbt_utils.mutually_exclusive_ranges: {lower_bound_column: a, upper_bound_column: b}
    columns:
      - name: order_id
        data_tests:
          - unique
          - not_null: {config: {severity: warn, where: "total > 0"}}
      - name: status
        tests:
          - accepted_values: {values: [placed, shipped]}
          - not_null: {config: {error_if: ">10"}}
          - dbt_utils.not_null_proportion: {at_least: 0.95}
      - name: customer_id
        data_tests:
          - relationships: {to: ref('customers'), field: id}
      - name: total
        data_tests:
          - dbt_utils.accepted_range: {min_value: 0, inclusive: false}
          - dbt_utils.expression_is_true: {expression: ">= 1"}
          - dbt_expectations.expect_column_values_to_be_between:
              {min_value: 0, max_value: 10, row_condition: "status = 'placed'", strictly: false}
          - my_own_test
"""
GX = {
    "expectation_suite_name": "taxi.demo",
    "meta": {"great_expectations_version": "0.18.8"},
    "expectations": [
        {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "vendor_id", "mostly": 0.95}},
        {
            "expectation_type": "expect_column_values_to_be_between",
            "kwargs": {"column": "passengers", "min_value": 1, "max_value": 6, "strict_max": True},
        },
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "kind", "value_set": ["a", "b"]}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "fare", "min_value": 1, "max_value": 9}},
        {
            "type": "expect_column_quantile_values_to_be_between",
            "kwargs": {
                "column": "fare",
                "quantile_ranges": {"quantiles": [0.1, 0.9], "value_ranges": [[0, None], [1, 50]]},
            },
        },
        {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "fare", "type_": "FLOAT64"}},
        {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 7}},
        {
            "type": "expect_column_pair_values_a_to_be_greater_than_b",
            "kwargs": {"column_A": "a", "column_B": "b", "or_equal": True},
        },
        {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["a", "b"]}},
        {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"column": "kind", "value_set": ["a"]}},
        {
            "type": "expect_column_values_to_be_unique",
            "kwargs": {"column": "x", "row_condition": 'col("y")>0', "condition_parser": "great_expectations"},
        },
    ],
}
SODACL = """
checks for dim_customer:
  - row_count > 0
  - missing_count(birthdate) = 0
  - missing_percent(phone) < 5 %
  - duplicate_count(first, last) = 0
  - invalid_count(email) = 0:
      valid format: email
  - invalid_percent(flag) < 1%:
      valid values: ['0', '1']
      filter: country = 'UK'
  - avg(safety_stock_level) between 400 and 500
  - max_length(last_name) <= 30
  - freshness(start_date) < 1d6h
  - values in (country_id) must exist in dim_country (id)
  - schema:
      fail:
        when required column missing: [id]
        when wrong column type: {id: integer}
  - row_count:
      warn: when < 5
      fail: when = 0
  - anomaly detection for row_count
  - failed rows:
      fail query: SELECT 1
"""
SODA_CONTRACT = """
dataset: postgres/db/public/orders
columns:
  - name: id
    data_type: varchar
    checks:
      - missing:
      - duplicate:
  - name: size
    data_type: decimal
    optional: true
    checks:
      - invalid: {valid_values: [S, M, L]}
      - missing: {threshold: {metric: percent, must_be_less_than: 10}}
      - aggregate: {function: avg, threshold: {must_be_greater_than_or_equal: 1}}
checks:
  - row_count: {threshold: {must_be_between: {greater_than_or_equal: 10, less_than_or_equal: 20}}}
  - freshness: {column: at, threshold: {unit: hour, must_be_less_than: 24}}
  - schema:
  - failed_rows: {expression: size > 1}
"""
ODCS = """
apiVersion: v3.0.2
kind: DataContract
id: 53581432
version: 1.1.0
status: active
team: [{username: me@example.com, role: Owner}]
schema:
  - name: tbl
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}
      - {name: country, primaryKey: true, primaryKeyPosition: 2, logicalType: string}
      - name: amount
        logicalType: number
        required: true
        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100}
        quality:
          - {type: library, rule: nullValues, mustBeLessThan: 5, unit: percent}
          - {rule: invalidValues, mustBe: 0, arguments: {validValues: [1, 2]}}
          - {type: sql, query: "SELECT 1", mustBe: 0}
          - {type: text, description: It should look right}
      - {name: code, unique: true, logicalType: string, logicalTypeOptions: {pattern: "^[A-Z]+$", maxLength: 5}}
      - name: customer
        relationships: [{to: customers.id}]
    quality:
      - {type: library, rule: rowCount, mustBeGreaterThan: 10}
      - {type: library, metric: duplicateValues, mustBe: 0, arguments: {properties: [country, code]}}
      - {type: custom, engine: greatExpectations, implementation: "type: x"}
slaProperties: [{property: latency, value: 4, unit: d}]
"""
JSON_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Product",
    "type": "object",
    "required": ["id", "price"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "price": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "name": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
        "mail": {"type": "string", "format": "email"},
        "kind": {"enum": ["a", "b", None]},
        "size": {"type": ["integer", "string"]},
        "step": {"type": "number", "multipleOf": 5},
    },
    "additionalProperties": False,
}
CASES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "dbt": (
        DBT,
        "schema.yml",
        [
            "{check: unique_combination, columns: [order_id, line]}",
            "{check: expression, expression: paid <= total}",
            "{check: cross_table_row_count, reference: raw_orders}",
            "{check: freshness, column: ordered_at, max_age: 1d}",
            "{check: row_count, min: 1, max: 1000}",
            "{check: unique, column: order_id}",
            "{check: not_null, severity: warning, where: total > 0, column: order_id}",
            "{check: in_set, column: status, values: [placed, shipped]}",
            "{check: completeness_ratio, column: status, min_ratio: 0.95}",
            "{check: referential_integrity, column: customer_id, reference: customers, reference_column: id}",
            "{check: in_range, column: total, min: 0, exclusive: min}",
            "{check: expression, expression: '\"total\" >= 1'}",
            "{check: in_range, where: status = 'placed', column: total, min: 0, max: 10}",
        ],
        ["dbt_utils.mutually_exclusive_ranges: ", "not_null(status): error_if", "my_own_test(total): nothing here"],
    ),
    "gx": (
        json.dumps(GX),
        "suite.json",
        [
            "{check: not_null, max_failure_rate: 0.05, column: vendor_id}",
            "{check: in_range, column: passengers, min: 1, max: 6, exclusive: max}",
            "{check: in_set, column: kind, values: [a, b]}",
            "{check: mean, column: fare, at_least: 1, at_most: 9}",
            "{check: quantile, column: fare, q: 0.1, at_least: 0}",
            "{check: quantile, column: fare, q: 0.9, at_least: 1, at_most: 50}",
            "{check: dtype, column: fare, dtype: float}",
            "{check: row_count, min: 7, max: 7}",
            """{check: expression, expression: 'COALESCE("a" >= "b", "a" IS NULL AND "b" IS NULL)'}""",
            "{check: unique_combination, columns: [a, b]}",
        ],
        [
            "expect_column_most_common_value_to_be_in_set(kind): ",
            "expect_column_values_to_be_unique(x): its row_condition",
        ],
    ),
    "sodacl": (
        SODACL,
        "checks.yml",
        [
            "{check: row_count, min: 1}",
            "{check: not_null, column: birthdate}",
            "{check: not_null, max_failure_rate: 0.05, column: phone}",
            "{check: unique_combination, columns: [first, last]}",
            "{check: email_format, column: email}",
            "{check: in_set, where: country = 'UK', max_failure_rate: 0.01, column: flag, values: ['0', '1']}",
            "{check: mean, column: safety_stock_level, at_least: 400.0, at_most: 500.0}",
            "{check: max_length, column: last_name, value: 30}",
            "{check: freshness, column: start_date, max_age: 1d6h}",
            "{check: referential_integrity, column: country_id, reference: dim_country, reference_column: id}",
            "{check: column_exists, column: id}",
            "{check: dtype, column: id, dtype: integer}",
        ],
        ["row_count: two thresholds", "anomaly detection for row_count: ", "failed rows: "],
    ),
    "soda contract": (
        SODA_CONTRACT,
        "orders.yml",
        [
            "{check: column_exists, column: id}",
            "{check: dtype, column: id, dtype: string}",
            "{check: not_null, column: id}",
            "{check: unique, column: id}",
            "{check: dtype, column: size, dtype: numeric}",
            "{check: in_set, column: size, values: [S, M, L]}",
            "{check: not_null, max_failure_rate: 0.1, column: size}",
            "{check: mean, column: size, at_least: 1.0}",
            "{check: row_count, min: 10, max: 20}",
            "{check: freshness, column: at, max_age: 24h}",
        ],
        ["schema: a schema of all columns", "failed_rows(): nothing here says it"],
    ),
    "odcs": (
        ODCS,
        "contract.odcs.yaml",
        [
            "{check: primary_key, columns: [id, country]}",
            "{check: dtype, column: id, dtype: integer}",
            "{check: dtype, column: country, dtype: string}",
            "{check: dtype, column: amount, dtype: numeric}",
            "{check: not_null, column: amount}",
            "{check: not_null, column: amount, max_failure_rate: 0.05, name: not_null(amount) (2)}",
            "{check: in_range, column: amount, min: 0, max: 100, exclusive: max}",
            "{check: in_set, column: amount, values: [1, 2]}",
            "{check: dtype, column: code, dtype: string}",
            "{check: unique, column: code}",
            "{check: regex, column: code, pattern: '^[A-Z]+$'}",
            "{check: length, column: code, max: 5}",
            "{check: referential_integrity, column: customer, reference: customers, reference_column: id}",
            "{check: row_count, min: 11}",
            "{check: unique_combination, columns: [country, code]}",
        ],
        [
            "sql of amount: ",
            "text It should look right of amount: ",
            "custom greatExpectations: ",
            "slaProperties latency: ",
        ],
    ),
    "json schema": (
        json.dumps(JSON_SCHEMA),
        "product.schema.json",
        [
            "{check: not_null, column: id}",
            "{check: dtype, column: id, dtype: integer}",
            "{check: in_range, column: id, min: 1}",
            "{check: column_exists, column: price}",
            "{check: dtype, column: price, dtype: numeric}",
            "{check: in_range, column: price, min: 0, exclusive: min}",
            "{check: dtype, column: name, dtype: string}",
            "{check: regex, column: name, pattern: '^[a-z]+$'}",
            "{check: length, column: name, min: 2}",
            "{check: dtype, column: mail, dtype: string}",
            "{check: email_format, column: mail}",
            "{check: in_set, column: kind, values: [a, b]}",
            "{check: dtype, column: step, dtype: numeric}",
        ],
        [
            "type of size: a column has one dtype",
            "multipleOf of step: ",
            "additionalProperties: false: a closed schema",
        ],
    ),
}


def plain(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rules, key=lambda rule: json.dumps(rule, sort_keys=True, default=str))


@pytest.mark.parametrize("case", CASES)
def test_every_rule_of_another_tool_is_ours_or_is_named(case: str, tmp_path: Path) -> None:
    text, name, rules, left = CASES[case]
    (tmp_path / name).write_text(text)
    _, [found] = read(tmp_path / name)
    assert plain(found.rules) == plain([YAML(typ="safe").load(rule) for rule in rules])
    assert [one for one in left if not any(told.startswith(one) for told in found.left)] == []
    assert len(found.left) == len(left), found.left


def dbt(*tests: str) -> str:
    return "models: [{name: t, columns: [{name: a, data_tests: [" + ", ".join(tests) + "]}]}]"


def gx(*expectations: tuple[str, dict[str, Any]]) -> str:
    return json.dumps({"expectations": [{"type": kind, "kwargs": given} for kind, given in expectations]})


MEANINGS = {
    "another argument of a test": (
        dbt(
            "dbt_utils.expression_is_true: {expression: '> 1', condition: b = 2}",
            "dbt_expectations.expect_column_mean_to_be_between: {min_value: 1, group_by: [b]}",
            "dbt_utils.not_null_proportion: {at_least: 0.5, at_most: 0.9}",
        ),
        [],
        ["`condition` has", "`group_by` has", "`at_most` has"],
    ),
    "two conditions of a test": (
        dbt("dbt_expectations.expect_column_values_to_be_unique: {row_condition: b = 1, config: {where: c = 2}}"),
        ["{check: unique, column: a, where: (c = 2) AND (b = 1)}"],
        [],
    ),
    "one test under two severities": (
        dbt("not_null: {config: {severity: warn}}", "not_null", "not_null"),
        ["{check: not_null, column: a, severity: warning}", "{check: not_null, column: a, name: not_null(a) (2)}"],
        [],
    ),
    "bounds in SQL": (
        dbt(
            "dbt_utils.accepted_range: {min_value: '0', max_value: '1.5'}",
            "dbt_utils.accepted_range: {min_value: \"'2020-01-01'\"}",
            "dbt_utils.accepted_range: {max_value: \"DATE'2020-01-01'\"}",
            "dbt_utils.accepted_range: {max_value: current_date}",
        ),
        [
            "{check: in_range, column: a, min: 0, max: 1.5}",
            "{check: in_range, column: a, min: '2020-01-01'}",
            "{check: in_range, column: a, max: '2020-01-01'}",
        ],
        ["its bound current_date is computed"],
    ),
    "templates": (
        dbt("not_null: {severity: \"{{ var('s') }}\"}", "accepted_values: {values: [\"{{ var('s') }}\"]}"),
        [],
        ["what it says as `severity` is known", "what it says as `values` is known"],
    ),
    "what dbt-expectations means otherwise": (
        dbt(
            "dbt_expectations.expect_column_values_to_be_increasing: {sort_column: b}",
            "dbt_expectations.expect_column_quantile_values_to_be_between: {quantile: 0.9, max_value: 5}",
            "dbt_expectations.expect_column_value_lengths_to_be_between: {min_value: 1, strictly: true}",
            "dbt_utils.not_empty_string",
        ),
        [
            "{check: quantile, column: a, q: 0.9, at_most: 5}",
            "{check: length, column: a, min: 2}",
            "{check: regex, column: a, pattern: '[^ ]'}",
        ],
        ["it sorts the rows first"],
    ),
    "a test that is not indented": (dbt("{not_null: , severity: warn}", "{}"), [], ["not indented", "not indented"]),
    "a test of the table that names its column": (
        "models: [{name: t, tests: [unique: {column_name: a}, unique: {column_name: a || b}]}]",
        ["{check: unique, column: a}"],
        ["its column a || b is an expression"],
    ),
    "what is said beside tests": (
        "models: [{name: t, constraints: [{type: primary_key}], versions: [{v: 1}], "
        "description: 5, meta: {owner: [x]}}]",
        [],
        ["constraint primary_key: ", "versions of t: "],
    ),
    "another field of an expectation": (
        gx(
            ("expect_table_row_count_to_be_between", {"min_value": 1, "max_value": 9, "strict_max": True}),
            ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "parse_strings_as_datetimes": True}),
            ("expect_table_columns_to_match_set", {"column_set": ["a"]}),
            ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"], "ignore_row_if": "never"}),
        ),
        ["{check: row_count, min: 1, max: 8}"],
        ["`parse_strings_as_datetimes` has", "that there are no other columns", "ignore_row_if: never"],
    ),
    "rows of Soda": (
        'filter t [new]: {where: b > 1}\nchecks for t [new]:\n  - missing_count("A b") = 0\nchecks for t:\n'
        "  - missing_count(a) = 0: {missing values: [N/A]}\n  - row_count > 0: {own key: 1}\n"
        "  - duplicate_percent(a) < 5\n  - schema: {name: s}\nfor each dataset D: {datasets: [x]}\n",
        [
            "{check: not_null, column: A b, where: b > 1}",
            "{check: not_null, column: a}",
            "{check: not_in_set, column: a, values: [N/A]}",
        ],
        ["`own key` has", "a percentage counts", "it says nothing below", "for each dataset D: "],
    ),
    "a contract of Soda that filters and warns": (
        "dataset: t\nfilter: b > 1\ncolumns:\n  - {name: a, optional: true, missing_values: [x], "
        "checks: [{missing: {threshold: {level: warn, must_be: 0}}}]}\n",
        [
            "{check: not_null, column: a, where: b > 1, severity: warning}",
            "{check: not_in_set, column: a, values: [x], where: b > 1, severity: warning}",
        ],
        [],
    ),
}


@pytest.mark.parametrize("case", MEANINGS)
def test_what_says_more_than_a_rule_of_ours_is_not_taken_for_it(case: str, tmp_path: Path) -> None:
    text, rules, left = MEANINGS[case]
    name = "a.json" if text.startswith('{"') else "a.yml"
    (tmp_path / name).write_text(text)
    _, [found] = read(tmp_path / name)
    assert plain(found.rules) == plain([YAML(typ="safe").load(rule) for rule in rules])
    assert len(found.left) == len(left), found.left
    assert [said for said, told in zip(left, found.left, strict=True) if said not in told] == []


def test_tables_of_one_name_keep_their_rules_apart(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = "tables: [{name: t, columns: [{name: a, tests: [unique]}]}]"
    Path("a.yml").write_text(f"models: [{{name: t}}]\nsources: [{{name: x, {table}}}, {{name: y, {table}}}]\n")
    assert main(["import", "a.yml"]) == 0
    assert {"t.yml", "x_t.yml", "y_t.yml"} < {path.name for path in (repository / "datasets").iterdir()}
    Path("b.yml").write_text("models: [{name: o-k}, {name: o_k}]")
    assert main(["import", "b.yml"]) == 2
    assert "b.yml describes o_k twice, and nothing was written" in capsys.readouterr().err


def test_a_reference_is_left_by_name_until_its_dataset_is_there(repository: Path) -> None:
    tests = "relationships: {to: ref('Customers'), field: id}, relationships: {to: ref('nowhere'), field: id}"
    Path("a.yml").write_text(f"models: [{{name: t, columns: [{{name: a, tests: [{tests}]}}]}}]")
    assert main(["import", "a.yml"]) == 0
    written = (repository / "datasets" / "t.yml").read_text()
    assert "reference: customers," in written
    assert "there is no dataset nowhere yet; import that one first" in written


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    once = {"reason": "a test"}
    (tmp_path / "datasets").mkdir()
    for name in ("customers", "raw_orders", "dim_country"):
        (tmp_path / "datasets" / f"{name}.yml").write_text(
            f"dataset: {name}\nowner: me\nsource: a.parquet\nrules: [{{check: row_count, min: 1}}]\n"
        )
    policy = {"defaults": {"work_pool": "p", "retries": once, "cache": once}, "environments": {"dev": {}}}
    YAML().dump(policy, tmp_path / "policy.yml")
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_what_is_imported_is_a_contract_and_survives_an_export(
    case: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, name, _, left = CASES[case]
    Path(name).write_text(text)
    assert main(["import", name, "--name", "taken_over"]) == 0
    said = capsys.readouterr()
    assert [one for one in left if f"left out  {one}" not in said.out + said.err] == []
    written = repository / "datasets" / "taken_over.yml"
    assert all(f"# left out, {one}" in written.read_text() for one in left)
    contract = load_contract(written)
    assert main(["export", "taken_over", "--output", "out.odcs.yaml"]) == 0
    tool, [again] = read(Path("out.odcs.yaml"))
    assert tool == "ODCS"
    assert again.left == []
    assert again.owner == contract.owner
    Path("datasets/again.yml").write_text("")
    ours = YAML(typ="safe").load(written)["rules"]
    assert plain(again.rules) == plain(ours)


def test_an_exported_contract_says_in_the_standard_what_the_standard_says(repository: Path) -> None:
    Path("a.yml").write_text(ODCS)
    _, [found] = read(Path("a.yml"))
    assert main(["import", "a.yml"]) == 0
    whole, own = odcs.document(load_contract(repository / "datasets" / "tbl.yml"))
    assert {"in_range", "in_set", "not_null", "referential_integrity", "unique_combination"} == {
        one.split("(")[0] for one in own
    }
    (table,) = whole["schema"]
    by_name = {one["name"]: one for one in table["properties"]}
    assert by_name["id"]["primaryKey"] is True
    assert by_name["code"]["logicalTypeOptions"] == {"pattern": "^[A-Z]+$", "maxLength": 5}
    assert table["quality"][0] == {"type": "library", "rule": "rowCount", "mustBeGreaterOrEqualTo": 11}
    assert found.key == ["id", "country"]


def test_nothing_is_overwritten_and_nothing_half_written(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = "version: 2\nmodels:\n  - {name: fresh, columns: [{name: a, tests: [unique]}]}\n  - {name: customers}\n"
    Path("schema.yml").write_text(two)
    before = (repository / "datasets" / "customers.yml").read_text()
    assert main(["import", "schema.yml"]) == 2
    assert "datasets/customers.yml exists, and nothing was written" in capsys.readouterr().err
    assert (repository / "datasets" / "customers.yml").read_text() == before
    assert not (repository / "datasets" / "fresh.yml").exists()
    assert main(["import", "schema.yml", "--name", "x"]) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a: 1", "a.yml is not an ODCS data contract", id="none of them"),
        pytest.param("- 1", "is not an ODCS data contract", id="a list"),
        pytest.param("a: [", "cannot be read as YAML or JSON", id="no yaml"),
        pytest.param("models: 5", "is not written as dbt documents it: a text, a number or", id="models are no list"),
        pytest.param("models: {shop: {a: 1}}\nconfig-version: 2", "is dbt's project file", id="a project of dbt"),
        pytest.param("metadata: {}\nnodes: {}\nsources: {}", "is dbt's manifest: import the", id="a manifest of dbt"),
        pytest.param(
            "dataContractSpecification: 1.1.0\nmodels: {orders: {}}", "`datacontract export --format odcs`", id="dcs"
        ),
        pytest.param("models: []", "describes no dataset", id="nothing"),
        pytest.param("kind: DataContract\nschema: [{}]", "documents it: there is no field 'name' where", id="no name"),
        pytest.param(None, "cannot be read: No such file", id="no file"),
    ],
)
def test_what_is_no_document_of_a_tool_is_refused_in_one_sentence(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "a.yml").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path / "a.yml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
