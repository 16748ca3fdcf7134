"""`from quality import …` is all that team code needs: typed, lazy, and the same as before the package had rooms."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from copier import run_copy
from flat import flat_files
from rendering import ROOT
from test_examples import OF_DOCSTRINGS, completed

SOURCES = ROOT / "template" / "src"
FACE = SOURCES / "quality" / "__init__.py"
sys.path.insert(0, str(SOURCES))

import quality  # noqa: E402 - the package in place
from quality import moved  # noqa: E402

NEEDED = {
    "data_quality_check_task", "data_quality_profile_task", "data_quality_learn_task", "create_check_task",
    "DataQualityBlock", "create_quality_flow", "quality_checked_flow", "QualityFlowConfig", "QualityCheckMode",
    "check", "check_dataset", "CheckConfig", "CheckResult", "RuleResult", "Status", "Severity",
    "summarize_check_result", "to_prefect_artifact", "DataQualityError", "ConfigurationError", "SourceError",
    "Rule", "RowRule", "ColumnRule", "TableRule", "Frame", "Judgement", "Measure", "Kinds", "condition",
    "ANY", "NUMBER", "TEXT", "TIME", "ORDERED", "PLAIN", "Source", "Files",
}  # fmt: skip


def for_type_checkers() -> dict[str, str]:
    """The names that the block under TYPE_CHECKING imports, each with its module."""
    body = ast.parse(FACE.read_text("utf-8")).body
    [block] = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert all(name.name == name.asname for node in imports for name in node.names), "`X as X` is what exports a name"
    return {name.name: str(node.module) for node in imports for name in node.names}


def test_the_lazy_table_and_what_type_checkers_see_are_the_same() -> None:
    assert for_type_checkers() == quality.EXPORTS
    assert quality.__all__ == sorted(quality.EXPORTS)
    assert set(quality.EXPORTS) >= NEEDED
    assert (SOURCES / "quality" / "py.typed").exists()


@pytest.mark.parametrize("name", quality.EXPORTS)
def test_a_public_name_is_there_and_no_module_can_take_its_place(name: str) -> None:
    assert getattr(quality, name) is getattr(importlib.import_module(quality.EXPORTS[name]), name)
    assert name not in moved.MOVED
    assert not (SOURCES / "quality" / name).exists()
    assert not (SOURCES / "quality" / f"{name}.py").exists()


def test_the_face_and_the_engine_behind_it_wait_for_no_prefect() -> None:
    waiting = ("quality.ladder", "quality.operations", "quality.reporting")
    engine = [name for name, module in quality.EXPORTS.items() if not module.startswith(waiting)]
    for program, absent in (
        ("import quality", ("prefect", "polars", "pydantic")),
        (f"from quality import {', '.join(engine)}", ("prefect",)),
    ):
        code = f"import sys\n{program}\nprint(sorted({{*{absent}}} & {{*sys.modules}}))"
        assert python(code).stdout == "[]\n"


def test_a_name_that_does_not_exist_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'colum_rule'"):
        _ = quality.colum_rule  # type: ignore[attr-defined]


TEAMS = [*(ROOT / "template" / "tests" / "domain").glob("*.py"), *(SOURCES / "domain").glob("*.py")]


@pytest.mark.parametrize("path", TEAMS, ids=lambda path: path.name)
def test_the_teams_files_import_from_the_face_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        named = [node.module] if isinstance(node, ast.ImportFrom) else []
        named += [name.name for name in node.names] if isinstance(node, ast.Import) else []
        assert not [name for name in named if str(name).startswith("quality.")]


USES = '''
from datetime import UTC, datetime
from typing import ClassVar, Literal

import polars as pl
import quality

frame = pl.DataFrame({"a": [1]})


class OurResult(quality.CheckResult):
    """A result with a field of ours."""

    ticket: str = ""


class Even(quality.ColumnRule):
    """Every value is even."""

    JUDGES: ClassVar[quality.Kinds] = quality.NUMBER
    check: Literal["even"] = "even"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: quality.Frame) -> pl.Expr:
        return value % 2 == 0


def sync(block: quality.DataQualityBlock) -> None:
    reveal_type(quality.data_quality_check_task(frame, rules=[Even(column="a"), {"check": "not_null", "column": "a"}]))
    reveal_type(quality.data_quality_check_task(frame).status)
    reveal_type(quality.data_quality_check_task(frame).rules[0].message)
    reveal_type(quality.data_quality_profile_task(frame).columns[0].distinct)
    reveal_type(quality.data_quality_learn_task(frame)[0])
    reveal_type(quality.create_check_task("ours", retries=2)(frame).is_success)
    reveal_type(quality.data_quality_check_task.submit(frame).result())
    reveal_type(block.check(frame, rules=quality.data_quality_learn_task(frame)).failures[0].failed_count)
    reveal_type(quality.create_quality_flow("ours", loader=lambda: frame)().status)
    reveal_type(quality.check_dataset("ours"))
    reveal_type(quality.check(frame, quality.load("ours")).exit_code)
    reveal_type(quality.summarize_check_result(quality.check(frame)))
    reveal_type(OurResult(status=quality.Status.PASSED, timestamp=datetime.now(UTC), ticket="A-1").ticket)


async def awaited(block: quality.DataQualityBlock) -> None:
    reveal_type(await quality.data_quality_check_task(frame))
    reveal_type(await quality.data_quality_profile_task(frame))
    reveal_type(await quality.data_quality_learn_task(frame))
    reveal_type(await quality.create_check_task("ours")(frame))
    reveal_type(await quality.create_quality_flow("ours")(frame))
    reveal_type(await block.check(frame))


@quality.quality_checked_flow(dataset="ours", check_mode="after")
def hand_over(day: int) -> str:
    return ""


@quality.quality_checked_flow(dataset="ours")
async def hand_over_later(day: int) -> str:
    return ""


async def flows() -> None:
    reveal_type(hand_over(3))
    reveal_type(await hand_over_later(3))
'''
WRONG = """
from quality import colum_rule  # no such name
import quality
quality.data_quality_check_task([], rulez=[])
quality.data_quality_check_task([]).stats
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    path = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n{code}"]
    return subprocess.run(path, capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def team(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of a repository, a file that uses every name, one that is wrong, and the examples of the domain."""
    folder = tmp_path_factory.mktemp("face")
    run_copy(str(small), folder / "flights", defaults=True, quiet=True)
    shutil.copy(folder / "flights" / "pyproject.toml", folder)
    (folder / "src").mkdir()
    (folder / "names.py").write_text(NAMES, "utf-8")
    (folder / "wrong.py").write_text(WRONG, "utf-8")
    for number, block in enumerate(OF_DOCSTRINGS):
        (folder / "src" / f"ours_{number}.py").write_text(completed(block), "utf-8")
    return folder


@pytest.fixture(scope="module")
def typed(team: Path) -> dict[str, list[str]]:
    """What mypy says of each file, told at once: what it has to know of Prefect and Polars costs half a minute."""
    files = ["names.py", "wrong.py", *sorted(path.relative_to(team).as_posix() for path in team.glob("src/*.py"))]
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / "build" / "mypy"), *files]
    env = os.environ | {"MYPYPATH": str(SOURCES)}
    done = subprocess.run(command, cwd=team, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()[:-1]
    assert all(line.startswith(tuple(files)) for line in lines), done.stdout
    return {name: [line for line in lines if line.startswith(f"{name}:")] for name in files}


def revealed(name: str) -> str:
    """A line that reveals a public name: a function or value itself, a class by what it is to whoever is given one."""
    if isinstance(getattr(quality, name), type):
        return f"def of_{name}(one: quality.{name}) -> None:\n    reveal_type(one)"
    return f"reveal_type(quality.{name})"


NAMES = "\n\n".join(["import quality", *map(revealed, quality.EXPORTS)]) + "\n\n" + USES


def test_a_strict_file_that_uses_every_name_reveals_no_any(typed: dict[str, list[str]]) -> None:
    said = typed["names.py"]
    assert len(said) == NAMES.count("reveal_type("), "\n".join(said)
    assert [line for line in said if "Revealed type" not in line or "Any" in line] == []


def test_a_name_or_an_argument_that_does_not_exist_is_told_by_the_type_checker(typed: dict[str, list[str]]) -> None:
    said = "\n".join(typed["wrong.py"])
    for place, word in (("wrong.py:2", "colum_rule"), ("wrong.py:4", "overload"), ("wrong.py:5", "stats")):
        assert place in said
        assert word in said


def test_every_example_of_the_domain_passes_lint_and_types(team: Path, typed: dict[str, list[str]]) -> None:
    for words in (["check", "--config", "lint.isort.known-first-party=['quality']"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "src"]
        done = subprocess.run(command, cwd=team, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    said = {name: lines for name, lines in typed.items() if name.startswith("src/")}
    assert len(said) == len(OF_DOCSTRINGS) > 3
    assert not any(said.values()), said


@pytest.mark.parametrize("module", sorted(moved.MOVED))
def test_a_module_of_the_flat_layout_is_found_under_its_old_name_with_a_warning(module: str) -> None:
    sys.modules.pop(f"quality.{module}", None)
    with pytest.warns(DeprecationWarning, match=f"quality.{module} is in quality.* now; write `from quality import …`"):
        old = importlib.import_module(f"quality.{module}")
    for place in moved.MOVED[module]:
        now = importlib.import_module(f"quality.{place}")
        names = [name for name, value in vars(now).items() if getattr(value, "__module__", "") == now.__name__]
        assert {name for name in names if not hasattr(old, name)} == set()
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = old.nosuch
    sys.modules.pop(f"quality.{module}", None)


def test_every_module_of_the_flat_layout_can_be_imported_and_gives_what_team_code_took_from_it() -> None:
    before = [path for path in flat_files("template/src/quality") if path.endswith(".py")]
    assert len(before) > 70
    face = ast.parse(flat_files(f"{FACE.relative_to(ROOT).as_posix()}").popitem()[1])
    tables = [node.value for node in face.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
    public: dict[str, str] = ast.literal_eval(tables[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for path in before:
            module = Path(path).stem
            if module in ("__init__", "__main__"):
                continue
            old = importlib.import_module(f"quality.{module}")
            for name in defined(flat_files(path)[path]) & set(quality.EXPORTS):
                if public.get(name, old.__name__) != old.__name__:
                    continue  # another function of the same name
                assert getattr(old, name) is getattr(quality, name), f"{module}.{name}"
            if module in moved.MOVED:
                sys.modules.pop(f"quality.{module}")


def defined(text: str) -> set[str]:
    """The names that a module defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_a_warning_of_an_old_name_points_at_the_line_that_writes_it(tmp_path: Path) -> None:
    ours = tmp_path / "ours.py"
    ours.write_text("import quality\nfrom quality.rule import NUMBER\n\nfrom quality.engine import check\n", "utf-8")
    command = [sys.executable, "-W", "default", str(ours)]
    said = subprocess.run(command, env={"PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=True).stderr
    assert f"{ours}:2: DeprecationWarning: quality.rule is in" in said
    assert f"{ours}:4: DeprecationWarning: quality.engine.check is in quality.checking" in said


def test_the_address_that_deployments_carry_since_the_flat_layout_is_the_blessed_flow() -> None:
    from prefect.flows import load_flow_from_entrypoint

    prefect_yaml = flat_files("template/prefect.yaml.jinja")["template/prefect.yaml.jinja"]
    [address] = {line.split()[1] for line in prefect_yaml.splitlines() if "entrypoint:" in line}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert load_flow_from_entrypoint(address) is quality.check_dataset
