"""The command line: `python -m quality <verb>`. Exit codes: 0 good, 1 FAILED, 2 wrong use, 3 could not be judged."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, ServerError, SourceError
from quality.history.runs import as_of

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def task(asked: argparse.Namespace) -> int:
    """Rung 1: check in an ephemeral task; nothing saved, no server."""
    from quality.cli import ladder as rungs

    return rungs.task(configs(asked), asked.explain)


def block(asked: argparse.Namespace) -> int:
    """Rung 2: save the contract as a DataQualityBlock, load it back, compare both results."""
    from quality.cli import ladder as rungs

    return rungs.block(configs(asked))


def flow(asked: argparse.Namespace) -> int:
    """Rung 3: run the blessed flow and both flow factories, with artifacts."""
    from quality.cli import ladder as rungs

    return rungs.flow(configs(asked))


def deployment(asked: argparse.Namespace) -> int:
    """Rung 4: deploy the datasets asked for, let a worker run them, read the artifacts back."""
    from quality.cli import ladder as rungs

    return rungs.deployment(configs(asked), asked.timeout)


def doctor(asked: argparse.Namespace) -> int:
    """Say what is wrong with this machine, environment or these files, and what to do."""
    from quality.cli import doctor

    return doctor.report()


def learn(asked: argparse.Namespace) -> int:
    """Read a dataset and propose rules for its contract."""
    from quality import checking
    from quality.rules import profile

    for config in configs(asked):
        found = profile.profile(checking.open_frame(None, config).lazy, config.dataset)
        print(
            f"# {config.dataset}: {found.count:,} rows. Keep what is true by intent, loosen or delete the rest.\nrules:"
        )
        for rule in profile.learn(found):
            print(f"  - {_flow_mapping(rule)}")
    return 0


def rules(asked: argparse.Namespace) -> int:
    """Write the rule table of README.md and the JSON Schemas beside the contracts."""
    from quality.cli import documents

    return int(documents.main() or 0)


def drift(asked: argparse.Namespace) -> int:
    """Say where files, forks, environments and the server are not as the repository says; `--fix` heals the server."""
    from quality.drift import report as drift

    return drift.main(asked.layer, asked.env, asked.fix, asked.json, remove_old=asked.remove_old)


def status(asked: argparse.Namespace) -> int:
    """Say where every dataset stands, from evidence; `--check` fails on what is claimed or active without it."""
    from quality.cli import rollout as climb

    return climb.status(asked.check)


def promote(asked: argparse.Namespace) -> int:
    """Go through the checklist of a rung, refuse with the fix for each line, or record the promotion."""
    from quality.cli import rollout as climb

    return climb.promote(asked.rung, configs(asked))


def history(asked: argparse.Namespace) -> int:
    """Print the last runs, the trend of every rule, and who was told what."""
    from quality.cli import operators

    return operators.show_history(configs(asked), asked.runs)


def report(asked: argparse.Namespace) -> int:
    """Write the last run as one HTML page in reports/, print its path, and open it for whoever is at the terminal."""
    from quality.cli import operators

    return operators.write_reports(configs(asked))


def redrive(asked: argparse.Namespace) -> int:
    """Judge quarantined rows by today's rules, and release those that pass."""
    from quality.cli import operators

    return operators.redrive_rows(configs(asked))


def alarms(asked: argparse.Namespace) -> int:
    """Create or update the server's automations for runs that crash, go silent or never start."""
    from quality.cli import operators

    return operators.set_alarms(asked.env)


VERBS: tuple[Callable[[argparse.Namespace], int], ...] = (
    task,
    block,
    flow,
    deployment,
    doctor,
    learn,
    rules,
    drift,
    status,
    promote,
    history,
    report,
    redrive,
    alarms,
)
CHECKING = (task, block, flow, deployment, learn, promote, history, report, redrive)


def configs(asked: argparse.Namespace) -> list[CheckConfig]:
    """The configurations asked for: the datasets named, or all."""
    names = asked.dataset or project.datasets()
    return [project.load(name, asked.env) for name in names] or [project.load("", asked.env)]


def parser() -> argparse.ArgumentParser:
    """Every verb, its arguments and its manual."""
    made = argparse.ArgumentParser(prog="python -m quality", description=__doc__)
    verbs = made.add_subparsers(dest="verb", required=True, metavar="verb")
    for verb in VERBS:
        one = verbs.add_parser(verb.__name__, help=verb.__doc__, description=verb.__doc__)
        one.set_defaults(run=verb)
        one.add_argument("--verbose", action="store_true", help="show Prefect's log and tracebacks")
        if verb is promote:
            one.add_argument("rung", choices=["block", "flow", "deployment"], help="the rung to climb to")
        if verb is status:
            one.add_argument("--check", action="store_true", help="fail on what rollout/ or the server has unproved")
        if verb in CHECKING:
            one.add_argument("dataset", nargs="*", help="a dataset; all of them when left out")
            one.add_argument("--env", help="an environment of policy.yml; QUALITY_ENV, or the first one, when left out")
        if verb is alarms:
            one.add_argument("--env", help="an environment of policy.yml; all of them when left out")
        if verb is history:
            one.add_argument("--runs", type=int, default=20, help="how many runs to show (20)")
        if verb is task:
            one.add_argument("--explain", action="store_true", help="show each query and the columns that it read")
        if verb is deployment:
            one.add_argument("--timeout", type=float, default=600, help="seconds to wait for a run (600)")
        if verb is drift:
            one.add_argument("layer", nargs="*", help="files, forks, environments, server; all when left out")
            one.add_argument("--env", help="only this environment of policy.yml on the server")
            one.add_argument("--fix", action="store_true", help="save blocks and deploy from git, delete what left it")
            one.add_argument("--remove-old", action="store_true", help="with --fix: delete what has a name of before")
            one.add_argument("--json", action="store_true", help="print the report as JSON")
    return made


def main(words: list[str] | None = None) -> int:
    """Run a verb. A person sees one sentence, never a traceback."""
    asked = parser().parse_args(words)
    if not asked.verbose:
        os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with as_of(datetime.now(UTC)):
            return int(asked.run(asked))
    except ConfigurationError as error:
        return complain(error, 2)
    except (ServerError, SourceError) as error:
        return complain(error, 3)
    except KeyboardInterrupt:
        return complain("interrupted: what was started is stopped, and nothing was judged to its end", 3)
    except Exception as error:
        if asked.verbose:
            raise
        return complain(f"unexpected {type(error).__name__}: {error}; `--verbose` shows where", 3)


def complain(about: object, code: int) -> int:
    """One line for a person."""
    print(f"quality: {' '.join(str(about).split())}", file=sys.stderr)
    return code


def _flow_mapping(rule: dict[str, Any]) -> str:
    import json

    return "{" + ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in rule.items()) + "}"


if __name__ == "__main__":
    sys.exit(main())
