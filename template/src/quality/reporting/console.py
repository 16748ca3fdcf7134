"""What a person at a terminal reads: the verdict first, then every rule, then failing rows."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quality.masking import masked
from quality.reporting.escaping import legible
from quality.reporting.guidance import ranked
from quality.result import CheckResult, RuleResult, summarize_check_result
from quality.texts import cell_text, many, percent_of, text_of
from quality.values import Severity, Status

COLOURS = {
    Status.PASSED: "green",
    Status.WARNING: "yellow",
    Status.FAILED: "bold red",
    Status.SKIPPED: "dim",
    Status.ERROR: "bold magenta",
}

TABLES = 100
"""Rules whose failing rows are shown, the worst first where there are more."""


def print_verdict(result: CheckResult, console: Console | None = None) -> None:
    """The verdict line, the rules, a few failing rows, and where the verdict comes from."""
    out = console or Console()
    out.print(plain(summarize_check_result(result), style=COLOURS[result.status]), soft_wrap=True)
    if result.rules:
        out.print(verdict_table(result))
    some = [rule for rule in result.rules if rule.samples]
    for rule in some if len(some) <= TABLES else [rule for rule in ranked(result) if rule.samples][:TABLES]:
        out.print(plain(f"\n{rule.rule_name}{segment(rule)}: rows that break it", style="bold"))
        out.print(sample_table(rule))
    if len(some) > TABLES:
        out.print(plain(f"\n… and rows of {many(len(some) - TABLES, 'more rule')}: these are of the worst {TABLES}"))
    rows = "rows unknown" if result.row_count is None else many(result.row_count, "row")
    about = result.metadata
    facts = (
        rows,
        f"{result.execution_time_ms:,.0f} ms",
        about.environment,
        about.partition,
        about.owner,
        about.fingerprint,
    )
    out.print(plain("\n" + " · ".join(str(fact) for fact in facts if fact), style="dim"))


def render_text(result: CheckResult, width: int = 120) -> str:
    """The same as plain text."""
    text = io.StringIO()
    print_verdict(result, Console(file=text, width=width, color_system=None))
    return text.getvalue()


def verdict_table(result: CheckResult) -> Table:
    """One line per rule and segment."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("rule", overflow="fold")
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("of", justify="right", no_wrap=True)
    table.add_column("found", overflow="fold")
    for rule in result.rules:
        table.add_row(
            Text(word(rule), style=_colour(rule)),
            plain(f"{rule.rule_name}{segment(rule)}"),
            f"{rule.failed_count:,}" if rule.failed_count else "",
            f"{rule.total_count:,}" if rule.total_count > 1 else "",
            plain(found(rule)),
        )
    return table


def sample_table(rule: RuleResult) -> Table:
    """The rule's failing rows, a column for each of their cells."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in rule.samples[0]:
        table.add_column(plain(name), overflow="fold")
    for sample in rule.samples:
        table.add_row(*(plain(cell_text(value)) for value in sample.values()))
    return table


def plain(words: str, style: str = "") -> Text:
    """Words as they are: no markup, and nothing that a terminal obeys."""
    return Text(legible(words), style=style)


def word(rule: RuleResult) -> str:
    """The verdict, with the severity where it softens or sharpens it."""
    plain = rule.status is not Status.FAILED or rule.severity is Severity.ERROR
    return rule.status if plain else f"{rule.status} ({rule.severity})"


def segment(rule: RuleResult) -> str:
    """` [carrier=UA]` for a segment of a rule."""
    return "" if rule.by is None else f" [{rule.by}={cell_text(rule.segment)}]"


def found(rule: RuleResult) -> str:
    """The number a table rule judged, the rate at which a row rule failed, or why there is neither."""
    if rule.status in (Status.SKIPPED, Status.ERROR):
        return rule.message
    if rule.value is not None:
        return text_of(rule.value)
    return percent_of(rule.failure_rate / 100) if rule.failed_count else ""


def _colour(rule: RuleResult) -> str:
    softened = rule.status is Status.FAILED and not rule.severity.fails_the_run
    return ("yellow" if rule.severity is Severity.WARNING else "cyan") if softened else COLOURS[rule.status]


out = Console()


def say(words: str, style: str = "dim") -> None:
    """A line of progress."""
    out.print(plain(f"· {masked(words)}", style=style), soft_wrap=True)
