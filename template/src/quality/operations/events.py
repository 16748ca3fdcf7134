"""Prefect events, for automations of whoever wants to act on a verdict.

Every run emits `quality.check.finished` about the resource `quality.dataset.<domain>.<dataset>.<environment>`, with the
payload that `payload` makes. Where one partition is judged alone, its text follows: it is not taken for the whole.
"""

from __future__ import annotations

from typing import Any

from prefect.events import emit_event
from prefect.runtime import flow_run

from quality.contract import project
from quality.result import CheckResult

EVENT = "quality.check.finished"


def announce(result: CheckResult, run: str) -> None:
    """Emits the event of a run; Prefect hands it over in the background."""
    emit_event(event=EVENT, resource=resource(result), related=related(), payload=payload(result, run))


def resource(result: CheckResult) -> dict[str, str]:
    """What the event is about, with what an automation can match: domain, status, owner and environment."""
    about = result.metadata
    return {
        "prefect.resource.id": ".".join(filter(None, (resource_id(about.dataset, about.environment), about.partition))),
        "prefect.resource.name": about.dataset,
        "quality.domain": project.domain() or "",
        "quality.status": str(result.status),
        "quality.owner": about.owner or "",
        "quality.environment": about.environment or "",
        "quality.partition": about.partition or "",
    }


def resource_id(dataset: str, environment: str | None) -> str:
    """What a dataset of this domain is called in events."""
    return ".".join(filter(None, ("quality", "dataset", project.domain(), dataset, str(environment))))


def related() -> list[dict[str, str]]:
    """The flow run that judged."""
    if not flow_run.id:
        return []
    return [{"prefect.resource.id": f"prefect.flow-run.{flow_run.id}", "prefect.resource.role": "flow-run"}]


def payload(result: CheckResult, run: str) -> dict[str, Any]:
    """The verdict in numbers and the names of the rules that do not hold; no row and no value."""
    about = result.metadata
    counts = ("passed_count", "failed_count", "warning_count", "skipped_count", "error_count", "total_count")
    return {
        "run": run,
        "domain": project.domain(),
        "dataset": about.dataset,
        "environment": about.environment,
        "partition": about.partition,
        "status": str(result.status),
        "reason": result.reason,
        "fingerprint": about.fingerprint,
        "template_version": about.template_version,
        "compatibility": about.compatibility,
        "row_count": result.row_count,
        "execution_time_ms": result.execution_time_ms,
        **{name: result[name] for name in counts},
        "failures": [f"{failure.rule_name}" for failure in result.failures][:100],
    }
