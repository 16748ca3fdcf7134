"""The commands of this repository. Climb the ladder: task, block, flow, deployment; plain `nox` lints and tests.

Every session but lint shares one environment, installed from the newest pinned file in constraints/ for this Python.
QUALITY_TUPLE=py311-prefect-3.7.8-polars-2.1 chooses another supported tuple; words after `--` are passed on.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import nox
from nox.command import CommandFailed

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
IMAGE = Path("constraints", "image.lock")
MANIFEST = Path("src", "quality", "manifest.json")
SHARED = (".copier-answers.yml", ".dockerignore", ".gitattributes", ".github", ".gitignore", "CODEOWNERS", "Dockerfile",
          "README.md", "docs", "prefect.yaml", "pyproject.toml", "renovate.json")  # fmt: skip
"""Where an update merges what the template renders with what the team wrote; the rest is the team's."""
WAIVED = """
import pathlib, sys, yaml
from datetime import UTC, date, datetime
try:
    waivers = yaml.safe_load(pathlib.Path("waivers.yml").read_text("utf-8"))["waivers"] or []
    today = datetime.now(UTC).date()
    until = lambda w: date.fromisoformat(str(w["until"]))
    print(*(w["path"] for w in waivers if w["reason"].strip() and until(w) >= today), sep="\\n")
except FileNotFoundError:
    pass
except Exception as error:
    said = " ".join(str(error).split())
    sys.exit(f"waivers.yml cannot be read ({type(error).__name__}: {said}); fix it first")
"""
ANSWERS = Path(".copier-answers.yml")
ANSWERED = """
import pathlib, sys, yaml
try:
    answers = yaml.safe_load(pathlib.Path(".copier-answers.yml").read_text("utf-8"))
    print("".join(answers["_src_path"]), "".join(answers["_commit"]), sep="\\n")
except Exception as error:
    said = " ".join(str(error).split())
    sys.exit(f".copier-answers.yml cannot be read ({type(error).__name__}: {said}); take it from git: "
             "git log --oneline -- .copier-answers.yml, then git checkout COMMIT -- .copier-answers.yml")
"""
CHANGED = """
import pathlib, subprocess, yaml
git = ["git", "show", "HEAD:./.copier-answers.yml"]
try:
    before = yaml.safe_load(subprocess.run(git, capture_output=True, check=True).stdout)
    now = yaml.safe_load(pathlib.Path(".copier-answers.yml").read_text("utf-8"))
    for name in before:
        if not name.startswith("_") and now.get(name, before[name]) != before[name]:
            is_, was = (", ".join(one) if isinstance(one, list) else one for one in (now[name], before[name]))
            print(name, "is", is_, "and was", was)
except Exception:
    pass  # what an update left in conflict is told of as that
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


def refuse(words: str) -> NoReturn:
    """Ends a session that nothing can be done by, as files are: one sentence, and the exit code of wrong use."""
    logging.getLogger("nox").warning(words)
    sys.exit(2)


def project() -> dict[str, Any]:
    """What pyproject.toml says; refused where it cannot be read, or does not install what is checked with."""
    try:
        found = nox.project.load_toml("pyproject.toml")
    except (OSError, ValueError) as error:
        said = "it is not there" if isinstance(error, FileNotFoundError) else " ".join(str(error).split())
        refuse(f"pyproject.toml cannot be read: {said}; correct it (what an update left in conflict, too), or take it "
               "from git: git checkout HEAD -- pyproject.toml")  # fmt: skip
    asked = found.get("project", {}).get("dependencies", [])
    if gone := [name for name in ("polars", "prefect") if not any(str(one).startswith(name) for one in asked)]:
        refuse(f"pyproject.toml does not ask for {' and '.join(gone)}, so it is not what the template renders: take it "
               "from git, or copy the template into another folder and merge the two pyproject.toml")  # fmt: skip
    return found


def group(name: str) -> list[str]:
    """What a dependency group of pyproject.toml asks for, yours included."""
    found = project()
    try:
        return [*nox.project.dependency_groups(found, name)] if name in found.get("dependency-groups", {}) else []
    except (LookupError, TypeError, ValueError) as error:
        refuse(f"pyproject.toml: the dependency group {name} cannot be read: {error}; it is a list of packages")


def extras() -> str:
    """The extras that pyproject.toml names for the sources of this repository, as pip spells them: `[excel,delta]`."""
    found = project()
    known = found["project"].get("optional-dependencies", {})
    about = found.get("tool", {}).get("quality", {})
    named = about.get("extras", []) if isinstance(about, dict) else about
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        refuse('pyproject.toml: extras of [tool.quality] is a list of names, such as ["excel", "postgresql"]')
    for one in named:
        if re.sub(r"[-_.]+", "-", one).lower() not in known:
            near = difflib.get_close_matches(one.lower(), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            refuse(f"pyproject.toml: [tool.quality] names the extra '{one}', which is not there; {hint}")
    return f"[{','.join(named)}]" if named else ""


def lost() -> list[str]:
    """The modules of the package that are not here, waived ones left out; a file as the manifest lists it."""
    try:
        known = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        known = ["src/quality/__main__.py"]
    waived = Path("waivers.yml").read_text("utf-8", "replace") if Path("waivers.yml").is_file() else ""
    modules = (name for name in known if name.startswith("src/quality/") and name.endswith(".py"))
    return [name for name in modules if name not in waived and not Path(name).is_file()]


def shared(session: nox.Session) -> Path:
    """Where the environment session leaves the path of its interpreter."""
    return session.cache_dir / f"python{session.python or ''}"


def run(session: nox.Session, *command: str) -> None:
    """Run a Python command in the shared environment and end with its exit code; what cannot run is refused first."""
    if (gone := lost()) and command[2:3] != ("drift",):  # which tells of each
        more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
        refuse(f"the package lacks {', '.join(gone[:3])}{more}: `nox -s restore` brings back what is missing; where "
               "nothing is committed yet, copy the template again into this folder")  # fmt: skip
    line = [shared(session).read_text(encoding="utf-8"), *command]
    session.log(" ".join(["python", *command]))
    if code := passing_signals_on(line):
        sys.exit(code)


def passing_signals_on(line: list[str]) -> int:
    """The exit code of a command that is told of every signal, and whose end is waited for: nothing outlives nox."""
    own = os.name != "nt"
    with subprocess.Popen(line, env=QUIET | os.environ, start_new_session=own) as process:

        def tell(*_: object) -> None:
            process.send_signal(signal.SIGINT) if own else process.terminate()

        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {name: signal.signal(getattr(signal, name), tell) for name in names}
        try:
            return process.wait()
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)


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
    """Read a dataset and propose rules for its contract (-- [dataset or path])."""
    run(session, "-m", "quality", "learn", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def add(session: nox.Session) -> None:
    """Write a dataset's contract with rules learned from its data, and its entries (-- PATH [NAME] [--accept])."""
    run(session, "-m", "quality", "add", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def remove(session: nox.Session) -> None:
    """Take a dataset away: its contract, what policy.yml says of it alone, and its entries (-- NAME)."""
    run(session, "-m", "quality", "remove", *session.posargs)


@nox.session(name="environment-add", requires=["environment"], venv_backend="none", default=False)
def environment_add(session: nox.Session) -> None:
    """Write the policy of a new environment, made like the last one, and its entries (-- NAME)."""
    run(session, "-m", "quality", "environment-add", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def entries(session: nox.Session) -> None:
    """Compute prefect.yaml from datasets and policy.yml (-- [--check] [--adopt])."""
    run(session, "-m", "quality", "entries", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def challenge(session: nox.Session) -> None:
    """Corrupt a dataset's rows in forty ways, and propose rules for what no rule notices (-- [dataset] [--accept])."""
    run(session, "-m", "quality", "challenge", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def impact(session: nox.Session) -> None:
    """What a change of contracts does, on today's data, to rows and to consumers (-- [dataset] [--rules REF])."""
    run(session, "-m", "quality", "impact", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def replay(session: nox.Session) -> None:
    """Judge earlier nights by the rules of now, from kept states (-- [dataset] [--from DATE] [--rules REF])."""
    run(session, "-m", "quality", "replay", *session.posargs)


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


@nox.session(name="import", requires=["environment"], venv_backend="none", default=False)
def import_(session: nox.Session) -> None:
    """Take over rules of ODCS, dbt, Great Expectations, Soda or JSON Schema; name the rest (-- FILE [--name NAME])."""
    run(session, "-m", "quality", "import", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def export(session: nox.Session) -> None:
    """Write a contract as a data contract of the open standard, ODCS (-- DATASET [--output FILE])."""
    run(session, "-m", "quality", "export", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def pools(session: nox.Session) -> None:
    """Write the base job template of each work pool that has none, from Prefect's own of its type."""
    run(session, "-m", "quality", "pools", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def image(session: nox.Session) -> None:
    """Print the image of this commit, in the registry of policy.yml, for whoever builds it."""
    run(session, "-m", "quality", "image", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def climb(session: nox.Session) -> None:
    """Prove again, on one server, every rung that datasets had, as after a release (-- [dataset] [--env ENV])."""
    run(session, "-m", "quality", "climb", *session.posargs)


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
    """Set the server's automations for runs that crash, give no verdict, go silent or never start (-- [--env ENV])."""
    run(session, "-m", "quality", "alarms", *session.posargs)


@nox.session(requires=["environment"], venv_backend="none", default=False)
def arrived(session: nox.Session) -> None:
    """Say on the server that new data of a dataset is there, which triggers wait for (-- DATASET [--env ENV])."""
    run(session, "-m", "quality", "arrived", *session.posargs)


@nox.session(default=False)
def restore(session: nox.Session) -> None:
    """Heal managed files, edited, missing or unknown, from the template's release that this repository has."""
    refuse_uncommitted(session)
    changed = git(session, "status", "--porcelain", "--untracked-files=all", "--", *MANAGED)
    if unsaved := [line[3:] for line in changed if "D" not in line[:2]]:
        session.error(f"commit or stash what restore would replace: {', '.join(unsaved)}")
    install_copier(session)
    told(session, ANSWERED)
    heal(session, told(session, WAIVED))


@nox.session(default=False)
def update(session: nox.Session) -> None:
    """Bring the template's latest release, heal managed files, name what that replaced (-- [--from URL])."""
    refuse_uncommitted(session)
    install_copier(session)
    given, place = moved(session)
    source, _ = told(session, ANSWERED)
    waived = told(session, WAIVED)
    unfinished = Path(session.virtualenv.location, "unfinished")
    refuse_unsaved(session, unfinished)
    start = git(session, "rev-parse", "HEAD")[0]
    back = f"the way back: git reset --hard {start} && git clean -d --force"
    with undone(session, start, unfinished):
        line_endings(session)
        if place and place != source:
            take_from(session, source, place)
        unfinished.write_text(f"{start} {git(session, 'rev-parse', 'HEAD')[0]}", encoding="utf-8")
        kept = {name: Path(name).read_bytes() for name in waived if Path(name).is_file()}
        edited = [name for name in replaced(session) if name not in kept]
        if (code := copier(session, "update", "--defaults", *given)) == 0:
            heal(session, waived, back="")
            keep(session, kept)
            there = (name for name in MANAGED if Path(name).exists())
            git(session, "add", "--force", "--", *there, *kept, ":(exclude,glob)**/__pycache__/**")
        elif code != 4:
            sys.exit(code)
    if code == 4:
        session.warn("This update crosses a release with a migration, a script of the template's: hooks/migrations/.")
        session.warn("Read what CHANGELOG.md there says of it; to run it: nox -s update -- --trust")
        sys.exit(code)
    if edited:
        session.warn(
            f"replaced your edits of managed files: {', '.join(edited)}; they are in git show {start[:12]}:./PATH"
        )
    for line in told(session, CHANGED):
        session.warn(f"the answer {line}: policy.yml and datasets/ are yours and say what they said before; what to "
                     "write there now, `nox -s doctor` says")  # fmt: skip
    if conflicts := git(session, "diff", "--relative", "--name-only", "--diff-filter=U"):
        session.error(f"left in conflict, resolve and `git add` them: {', '.join(conflicts)}; or {back}")
    if rejected := git(session, "ls-files", "--others", "--exclude-standard", "--", "*.rej"):
        said = f"what did not fit is in {', '.join(rejected)}: put it in by hand, delete them"
        session.error(f"{said}; or {back}")


def refuse_unsaved(session: nox.Session, unfinished: Path) -> None:
    """Stops where something is not committed, and says so of what an update left that was stopped in the middle."""
    changed = git(session, "status", "--porcelain", "--untracked-files=normal")
    dirty = ", ".join(line[3:] for line in changed)
    start, _, head = unfinished.read_text(encoding="utf-8").partition(" ") if unfinished.exists() else ("", "", "")
    if dirty and head == git(session, "rev-parse", "HEAD")[0]:
        session.error(f"an update was stopped in the middle; do not commit what it left: {dirty}. To take it back, and "
                      f"what you changed since: git reset --hard {start} && git clean -d --force")  # fmt: skip
    if dirty:
        session.error(f"commit or stash first, so that nothing can be lost: {dirty}")


@contextmanager
def undone(session: nox.Session, start: str, unfinished: Path) -> Iterator[None]:
    """Everything is as it was before where an update fails or is told to stop; one that is killed is remembered."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number)) for name in names}
    try:
        yield
    except BaseException:
        undo(session, start)
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
    unfinished.unlink(missing_ok=True)


def undo(session: nox.Session, start: str) -> None:
    """Everything as it was before; git that was stopped meanwhile is given time to let go of its lock."""
    for seconds in (1, 2, 4):
        with suppress(CommandFailed):
            git(session, "reset", "--quiet", "--hard", start)
            break
        time.sleep(seconds)
    git(session, "reset", "--quiet", "--hard", start)
    git(session, "clean", "--quiet", "-d", "--force", "--", ":/")
    session.warn("everything is as it was before")


def moved(session: nox.Session) -> tuple[list[str], str | None]:
    """The words for Copier, and where the template is now, when that is said."""
    words = list(session.posargs)
    if "--from" not in words:
        return words, None
    at = words.index("--from")
    if at + 1 == len(words):
        session.error("--from needs the address of the template: nox -s update -- --from URL")
    return words[:at] + words[at + 2 :], words[at + 1]


def take_from(session: nox.Session, source: str, place: str) -> None:
    """Writes down and commits that the template is somewhere else now."""
    text = ANSWERS.read_text(encoding="utf-8")
    ANSWERS.write_text(re.sub(r"(?m)^_src_path:.*$", lambda _: f"_src_path: {place}", text), encoding="utf-8")
    git(session, "commit", "--quiet", "--message", f"Take the template from {place}", "--", str(ANSWERS))
    session.log(f"the template was at {source}, and is taken from {place} now")


def line_endings(session: nox.Session) -> None:
    """Text that is merged would conflict as a whole with CRLF: it becomes LF, and is committed where git has it so."""
    merged = git(session, "ls-files", "--eol", "--", *MANAGED, *SHARED)
    crlf = [line.split("\t", 1)[1] for line in merged if "/crlf" in line.split("\t")[0]]
    for name in crlf:
        Path(name).write_bytes(Path(name).read_bytes().replace(b"\r\n", b"\n"))
    if crlf:
        git(session, "add", "--", *crlf)
        session.log(f"line endings are LF now: {', '.join(crlf)}")
    if git(session, "status", "--porcelain"):
        git(session, "commit", "--quiet", "--message", "Line endings are LF")


def replaced(session: nox.Session) -> list[str]:
    """The managed files that differ from their release, which an update brings back."""
    try:
        known = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return []
    there = [name for name in git(session, "ls-files", "--", *MANAGED) if name != MANIFEST.as_posix()]
    return [name for name in there if Path(name).is_file() and digest(Path(name)) != known.get(name)]


def digest(path: Path) -> str:
    """The hash of a file, the same whatever its line endings."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def keep(session: nox.Session, kept: dict[str, bytes]) -> None:
    """Puts waived files back as they were, whatever the release did with them."""
    for name, written in kept.items():
        gone = not Path(name).exists()
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(written)
        more = ", which this release has no more: see where its work went, then delete the waiver" if gone else ""
        session.log(f"kept {name}, as it is waived{more}")


def told(session: nox.Session, code: str) -> list[str]:
    """The lines that a piece of Python prints in the session's environment; ends with its one sentence."""
    done = subprocess.run(
        [Path(session.bin, "python"), "-X", "utf8", "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        session.warn(done.stderr.strip().splitlines()[-1])
        sys.exit(2)
    return [line for line in done.stdout.splitlines() if line]


def copier(session: nox.Session, *words: str, back: str = "") -> int:
    """Runs Copier; where it fails, says why in one sentence, what to do, and the way back."""
    session.log(" ".join(("copier", *words)))
    command = [str(Path(session.bin, "copier")), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", errors="replace") as process:
        try:
            words_of = process.communicate()[1]
        except BaseException:  # nox is told to stop, and so is what it started; its end is waited for
            process.send_signal(signal.SIGINT) if os.name != "nt" else process.terminate()
            raise
    if process.returncode in (0, 4):
        sys.stderr.write(words_of)
        return process.returncode
    said = [line.strip() for line in words_of.splitlines() if line.strip() and not line.startswith(" ")]
    session.warn(f"Copier could not do it: {said[-1] if said else f'exit code {process.returncode}'}")
    for sign, advice in ADVICE.items():
        if re.search(sign, words_of):
            session.warn(advice)
            break
    if back:
        session.warn(f"nothing is lost; {back}")
    return process.returncode


UNREACHED = "not found|not appear|could not (?:read|resolve)|does not exist|unable to access|no such|local template"
ADVICE = {
    "Unknown revision": "the template has no such release; without --vcs-ref the newest is taken. Where _commit of "
    ".copier-answers.yml is wrong: git log --oneline -- .copier-answers.yml, then git checkout COMMIT -- that file",
    "(?i)downgrad": "to take an update back, revert its commit: git log --oneline -- .copier-answers.yml names it",
    f"(?i){UNREACHED}": "the template cannot be reached; where it has moved: nox -s update -- --from URL",
    "(?i)validation error|invalid|question|choice": "an answer in .copier-answers.yml is refused by this release; "
    "give another: nox -s update -- --data NAME=VALUE",
}
"""What to do about what Copier says."""


def install_copier(session: nox.Session) -> None:
    """Copier, pinned; by its own release alone when the pinned file is what has to be healed."""
    session.install(*(("-r", str(COPIER)) if COPIER.exists() else ("copier==9.19.1",)))


def git(session: nox.Session, *arguments: str) -> list[str]:
    """The lines that a git command prints."""
    words = ("git", "-c", "core.quotePath=off", *arguments)
    return str(session.run(*words, external=True, silent=True, log=False)).splitlines()


def refuse_uncommitted(session: nox.Session) -> None:
    """Stops where git could not bring back what is replaced."""
    words = ("git", "rev-parse", "--verify", "--quiet", "HEAD")
    if not session.run(
        *words, external=True, silent=True, log=False, success_codes=[0, 1, 128], stderr=subprocess.DEVNULL
    ):
        session.error("nothing is committed here, so nothing could be brought back: git init, add and commit first")


def heal(session: nox.Session, waived: list[str], back: str = "the way back: git checkout -- .") -> None:
    """Bring managed files back to this release, and remove from their folders what it does not have."""
    for path in (path for path in managed_paths() if path.is_symlink() and path.as_posix() not in waived):
        path.unlink()
    chosen = [f"--exclude=!{path}" for name in MANAGED for path in (name, f"{name}/**")]
    chosen = ["--exclude=*", *chosen, *(f"--exclude={path}" for path in (*waived, "__pycache__", "*.pyc"))]
    words = ("recopy", "--vcs-ref=:current:", "--defaults", "--overwrite", "--quiet", *chosen)
    if code := copier(session, *words, back=back):
        sys.exit(code)
    known = {MANIFEST.as_posix(), *waived, *json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]}
    tracked = set(git(session, "ls-files", "--", *MANAGED))
    for path in managed_paths():
        name = path.as_posix()
        if name not in known:
            discard(session, path, saved=name in tracked)
        elif os.name != "nt" and path.stat().st_mode & 0o111 and name not in waived:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o111)
            session.log(f"{name} cannot be executed any more, as in the template")


def managed_paths() -> list[Path]:
    """What lies in managed folders, hidden or ignored by git too, but for what Python keeps for its sources."""
    found = [path for name in MANAGED for path in (Path(name), *Path(name).rglob("*"))]
    files = (path for path in found if path.is_symlink() or path.is_file())
    return sorted(path for path in files if not (path.parent.name == "__pycache__" and compiled(path)))


def compiled(path: Path) -> bool:
    """Whether Python takes a file only while its source is the same."""
    return path.suffix == ".pyc" and not path.is_symlink() and path.read_bytes()[4:8] != b"\x01\x00\x00\x00"


def discard(session: nox.Session, path: Path, saved: bool) -> None:
    """Removes what is not the template's; what git does not have is moved to .quality/removed/."""
    if saved or path.is_symlink():
        path.unlink()
        session.log(f"removed {path.as_posix()}: it is not the template's")
        return
    target = Path(".quality", "removed", path)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)
    session.log(f"moved {path.as_posix()} to {target.as_posix()}: it is not the template's")


@nox.session(default=False)
def environment(session: nox.Session) -> None:
    """Install the pinned environment that all other sessions share; done again only when a pin changes."""
    named, asked = extras(), group("tests")
    constraints, stamp = pinned(session), Path(session.virtualenv.location, "installed")
    if not constraints.is_file():
        refuse(f"{constraints} is not there: `nox -s restore` brings it back")
    more = constraints.with_name(f"extras-{constraints.name}")
    inputs = [constraints, *([more] if more.exists() else []), Path("pyproject.toml")]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        session.log(f"installing the packages of {constraints}, once until a pin changes: 450 MB on disk; what is")
        session.log("fetched is shown, and compiling it then takes some seconds in silence")
        shown: dict[str, Any] = {"silent": False, "stdout": sys.stderr}
        session.install("--no-deps", "-r", str(constraints), env={"UV_COMPILE_BYTECODE": "1"}, **shown)
        pins = [word for path in inputs[:-1] for word in ("-c", str(path))]
        drivers = shown if named else {}  # else nothing is left to fetch
        session.install("--no-build-isolation", *pins, "-e", f".{named}", *asked, **drivers)
        stamp.write_text(wanted, encoding="utf-8")
    shared(session).write_text(str(Path(session.bin, "python")), encoding="utf-8")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write constraints/ anew: a fully pinned file for each supported tuple, for lint, for Copier, for the image."""
    session.install("uv")
    for path in (
        path for path in Path("constraints").glob("*py*.txt") if path.stem.removeprefix("extras-") not in TUPLES
    ):
        path.unlink()
    for name in TUPLES:
        python, prefect, polars = versions(name)
        given = written(session, f"prefect=={prefect}", f"polars=={polars}.*")
        inputs = ["pyproject.toml", "--group", "tests", "--constraint", given]
        base = Path("constraints", f"{name}.txt")
        pin(session, base, python, *inputs)
        more = ["pyproject.toml", "--all-extras", "--constraint", str(base)]
        pin(session, base.with_name(f"extras-{base.name}"), python, *more)
    pin(session, LINT, "3.11", "--group", "lint", "--constraint", f"constraints/{newest('3.11')}.txt")
    pin(session, COPIER, "3.11", written(session, "copier"))
    pinned_as = ("--constraint", f"constraints/{newest('3.12')}.txt", "--generate-hashes")
    pin(session, IMAGE, "3.12", "pyproject.toml", written(session, "hatchling", "editables"), *pinned_as)


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
