"""All mistakes of a file at once, each on its own line, in plain words, with the spelling that is right here."""

from __future__ import annotations

from pathlib import Path

import pytest

from quality.__main__ import main
from quality.contract.contract import load_contract
from quality.contract.policy import load_policy
from quality.errors import ConfigurationError
from quality.ladder.prefect_file import load_prefect_file
from quality.rules.catalogue import parse_rule, rules_by_name
from quality.rules.other_tools import TOOLS

HEAD = "dataset: orders\nowner: '@orders'\nsource: {path: a.parquet}\n"
JARGON = ("Input should", "valid", "Field required", "Extra inputs", "Value error", "constrained", "tuple", "union")


def lines_of(text: str, folder: Path) -> list[str]:
    (folder / "datasets").mkdir(exist_ok=True)
    path = folder / "datasets" / "orders.yml"
    path.write_text(HEAD + text, "utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_contract(path)
    return [line.removeprefix("datasets/orders.yml:") for line in str(refused.value).splitlines()]


WRONG = """ownr: me
key: id
sensitive: [1]
warning_threshold: 5
rules:
  - {check: not_nul, column: id}
  - {check: in_range, column: amount, minimum: 3}
  - {check: relationships, column: customer, to: customers}
  - {check: foreign_key, column: customer, reference: customer, reference_column: id}
  - {check: not_null, column: id, severity: eror}
  - {check: not_null, column: id, where: "a >"}
  - {check: volume, max_change: 0.1, by: shop}
  - {check: not_null, column: id}
  - {check: required, column: id}
"""


def test_every_mistake_of_a_contract_is_told_at_once_and_in_its_line(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "customers.yml").write_text("")
    told = lines_of(WRONG, tmp_path)
    expected = [
        (4, "the contract has no field 'ownr'; did you mean 'owner'?"),
        (5, "key must be a list, such as [a, b], not 'id'"),
        (6, "sensitive 1 must be a text, not 1; put it in quotes: '1'"),
        (7, "warning_threshold must be a fraction from 0 to 1, not 5; 5 % is 0.05"),
        (9, "rule 1: unknown rule 'not_nul'; did you mean 'not_null'?"),
        (10, "rule 2: rule 'in_range' has no field 'minimum'; it is called 'min' here"),
        (11, "rule 3: unknown rule 'relationships'; `relationships` of dbt is referential_integrity with reference"),
        (
            12,
            "rule 4: rule 'referential_integrity': reference: there is no dataset 'customer'; did you mean 'customers'",
        ),
        (
            13,
            "rule 5: rule 'not_null': severity must be one of critical, error, warning, info, not 'eror'; did you mean",
        ),
        (14, "rule 6: rule 'not_null': where: cannot read the SQL 'a >'"),
        (15, "rule 7: rule 'volume': volume remembers no segments; write one volume rule with `where` for each"),
        (17, "rule 9: two rules are named 'not_null(id)'"),
    ]
    assert len(told) == len(expected)
    for line, (number, said) in zip(told, expected, strict=True):
        assert line.startswith(f"{number}: {said}")
        assert not any(word in line for word in JARGON)


def test_every_mistake_of_a_policy_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "orders.yml").write_text("")
    (tmp_path / "policy.yml").write_text(
        "defaults:\n  retries: {count: many, reason: x}\n  cache: {reason: y}\n  work_pool: w\n"
        "environments:\n  dev: {schedule: 0 25 * * *}\n"
        "  prod: {schedule: every day, sample_rows: -1, memory_limit: 4G}\n"
        "silences:\n  - {dataset: order, environment: prd, until: soon, reason: x}\nsilence: []\n",
        "utf-8",
    )
    with pytest.raises(ConfigurationError) as refused:
        load_policy(tmp_path / "policy.yml")
    for said in (
        "policy.yml:2: retries.count: 'many' is not a whole number; write one such as 7",
        "policy.yml:6: schedule: '0 25 * * *' is not a cron expression (bad hour); write minute, hour, day, month",
        "policy.yml:7: schedule: 'every day' is not a cron",
        "policy.yml:7: sample_rows must be at least 0, not -1",
        "policy.yml:7: memory_limit: '4G' is not an amount of memory; write 512MB or 4GB",
        "policy.yml:9: until must be a date, such as 2026-12-31, not 'soon'",
        "policy.yml:9: there is no environment 'prd'; did you mean 'prod'?",
        "policy.yml:9: there is no dataset 'order'; did you mean 'orders'?",
        "policy.yml:10: the policy has no field 'silence'; did you mean 'silences'?",
    ):
        assert said in str(refused.value)
    assert not any(word in str(refused.value) for word in JARGON)


@pytest.mark.parametrize(
    "cron", ["0 25 * * *", "every day", "* * * *", "0 0 30 2 *", "0 0 * * * *", "60 * * * *", "@soon"]
)
def test_a_schedule_that_never_comes_is_refused_when_the_policy_is_read(cron: str, repository: Path) -> None:
    path = repository / "policy.yml"
    path.write_text(path.read_text("utf-8").replace("0 6 * * *", cron), "utf-8")
    with pytest.raises(ConfigurationError, match=r"policy\.yml:13: schedule: .*(is not a cron|never comes)"):
        load_policy(path)


@pytest.mark.parametrize("cron", ["0 6 * * *", "*/5 8-18 * * mon-fri", "0 0 1,15 * *", "@daily", "30 4 29 2 *"])
def test_a_schedule_that_comes_is_kept(cron: str, repository: Path) -> None:
    path = repository / "policy.yml"
    path.write_text(path.read_text("utf-8").replace("0 6 * * *", cron), "utf-8")
    assert load_policy(path).of("prod").schedule == cron


PLACES = ("pausd", "0 25 * * *", "Europe/Berln")


def test_every_mistake_of_prefect_yaml_is_told_at_once(repository: Path) -> None:
    path = repository / "prefect.yaml"
    text = (
        path.read_text("utf-8").replace("timezone: UTC", "timezone: Europe/Berln").replace('"0 6 * * *"', "0 25 * * *")
    )
    path.write_text(text.replace("paused: false", "pausd: false", 1), "utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_prefect_file(path)
    told = str(refused.value).splitlines()
    at = [next(n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if word in line) for word in PLACES]
    assert [line.split(": ")[0] for line in told] == [f"prefect.yaml:{line}" for line in at]
    assert "there is no key 'pausd'; did you mean 'paused'?" in told[0]
    assert "'0 25 * * *' is not a cron" in told[1]
    assert "there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?" in told[2]


def test_a_person_reads_each_mistake_on_its_own_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8") + "  - {check: nope}\n  - {check: not_null, colum: id}\nownr: x\n")
    assert main(["task"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"datasets/users.yml:{number}" for number in (10, 11, 12)]
    assert lines[1].endswith("rule 'not_null' has no field 'colum'; did you mean 'column'?")
    assert "Traceback" not in "".join(lines)


NAMES = [
    pytest.param(tool, name, ours, id=f"{tool}: {name}")
    for tool, names in TOOLS.items()
    for name, ours in names.items()
]


@pytest.mark.parametrize(("tool", "name", "ours"), NAMES)
def test_the_rule_of_another_tool_is_answered_with_ours(tool: str, name: str, ours: str) -> None:
    known = rules_by_name()
    named = [word.strip(",") for word in ours.split()]
    assert any(word in known for word in named) or "primary_key" in named
    if name not in known:
        with pytest.raises(ConfigurationError) as refused:
            parse_rule({"check": name, "column": "a"})
        assert " here" in str(refused.value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"check": "dbt_utils.accepted_range", "column": "a"}, "of dbt is in_range with min and max here"),
        ({"check": "missing_count(customer_id) = 0"}, "`missing_count` of Soda is not_null with column here"),
        ({"check": "ExpectColumnValuesToNotBeNull"}, "of Great Expectations is not_null with column here"),
        ({"check": "expect_column_values_to_be_uniq"}, "did you mean 'unique'?"),
        ({"not_null": {"column": "id"}}, "write {check: not_null, …}"),
        ({"relationships": {"to": "x", "field": "id"}}, "`relationships` of dbt is referential_integrity"),
        ("unique", "write {check: unique, …}"),
        ({"check": "not_null", "column_name": "a"}, "it is called 'column' here"),
        ({"check": "not_null", "column": "a", "mostly": 0.95}, "mostly: 0.95 is max_failure_rate: 0.05"),
        ({"check": "in_range", "column": "a", "min": 1, "min_value": 2}, "two spellings of one field"),
        ({"check": "cross_table_row_count", "model": "a.csv"}, "it is called 'reference' here"),
        (
            {"check": "foreign_key", "column": "a", "reference": 5},
            "reference must be a text or a mapping, such as {a: b}",
        ),
    ],
    ids=str,
)
def test_what_another_tool_would_read_is_answered_with_what_to_write_here(written: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rule(written)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
