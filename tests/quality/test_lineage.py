from __future__ import annotations

import json
import uuid
from pathlib import Path

import httpx
import pytest
from nightly import BAD, Repository
from pydantic import ValidationError
from sink import listening

from quality.checking import check
from quality.contract.policy import Lineage
from quality.operations import lineage

RUN = str(uuid.uuid4())


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    made = Repository(tmp_path)
    made.holds(BAD)
    return made


def test_it_is_off_unless_asked_for(repository: Repository) -> None:
    assert repository.config.lineage is None


def test_a_file_takes_one_event_a_line_with_assertions_and_metrics(repository: Repository) -> None:
    repository.decides(lineage={"namespace": "shop", "path": "out/lineage.ndjson"})
    lineage.emit(check(None, repository.config), repository.config, RUN)
    lines = (repository.root / "out" / "lineage.ndjson").read_text("utf-8").splitlines()
    start, end = map(json.loads, lines)
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"] == RUN
    assert end["job"] | {"facets": {}} == {"namespace": "shop", "name": "check-orders-prod", "facets": {}}
    (dataset,) = end["inputs"]
    assert (dataset["namespace"], dataset["name"]) == ("file", "data/orders.parquet")
    facets = dataset["inputFacets"]
    assert facets["dataQualityAssertions"]["assertions"] == [
        {"assertion": "unique(id)", "success": False, "column": "id"},
        {"assertion": "in_range(amount, min=0, max=100)", "success": False, "column": "amount"},
    ]
    assert facets["dataQualityMetrics"]["rowCount"] == 4
    for facet in facets.values():
        assert facet["_producer"].startswith("urn:quality-ladder:")
        assert facet["_schemaURL"].startswith("https://openlineage.io/spec/")


def test_what_could_not_be_judged_is_a_failed_run(repository: Repository) -> None:
    repository.decides(lineage={"namespace": "shop", "path": "lineage.ndjson"})
    (repository.root / "data" / "orders.parquet").unlink()
    _, end = lineage.events(check(None, repository.config), repository.config, RUN)
    assert end["eventType"] == "FAIL"


def test_an_endpoint_takes_both_events_and_its_refusal_is_an_error(repository: Repository) -> None:
    with listening() as sink:
        repository.decides(lineage={"namespace": "shop", "url": f"http://{sink.place}/api/v1/lineage"})
        lineage.emit(check(None, repository.config), repository.config, RUN)
        assert sink.events == ["START", "COMPLETE"]
        sink.down = True
        with pytest.raises(httpx.HTTPStatusError):
            lineage.emit(check(None, repository.config), repository.config, RUN)


def test_it_goes_to_one_place() -> None:
    with pytest.raises(ValidationError, match="path or to a url"):
        Lineage(namespace="shop")
