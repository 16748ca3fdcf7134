"""Forks: code that goes round the blessed flow, found in the syntax tree, with what to call instead.

What checks data is refused wherever a module reaches it, by whatever name; only what the face gives to call is none.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from quality.drift.finding import Finding, Layer
from quality.drift.reach import UNKNOWN, Functions, Module, starts, text

ENGINE = (
    *("quality.checking", "quality.engine.judge", "quality.engine.one_pass", "quality.isolation"),
    *("quality.operations.after_check", "quality.operations.isolated", "quality.cli.probes"),
)
TASKS = tuple(
    f"quality.ladder.tasks.{name}" for name in ("data_quality_check_task", "check_task", "check", "QualityTask")
)
MAKERS = ("quality.ladder.tasks.create_check_task", "quality.ladder.tasks.check_task")
BLOCKS = ("quality.ladder.block.DataQualityBlock", "quality.ladder.block.load_block")
SAVED = "data-quality-block/"
FLOWS = ("prefect.flow", "prefect.flows.flow")
COPIED = 60
"""Nodes of a syntax tree from which on two equal functions are a copy and no coincidence."""

CALL_ENGINE = "call check_dataset(dataset) or create_quality_flow(name, dataset=…) instead"
CALL_FLOW = "use @quality_checked_flow(dataset=…) or create_quality_flow(name, loader) instead"
CALL_BLOCK = "use create_quality_flow(name, block=…) or @quality_checked_flow(block=…) instead"
CALL_FACE = "write `from quality import …`, which names what is reached"
TOOLS = {
    *(".git", ".nox", ".tox", ".venv", ".prefect", ".quality", ".hypothesis", ".eggs", ".ipynb_checkpoints"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules", "__pycache__", "site-packages"),
}
"""Folders of tools, in which nobody writes code."""
Fork = tuple[int, str, str]


def forks(root: Path) -> Iterator[Finding]:
    """Every fork in the team's Python files: own calls of the engine, own wrappers, copies of managed code."""
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in team_files(root)}
    yield from forks_in(files, managed_definitions(root))


def forks_in(files: Mapping[str, bytes], managed: Mapping[str, str]) -> Iterator[Finding]:
    """The forks in these files of a team, each by its path in the repository."""
    modules: dict[str, Module] = {}
    read: dict[str, Module] = {}
    for name, content in files.items():
        try:
            tree = ast.parse(source(name, content), name)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            yield Finding.of(Layer.FORKS, f"{name}:{line}", f"cannot be read: {error}", "fix it")
            continue
        dotted = dotted_names(name)
        read[name] = Module(tree, dotted[0], modules)
        modules |= dict.fromkeys(dotted, read[name])
    for name, module in read.items():
        found = {*_engine(module), *_unknown(module), *_tasks(module), *_blocks(module), *_copies(module.tree, managed)}
        for line, problem, instead in sorted(found):
            yield Finding.of(Layer.FORKS, f"{name}:{line}", problem, instead)


def team_files(root: Path) -> Iterator[Path]:
    """The Python files of the team: all but the managed ones, the tests' own folder and what tools leave."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        left_out = TOOLS | ({"quality"} if here == root / "src" else {"tests"} if here == root else set())
        kept = (n for n in names if n not in left_out)
        names[:] = sorted(n for n in kept if not (here / n / "pyvenv.cfg").exists())
        yield from (here / n for n in sorted(files) if is_python(here / n) and (here / n) != root / "noxfile.py")


def is_python(path: Path) -> bool:
    """Whether a file is Python: by its ending or, where it has none, by its first line."""
    if path.suffix:
        return path.suffix in (".py", ".pyw", ".ipynb")
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return False
    return first.startswith(b"#!") and b"python" in first


def source(name: str, content: bytes) -> str:
    """The code of a file; of a notebook, that of its cells."""
    written = content.decode("utf-8-sig")
    if not name.endswith(".ipynb"):
        return written
    cells = [cell for cell in json.loads(written).get("cells", []) if cell.get("cell_type") == "code"]
    lines = [line for cell in cells for line in "".join(cell.get("source", [])).splitlines()]
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def dotted_names(name: str) -> list[str]:
    """The names under which a module can be imported: from the repository's folder, or from `src`."""
    parts = PurePosixPath(name).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return [".".join(parts[1:] if parts[:1] == ("src",) else parts), ".".join(parts)]


def _engine(module: Module) -> Iterator[Fork]:
    """Every use of a function of the engine, by whatever name or text."""
    for node, used in module.reached():
        if starts(used, ENGINE) and used not in ENGINE:
            yield node.lineno, f"uses {used}, past retries, artifacts and verdict", CALL_ENGINE
    for package in module.starred:
        if starts(package, (*ENGINE, "quality.ladder")):
            yield 1, f"imports everything of {package}, past retries, artifacts and verdict", CALL_ENGINE


def _unknown(module: Module) -> Iterator[Fork]:
    """Code of the package that is asked for by a name which is only known while it runs."""
    for node, used in module.reached():
        if used.startswith("quality") and UNKNOWN in used:
            yield node.lineno, "reaches into quality by a name that is made while it runs", CALL_FACE
    for call in (one for one in ast.walk(module.tree) if isinstance(one, ast.Call)):
        runs = isinstance(call.func, ast.Name) and call.func.id in ("exec", "eval")
        if runs and any("quality" in text(one) for one in call.args):
            yield call.lineno, "runs code of quality that is made while it runs", CALL_FACE


def _tasks(module: Module) -> Iterator[Fork]:
    """Every function that hands data to the check task, and every other place from which it can be called."""
    made = {name for name, node in _assigned(module.tree) if starts(module.called(node), MAKERS)}
    within: set[ast.AST] = set()
    for function in (node for node in ast.walk(module.tree) if isinstance(node, Functions)):
        for node in (inner for statement in function.body for inner in ast.walk(statement)):
            within.add(node)
            if _names_a_task(module, node, made):
                yield function.lineno, f"the {_kind(module, function)} {function.name} wraps the check task", CALL_FLOW
    plain = {node for _, value in _assigned(module.tree) for node in _parts(module, value)}
    for node in ast.walk(module.tree):
        if node not in within | plain and isinstance(node, ast.expr) and _names_a_task(module, node, made):
            yield node.lineno, "the check task is handed on, past the blessed flow", CALL_FLOW


def _names_a_task(module: Module, node: ast.AST, made: set[str]) -> bool:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return False
    return starts(module.name(node), TASKS) or (isinstance(node, ast.Name) and node.id in made)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What a module binds to names of its own, by plain assignments."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            yield target.id, node.value


def _parts(module: Module, value: ast.expr) -> Iterator[ast.AST]:
    """The nodes of a value that give another name to something, or make a task of it, and use it for nothing."""
    if isinstance(value, ast.Name | ast.Attribute):
        yield from ast.walk(value)
    elif isinstance(value, ast.Call) and starts(module.called(value), MAKERS):
        yield from ast.walk(value.func)


def _kind(module: Module, function: Functions) -> str:
    decorators = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return "flow" if any(module.name(one) in FLOWS for one in decorators) else "function"


def _blocks(module: Module) -> Iterator[Fork]:
    """Every check by a block that is loaded, made, or handed in as a parameter."""
    known = {name for name, node in _bound(module.tree) if _is_block(module, node)}
    for function in (node for node in ast.walk(module.tree) if isinstance(node, Functions | ast.Lambda)):
        known |= {one.arg for one in _arguments(function.args) if _may_be_block(module, one)}
    functions = [node for node in ast.walk(module.tree) if isinstance(node, Functions)]
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute) or node.attr not in ("check", "_check"):
            continue
        if not _is_block(module, node.value) and _last(node.value) not in known:
            continue
        around = next((one for one in reversed(functions) if any(inner is node for inner in ast.walk(one))), None)
        what = f"the {_kind(module, around)} {around.name}" if around else "the module"
        yield (around or node).lineno, f"{what} checks with a block of its own", CALL_BLOCK


def _bound(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Every name and attribute that is bound anywhere, with its value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield _last(target), node.value
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield _last(node.optional_vars), node.context_expr


def _last(node: ast.expr) -> str:
    """The name, or the attribute, that an expression ends in."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_block(module: Module, node: ast.expr) -> bool:
    node = node.value if isinstance(node, ast.Await) else node
    if isinstance(node, ast.Call) and any(text(one).startswith(SAVED) for one in node.args):
        return True
    return starts(module.called(node) or module.name(node), BLOCKS)


def _arguments(given: ast.arguments) -> list[ast.arg]:
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def _may_be_block(module: Module, argument: ast.arg) -> bool:
    """Whether a parameter is a block: as its annotation says or, without one, its name."""
    if argument.annotation is None:
        return "block" in argument.arg.lower()
    parts = list(ast.walk(argument.annotation))
    return "DataQualityBlock" in "".join(text(one) for one in parts if isinstance(one, ast.Constant)) or any(
        starts(module.name(one), BLOCKS) for one in parts
    )


def managed_definitions(root: Path) -> dict[str, str]:
    """Where each function and class of a repository's managed code is, by what it does."""
    found: dict[str, str] = {}
    for path in sorted((root / "src" / "quality").rglob("*.py")):
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError):
            continue
        where = path.relative_to(root).as_posix()
        found |= {shape: f"{where}:{node.lineno}" for node, shape in _definitions(tree)}
    return found


def _definitions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, str]]:
    """Functions and classes, with what they do apart from their own name, decorators and docstring."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        if sum(1 for statement in body for _ in ast.walk(statement)) >= COPIED:
            yield node, "\n".join(ast.dump(statement) for statement in body)


def _copies(tree: ast.Module, managed: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    for node, shape in _definitions(tree):
        if shape in managed:
            yield node.lineno, f"{node.name} is a copy of {managed[shape]}", "import it, or change it in the template"
