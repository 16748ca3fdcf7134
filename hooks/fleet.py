"""Every repository made from this template: where each stands, bring a release to all, move them to a new address.

`nox -s fleet -- FOLDER` reads clones and mirrors and shows a page; `nox -s fleet-update -- FOLDER` updates them, each
in a fresh clone and on a branch. Exit codes: 0 good, 1 what --fail-on names or a stopped update, 2 wrong use.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

HOOKS = Path(__file__).parent
ROOT = HOOKS.parent
sys.path[:0] = [str(HOOKS), str(ROOT / "template" / "src")]

from rich.console import Console  # noqa: E402

from quality.texts import many  # noqa: E402
from repositories import console  # noqa: E402
from repositories.card import FLAGS  # noqa: E402
from repositories.git import GitError, is_address, mirror  # noqa: E402
from repositories.page import page  # noqa: E402
from repositories.places import Place, places, slug  # noqa: E402
from repositories.reading import Reader  # noqa: E402
from repositories.report import Report  # noqa: E402
from repositories.template import Template, TemplateError  # noqa: E402

CACHE = ROOT / "build" / "fleet"


def flags(written: str) -> list[str]:
    """The flags of a list such as behind,drifted."""
    given = [word.strip() for word in written.split(",") if word.strip()]
    for word in given:
        if word not in FLAGS:
            near = difflib.get_close_matches(word, FLAGS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FLAGS)}"
            raise argparse.ArgumentTypeError(f"there is no '{word}'; {hint}")
    return given


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser("fleet", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    where = "a folder of clones or mirrors, a file that lists repositories, or addresses"
    parser.add_argument("repositories", nargs="+", metavar="REPOSITORIES", help=where)
    parser.add_argument("--template", help="the template's clone or address; this one when it is not given")
    parser.add_argument("--address", action="append", default=[], help="another address that means the same template")
    parser.add_argument("--json", type=Path, metavar="F", help="write the page as data; its trend is that of the last")
    parser.add_argument("--html", type=Path, metavar="F", help="write the page as one HTML file")
    parser.add_argument("--csv", type=Path, metavar="F", help="write one line for each repository")
    parser.add_argument("--owner", help="only repositories of this owner, such as @orders-team")
    parser.add_argument("--only", type=flags, default=[], metavar="FLAGS", help=f"only those with: {', '.join(FLAGS)}")
    parser.add_argument("--fail-on", type=flags, default=[], metavar="FLAGS", help="exit 1 when one has such a flag")
    parser.add_argument("--before", type=Path, metavar="F", help="an earlier --json to compare with")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FOLDER", help="where addresses are mirrored")
    parser.add_argument("--job-log", metavar="COMMAND", help="prints a repository's last drift job; its name is added")
    return parser.parse_args(given)


def template_of(given: str | None, addresses: Sequence[str], cache: Path) -> Template:
    """The template to judge by: this one, a clone of it, or an address that is mirrored with all its tags."""
    if given is None:
        return Template(ROOT, tuple(addresses))
    if not is_address(given):
        return Template(Path(given).resolve(), (given, *addresses))
    folder = mirror(given, cache / f"template-{slug(given)}.git", depth=None)
    return Template(folder, (given, *addresses))


def status(asked: argparse.Namespace) -> int:
    """Read every repository, show and write what was asked for."""
    said = Console(stderr=True)
    template = template_of(asked.template, asked.address, asked.cache)
    said.print(f"The newest of {many(len(template.releases), 'release')} is {template.newest.tag}.")
    found = looked_for(asked.repositories)
    reader = Reader(template, asked.cache, datetime.now(UTC), asked.job_log)
    with console.progress(said, len(found), "repositories read") as bar:
        cards = reader.cards(found, lambda card: bar.advance(bar.task_ids[0]))
    whole = Report(template, reader.now, tuple(cards)).with_trend(asked.before or asked.json)
    report = whole.only(asked.only, asked.owner)
    for path, text in ((asked.json, report.json), (asked.html, lambda: page(report)), (asked.csv, report.csv)):
        if path:
            write(path, text())
    console.show(report, Console())
    return 1 if any(card.flags & set(asked.fail_on) for card in report.cards) else 0


def looked_for(given: Sequence[str]) -> list[Place]:
    """The repositories to look at; refused where there is none."""
    found = places(given)
    if not found:
        raise TemplateError(f"there is no repository in {', '.join(given)}")
    return found


def write(path: Path, text: str) -> None:
    """A file, written whole or not at all."""
    if path.is_dir():
        raise TemplateError(f"{path} is a folder; name a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)


def main(given: Sequence[str]) -> int:
    """The exit code of a command; what is wrong with its use is one line."""
    try:
        return status(arguments(given))
    except (TemplateError, GitError, OSError) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
