"""Whether a dataset's rules catch anything: its own rows corrupted, and rules for what none notices."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from quality import checking
from quality.cli.answers import outcome
from quality.cli.learn import is_of, progress, references, refuse_changed
from quality.cli.onboarding_answers import Challenge, Challenged, MissedCase
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.learning import edits
from quality.learning.challenge import Challenge as Found
from quality.learning.challenge import challenge as challenge_of
from quality.learning.page import flow, lines
from quality.learning.proposal import written
from quality.reporting.console import out, plain
from quality.texts import many, percent_of


def challenge(asked: argparse.Namespace) -> Challenge:
    """Challenges each dataset; with `accept`, its contract gains the rules that are proposed."""
    made = Session(asked, Challenged).each(partial(_challenged, seed=asked.seed, accept=asked.accept))
    return Challenge(verb="challenge", datasets=made, **outcome(made))


def _challenged(config: CheckConfig, seed: int, accept: bool) -> Challenged:
    found = _found(config, seed, propose=True)
    _say(config, found)
    accepted: list[dict[str, Any]] = []
    if accept and found.rules:
        path = project.root() / "datasets" / f"{config.dataset}.yml"
        edits.append(path, found.rules)
        accepted = [written(rule) for rule in found.rules]
        out.print(plain(f"datasets/{config.dataset}.yml: {many(len(accepted), 'rule')} added; review and commit"))
        found = _found(project.load(config.dataset, config.environment), seed, propose=True)
        _say(config, found)
    missed = tuple(
        MissedCase(corruption=one.corruption, column=one.column, rule=written(one.rule) if one.rule else None)
        for one in found.missed
    )
    about = {"dataset": config.dataset, "environment": config.environment, "rows": found.rows}
    counts = {"cases": found.cases, "noticed": found.noticed, "score": found.score}
    return Challenged(**about, **counts, missed=missed, accepted=tuple(accepted))


def _found(config: CheckConfig, seed: int, propose: bool) -> Found:
    frame = checking.open_frame(None, config)
    others = references(config.dataset, list(frame.schema)) if propose else {}
    with progress(config.dataset) as told:
        found = challenge_of(frame, config.rules, config.key, seed=seed, references=others, propose=propose, told=told)
    refuse_changed(config.dataset, frame)
    meant = (one if one.rule and is_of(config.source, one.rule) else one._replace(rule=None) for one in found.missed)
    return found._replace(missed=tuple(meant))


def _say(config: CheckConfig, found: Found) -> None:
    if found.score is None:
        said = f"{config.dataset}: too few to corrupt, {many(found.rows, 'row')}; nothing was challenged"
        out.print(plain(said))
        return
    enough = config.challenge is None or found.score >= config.challenge
    wanted = "" if config.challenge is None else f"; policy.yml asks for {percent_of(config.challenge)}"
    said = f"{config.dataset}: {found.noticed} of {found.cases} corruptions noticed, {percent_of(found.score)}{wanted}"
    out.print(plain(said, style="green" if enough else "yellow"), soft_wrap=True)
    for one in found.missed:
        where = f" in {one.column}" if one.column else ""
        would = f": {flow(_plain(written(one.rule)))}" if one.rule else ": no rule is known that would and holds out"
        out.print(plain(f"  not noticed: {one.corruption}{where}{would}"), soft_wrap=True)
    if found.rules:
        out.print(plain("\nrules that would; `--accept` appends them:"))
        for rule in found.rules:
            out.print(plain("\n".join(lines(rule))), soft_wrap=True)


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "learned"}
