"""What a change of contracts does, judged on today's data before it is merged."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from quality.cli.answers import outcome
from quality.cli.complaints import complain, sentences
from quality.cli.impact_answers import DatasetImpact, FieldChange, Impact, RuleImpact, Verdict
from quality.cli.impact_page import tables
from quality.contract import project
from quality.contract.config import CheckConfig, resolve
from quality.contract.contract import Contract
from quality.contract.policy import Policy
from quality.engine.rule import Rule
from quality.errors import ConfigurationError, SourceError
from quality.impact.commits import changed_beside, compared_with
from quality.impact.contracts import Change, changes
from quality.impact.judged import Judged, judge_both
from quality.impact.moved import Moved, Side
from quality.impact.rules import Difference, Pair
from quality.masking import masked_value
from quality.reporting.console import out
from quality.result import RuleResult
from quality.values import Severity, Status

BESIDE = ("src/domain", "policy.yml", "profiles")
"""What decides verdicts beside contracts, and is taken from this tree for both of them."""
WORST = (Status.SKIPPED, Status.PASSED, Status.WARNING, Status.ERROR, Status.FAILED)
HIDDEN = "***"


def impact(asked: argparse.Namespace) -> Impact:
    """Compares this tree's contracts with those of a commit. Nothing is written, remembered or told to anybody."""
    root, now = project.root(), datetime.now(UTC)
    policy, environment = project.policy(), project.environment(asked.env)
    policy.of(environment)
    commit = compared_with(root, asked.rules)
    beside = changed_beside(root, commit, *BESIDE)
    made = [
        _impact(change, policy, environment, now, asked.allow_breaking)
        for change in changes(root, commit, asked.dataset)
    ]
    answer = Impact(
        verb="impact",
        compared_with=commit.asked,
        commit=commit.id,
        breaking=any(one.breaking for one in made),
        notes=(_beside(beside, bool(made)),) if beside else (),
        datasets=tuple(made),
        **outcome(made),
    )
    _say(answer, asked.markdown)
    return answer


def _beside(paths: Sequence[str], are_judged: bool) -> str:
    named = ", ".join(paths[:5]) + (f", and {len(paths) - 5} more" if len(paths) > 5 else "")
    said = "both contracts are judged by what this tree has" if are_judged else "what that changes is not compared"
    return f"{named}: other than in the commit; {said}"


def _say(answer: Impact, as_markdown: bool) -> None:
    if as_markdown:
        from quality.cli.impact_markdown import markdown  # which waits for Prefect, as its cells are those of artifacts

        print(markdown(answer))
        return
    for part in tables(answer):
        out.print(part, soft_wrap=isinstance(part, Text))


def _impact(change: Change, policy: Policy, environment: str, now: datetime, allow: bool) -> DatasetImpact:
    about = {"dataset": change.dataset, "environment": environment}
    if change.problem is not None:
        return DatasetImpact(**about, exit_code=2, problem=complain(sentences(ConfigurationError(change.problem))))
    try:
        before, after = (_config(one, policy, environment) for one in (change.before, change.after))
        judged = judge_both(before, after, change.rules, now)
    except (ConfigurationError, SourceError) as error:
        code = 2 if isinstance(error, ConfigurationError) else 3
        said = complain(f"{change.dataset} in {environment}: {line}" for line in sentences(error))
        return _told(change, None, about | {"exit_code": code, "problem": said})
    made = _told(change, judged, about)
    side = judged.after
    if side is not None and side.problem is not None:
        said = complain(f"{change.dataset} in {environment}: {line}" for line in sentences(_error(side)))
        return made.model_copy(update={"exit_code": side.code, "problem": said})
    code = 1 if made.breaking and not allow else 3 if _breaks_judging(made) else 0
    return made.model_copy(update={"exit_code": code})


def _breaks_judging(made: DatasetImpact) -> bool:
    """Whether what could be judged before is an ERROR now: the whole, or a rule that is new or changed."""
    words = [(rule.before and rule.before.status, rule.after and rule.after.status) for rule in made.rules]
    words.append((made.status_before, made.status_after))
    return any(after is Status.ERROR and before is not Status.ERROR for before, after in words)


def _error(side: Side) -> Exception:
    return ConfigurationError(side.problem) if side.code == 2 else SourceError(str(side.problem))


def _config(contract: Contract | None, policy: Policy, environment: str) -> CheckConfig | None:
    return None if contract is None else resolve(contract, policy, environment)


def _told(change: Change, judged: Judged | None, about: dict[str, Any]) -> DatasetImpact:
    before, after = (judged.before, judged.after) if judged else (None, None)
    whole, moves = (judged.whole, judged.moved) if judged else (Moved(), (Moved(),) * len(change.rules))
    hidden = {column for one in (change.before, change.after) if one is not None for column in one.sensitive}
    sides = [side for side in (after, before) if side is not None]
    return DatasetImpact(
        **about,
        what=_what(change),
        was=change.was,
        breaking=tuple(change.breaking),
        rules=tuple(_rule(pair, move, before, after, hidden) for pair, move in zip(change.rules, moves, strict=True)),
        fields=tuple(_field(one) for one in change.fields),
        columns_removed=change.columns,
        rows=next((side.rows for side in sides), None),
        status_before=before and before.status,
        status_after=after and after.status,
        failing_before=whole.before if before else None,
        failing_after=whole.after if after else None,
        newly_failing=whole.failing,
        newly_passing=whole.passing,
        note=whole.why,
    )


def _what(change: Change) -> Any:
    if change.before is None or change.after is None:
        return "added" if change.before is None else "removed"
    return "changed" if change.was is None else "renamed"


def _rule(pair: Pair, move: Moved, before: Side | None, after: Side | None, hidden: set[str]) -> RuleImpact:
    was = pair.before.title if pair.before is not None and pair.before.title != pair.rule.title else None
    secret = any(hidden & {*_subjects(rule)} for rule in (pair.before, pair.after) if rule is not None)
    return RuleImpact(
        rule=pair.rule.title,
        was=was,
        check=pair.rule.check,
        what=pair.what,
        breaking=pair.is_breaking,
        fields=tuple(_field(one, secret) for one in pair.differences),
        before=_verdict(pair.before, before),
        after=_verdict(pair.after, after),
        newly_failing=move.failing,
        newly_passing=move.passing,
        note=move.why,
    )


def _subjects(rule: Rule) -> Sequence[str]:
    return (*rule.subjects, *filter(None, (getattr(rule, "column", None),)))


def _field(one: Difference, secret: bool = False) -> FieldChange:
    """A field, of which nothing is shown that may quote the values of a sensitive column."""
    quotes = secret and one.field not in Rule.model_fields
    shown = [HIDDEN if quotes and value is not None else masked_value(value, one.field) for value in one[1:3]]
    return FieldChange(field=one.field, before=shown[0], after=shown[1], looser=one.way.looser, tighter=one.way.tighter)


def _verdict(rule: Rule | None, side: Side | None) -> Verdict | None:
    """The results of a rule's segments as one: the worst word, and all rows."""
    results: list[RuleResult] = [result for _, result in side.of(rule)] if side is not None else []
    if not results or rule is None:
        return None
    worst = max(results, key=lambda one: WORST.index(one.status))
    several = f"{sum(one.status is worst.status for one in results)} of {len(results)} segments: {worst.status}"
    return Verdict(
        status=worst.status,
        severity=Severity(rule.severity),
        failing=sum(one.failed_count for one in results),
        judged=sum(one.total_count for one in results),
        value=worst.value if len(results) == 1 else None,
        message=worst.message if rule.by is None else several,
    )
