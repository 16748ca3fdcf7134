"""Secrets, known by what they are: planted in more than twenty places, and found in nothing that leaves."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, Literal

import httpx
import polars as pl
import pytest
from nightly import BAD, Repository
from prefect import flow
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.logging import get_run_logger
from pydantic import SecretStr
from sink import Sink, listening

from quality import (
    DataQualityBlock,
    Frame,
    Judgement,
    Source,
    TableRule,
    check_dataset,
    create_quality_flow,
    data_quality_check_task,
    data_quality_profile_task,
    quality_checked_flow,
)
from quality.__main__ import main
from quality.drift.deployments import deployment_drift
from quality.drift.pools import pool_drift
from quality.errors import ConfigurationError, ServerError, SourceError
from quality.ladder.deployment import declared, deploy, ensure_pool
from quality.ladder.prefect_file import PrefectFile, load_prefect_file
from quality.masking import MASK, guard, masked, masked_value
from quality.operations import notifications
from quality.quarantine import splits
from quality.reporting.console import say
from quality.server import hand_over_events

FILE = """
name: shop
deployments:
  - name: shop-orders-prod
    entrypoint: quality.ladder.flows.check_dataset
    parameters: {dataset: orders, environment: prod}
    work_pool: {name: shop-prod, job_variables: {env: {REGION: west}}}
    schedules: []
    paused: false
"""


NOT_NULL = [{"check": "not_null", "column": "id"}]


class Secrets:
    """One secret for each place, each of its own and of many kinds."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        self.planted[place] = f"pl4nted{len(self.planted):02}Secret"
        return self.planted[place]

    def known(self, place: str, secret: str) -> str:
        self.planted[place] = secret
        return secret


class Lake(Source):
    """A source of a team's own, which speaks of its address."""

    kind: Literal["lake"] = "lake"
    dsn: str
    broken: bool = False
    seen: ClassVar[list[str]] = []

    def describe(self) -> str:
        return self.dsn

    def version(self, root: Path) -> str | None:
        return self.dsn

    def scan(self, root: Path) -> pl.LazyFrame:
        if self.broken:
            raise ConnectionError(f"could not connect to {self.dsn}")
        return pl.DataFrame(BAD).lazy()


class Leaky(TableRule):
    """Raises what it knows."""

    check: Literal["leaky"] = "leaky"
    key: str

    def judge(self, state: Mapping[str, Any], frame: Frame) -> Judgement:
        raise ValueError(f"the service refused {self.key}")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, sink: Sink) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0.01)
    (tmp_path / "prefect.yaml").write_text(FILE, "utf-8")
    made = Repository(tmp_path, quarantine={"path": "out"})
    made.decides(lineage={"namespace": "shop", "path": "lineage.ndjson"})
    made.holds(BAD)
    return made


def attempt(call: Callable[[], Any]) -> None:
    """Runs something whose end does not matter here."""
    try:
        call()
    except Exception as error:
        say(f"{type(error).__name__}: {error!r} {error}")


def run_with_addresses(secret: Secrets) -> None:
    """Addresses as data, as parameters, as what a source says of itself."""

    @flow(name="plain")
    def plain() -> None:
        data_quality_check_task(f"postgresql://reader:{secret('login of data')}@db.example/orders", rules=NOT_NULL)

    @flow(name="profiled")
    def profiled() -> None:
        data_quality_profile_task(f"https://files.example/f.parquet?sig={secret('signature of data')}&se=1")

    asks = create_quality_flow("asks", rules=NOT_NULL)
    for call in (plain, profiled):
        attempt(call)
    attempt(lambda: asks(f"az://box/orders.parquet?sv=1&sig={secret('signature in a parameter')}"))
    attempt(lambda: asks(f"mongodb+srv://u:p@{secret('password with an at sign')}@cluster/orders"))
    attempt(lambda: check_dataset(f"redis://:{secret('login in the name of a run')}@cache:6379/0"))
    broken = Lake(dsn=f"sqlserver://db;user=sa;password={secret('error of a source')}", broken=True)
    attempt(lambda: asks(broken))
    attempt(lambda: asks(Lake(dsn=f"https://{secret('token before the host')}@git.example/orders")))


def run_with_errors(secret: Secrets) -> None:
    """What loaders, rules and functions of a team's own raise, and what caused it; and what they log."""

    def loads() -> Any:
        try:
            raise OSError(f"x-api-key: {secret('cause of an error')}")
        except OSError as error:
            raise RuntimeError(f"Authorization: Bearer {secret('error of a loader')}") from error

    async def loads_later() -> Any:
        raise ValueError(f"DefaultEndpointsProtocol=https;AccountKey={secret('error of an async loader')}==;x")

    attempt(create_quality_flow("loads", loader=loads, rules=NOT_NULL))
    attempt(lambda: _run(create_quality_flow("loads-later", loader=loads_later, rules=NOT_NULL)))

    @quality_checked_flow(rules=NOT_NULL, name="logs")
    def logs(api_token: str) -> pl.DataFrame:
        get_run_logger().warning("sent %s", {"Authorization": f"Basic {secret('header in a log')}"})
        try:
            raise KeyError(f"postgres://u:{secret('traceback in a log')}@db/x")
        except KeyError:
            get_run_logger().exception("again")
        raise PermissionError(13, "denied", f"s3://key:{secret('error of a function')}@bucket/x")

    attempt(lambda: logs(secret("parameter that is named a token")))
    key = secret.known("error of a rule", "AKIAPLANTED0KEY00017")
    named = f"as https://u:{secret('name of a rule')}@rules.example says"
    rules: list[Any] = [Leaky(key=key), {"check": "not_null", "column": "id", "name": named}]
    attempt(lambda: create_quality_flow("leaky", rules=rules)(pl.DataFrame(BAD)))
    there = f"s3://k:{secret('reference of a rule')}@b/x.parquet"
    refers = {"check": "foreign_key", "column": "id", "reference": there}
    attempt(lambda: create_quality_flow("refers", rules=[refers])(pl.DataFrame(BAD)))


def _run(made: Any) -> None:
    import asyncio

    asyncio.run(made())


def run_the_repository(repository: Repository, secret: Secrets, sink: Sink) -> None:
    """A run with a quarantine, a history, lineage, and a channel that refuses."""
    hook = secret("address of a channel")
    SlackWebhook(url=SecretStr(f"json://u:{hook}@127.0.0.1:9/{hook}")).save("planted", overwrite=True, _sync=True)  # type: ignore[call-arg]
    repository.decides(notifications=[{"channel": "slack", "block": "slack-webhook/planted"}])
    attempt(lambda: check_dataset("orders"))
    config = repository.config.override()
    lake = Lake(dsn=f"https://lake.example/orders?token={secret('version of a source')}")
    told = config.model_copy(update={"source": lake})

    @flow(name="from-the-lake")
    def from_the_lake() -> None:
        data_quality_check_task(config=told)

    attempt(from_the_lake)
    assert len(splits.splits(config)) == 2
    attempt(lambda: DataQualityBlock(rules=(), source={"path": "x"}).save("planted-block", overwrite=True, _sync=True))  # type: ignore[call-arg]


def write_in_clear(repository: Repository, secret: Secrets) -> None:
    """What git would hold is refused, with its line."""
    written: dict[str, Callable[[str], None]] = {
        "source of a contract": lambda s: repository.says(source={"path": f"https://x.example/a.parquet?sig={s}"}),
        "reference in a contract": lambda s: repository.says(
            rules=[{"check": "foreign_key", "column": "id", "reference": f"ftp://u:{s}@h/a.csv"}]
        ),
        "lineage of a policy": lambda s: repository.decides(lineage={"namespace": "x", "url": f"http://u:{s}@marquez"}),
        "repository of a policy": lambda s: repository.decides(repository_url=f"https://{s}@git.example/main"),
        "history of a policy": lambda s: repository.decides(history={"path": f"s3://b/history?token={s}"}),
    }
    for place, write in written.items():
        kept = dict(repository.contract), {**repository.policy, "defaults": dict(repository.policy["defaults"])}
        write(secret(place))
        assert main(["task"]) == 2, place
        assert main(["task", "--json"]) == 2, place
        repository.contract, repository.policy = kept
        repository.says()


def change_the_server(client: SyncPrefectClient, repository: Repository, secret: Secrets) -> None:
    """Values that only the server has are named and never shown; what git would deploy in clear is refused."""
    file = load_prefect_file(repository.root / "prefect.yaml")
    (entry,) = file.deployments
    ensure_pool(client, entry.work_pool)
    made = deploy(client, file, entry)
    given = {
        "env": {
            "REGION": secret("changed value of the environment"),
            "DSN": secret("DSN that only the server has"),
            "AUTHORIZATION": secret("header that only the server has"),
            "AWS_ACCESS_KEY_ID": secret("key that only the server has"),
            "PLAIN": secret("value that only the server has"),
        },
        "command": f"run --password {secret('password in a command')}",
    }
    answer = httpx.patch(f"{client.api_url}deployments/{made}", json={"job_variables": given})
    assert answer.is_success
    said = "\n".join(map(str, deployment_drift(client, file, entry)))
    for name in ("DSN", "AUTHORIZATION", "AWS_ACCESS_KEY_ID"):
        assert f"job_variables.env.{name} is stored in clear" in said
    assert f'job_variables.env.REGION is "{MASK}", the repository says "west"' in said
    assert main(["drift", "server", "--json"]) == 1
    client.delete_deployment(made)
    pool = client.read_work_pool(entry.work_pool.name)
    changed = deepcopy(pool.base_job_template)
    changed["variables"]["properties"]["env"]["default"] = {"LAKE_TOKEN": secret("default of a work pool")}
    client.update_work_pool(pool.name, WorkPoolUpdate(base_job_template=changed))
    assert "env.default.LAKE_TOKEN is stored in clear" in "\n".join(map(str, pool_drift(client, file.deployments)))
    assert main(["drift", "server", "--json"]) == 1
    client.update_work_pool(pool.name, WorkPoolUpdate(base_job_template=pool.base_job_template))
    told = entry.model_dump()
    told["work_pool"]["job_variables"] = {"env": {"LAKE": f"postgresql://u:{secret('login in prefect.yaml')}@db/x"}}
    with pytest.raises(ConfigurationError, match="its job_variables hold a secret") as refused:
        declared(file, PrefectFile.model_validate({"deployments": [told]}).deployments[0])
    say(str(refused.value))


def every_page(address: str) -> bytes:
    """All that a filter of the API answers, which gives two hundred at a time."""
    read: list[bytes] = []
    while not read or len(json.loads(read[-1])) == 200:
        read.append(httpx.post(address, json={"limit": 200, "offset": 200 * len(read)}).content)
    return b"".join(read)


def every_event(address: str) -> bytes:
    """What the API answers about events, page after page."""
    answer = httpx.post(address, json={"limit": 50})
    read, said = [answer.content], answer.json()
    while said.get("next_page"):
        answer = httpx.get(said["next_page"])
        read, said = [*read, answer.content], answer.json()
    assert sum(body.count(b'"occurred"') for body in read) >= said["total"]
    return b"".join(read)


COLLECTIONS = (
    *("flows", "flow_runs", "task_runs", "logs", "artifacts", "deployments", "work_pools", "automations"),
    *("block_documents", "block_types", "block_schemas", "variables"),
)


def everything_that_left(client: SyncPrefectClient, repository: Repository, home: Path) -> dict[str, bytes]:
    """All that the API answers, and all that lies on the disk."""
    asked = {name: every_page(f"{client.api_url}{name}/filter") for name in COLLECTIONS}
    asked["events"] = every_event(f"{client.api_url}events/filter")
    assert all(b"detail" not in body[:20] for body in asked.values())
    written = [*repository.root.rglob("*"), *(home / "storage").rglob("*")]
    return asked | {str(path): path.read_bytes() for path in written if path.is_file()}


def test_secrets_in_more_than_twenty_places_are_found_nowhere(
    repository: Repository, sink: Sink, prefect_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = Secrets()
    with get_client(sync_client=True) as client:
        run_with_addresses(secret)
        run_with_errors(secret)
        run_the_repository(repository, secret, sink)
        write_in_clear(repository, secret)
        hand_over_events()
        left = everything_that_left(client, repository, prefect_home)
        change_the_server(client, repository, secret)
    told = capfd.readouterr()
    left |= {"stdout": told.out.encode(), "stderr": told.err.encode(), "messages": str(sink.bodies).encode()}
    assert len(secret.planted) > 20
    found = [
        f"{planted} in {place}" for planted, value in secret.planted.items() for place, body in left.items()
        if value.encode() in body
    ]  # fmt: skip
    assert found == []
    assert MASK.encode() in left["stdout"]
    assert b"\\u2022\\u2022\\u2022" in left["logs"] or MASK.encode() in left["logs"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@ss@db:5432/x", f"postgresql://{MASK}@db:5432/x"),
        ("s3://bucket/part-?.parquet and abfss://box@store.example/a", None),
        ("https://host:8080/icons@2x.png", None),
        ("f.parquet?sig=abc%2F&x=1", f"f.parquet?sig={MASK}&x=1"),
        ("curl -u me:pw https://h", f"curl -u {MASK} https://h"),
        ("{'Authorization': 'Bearer x1y2z3a4'}", f"{{'Authorization': '{MASK}'}}"),
        ("token ghp_" + "a1B2" * 9, f"token {MASK}"),
        ("host=db password=hunter2 user=x", f"host=db password={MASK} user=x"),
        ("not_null(token): FAILED, token: 3 of 5, basic authentication, author=me", None),
        ("unique(id): 0123456789abcdef0123456789abcdef of data@example.com at 12:30", None),
        ("/tmp/pytest-of-a/Test0/data/Orders1.parquet", None),
    ],
)
def test_what_is_secret_is_masked_and_the_rest_is_as_it_was(text: str, shown: str | None) -> None:
    assert masked(text) == (text if shown is None else shown)
    assert masked(masked(text)) == masked(text)


def test_a_text_of_any_length_is_masked_in_no_time() -> None:
    import time

    began = time.perf_counter()
    for piece in ("a:/@?=", "x://a:", "token", "aB1+", "'passwd", "bearer ", "?a", "-----BEGIN PRIVATE KEY-----"):
        masked(piece * 20_000)
    assert time.perf_counter() - began < 20


def test_an_error_of_this_package_holds_no_secret_in_any_form() -> None:
    for kind in (ConfigurationError, SourceError, ServerError):
        error = kind("ftp://u:hunter2@h/x")
        assert "hunter2" not in repr(error) + str(error) + str(error.args)
    cause = OSError(2, "gone", "ftp://u:hunter2@h/x")
    trouble = RuntimeError("password=hunter2")
    trouble.__cause__ = cause
    guard(trouble)
    assert "hunter2" not in repr(trouble) + str(cause) + repr(cause)
    assert masked_value({"env": {"DSN": "opaque", "A": ["x://u:p@h"]}}) == {
        "env": {"DSN": MASK, "A": [f"x://{MASK}@h"]}
    }


def test_what_holds_rows_is_its_owners_only_and_the_rest_is_for_all(repository: Repository) -> None:
    attempt(lambda: check_dataset("orders"))
    main(["status"])
    private = ("out", ".quality", "reports")
    for path in (found for name in private for found in (repository.root / name, *(repository.root / name).rglob("*"))):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600) or path.name == ".lock", f"{path}: {mode:o}"
    assert stat.S_IMODE((repository.root / "rollout" / "status.json").stat().st_mode) & 0o044 == 0o044
