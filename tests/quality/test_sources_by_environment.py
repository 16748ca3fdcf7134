"""A source that lies elsewhere in one environment is checked, learned, deployed and fingerprinted there alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from domains import CONTRACT, Domain
from prefect.client.orchestration import get_client

from quality import ConfigurationError, check
from quality.__main__ import main
from quality.contract import project
from quality.drift.finding import Layer
from quality.drift.report import local, look
from quality.ladder.block import SLUG

SOURCE = "source: {path: data/users.parquet}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """Users lie in one file in dev, and in another one in prod."""
    monkeypatch.setattr("signal.signal", lambda *words: None)
    made = Domain(tmp_path, "shop").work_here(monkeypatch)
    pl.DataFrame({"id": [1, 2, 3, 4, 4]}).write_csv(made.root / "data" / "prod.csv")
    return made


def elsewhere(shop: Domain, environment: str = "prod") -> None:
    shop.edit("datasets/users.yml", SOURCE, f"{SOURCE}sources: {{{environment}: {{path: data/prod.csv}}}}\n")


def test_each_environment_is_checked_where_its_data_lies(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: project.load("users", name).fingerprint for name in ("dev", "prod")}
    elsewhere(shop)
    dev, prod = project.load("users", "dev"), project.load("users", "prod")
    assert (dev.fingerprint == before["dev"], prod.fingerprint == before["prod"]) == (True, False)
    assert [(one.row_count, one.is_success) for one in (check(None, dev), check(None, prod))] == [(3, True), (5, False)]
    assert check("users", prod).row_count == 5
    assert [main(["task", "--env", name]) for name in ("dev", "prod")] == [0, 1]
    capsys.readouterr()
    assert main(["learn", "--env", "prod"]) == 0
    assert "# users: 5 rows" in capsys.readouterr().out


def test_a_reference_is_read_where_the_other_datasets_data_lies(shop: Domain) -> None:
    shop.write("datasets/orders.yml", CONTRACT.format(domain="shop", dataset="orders"))
    rule = "rules:\n  - {check: foreign_key, column: id, reference: users, reference_column: id}\n"
    shop.replace("datasets/orders.yml", r"(?s)rules:.*", rule)
    pl.DataFrame({"id": [9]}).write_csv(shop.root / "data" / "prod.csv")
    elsewhere(shop)
    assert [check(None, project.load("orders", name)).is_success for name in ("dev", "prod")] == [True, False]


def test_an_environment_that_there_is_not_is_refused_with_its_line(shop: Domain) -> None:
    elsewhere(shop, "prd")
    with pytest.raises(ConfigurationError, match=r"datasets/users.yml:\d+: sources: .*'prd'; did you mean 'prod'"):
        project.load("users", "dev")


def test_it_is_no_drift(shop: Domain, api: str) -> None:
    elsewhere(shop)
    assert [str(one) for one in local(shop.root, [Layer.ENVIRONMENTS])[0] if not one.note] == []
    report = look([Layer.SERVER], fix=True)
    assert report.findings == (), report.text()
    with get_client(sync_client=True) as client:
        saved = client.read_block_document_by_name("shop-users-prod", SLUG)
        assert saved.data["source"]["path"] == "data/prod.csv"
        found = client.read_deployment_by_name("shop-check-dataset/shop-users-prod")
        assert found.parameters["fingerprint"] == project.load("users", "prod").fingerprint
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        for document in client.read_block_documents():
            client.delete_block_document(document.id)


def test_doctor_opens_the_source_of_every_environment(shop: Domain, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) in (0, 2)
    assert "source of users: data/users.parquet can be read" in capsys.readouterr().out
    elsewhere(shop)
    (shop.root / "data" / "prod.csv").unlink()
    assert main(["doctor"]) == 3
    told = capsys.readouterr().out
    assert "source of users in dev: data/users.parquet can be read" in told
    assert "wrong  source of users in prod: " in told
