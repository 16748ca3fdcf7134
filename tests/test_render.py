"""What a copy renders: quickly, identically each time, complete, valid for all pairs of answers, and without trust."""

from __future__ import annotations

import contextlib
import json
import re
import resource
import runpy
import sys
import tomllib
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rendering import ROOT, copier, files
from ruamel.yaml import YAML

sys.path.append(str(ROOT / "template" / "src"))

from quality.ladder.computed_file import text_of
from quality.ladder.entries import document
from quality.learning.page import WORDS

ANSWERS: dict[str, tuple[Any, ...]] = {
    "environments": (["dev"], ["prod"], ["dev", "prod"], ["dev", "staging", "prod"]),
    "work_pool_type": ("process", "docker", "kubernetes"),
    "notifications": ("none", "slack", "teams", "pagerduty", "opsgenie", "email", "webhook"),
    "source": ("data/flights.parquet", "lake/orders/*.csv"),
    "owner": ("@flights-team", "data@example.com"),
}
EXPECTED = {
    ".copier-answers.yml",
    ".gitattributes",
    ".github/workflows/quality.yml",
    ".gitignore",
    "CODEOWNERS",
    "README.md",
    "constraints/copier.txt",
    "constraints/lint.txt",
    "data/flights.parquet",
    "datasets/contract.schema.json",
    "datasets/flights.yml",
    "datasets/policy.schema.json",
    "docs/changes.md",
    "docs/operators.md",
    "docs/policy.md",
    "docs/pushdown.md",
    "docs/rules.md",
    "noxfile.py",
    "policy.yml",
    "prefect.yaml",
    "pyproject.toml",
    "renovate.json",
    "src/domain/flows.py",
    "src/domain/rules.py",
    "src/domain/sources.py",
    "src/quality/__init__.py",
    "src/quality/py.typed",
    "tests/domain/test_example.py",
    "tests/quality/test_contracts.py",
    "tests/quality/test_paths.py",
    "tests/quality/test_rules.py",
    "waivers.yml",
}


def pairwise() -> list[dict[str, Any]]:
    """Answer sets in which every two answers meet at least once."""
    wanted = {
        frozenset({(a, i), (b, j)})
        for a, b in combinations(ANSWERS, 2)
        for i, j in product(range(len(ANSWERS[a])), range(len(ANSWERS[b])))
    }
    sets = []
    picks = product(*(range(len(values)) for values in ANSWERS.values()))
    candidates = [tuple(zip(ANSWERS, pick, strict=True)) for pick in picks]
    while wanted:
        best = max(candidates, key=lambda row: sum(pair <= set(row) for pair in wanted))
        wanted -= {pair for pair in wanted if pair <= set(best)}
        sets.append({name: ANSWERS[name][index] for name, index in best})
    return sets


def test_a_copy_by_command_line_needs_no_trust_and_little_time(template: Path, tmp_path: Path) -> None:
    begun = processor_seconds()
    assert copier("--version").returncode == 0
    begun, its_own = processor_seconds(), processor_seconds() - begun
    done = copier("copy", "--defaults", "--data", "domain=flights", str(template), str(tmp_path / "r"))
    took = processor_seconds() - begun
    assert done.returncode == 0, done.stderr
    assert "nox -s task" in done.stderr
    assert set(files(tmp_path / "r")) >= EXPECTED
    assert took < 15 * its_own, (
        f"{took:.1f} s of CPU, where Copier says its version in {its_own:.1f} s: six times that alone"
    )


def processor_seconds() -> float:
    """What finished child processes took of the processor, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def flights(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The defaults, only to be read."""
    rendered = tmp_path_factory.mktemp("render") / "flights"
    run_copy(str(template), rendered, defaults=True, quiet=True)
    return rendered


def test_a_second_render_gives_the_same_bytes(flights: Path, template: Path, tmp_path: Path) -> None:
    run_copy(str(template), tmp_path / "flights", defaults=True, quiet=True)
    assert files(tmp_path / "flights") == files(flights)


@pytest.mark.parametrize("answers", pairwise(), ids=lambda answers: "-".join(map(str, answers.values())))
def test_every_pair_of_answers_renders_valid_files(
    answers: dict[str, Any], small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_copy(str(small), tmp_path / "r", data=answers | {"domain": "new_york"}, defaults=True, quiet=True)
    read = YAML(typ="safe").load
    policy, deployed = read(tmp_path / "r" / "policy.yml"), read(tmp_path / "r" / "prefect.yaml")
    [contract] = [read(path) for path in (tmp_path / "r" / "datasets").glob("*.yml")]
    assert list(policy["environments"]) == answers["environments"]
    assert contract["owner"] == answers["owner"]
    assert contract["source"]["path"] == answers["source"]
    assert [n["channel"] for n in policy["defaults"]["notifications"]] == [
        name for name in [answers["notifications"]] if name != "none"
    ]
    for deployment, environment in zip(deployed["deployments"], answers["environments"], strict=True):
        resolved = policy["defaults"] | policy["environments"][environment]
        assert deployment["name"] == f"new-york-{contract['dataset']}-{environment}"
        assert deployment["parameters"] == {"dataset": contract["dataset"], "environment": environment}
        assert deployment["entrypoint"] == "quality.ladder.flows.check_dataset"
        assert deployment["work_pool"]["name"] == resolved["work_pool"] == f"new-york-{environment}"
        assert ("image" in deployment["work_pool"]["job_variables"]) == (answers["work_pool_type"] != "process")
        assert deployment["paused"] is False
        assert [s["cron"] for s in deployment["schedules"]] == [*filter(None, [resolved["schedule"]])]
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path / "r"))
    written = (tmp_path / "r" / "prefect.yaml").read_text(encoding="utf-8")
    assert written == text_of(document()), "rendered as `nox -s entries` computes it"
    assert (tmp_path / "r" / "Dockerfile").exists() == (answers["work_pool_type"] != "process")
    ladder = read(tmp_path / "r" / ".github" / "workflows" / "quality.yml")["jobs"]["ladder"]
    assert ladder["env"] == {"POOL": answers["work_pool_type"]}
    assert ladder["steps"][-1] == {"if": "env.POOL == 'process'", "run": "python -m nox -s deployment"}
    json.loads((tmp_path / "r" / "renovate.json").read_text(encoding="utf-8"))
    assert not unrendered(tmp_path / "r")


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_yaml_is_a_name_of_a_domain_and_of_a_dataset(
    word: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_copy(str(small), tmp_path / "r", data={"domain": word, "source": f"{word}.csv"}, defaults=True, quiet=True)
    for version in ((1, 1), (1, 2)):
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        assert yaml.load(tmp_path / "r" / "policy.yml")["domain"] == word
        assert yaml.load(tmp_path / "r" / "datasets" / f"{word}.yml")["dataset"] == word
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path / "r"))
    assert (tmp_path / "r" / "prefect.yaml").read_text(encoding="utf-8") == text_of(document())


def unrendered(folder: Path) -> dict[str, list[str]]:
    """What looks like the template's own delimiters, by file; Python files are copied, never rendered."""
    rendered = {name: c for name, c in files(folder).items() if not name.endswith((".parquet", ".png", ".py"))}
    text = {name: content.decode() for name, content in rendered.items()}
    found = {name: re.findall(r"\[\[ | \]\]|\[%|%\]|\[#|#\]", content) for name, content in text.items()}
    return {name: marks for name, marks in found.items() if marks} | {
        name: [name] for name in text if re.search(r"\[[\[%#]|\.jinja$", name)
    }


def test_no_python_file_carries_jinja() -> None:
    assert not list((ROOT / "template").rglob("*.py.jinja"))


def test_every_python_file_is_the_same_in_every_repository(flights: Path, template: Path, tmp_path: Path) -> None:
    data = {"domain": "two", "work_pool_type": "docker", "environments": ["prod"]}
    run_copy(str(template), tmp_path, data=data, defaults=True, quiet=True)
    one, two = ({n: b for n, b in files(folder).items() if n.endswith(".py")} for folder in (flights, tmp_path))
    assert one == two


CONSTRAINTS = {path.stem: path for path in (ROOT / "template" / "constraints").glob("*.txt")}
EXPECTED |= {f"constraints/{name}.txt" for name in CONSTRAINTS}


def pins(path: Path) -> dict[str, str]:
    """Package to version, of a file in which nothing else is written."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(re.match(r"[a-z0-9.-]+==[\w.+!-]+( ;.*)?$", line) for line in lines), path.name
    return dict(line.split(" ;")[0].split("==") for line in lines)


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
def test_constraints_pin_what_their_session_needs_and_name_no_machine(name: str) -> None:
    needed = {"copier": {"copier"}, "lint": {"mypy", "pydantic", "ruff"}}
    found = pins(CONSTRAINTS[name])
    if name.startswith("extras-"):
        drivers = {
            "adbc-driver-postgresql",
            "deltalake",
            "duckdb",
            "fastexcel",
            "obstore",
            "prefect-dask",
            "prefect-ray",
            "pyarrow",
            "pyiceberg",
            "pyspark-client",
            "sqlglot",
        }
        base = pins(CONSTRAINTS[name.removeprefix("extras-")])
        assert drivers <= found.keys()
        assert {one for one in found.keys() & base.keys() if found[one] != base[one]} == set()
        return
    assert needed.get(name, {"editables", "fastapi", "hatchling", "polars", "prefect", "pytest"}) <= found.keys()
    if name not in needed:
        assert not {"mypy", "pandas", "pyarrow", "ruff"} & found.keys()
        assert name.split("-prefect-")[1] == f"{found['prefect']}-polars-{found['polars'].rpartition('.')[0]}"


@pytest.fixture(scope="module")
def noxfile(flights: Path) -> dict[str, Any]:
    """A rendered repository's project, and the names of its noxfile: nox knows a session once in a process."""
    with contextlib.chdir(flights):
        project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
        return {**runpy.run_path("noxfile.py"), "project": project}


def test_sessions_run_on_the_newest_tuple_of_a_python_by_number(
    noxfile: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("3.10.0-polars-2.1", "3.9.12-polars-2.1", "3.10.0-polars-2.10", "3.10.0-polars-2.9")
    tuples = (*(f"py311-prefect-{name}" for name in names), "py313-prefect-4.0.0-polars-3.0")
    monkeypatch.setitem(noxfile["newest"].__globals__, "TUPLES", tuples)
    assert noxfile["newest"]("3.11") == "py311-prefect-3.10.0-polars-2.10"
    assert noxfile["newest"]("3.12") == ""


def test_extras_are_installed_by_naming_them_once(
    noxfile: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = sorted(noxfile["project"]["optional-dependencies"])
    project = '[project]\ndependencies = ["polars", "prefect"]\n'
    Path("pyproject.toml").write_text(project, "utf-8")
    assert noxfile["extras"]() == ""
    project += "[project.optional-dependencies]\n" + "".join(f"{name} = []\n" for name in known)
    Path("pyproject.toml").write_text(f"{project}[tool.quality]\nextras = {known}\n", "utf-8")
    assert noxfile["extras"]() == "[dask,delta,duckdb,excel,iceberg,postgresql,pushdown,ray,remote,spark]"


def test_every_tuple_of_the_noxfile_is_pinned_within_what_a_repository_allows(noxfile: dict[str, Any]) -> None:
    project = noxfile["project"]
    allowed = {canonicalize_name(one.name): one.specifier for one in map(Requirement, project["dependencies"])}
    assert sorted(noxfile["TUPLES"]) == sorted(name for name in CONSTRAINTS if name.startswith("py"))
    for name in noxfile["TUPLES"]:
        assert SpecifierSet(project["requires-python"]).contains(noxfile["versions"](name)[0])
        found = pins(CONSTRAINTS[name])
        assert [one for one in allowed if found[one] not in allowed[one]] == [], name


def test_the_templates_own_tools_are_pinned_as_the_newest_tuple_of_each_python_is(noxfile: dict[str, Any]) -> None:
    own = pins(ROOT / "constraints.txt")
    for name in ("lint", *map(noxfile["newest"], ("3.11", "3.12", "3.13"))):
        theirs = pins(CONSTRAINTS[name])
        assert {one: (own[one], theirs[one]) for one in own.keys() & theirs.keys() if own[one] != theirs[one]} == {}


def test_the_sample_is_small_and_dirty() -> None:
    import polars as pl

    path = ROOT / "template" / "data" / "flights.parquet"
    frame = pl.read_parquet(path)
    assert path.stat().st_size < 1_000_000
    assert 19_000 < frame.height < 21_000
    assert frame["tailnum"].null_count() > 0
    assert frame.filter(pl.col("arr_time").is_not_null() & pl.col("air_time").is_null()).height > 0


def test_the_workflow_takes_actions_by_digest_and_no_more_rights_than_it_needs() -> None:
    text = (ROOT / "template" / ".github" / "workflows" / "quality.yml.jinja").read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", one) for one in used), used
    flow = YAML(typ="safe").load(text)
    assert flow["permissions"] == {}
    assert "pull_request" in flow["concurrency"]["cancel-in-progress"]
    jobs = flow["jobs"]
    assert {name: job["permissions"].get("contents") for name, job in jobs.items()} == dict.fromkeys(jobs, "read")
    assert [name for name, job in jobs.items() if "write" in job["permissions"].values()] == ["impact", "image"]
    assert jobs["impact"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    theirs = [step for step in jobs["impact"]["steps"] if "nox" in step.get("run", "")]
    assert theirs
    assert not any("GH_TOKEN" in step.get("env", {}) for step in theirs), (
        "code of a pull request runs without the token"
    )
    assert "pull_request" in jobs["diverged"]["if"]
    assert "QUALITY_REGISTRY }}" not in text, "policy.yml names the registry"
    (names,) = (step["run"] for step in jobs["image"]["steps"] if step.get("id") == "names")
    assert names.startswith("python -m nox -s image >")
    assert jobs["deploy"]["needs"] == ["image"]
    assert jobs["deploy"]["steps"][-1] == {"run": "python -m nox -s drift -- server --fix"}
    assert {jobs[name]["env"]["QUALITY_COMMIT"] for name in ("image", "deploy")} == {"${{ github.sha }}"}
    assert {"run": "python -m nox -s drift -- files forks"} in jobs["diverged"]["steps"]
    assert flow["defaults"] == {"run": {"working-directory": "."}}
    for name in jobs:
        [cached] = [step["with"] for step in jobs[name]["steps"] if step.get("with", {}).get("cache") == "pip"]
        assert cached["cache-dependency-path"] == "**/constraints/*.txt", name  # also where it lies in a folder


def test_no_image_holds_what_checks_wrote() -> None:
    """The last pattern that fits a path or a folder above it decides, as Docker reads them."""
    lines = (ROOT / "template" / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [(line.removeprefix("!"), line.startswith("!")) for line in lines if not line.startswith("#")]

    def fits(pattern: str, path: str) -> bool:
        words = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        return re.fullmatch(f"{words}(?:/.*)?", path) is not None

    def is_held(path: str) -> bool:
        return next((held for pattern, held in reversed(patterns) if fits(pattern, path)), True)

    of, quarantined = "orders/prod", "orders/prod/date=2026-11-26/run=1a/failing.parquet"
    kept = ["data/flights.parquet", "data/date=2026-11-26/a.parquet", "data/states/ca/2026.csv", "data/runs/a.csv",
            "src/quality/quarantine/splits.py", "src/quality/history/runs.py", "datasets/orders.yml"]  # fmt: skip
    left = [f"data/quarantine/{quarantined}", f"data/ours/{quarantined}", f"data/kept/runs/{of}/2026-11/a.parquet",
            f"data/kept/partition-runs/{of}/by-day/2026-11/a.parquet", f"data/kept/states/{of}/a1.parquet",
            ".quality/history/a.parquet", "reports/orders-prod.html", "data/.quality/a"]  # fmt: skip
    assert [path for path in kept + left if is_held(path)] == kept


def test_the_image_is_pinned_by_hash_to_the_newest_tuple_and_runs_as_nobody_special(noxfile: dict[str, Any]) -> None:
    text = (ROOT / "template" / "Dockerfile.jinja").read_text(encoding="utf-8")
    assert text.count("FROM ${BASE}") == 2
    assert "--require-hashes -r image.lock" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert ":latest" not in text
    locked = (ROOT / "template" / "constraints" / "image.lock").read_text(encoding="utf-8")
    blocks = re.findall(r"(?m)^([a-z0-9.-]+)==([\w.+!-]+)[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)*)", locked)
    assert blocks
    assert all(hashes for _, _, hashes in blocks)
    theirs = pins(CONSTRAINTS[noxfile["newest"]("3.12")])
    assert {name: version for name, version, _ in blocks if theirs.get(name) != version} == {}
    assert {"polars", "prefect", "hatchling"} <= {name for name, _, _ in blocks}
