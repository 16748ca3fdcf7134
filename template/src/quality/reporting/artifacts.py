"""What an operator sees in Prefect's UI: a summary, a table of every rule, and the result for machines.

Keys are stable per domain, dataset and environment, so that the UI shows a history: `orders-flights-prod-quality`,
`orders-flights-prod-quality-rules` and `orders-flights-prod-quality-result`.
"""

from __future__ import annotations

import re
from typing import Literal

from prefect.artifacts import Artifact, MarkdownArtifact, TableArtifact

from quality.contract import project
from quality.masking import masked
from quality.prefect_run import run_context
from quality.reporting.escaping import LONGEST, one_line
from quality.reporting.guidance import NEXT, again, not_passed, ranked, sample_columns
from quality.result import CheckResult, RuleResult, summarize_check_result
from quality.sources import partition
from quality.sources.partition import Partition
from quality.texts import cell_text, json_value, percent_of, slug
from quality.values import Scalar

__all__ = ["artifact_key", "publish", "summarize_check_result", "to_prefect_artifact"]

ArtifactType = Literal["markdown", "table", "result"]
ROWS = 500
"""Rows of a table; FAILED and WARNING come first, so what is cut off has passed."""
FAILURES = 25
MARKUP = re.compile(r"[\\`*\[\]|<>~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<=\s)#(?=#*\s*$)")
"""What means something in Markdown; inside a word `_` does not, and `#` does only where it may end a heading."""
MARKED = re.compile(
    r"`|\*(?=\S)|(?<=\S)\*|~(?=~)|(?<=~)~|\](?=[(\[])|<(?=[a-zA-Z/!?])|(?<![^\W_])_|_(?![^\W_])"
    r"|\\(?=[!-/:-@\[-`{-~])|&(?=#?\w+;)|\A>"
)
"""What makes something else of a text of one line; other signs of Markdown stand for themselves there."""
LEADS = re.compile(r"^(\d{0,9})([#+*=.)-])(?=[\s#+=-]|$)")
"""What makes a heading or a list of a line that begins so."""
VERDICT = 2_000
"""Characters of the line that describes an artifact, which Prefect takes for Markdown, too."""
LARGEST = 900_000
"""Characters; Prefect drops the event of an artifact above about 1 MB."""
SUFFIX: dict[ArtifactType, str] = {"markdown": "", "table": "-rules", "result": "-result"}


def artifact_key(result: CheckResult, artifact_type: ArtifactType = "markdown", base: str | None = None) -> str:
    """The key of an artifact, from `base` or the dataset's name: lower-case letters, digits and dashes."""
    about = result.metadata
    part = about.partition and partition.read(about.partition)
    name = base or dataset_key(about.dataset, about.environment, part or None)
    return slug(name) + SUFFIX[artifact_type]


def dataset_key(dataset: str, environment: str | None, part: Partition | None = None) -> str:
    """What the keys of a dataset's artifacts begin with, after its domain: `orders-flights-prod-quality`.

    Where a day is judged alone, it is `orders-flights-prod-by-day-quality`.
    """
    by = ("by", *part.keys) if part else ()
    return project.named(dataset, environment, *by, "quality")


def to_prefect_artifact(
    result: CheckResult,
    artifact_type: ArtifactType = "table",
    key: str | None = None,
    notes: tuple[str, ...] = (),
) -> Artifact:
    """The result as an artifact; `.create()` writes it (`await` it in async code). The summary ends with the notes."""
    name, verdict = artifact_key(result, artifact_type, key), cell(summarize_check_result(result), VERDICT)
    if artifact_type == "markdown":
        return MarkdownArtifact(key=name, description=verdict, markdown=summary(result, notes))
    if artifact_type == "table":
        return TableArtifact(key=name, description=verdict, table=rule_rows(result))
    return Artifact(key=name, type="result", description=verdict, data=result.model_dump(mode="json"))


def publish(result: CheckResult, key: str | None = None, notes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Write all artifacts of this run and return their keys; outside a run there is nothing to attach them to."""
    if run_context() is None:
        return ()
    others = [to_prefect_artifact(result, kind, key) for kind in SUFFIX if kind != "markdown"]
    small = [artifact for artifact in others if len(str(artifact.format())) < LARGEST]
    lacks = (f"artifacts: {one.key} was not written: it is too large for Prefect" for one in others if one not in small)
    written = [to_prefect_artifact(result, "markdown", key, (*notes, *lacks)), *small]
    for artifact in written:
        artifact.create()
    return tuple(str(artifact.key) for artifact in written)


def rule_rows(result: CheckResult) -> list[dict[str, Scalar]]:
    """One row per rule and segment, worst first."""
    rows = [_rule_row(rule) for rule in ranked(result)[:ROWS]]
    if (more := result.total_count - ROWS) > 0:
        rows.append({**dict.fromkeys(rows[0]), "rule": f"… and {more} more"})
    return rows


def _rule_row(rule: RuleResult) -> dict[str, Scalar]:
    return {
        "status": str(rule.status),
        "rule": table_cell(rule.rule_name),
        "severity": str(rule.severity),
        "segment": table_cell(rule.segment),
        "failed": rule.failed_count,
        "judged": rule.total_count,
        "failed %": percent_of(rule.failure_rate / 100),
        "value": table_cell(rule.value),
        "message": table_cell(rule.message),
    }


def table_cell(value: Scalar) -> Scalar:
    """A value of a table, whose texts some pages of Prefect take for Markdown and others do not: what would be markup
    has a backslash, and no other character. A number stays one."""
    held = json_value(value)
    return LEADS.sub(r"\1\\\2", MARKED.sub(r"\\\g<0>", one_line(held))) if isinstance(held, str) else held


def summary(result: CheckResult, notes: tuple[str, ...] = ()) -> str:
    """The page an operator reads at night, below the verdict's line: what to do, what failed, and whose it is."""
    about = result.metadata
    where = f" in {about.environment}" if about.environment else ""
    head = f"# {cell(about.subject)}{where}: {result.status}"
    return "\n\n".join([head, _advice(result), *_failures(result), _facts(result), *_notes(notes)]) + "\n"


def _advice(result: CheckResult) -> str:
    owner, command = result.metadata.owner, again(result)
    said = [cell(result.reason)] if result.reason else []
    said += [f"**What to do:** {NEXT[result.status]}"]
    said += [f"**Run it again:** {code(command)}"] if command else []
    said += [f"**Owner:** {cell(owner)}"] if owner else []
    return "\n\n".join(said)


def _notes(notes: tuple[str, ...]) -> list[str]:
    return ["## What else this run did", "\n".join(f"* {cell(masked(note))}" for note in notes)] if notes else []


def _facts(result: CheckResult) -> str:
    about = result.metadata
    facts = {
        "partition": about.partition,
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
    rules = not_passed(result)
    parts = [_failure(rule) for rule in rules[:FAILURES]]
    more = len(rules) - len(parts)
    return [*parts, f"… and {more} more: see the table of rules."] if more > 0 else parts


def _failure(rule: RuleResult) -> str:
    segment = "" if rule.segment is None else f", {cell(rule.by)} = {cell(rule.segment)}"
    head = f"## {rule.status}: {cell(rule.rule_name)}{segment}"
    return "\n\n".join(filter(None, [head, f"Severity {rule.severity}: {cell(rule.message)}", _samples(rule)]))


def _samples(rule: RuleResult) -> str:
    if not rule.samples:
        return ""
    names = sample_columns(rule)
    rows = [[cell(cell_text(sample.get(name))) for name in names] for sample in rule.samples]
    lines = [f"| {' | '.join(cells)} |" for cells in ([cell(name) for name in names], *rows)]
    return "\n".join([lines[0], "|---" * len(names) + "|", *lines[1:]])


def code(text: str) -> str:
    """Words to be copied as they stand, between more backticks than any that stand in them."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def linked(text: str) -> str:
    """Text that stays text; an address becomes a link that shows its end."""
    if re.fullmatch(r"https?://[^\s<>|]+", text):
        return f"[{cell('/'.join(text.split('/')[-2:]))}](<{text}>)"
    return cell(text)


def cell(value: object, longest: int = LONGEST) -> str:
    """Text that stays text inside Markdown: data never becomes a table, a link or HTML."""
    text = MARKUP.sub(r"\\\g<0>", "" if value is None else one_line(cell_text(value), longest))
    return LEADS.sub(r"\1\\\2", text)
