"""OpenLineage: a start and an end event of each run, with data-quality facets, as plain JSON to a file or over HTTP."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.policy import Lineage
from quality.history.runs import size
from quality.masking import masked
from quality.prefect_run import secret
from quality.result import CheckResult, RuleResult
from quality.texts import cell_text
from quality.values import Status

PRODUCER = f"urn:quality-ladder:{project.VERSION}"
SPEC = "https://openlineage.io/spec"
RUN_EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
ASSERTIONS = f"{SPEC}/facets/1-0-1/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet"
METRICS = f"{SPEC}/facets/1-0-2/DataQualityMetricsInputDatasetFacet.json#/$defs/DataQualityMetricsInputDatasetFacet"
OWNERSHIP = f"{SPEC}/facets/1-0-1/OwnershipJobFacet.json#/$defs/OwnershipJobFacet"
TAGS = f"{SPEC}/facets/1-0-0/TagsRunFacet.json#/$defs/TagsRunFacet"
TIMEOUT_SECONDS = 10


def emit(result: CheckResult, config: CheckConfig, run: str) -> None:
    """Hands over a run's events; OSError or httpx.HTTPError when they are not taken."""
    if config.lineage is None:
        return
    made = events(result, config, run)
    if config.lineage.path:
        place = project.local(config.lineage.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in made))
        return
    _post(made, config.lineage)


def _post(events: list[dict[str, Any]], lineage: Lineage) -> None:
    headers = {"Authorization": f"Bearer {secret(lineage.secret, 'lineage')}"} if lineage.secret else {}
    with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers) as client:
        for event in events:
            client.post(str(lineage.url), json=event).raise_for_status()


def events(result: CheckResult, config: CheckConfig, run: str) -> list[dict[str, Any]]:
    """START and COMPLETE, or FAIL where no verdict was reached: a failed verdict is a completed check."""
    ended = result.timestamp + timedelta(milliseconds=result.execution_time_ms)
    end = "FAIL" if result.status is Status.ERROR else "COMPLETE"
    return [_event("START", result.timestamp, result, config, run), _event(end, ended, result, config, run)]


def _event(kind: str, at: datetime, result: CheckResult, config: CheckConfig, run: str) -> dict[str, Any]:
    namespace = config.lineage.namespace if config.lineage else "quality"
    by = f"by-{'-'.join(config.part.keys)}" if config.part else None
    owner = {"owners": [{"name": config.owner, "type": "OWNER"}]}
    dataset: dict[str, Any] = {"namespace": "file", "name": result.metadata.source or config.dataset}
    place = masked(config.source.describe()) if config.source else ""
    if "://" in place:
        scheme, rest = place.split("://", 1)
        bucket, _, name = rest.partition("/")
        dataset = {"namespace": f"{scheme}://{bucket}", "name": name or "/"}
    if kind != "START":
        dataset["inputFacets"] = {
            "dataQualityMetrics": _facet(METRICS, _metrics(result, config)),
            "dataQualityAssertions": _facet(ASSERTIONS, {"assertions": [_assertion(rule) for rule in result.rules]}),
        }
    return {
        "eventType": kind,
        "eventTime": at.astimezone(UTC).isoformat(),
        "run": {"runId": str(uuid.UUID(run)), **_tags(config)},
        "job": {
            "namespace": namespace,
            "name": "-".join(filter(None, ("check", config.dataset, str(config.environment), by))),
            "facets": {"ownership": _facet(OWNERSHIP, owner)} if config.owner else {},
        },
        "inputs": [dataset],
        "outputs": [],
        "producer": PRODUCER,
        "schemaURL": RUN_EVENT,
    }


def _tags(config: CheckConfig) -> dict[str, Any]:
    """Which partition a run judged alone, as a tag."""
    if config.part is None:
        return {}
    tag = {"key": "partition", "value": config.part.shown, "source": "QUALITY"}
    return {"facets": {"tags": _facet(TAGS, {"tags": [tag]})}}


def _facet(schema: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": schema, **fields}


def _metrics(result: CheckResult, config: CheckConfig) -> dict[str, Any]:
    known = {"rowCount": result.row_count, "bytes": size(config)}
    return {**{name: value for name, value in known.items() if value is not None}, "columnMetrics": {}}


def _assertion(rule: RuleResult) -> dict[str, Any]:
    segment = "" if rule.by is None else f" [{rule.by}={cell_text(rule.segment)}]"
    told = {"assertion": f"{rule.rule_name}{segment}", "success": rule.status is Status.PASSED}
    return told | ({"column": rule.column} if rule.column else {})
