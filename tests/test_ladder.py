"""The generated repository through its own nox: two answer sets climb the ladder on real servers, pools and workers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from copier import run_copy
from rendering import OTHER, ROOT, commit, git, nox
from ruamel.yaml import YAML

HERE = f"py{sys.version_info.major}{sys.version_info.minor}-"
TUPLES = [path.stem for path in (ROOT / "template" / "constraints").glob("py*.txt")]
OTHERS = [name for name in TUPLES if not name.startswith(HERE)]
"""The supported tuples of other Pythons."""
RUNGS = ("task", "block", "flow", "deployment")


@pytest.fixture(scope="module")
def flights(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The defaults, with the environment installed."""
    target = tmp_path_factory.mktemp("ladder") / "flights"
    run_copy(str(template), target, defaults=True, quiet=True)
    commit(target)
    installed = nox(target, "environment")
    assert installed.returncode == 0, installed.stderr
    return target


@pytest.fixture
def contract(flights: Path) -> Iterator[Callable[[str, str], None]]:
    """Replaces text of the flights contract, until the test ends."""
    path = flights / "datasets" / "flights.yml"
    before = path.read_text(encoding="utf-8")

    def replace(old: str, new: str) -> None:
        assert old in path.read_text(encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")

    yield replace
    path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize("answers", ["flights", "orders"])
def test_schemas_rule_table_and_policy_document_are_current_as_rendered(
    answers: str, request: pytest.FixtureRequest
) -> None:
    repository: Path = request.getfixturevalue(answers)
    done = nox(repository, "rules")
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize("rung", RUNGS)
def test_one_severity_raised_to_error_fails_every_rung(
    rung: str, flights: Path, contract: Callable[[str, str], None]
) -> None:
    contract("column: tailnum, severity: warning", "column: tailnum, severity: error")
    done = nox(flights, rung)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("rung", RUNGS)
def test_a_dataset_of_the_teams_passes_on_every_rung(rung: str, orders: Path) -> None:
    done = nox(orders, rung)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout


def test_containers_are_deployed_but_not_judged_without_a_server_that_they_reach(
    orders: Path, template: Path, tmp_path: Path
) -> None:
    policy = YAML(typ="safe").load(orders / "policy.yml")
    for pool, number in (("docker", 0), ("kubernetes", 1)):
        run_copy(str(template), tmp_path / pool, data=OTHER | {"work_pool_type": pool}, defaults=True, quiet=True)
        rendered = YAML(typ="safe").load(tmp_path / pool / "prefect.yaml")["deployments"][number]["work_pool"]
        own = {"work_pool": {"name": pool}, "job_variables": rendered["job_variables"]}
        policy["environments"][("staging", "prod")[number]]["deployment"] = own
    policy["registry"] = "ghcr.io/acme"
    before = {path: path.read_bytes() for path in (orders / "policy.yml", orders / "prefect.yaml")}
    YAML().dump(policy, orders / "policy.yml")
    computed = nox(orders, "entries")
    assert computed.returncode == 0, computed.stdout + computed.stderr
    own_image = rendered["job_variables"]["image"].removesuffix(":latest")
    named = nox(orders, "image", env={"QUALITY_COMMIT": "c" * 40})
    assert named.stdout == f"ghcr.io/acme/{own_image}:{'c' * 40}\n", named.stdout + named.stderr
    said = {name: nox(orders, "deployment", "--env", name) for name in ("staging", "prod")}
    for path, content in before.items():
        path.write_bytes(content)
    for done, pool in zip(said.values(), ("docker", "kubernetes"), strict=True):
        assert done.returncode == 3, done.stdout + done.stderr
        assert f"{pool} ({pool})" in done.stdout
        assert "PREFECT_API_URL" in done.stdout
    assert "kubernetes" not in said["staging"].stdout, "only the environment asked for is deployed"


def test_plain_nox_lints_and_tests_the_defaults(flights: Path) -> None:
    for session in ("lint", "tests"):
        done = nox(flights, session)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_other_answers_pass_their_tests(orders: Path) -> None:
    """Their Python files are those of the defaults, so that lint and the tests of the package have nothing else."""
    done = nox(orders, "tests", "tests/quality/test_contracts.py", "tests/domain")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_environment_has_only_what_checks_and_tests_need(flights: Path) -> None:
    """What lint asks for is in an environment of lint's own, and none of it, nor pandas, comes with the others."""
    python = (flights / ".nox" / ".cache" / "python").read_text(encoding="utf-8")
    listed = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    done = subprocess.run([python, "-c", listed], check=True, capture_output=True, text=True)
    assert {"prefect", "polars", "pytest"} <= set(done.stdout.split())
    assert not {"pandas", "pyarrow", "numpy", "hypothesis", "mypy", "ruff", "pandas-stubs"} & set(done.stdout.split())
    found = (path for path in (flights / ".nox" / "environment").rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in found) / 1e6
    assert size < 450, f"{size:.0f} MB"


OWN_RULE = '''"""Rules of this domain."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from quality import NUMBER, ColumnRule, Frame, Kinds, Rule


class EvenNumber(ColumnRule):
    """Every value is an even number."""

    JUDGES: ClassVar[Kinds] = NUMBER
    check: Literal["even_number"] = "even_number"

    def says(self) -> str:
        return f"{self.column} is even"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value % 2 == 0


RULES: tuple[type[Rule], ...] = (EvenNumber,)
'''


def test_a_domain_adds_a_rule_of_its_own_as_one_small_class(
    flights: Path, contract: Callable[[str, str], None]
) -> None:
    written = {name: (flights / name).read_bytes() for name in ("src/domain/rules.py", "docs/rules.md")}
    schema = flights / "datasets" / "contract.schema.json"
    before = schema.read_bytes()
    (flights / "src" / "domain" / "rules.py").write_text(OWN_RULE, encoding="utf-8")
    contract("rules:", "rules:\n  - {check: even_number, column: flight, severity: warning}")
    done, documented = nox(flights, "task"), nox(flights, "rules")
    page, properties = (flights / "docs" / "rules.md").read_text("utf-8"), schema.read_text("utf-8")
    for name, content in written.items():
        (flights / name).write_bytes(content)
    schema.write_bytes(before)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "even_number(flight)" in done.stdout
    assert documented.returncode == 0, documented.stdout + documented.stderr
    own, _, built_in = page.partition("<!-- own rules:end -->")
    assert "| `even_number` (row) |  | `column` | Every value is an even number. |" in own
    assert "even_number" not in built_in
    assert '"even_number"' in properties


def test_rules_are_learnt_from_the_teams_data(orders: Path) -> None:
    done = nox(orders, "learn", "orders")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "amount" in done.stdout


def test_one_command_learns_the_rules_of_what_was_answered(orders: Path) -> None:
    contract = orders / "datasets" / "orders.yml"
    before = contract.read_bytes()
    try:
        done = nox(orders, "add", "data/orders.csv", "orders", "--accept")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "orders: PASSED" in done.stdout
        written = contract.read_text("utf-8")
        assert "- {check: row_count, min: 1}" in written
        assert written.count("learned: {") > 2
    finally:
        contract.write_bytes(before)


def test_doctor_finds_nothing_wrong(flights: Path) -> None:
    done = nox(flights, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("chosen", ["py39-prefect-2", *OTHERS])
def test_a_tuple_that_cannot_run_here_is_refused_with_what_to_install(chosen: str, flights: Path) -> None:
    done = nox(flights, "task", env={"QUALITY_TUPLE": chosen})
    assert done.returncode == 2
    assert chosen in done.stderr
    assert "-m nox" in done.stderr


def test_running_the_ladder_leaves_nothing_to_commit_but_its_evidence(flights: Path) -> None:
    assert git(flights, "status", "--porcelain", "--", ".", ":!rollout") == ""


REFUSED = [
    ("unknown rule", "check: not_null, name: a dep", "check: not_nul, name: a dep", ("not_null")),
    ("unknown field", "max_failure_rate: 0.02", "max_failure_rat: 0.02", ("max_failure_rate")),
    ("unknown dtype", "dtype: integer", "dtype: intger", ("integer")),
    (
        "name twice",
        "name: the aircraft is known",
        "name: no delay of half a day",
        ("two rules are named"),
    ),
    ("unknown severity", "severity: warning", "severity: warnin", ("warning")),
    ("bad pattern", '"^[0-9A-Z]{2}$"', '"^[0-9A-Z"', ()),
    ("unknown contract field", "sensitive:", "sensitiv:", ("sensitive")),
    ("not YAML", "rules:", "rules: [", ()),
]


def vary(flights: Path, case: str, old: str, new: str) -> Path:
    """The contract of the flights once more, under another name and with another text."""
    name = case.replace(" ", "_").lower()
    text = (flights / "datasets" / "flights.yml").read_text("utf-8")
    assert old in text
    path = flights / "datasets" / f"{name}.yml"
    path.write_text(text.replace("dataset: flights", f"dataset: {name}").replace(old, new, 1), "utf-8")
    return path


@pytest.fixture(scope="module")
def refused(flights: Path) -> list[str]:
    """What one session says of every wrong contract; it judges the right one."""
    paths = [vary(flights, case, old, new) for case, old, new, _ in REFUSED]
    done = nox(flights, "task")
    for path in paths:
        path.unlink()
    assert done.returncode == 2, done.stdout + done.stderr
    assert "flights: WARNING" in done.stdout
    return [line for line in done.stderr.splitlines() if line and not line.startswith("nox > ")]


@pytest.mark.parametrize(("case", "said"), [(row[0], row[3]) for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_contract_is_refused_in_one_line(case: str, said: tuple[str, ...], refused: list[str]) -> None:
    assert len(refused) == len(REFUSED), refused
    [line] = [line for line in refused if f"datasets/{case.replace(' ', '_').lower()}.yml" in line]
    assert all(word in line for word in said), line


TOLD_BY_THE_DATA = [
    (
        "unknown column",
        "column: tailnum, severity",
        "column: tailnumber, severity",
        ("'tailnumber' is gone", "'tailnum'"),
    ),
    ("wrong dtype", "column: origin, values", "column: distance, values", ("distance", "cannot be compared")),
]


def test_an_unknown_dataset_and_an_unknown_environment_are_refused_with_the_nearest(flights: Path) -> None:
    for posargs, said in ((["flight"], "flights"), (["flights", "--env", "prd"], "prod")):
        done = nox(flights, "task", *posargs)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def spoil_missing(path: Path) -> None:
    path.unlink()


def spoil_empty_file(path: Path) -> None:
    path.write_bytes(b"")


def spoil_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def spoil_no_rows(path: Path) -> None:
    pl.read_parquet(path).clear().write_parquet(path)


SPOILED: list[tuple[str, Callable[[Path], None], int]] = [
    ("missing", spoil_missing, 3),
    ("empty file", spoil_empty_file, 3),
    ("truncated", spoil_truncated, 3),
    ("no rows", spoil_no_rows, 1),
]


@pytest.fixture(scope="module")
def judged(flights: Path) -> dict[str, Any]:
    """What one session answers about every contract and file of which only the data tells, by its name."""
    made = [vary(flights, case, old, new) for case, old, new, _ in TOLD_BY_THE_DATA]
    for case, spoil, _ in SPOILED:
        contract = vary(flights, case, "data/flights.parquet", f"data/{case}.parquet")
        data = Path(shutil.copy(flights / "data" / "flights.parquet", flights / "data" / f"{case}.parquet"))
        spoil(data)
        made += [contract, data]
    done = nox(flights, "task", "--json")
    for path in made:
        path.unlink(missing_ok=True)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return {run["dataset"]: run for run in json.loads(done.stdout)["runs"]}


@pytest.mark.parametrize(
    ("case", "said"), [(row[0], row[3]) for row in TOLD_BY_THE_DATA], ids=[row[0] for row in TOLD_BY_THE_DATA]
)
def test_what_only_the_data_tells_is_a_verdict_and_no_refusal(
    case: str, said: tuple[str, ...], judged: dict[str, Any]
) -> None:
    found = judged[case.replace(" ", "_")]
    assert (found["exit_code"], found["result"]["status"]) == (3, "ERROR")
    messages = " ".join(rule["message"] for rule in found["result"]["rules"])
    assert all(word in messages for word in said), messages


@pytest.mark.parametrize(("case", "code"), [(row[0], row[2]) for row in SPOILED], ids=[row[0] for row in SPOILED])
def test_data_that_cannot_be_judged_is_never_green(case: str, code: int, judged: dict[str, Any]) -> None:
    assert judged[case.replace(" ", "_")]["exit_code"] == code


def test_a_contract_without_rules_is_never_green(orders: Path) -> None:
    path = orders / "datasets" / "orders.yml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.split("rules:")[0] + "rules: []\n", encoding="utf-8")
    done = nox(orders, "task")
    path.write_text(before, encoding="utf-8")
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("rung", ["block", "flow", "deployment"])
def test_a_server_that_cannot_be_reached_is_named(rung: str, flights: Path) -> None:
    done = nox(flights, rung, env={"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    assert done.returncode == 3, done.stdout + done.stderr
    assert "127.0.0.1:9" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
