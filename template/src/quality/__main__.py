"""The command line: `python -m quality <verb>`. Exit codes: 0 good, 1 FAILED, 2 wrong use, 3 could not be judged."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from quality.cli.complaints import complain, sentences, unexpected
from quality.cli.outputs import closed, opened, spoken_aside
from quality.cli.verbs import JSON, VERBOSE, VERBS
from quality.contract import project
from quality.errors import ConfigurationError, ServerError, SourceError
from quality.loopback import QUIET

SILENT = QUIET | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
UNDOCUMENTED = (
    "Python was started by -OO or PYTHONOPTIMIZE=2, which drops the descriptions of rules and flows that documents and "
    "deployments say; unset it, or set it to 1"
)


def parsed(words: list[str]) -> argparse.Namespace:
    """What is asked for: a verb's words in whatever order, so that names may stand behind options, too."""
    made = argparse.ArgumentParser(prog="python -m quality", description=__doc__)
    verbs = made.add_subparsers(dest="verb", required=True, metavar="verb")
    for verb in VERBS:
        one = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        one.set_defaults(of=verb)
        for option in (*verb.options, JSON, VERBOSE):
            one.add_argument(*option.words, **option.settings)
    if words and (named := verbs.choices.get(words[0])) is not None:
        return named.parse_intermixed_args(words[1:], argparse.Namespace(verb=words[0]))
    return made.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run a verb. A person sees one sentence, never a traceback; a machine that asks for JSON, one document.

    What a terminal's encoding has no character for is shown by its number; a document is UTF-8.
    """
    asked = parsed(sys.argv[1:] if words is None else words)
    at_home()
    if not asked.verbose:
        os.environ.update({name: value for name, value in SILENT.items() if name not in os.environ})
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8" if asked.json else None, errors="backslashreplace")
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with spoken_aside() if asked.json else nullcontext():
        answer = answered(asked)
    if asked.json:
        print(answer.model_dump_json(indent=2))
    return int(answer.exit_code)


def at_home() -> None:
    """Prefect asks for the user's home; one whom nobody gave any, as a number in a container, has it in `.prefect/`."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(project.root() / ".prefect")


def answered(asked: argparse.Namespace) -> Any:
    """What the verb found, or why it could not look."""
    try:
        if sys.flags.optimize > 1:
            raise ConfigurationError(UNDOCUMENTED)
        return asked.of.function()(asked)
    except ConfigurationError as error:
        return ended(error, 2, asked)
    except (ServerError, SourceError) as error:
        return ended(error, 3, asked)
    except KeyboardInterrupt:
        return ended("interrupted: running processes were stopped; there is no verdict", 3, asked)
    except Exception as error:
        if asked.verbose:
            raise
        return ended(unexpected(error, "`--verbose` shows where"), 3, asked)


def ended(about: object, code: int, asked: argparse.Namespace) -> Any:
    """Tells why the verb could not do its work; and the same as the verb's answer."""
    return asked.of.model()(verb=asked.verb, exit_code=code, problem=complain(sentences(about)))


if __name__ == "__main__":
    opened()
    sys.exit(closed(main()))
