"""What operators ask at a terminal: the history, the report, the redrive of quarantined rows, the alarms."""

from __future__ import annotations

from contextlib import nullcontext

from quality.cli.session import each
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.quarantine.redrive import redrive
from quality.reporting import history_table
from quality.reporting import html as report
from quality.reporting.console import say
from quality.server import prefect_api


def show_history(configs: list[CheckConfig], runs: int) -> int:
    """Prints the last runs, trends and messages."""

    def one(config: CheckConfig) -> int:
        history_table.print_history(config, runs)
        return 0

    return each(configs, one)


def write_reports(configs: list[CheckConfig]) -> int:
    """Writes a report for each dataset, and opens it where somebody sits at the terminal."""

    def one(config: CheckConfig) -> int:
        path = report.last(config)
        print(path)
        report.show(path)
        return 0

    return each(configs, one)


def redrive_rows(configs: list[CheckConfig]) -> int:
    """Judges quarantined rows anew; says how many were released."""

    def one(config: CheckConfig) -> int:
        split = redrive(config)
        print(f"{config.dataset} in {config.environment}: {split.says() if split else 'nothing is in quarantine'}")
        return 0

    asking = [config for config in configs if config.quarantine]
    with prefect_api() if any(one.quarantine and one.quarantine.secret for one in asking) else nullcontext():
        code = each(asking, one)
    if not asking:
        print("no dataset asks for a quarantine; add `quarantine: {path: …}` to a contract")
    return code


def set_alarms(environment: str | None) -> int:
    """Makes the automations of every environment, or of one, what this repository says."""
    from quality.operations import alarms as automations
    from quality.server import server

    policy = project.policy()
    with server() as client:
        for name in [environment] if environment else list(policy.environments):
            made = automations.ensure(client, name, policy.of(name))
            for automation, done in made:
                say(f"{automation}: {done}")
            if not made:
                say(f"{name} has no channel in policy.yml, so nobody would be told", "yellow")
    return 0
