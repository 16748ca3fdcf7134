"""Forks: code that goes round the blessed flow, found in the syntax tree, with what to call instead."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from quality import EXPORTS
from quality.drift.finding import Finding, Layer

ENGINE = ("quality.checking", "quality.engine.judge", "quality.engine.one_pass")
TASKS = (
    "quality.ladder.tasks.data_quality_check_task",
    "quality.ladder.tasks.check_task",
    "quality.ladder.tasks.check",
)
MAKERS = ("quality.ladder.tasks.create_check_task", "quality.ladder.tasks.check_task")
BLOCKS = ("quality.ladder.block.DataQualityBlock", "quality.ladder.block.load_block")
FLOWS = ("prefect.flow", "prefect.flows.flow")
COPIED = 60
"""Nodes of a syntax tree from which on two equal functions are a copy and no coincidence."""

CALL_ENGINE = "call check_dataset(dataset) or create_quality_flow(name, dataset=…) instead"
CALL_FLOW = "use @quality_checked_flow(dataset=…) or create_quality_flow(name, loader) instead"
CALL_BLOCK = "use create_quality_flow(name, block=…) or @quality_checked_flow(block=…) instead"
SKIPPED = {"tests", "node_modules", "build", "dist", "__pycache__"}


def forks(root: Path) -> Iterator[Finding]:
    """Every fork in the team's Python files: own calls of the engine, own wrappers, copies of managed code."""
    managed = dict(_definitions_of(root / "src" / "quality", root))
    for path in team_files(root):
        name = path.relative_to(root).as_posix()
        try:
            tree = ast.parse(path.read_text("utf-8"), name)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            yield Finding.of(Layer.FORKS, f"{name}:{line}", f"cannot be read: {error}", "fix it")
            continue
        module = Module(tree)
        found = [*module.engine_calls(), *module.wrappers(), *_copies(tree, managed)]
        for line, problem, instead in sorted(set(found)):
            yield Finding.of(Layer.FORKS, f"{name}:{line}", problem, instead)


def team_files(root: Path) -> Iterator[Path]:
    """The Python files of the team: all but the managed ones, the tests and what tools leave."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        left_out = SKIPPED | ({"quality"} if here == root / "src" else set())
        kept = (n for n in names if not n.startswith(".") and n not in left_out)
        names[:] = sorted(n for n in kept if not (here / n / "pyvenv.cfg").exists())
        yield from (here / n for n in sorted(files) if n.endswith(".py") and (here / n) != root / "noxfile.py")


class Module:
    """One file, with the full name of everything it imports or binds."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.names: dict[str, str] = {}
        self.made: set[str] = set()
        self.blocks: set[str] = set()
        for node in ast.walk(tree):
            self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for one in node.names:
                self.names[one.asname or one.name.split(".")[0]] = one.name if one.asname else one.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            self.names |= {one.asname or one.name: full(f"{node.module}.{one.name}") for one in node.names}
        elif isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            bound = self.called(node.value)
            if bound.startswith(MAKERS):
                self.made.add(target.id)
            elif bound.startswith(BLOCKS):
                self.blocks.add(target.id)
            elif isinstance(node.value, ast.Name | ast.Attribute) and (meant := self.name(node.value)):
                self.names[target.id] = meant

    def name(self, node: ast.AST) -> str:
        """The full dotted name of an expression; empty when it is none."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, "")
        if isinstance(node, ast.Attribute) and (owner := self.name(node.value)):
            return full(f"{owner}.{node.attr}")
        return ""

    def called(self, node: ast.AST) -> str:
        """The full name of what a call, awaited or not, calls."""
        node = node.value if isinstance(node, ast.Await) else node
        return self.name(node.func) if isinstance(node, ast.Call) else ""

    def engine_calls(self) -> Iterator[tuple[int, str, str]]:
        """Every use of a function of the engine."""
        for node in ast.walk(self.tree):
            used = self.name(node)
            if isinstance(node, ast.Name | ast.Attribute) and any(used.startswith(f"{one}.") for one in ENGINE):
                yield node.lineno, f"uses {used}, past retries, artifacts and verdict", CALL_ENGINE

    def wrappers(self) -> Iterator[tuple[int, str, str]]:
        """Every function that hands data to the check task, and every own flow that checks with a block."""
        for function in ast.walk(self.tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            what = "flow" if any(self._is_flow(one) for one in function.decorator_list) else "function"
            for node in (inner for statement in function.body for inner in ast.walk(statement)):
                used = self.name(node)
                if used.startswith(TASKS) or (isinstance(node, ast.Name) and node.id in self.made):
                    yield function.lineno, f"the {what} {function.name} wraps the check task", CALL_FLOW
                elif what == "flow" and isinstance(node, ast.Call) and self._checks_by_block(node.func):
                    yield function.lineno, f"the flow {function.name} checks with a block of its own", CALL_BLOCK

    def _is_flow(self, decorator: ast.expr) -> bool:
        return self.name(decorator.func if isinstance(decorator, ast.Call) else decorator) in FLOWS

    def _checks_by_block(self, called: ast.expr) -> bool:
        if not isinstance(called, ast.Attribute) or called.attr != "check":
            return False
        owner = called.value
        return (isinstance(owner, ast.Name) and owner.id in self.blocks) or self.called(owner).startswith(BLOCKS)


def full(name: str) -> str:
    """A name of the package `quality` as the module that defines it has it."""
    package, _, rest = name.partition(".")
    first, dot, more = rest.partition(".")
    return f"{EXPORTS[first]}.{first}{dot}{more}" if package == "quality" and first in EXPORTS else name


def _definitions_of(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError):
            continue
        where = path.relative_to(root).as_posix()
        yield from ((shape, f"{where}:{node.lineno}") for node, shape in _definitions(tree))


def _definitions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, str]]:
    """Functions and classes, with what they do apart from their own name, decorators and docstring."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        if sum(1 for statement in body for _ in ast.walk(statement)) >= COPIED:
            yield node, "\n".join(ast.dump(statement) for statement in body)


def _copies(tree: ast.Module, managed: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    for node, shape in _definitions(tree):
        if shape in managed:
            yield node.lineno, f"{node.name} is a copy of {managed[shape]}", "import it, or change it in the template"
