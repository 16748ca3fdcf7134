"""What an operator sees in Prefect's UI: a summary, a table of every rule, and the result for machines.

Keys are stable per dataset and environment, so that the UI shows a history: `flights-prod-quality`,
`flights-prod-quality-rules` and `flights-prod-quality-result`.
"""

from __future__ import annotations

import math
import re
from typing import Literal

from prefect.artifacts import Artifact, MarkdownArtifact, TableArtifact

from quality.dispatch import run_context
from quality.result import CheckResult, Failure, RuleResult, Scalar, Status, summarize_check_result

__all__ = ["artifact_key", "publish", "summarize_check_result", "to_prefect_artifact"]

ArtifactType = Literal["markdown", "table", "result"]
ROWS = 500
"""Rows of a table; FAILED and WARNING come first, so what is cut off has passed."""
FAILURES = 25
LARGEST = 900_000
"""Characters; Prefect drops the event of an artifact above about 1 MB."""
ORDER = (Status.ERROR, Status.FAILED, Status.WARNING, Status.SKIPPED, Status.PASSED)
SUFFIX: dict[ArtifactType, str] = {"markdown": "", "table": "-rules", "result": "-result"}

NEXT: dict[Status, str] = {
    Status.PASSED: "Nothing.",
    Status.WARNING: "No run was stopped. Look at the rules below; mend the data, or change the rule in the contract.",
    Status.FAILED: "Mend the data at its source, or change the rule in the contract; then run the check again.",
    Status.SKIPPED: "No row was judged. Find out why the data is empty; `allow_empty: true` says that it may be.",
    Status.ERROR: "The data could not be judged. Mend what is named above; then run the check again.",
}


def artifact_key(result: CheckResult, artifact_type: ArtifactType = "markdown", base: str | None = None) -> str:
    """The key of an artifact, from `base` or the dataset's name: lower-case letters, digits and dashes."""
    name = base or dataset_key(result.metadata.dataset, result.metadata.environment)
    return valid_key(name) + SUFFIX[artifact_type]


def valid_key(name: str) -> str:
    """The name in what Prefect accepts as a key."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def dataset_key(dataset: str, environment: str | None) -> str:
    """What the keys of a dataset's artifacts begin with: `flights-prod-quality`."""
    return "-".join(filter(None, (dataset, environment, "quality")))


def to_prefect_artifact(
    result: CheckResult,
    artifact_type: ArtifactType = "table",
    key: str | None = None,
    notes: tuple[str, ...] = (),
) -> Artifact:
    """The result as an artifact; `.create()` writes it (`await` it in async code). The summary ends with the notes."""
    name, verdict = artifact_key(result, artifact_type, key), summarize_check_result(result)
    if artifact_type == "markdown":
        return MarkdownArtifact(key=name, description=verdict, markdown=summary(result, notes))
    if artifact_type == "table":
        return TableArtifact(key=name, description=verdict, table=rule_rows(result))
    return Artifact(key=name, type="result", description=verdict, data=result.model_dump(mode="json"))


def publish(result: CheckResult, key: str | None = None, notes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Write all artifacts of this run and return their keys; outside a run there is nothing to attach them to."""
    if run_context() is None:
        return ()
    artifacts = [to_prefect_artifact(result, kind, key, notes) for kind in SUFFIX]
    written = [artifact for artifact in artifacts if len(str(artifact.format())) < LARGEST]
    for artifact in written:
        artifact.create()
    return tuple(str(artifact.key) for artifact in written)


def rule_rows(result: CheckResult) -> list[dict[str, Scalar]]:
    """One row per rule and segment, worst first."""
    ranked = sorted(result.rules, key=lambda rule: ORDER.index(rule.status))
    rows = [_rule_row(rule) for rule in ranked[:ROWS]]
    if len(ranked) > ROWS:
        rows.append({**dict.fromkeys(rows[0]), "rule": f"… and {len(ranked) - ROWS} more"})
    return rows


def _rule_row(rule: RuleResult) -> dict[str, Scalar]:
    return {
        "status": str(rule.status),
        "rule": rule.rule_name,
        "severity": str(rule.severity),
        "segment": plain(rule.segment),
        "failed": rule.failed_count,
        "judged": rule.total_count,
        "failed %": round(rule.failure_rate, 4),
        "value": plain(rule.value),
        "message": rule.message,
    }


def plain(value: object) -> Scalar:
    """A value that JSON can hold: dates and decimals as text, infinity and NaN as words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def summary(result: CheckResult, notes: tuple[str, ...] = ()) -> str:
    """The page an operator reads at night: the verdict, what failed, whose it is and what to do."""
    about = result.metadata
    where = f" in {about.environment}" if about.environment else ""
    head = f"# {cell(about.dataset)}{where}: {result.status}\n\n{cell(summarize_check_result(result))}"
    advice = f"**What to do:** {NEXT[result.status]}"
    return "\n\n".join([head, advice, *_failures(result), _facts(result), *_notes(notes)]) + "\n"


def _notes(notes: tuple[str, ...]) -> list[str]:
    return ["## What else this run did", "\n".join(f"* {cell(note)}" for note in notes)] if notes else []


def _facts(result: CheckResult) -> str:
    about = result.metadata
    facts = {
        "owner": about.owner,
        "contract": about.contract,
        "source": about.source,
        "rows": None if result.row_count is None else f"{result.row_count:,}",
        "rules": f"{result.total_count} ({result.passed_count} passed, {result.failed_count} failed, "
        f"{result.warning_count} warned, {result.skipped_count} skipped, {result.error_count} not judged)",
        "checked": f"{result.timestamp:%Y-%m-%d %H:%M:%S %Z}, in {result.execution_time_ms:,.0f} ms",
        "fingerprint": about.fingerprint,
        "template": about.template_version,
        "runs on": about.compatibility,
    }
    rows = [f"| {name} | {linked(str(value))} |" for name, value in facts.items() if value]
    return "\n".join(["## This run", "", "| | |", "|---|---|", *rows])


def _failures(result: CheckResult) -> list[str]:
    parts = [_failure(failure, rule) for failure, rule in _failing(result)[:FAILURES]]
    more = len(result.failures) - len(parts)
    return [*parts, f"… and {more} more: see the table of rules."] if more > 0 else parts


def _failing(result: CheckResult) -> list[tuple[Failure, RuleResult]]:
    rules = [rule for rule in result.rules if rule.status not in (Status.PASSED, Status.SKIPPED)]
    return [(Failure.of(rule), rule) for rule in sorted(rules, key=lambda rule: ORDER.index(rule.status))]


def _failure(failure: Failure, rule: RuleResult) -> str:
    segment = "" if rule.segment is None else f", {cell(rule.by)} = {cell(rule.segment)}"
    head = f"## {rule.status}: {cell(failure.rule_name)}{segment}"
    count = f"{failure.failed_count:,} of {failure.total_count:,} ({failure.failure_rate:.4g} %)"
    lines = f"{cell(failure.message)}\n\nSeverity {failure.severity}, {count}."
    return "\n\n".join(filter(None, [head, lines, _samples(rule)]))


def _samples(rule: RuleResult) -> str:
    if not rule.samples:
        return ""
    names = list(rule.samples[0])
    rows = [[_value(sample.get(name)) for name in names] for sample in rule.samples]
    lines = [f"| {' | '.join(cells)} |" for cells in ([cell(name) for name in names], *rows)]
    return "\n".join([lines[0], "|---" * len(names) + "|", *lines[1:]])


def _value(value: Scalar) -> str:
    return "null" if value is None else cell(value)


def linked(text: str) -> str:
    """Text that stays text; an address becomes a link that shows its end."""
    if re.fullmatch(r"https?://[^\s<>|]+", text):
        return f"[{cell('/'.join(text.split('/')[-2:]))}](<{text}>)"
    return cell(text)


def cell(value: object) -> str:
    """Text that stays text inside Markdown: data never becomes a table, a link or HTML."""
    text = "" if value is None else str(plain(value))
    return re.sub(r"([\\`*\[\]|<>~])", r"\\\1", re.sub(r"\s+", " ", text)[:200])
