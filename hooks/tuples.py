"""Tuples of Python, Prefect and Polars: offered only when proved, and what the newest of everything breaks.

`add NAME` resolves a tuple such as py313-prefect-3.10.0-polars-2.2, proves it, and only then offers it; `check`
proves every offered tuple and writes docs/support.md from what was run; `canary` resolves the newest of everything,
Prefect and Polars above the template's bounds too, and names the package at which the suite breaks; `end NAME --until
2027-06-30 --why WORDS` says until when a tuple is supported, as `doctor` does in every repository that runs on it.
Exit codes: 0 good, 1 it is not proved, 2 refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

HOOKS = Path(__file__).parent
sys.path[:0] = [str(HOOKS)]

from packaging.version import Version  # noqa: E402

from bisecting import Trial, first_bad, together  # noqa: E402
from release import pins_of, tuples  # noqa: E402

NAME = re.compile(r"py3(?P<minor>\d+)-prefect-(?P<prefect>\d+(\.\d+)+)-polars-(?P<polars>\d+(\.\d+)+)")
BOUND = re.compile(r'"((?:prefect|polars)>=[\d.]+),<[\d.]+"')
NOX = "nox --error-on-missing-interpreters"
"""A session whose Python is not here would be skipped, and prove nothing."""
PROVE = (f'{NOX} -s "tuples({{name}})"', f"env QUALITY_TUPLE={{name}} {NOX} -s demo")
SUITE = "{python} -m pytest -q -x -n 2 --confcutdir tests/quality tests/quality template/tests/quality"
NOXFILE, CONSTRAINTS = Path("template", "noxfile.py"), Path("template", "constraints")
SUPPORT, ENDING = Path("docs", "support.md"), Path("template", "constraints", "ending.toml")
ENDS = "# Tuples that are supported until a day, as `nox -s tuple -- end` of the template writes it.\n"
HEAD = """# Supported tuples

What is offered together, as `nox -s tuple -- check` last ran it: the package's tests, and the ladder of a repository.

| tuple | run on | result | supported |
|---|---|---|---|
"""
ROW = re.compile(r"^\| (py\S+) \| (not yet|\S+) \| (.*) \| .* \|$", re.MULTILINE)


class RefusedError(Exception):
    """It is not done; the message says why, and what to do."""


@dataclass(frozen=True)
class Bench:
    """The template, the commands that prove a tuple, and how uv finds packages."""

    root: Path
    prove: tuple[str, ...]
    uv: tuple[str, ...]

    def offered(self) -> tuple[str, ...]:
        """The tuples that the generated noxfile has."""
        return tuples(self.root / NOXFILE)

    def ending(self) -> dict[str, dict[str, Any]]:
        """The tuples whose support ends: until which day, what to use instead, and why."""
        path = self.root / ENDING
        return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}

    def pins(self, name: str) -> Path:
        return self.root / CONSTRAINTS / f"{name}.txt"

    def resolve(self, python: str, wishes: Sequence[str], target: Path) -> None:
        """Pin what a repository asks for into one file, with these wishes or, without any, the newest of everything."""
        with tempfile.TemporaryDirectory() as folder:
            project, given = Path(folder, "pyproject.toml"), Path(folder, "wishes.txt")
            asked = (self.root / "template" / "pyproject.toml.jinja").read_text("utf-8")
            asked = asked if wishes else BOUND.sub(r'"\1"', asked)
            project.write_text(re.sub(r"\[\[.*?\]\]", "domain", asked), "utf-8")
            given.write_text("\n".join(wishes) + "\n", "utf-8")
            options = ["--universal", "--no-annotate", "--no-emit-index-url", "--quiet", "--python-version", python]
            named = ["--custom-compile-command", "nox -s lock", "--upgrade"]
            files = ["--group", f"{project}:tests", "--constraint", str(given), "--output-file", str(target)]
            self.run_uv("pip", "compile", str(project), *options, *named, *files)

    def run_uv(self, *words: str) -> str:
        """What uv prints; RefusedError with its last words when it fails."""
        command = [sys.executable, "-m", "uv", *words[:2], *self.uv, *words[2:]]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise RefusedError(f"uv {words[0]} {words[1]}: {' '.join(lines)[-400:]}")
        return done.stdout

    def failed(self, name: str) -> str | None:
        """The first command that does not prove a tuple, with how it ended; None when it is proved."""
        for line in self.prove:
            words = shlex.split(line.format(name=name, pins=self.pins(name)))
            command = {"nox": [sys.executable, "-m", "nox"], "python": [sys.executable]}.get(words[0], words[:1])
            print(f"> {shlex.join(words)}", flush=True)
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            env = os.environ | {"PATH": path}
            if code := subprocess.run([*command, *words[1:]], cwd=self.root, env=env, check=False).returncode:
                return f"`{shlex.join(words)}` ended with {code}"
        return None


def add(bench: Bench, name: str) -> int:
    """Offer a tuple: one entry of TUPLES and its pins, both only when it is proved."""
    if not (found := NAME.fullmatch(name)):
        raise RefusedError(f"'{name}' is no tuple; write one such as py313-prefect-3.9.1-polars-2.1")
    if name in bench.offered():
        raise RefusedError(f"{name} is offered already; prove it again with: nox -s tuple -- check {name}")
    noxfile, pins = bench.root / NOXFILE, bench.pins(name)
    before, is_proved = noxfile.read_bytes(), False
    try:
        wishes = [f"prefect=={found['prefect']}", f"polars=={found['polars']}.*"]
        bench.resolve(f"3.{found['minor']}", wishes, pins)
        noxfile.write_bytes(entered(before.decode(), name, bench.offered()).encode())
        problem = bench.failed(name)
        is_proved = problem is None
    finally:
        if not is_proved:
            noxfile.write_bytes(before)
            pins.unlink(missing_ok=True)
    if problem:
        print(f"{name} is not offered: {problem}", file=sys.stderr)
        return 1
    write_support(bench, {name: "proved"})
    print(f"{name} is offered. Run nox -s stamp, and write a sentence into CHANGELOG.md.")
    return 0


def entered(noxfile: str, name: str, offered: Sequence[str]) -> str:
    """The noxfile with one more line in TUPLES, the oldest first."""
    lines = "".join(f'    "{one}",\n' for one in sorted({*offered, name}, key=numbers))
    return re.sub(r"(?ms)^TUPLES = \(\n.*?^\)", f"TUPLES = (\n{lines})", noxfile, count=1)


def numbers(name: str) -> list[int]:
    """3.10 is newer than 3.9, whatever the alphabet says."""
    return [int(number) for number in re.findall(r"\d+", name.removeprefix("py3"))]


def check(bench: Bench, names: Sequence[str]) -> int:
    """Prove offered tuples, all when none is named, and write down what was run and when."""
    if unknown := [name for name in names if name not in bench.offered()]:
        raise RefusedError(f"{unknown[0]} is not offered; these are: {', '.join(bench.offered())}")
    results = {}
    for name in names or bench.offered():
        problem = bench.failed(name)
        results[name] = f"failed: {problem}" if problem else "proved"
        write_support(bench, results)
        print(f"{name}: {results[name]}")
    return int(any(result != "proved" for result in results.values()))


def end(bench: Bench, name: str, until: date, why: str, instead: str | None) -> int:
    """Say until when a tuple is supported; after that day `doctor` fails on it."""
    if name not in bench.offered():
        raise RefusedError(f"{name} is not offered; these are: {', '.join(bench.offered())}")
    why = " ".join(why.split())  # one line of doctor, and a cell of a table
    instead = instead or newest(bench, f"3.{name.removeprefix('py3').split('-')[0]}").stem
    if instead == name or instead not in bench.offered():
        raise RefusedError(f"{instead} cannot stand instead of {name}; give --instead another tuple that is offered")
    known = bench.ending() | {name: {"until": until, "instead": instead, "why": why}}
    written = []
    for one, said in sorted(known.items(), key=lambda entry: numbers(entry[0])):
        words = [f"{key} = {json.dumps(said[key], ensure_ascii=False)}\n" for key in ("instead", "why")]
        written += [f'\n["{one}"]\nuntil = {said["until"]}\n', *words]
    (bench.root / ENDING).write_text(ENDS + "".join(written), "utf-8", newline="\n")
    write_support(bench, {})
    print(f"{name} is supported until {until}. Run nox -s stamp, and write a sentence into CHANGELOG.md.")
    return 0


def write_support(bench: Bench, results: dict[str, str]) -> None:
    """The table of what was run, with today's date for these results; those of before stay while they are offered."""
    path, today = bench.root / SUPPORT, f"{datetime.now(UTC).date()}"
    text = path.read_text("utf-8") if path.exists() else ""
    known = {name: (day, said) for name, day, said in ROW.findall(text)}
    known |= {name: (today, said) for name, said in results.items()}
    until = {name: f"until {one['until']}: {one['why']}".replace("|", r"\|") for name, one in bench.ending().items()}
    rows = [(name, *known.get(name, ("not yet", "not run")), until.get(name, "yes")) for name in bench.offered()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows), "utf-8", newline="\n")


def canary(bench: Bench, python: str, suite: str) -> int:
    """Prove the newest of everything; when that breaks, say at which packages, found by bisecting the pins."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        good, bad = newest(bench, python), folder / "newest.txt"
        bench.resolve(python, [], bad)
        trial = Trial(bench.root, folder, python, suite, bench.run_uv)
        old, new = dict(pins_of(good)), dict(pins_of(bad))
        changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
        if trial.passes(new):
            print(f"The newest of everything is proved: {moves(changed, old, new) or 'nothing is newer'}.")
            return 0
        if not trial.passes(old):
            raise RefusedError(f"{good.stem} is not proved either: it is not the new releases; nox -s tuple -- check")
        units = together(changed, trial.requirements(old), trial.requirements(new), old, new)
        culprit = first_bad(units, lambda taken: trial.passes(new | kept(old, new, taken)))
    said = moves(culprit, old, new) if culprit else "none of them alone: a package that is new"
    print(f"The newest of everything breaks at: {said}. Keep it below that in template/pyproject.toml.jinja.")
    print(f"What fails: {trial.last}")
    return 1


def kept(old: dict[str, Version], new: dict[str, Version], taken: set[str]) -> dict[str, Version]:
    """The old pins of every package that is not taken from the new ones."""
    return {name: version for name, version in old.items() if name not in taken}


def moves(names: Sequence[str], old: dict[str, Version], new: dict[str, Version]) -> str:
    """Such as `prefect 3.9.1 → 3.10.0`."""
    return ", ".join(f"{name} {old[name]} → {new[name]}" for name in names)


def newest(bench: Bench, python: str) -> Path:
    """The pins of the newest offered tuple for a Python."""
    fitting = [name for name in bench.offered() if name.startswith(f"py{python.replace('.', '')}-")]
    if not fitting:
        raise RefusedError(f"no tuple for Python {python} is offered; there are {', '.join(bench.offered())}")
    return bench.pins(max(fitting, key=numbers))


def main(given: Sequence[str]) -> int:
    """The exit code of a verb; what is refused is one line."""
    parser = argparse.ArgumentParser("tuple", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    chosen = parser.add_subparsers(dest="verb", required=True)
    added = {verb: chosen.add_parser(verb) for verb in ("add", "check", "canary", "end")}
    added["end"].add_argument("name", help="a tuple that is offered")
    added["end"].add_argument(
        "--until", type=date.fromisoformat, required=True, help="the last day, such as 2027-06-30"
    )
    added["end"].add_argument("--why", required=True, help="in a few words")
    added["end"].add_argument("--instead", help="another tuple; the newest of its Python when left out")
    added["add"].add_argument("name", help="such as py313-prefect-3.9.1-polars-2.1")
    added["check"].add_argument("names", nargs="*", help="tuples; all when none is named")
    added["canary"].add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}")
    added["canary"].add_argument("--suite", default=SUITE, help="what has to pass; knows {python}")
    for one in added.values():
        one.add_argument("--prove", action="append", metavar="COMMAND", help=f"instead of {', '.join(PROVE)}")
        one.add_argument("--root", type=Path, default=HOOKS.parent, help="the template; this one")
        one.add_argument("--find-links", type=Path, help="a folder of wheels, instead of an index")
    asked = parser.parse_args(given)
    links = ("--offline", "--no-index", "--find-links", str(asked.find_links)) if asked.find_links else ()
    bench = Bench(asked.root.resolve(), tuple(asked.prove or PROVE), links)
    try:
        if asked.verb == "add":
            return add(bench, asked.name)
        if asked.verb == "end":
            return end(bench, asked.name, asked.until, asked.why, asked.instead)
        return check(bench, asked.names) if asked.verb == "check" else canary(bench, asked.python, asked.suite)
    except RefusedError as error:
        print(f"tuple: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
