"""prefect.yaml is computed: from datasets, environments and policy.yml, whatever a deployment may say in Prefect."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
import yaml
from domains import Domain
from prefect.cli.deploy._models import DeploymentConfig, PrefectYamlModel, RawScheduleConfig
from pydantic_core import to_jsonable_python
from ruamel.yaml import YAML

from quality.__main__ import main
from quality.contract import project
from quality.ladder import entries
from quality.ladder.computed_file import current, text_of
from quality.ladder.entries import computed, document
from quality.ladder.entry import DeploymentEntry
from quality.ladder.prefect_file import load_prefect_file
from quality.learning.page import WORDS


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    return Domain(tmp_path, "shop").work_here(monkeypatch)


def deployment(shop: Domain, fields: str, level: str = "prod") -> None:
    """Writes a block of fields into `defaults` or an environment."""
    old = {"prod": "work_pool: shop-prod", "defaults": "deployment: {job_variables: {stream_output: true}}"}[level]
    new = {"prod": f"work_pool: shop-prod, deployment: {{{fields}}}", "defaults": f"deployment: {{{fields}}}"}[level]
    text = (shop.root / "policy.yml").read_text("utf-8")
    assert old in text
    (shop.root / "policy.yml").write_text(text.replace(old, new, 1), "utf-8")


def of(environment: str = "prod", dataset: str = "users") -> DeploymentEntry:
    return computed().of(dataset, environment)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_an_entry_is_computed_for_each_dataset_in_each_environment(shop: Domain) -> None:
    shop.write("datasets/orders.yml", (shop.root / "datasets/users.yml").read_text("utf-8").replace("users", "orders"))
    file = load_prefect_file(shop.root / "prefect.yaml")
    assert [entry.name for entry in file.deployments] == [
        f"shop-{dataset}-{environment}" for dataset in ("orders", "users") for environment in ("dev", "prod")
    ]
    entry = file.of("users", "prod")
    assert entry.tags == ["shop", "users", "prod"]
    assert entry.work_pool.name == "shop-prod"
    assert entry.work_pool.job_variables == {"env": {"QUALITY_ENV": "prod"}, "stream_output": True}
    assert [(one.cron, one.timezone) for one in entry.schedules] == [("0 6 * * *", "UTC")]
    assert file.of("users", "dev").schedules == []


def test_an_entry_is_computed_for_a_contract_that_cannot_be_read(shop: Domain) -> None:
    shop.write("datasets/broken.yml", "dataset: [\n")
    assert of(dataset="broken").name == "shop-broken-prod"


def test_the_last_word_is_that_of_the_dataset_in_the_environment(shop: Domain) -> None:
    everywhere = "description: all, version: '1', concurrency_limit: 3, tags: [a], job_variables: {image: x, ttl: 1}"
    deployment(shop, f"{everywhere}, datasets: {{users: {{version: '2'}}}}", "defaults")
    own = "{description: one, tags: [c], job_variables: {env: {B: '1'}}}"
    deployment(shop, f"description: prod, tags: [b], job_variables: {{ttl: 2}}, datasets: {{users: {own}}}")
    dev, prod = of("dev"), of("prod")
    assert (dev.description, dev.version, dev.limit, prod.description, prod.version) == ("all", "2", 3, "one", "2")
    assert prod.tags == ["shop", "users", "prod", "a", "b", "c"]
    assert prod.work_pool.job_variables == {"env": {"QUALITY_ENV": "prod", "B": "1"}, "image": "x", "ttl": 2}


@pytest.mark.parametrize(
    ("policy", "crons"),
    [
        ("schedules: [{cron: '0 1 * * *', timezone: Europe/Berlin}, {cron: '0 9 * * *'}]", ["0 1 * * *", "0 9 * * *"]),
        ("schedule: {cron: '5 1 * * *'}", ["5 1 * * *"]),
        ("schedules: []", []),
        ("datasets: {users: {schedules: [{cron: '7 1 * * *'}]}}", ["7 1 * * *"]),
        ("tags: [x]", ["0 6 * * *"]),
    ],
)
def test_the_short_schedule_holds_where_the_block_has_none(policy: str, crons: list[str], shop: Domain) -> None:
    if not policy.startswith(("datasets", "tags")):
        shop.edit("policy.yml", 'schedule: "0 6 * * *", ', "")
    deployment(shop, policy)
    assert [one.cron for one in of().schedules] == crons
    assert of("dev").schedules == []


SAMPLES: dict[str, Any] = {
    "name": "another-name",
    "version": "7",
    "version_type": "prefect:simple",
    "tags": ["nightly"],
    "description": "Ours.",
    "schedule": {"cron": "0 1 * * *"},
    "schedules": [{"cron": "0 1 * * *", "timezone": "Europe/Berlin", "slug": "night", "day_or": False}],
    "paused": True,
    "concurrency_limit": {"limit": 2, "collision_strategy": "CANCEL_NEW", "grace_period_seconds": 60},
    "flow_name": "any",
    "parameters": {"now": "2026-01-01T00:00:00Z"},
    "enforce_parameter_schema": False,
    "build": [{"prefect.deployments.steps.run_shell_script": {"id": "one", "script": "echo 1"}}],
    "push": [],
    "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "/srv"}}],
    "work_pool": {"work_queue_name": "fast"},
    "triggers": [{"expect": ["quality.data.arrived"], "for_each": ["prefect.resource.id"], "name": "arrives"}],
    "sla": [],
}
"""A value for each key that Prefect knows; `entrypoint` is that of the blessed flow."""


@pytest.mark.parametrize("key", sorted({*DeploymentConfig.model_fields, *SAMPLES} - {"entrypoint"}))
def test_every_key_that_the_installed_prefect_knows_is_accepted_and_written(key: str, shop: Domain) -> None:
    shop.edit("policy.yml", 'schedule: "0 6 * * *", ', "")
    policy = YAML(typ="safe").load(shop.root / "policy.yml")
    policy["environments"]["prod"]["deployment"] = {"datasets": {"users": {key: SAMPLES[key]}}}
    YAML(typ="safe", pure=True).dump(policy, shop.root / "policy.yml")
    assert main(["entries"]) == 0
    _, written = yaml.safe_load((shop.root / "prefect.yaml").read_text("utf-8"))["deployments"]
    PrefectYamlModel.model_validate(document())
    assert main(["entries", "--check"]) == 0
    key = "schedules" if key == "schedule" else key
    said = written[key]
    if key == "work_pool":
        assert said["work_queue_name"] == "fast"
    elif key == "triggers":
        assert said[0]["match"] == {"prefect.resource.id": "quality.dataset.shop.users.prod"}
    elif key not in ("name", "parameters", "tags", "schedules"):
        assert said == SAMPLES[key]
    else:
        assert "another-name" in said if key == "name" else said


@pytest.mark.parametrize("key", sorted(RawScheduleConfig.model_fields))
def test_every_key_of_a_schedule_is_known(key: str) -> None:
    one = {"cron": "0 1 * * *", "active": False, "parameters": {"a": 1}, "timezone": "UTC", "slug": "s", "day_or": True}
    more = {"interval": 60, "rrule": "FREQ=DAILY", "anchor_date": "2026-01-01", "replaces": "old"}
    schedule = {key: {**one, **more}[key]} | ({} if key in ("cron", "interval", "rrule") else {"cron": "0 1 * * *"})
    entry = {"name": "a", "entrypoint": "a.b", "work_pool": {"name": "p"}, "paused": False, "schedules": [schedule]}
    assert DeploymentEntry.model_validate(entry).schedules[0].model_dump()[key] is not None


WRONG = [
    ("tagz: [x]", "there is no key 'tagz'; did you mean 'tags'?"),
    ("schedules: [{cron: '0 25 * * *'}]", "'0 25 * * *' is not a cron expression (bad hour)"),
    ("schedules: [{cron: '0 6 * * *', timezone: Europe/Berln}]", "did you mean 'Europe/Berlin'?"),
    ("schedules: [{cron: '0 6 30 2 *'}]", "is not a cron expression"),
    ("schedules: [{corn: '0 6 * * *'}]", "there is no key 'corn'; did you mean 'cron'?"),
    ("schedules: [{interval: 0}]", "an interval is longer than nothing"),
    ("schedules: [{rrule: often}]", "'often' is not an rrule"),
    ("schedules: [{}]", "needs exactly one of cron, interval and rrule"),
    ("schedules: {cron: '0 6 * * *'}", "schedules are a list"),
    ("schedule: {cron: every day}", "'every day' is not a cron expression"),
    ("triggers: [{expct: [a]}]", "there is no key 'expct'; did you mean 'expect'?"),
    ("triggers: [{expect: [a], posture: Sometimes}]", "posture"),
    ("triggers: [{expect: [a], parameters: {environment: dev}}]", "a trigger cannot change environment"),
    ("concurrency_limit: {limit: 1, strategy: CANCEL_NEW}", "there is no key 'strategy'"),
    ("concurrency_limit: {limit: 1, collision_strategy: CANCEL}", "CANCEL_NEW"),
    ("concurrency_limit: 0", "must be at least 1"),
    ("work_pool: {nam: x}", "there is no key 'nam'; did you mean 'name'?"),
    ("parameters: {dataset: orders}", "dataset is computed"),
    ("name: one-for-all", "name is of a single deployment"),
    ("entrypoint: a.b", "entrypoint is of a single deployment"),
    ("datasets: {users: {entrypoint: a.b}}", "write your own under `flows`"),
    ("datasets: {user: {}}", "there is no dataset 'user'; did you mean 'users'?"),
    ("datasets: {users: 3}", "is a mapping of fields, or false"),
    ("job_variables: {image: '{{ prefect.blocks.secret.x }}'}", "stored in clear"),
    ("paused: perhaps", "must be true or false, not 'perhaps'"),
]


@pytest.mark.parametrize(("fields", "said"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_what_is_wrong_is_told_with_the_line_of_policy_yml(
    fields: str, said: str, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.edit("policy.yml", 'schedule: "0 6 * * *", ', "")
    before = (shop.root / "prefect.yaml").read_bytes()
    deployment(shop, fields)
    line = next(n for n, one in enumerate((shop.root / "policy.yml").read_text().splitlines(), 1) if fields in one)
    assert main(["entries"]) == 2
    [complaint] = told(capsys).splitlines()
    assert f"policy.yml:{line}: " in complaint
    assert said in complaint
    assert (shop.root / "prefect.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("{entrypoint: a.b, environment: dev}", "a flow needs the field 'name'"),
        ("{name: load, environment: dev}", "a flow needs the field 'entrypoint'"),
        ("{name: load, entrypoint: a.b}", "the key 'work_pool' is missing"),
        ("{name: load, entrypoint: a.b, environment: dve}", "there is no environment 'dve'; did you mean 'dev'?"),
        ("{name: load, entrypoint: a.b, environment: dev, schedules: [{cron: x}]}", "is not a cron expression"),
        ("{name: users-dev, entrypoint: a.b, environment: dev}", "two deployments would be named 'shop-users-dev'"),
        ("{name: load, entrypoint: a.b, environment: dev, entry: 1}", "there is no key 'entry'"),
        ("load", "a flow is a mapping"),
    ],
)
def test_what_is_wrong_with_a_flow_of_ones_own_is_told_with_its_line(
    flow: str, said: str, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    with (shop.root / "policy.yml").open("a", encoding="utf-8") as policy:
        policy.write(f"flows:\n  - {flow}\n")
    line = len((shop.root / "policy.yml").read_text("utf-8").splitlines())
    assert main(["entries"]) == 2
    complaint = told(capsys)
    assert f"policy.yml:{line}: " in complaint
    assert said in complaint


def test_schedule_and_schedules_at_one_place_are_refused(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    deployment(shop, "schedules: [{cron: '0 1 * * *'}]")
    assert main(["entries"]) == 2
    assert "schedule and deployment.schedules say the same; keep one of them" in told(capsys)


def test_texts_that_yaml_takes_for_something_else_are_the_same_for_every_reader(shop: Domain) -> None:
    odd = ["on", "No", "0o14", "1e3", "12:30:45", "2024-01-01", "~", "a: b", "# x", "", "null", "1_000", "é", "<<"]
    (shop.root / "policy.yml").write_text(
        (shop.root / "policy.yml").read_text("utf-8") + f"flows: [{{name: load, entrypoint: a.b, environment: dev, "
        f"tags: {json.dumps(odd)}, parameters: {json.dumps({f'k{n}': one for n, one in enumerate(odd)})}}}]\n",
        "utf-8",
    )
    wanted = json.loads(json.dumps(document()))
    text = text_of(document())
    assert yaml.safe_load(text) == wanted, "as Prefect reads it"
    (shop.root / "prefect.yaml").write_text(text, "utf-8")
    assert [one.model_dump() for one in load_prefect_file(shop.root / "prefect.yaml").deployments] == [
        one.model_dump() for one in computed().deployments
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace("0 6 * * *", "0 7 * * *"), 'shop-users-prod: schedules is [{"cron": "0 7'),
        (lambda text: text.replace("paused: false", "paused: true", 1), "shop-users-dev: paused is true, policy.yml"),
        (lambda text: text.partition("  - name: shop-users-prod")[0], "shop-users-prod: is missing"),
        (lambda text: text.replace("- name: shop-users-dev", "- name: other"), "shop-other: is neither a dataset's"),
        (lambda text: text + "# ours\n", "says the same in other words"),
        (lambda text: text.replace("name: shop\n", "name: corner\n"), "name is corner, policy.yml says shop"),
        (lambda text: None, "there is no such file"),
    ],
    ids=["schedule", "paused", "missing", "other", "comment", "domain", "no file"],
)
def test_check_says_which_entries_differ_and_the_command(
    spoil: Any, said: str, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shop.root / "prefect.yaml"
    good = path.read_text("utf-8")
    assert main(["entries", "--check"]) == 0
    spoilt = spoil(good)
    path.unlink() if spoilt is None else path.write_text(spoilt, "utf-8")
    capsys.readouterr()
    assert main(["entries", "--check"]) == 1
    found = capsys.readouterr().out
    assert f"prefect.yaml: {said}" in found
    assert "run `nox -s entries`" in found
    assert (path.read_text("utf-8") if path.exists() else None) == spoilt, "--check writes nothing"
    assert main(["entries"]) == 0
    assert path.read_text("utf-8") == good


def test_nothing_is_deployed_from_a_stale_file_and_status_says_so(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = (shop.root / "policy.yml").read_text("utf-8").replace("0 6 * * *", "0 8 * * *")
    (shop.root / "policy.yml").write_text(policy, "utf-8")
    for verb in (["deployment"], ["drift", "server", "--fix"]):
        assert main(verb) == 2
        assert "shop-users-prod: schedules is" in told(capsys)
    main(["status"])
    capsys.readouterr()
    assert main(["status", "--check"]) == 1
    assert "shop-users-prod: schedules is" in told(capsys)
    main(["entries"])
    assert main(["status", "--check"]) == 0
    assert current().of("users", "prod").schedules[0].cron == "0 8 * * *"


def test_a_field_that_a_release_adds_reaches_every_entry(shop: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(entries.EVERY, "version_type", "prefect:simple")
    assert main(["entries", "--check"]) == 1
    assert main(["entries"]) == 0
    assert {one.version_type for one in load_prefect_file(shop.root / "prefect.yaml").deployments} == {"prefect:simple"}


ANCHORED = """name: shop
build: null
push: null
pull: []

definitions:
  check: &check
    entrypoint: quality.flows.check_dataset
    description: Checks one dataset against its contract, as policy.yml says for the environment.
    version: null
    concurrency_limit: 1
    enforce_parameter_schema: true
    paused: false
  dev:
    pool: &dev {name: shop-dev, work_queue_name: null, job_variables: {env: {QUALITY_ENV: dev}, stream_output: true}}
  prod:
    pool: &prod {name: shop-prod, work_queue_name: null, job_variables: {env: {QUALITY_ENV: prod}, stream_output: true}}
    schedules: &prod-schedules
      - {cron: "0 6 * * *", timezone: UTC, active: true}

deployments:
  - <<: *check
    name: users-dev
    tags: [shop, users, dev]
    parameters: {dataset: users, environment: dev}
    work_pool: *dev
    schedules: []
  - <<: *check
    name: users-prod
    tags: [shop, users, prod]
    parameters: {dataset: users, environment: prod}
    work_pool: *prod
    schedules: *prod-schedules
"""
OWN = """  - name: load
    entrypoint: domain.flows.load
    work_pool: {name: other-pool, job_variables: {image: "a:1"}}
    parameters: {day: "yes"}
    schedules: [{rrule: FREQ=DAILY}]
    paused: true
"""
SECOND = """  - <<: *check
    name: users-hourly
    tags: []
    parameters: {dataset: users, environment: prod}
    work_pool: *prod
    schedules: [{interval: 3600}]
"""
EDITS: dict[str, list[tuple[str, str]]] = {
    "as rendered": [],
    "another cron": [("0 6 * * *", "0 7 * * 1")],
    "another zone": [("timezone: UTC", "timezone: Europe/Berlin")],
    "no schedule": [("*prod-schedules", "[]")],
    "a schedule where there was none": [
        ("work_pool: *dev\n    schedules: []", "work_pool: *dev\n    schedules: [{cron: '1 1 * * *'}]")
    ],
    "tags": [("[shop, users, prod]", "[shop, users, prod, gold, 'a: b']")],
    "no limit": [("    concurrency_limit: 1\n", "")],
    "a limit": [("concurrency_limit: 1", "concurrency_limit: {limit: 4, collision_strategy: CANCEL_NEW}")],
    "paused": [("paused: false", "paused: true")],
    "a queue and an image": [
        (
            "name: shop-prod, work_queue_name: null, job_variables: {",
            "name: big, work_queue_name: q, job_variables: {image: 'x:2', ",
        )
    ],
    "a name": [("name: users-prod", "name: nightly")],
    "pull steps of the file": [
        ("pull: []", "pull: [{prefect.deployments.steps.set_working_directory: {directory: /srv}}]")
    ],
    "a parameter": [
        ("dataset: users, environment: dev}", "dataset: users, environment: dev, now: 2026-01-01T00:00:00Z}")
    ],
    "one environment only": [(ANCHORED[ANCHORED.index("  - <<: *check\n    name: users-prod") :], "")],
    "a flow of one's own": [("schedules: *prod-schedules\n", f"schedules: *prod-schedules\n{OWN}")],
    "a second deployment of a dataset": [("schedules: *prod-schedules\n", f"schedules: *prod-schedules\n{SECOND}")],
    "triggers": [
        (
            "    schedules: *prod-schedules\n",
            "    schedules: *prod-schedules\n    triggers: [{expect: [a.b], name: on-ab}]\n",
        )
    ],
    "version and description": [("version: null", "version: '3'"), ("Checks one dataset", "Ours, one dataset")],
}


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("before", [True, False], ids=["a policy of before", "a policy of now"])
def test_what_a_file_of_before_says_is_kept(
    edits: list[tuple[str, str]], before: bool, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ANCHORED
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    policy = shop.root / "policy.yml"
    if before:
        written = policy.read_text("utf-8").replace("domain: shop\n", "")
        policy.write_text(written.replace("  deployment: {job_variables: {stream_output: true}}\n", ""), "utf-8")
    (shop.root / "prefect.yaml").write_text(text, "utf-8")
    meant = load_prefect_file(shop.root / "prefect.yaml")
    fingerprints = [project.load("users", environment).fingerprint for environment in ("dev", "prod")]
    if before:
        assert main(["entries"]) == 2, "it is not written over"
        assert (shop.root / "prefect.yaml").read_text("utf-8") == text
    assert main(["entries", "--adopt"]) == 0, told(capsys)
    assert main(["entries", "--check"]) == 0, told(capsys)
    now = {one.name: one for one in load_prefect_file(shop.root / "prefect.yaml").deployments}
    assert now.keys() == {one.name for one in meant.deployments}
    for one in meant.deployments:
        steps = one.pull if one.pull is not None else meant.pull
        assert set(one.tags) <= set(now[one.name].tags)
        assert (now[one.name].pull or []) == steps
        for key in set(DeploymentEntry.model_fields) - {"tags", "pull", "schedule", "build", "push"}:
            assert to_jsonable_python(getattr(now[one.name], key)) == to_jsonable_python(getattr(one, key)), key
    assert [project.load("users", environment).fingerprint for environment in ("dev", "prod")] == fingerprints


def test_comments_and_quotes_of_the_policy_stay(shop: Domain) -> None:
    policy = shop.root / "policy.yml"
    commented = (
        policy.read_text("utf-8")
        .replace("domain: shop\n", "# Ours.\n")
        .replace("environments:", "environments:  # two")
    )
    policy.write_text(commented + "\n# below\nsilences: []  # none\n", "utf-8")
    before = policy.read_text("utf-8").splitlines()
    (shop.root / "prefect.yaml").write_text(ANCHORED.replace("paused: false", "paused: true"), "utf-8")
    assert main(["entries", "--adopt"]) == 0
    after = policy.read_text("utf-8").splitlines()
    kept = [line for line in before if line in after]
    assert [line for line in before if line not in kept] == [
        '  prod: {schedule: "0 6 * * *", work_pool: shop-prod}',
        "  dev: {}",
    ][::-1]
    assert after.index("# below") < after.index("silences: []  # none")


def test_lines_of_windows_stay(shop: Domain) -> None:
    policy = shop.root / "policy.yml"
    policy.write_bytes(policy.read_bytes().replace(b"\n", b"\r\n"))
    (shop.root / "prefect.yaml").write_text(ANCHORED.replace("paused: false", "paused: true"), "utf-8")
    assert main(["entries", "--adopt"]) == 0
    assert policy.read_bytes().count(b"\n") == policy.read_bytes().count(b"\r\n")


@pytest.mark.parametrize("name", WORDS)
def test_a_word_of_yaml_is_a_name_of_a_dataset_and_of_an_environment(name: str, shop: Domain) -> None:
    pl.DataFrame({"id": [1, 2, 3], name: [1, 2, 3]}).write_csv(shop.root / "data" / f"{name}.csv")
    assert main(["add", f"data/{name}.csv"]) == main(["environment-add", name]) == 0
    assert name in project.datasets()
    assert name in project.environment_names()
    assert of(name, name).name == f"shop-{name}-{name}"
    assert main(["task", name, "--env", name]) == main(["entries", "--check"]) == 0


def test_a_dataset_comes_with_rules_its_entries_and_its_schema_and_goes_again(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["rules"])
    before = {path: path.read_bytes() for path in shop.root.rglob("*") if path.is_file()}
    pl.DataFrame({"id": [1, 2, 3], "state": ["open", "paid", "open"]}).write_csv(shop.root / "data" / "Our Orders.csv")
    assert main(["add", "data/Our Orders.csv"]) == 0
    assert "our_orders: PASSED" in told(capsys)
    contract = project.contract("our_orders")
    assert contract.owner == "@shop-team"
    assert len(contract.rules) > 2
    assert [of(environment, "our_orders").name for environment in ("dev", "prod")] == [
        "shop-our-orders-dev",
        "shop-our-orders-prod",
    ]
    assert main(["entries", "--check"]) == main(["doctor"]) == 0 or "git" in told(capsys)
    assert "our_orders" in (shop.root / "docs" / "policy.md").read_text("utf-8")
    assert main(["task", "our_orders"]) == 0
    capsys.readouterr()
    assert main(["add", "data/Our Orders.csv"]) == 0
    assert "nothing to change" in told(capsys)

    deployment(shop, "datasets: {our_orders: {paused: true}, users: {tags: [x]}}")
    assert main(["remove", "our_orders"]) == 0
    assert of().tags[-1] == "x"
    assert "our_orders" not in (shop.root / "policy.yml").read_text("utf-8")
    ours = {shop.root / name for name in ("policy.yml", "prefect.yaml")}
    assert {path: path.read_bytes() for path in before.keys() - ours} == {p: before[p] for p in before.keys() - ours}
    assert not project.root().joinpath("datasets", "our_orders.yml").exists()


def test_what_checks_left_of_a_dataset_that_goes_is_named_and_goes_on_under_another_name(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        pl.DataFrame({"id": [number]}).write_parquet(shop.root / "data" / f"u-{number}.parquet")
    volume = "source: {path: data/u-?.parquet}\nrules:\n  - {check: volume, max_change: 0.5}"
    shop.edit("datasets/users.yml", "source: {path: data/users.parquet}", volume.partition("\n")[0])
    shop.edit("datasets/users.yml", "rules:", volume.partition("\n")[2])
    assert main(["task", "users"]) == 0
    (shop.root / "datasets/users.yml").rename(shop.root / "datasets/people.yml")
    shop.edit("datasets/people.yml", "dataset: users", "dataset: people")
    folders = [".quality/states/states/users", ".quality/history/runs/users"]
    capsys.readouterr()
    main(["doctor"])
    assert f"datasets/users.yml: not there any more; what checks left of it stays in {', '.join(folders)}; " in told(
        capsys
    )
    for folder in folders:
        (shop.root / folder).rename(shop.root / folder.replace("/users", "/people"))
    pl.DataFrame({"id": [7, 8]}).write_parquet(shop.root / "data" / "u-1.parquet")
    assert main(["task", "people", "--explain"]) == 0
    said = told(capsys)
    assert "states of 2 files: 1 kept, 1 read" in said
    assert "PASSED   volume" in said
    main(["doctor"])
    assert "not there any more" not in told(capsys)
    main(["remove", "people"])
    assert "what checks left of it stays in .quality/states/states/people, .quality/history/runs/people" in told(capsys)


def test_what_checks_of_another_repository_left_is_not_named(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("../kept", ".quality/kept"):
        (shop.root / folder / "states" / "theirs" / "dev").mkdir(parents=True)
    shop.edit("policy.yml", "defaults:\n", "defaults:\n  states: {path: ../kept}\n")
    main(["doctor"])
    assert "theirs" not in told(capsys)
    shop.edit("policy.yml", "path: ../kept", "path: .quality/kept")
    main(["doctor"])
    assert "theirs.yml: not there any more" in told(capsys)


def test_rows_of_a_database_and_a_sheet_of_a_workbook_are_added_by_their_names(shop: Domain) -> None:
    rows = pl.DataFrame({"id": range(40), "state": ["open", "paid"] * 20})
    with closing(sqlite3.connect(shop.root / "data" / "shop.db")) as there, there:
        there.execute("CREATE TABLE bills (id INTEGER, state TEXT)")
        there.executemany("INSERT INTO bills VALUES (?, ?)", rows.rows())
    with xlsxwriter.Workbook(shop.root / "data" / "book.xlsx") as book:
        book.add_worksheet("Cover").write(0, 0, "This is the cover")
        rows.write_excel(book, worksheet="Bills")
    connection = "sqlite:///data/shop.db"
    added = (
        ([connection, "--table", "bills"], "bills", {"connection": connection, "table": "bills"}),
        ([connection, "some", "--query", "SELECT id FROM bills"], "some", {"query": "SELECT id FROM bills"}),
        (["data/book.xlsx", "--sheet", "Bills"], "book", {"path": "data/book.xlsx", "sheet": "Bills"}),
    )
    for words, name, source in added:
        assert main(["add", *words]) == 0
        contract = project.contract(name)
        assert source.items() <= contract.source.model_dump().items()
        ordered = any(rule.check == "increasing" for rule in contract.rules)
        assert ordered is (name == "book"), "rows of a database have no order"
        assert main(["task", name]) == 0


def test_an_environment_comes_like_the_last_one_with_its_entries(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment(shop, "job_variables: {namespace: shop-prod, ttl: 3}, datasets: {users: {paused: true}}")
    assert main(["environment-add", "staging"]) == 0
    entry = of("staging")
    assert (entry.name, entry.work_pool.name, entry.schedules) == ("shop-users-staging", "shop-staging", [])
    assert entry.work_pool.job_variables == {
        "env": {"QUALITY_ENV": "staging"},
        "stream_output": True,
        "namespace": "shop-staging",
        "ttl": 3,
    }
    assert (entry.paused, of().paused) == (False, True)
    assert main(["entries", "--check"]) == 0
    assert main(["task", "--env", "staging"]) == 0
    capsys.readouterr()
    for name, said in (("staging", "has the environment 'staging' already"), ("No Way", "is no name of an environ")):
        assert main(["environment-add", name]) == 2
        assert said in told(capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "other/users.parquet"], "users.yml is there already, for data/users.parquet; give this one another"),
        (["add", "data/gone.parquet", "users", "--accept"], "gone.parquet"),
        (["add", "data/users.parquet", "others", "--accept"], "there is no datasets/others.yml to review"),
        (["add", "data/users.parquet", "Our Users"], "is no name of a dataset"),
        (["add", "data/gone.parquet"], "gone.parquet"),
        (["add", "env:SHOP"], "name those of one dataset by --table sales.orders"),
        (["add", "sqlite:///data/shop.db", "--table", "a", "--query", "SELECT 1"], "name those of one dataset by"),
        (["add", "env:SHOP", "--query", "SELECT 1"], "a query says no name of a dataset"),
        (["add", "env:SHOP", "--sheet", "A", "--table", "a"], "--sheet is of a workbook"),
        (["add", "data/users.parquet", "others", "--table", "a"], "--table is of a database"),
        (["add", "postgresql://me:hush@host/db", "--table", "a"], "must have no password"),
        (["add", "env:NO_SUCH_VARIABLE", "--table", "a"], "NO_SUCH_VARIABLE is not set"),
        (["remove", "user"], "there is no dataset 'user'; did you mean 'users'?"),
        (["entries", "--check", "--adopt"], "give one of them"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    words: list[str], said: str, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in shop.root.rglob("*") if path.is_file()}
    assert main(words) in (2, 3)
    assert said in told(capsys)
    assert {path: path.read_bytes() for path in shop.root.rglob("*") if path.is_file()} == before


def test_a_dataset_that_another_one_refers_to_stays(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    rule = "rules:\n  - {check: foreign_key, column: id, reference: users, reference_column: id}\n"
    contract = (shop.root / "datasets/users.yml").read_text("utf-8").replace("dataset: users", "dataset: orders")
    shop.write("datasets/orders.yml", contract.partition("rules:")[0] + rule)
    assert main(["remove", "users"]) == 2
    assert "datasets/users.yml stays, as another contract names it" in told(capsys)
    assert project.datasets() == ("orders", "users")
    assert main(["entries", "--check"]) == 0


def test_what_checks_left_where_policy_and_contracts_no_longer_say_is_named(
    shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-C", str(shop.root)]
    shop.edit("datasets/users.yml", "rules:", "quarantine: {path: kept/rows}\nrules:")
    shop.edit("policy.yml", "defaults:\n", "defaults:\n  history: {path: kept/past}\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], check=True)
    pl.DataFrame({"id": [1, 1, 2]}).write_parquet(shop.root / "data" / "users.parquet")
    assert main(["task", "users"]) == main(["task", "users", "--env", "prod"]) == 1
    main(["doctor"])
    assert "any more" not in told(capsys)
    shop.edit("datasets/users.yml", "quarantine: {path: kept/rows}\n", "")
    shop.edit("policy.yml", "path: kept/past", "path: kept/later")
    shop.edit("policy.yml", '  prod: {schedule: "0 6 * * *", work_pool: shop-prod}\n', "")
    for committed in (False, True):
        if committed:
            subprocess.run([*git, "commit", "-qam", "b"], check=True)
        main(["doctor"])
        said = told(capsys)
        assert "kept/past: nothing names this folder any more, and in it are runs of checks; move them" in said
        assert "kept/rows: nothing names this folder any more, and in it are rows of 2 runs in quarantine" in said
        assert "put `quarantine: {path: kept/rows}` back into the contract to redrive them" in said
    shop.edit("policy.yml", "path: kept/later", "path: kept/past")
    main(["doctor"])
    said = told(capsys)
    assert "kept/past: nothing names" not in said
    assert "policy.yml: prod: not there any more; what checks left of it stays in kept/past/runs/users/prod" in said
