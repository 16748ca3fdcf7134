"""How long the way to a first verdict takes, and to four deployments. Writes ONBOARDING.md.

`python tests/benchmarks/onboarding.py`, with what the tests of this project need. The newcomer's commands are those of
the README, each in a virtual environment of its own that has pip alone and in a home of its own, so that nothing is
cached by the person; what the machine caches for everybody stays. The four sources are those of
`tests/test_onboarding.py`.
"""

from __future__ import annotations

import argparse
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "quality")]

from deliveries import ROWS, delivery, write_csv  # noqa: E402 - beside the tests
from markdown_it import MarkdownIt  # noqa: E402
from rendering import release  # noqa: E402
from steps import NAMES, Step, aboard, shop  # noqa: E402

ADDRESS, OWN = "https://your.git.host/platform/quality-ladder.git", "~/orders.csv"
HEAVY = 8
"""Packages that are named by their size."""


class Typed(NamedTuple):
    """One command of a person: seconds, and the longest of them in which nothing was said."""

    command: str
    wall: float
    silence: float


class Way(NamedTuple):
    """What a newcomer typed, and what the environment came to, in megabytes."""

    typed: list[Typed]
    said: str
    size: int
    heavy: dict[str, int]


def template(target: Path) -> Path:
    """The working tree as a repository with a release."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in (name for name in names.split("\0") if name and (ROOT / name).is_file()):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    release(target, "v1.0.0")
    return target


def first_steps() -> list[str]:
    """The commands of the README from nothing to a verdict on an own file."""
    fences = (one for one in MarkdownIt().parse((ROOT / "README.md").read_text("utf-8")) if one.type == "fence")
    (block,) = (one.content for one in fences if "copier copy" in one.content and not one.info)
    return block.splitlines()


def newcomer(source: Path, home: Path, uv: bool) -> Way:
    """The commands as a person types them on a machine with Python and pip."""
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    write_csv(delivery(0), home)
    (home / "umsatz.csv").rename(home / "orders.csv")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON", "UV_"))}
    env = kept | {"HOME": str(home), "PATH": f"{home / 'venv' / 'bin'}:/usr/bin:/bin"}
    folder, typed, said = home, list[Typed](), ""
    for command in first_steps():
        line = command.replace(ADDRESS, str(source)).replace("copier copy", "copier copy --defaults")
        line = line if uv else line.replace(" uv", "")
        if line.startswith("cd "):
            folder /= line.removeprefix("cd ")
            typed.append(Typed(command, 0, 0))
            continue
        one, said = seen(command if uv else command.replace(" uv", ""), line, folder, env)
        typed.append(one)
    environment = folder / ".nox" / "environment"
    (packages,) = environment.glob("lib/python*/site-packages")
    sizes = {path.name: megabytes(path) for path in packages.iterdir() if path.is_dir()}
    heavy = dict(sorted(sizes.items(), key=lambda item: -item[1])[:HEAVY])
    return Way(typed, said, megabytes(environment), heavy)


def seen(command: str, line: str, folder: Path, env: dict[str, str]) -> tuple[Typed, str]:
    """A command at a terminal, with what it showed; the run ends where it fails."""
    ours, theirs = pty.openpty()
    start = last = time.perf_counter()
    silence, shown = 0.0, b""
    process = subprocess.Popen(["bash", "-c", line], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # how a terminal on Linux says that nobody writes to it any more
            break
        silence, last, shown = max(silence, time.perf_counter() - last), time.perf_counter(), shown + part
    os.close(ours)
    text = shown.decode("utf-8", "replace")
    if process.wait():
        sys.exit(f"{line}\n{text}")
    return Typed(command, time.perf_counter() - start, silence), text


def megabytes(folder: Path) -> int:
    """As `du -sm` counts."""
    done = subprocess.run(["du", "-sm", folder], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])


def page(ways: dict[str, Way], steps: list[Step]) -> str:
    """All figures as Markdown."""
    cores = f"{os.cpu_count()} cores, Python {sys.version_info.major}.{sys.version_info.minor}"
    lines = ["# What onboarding takes", "", f"`python tests/benchmarks/onboarding.py`, {cores}.", ""]
    for name, way in ways.items():
        lines += [
            f"## From nothing to a verdict on an own file, {name}",
            "",
            f"{len(way.typed)} commands, none of them an edit, {sum(one.wall for one in way.typed):.0f} s. The "
            f"environment has {way.size} MB (`du -sm .nox/environment`). The home is new, so nothing is cached there.",
            "",
            "| command | seconds | longest silence, s |",
            "|---|---:|---:|",
            *(f"| `{one.command}` | {one.wall:.1f} | {one.silence:.1f} |" for one in way.typed),
            "",
            f"Heaviest, in MB: {', '.join(f'{package} {size}' for package, size in way.heavy.items())}.",
            "",
        ]
    installed, *others = steps
    first, second, later = others[: len(NAMES)], others[len(NAMES) : -2], others[-2:]
    wall, cpu = (sum(getattr(one, what) for one in (*first, *second)) for what in ("wall", "cpu"))
    lines += [
        "## Four sources, from the file to the deployment",
        "",
        f"A European CSV file, a workbook, a Delta table with deleted rows and a PostgreSQL table, of {ROWS:,} rows "
        f"each: {wall:.0f} s by the clock and {cpu:.0f} s of processors, where three minutes are the goal. Server, "
        f"pool and worker are real. The environment was installed before, in {installed.wall:.0f} s from uv's cache.",
        "",
        "| command | seconds | of processors |",
        "|---|---:|---:|",
        *(row(one) for one in (*first, *second)),
        "",
        "The next delivery is clean and passes; the one after it is spoiled in each source, and all four fail:",
        "",
        "| command | seconds | of processors | exit |",
        "|---|---:|---:|---:|",
        *(f"{row(one)} {one.done.returncode} |" for one in later),
    ]
    return "\n".join(lines) + "\n"


def row(step: Step) -> str:
    """A command with its times."""
    session, *words = (word for word in step.words if word != "--json")
    said = f"nox -s {session} -- {' '.join(words)}" if words else f"nox -s {session}"
    return f"| `{said}` | {step.wall:.1f} | {step.cpu:.1f} |"


def signed() -> None:
    """Commits are by nobody in particular, whatever git knows of the person who measures."""
    for who in ("AUTHOR", "COMMITTER"):
        os.environ |= {f"GIT_{who}_NAME": "Test", f"GIT_{who}_EMAIL": "test@example.com"}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    signed()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = template(folder / "template")
        ways = {}
        for name, uv in (("with uv", True), ("with pip alone", False)):
            (folder / name).mkdir()
            ways[name] = newcomer(source, folder / name, uv)
            if "orders: PASSED" not in (said := ways[name].said):
                sys.exit(f"the last command gave no verdict:\n{said}")
        with shop(source, folder / "laden") as there:
            for step in aboard(there):
                if step.done.returncode:
                    sys.exit(f"{step.words}\n{step.done.stdout}{step.done.stderr}")
            for month, spoiled in ((1, False), (2, True)):
                there.deliver(month, spoiled)
                if there.run("task", *NAMES).returncode != int(spoiled):
                    sys.exit(there.steps[-1].done.stdout)
            text = page(ways, there.steps)
    (HERE / "ONBOARDING.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
