"""What a Python module can reach: every name that it imports, binds or asks for by a text, as its definer has it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from quality import EXPORTS

IMPORTERS = (
    "importlib.import_module",
    "importlib.__import__",
    "__import__",
    "pkgutil.resolve_name",
    "builtins.__import__",
)
BEFORE = {
    "quality.tasks": "quality.ladder.tasks",
    "quality.block": "quality.ladder.block",
    "quality.factories": "quality.ladder.factories",
    "quality.flows": "quality.ladder.flows",
    "quality.plan": "quality.engine.one_pass",
    "quality.verdict": "quality.checking",
    "quality.engine.check": "quality.checking.check",
}
"""Where what checks was in releases of before, whose names still work."""
UNKNOWN = "?"
"""Stands for a name that is made while the code runs."""
Functions = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """One file, with the full name of all that it imports or binds; `others` are the team's modules by their names."""

    def __init__(self, tree: ast.Module, name: str = "", others: Mapping[str, Module] | None = None) -> None:
        self.tree, self.dotted, self.others = tree, name, others if others is not None else {}
        self.names: dict[str, str] = {}
        self.starred: list[str] = []
        for node in ast.walk(tree):
            self._import(node)
        for node in ast.walk(tree):
            self._bind(node)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for one in node.names:
                self.names[one.asname or one.name.split(".")[0]] = one.name if one.asname else one.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            package = self._package(node)
            for one in node.names:
                if one.name == "*":
                    self._star(package)
                else:
                    self.names[one.asname or one.name] = full(f"{package}.{one.name}")

    def _package(self, node: ast.ImportFrom) -> str:
        """The module that is imported from; a relative one is counted from this module's own name."""
        if not node.level:
            return str(node.module)
        parts = self.dotted.split(".")
        return ".".join(filter(None, [*parts[: len(parts) - node.level], node.module]))

    def _star(self, package: str) -> None:
        """Everything of a module: the public names of the package, and whatever else is there."""
        self.starred.append(package)
        if package == "quality":
            self.names |= {name: full(f"quality.{name}") for name in EXPORTS}

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            pairs = [(node.target, node.value)]
        else:
            return
        for target, value in pairs:
            if isinstance(target, ast.Name) and (meant := self.name(value)):
                self.names[target.id] = meant

    def name(self, node: ast.AST) -> str:
        """The full dotted name of an expression, however it is spelled; empty when it is none."""
        if isinstance(node, ast.Name):
            return self._known(self.names.get(node.id, node.id if node.id in ("__import__", "getattr", "vars") else ""))
        if isinstance(node, ast.Attribute) and (owner := self.name(node.value)):
            return owner if node.attr == "__dict__" else self._known(full(f"{owner}.{node.attr}"))
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.Call):
            return self._asked_for(node)
        return self.name(node.value) if isinstance(node, ast.Await | ast.NamedExpr) else ""

    def _known(self, name: str) -> str:
        """What a name of another module of the team's stands for there."""
        for _ in range(9):  # modules may import each other in a circle
            package, _, last = name.rpartition(".")
            there = self.others.get(package)
            if there is None or there is self or last not in there.names or there.names[last] == name:
                break
            name = there.names[last]
        return name

    def _subscript(self, node: ast.Subscript) -> str:
        """`vars(module)["name"]`, `module.__dict__["name"]` and `sys.modules["module"]`."""
        owner = self.name(node.value)
        if owner == "sys.modules":
            return text(node.slice)
        return self._known(full(f"{owner}.{text(node.slice)}")) if owner.startswith("quality") else ""

    def _asked_for(self, node: ast.Call) -> str:
        """A module or a member of one that a call gives by its name in a text."""
        called, first = self.name(node.func), node.args[0] if node.args else None
        if called in IMPORTERS and first is not None:
            return text(first).replace(":", ".")
        if called == "vars" and first is not None:
            return self.name(first)
        if called == "getattr" and len(node.args) > 1 and first is not None and (owner := self.name(first)):
            return self._known(full(f"{owner}.{text(node.args[1])}"))
        if called.endswith((".__getattr__", ".__getattribute__")) and first is not None:
            return self._known(full(f"{called.rpartition('.')[0]}.{text(first)}"))
        return ""

    def called(self, node: ast.AST) -> str:
        """The full name of what a call, awaited or not, calls."""
        node = node.value if isinstance(node, ast.Await) else node
        return self.name(node.func) if isinstance(node, ast.Call) else ""

    def reached(self) -> Iterator[tuple[ast.expr, str]]:
        """Every expression that names something, with the full name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call) and (name := self.name(node)):
                yield node, name


def full(name: str) -> str:
    """A name of the package `quality` as the module that defines it has it, whatever it was called before."""
    package, _, rest = name.partition(".")
    if package != "quality":
        return name
    first, dot, more = rest.partition(".")
    return f"{EXPORTS[first]}.{first}{dot}{more}" if first in EXPORTS else _today(name)


def _today(name: str) -> str:
    """A name of before a module moved, as it is today."""
    for old, new in BEFORE.items():
        if starts(name, (old,)):
            return f"{new}{name.removeprefix(old)}"
    return name


def text(node: ast.expr) -> str:
    """The text of a constant, also where it is put together from constants; what is not known is `?`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text(one) for one in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text(node.left) + text(node.right)
    return UNKNOWN


def starts(name: str, places: Iterable[str]) -> bool:
    """Whether a name is one of these places or lies in one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)
