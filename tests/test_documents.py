"""The pages for maintainers are true: files they name exist, promises have their test, the drawing is the layers."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from rendering import ROOT
from test_architecture import LAYERS, PURE

TESTS = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "template" / "tests").rglob("test_*.py")]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "template" / "docs").glob("*.md")),
    ROOT / "tests" / "benchmarks" / "README.md",
]
QUESTIONS = (
    "add a rule", "the retry set", "drift compare", "message sent", "fingerprint made",
    "source open", "decides PASSED", "history written", "promotion check", "verb added",
)  # fmt: skip


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    text = page.read_text("utf-8").split(heading, 1)[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table, f"{page.name} has no table under '{heading}'"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_functions() -> None:
    """The name of every test of this project is there once or more; this one's, too."""
    assert "test_functions" in named_tests()


@cache
def named_tests() -> set[str]:
    """Read once: all tests are many files, and promises are many rows."""
    trees = (ast.walk(ast.parse(path.read_text("utf-8"))) for path in TESTS)
    return {node.name for nodes in trees for node in nodes if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(ROOT / "docs" / "promises.md", "# Promises"), ids=lambda row: row[0][:60])
def test_a_promise_names_tests_that_exist(row: list[str]) -> None:
    promise, kept_by = row
    tests = re.findall(r"`(\w+)`", kept_by)
    assert promise
    assert tests, f"no test keeps: {promise}"
    assert set(tests) <= named_tests()


def test_each_of_the_ten_questions_has_files_to_open() -> None:
    answered = rows(ROOT / "docs" / "maintainers.md", "## Ten questions")
    assert len(answered) == len(QUESTIONS)
    for question, (asked, answer) in zip(QUESTIONS, answered, strict=True):
        assert question in asked
        assert re.findall(r"`(template/[\w./]+\.py)`", answer), f"{asked} names no file"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_files_that_a_page_names_and_links_to_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(r"`((?:template|tests|hooks|docs)/[\w./-]+\.\w+)`", text)
    places = [ROOT, ROOT / "template"]
    linked = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link]
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert [name for name in missing if "X_Y_Z" not in name] == []
    assert [link for link in linked if not (page.parent / link).exists()] == []


def test_the_drawing_of_the_layers_is_what_the_architecture_test_says() -> None:
    drawing = (ROOT / "README.md").read_text("utf-8").split("## The layers of the package")[1].split("```")[1]
    drawn = re.findall(r'^  l(\d+)\["([^"]+)"\](:::pure)?(?: --> l(\d+))?$', drawing, re.MULTILINE)
    assert [tuple(rooms.split(" · ")) for _, rooms, _, _ in drawn] == list(reversed(LAYERS))
    for (_, _, _, below), (number, _, _, _) in pairwise(drawn):
        assert below == number, "each layer points to the one below it"
    pure = {room for _, rooms, mark, _ in drawn if mark for room in rooms.split(" · ")}
    assert pure == {room for rooms in LAYERS if set(rooms) <= set(PURE) for room in rooms}
    assert drawing.count("\n") == len(LAYERS) + 3
