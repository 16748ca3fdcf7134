"""A table that its database judges, from the command line: verdict, history, report, quarantine and doctor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl
import pytest
from databases import PASSWORD, QUOTED, execute, postgres_server
from domains import Domain, worker
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from promoted import as_of_an_earlier_release, promote
from pydantic import SecretStr
from sink import listening
from users import compute

from quality import CheckConfig
from quality.__main__ import main
from quality.cli import documents
from quality.contract import project
from quality.contract.contract import parse_source
from quality.contract.judging_code import judging_digest
from quality.drift.finding import Layer
from quality.drift.report import look
from quality.errors import ConfigurationError, SourceError
from quality.history.runs import last_result, metrics
from quality.operations.after_check import Ran, check
from quality.quarantine import splits
from quality.rollout import evidence, pins
from quality.rollout.evidence import Rung
from quality.server import artifact_of, result_of
from quality.sources import Table

CREATE = "CREATE TABLE sales.orders (id integer, amount numeric(12, 2), note text, made timestamp)"
FILL = (
    "INSERT INTO sales.orders VALUES (1, 5.25, 'a', '2024-01-01 12:00'), (2, -1.00, 'b', NULL), (2, 3, 'c', NULL), "
    "(3, NULL, NULL, '2024-01-02 12:00')"
)
CONTRACT = """
dataset: orders
owner: "@shop-team"
source: {{kind: table, connection: {connection}, table: sales.orders, order_by: [id]}}
key: [id]
sensitive: [note]
quarantine: {{path: out, passed: false, drop: [note]}}
rules:
  - {{check: unique, column: id}}
  - {{check: positive, column: amount, severity: warning}}
  - {{check: volume, max_change: 0.5}}
  - {{check: increasing, column: made, where: "amount > 0"}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        execute(url, "CREATE SCHEMA sales", CREATE, FILL)
        yield url


@pytest.fixture(params=["duckdb", "postgresql"])
def shop(request: pytest.FixtureRequest, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose dataset is a table of a database."""
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")
    connection = "duckdb:///data/shop.duckdb"
    if request.param == "postgresql":
        connection = "env:SHOP"
        monkeypatch.setenv("SHOP", request.getfixturevalue("server"))
    else:
        with closing(duckdb.connect("data/shop.duckdb")) as made:
            for statement in ("CREATE SCHEMA sales", CREATE, FILL):
                made.execute(statement)
    (repository / "datasets" / "users.yml").unlink()
    (repository / "datasets" / "orders.yml").write_text(CONTRACT.format(connection=connection), "utf-8")
    policy = (repository / "policy.yml").read_text("utf-8").replace("{users: {name: users-", "{orders: {name: users-")
    (repository / "policy.yml").write_text(policy, "utf-8")
    compute(repository)
    return repository


def test_task_judges_a_table_where_it_lies(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", "orders", "--explain"]) == 1
    said = capsys.readouterr().out
    assert "orders: FAILED" in said
    assert "failed: unique(id) (2 of 4 rows), positive(amount)" in said
    assert "same result from data_quality_check_task in a flow" in said
    assert "pass over 3 columns: amount, id, made" in said
    assert not {PASSWORD, QUOTED} & set(said.split())


def test_a_run_leaves_history_report_and_quarantine(shop: Path) -> None:
    config = project.load("orders", "dev")
    ran = check(None, config)
    assert ran.result.row_count == 4
    assert [(rule.status.value, rule.failed_count, rule.total_count) for rule in ran.result.rules] == [
        ("FAILED", 2, 4),
        ("FAILED", 1, 3),
        ("SKIPPED", 0, 0),
        ("PASSED", 0, 1),
    ]
    again = check(None, config).result
    assert [rule.status.value for rule in again.rules][2] == "PASSED"
    assert metrics(config)["run"].n_unique() == 2
    assert last_result(config) is not None
    (page,) = (shop / "reports").rglob("*.html")
    assert "id is unique" in page.read_text("utf-8")


def test_failing_rows_are_quarantined_without_the_good_ones(shop: Path) -> None:
    config = project.load("orders", "dev")
    ran = check(None, config)
    assert "quarantine: 2 of 4 rows quarantined" in ran.notes
    (folder,) = splits.standing(config)
    rows = pl.read_parquet(folder / splits.FAILING)
    assert rows.columns == ["id", "amount", "made", "_dq_rules", "_dq_run", "_dq_fingerprint"]
    assert sorted(rows["amount"].cast(pl.Float64)) == [-1.0, 3.0]
    assert rows.schema["amount"] == pl.Decimal(12, 2)
    assert not (folder / splits.PASSED).exists()


OF_KINDS = (
    "CREATE TABLE sales.kinds AS SELECT 1 AS id, 'ok'::sales.mood AS mood, '12:30'::time AS at, "
    "DATE '2024-05-31' AS day, 'hush' AS word"
)
CAST = "CREATE VIEW sales.cast AS SELECT id, CAST(word AS integer) AS word FROM sales.kinds"
AWAY = ("DROP VIEW IF EXISTS sales.cast", "DROP TABLE IF EXISTS sales.kinds", "DROP TYPE IF EXISTS sales.mood")


@pytest.fixture
def kinds(shop: Path, server: str) -> Path:
    """The shop with a table of columns that no rule reads there, and a view that breaks on a value."""
    made = (*AWAY, "CREATE TYPE sales.mood AS ENUM ('sad', 'ok')", OF_KINDS, CAST)
    if "SHOP" in (shop / "datasets" / "orders.yml").read_text("utf-8"):
        execute(server, *made)
    else:
        with closing(duckdb.connect("data/shop.duckdb")) as there:
            for statement in made:
                there.execute(statement)
    return shop


def judged(shop: Path, table: str, *rules: str, **more: str) -> Ran:
    """A check of another table of the shop, by a contract of its own."""
    contract = (shop / "datasets" / "orders.yml").read_text("utf-8")
    lines = contract.partition("quarantine:")[0].replace("sales.orders, order_by: [id]", table)
    lines = lines.replace("[note]", more.get("sensitive", "[]"))
    lines += f"quarantine: {{path: out, passed: false{more.get('quarantine', '')}}}\nrules:\n"
    (shop / "datasets" / "orders.yml").write_text(lines + "".join(f"  - {rule}\n" for rule in rules), "utf-8")
    return check(None, project.load("orders", "dev"))


def test_columns_that_no_rule_reads_there_are_quarantined_as_texts(kinds: Path) -> None:
    ran = judged(kinds, "sales.kinds", "{check: equal, column: id, value: 9}")
    assert ran.notes[0] == "quarantine: 1 of 1 rows quarantined"
    (folder,) = splits.standing(project.load("orders", "dev"))
    row = pl.read_parquet(folder / splits.FAILING).row(0, named=True)
    assert (row["id"], row["mood"], row["at"], str(row["day"])) == (1, "ok", "12:30:00", "2024-05-31")
    assert ran.result.rules[0].samples == ({"id": 1},)


def test_a_type_that_changes_overnight_is_an_error_of_the_rules_that_read_it(kinds: Path) -> None:
    """What the others find is told: a type is a fact about the data, and no mistake of a contract."""
    reading = (
        "{check: not_null, column: mood}",
        "{check: not_null, column: id, where: \"mood = 'ok'\"}",
        "{check: not_null, column: id, by: mood}",
        "{check: unique_combination, columns: [id, mood]}",
        '{check: expression, expression: "mood > 1"}',
    )
    others = ("{check: equal, column: id, value: 9}", "{check: column_exists, column: mood}")
    ran = judged(kinds, "sales.kinds", *reading, *others, "{check: dtype, column: mood, dtype: String}")
    found = ran.result.rules
    assert [rule.status.value for rule in found] == ["ERROR"] * 5 + ["FAILED", "PASSED", "FAILED"]
    assert {rule.message.partition(" is ")[0] for rule in found[:5]} == {"column 'mood'"}
    assert all("give it another type by a view" in rule.message for rule in found[:5])
    assert "rows were not quarantined" in ran.notes[0]


def test_a_key_of_a_type_that_is_not_judged_there_leaves_the_examples(kinds: Path) -> None:
    config = project.load("orders", "dev")
    assert isinstance(config.source, Table)
    source = config.source.model_copy(update={"table": "sales.kinds", "order_by": ("mood",)})
    rules = [{"check": "equal", "column": "id", "value": 9}]
    for key in ((), ("mood",), ("mood", "id")):
        (rule,) = check(None, CheckConfig(source=source).override(rules=rules, key=key)).result.rules
        assert (rule.failed_count, rule.samples) == (1, ({"id": 1},))


def test_a_column_that_orders_the_rows_and_is_gone_is_an_error_of_the_rules_that_need_the_order(kinds: Path) -> None:
    config = project.load("orders", "dev")
    assert isinstance(config.source, Table)
    source = config.source.model_copy(update={"table": "sales.kinds", "order_by": ("id", "idd")})
    rules = [
        {"check": "increasing", "column": "id"},
        {"check": "decreasing", "column": "id", "by": "day"},
        {"check": "equal", "column": "id", "value": 9},
        {"check": "column_exists", "column": "day"},
    ]
    found = check(None, CheckConfig(source=source).override(rules=rules, key=["id"])).result
    assert [rule.status.value for rule in found.rules] == ["ERROR", "ERROR", "FAILED", "PASSED"]
    assert {rule.message for rule in found.rules[:2]} == {
        "column 'idd' of source.order_by is gone; the data has 'id'",
    }
    assert (found.row_count, found.rules[2].samples) == (1, ({"id": 1},))
    with pytest.raises(SourceError, match=r"column 'idd' of source\.order_by is gone; .* rules about order are"):
        source.look(kinds)


def test_rows_that_cannot_be_fetched_leave_the_verdict_and_quote_nothing(kinds: Path) -> None:
    """A value that no rule reads breaks the rows of the quarantine, and no more; what is sensitive is not told."""
    rule = "{check: equal, column: id, value: 9}"
    ran = judged(kinds, "sales.cast", rule, sensitive="[word]")
    assert (ran.result.status.value, ran.result.rules[0].failed_count) == ("FAILED", 1)
    assert ran.problem is not None
    assert "rows could not be quarantined in out: the source could not be read (" in ran.notes[0]
    assert "hush" not in str(ran)
    assert metrics(project.load("orders", "dev")).height


@pytest.mark.parametrize("kind", ["table", "sql"])
def test_what_a_database_says_of_a_value_is_withheld_where_it_may_be_sensitive(kinds: Path, kind: str) -> None:
    config = project.load("orders", "dev")
    assert isinstance(config.source, Table)
    source = parse_source({"kind": kind, "connection": config.source.connection, "table": "sales.cast"})
    gone = parse_source({"kind": kind, "connection": config.source.connection, "table": "sales.nope"})
    rules = [{"check": "positive", "column": "word"}]
    shown, hidden, absent = (
        check(None, CheckConfig(source=one).override(rules=rules, sensitive=sensitive)).result
        for one, sensitive in ((source, ()), (source, ("word",)), (gone, ("word",)))
    )
    assert "'hush'" in str(shown).replace('"', "'")
    assert "hush" not in hidden.model_dump_json()
    assert "the details are withheld, as they may quote sensitive values" in hidden.rules[0].message
    assert "does not exist" in str(absent.reason)


def test_good_rows_cannot_be_set_apart_from_a_table_that_keeps_them(shop: Path) -> None:
    config = project.load("orders", "dev").override(quarantine={"path": "out"})
    with pytest.raises(ConfigurationError, match="good rows stay in a table that is judged there"):
        check(None, config)


def test_doctor_says_that_a_table_is_judged_there(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    said = capsys.readouterr().out
    name = "PostgreSQL" if "SHOP" in (shop / "datasets" / "orders.yml").read_text() else "DuckDB"
    assert f"judged there, by {name}: each check asks for counts in one transaction" in said


def test_a_table_that_is_not_there_is_a_verdict(shop: Path) -> None:
    source = project.load("orders", "dev").source
    assert isinstance(source, Table)
    ran = check(None, CheckConfig(source=source.model_copy(update={"table": "sales.nope"})))
    assert (ran.result.exit_code, "nope" in str(ran.result.reason)) == (3, True)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(
            {"connection": "sqlite:///a.db", "table": "t"}, "judged there by DuckDB, PostgreSQL or Spark", id="other"
        ),
        pytest.param({"connection": "env:SHOP"}, "table", id="no table"),
        pytest.param({"connection": "postgresql://a:hush@h/d", "table": "t"}, "must have no password", id="password"),
    ],
)
def test_what_no_database_can_judge_is_refused(source: dict[str, str], said: str) -> None:
    from quality.contract.contract import parse_source

    with pytest.raises(ConfigurationError, match=said):
        check(None, CheckConfig(source=parse_source({"kind": "table", **source})))


def test_sqlglot_is_named_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sqlglot", None)
    with pytest.raises(ConfigurationError, match='needs the extra `pushdown`: add "pushdown" to `extras`'):
        Table(connection="duckdb:///a.duckdb", table="t").look(Path.cwd())


@pytest.mark.parametrize("value", ["'infinity'::date", "'-infinity'::timestamptz", "'NaN'::numeric(5, 1)"])
def test_what_polars_has_no_value_for_is_an_error_of_its_rule_alone(
    server: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", server)
    execute(server, f"CREATE TABLE odd AS SELECT 1 AS id, {value} AS v")
    source = Table(connection="env:SHOP", table="odd")
    rules = (
        {"check": "not_null", "column": "v"},
        {"check": "unique", "column": "v"},
        {"check": "unique", "column": "id"},
    )
    result = check(None, CheckConfig(source=source).override(rules=rules)).result
    assert [rule.status.value for rule in result.rules] == ["ERROR", "ERROR", "PASSED"]
    assert "has no place in Polars" in result.rules[0].message
    execute(server, "DROP TABLE odd")


TABLE = """
dataset: orders
owner: "@shop-team"
source: {kind: table, connection: env:SHOP, table: sales.kept, order_by: [id]}
key: [id]
sensitive: [note]
rules:
  - {check: primary_key, columns: [id]}
  - {check: increasing, column: id}
  - {check: mean, column: amount, at_least: 1, by: note}
  - {check: regex, column: note, pattern: '^\\w$', severity: warning}
  - {check: reconcile, reference: {kind: table, connection: env:SHOP, table: sales.copy}, key: [id]}
"""
KEPT = "(id integer, amount numeric(12, 2), note text)"
ROWS = "VALUES (1, 5.25, 'a'), (2, 3.00, 'a'), (3, 4.50, 'b'), (4, 4.50, 'äö')"


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    """A client of the server that all tests share, which is left without what was put up."""
    with get_client(sync_client=True) as made:
        yield made
        for deployment in made.read_deployments():
            made.delete_deployment(deployment.id)
        for block in made.read_block_documents():
            made.delete_block_document(block.id)


def test_a_table_climbs_the_whole_ladder_with_one_verdict(
    server: str,
    client: SyncPrefectClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Task, block, flow, and a deployment that a worker runs; each promoted, and no drift in the end."""
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("SHOP", server)
    for name in ("kept", "copy"):
        execute(server, f"CREATE TABLE sales.{name} {KEPT}", f"INSERT INTO sales.{name} {ROWS}")
    shop = Domain(tmp_path, "shop", "orders").work_here(monkeypatch)
    shop.write("datasets/orders.yml", TABLE)
    shop.edit(
        "policy.yml", "  work_pool", "  notifications: [{channel: slack, block: slack-webhook/till}]\n  work_pool"
    )
    shop.edit("policy.yml", '  prod: {schedule: "0 6 * * *", work_pool: shop-prod}\n', "")
    documents.write(shop.root)
    shop.write(f"constraints/{pins.running()}.txt", f"polars=={project.installed('polars')}\n")
    promote("orders", "dev")
    as_of_an_earlier_release(shop.root)
    with listening() as sink, worker("shop-dev", shop.root):
        made = SlackWebhook(url=SecretStr(f"json://{sink.place}/token"))
        made.save("till", overwrite=True, _sync=True)  # type: ignore[call-arg]
        assert main(["alarms", "--env", "dev"]) == 0
        assert main(["climb"]) == 0, capsys.readouterr()
        proved = {rung: evidence.read("orders", rung.value)["dev"] for rung in Rung}
        deployed = artifact_of(client, UUID(proved[Rung.DEPLOYMENT].references["flow_run"]), "result")
    assert "orders in dev: proved again: task, block, flow, deployment" in " ".join(capsys.readouterr().out.split())
    found = check(None, project.load("orders", "dev")).result
    assert (found.status.value, found.row_count, found.total_count) == ("WARNING", 4, 7)
    for rung, one in proved.items():
        counts = (one.status, one.row_count, one.passed_count, one.failed_count, one.total_count)
        assert counts == (found.status, 4, found.passed_count, found.failed_count, 7), rung
        assert (one.judged_by, one.fingerprint) == (judging_digest(), found.metadata.fingerprint)
    assert deployed is not None
    assert result_of(deployed).comparable() == found.comparable()
    assert [str(one) for one in look([Layer.SERVER]).findings] == []
    assert main(["status", "--check"]) == 0, capsys.readouterr().out
