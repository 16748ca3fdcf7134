"""A repository whose data, history and messages live in object storage, against an S3 server and a mail server here."""

from __future__ import annotations

import email
import email.policy
import io
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from moto.server import ThreadedMotoServer
from rendering import commit, git, ids, nox

Done = subprocess.CompletedProcess[str]
KEY, SECRET, PASSWORD = "AKIAQUALITYEXAMPLE", "s3cret/of+the+store", "s3cret-of-the-mail"
RULES = """
key: [id]
rules:
  - {check: unique, column: id}
  - {check: in_range, column: amount, min: 0, max: 100}
  - {check: volume, max_change: 0.5, window: 3}
"""
POLICY = """
defaults:
  retries: {count: 0, reason: the test says when}
  cache: {reason: a verdict is about the data of now}
  history: {path: s3://shop/history}
  work_pool: web-shop-staging
  notifications: [{channel: email, block: slack-webhook/mail}]
environments:
  staging: {}
  prod: {work_pool: web-shop-prod, history: {path: s3://no-bucket/history}}
"""
GOOD, BAD, FEW = [9.5, 3.0, 12.25], [9.5, -3.0, 12.25], [9.5]


class Store:
    """An S3 server on loopback with one bucket, `shop`."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.address = "http://{}:{}".format(*self.server.get_host_and_port())
        self.send("shop", b"", "PUT")

    def send(self, path: str, body: bytes, method: str) -> None:
        scope = "20240601/us-east-1/s3/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders=host, Signature=unchecked"
        headers = {"Content-Type": "text/plain", "Authorization": signed}
        request = urllib.request.Request(f"{self.address}/{path}", body, headers, method=method)
        with urllib.request.urlopen(request):
            pass

    def holds(self, amounts: list[float], key: str = "orders/part-1.parquet") -> None:
        """What the dataset is now."""
        file = io.BytesIO()
        pl.DataFrame({"id": range(len(amounts)), "amount": amounts}).write_parquet(file)
        self.send(f"shop/{key}", file.getvalue(), "PUT")

    @contextmanager
    def refusing(self) -> Iterator[str]:
        """The same server, to which nobody's keys are known."""
        self.send("moto-api/reset-auth", b"0", "POST")
        try:
            yield self.address
        finally:
            self.send("moto-api/reset-auth", b"inf", "POST")


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def environment(store: Store) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
    return keys | {"AWS_ENDPOINT_URL": store.address, "COLUMNS": "200"}


@pytest.fixture(scope="module")
def shop(orders: Path) -> Iterator[Path]:
    """The team's repository with all that outlives a run in object storage, until the last test here."""
    shutil.rmtree(orders / ".quality", ignore_errors=True)
    (orders / "policy.yml").write_text(POLICY.lstrip(), "utf-8")
    for dataset, source in (("orders", "s3://shop/orders/*.parquet"), ("local", "data/orders.csv")):
        contract = f'dataset: {dataset}\nowner: "@shop"\nsource: {{path: "{source}"}}{RULES}'
        (orders / "datasets" / f"{dataset}.yml").write_text(contract, "utf-8")
    commit(orders, "Keep everything in object storage")
    yield orders
    git(orders, "reset", "--quiet", "--hard", "HEAD~1")
    git(orders, "clean", "--quiet", "--force", "-d")


@pytest.fixture(scope="module")
def python(shop: Path, environment: dict[str, str]) -> Callable[..., Done]:
    """Runs the Python that the repository's sessions share, in a folder."""
    interpreter = (shop / ".nox" / ".cache" / "python").read_text("utf-8")

    def run(*words: str, folder: Path = shop, **env: str) -> Done:
        own = os.environ | environment | env
        return subprocess.run(
            [interpreter, *words], cwd=folder, env=own, capture_output=True, text=True, check=False, timeout=300
        )

    return run


@pytest.fixture
def elsewhere(shop: Path, tmp_path: Path) -> Path:
    """The repository on a machine that never ran it: what git has, and nothing else."""
    git(tmp_path, "clone", "--quiet", str(shop), "fresh")
    return tmp_path / "fresh"


def test_runs_outlive_the_disk_and_volume_is_judged_by_them(
    shop: Path, elsewhere: Path, store: Store, environment: dict[str, str], python: Callable[..., Done]
) -> None:
    store.holds(GOOD)
    for _ in range(2):
        done = nox(shop, "task", "orders", env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not (shop / ".quality").exists()
    store.holds(FEW)
    done = python("-m", "quality", "task", "orders", folder=elsewhere)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED volume(max_change=0.5, window=3)" in " ".join(done.stdout.split())
    told = nox(shop, "history", "orders", env=environment)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "orders in staging: s3://shop/history" in told.stdout
    lines = [line for line in told.stdout.splitlines() if line.startswith("20")]
    assert [line.split()[2:4] for line in lines] == [["PASSED", "3"], ["PASSED", "3"], ["FAILED", "1"]]


WRITER = """
import sys
from datetime import UTC, datetime
import polars as pl
from quality.history.store import Shelf
shelf = Shelf("s3://shop/contested", "runs", "orders", "prod")
for n in range(20):
    now = datetime.now(UTC)
    shelf.write(pl.DataFrame({"run": [f"{sys.argv[1]}-{n}"], "at": [now]}), now, f"{sys.argv[1]}-{n}")
"""
READER = """
import polars as pl
from quality.history.store import Shelf
schema = pl.Schema({"run": pl.String(), "at": pl.Datetime("us", "UTC")})
shelf = Shelf("s3://shop/contested", "runs", "orders", "prod")
print(shelf.read(schema)["run"].n_unique(), shelf.read(schema, 7)["run"].n_unique())
"""


def test_writers_at_the_same_time_lose_nothing(python: Callable[..., Done]) -> None:
    with ThreadPoolExecutor(4) as writers:
        for done in writers.map(lambda name: python("-c", WRITER, str(name)), range(4)):
            assert done.returncode == 0, done.stderr
    assert python("-c", READER).stdout.split() == ["80", "7"]


@contextmanager
def deaf() -> Iterator[str]:
    """A server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="module")
def usual(shop: Path, store: Store, environment: dict[str, str]) -> float:
    """Seconds that the command takes on this machine while its store answers."""
    start = time.monotonic()
    done = nox(shop, "task", "local", env=environment | {"AWS_ENDPOINT_URL": store.address})
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - start


HARM: list[tuple[str, Callable[[Store], AbstractContextManager[str]], str, str, float]] = [
    ("unreachable", lambda _: nullcontext("http://127.0.0.1:9"), "staging", "Connection refused", 30),
    ("silent", lambda _: deaf(), "staging", "operation timed out", 60),
    ("refused", Store.refusing, "staging", "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist", 20),
    ("no bucket", lambda store: nullcontext(store.address), "prod", "NoSuchBucket: The specified bucket does not", 20),
]


@pytest.mark.parametrize(("case", "harm", "where", "said", "seconds"), HARM, ids=[row[0] for row in HARM])
def test_a_store_that_fails_costs_one_rule_one_sentence_and_little_time(
    case: str,
    harm: Callable[[Store], AbstractContextManager[str]],
    where: str,
    said: str,
    seconds: float,
    store: Store,
    shop: Path,
    environment: dict[str, str],
    usual: float,
) -> None:
    start = time.monotonic()
    with harm(store) as address:
        done = nox(shop, "task", "local", "--env", where, env=environment | {"AWS_ENDPOINT_URL": address})
    took, printed = time.monotonic() - start, done.stdout + done.stderr
    assert done.returncode == 3, printed
    words = " ".join(done.stdout.split())
    assert "PASSED unique(id)" in words
    assert "PASSED in_range(amount, min=0, max=100)" in words
    assert "/history cannot be read: http://127.0.0.1:" in words
    assert said in words
    assert not any(word in printed for word in ("Traceback", "<?xml", KEY, SECRET))
    assert took < seconds + 5 * usual, printed


SOURCES = [
    ("key", "s3://shop/nothing/here.parquet", "the file s3://shop/nothing/here.parquet does not exist"),
    ("pattern", "s3://shop/nothing/*.csv", "no file matches s3://shop/nothing/*.csv"),
    ("bucket", "s3://no-bucket/orders/*.parquet", "NoSuchBucket: The specified bucket does not exist"),
    ("truncated", "s3://shop/broken.parquet", "s3://shop/broken.parquet cannot be read as parquet"),
]


@pytest.mark.parametrize(("case", "path", "said"), SOURCES, ids=ids(SOURCES))
def test_data_that_is_not_in_the_store_is_named(
    case: str, path: str, said: str, store: Store, elsewhere: Path, python: Callable[..., Done]
) -> None:
    store.send("shop/broken.parquet", b"PAR1 and then no more", "PUT")
    contract = elsewhere / "datasets" / "orders.yml"
    contract.write_text(contract.read_text("utf-8").replace("s3://shop/orders/*.parquet", path), "utf-8")
    done = python("-m", "quality", "task", "orders", folder=elsewhere)
    assert done.returncode == 3, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split())
    assert not any(word in done.stdout + done.stderr for word in ("Traceback", "<?xml", KEY, SECRET))


def test_folders_of_a_store_are_columns_as_those_of_a_disk_are(store: Store, python: Callable[..., Done]) -> None:
    for year in (2023, 2024):
        store.holds(GOOD, f"sales/year={year}/1.parquet")
    read = "print(*Files(path='s3://shop/sales/').scan('').collect()['year'].unique().sort())"
    done = python("-c", f"from quality.sources import Files; {read}")
    assert done.stdout.split() == ["2023", "2024"], done.stderr


class Inbox:
    """Keeps what is delivered to it by whoever knows the password."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        assert session.authenticated
        assert envelope.rcpt_tos == ["night@example.com"]
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 kept"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    def knows(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"quality", PASSWORD.encode()))

    kept = Inbox()
    controller = Controller(
        kept, "127.0.0.1", free_port(), authenticator=knows, auth_required=True, auth_require_tls=False
    )
    controller.start()
    yield kept, controller.port
    controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


SERVER = """
import sys
from pathlib import Path
from quality.loopback import loopback
with loopback(Path(sys.argv[1])) as server:
    print(server.wait(), flush=True)
    sys.stdin.read()
"""
SAVE = """
import sys
from prefect.blocks.notifications import SlackWebhook
SlackWebhook(url=sys.argv[1]).save("mail", overwrite=True)
"""


@pytest.fixture
def api(shop: Path, tmp_path: Path) -> Iterator[str]:
    """A Prefect server that outlives its workers."""
    interpreter = (shop / ".nox" / ".cache" / "python").read_text("utf-8")
    command = [interpreter, "-c", SERVER, str(tmp_path / "home")]
    with subprocess.Popen(command, cwd=shop, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.communicate()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_an_incident_is_mailed_once_by_whichever_machine_and_so_is_its_end(
    shop: Path,
    elsewhere: Path,
    store: Store,
    environment: dict[str, str],
    python: Callable[..., Done],
    api: str,
    inbox: tuple[Inbox, int],
) -> None:
    (kept, port), server = inbox, {"PREFECT_API_URL": api}
    address = f"mailto://quality:{PASSWORD}@127.0.0.1:{port}?from=quality@example.com&to=night@example.com&format=text"
    saved = python("-c", SAVE, address, **server)
    assert saved.returncode == 0, saved.stderr

    store.holds(BAD)
    done = nox(shop, "flow", "orders", env=environment | server)
    assert done.returncode == 1, done.stdout + done.stderr
    (opened,) = kept.mails
    assert opened["subject"] == "FAILED: orders in staging: 1 incident opened, domain web-shop"
    body = opened.get_content()
    assert opened.get_content_type() == "text/plain"
    assert "\n- in_range(amount, min=0, max=100): FAILED [error]: 1 of 3 (33.33 %), since " in body

    done = python("-m", "quality", "flow", "orders", folder=elsewhere, **server)
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(kept.mails) == 1
    store.holds(GOOD)
    done = python("-m", "quality", "flow", "orders", folder=elsewhere, **server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [mail["subject"] for mail in kept.mails[1:]] == [
        "RECOVERED: orders in staging: 1 incident recovered, domain web-shop"
    ]
    told = python("-m", "quality", "history", "orders").stdout
    assert told.count("slack-webhook/mail") == 2
    assert PASSWORD not in told + done.stdout + done.stderr
