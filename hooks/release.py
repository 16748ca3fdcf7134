"""Make a release of the template: `nox -s release -- 1.1.0`. A tag is the release; what disagrees is refused.

In this order: what was asked for agrees with tags, changelog and migrations; version and changelog are written; the
steps run (stamp, lint, tests), of which the first may write; the pins agree with what the template asks for; the
commit is made and tagged. When a step fails, every file is as it was before, and what somebody wrote meanwhile is in
git's stash. Exit codes: 0 released, 1 a step failed, 2 refused.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

STEPS = ("nox -s stamp", "nox -s lint", "nox -s tests")
CHANGELOG = Path("CHANGELOG.md")
PROJECT = Path("template", "src", "quality", "contract", "project.py")
VERSION = re.compile(r'^VERSION = "([^"]+)"$', re.MULTILINE)
UNRELEASED = "## [Unreleased]"
SECTION = re.compile(r"^## \[([^\]]+)\].*?$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
MIGRATION = re.compile(r"hooks/migrations/v(\d+)_(\d+)_(\d+)\.py")


class RefusedError(Exception):
    """The release is not made; the message says what disagrees, and what to do."""


class StepError(Exception):
    """A step failed; its output stands above."""


def main(given: Sequence[str]) -> int:
    """The exit code of a release."""
    parser = argparse.ArgumentParser("release", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("version", help="such as 1.1.0")
    parser.add_argument("--step", action="append", metavar="COMMAND", help=f"instead of {', '.join(STEPS)}")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the template; this one")
    asked = parser.parse_args(given)
    try:
        release(asked.root.resolve(), wanted(asked.version), asked.step or STEPS)
    except (RefusedError, OSError) as error:
        print(f"not released: {error}", file=sys.stderr)
        return 2
    except StepError as error:
        print(f"not released, and every file is as it was before: {error}", file=sys.stderr)
        return 1
    print(f"Released v{asked.version.removeprefix('v')}. To give it to the fleet: git push --follow-tags")
    return 0


def wanted(written: str) -> Version:
    """The version that was asked for: three numbers, as tags have them."""
    if not re.fullmatch(r"v?\d+\.\d+\.\d+", written):
        raise RefusedError(f"'{written}' is no version; write three numbers, such as 1.1.0")
    return Version(written)


def release(root: Path, version: Version, steps: Sequence[str]) -> None:
    """Check, write, prove, commit and tag."""
    if problem := next(disagreements(root, version), None):
        raise RefusedError(problem)
    before, proved = git(root, "rev-parse", "HEAD"), ""
    try:
        write(root, version)
        proved = tree(root)
        for number, step in enumerate(steps):
            run(root, step)
            proved = tree(root) if number == 0 else proved
        if (now := tree(root)) != proved:
            names = git(root, "diff", "--name-only", proved, now).splitlines()
            raise StepError(f"{', '.join(names[:3])} changed while the steps ran, so that they prove nothing of it")
        if problem := next(unlocked(root), None):
            raise StepError(problem)
        if git(root, "status", "--porcelain"):
            git(root, "add", "--all")
            git(root, "commit", "--quiet", "--message", f"Release {version}")
        git(root, "tag", "--annotate", f"v{version}", "--message", f"Release {version}")
    except (StepError, RefusedError, OSError, KeyboardInterrupt) as error:
        kept = take_back(root, before, proved)
        raise StepError(f"{str(error) or 'it was interrupted'}{kept}") from None


def tree(root: Path) -> str:
    """The files as they are now, by the name that git has for all of them; its own list of files stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        apart = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git(root, "add", "--all", env=apart)
        return git(root, "write-tree", env=apart)


def take_back(root: Path, before: str, proved: str) -> str:
    """Every file as it was; what else was written than by the steps goes into git's stash, and is said."""
    kept = ""
    if git(root, "status", "--porcelain") and tree(root) != proved:
        somebody = ("-c", "user.name=release", "-c", "user.email=release@localhost")
        git(root, *somebody, "stash", "push", "--quiet", "--include-untracked", "--message", "a release that failed")
        kept = "; what was written meanwhile is in git's stash, `git stash show -p --include-untracked` shows it"
    git(root, "reset", "--quiet", "--hard", before)
    git(root, "clean", "--quiet", "--force", "-d")
    return kept


def disagreements(root: Path, version: Version) -> Iterator[str]:
    """Each thing that speaks against this release, with what to do."""
    if changed := git(root, "status", "--porcelain").splitlines():
        files = "1 file is" if len(changed) == 1 else f"{len(changed)} files are"
        yield f"{files} not committed, {changed[0][3:]} first: commit or stash them"
    tags = {tag: found for tag in git(root, "tag").split() if (found := parsed(tag))}
    newest = max(tags.values(), default=None)
    if f"v{version}" in tags:
        yield f"v{version} is tagged already; releases never change, so take a new number"
    elif newest and version < newest:
        yield f"{version} is below {newest}, the newest release"
    yield from unsaid(root, version)
    yield from unreached(root, version)


def unsaid(root: Path, version: Version) -> Iterator[str]:
    """What the changelog lacks: a release says what changed, under Unreleased or under its own heading."""
    text = (root / CHANGELOG).read_text("utf-8")
    sections = {
        heading: body.strip() for heading, body in re.findall(r"(?ms)^## \[([^\]]+)\].*?$(.*?)(?=^## |\Z)", text)
    }
    own, waiting = sections.get(str(version)), sections.get("Unreleased")
    if own and waiting:
        yield f"{CHANGELOG} has sentences under Unreleased and under {version}: leave them in one place"
    if not own and not waiting:
        yield f"{CHANGELOG} says nothing under Unreleased: write what changes for those who update"
    above = [heading for heading in sections if (found := parsed(heading)) and found > version]
    if above:
        yield f"{CHANGELOG} has a heading for {above[0]}, which is above {version}"


def unreached(root: Path, version: Version) -> Iterator[str]:
    """Migrations of a later version, scripts that no update runs, and entries without a script."""
    copier = (root / "copier.yml").read_text("utf-8")
    named = {found[0]: Version(".".join(found.groups())) for found in MIGRATION.finditer(copier)}
    there = {f"hooks/migrations/{path.name}" for path in (root / "hooks" / "migrations").glob("v*.py")}
    for script, reached in named.items():
        if reached > version:
            yield f"copier.yml runs {script} in a release above {version}: number the release or the script anew"
    for script in sorted(there ^ named.keys()):
        yield f"{script} is {'not named in copier.yml' if script in there else 'named in copier.yml and missing'}"


def write(root: Path, version: Version) -> None:
    """The version where the package says it, and the changelog's heading with today's date."""
    code = (root / PROJECT).read_text("utf-8")
    (root / PROJECT).write_text(VERSION.sub(f'VERSION = "{version}"', code), "utf-8", newline="\n")
    text = (root / CHANGELOG).read_text("utf-8")
    if f"## [{version}]" not in text:
        heading = f"{UNRELEASED}\n\n## [{version}] - {datetime.now(UTC).date()}"
        (root / CHANGELOG).write_text(text.replace(UNRELEASED, heading, 1), "utf-8", newline="\n")


def run(root: Path, step: str) -> None:
    """A step, with the Python that runs this."""
    words = shlex.split(step)
    command = {"nox": [sys.executable, "-m", "nox"], "python": [sys.executable]}.get(words[0], words[:1])
    print(f"> {step}", flush=True)
    if code := subprocess.run([*command, *words[1:]], cwd=root, check=False).returncode:
        raise StepError(f"`{step}` ended with {code}")


def unlocked(root: Path) -> Iterator[str]:
    """Where the pinned files are not what the noxfile offers and the template asks for; `nox -s lock` pins anew."""
    folder, again = root / "template" / "constraints", "run `nox -s lock`, and commit"
    offered = tuples(root / "template" / "noxfile.py")
    pinned = {path.stem for path in folder.glob("py*.txt")}
    for name in sorted(set(offered) ^ pinned):
        yield f"the tuple {name} has {'no pinned file' if name in offered else 'no line in TUPLES'}: {again}"
    asked = tomllib.loads((root / "template" / "pyproject.toml.jinja").read_text("utf-8"))["project"]["dependencies"]
    for name in sorted(set(offered) & pinned):
        pins = dict(pins_of(folder / f"{name}.txt"))
        for wish in map(Requirement, asked):
            found = pins.get(canonicalize_name(wish.name))
            if found is None or found not in wish.specifier:
                yield f"{name} pins {wish.name} {found or 'not at all'}, the template asks for {wish}: {again}"


def tuples(noxfile: Path) -> tuple[str, ...]:
    """What the generated noxfile offers."""
    for node in ast.parse(noxfile.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "TUPLES":
            return tuple(ast.literal_eval(node.value))
    raise RefusedError(f"{noxfile} has no TUPLES")


def pins_of(path: Path) -> Iterator[tuple[str, Version]]:
    """Each package of a pinned file, with its version."""
    for line in path.read_text("utf-8").splitlines():
        if found := re.match(r"([\w.-]+)==([\w.!+]+)", line):
            yield canonicalize_name(found[1]), Version(found[2])


def parsed(name: str) -> Version | None:
    """The version that a tag or heading is; None when it is none."""
    try:
        return Version(name)
    except InvalidVersion:
        return None


def git(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What git prints; RefusedError with the line that says why it failed."""
    command, around = ["git", *arguments], os.environ | (env or {})
    done = subprocess.run(
        command, cwd=root, env=around, check=False, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit {done.returncode}"]
        why = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])
        verb = next(word for word in arguments if word.isalpha())
        raise RefusedError(f"git {verb}: {why.removeprefix('fatal: ')}")
    return done.stdout.rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
