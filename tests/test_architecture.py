"""The house: rooms whose imports point down, a core that knows neither Prefect nor the repository, and small pieces."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "template" / "src" / "quality"
LAYERS = (
    ("values", "files", "masking", "merging"),
    ("texts", "provenance", "git", "sql_meaning"),
    ("result",),
    ("errors", "time_units"),
    ("sql_text", "known_sql"),
    ("engine",),
    ("rules",),
    ("pushdown",),
    ("sources",),
    ("contract",),
    ("prefect_run", "loopback"),
    ("history",),
    ("isolation",),
    ("file_states",),
    ("learning",),
    ("checking",),
    ("impact",),
    ("reporting",),
    ("server", "quarantine"),
    ("operations",),
    ("ladder",),
    ("rollout",),
    ("drift",),
    ("cli",),
    ("__main__",),
)
"""From the ground up; a module may import its own room and those of the lines above it here."""
FLOOR = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
PURE = (
    "values",
    "files",
    "masking",
    "merging",
    "texts",
    "provenance",
    "git",
    "result",
    "errors",
    "time_units",
    "sql_meaning",
    "sql_text",
    "known_sql",
    "engine",
    "rules",
    "pushdown",
    "sources",
    "contract",
    "history",
    "isolation",
    "file_states",
    "learning",
    "checking",
    "impact",
)
CORE = ("values", "result", "errors", "engine")
FACE = ("__init__", "moved")
"""What stands outside the layers: the lazy table of public names, and the one of names from before the rooms."""
MOST_LINES = {"core": 1_600, "module": 300, "function": 40}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> Iterator[str]:
    """Every imported module, lazily imported ones and those for types too; `from quality import x` is `quality.x`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            deep = node.module in ("quality", *(f"quality.{room}" for room in FLOOR))
            yield from (f"{node.module}.{name.name}" for name in node.names) if deep else (node.module,)


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if room_of(path) not in FACE)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down_and_the_core_knows_no_prefect(path: Path) -> None:
    mine = room_of(path)
    assert mine in FLOOR, f"{path} is in no room of the house: give it one, or state its layer here"
    for imported in imports_of(path):
        top, _, rest = imported.partition(".")
        if top == "quality" and (room := rest.split(".")[0]) != mine:
            below = FLOOR.get(room, len(LAYERS)) < FLOOR[mine]
            assert below or room == "EXPORTS", f"{path} imports {imported}, which is not below it"
        assert not (mine in PURE and top == "prefect"), f"{path} imports Prefect"


def test_no_room_has_a_circle_within() -> None:
    for room in {room_of(path) for path in MODULES}:
        edges = {
            f"quality.{room}.{path.stem}": {name for name in imports_of(path) if name.startswith(f"quality.{room}.")}
            for path in MODULES
            if room_of(path) == room
        }
        while edges:
            free = {
                name
                for name, needs in edges.items()
                if not any(n == m or n.startswith(f"{m}.") for n in needs for m in edges)
            }
            assert free, f"these import each other in a circle: {', '.join(sorted(edges))}"
            edges = {name: needs for name, needs in edges.items() if name not in free}


def test_the_core_is_read_in_one_sitting_and_every_piece_fits_in_view() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    core = sum(count for path, count in lines.items() if room_of(path) in CORE)
    assert core <= MOST_LINES["core"], f"the core has {core} lines: look for what can go"
    assert {str(path): count for path, count in lines.items() if count > MOST_LINES["module"]} == {}
    long = {
        f"{path.name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: count for name, count in long.items() if count > MOST_LINES["function"]} == {}


LOCAL = {"today": 0, "now": 0, "utcnow": None, "fromtimestamp": 1, "astimezone": 0, "localtime": None, "mktime": None}
"""Calls that ask for the clock of this machine's zone, with so many arguments, or whatever they are given."""


@pytest.mark.parametrize("folder", ["template", "hooks"])
def test_no_clock_of_this_machines_zone_is_asked(folder: str) -> None:
    """A day ends at midnight in UTC, wherever a worker, a person or a CI is."""
    wrong = []
    for path in sorted((PACKAGE.parents[2] / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOCAL:
                most, given = LOCAL[node.func.attr], len(node.args) + len(node.keywords)
                if most is None or given == most:
                    wrong.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "date.today()" in node.value:
                wrong.append(f"{path.name}:{node.lineno}: a text that asks for today")
    assert wrong == []
