"""The commands of this repository. Climb the ladder: task, block, flow, deployment; plain `nox` lints and tests.

Every session but lint shares one environment, installed from the newest pinned file in constraints/ for this Python.
QUALITY_TUPLE=py311-prefect-3.7.8-polars-2.1 chooses another supported tuple; words after `--` are passed on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "tests"]

TUPLES = (
    "py311-prefect-3.7.8-polars-2.1",
    "py311-prefect-3.8.8-polars-2.1",
    "py311-prefect-3.9.1-polars-2.1",
    "py312-prefect-3.9.1-polars-2.1",
    "py313-prefect-3.9.1-polars-2.1",
)
"""What is supported together, each a line here and, by `nox -s lock`, a file in constraints/."""
MANAGED = ("constraints", "noxfile.py", "src/quality", "tests/quality")
COPIER, LINT = Path("constraints", "copier.txt"), Path("constraints", "lint.txt")
WAIVED = """
import datetime, pathlib, sys, yaml
try:
    waivers = yaml.safe_load(pathlib.Path("waivers.yml").read_text("utf-8"))["waivers"] or []
    print(*(w["path"] for w in waivers if w["reason"].strip() and w["until"] >= datetime.date.today()), sep="\\n")
except FileNotFoundError:
    pass
except Exception as error:
    sys.exit(f"waivers.yml cannot be read ({type(error).__name__}: {error}); fix it first")
"""
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_HOME": str(Path(".prefect").resolve()),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def pinned(session: nox.Session) -> Path:
    """The constraints file of the chosen tuple, or of the newest one for this Python."""
    python = str(session.python or f"{sys.version_info.major}.{sys.version_info.minor}")
    chosen = os.environ.get("QUALITY_TUPLE") or newest(python)
    if chosen not in TUPLES:
        session.warn(f"{chosen or f'Python {python}'} is not supported; these are: {', '.join(TUPLES)}.")
        session.warn("Install Python 3.11, 3.12 or 3.13 and run nox with it, for instance `python3.13 -m nox`.")
        sys.exit(2)
    if (needed := versions(chosen)[0]) != python:
        session.warn(f"{chosen} needs Python {needed}, this is {python}: `python{needed} -m nox`.")
        sys.exit(2)
    return Path("constraints", f"{chosen}.txt")


def newest(python: str) -> str:
    """The newest tuple for a Python; none is an empty text."""
    fitting = (name for name in TUPLES if versions(name)[0] == python)
    return max(fitting, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default="")


def versions(name: str) -> tuple[str, str, str]:
    """Python, Prefect and Polars of a tuple: 3.11, 3.9.1 and 2.1."""
    python, _, prefect, _, polars = name.split("-")
    return f"3.{python.removeprefix('py3')}", prefect, polars


def group(name: str) -> list[str]:
    """What a dependency group of pyproject.toml asks for, yours included."""
    project = nox.project.load_toml("pyproject.toml")
    return [*nox.project.dependency_groups(project, name)] if name in project.get("dependency-groups", {}) else []


def shared(session: nox.Session) -> Path:
    """Where the environment session leaves the path of its interpreter."""
    return session.cache_dir / f"python{session.python or ''}"


def run(session: nox.Session, *command: str) -> None:
    """Run a Python command in the shared environment and end with its exit code."""
    line = [shared(session).read_text(encoding="utf-8"), *command]
    session.log(" ".join(["python", *command]))
    if code := subprocess.run(line, env=QUIET | os.environ, check=False).returncode:
        sys.exit(code)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def task(session: nox.Session) -> None:
    """Rung 1: check in an ephemeral task; nothing saved, no server (-- [dataset] [--env ENV] [--junit FILE])."""
    run(session, "-m", "quality", "task", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def block(session: nox.Session) -> None:
    """Rung 2: save the contract as a DataQualityBlock, load it back, and compare both results."""
    run(session, "-m", "quality", "block", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def flow(session: nox.Session) -> None:
    """Rung 3: run the blessed flow and both flow factories, and write the artifacts."""
    run(session, "-m", "quality", "flow", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def deployment(session: nox.Session) -> None:
    """Rung 4: deploy datasets, let a worker run them, and read the artifacts back (-- [dataset] [--env ENV])."""
    run(session, "-m", "quality", "deployment", *session.posargs)


@nox.session(requires=["environment"])
def lint(session: nox.Session) -> None:
    """Check style and types: ruff, then mypy --strict."""
    session.install("-r", str(LINT), "-c", str(LINT), *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--python-executable", shared(session).read_text(encoding="utf-8"))


@nox.session(requires=["environment"], venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests, yours and the managed ones (-- -k words)."""
    run(session, "-m", "pytest", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def doctor(session: nox.Session) -> None:
    """Say what is wrong with this machine, this environment or these files, and what to do about it."""
    run(session, "-m", "quality", "doctor", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def learn(session: nox.Session) -> None:
    """Read a dataset and propose rules for its contract (-- [dataset])."""
    run(session, "-m", "quality", "learn", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def challenge(session: nox.Session) -> None:
    """Corrupt a dataset's rows in forty ways, and propose rules for what no rule notices (-- [dataset] [--accept])."""
    run(session, "-m", "quality", "challenge", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def rules(session: nox.Session) -> None:
    """Write the rule tables of docs/rules.md, and the JSON Schemas beside the contracts and in docs/."""
    run(session, "-m", "quality", "rules", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def status(session: nox.Session) -> None:
    """Compute the highest rung that evidence proves, and what blocks the next (-- [--check])."""
    run(session, "-m", "quality", "status", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def promote(session: nox.Session) -> None:
    """Go through the checklist of a rung, and refuse with the fix of each unmet line (-- block|flow|deployment)."""
    run(session, "-m", "quality", "promote", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def drift(session: nox.Session) -> None:
    """Say what differs from the repository: files, forks, environments, server (-- [layer] [--fix] [--env ENV])."""
    run(session, "-m", "quality", "drift", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def history(session: nox.Session) -> None:
    """Print the last runs, the trend of every rule, and who was told what (-- [dataset] [--runs N])."""
    run(session, "-m", "quality", "history", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def report(session: nox.Session) -> None:
    """Write the last run as one HTML page in reports/, print its path, and open it (-- [dataset] [--env ENV])."""
    run(session, "-m", "quality", "report", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def redrive(session: nox.Session) -> None:
    """Judge quarantined rows by today's rules, and release those that pass (-- [dataset] [--env ENV])."""
    run(session, "-m", "quality", "redrive", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def alarms(session: nox.Session) -> None:
    """Set the server's automations for runs that crash, go silent or never start (-- [--env ENV])."""
    run(session, "-m", "quality", "alarms", *session.posargs)


@nox.session(default=False)
def restore(session: nox.Session) -> None:
    """Heal managed files, edited, missing or unknown, from the template's release that this repository has."""
    changed = git(session, "status", "--porcelain", "--untracked-files=all", "--", *MANAGED)
    if unsaved := [line[3:] for line in changed if "D" not in line[:2]]:
        session.error(f"commit or stash what restore would replace: {', '.join(unsaved)}")
    install_copier(session)
    heal(session)


@nox.session(default=False)
def update(session: nox.Session) -> None:
    """Bring the template's latest release and heal managed files; fails when a file of yours is left in conflict."""
    install_copier(session)
    command = ["copier", "update", "--defaults", *session.posargs]
    session.log(" ".join(command))
    code = subprocess.run([Path(session.bin, "copier"), *command[1:]], check=False).returncode
    if code == 4:
        session.warn("This update crosses a release with a migration, a script of the template's: hooks/migrations/.")
        session.warn("Read what CHANGELOG.md there says of it; to run it: nox -s update -- --trust")
    if code:
        sys.exit(code)
    heal(session)
    git(session, "add", "--", *MANAGED)
    if conflicts := git(session, "diff", "--name-only", "--diff-filter=U"):
        session.error(f"left in conflict, resolve and `git add` them: {', '.join(conflicts)}")


def install_copier(session: nox.Session) -> None:
    """Copier, pinned; by its own release alone when the pinned file is what has to be healed."""
    session.install(*(("-r", str(COPIER)) if COPIER.exists() else ("copier==9.19.1",)))


def git(session: nox.Session, *arguments: str) -> list[str]:
    """The lines that a git command prints."""
    return str(session.run("git", *arguments, external=True, silent=True, log=False)).splitlines()


def heal(session: nox.Session) -> None:
    """Bring managed files back to this release, and remove from their folders what it does not have."""
    waived = str(session.run("python", "-c", WAIVED, silent=True, log=False)).split()
    chosen = [f"--exclude=!{path}" for name in MANAGED for path in (name, f"{name}/**")]
    chosen = ["--exclude=*", *chosen, *(f"--exclude={path}" for path in (*waived, "__pycache__", "*.pyc"))]
    session.run("copier", "recopy", "--vcs-ref=:current:", "--defaults", "--overwrite", "--quiet", *chosen)
    manifest = Path("src", "quality", "manifest.json")
    known = {manifest.as_posix(), *waived, *json.loads(manifest.read_text(encoding="utf-8"))["files"]}
    for name in git(session, "ls-files", "--cached", "--others", "--exclude-standard", "--", *MANAGED):
        if name not in known and Path(name).exists():
            Path(name).unlink()
            session.log(f"removed {name}: it is not the template's")


@nox.session(default=False)
def environment(session: nox.Session) -> None:
    """Install the pinned environment that all other sessions share; done again only when a pin changes."""
    constraints, stamp = pinned(session), Path(session.virtualenv.location, "installed")
    wanted = hashlib.sha256(constraints.read_bytes() + Path("pyproject.toml").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        session.install("--no-deps", "-r", str(constraints), env={"UV_COMPILE_BYTECODE": "1"})
        session.install("--no-build-isolation", "-c", str(constraints), "-e", ".", *group("tests"))
        stamp.write_text(wanted, encoding="utf-8")
    shared(session).write_text(str(Path(session.bin, "python")), encoding="utf-8")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write constraints/ anew: one fully pinned file for each supported tuple, one for lint, one for Copier."""
    session.install("uv")
    for path in (path for path in Path("constraints").glob("py*.txt") if path.stem not in TUPLES):
        path.unlink()
    for name in TUPLES:
        python, prefect, polars = versions(name)
        given = written(session, f"prefect=={prefect}", f"polars=={polars}.*")
        inputs = ["pyproject.toml", "--group", "tests", "--constraint", given]
        pin(session, Path("constraints", f"{name}.txt"), python, *inputs)
    pin(session, LINT, "3.11", "--group", "lint", "--constraint", f"constraints/{newest('3.11')}.txt")
    pin(session, COPIER, "3.11", written(session, "copier"))


def pin(session: nox.Session, target: Path, python: str, *inputs: str) -> None:
    """Resolve what the inputs ask for into one file that says no word of this machine."""
    options = [
        "--universal",
        "--upgrade",
        "--no-annotate",
        "--no-emit-index-url",
        "--python-version",
        python,
        "--quiet",
    ]
    named = ["--custom-compile-command", "nox -s lock", "--output-file", str(target)]
    session.run("uv", "pip", "compile", *options, *inputs, *named)


def written(session: nox.Session, *lines: str) -> str:
    """The path of a file with these requirements."""
    path = Path(session.create_tmp(), "requirements.txt")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)
