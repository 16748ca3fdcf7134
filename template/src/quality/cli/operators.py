"""What operators ask at a terminal: drift, the history, the report, the redrive of quarantined rows, the alarms."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, TypeVar

from quality.cli.answers import (
    Alarm,
    Alarms,
    Arrived,
    Drift,
    History,
    Message,
    Past,
    Redriven,
    Released,
    Report,
    Reports,
    Run,
    outcome,
)
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.drift.finding import Layer
from quality.errors import ConfigurationError
from quality.history.partitions import judged_alone
from quality.history.runs import messages_of, metrics, runs_of
from quality.history.series import rule_trends, run_trends
from quality.reporting import html
from quality.reporting.console import say
from quality.reporting.escaping import legible
from quality.reporting.guidance import alone
from quality.reporting.history_table import print_history
from quality.texts import nearest

Line = TypeVar("Line", Run, Message)


def drift(asked: argparse.Namespace) -> Drift:
    """Looks at the layers asked for, or at all, and says what differs from the repository."""
    from quality.cli import documents
    from quality.drift.report import look

    if unknown := next((layer for layer in asked.layer if layer not in list(Layer)), None):
        raise ConfigurationError(f"there is no layer '{unknown}'; {nearest(unknown, list(Layer))}")
    if asked.env is not None:
        project.policy().of(asked.env)
    if asked.remove_old and not asked.fix:
        raise ConfigurationError("--remove-old removes what --fix has replaced; give both: --fix --remove-old")
    report = look(
        [Layer(layer) for layer in asked.layer],
        asked.env,
        asked.fix,
        asked.remove_old,
        documents.stale,
        asked.remove_domain,
    )
    print(report.text())
    found = {name: getattr(report, name) for name in ("findings", "healed", "unseen", "drifted", "exit_code")}
    return Drift(verb="drift", **found)


def history(asked: argparse.Namespace) -> History:
    """Prints the last runs, trends and messages of each dataset."""
    made = Session(asked, Past).each(lambda config: _past(config, asked.runs))
    return History(verb="history", datasets=made, **outcome(made))


def _past(config: CheckConfig, runs: int) -> Past:
    apart = [] if config.part else judged_alone(config)
    print_history(config, runs, apart=apart)
    past = metrics(config, runs)
    trends = () if past.is_empty() else (*run_trends(past), *rule_trends(past).values())
    return Past(
        dataset=config.dataset,
        environment=config.environment,
        runs=tuple(_of(Run, run) for run in runs_of(past).to_dicts()),
        trends=trends,
        messages=tuple(_of(Message, row) for row in messages_of(config).to_dicts()),
        apart=tuple(apart),
    )


def _of(kind: type[Line], row: dict[str, Any]) -> Line:
    """A line of history, with its partition as people ask for it."""
    return kind(**{name: row[name] for name in kind.model_fields} | {"partition": row["partition_told"]})


def report(asked: argparse.Namespace) -> Reports:
    """Writes a report for each dataset, and opens it where somebody sits at the terminal."""

    def one(config: CheckConfig) -> Report:
        path = html.last(config)
        print(path)
        if not asked.json:
            html.show(path)
        return Report(dataset=config.dataset, environment=config.environment, path=str(path))

    made = Session(asked, Report).each(one)
    return Reports(verb="report", reports=made, **outcome(made))


def redrive(asked: argparse.Namespace) -> Redriven:
    """Judges quarantined rows anew; says how many were released."""
    from quality.server import prefect_api

    session = Session(asked, Released)
    session.configs = asking = [config for config in session.configs if config.quarantine]
    with prefect_api() if any(one.quarantine and one.quarantine.secret for one in asking) else nullcontext():
        made = session.each(_released)
    if not asking:
        print("no dataset asks for a quarantine; add `quarantine: {path: …}` to a contract")
    return Redriven(verb="redrive", datasets=made, **outcome(made))


def _released(config: CheckConfig) -> Released:
    from quality.quarantine import apart, redrive

    split = redrive.redrive(config)
    partitions = {} if config.part else apart.rows_by_partition(config)
    where = f"{config.subject} in {config.environment}"
    print(legible(f"{where}: {split.says() if split else _nothing(partitions)}"))
    for part, rows in partitions.items():
        words = f"{config.dataset} --env {config.environment}{alone(part)}"
        count = f"{rows:,} row{'' if rows == 1 else 's'}"
        print(legible(f"{where}: {part}: {count} in quarantine: nox -s redrive -- {words}"))
    counts = {"rows": split.rows, "released": split.passed, "stay": split.failing} if split else {}
    return Released(dataset=config.dataset, environment=config.environment, partitions=partitions, **counts)


def _nothing(partitions: Mapping[str, int]) -> str:
    return "nothing is in quarantine" + (" but rows of partitions that were judged alone" if partitions else "")


def alarms(asked: argparse.Namespace) -> Alarms:
    """Makes the automations of every environment, or of one, what this repository says."""
    from quality.operations.alarms import ensure
    from quality.server import server

    policy, made = project.policy(), []
    with server() as client:
        for name in [asked.env] if asked.env else policy.environments:
            done = ensure(client, name, policy.of(name))
            for automation, what in done:
                say(f"{automation}: {what}")
            if not done:
                say(f"{name} has no channel in policy.yml, so nobody would be told", "yellow")
            made += [Alarm(environment=name, name=automation, done=what) for automation, what in done]
    return Alarms(verb="alarms", automations=tuple(made))


def arrived(asked: argparse.Namespace) -> Arrived:
    """Says on the server that new data of these datasets is there."""
    from quality.operations.arrivals import data_arrived

    told = []
    for dataset in asked.dataset:
        told.append(data_arrived(dataset, asked.env))
        say(f"the server knows that data has arrived: {told[-1]}")
    return Arrived(verb="arrived", resources=tuple(told))
