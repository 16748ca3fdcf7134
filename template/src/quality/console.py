"""What a person at a terminal reads: the verdict first, then every rule, then failing rows."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quality.result import CheckResult, RuleResult, Severity, Status, summarize_check_result

COLOURS = {
    Status.PASSED: "green",
    Status.WARNING: "yellow",
    Status.FAILED: "bold red",
    Status.SKIPPED: "dim",
    Status.ERROR: "bold magenta",
}


def verdict_table(result: CheckResult) -> Table:
    """One line per rule and segment."""
    table = Table(show_edge=False, header_style="bold", pad_edge=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("rule", overflow="fold", ratio=3)
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("of rows", justify="right", no_wrap=True)
    table.add_column("what was found", overflow="fold", ratio=5)
    for rule in result.rules:
        table.add_row(
            Text(rule.status, style=_colour(rule)),
            rule.severity,
            Text(f"{rule.rule_name}{segment(rule)}"),
            f"{rule.failed_count:,}" if rule.failed_count else "",
            f"{rule.total_count:,}" if rule.total_count else "",
            Text(rule.message),
        )
    return table


def segment(rule: RuleResult) -> str:
    """` [carrier=UA]` for a segment of a rule."""
    return "" if rule.by is None else f" [{rule.by}={'null' if rule.segment is None else rule.segment}]"


def _colour(rule: RuleResult) -> str:
    softened = rule.status is Status.FAILED and not rule.severity.fails_the_run
    return ("yellow" if rule.severity is Severity.WARNING else "cyan") if softened else COLOURS[rule.status]


def print_verdict(result: CheckResult, console: Console | None = None) -> None:
    """The verdict line, the rules, a few failing rows, and where the verdict comes from."""
    out = console or Console()
    out.print(Text(summarize_check_result(result), style=COLOURS[result.status]))
    if result.rules:
        out.print(verdict_table(result))
    for rule in result.rules:
        if rule.samples:
            out.print(Text(f"rows that break {rule.rule_name}{segment(rule)}:", style="bold"))
            for sample in rule.samples:
                out.print(Text("  " + ", ".join(f"{name}={value}" for name, value in sample.items())))
    rows = "rows unknown" if result.row_count is None else f"{result.row_count:,} rows"
    about = result.metadata
    facts = (rows, f"{result.execution_time_ms:,.0f} ms", about.environment, about.owner, about.fingerprint)
    out.print(Text(" · ".join(str(fact) for fact in facts if fact), style="dim"))


def render_text(result: CheckResult, width: int = 120) -> str:
    """The same as plain text."""
    text = io.StringIO()
    print_verdict(result, Console(file=text, width=width, color_system=None))
    return text.getvalue()
