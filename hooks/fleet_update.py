"""Bring a release to every repository, or move them to a new address: each in a fresh clone, on a branch.

`nox -s fleet-update -- FOLDER` updates in waves, canaries first; `nox -s fleet -- move FOLDER --from URL --to URL`
changes where updates come from. Nothing is pushed unless --open does it; no repository that was named is written to. A
run that was interrupted goes on where it was. Exit codes: 0 good, 1 stopped or tests failed, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

HOOKS = Path(__file__).parent
ROOT = HOOKS.parent
sys.path[:0] = [str(HOOKS), str(ROOT / "template" / "src")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from fleet import CACHE, looked_for, template_of, write  # noqa: E402
from repositories.card import Card  # noqa: E402
from repositories.console import progress, words  # noqa: E402
from repositories.git import GitError  # noqa: E402
from repositories.move import Move  # noqa: E402
from repositories.outcome import Outcome  # noqa: E402
from repositories.places import Place  # noqa: E402
from repositories.reading import Reader  # noqa: E402
from repositories.template import Release, Template, TemplateError  # noqa: E402
from repositories.update import EVIDENCE, TESTS, Update  # noqa: E402
from repositories.waves import ROLL_BACK, Waves  # noqa: E402
from repositories.workshop import Workshop  # noqa: E402

STYLES = {"updated": "green", "moved": "green", "current": "green"}


def parser() -> argparse.ArgumentParser:
    """The two verbs and what they share."""
    whole = argparse.ArgumentParser("fleet-update", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    verbs = whole.add_subparsers(dest="verb", required=True)
    update, move = verbs.add_parser("update"), verbs.add_parser("move")
    for one in (update, move):
        one.add_argument("repositories", nargs="+", metavar="REPOSITORIES", help="as `nox -s fleet` takes them")
        one.add_argument("--template", help="the template's clone or address; this one when it is not given")
        one.add_argument("--address", action="append", default=[], help="another address of the same template")
        one.add_argument("--work", type=Path, default=ROOT / "build" / "fleet-update", help="where the clones lie")
        one.add_argument("--open", metavar="COMMAND", help="opens a pull request; knows FLEET_BRANCH, FLEET_TITLE, …")
        ways = one.add_mutually_exclusive_group()  # what only tells takes nothing back
        ways.add_argument("--dry-run", action="store_true", help="say what would be done, by what was read")
        ways.add_argument("--rollback", action="store_true", help="remove the clones of what was done")
        one.add_argument("--close", metavar="COMMAND", help="with --rollback: closes what was opened, FLEET_OPENED")
        one.add_argument("--json", type=Path, metavar="F", help="write every outcome as data")
        one.add_argument("--jobs", type=int, default=2, help="how many at once")
    update.add_argument("--release", metavar="V", help="the release; the newest when it is not given")
    update.add_argument("--canary", type=int, default=3, help="how many go first; the others wait until they are green")
    update.add_argument("--wave", type=int, default=20, help="how many follow at a time")
    update.add_argument("--trust", action="store_true", help="run the template's migrations")
    update.add_argument("--test", action="append", metavar="COMMAND", help=f"instead of {', '.join(TESTS)}")
    update.add_argument("--evidence", action="append", metavar="COMMAND", help=f"instead of {', '.join(EVIDENCE)}")
    move.add_argument("--from", dest="old", required=True, metavar="URL")
    move.add_argument("--to", dest="new", required=True, metavar="URL")
    return whole


def chosen(template: Template, named: str | None) -> Release:
    """The release that was named, or the newest."""
    if named is None:
        return template.newest
    if (found := template.release(named)) is None:
        raise TemplateError(f"there is no release {named}; there are {', '.join(one.tag for one in template.releases)}")
    return found


def update(asked: argparse.Namespace, reader: Reader, shop: Workshop) -> Waves:
    """The waves of an update."""
    tests, evidence = tuple(asked.test or TESTS), tuple(asked.evidence or EVIDENCE)
    evidence, tests = (tuple(filter(None, words)) for words in (evidence, tests))
    change = Update(reader, chosen(reader.template, asked.release), shop, tests, evidence, asked.trust)
    return Waves(change, max(0, asked.canary), max(1, asked.wave), max(1, asked.jobs), asked.open)


def move(asked: argparse.Namespace, reader: Reader, shop: Workshop) -> Waves:
    """The one wave of a move."""
    return Waves(Move.between(asked.old, asked.new, shop), 0, 10_000, max(1, asked.jobs), asked.open)


def changed(asked: argparse.Namespace) -> int:
    """Change what was named, or take it back, or say what would be done; one run at a time is in a folder of clones."""
    reader = Reader(template_of(asked.template, asked.address, CACHE), CACHE, datetime.now(UTC))
    shop, found = Workshop(asked.work.resolve()), looked_for(asked.repositories)
    waves = {"update": update, "move": move}[asked.verb](asked, reader, shop)
    if asked.dry_run:
        return planned(waves, read(reader, found))
    with shop.alone():
        if not asked.rollback:
            return done(asked, waves, read(reader, found))
        print("\n".join(waves.roll_back(found, asked.close)) or "There is nothing to take back.")
        return 0


def read(reader: Reader, found: list[Place]) -> list[tuple[Place, Card]]:
    """Every repository with its card, in the order given."""
    with progress(Console(stderr=True), len(found), "repositories read") as bar:
        cards = {card.repository: card for card in reader.cards(found, lambda card: bar.advance(bar.task_ids[0]))}
    return [(place, cards[place.name]) for place in found]


def done(asked: argparse.Namespace, waves: Waves, pairs: list[tuple[Place, Card]]) -> int:
    """Change every repository that can be, and say how each ended."""
    with progress(Console(stderr=True), len(pairs), "repositories changed") as bar:
        outcomes, stopped = waves.run(pairs, lambda outcome: bar.advance(bar.task_ids[0]))
    show(outcomes)
    if asked.json:
        document = {"verb": asked.verb, "stopped": stopped, "repositories": [asdict(one) for one in outcomes]}
        write(asked.json, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    if stopped:
        print(f"Stopped: {stopped}. {ROLL_BACK[0].upper()}{ROLL_BACK[1:]}.")
    return 1 if stopped or any(one.kind == "tests failed" for one in outcomes) else 0


def planned(waves: Waves, pairs: list[tuple[Place, Card]]) -> int:
    """What would be done, wave by wave."""
    ended, cut = waves.cut(pairs)
    for number, wave in enumerate(cut):
        name = "canaries" if number == 0 and waves.canary else f"wave {number if waves.canary else number + 1}"
        print(f"{name}: {', '.join(card.repository for _, card in wave)}")
    for outcome in ended:
        print(f"{outcome.repository}: {outcome.words()}")
    return 0


def show(outcomes: list[Outcome]) -> None:
    """A table of how each ended, and how many each way."""
    table = Table()
    for name in ("repository", "result", "from", "to", "overwritten", "opened"):
        table.add_column(name, overflow="fold")
    for one in outcomes:
        style = STYLES.get(one.kind, "yellow")
        files = ", ".join(one.overwritten)
        row = (one.repository, one.words(), one.before, one.after, files, one.opened)
        table.add_row(*(words(cell, style if number == 1 else "") for number, cell in enumerate(row)))
    Console().print(table)
    counts = {kind: sum(one.kind == kind for one in outcomes) for kind in dict.fromkeys(one.kind for one in outcomes)}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def main(given: Sequence[str]) -> int:
    """The exit code of a command; what is wrong with its use is one line."""
    try:
        return changed(parser().parse_args(given))
    except (TemplateError, GitError, OSError) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
