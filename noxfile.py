"""The commands of the template project: `demo` climbs the whole ladder, `tests` proves it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from ctypes.util import find_library
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "tests"]

RUNGS = ("task", "block", "flow", "deployment")
TUPLES = Path("template", "constraints")
SCREENSHOTS = Path("build", "screenshots")
FLEET = ("jinja2", "packaging", "pydantic", "pyyaml", "rich")
"""What the scripts about all repositories need: neither Polars nor Prefect."""


def tuples_of(python: str = "") -> list[Path]:
    """The pinned files of the supported tuples for a Python such as py311, the newest first; of all without one."""
    found = TUPLES.glob(f"{python or 'py'}*-prefect-*.txt")
    return sorted(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)], reverse=True)


def primary() -> Path:
    """The newest supported tuple for the Python that runs nox."""
    found = tuples_of(f"py{sys.version_info.major}{sys.version_info.minor}")
    if not found:
        sys.exit(f"no tuple for this Python; use that of one of: {', '.join(path.stem for path in tuples_of())}")
    return found[0]


def python_of(tuple_: Path) -> str:
    """The Python of a tuple, such as 3.12."""
    return re.sub(r"py(\d)(\d+)-.*", r"\1.\2", tuple_.stem)


def asked_python() -> str | None:
    """The Python of the tuple that QUALITY_TUPLE names, which its repository is climbed by; None for that of nox."""
    named = os.environ.get("QUALITY_TUPLE")
    return python_of(Path(named)) if named else None


@nox.session(python=asked_python(), default=False)
def demo(session: nox.Session) -> None:
    """Copy the template into build/demo, or the folder after `--`, and climb the whole ladder there."""
    session.install("-c", "constraints.txt", "copier", "nox", "uv")
    target = Path(*session.posargs or ("build", "demo")).resolve()
    if session.posargs and target.exists():
        session.error(f"{target} exists: name a folder that does not")
    shutil.rmtree(target, ignore_errors=True)
    git = ["git", "-C", str(target), "-c", "user.name=demo", "-c", "user.email=demo@localhost"]
    copy = ["copier", "copy", "--defaults", "--vcs-ref", "HEAD", "--data", "domain=new_york_flights"]
    climb = [("copy", [*copy, str(Path.cwd()), str(target)])]
    climb += [("init", [*git, "init", "--quiet"]), ("add", [*git, "add", "."])]
    climb += [("commit", [*git, "commit", "--quiet", "-m", "Start from the template"])]
    climb += [(rung, ["nox", "-f", str(target / "noxfile.py"), "-s", rung]) for rung in ("environment", *RUNGS)]
    took = {}
    for step, command in climb:
        start = time.perf_counter()
        session.run(*command, external=True)
        took[step] = time.perf_counter() - start
    session.log(f"The repository is in {target}. " + ", ".join(f"{step} {t:.1f} s" for step, t in took.items()))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types of the template and of what it renders, in place: ruff, then mypy --strict."""
    session.install("-r", str(primary()), "-r", "constraints.txt")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("mypy", "tests/quality")
    session.run("mypy", "template/noxfile.py", "template/src", "template/tests")
    for system in ("win32", "darwin"):  # where nothing of this is run: a name that is not there is found by its type
        there = ("--platform", system, "--no-warn-unreachable", "--cache-dir", f".mypy_cache/{system}")
        session.run("mypy", *there, "template/noxfile.py", "template/src")
    session.run("python", "hooks/lock_managed.py", "--check")
    session.run("python", "hooks/write_documents.py", "--check")


@nox.session
def tests(session: nox.Session) -> None:
    """Test the package in place; render, update, climb the ladder, and look at pages (-- -k words)."""
    session.install("-r", str(primary()), "-r", "constraints.txt", env={"UV_COMPILE_BYTECODE": "1"})
    session.run("python", "-m", "compileall", "-q", "template/src")  # once: tests start a thousand Pythons
    install_browser(session)
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    kept = {"QUALITY_SCREENSHOTS": str(SCREENSHOTS.resolve())}
    try:
        workers = (os.cpu_count() or 1) + 1  # one waits for a server, a store or a clock
        spread = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
        session.run("pytest", *spread, *session.posargs, env=kept)
    finally:
        session.log(f"Pictures of the pages that were looked at: {SCREENSHOTS}")


@nox.session(default=False)
@nox.parametrize("python, pins", [nox.param(python_of(path), path, id=path.stem) for path in tuples_of()[::-1]])
def tuples(session: nox.Session, pins: Path) -> None:
    """Test the package in place on a supported tuple; the summary says which had no Python here (-- -k words)."""
    needs = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "package")
    session.install("-r", str(pins), *needs)
    where = ["--confcutdir", "tests/quality", "tests/quality", "template/tests/quality"]
    session.run("pytest", "-n", "2", *where, *session.posargs)


@nox.session(default=False)
def runners(session: nox.Session) -> None:
    """Make states by Dask and by Ray, each of two processes, from a deployment that a worker runs (-- -k words)."""
    extras = primary().with_name(f"extras-{primary().name}")
    pins = [word for path in (primary(), extras) for word in ("-c", str(path))]
    store = ("-c", "constraints.txt", "flask", "flask-cors", "moto[s3]", "obstore")
    session.install("-r", str(primary()), *pins, *store, "prefect-dask", "prefect-ray")
    session.run("pytest", "--confcutdir", "tests/runners", "tests/runners/judged_by_workers.py", *session.posargs)


def install_browser(session: nox.Session) -> None:
    """The distribution's Chromium, and a library of Playwright's, where this user may install them; else a warning."""
    present = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    missing = [] if present else ["chromium"]
    missing += ["libatomic1"] if sys.platform == "linux" and find_library("atomic") is None else []
    if not missing:
        return
    if not may_install():
        session.warn(f"Not here: {', '.join(missing)}. The report and Prefect's page are not looked at in a browser.")
        return
    session.log(f"Not here: {', '.join(missing)}. Installing the distribution's, for the tests that look at pages.")
    install_packages(session, *missing)


def may_install() -> bool:
    """Whether this user may install the distribution's packages."""
    try_it = ["sh", "-c", "test $(id -u) = 0 || sudo -n true"]
    return (
        shutil.which("apt-get") is not None and not subprocess.run(try_it, capture_output=True, check=False).returncode
    )


def install_packages(session: nox.Session, *packages: str) -> None:
    """Packages of the distribution."""
    apt = [*([] if os.geteuid() == 0 else ["sudo", "-n"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    session.run(*apt, "update", external=True)
    session.run(*apt, "install", "-y", "--no-install-recommends", *packages, external=True, silent=True)


@nox.session(default=False)
def spark(session: nox.Session) -> None:
    """Judge the dirty table by a real Spark of two threads; installs Debian's Java where it may (-- -k words)."""
    session.install("-r", str(primary()), "-r", "constraints.txt")
    session.install("-r", "constraints-spark.txt")
    if not shutil.which("java"):
        if not may_install():
            session.error("Spark runs on Java 17 or later, which is not here: install it, then run this again")
        install_packages(session, "openjdk-17-jre-headless")
    session.run("pytest", "tests/spark/judged_by_spark.py", *session.posargs)
    if not session.posargs:  # the page about tables says when all of it passed last, once it is stamped
        session.run("python", "hooks/spark_run.py")


@nox.session(default=False)
def stamp(session: nox.Session) -> None:
    """Write what is computed from the managed files: their manifest, the JSON Schemas, the rule table."""
    session.install("-r", str(primary()), "-r", "constraints.txt")
    session.run("python", "hooks/write_documents.py")
    session.run("python", "hooks/lock_managed.py")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin every tuple of the template and this project's own tools anew, then write the manifest."""
    session.install("copier", "nox", "uv")
    rendered = Path(session.create_tmp(), "rendered")
    session.run("copier", "copy", "--defaults", "--overwrite", "--vcs-ref", "HEAD", ".", str(rendered))
    session.run("nox", "-f", str(rendered / "noxfile.py"), "-s", "lock")
    shutil.rmtree(TUPLES)
    shutil.copytree(rendered / "constraints", TUPLES)
    options = ["--universal", "--upgrade", "--no-annotate", "--no-emit-index-url", "--custom-compile-command"]
    inputs = ["--group", "tests", "--group", "lint", "--constraint", str(tuples_of("py311")[0])]
    session.run("uv", "pip", "compile", *options, "nox -s lock", *inputs, "-o", "constraints.txt", "--quiet")
    inputs = ["--group", "spark", "--constraint", str(tuples_of("py311")[0])]
    session.run("uv", "pip", "compile", *options, "nox -s lock", *inputs, "-o", "constraints-spark.txt", "--quiet")
    session.run("python", "hooks/lock_managed.py")


@nox.session(default=False)
def sample(session: nox.Session) -> None:
    """Cut the bundled sample anew out of the table that ships inside the pointblank wheel."""
    session.install("pointblank==1.1.1", "polars==2.1.0")
    session.run("python", "hooks/slice_flights.py")


@nox.session(default=False)
def pictures(session: nox.Session) -> None:
    """Draw the pictures anew: of a failing run of the bundled sample, and of a fleet in every state."""
    session.install("-r", str(primary()), "-r", "constraints.txt")
    install_browser(session)
    rendered = Path(session.create_tmp(), "rendered")
    shutil.rmtree(rendered, ignore_errors=True)
    answers = ["--defaults", "--data", "domain=new_york_flights"]
    session.run("copier", "copy", *answers, "--vcs-ref", "HEAD", ".", str(rendered))
    session.run("python", "hooks/draw_pictures.py", str(rendered))
    session.run("python", "hooks/draw_fleet.py")


@nox.session(default=False)
def fleet(session: nox.Session) -> None:
    """Where every repository stands (-- FOLDER or addresses [--html F] [--only behind,…]; move … --from --to)."""
    session.install("-c", "constraints.txt", *FLEET)
    script = "hooks/fleet_update.py" if session.posargs[:1] == ["move"] else "hooks/fleet.py"
    session.run("python", script, *session.posargs)


@nox.session(name="fleet-update", default=False)
def fleet_update(session: nox.Session) -> None:
    """Bring a release to every repository, canaries first (-- FOLDER [--release V] [--dry-run] [--open COMMAND])."""
    session.install("-c", "constraints.txt", *FLEET, "copier", "nox", "uv")
    session.run("python", "hooks/fleet_update.py", "update", *session.posargs)


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Make a release: version, changelog, stamp, lint, tests, tag; refused when they disagree (-- 1.1.0)."""
    session.install("-c", "constraints.txt", "nox", "packaging", "uv")
    session.run("python", "hooks/release.py", *session.posargs)


@nox.session(name="tuple", default=False)
def tuple_(session: nox.Session) -> None:
    """Offer a tuple once it is proved, prove it again, try the newest, end one (-- add | check | canary | end)."""
    session.install("-c", "constraints.txt", "copier", "nox", "packaging", "uv")
    session.run("python", "hooks/tuples.py", *session.posargs)


@nox.session(default=False)
def site(session: nox.Session) -> None:
    """Build the documentation site into build/site; a link that leads nowhere fails."""
    session.install("-c", "constraints.txt", "mkdocs-material")
    session.run("mkdocs", "build", "--quiet", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Mutate 10,000 contracts, policies and data files each; compare 10,000 histories and 400 tables (-- --seed 8)."""
    session.install("-r", str(primary()), "-r", "constraints.txt")
    env = {"PYTHONPATH": str(Path("template/src").resolve())}
    session.run("python", "tests/quality/fuzzing.py", *session.posargs, env=env)
    session.run("python", "tests/quality/histories.py", "--cases", "10000", *session.posargs, env=env)
    session.run("pytest", "tests/quality/test_pushdown_tables.py", "-k", "whatever", env={"QUALITY_EXAMPLES": "200"})
