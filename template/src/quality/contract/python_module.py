"""A module of Python as statements: what each binds, what acts without binding, what an import names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)


class Module(NamedTuple):
    """A module's statements; those that bind a name, by name, and those that act as soon as it is imported."""

    statements: tuple[ast.stmt, ...]
    bound: dict[str, list[int]]
    acting: tuple[int, ...]


@lru_cache(maxsize=512)
def parsed(written: bytes) -> Module:
    """The statements of a file; one that is no Python is a single statement that acts: its text."""
    try:
        body = list(_split(ast.parse(written).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = [ast.Expr(ast.Constant(written.decode("utf-8", "replace")))]
    bound: dict[str, list[int]] = {}
    for number, one in enumerate(body):
        for name in _bound_by(one):
            bound.setdefault(name, []).append(number)
    return Module(tuple(body), bound, tuple(number for number, one in enumerate(body) if _acts(one)))


def _split(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module without its docstring; an import of several names is several."""
    for number, one in enumerate(body):
        if isinstance(one, ast.ImportFrom):
            yield from (ast.ImportFrom(one.module, [alias], one.level) for alias in one.names)
        elif isinstance(one, ast.Import):
            yield from (ast.Import([alias]) for alias in one.names)
        elif number or not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
            yield one


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds there, or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in statement.names if alias.name != "*")
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id
            elif node is not statement and isinstance(node, ast.stmt):
                yield from _bound_by(node)


def _acts(statement: ast.stmt) -> bool:
    """Whether it may change something beside the names that it binds: a decorator may keep what it is given."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return bool(statement.decorator_list)
    parts = [node for node in ast.walk(statement) if isinstance(node, ast.Attribute | ast.Subscript)]
    changes = any(not isinstance(node.ctx, ast.Load) for node in parts)
    return changes or isinstance(statement, COMPOUND) or not list(_bound_by(statement))


def imported(node: ast.Import | ast.ImportFrom, module: str, package: bool) -> Iterator[tuple[str, str | None]]:
    """What an import in a module, or package, names: modules, and a name of each or None for all of it."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
        return
    base = module.split(".")[: None if package else -1]
    above = base[: len(base) - node.level + 1] if node.level else []
    name = ".".join([*above, *([node.module] if node.module else [])])
    yield from ((name, None if alias.name == "*" else alias.name) for alias in node.names)


def word(node: ast.AST) -> str:
    """A name that code uses: bare, as an attribute, or as a text, such as that of an annotation."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
