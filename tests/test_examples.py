"""Every example in docstrings and every fenced block of every page runs, as whoever reads it would paste it."""

from __future__ import annotations

import ast
import gzip
import importlib.util
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from copier import run_copy
from deliveries import delivery, write_csv
from markdown_it import MarkdownIt
from rendering import OTHER, ROOT, commit, git, nox
from ruamel.yaml import YAML
from test_documents import PAGES, named_tests

SOURCES = ROOT / "template" / "src"
sys.path.insert(0, str(SOURCES))

from quality.contract.contract import Contract, load_contract  # noqa: E402 - the package in place
from quality.contract.policy import FIELDS, load_policy  # noqa: E402

README = ROOT / "template" / "README.md.jinja"
BIN = Path(".nox", "environment", "Scripts" if os.name == "nt" else "bin")
ELSEWHERE = {
    "nox -s tests": "test_plain_nox_lints_and_tests_the_defaults",
    "nox -s add -- data/orders.csv orders --accept": "test_one_command_learns_the_rules_of_what_was_answered",
    "nox -s climb": "test_climb_proves_the_whole_ladder_again_and_activates_what_it_promoted",
    "nox -s replay -- orders --from 2026-11-01": "test_the_commands_of_the_page_run",
    "nox -s replay -- orders --rules main": "test_the_commands_of_the_page_run",
    "nox -s replay -- --markdown": "test_the_commands_of_the_page_run",
}
"""Commands that another test runs, and which."""
FLEET = (
    "nox -s fleet -- repositories --html build/fleet.html --json build/fleet.json",
    "nox -s fleet-update -- repositories --dry-run",
    'nox -s fleet-update -- repositories --open "git push --quiet origin HEAD && ./open-pull-request"',
    'nox -s fleet-update -- repositories --rollback --close "./close-pull-request"',
    "nox -s fleet -- move repositories --from https://old.example/quality.git --to https://new.example/quality.git",
)
EXPLAINED = {
    "python3 -m pip install copier nox uv": "what is installed here is pinned in constraints.txt",
    "python3 -m pip install nox && python3 -m nox -s demo": "it copies and climbs as tests do, and installs all of it",
    "python3 -m pip install nox && python3 -m nox -s tests": "it is the command that runs this test",
    "nox -s tuple -- add py313-prefect-3.10.0-polars-2.2": "test_fleet_tuples.py adds tuples of its own packages",
    "pytest -c tests/benchmarks/pytest.ini tests/benchmarks": "it needs the environments of nine other tools",
    **dict.fromkeys(FLEET, "tests/test_fleet.py and test_fleet_update.py run its script on repositories of their own"),
    "python tests/benchmarks/learning.py": "it downloads tables, and measures for minutes",
    "python tests/benchmarks/onboarding.py": "it installs environments of its own; test_onboarding.py runs its steps",
    "python tests/benchmarks/object_storage.py --rows 1m": "it measures for a minute, alone on a machine",
    "python tests/benchmarks/scaling.py --files 40 --rows 500k --runner dask": "it needs Dask and some minutes",
    "python tests/benchmarks/many_files.py --files 100 1000": "it measures for two minutes",
    "python tests/benchmarks/busy_threads.py --threads 2 16": "it judges ten million rows, twice",
    "python tests/benchmarks/worker_runs.py --runs 200": "it takes minutes; tests/quality/test_one_worker.py runs ten",
    "python tests/benchmarks/strictness.py --rows 1m": "it measures for a minute, alone on a machine",
}
"""Commands that are not run, and why; their sessions and files exist."""


class Block(NamedTuple):
    """A fenced block of a page, or an indented one of a docstring."""

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The command of each line, without comments."""
        return [" ".join(words) for line in self.text.splitlines() if (words := re.sub(r"\s#\s.*", "", line).split())]


def blocks(page: str, text: str) -> Iterator[Block]:
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block") and token.map:
            yield Block(page, token.map[0] + 1, token.info.split()[0] if token.info.strip() else "", token.content)


def docstrings() -> Iterator[tuple[Path, str]]:
    """Every docstring of the package and of the domain's files."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path, ast.get_docstring(node) or ""


OF_PAGES = [
    one for path in (README, *PAGES) for one in blocks(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
]
OF_DOCSTRINGS = [one for path, text in docstrings() for one in blocks(path.relative_to(SOURCES).as_posix(), text)]


def place(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_the_language_of_every_block_is_one_that_a_test_here_looks_at() -> None:
    assert {block.language for block in OF_PAGES} <= {"", "yaml", "mermaid", "toml"}
    assert {block.page for block in OF_DOCSTRINGS} == {"domain/rules.py", "domain/sources.py", "domain/flows.py"}


@pytest.mark.parametrize("block", [block for block in OF_PAGES if block.language == "toml"], ids=place)
def test_the_extras_that_a_page_names_are_there(block: Block) -> None:
    named = tomllib.loads(block.text)["tool"]["quality"]["extras"]
    project = (ROOT / "template" / "pyproject.toml.jinja").read_text("utf-8")
    known = re.findall(
        r"^(\w+) = \[", project.split("[project.optional-dependencies]")[1].split("\n[")[0], re.MULTILINE
    )
    assert named
    assert set(named) <= set(known)


def contract_of(fields: dict[str, Any], folder: Path) -> None:
    whole = {"dataset": "orders", "owner": "@orders", "source": "data/orders.csv", "rules": [], **fields}
    (folder / "datasets").mkdir()
    YAML().dump(whole, folder / "datasets" / "orders.yml")
    load_contract(folder / "datasets" / "orders.yml")


def policy_of(fields: dict[str, Any], folder: Path) -> None:
    needed = {
        "retries": {"count": 0, "reason": "an example"},
        "cache": {"enabled": False, "reason": "an example"},
        "work_pool": "orders-dev",
    }
    whole = {"environments": {"dev": {}}, **fields, "defaults": needed | fields.get("defaults", {})}
    YAML().dump(whole, folder / "policy.yml")
    load_policy(folder / "policy.yml")


@pytest.mark.parametrize("block", [block for block in OF_PAGES if block.language == "yaml"], ids=place)
def test_a_yaml_block_is_part_of_a_contract_or_of_the_policy_as_it_stands(block: Block, tmp_path: Path) -> None:
    fields: dict[str, Any] = YAML(typ="safe").load(block.text)
    assert isinstance(fields, dict), "a block begins with the field that it belongs to"
    known: dict[Callable[..., None], set[str]] = {contract_of: {*Contract.model_fields}, policy_of: {*FIELDS}}
    [read] = [read for read, names in known.items() if set(fields) <= names]
    read(fields, tmp_path)


@pytest.mark.parametrize("block", [block for block in OF_PAGES if block.language == "mermaid"], ids=place)
def test_a_drawing_is_a_chart_whose_arrows_join_what_it_names(block: Block) -> None:
    head, *lines = block.text.splitlines()
    assert re.fullmatch(r"flowchart (LR|TB)", head)
    drawn = "\n".join(line for line in lines if not line.strip().startswith(("subgraph", "end", "classDef")))
    named = set(re.findall(r"\b(\w+)\[\"", drawn)) | set(re.findall(r"subgraph (\w+)\[", block.text))
    plain = re.sub(r"\[\".*?\"\]|--\s*\".*?\"\s*-->|:::\w+", lambda found: " --> " if "-->" in found[0] else " ", drawn)
    assert set(re.findall(r"\w+", plain)) <= named


@pytest.fixture(scope="module")
def flights(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The defaults, with the environment installed."""
    target = tmp_path_factory.mktemp("examples") / "flights"
    run_copy(str(template), target, defaults=True, quiet=True)
    commit(target)
    installed = nox(target, "environment")
    assert installed.returncode == 0, installed.stderr
    return target


@pytest.fixture
def pasted(flights: Path) -> Iterator[Callable[[Block], None]]:
    """Replaces what stands below the docstring of a file of the domain by an example in it, until the test ends."""
    kept = {path: path.read_bytes() for path in (flights / "src" / "domain").glob("*.py")}

    def paste(block: Block) -> None:
        (flights / "src" / block.page).write_text(completed(block), "utf-8")

    yield paste
    for path, content in kept.items():
        path.write_bytes(content)


def completed(block: Block) -> str:
    """The file that an example is from with its docstring and the example, as a team would paste it."""
    source = (SOURCES / block.page).read_text("utf-8")
    end = ast.parse(source).body[0].end_lineno
    head = "\n".join(source.splitlines()[:end])
    return f"{head}\n\nfrom __future__ import annotations\n\n{block.text}"


def of(page: str) -> list[Block]:
    return [block for block in OF_DOCSTRINGS if block.page == f"domain/{page}.py"]


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A line as a shell takes it, with this Python's commands; `python` is the repository's where it has one."""
    path = os.pathsep.join([str(folder / BIN), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path}
    env |= {"PREFECT_HOME": str(folder / ".prefect"), "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300"}
    line = ["bash", "-e", "-c", command]
    return subprocess.run(
        line, cwd=folder, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


class Use(NamedTuple):
    """How a contract uses the rule of an example, data that passes and data that fails, and what is said then."""

    rule: str
    good: dict[str, list[int]]
    bad: dict[str, list[int]]
    said: str


USES = {
    "EvenNumber": Use(
        "{check: even_number, column: id}", {"id": [2, 4]}, {"id": [2, 3]}, "Every value is an even number"
    ),
    "BalancedBooks": Use(
        "{check: balanced_books, debit: debit, credit: credit}",
        {"debit": [5, 0], "credit": [0, 5]},
        {"debit": [9, 0], "credit": [0, 5]},
        "the difference is 4",
    ),
}


@pytest.mark.parametrize("block", of("rules"), ids=place)
def test_a_rule_as_its_example_has_it_judges_a_contract(
    block: Block, flights: Path, pasted: Callable[[Block], None]
) -> None:
    [use] = [use for name, use in USES.items() if f"class {name}(" in block.text]
    contract, data = flights / "datasets" / "books.yml", flights / "data" / "books.csv"
    source = "source: {path: data/books.csv}"
    contract.write_text(f"dataset: books\nowner: '@us'\n{source}\nrules:\n  - {use.rule}\n", "utf-8")
    try:
        pasted(block)
        for rows, code in ((use.good, 0), (use.bad, 1)):
            pl.DataFrame(rows).write_csv(data)
            done = nox(flights, "task", "books")
            assert done.returncode == code, done.stdout + done.stderr
        message = 'from quality import check, load; print(check(None, load("books")).rules[0].message)'
        done = shell(flights, f"python -c '{message}'")
        assert use.said in done.stdout, done.stdout + done.stderr
        documented = nox(flights, "rules")
        assert documented.returncode == 0, documented.stdout + documented.stderr
    finally:
        contract.unlink()
        data.unlink(missing_ok=True)
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=flights, check=True)


@pytest.mark.parametrize("block", of("sources"), ids=place)
def test_a_source_as_its_example_has_it_is_read_by_a_contract(
    block: Block, flights: Path, pasted: Callable[[Block], None]
) -> None:
    contract, data = flights / "datasets" / "orders.yml", flights / "data" / "warehouse.db"
    source = "{kind: warehouse, table: orders}"
    assert f"`source: {source}`" in (flights / "src" / block.page).read_text("utf-8")
    rules = "rules:\n  - {check: row_count, min: 2}\n  - {check: positive, column: amount}\n"
    contract.write_text(f"dataset: orders\nowner: '@us'\nsource: {source}\n{rules}", "utf-8")
    try:
        pasted(block)
        unread = nox(flights, "task", "orders")
        assert unread.returncode == 3, unread.stdout + unread.stderr
        assert "the source could not be read: warehouse: " in unread.stdout
        with closing(sqlite3.connect(data)) as warehouse, warehouse:
            warehouse.execute("CREATE TABLE orders (amount REAL)")
            warehouse.execute("INSERT INTO orders VALUES (3.5), (4)")
        read = nox(flights, "task", "orders")
        assert read.returncode == 0, read.stdout + read.stderr
        assert "orders: PASSED" in read.stdout
    finally:
        contract.unlink()
        data.unlink(missing_ok=True)


@pytest.mark.parametrize("block", of("flows"), ids=place)
def test_a_flow_as_its_example_has_it_runs(block: Block, flights: Path, pasted: Callable[[Block], None]) -> None:
    pasted(block)
    [name] = re.findall(r"def (\w+)\(", block.text)
    done = shell(flights, f"python -c 'from domain.flows import {name}; print({name}())'")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "data/flights.parquet"


def rendered(template: Path, folder: Path, **answers: Any) -> list[Block]:
    """The blocks of a repository's README, as its team reads it."""
    run_copy(str(template), folder, data=answers, defaults=True, quiet=True)
    return [*blocks("README.md", (folder / "README.md").read_text("utf-8"))]


def test_the_commands_of_a_repositorys_readme_do_what_it_says(flights: Path) -> None:
    text = (flights / "README.md").read_text("utf-8")
    example = text.split("## The worked example")[1].split("\n## ")[0]
    ran = []
    for block in blocks("README.md", text):
        raised = block.text in example
        contract = flights / "datasets" / "flights.yml"
        before = contract.read_text("utf-8")
        if raised:
            assert "at the rule `the aircraft is known`, write `severity: error`" in example
            rule = "name: the aircraft is known, column: tailnum, severity: "
            contract.write_text(before.replace(f"{rule}warning", f"{rule}error"), "utf-8")
        for command in [one for one in block.commands if not block.language and one not in ELSEWHERE]:
            done = shell(flights, command)
            assert done.returncode == int(raised), f"{command}\n{done.stdout}{done.stderr}"
            assert f"flights: {'FAILED' if raised else 'WARNING'}" in done.stdout
            assert "the aircraft is known" in done.stdout
            ran.append(command)
        contract.write_text(before, "utf-8")
    assert ran == ["nox -s task", "nox -s task", "nox -s block", "nox -s flow", "nox -s deployment"]


ODD = (
    {"domain": "web_shop", "environments": ["staging"], "work_pool_type": "docker", "source": "exports/"},
    {"domain": "kasse", "environments": ["prod"], "work_pool_type": "kubernetes", "notifications": "teams"},
    {"domain": "lager", "environments": ["prod"], "source": "./the data/parts-[0-9].csv.gz", "notifications": "email"},
)


@pytest.mark.parametrize("answers", ODD, ids=lambda answers: str(answers["domain"]))
def test_the_commands_of_a_readme_of_other_answers_do_what_it_says(
    answers: dict[str, Any], template: Path, tmp_path: Path
) -> None:
    """In place, without an environment of its own: what needs a server is run by test_ladder.py."""
    readme = rendered(template, tmp_path / "r", **answers)
    for number in range(3) if "source" in answers else ():
        folder = tmp_path / "r" / str(Path(answers["source"]).parent if "[" in answers["source"] else answers["source"])
        folder.mkdir(exist_ok=True)
        frame = pl.DataFrame({"id": range(number * 100, number * 100 + 100), "state": ["open", "paid"] * 50})
        frame.write_parquet(folder / f"{number}.parquet") if folder.name == "exports" else (
            folder / f"parts-{number}.csv.gz"
        ).write_bytes(gzip.compress(frame.write_csv().encode()))
    commands = [one for block in readme if not block.language for one in block.commands]
    assert "nox -s deployment" not in commands, "of no use without a server of one's own, or to a first rule"
    text = (tmp_path / "r" / "README.md").read_text("utf-8")
    assert ("which the" in text.split("| `nox -s deployment` |")[1].splitlines()[0]) == ("work_pool_type" in answers)
    commands += re.findall(r"Words after `--` are passed on: `(.+?)`\.", text)
    env = os.environ | {"PYTHONPATH": str(SOURCES), "QUALITY_ROOT": str(tmp_path / "r")}
    ran = []
    for _, _, verb, *words in map(shlex.split, commands):
        if verb in ("task", "add"):
            line = [sys.executable, "-m", "quality", verb, *words[1:]]
            done = subprocess.run(line, cwd=tmp_path / "r", env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            ran.append(verb)
    assert ran[0] == ran[-1] == "task"
    assert ("add" in ran) == ("source" in answers)


def page_of(name: str) -> list[str]:
    """The commands of a page, in order."""
    shown = [block for block in OF_PAGES if block.page == name and block.language == ""]
    return [command for block in shown for command in block.commands]


def first_steps() -> list[str]:
    """The commands of the README from nothing to the first verdict on a file of one's own."""
    [block] = [one for one in OF_PAGES if one.page == "README.md" and "copier copy" in one.text and not one.language]
    return block.commands


TUTORIAL = page_of("docs/tutorial.md")


def test_the_first_verdict_on_an_own_file_takes_four_commands_which_are_those_of_the_tutorial() -> None:
    assert len(first_steps()) <= 4
    assert [one for one in TUTORIAL if one in first_steps()] == first_steps()


def test_the_tutorial_leads_from_an_own_file_to_a_deployment(template: Path, tmp_path: Path) -> None:
    write_csv(delivery(0), tmp_path)
    own = (tmp_path / "umsatz.csv").rename(tmp_path / "orders.csv")
    meant = {"https://your.git.host/platform/quality-ladder.git": str(template), "~/orders.csv": str(own)}
    meant["copier copy"] = "copier copy --defaults"  # each question has a default
    folder, said = tmp_path, dict[str, str]()
    for command in (one for one in TUTORIAL if one not in EXPLAINED):
        if command.startswith("cd "):
            folder /= command.removeprefix("cd ")
            continue
        line = command
        for written, meaning in meant.items():
            line = line.replace(written, meaning)
        done = shell(folder, line)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said[command] = done.stdout
    for rung in ("task", "block", "flow", "deployment"):
        assert "orders: PASSED" in said[f"nox -s {rung} -- orders"]
    assert "corruptions noticed" in said["nox -s challenge -- orders"]
    assert (folder / "rollout" / "evidence" / "orders.deployment.json").is_file()


HOW_TO = ("rule", "source", "environment", "climb", "triage")
ENDS = {"nox -s promote -- block flights": (0, 1), "nox -s doctor": (0, 2)}
"""Commands whose exit code says what they found: a line of the checklist, files that are not committed."""


@pytest.mark.parametrize("name", HOW_TO)
def test_the_commands_of_a_how_to_page_do_what_it_says(name: str, flights: Path) -> None:
    (flights / "data" / "returns.csv").write_text("id,state\n" + "".join(f"{n},open\n" for n in range(50)), "utf-8")
    with closing(sqlite3.connect(flights / "data" / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE IF NOT EXISTS bills AS SELECT 1 AS id, 'x' AS state")
    contract = flights / "datasets" / "flights.yml"
    page = [block for block in OF_PAGES if block.page == f"docs/how-to/{name}.md"]
    try:
        for block in page:
            if block.text.startswith("rules:\n"):
                contract.write_text(contract.read_text("utf-8") + block.text.removeprefix("rules:\n"), "utf-8")
            for command in [one for one in block.commands if not block.language and one not in ELSEWHERE]:
                done = shell(flights, command)
                assert done.returncode in ENDS.get(command, (0,)), f"{command}\n{done.stdout}{done.stderr}"
    finally:
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=flights, check=True)
        subprocess.run(["git", "clean", "-fdq"], cwd=flights, check=True)


def test_the_page_of_answers_renames_a_domain_and_leaves_nothing_of_its_name_on_the_server(flights: Path) -> None:
    start = git(flights, "rev-parse", "HEAD").strip()
    ends = {"nox -s drift -- server --remove-domain flights": 1}
    said = dict[str, str]()
    assert shell(flights, "nox -s block -- flights").returncode == 0
    commit(flights, "What the block proved")
    try:
        for block in [one for one in OF_PAGES if one.page == "docs/how-to/answers.md"]:
            if block.language == "yaml":
                policy = (flights / "policy.yml").read_text("utf-8")
                (flights / "policy.yml").write_text(re.sub(r"(?m)^domain: .*\n", block.text, policy), "utf-8")
                continue
            for command in block.commands:
                done = shell(flights, command)
                said[command] = done.stdout + done.stderr
                assert done.returncode == ends.get(command, 0), f"{command}\n{said[command]}"
        assert "the answer domain is aviation and was flights" in said["nox -s update -- --data domain=aviation"]
        assert ".copier-answers.yml, domain: the answer is aviation, and policy.yml says" in said["nox -s doctor"]
        assert "block flights-flights-dev: is left from the domain flights" in said[[*said][-2]]
        assert "deleted the block flights-flights-dev" in said[[*said][-1]]
        assert "answers.yml" not in shell(flights, "nox -s doctor").stdout
        assert 'name = "aviation-quality"' in (flights / "pyproject.toml").read_text("utf-8")
    finally:
        git(flights, "reset", "--quiet", "--hard", start)
        git(flights, "clean", "-fdq")


SHOP = {
    "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n\n[project]\nname = "shop"\nversion = "3"\n',
    "README.md": "# Shop\n",
    ".gitignore": "build/\n",
    "noxfile.py": "import nox\n\n\n@nox.session\ndef hello(session: nox.Session) -> None:\n    pass\n",
    ".github/workflows/ci.yml": "name: ci\n",
    "src/shop/__init__.py": "def total(prices):\n    return sum(prices)\n",
    "tests/test_shop.py": "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
}
"""A repository of before, with code, tests and checks of its own."""


def merged_by_hand(shop: Path) -> None:
    """What the page leaves to hands: both texts where both are wanted, and what pyproject.toml needs of the other."""
    for name in ("README.md", ".gitignore"):
        lines = (shop / name).read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(("<<<<<<< ", "=======\n", ">>>>>>> "))]
        assert len(lines) == len(kept) + 3
        (shop / name).write_text("".join(kept), "utf-8")
    project = (shop / "pyproject.toml").read_text("utf-8")
    assert '"src/domain"]' in project
    (shop / "pyproject.toml").write_text(project.replace('"src/domain"]', '"src/domain", "src/shop"]'), "utf-8")
    (shop / "pyproject_own.toml").unlink()


def test_the_page_of_an_existing_repository_brings_the_template_in_and_loses_nothing(
    template: Path, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    for name, text in SHOP.items():
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(text, "utf-8")
    commit(shop, "The shop")
    before = git(shop, "rev-parse", "HEAD").strip()
    meant = {"https://your.git.host/platform/quality-ladder.git": str(template)}
    meant["copier copy"] = "copier copy --defaults"  # each question has a default
    listed = ""
    for command in page_of("docs/how-to/existing.md"):
        if command in ELSEWHERE:
            continue
        line = command
        for written, meaning in meant.items():
            line = line.replace(written, meaning)
        if command == "nox -s task":
            merged_by_hand(shop)
        done = shell(shop, line)
        conflicts = command.startswith("git merge ")
        assert done.returncode == int(conflicts), f"{command}\n{done.stdout}{done.stderr}"
        listed += done.stdout
    assert "* hello" in listed
    mine = nox(shop, "tests", "tests/test_shop.py")
    assert mine.returncode == 0, mine.stdout + mine.stderr
    assert "1 passed" in mine.stdout
    for name, text in SHOP.items():
        assert git(shop, "show", f"{before}:{name}") == text
        if name not in ("pyproject.toml", "noxfile.py"):
            assert text in (shop / name).read_text("utf-8")
    git(shop, "merge-base", "--is-ancestor", before, "HEAD")
    compiled = shop / "src" / "quality" / "__pycache__" / "errors.cpython-311.pyc"
    compiled.parent.mkdir(exist_ok=True)
    compiled.touch()  # as Python leaves it, unless it is told not to
    updated = nox(shop, "update")
    assert updated.returncode == 0, updated.stderr
    assert git(shop, "status", "--porcelain") == ""


def benchmarks() -> Any:
    """The module that the benchmarks' commands start."""
    folder = ROOT / "tests" / "benchmarks"
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("benchmarks_run", folder / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmarks_run"] = module
    spec.loader.exec_module(module)
    sys.path.remove(str(folder))
    return module


RUN = "python tests/benchmarks/run.py "
MEASURED = [one for block in OF_PAGES if block.language == "" for one in block.commands if one.startswith(RUN)]


def test_every_command_of_the_benchmarks_has_options_and_contestants_that_exist() -> None:
    run = benchmarks()
    for command in MEASURED:
        options = run.parser().parse_args(shlex.split(command.removeprefix(RUN)))
        assert set(run.chosen(options)) <= set(run.CONTESTANTS)
    assert len(MEASURED) > 5


def test_the_commands_of_every_page_are_run_here_or_explained(template: Path, tmp_path: Path) -> None:
    plain = [block for block in OF_PAGES if block.language == "" and not re.search(r"\[[\[%]", block.text)]
    written = {one for block in plain for one in block.commands}  # what answers shape is read as it is rendered
    for number, answers in enumerate(({}, OTHER)):
        readme = rendered(template, tmp_path / str(number) / "orders", **answers)
        written |= {one for block in readme if not block.language for one in block.commands}
    how_to = {command for name in (*HOW_TO, "answers", "existing") for command in page_of(f"docs/how-to/{name}.md")}
    here = how_to | {
        "nox -s task",
        "nox -s block",
        "nox -s flow",
        "nox -s deployment",
        *first_steps(),
        *TUTORIAL,
        *MEASURED,
    }
    assert written - here - ELSEWHERE.keys() - EXPLAINED.keys() == set()
    assert set(ELSEWHERE.values()) <= named_tests()
    for command in EXPLAINED:
        for session in re.findall(r"nox -s (\w+(?:-\w+)*)", command):
            assert session in sessions(ROOT)
        assert [path for path in command.split() if path.startswith("tests/") and not (ROOT / path).exists()] == []


def sessions(folder: Path) -> set[str]:
    """The sessions of a noxfile."""
    tree = ast.parse((folder / "noxfile.py").read_text("utf-8"))
    functions = {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    given = {name: re.search(r"nox\.session\([^)]*name='([\w-]+)'", text) for name, text in functions.items()}
    return {found[1] if (found := given[name]) else name for name, text in functions.items() if "nox.session" in text}


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda path: path.name)
def test_a_session_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"nox -s (\w+(?:-\w+)*)", page.read_text("utf-8")))
    assert named <= sessions(ROOT) | sessions(ROOT / "template")
