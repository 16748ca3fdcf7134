"""The Python of a domain's own rules and sources: what of it decides a verdict, as one digest.

What counts is the class, what it names in its module and in other modules of the same folder, what those name, and so
on, and every statement of these modules that acts without giving something a name. Comments and layout do not count;
docstrings do, as a rule's message may be its docstring. What is installed is not followed: constraints/ pins it. Where
names cannot be followed (`globals()`, `importlib`), all modules of the class's package count; where code opens files
(`open`, `__file__`, `scan_csv`), so do the other files of the package.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

from quality.contract.python_module import Module, imported, parsed, word
from quality.contract.syntax import canonical
from quality.provenance import is_own

MANAGED = "quality"
UNFOLLOWED = {"globals", "locals", "vars", "eval", "exec", "compile", "__import__", "importlib", "pkgutil"}
UNFOLLOWED_OF = {"import_module", "modules", "__subclasses__", "__globals__"}
"""Names, and attributes, behind which code reaches what it does not name."""
OPENS = {"open", "__file__", "read_text", "read_bytes", "resources"}
_known: dict[type, tuple[dict[Path, object], str]] = {}
"""The digest of a class, and what was read for it: it holds while all of that is as it was."""


def own_digest(kind: type) -> str | None:
    """16 hexadecimal digits of a class's own Python as its files are now; None of what the template brings."""
    if not is_own(kind):
        return None
    if kind in _known:
        read, digest = _known[kind]
        if all(_now(path) == seen for path, seen in read.items()):
            return digest
    reach = Reach(kind)
    _known[kind] = (reach.read, hashlib.sha256(reach.text().encode()).hexdigest()[:16])
    return _known[kind][1]


def _now(path: Path) -> object:
    """A file's bytes, the files of a folder; None of neither."""
    try:
        return tuple(_listing(path)) if path.is_dir() else path.read_bytes()
    except OSError:
        return None


def _listing(folder: Path) -> list[Path]:
    """The files of a package, without what Python, editors and systems leave there."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc" and path.name[-1] != "~")
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


class Reach:
    """Everything of a domain's own modules that decides what a class does. `read` is what that was found in."""

    def __init__(self, kind: type) -> None:
        self.read: dict[Path, object] = {}
        self._modules: dict[str, tuple[Path, Module]] = {}
        self._reached: dict[str, set[int]] = {}
        self._other: dict[str, str] = {}
        self._folder, self._package, self._beside = Path(), "", False
        for base in kind.__mro__:
            if base is kind or _is_own(base):
                self._begin(base)

    def text(self) -> str:
        """What was reached: each module's statements in their order, and digests of other files."""
        told = [f"{name} {digest}" for name, digest in sorted(self._other.items())]
        for name, numbers in sorted(self._reached.items()):
            told += [f"{name}: {self._told(name, number)}" for number in sorted(numbers)]
        return "\n".join(told)

    def _told(self, name: str, number: int) -> str:
        """A statement; all of its file, where it is nested too deeply to be taken apart."""
        path, module = self._modules[name]
        try:
            return canonical(module.statements[number])
        except RecursionError:
            return repr(self.read[path])

    def _begin(self, kind: type) -> None:
        """With a class of a module's own, or with everything where no statement is known to make it."""
        place = _file_of(kind.__module__)
        if place is None:
            self._other[kind.__qualname__] = _source_of(kind)
            return
        parts = kind.__module__.split(".")
        whole = place.parent.parts if place.name == "__init__.py" else place.with_suffix("").parts
        parts = parts if list(whole[-len(parts) :]) == parts else [whole[-1]]
        self._folder, self._package = Path(*whole[: -len(parts)]), parts[0]
        self._beside = "site-packages" not in place.parts
        module, first = self._load(".".join(parts)), kind.__qualname__.split(".")[0]
        plain = module and any(isinstance(module.statements[n], ast.ClassDef) for n in module.bound.get(first, ()))
        if plain and "<locals>" not in kind.__qualname__:
            self._name(".".join(parts), first)
        else:
            self._everything()

    def _module(self, name: str) -> Module | None:
        """A module of the same folder; None of any other."""
        if name in self._modules:
            return self._modules[name][1]
        top, place = name.split(".")[0], self._folder.joinpath(*name.split("."))
        if top == MANAGED or (top != self._package and not self._beside):
            return None
        path = next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)
        written = _now(path) if path else None
        if path is None or not isinstance(written, bytes):
            return None
        self.read[path] = written
        self._modules[name] = (path, parsed(written))
        return self._modules[name][1]

    def _imported(self, node: ast.Import | ast.ImportFrom, module: str) -> list[tuple[str, str | None]]:
        return list(imported(node, module, self._modules[module][0].name == "__init__.py"))

    def _load(self, name: str) -> Module | None:
        """A module, whose acting statements count once it is imported, as do those of what it imports."""
        module = self._module(name)
        if module is None or name in self._reached:
            return module
        self._reached[name] = set()
        self._load(name.rpartition(".")[0] or name)
        for one in module.statements:
            if isinstance(one, ast.Import | ast.ImportFrom):
                for other, member in self._imported(one, name):
                    self._load(other)
                    self._load(f"{other}.{member}")
        for number in module.acting:
            self._statement(name, number)
        return module

    def _name(self, module: str, name: str) -> None:
        """What binds a name in a module; the submodule of that name, whole; the whole module where nothing does."""
        if (found := self._load(module)) is None:
            return
        if name in found.bound:
            for number in found.bound[name]:
                self._statement(module, number)
        else:
            self._whole(f"{module}.{name}" if self._module(f"{module}.{name}") else module)

    def _whole(self, module: str) -> None:
        found = self._load(module)
        for number in range(len(found.statements)) if found else ():
            self._statement(module, number)

    def _statement(self, module: str, number: int) -> None:
        if number not in self._reached[module]:
            self._reached[module].add(number)
            for node in ast.walk(self._modules[module][1].statements[number]):
                self._node(module, node)

    def _node(self, module: str, node: ast.AST) -> None:
        """What a part of a statement reaches."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            for other, member in self._imported(node, module):
                self._whole(other) if member is None else self._name(other, member)
        used = word(node)
        if not isinstance(node, ast.Attribute):
            for number in self._modules[module][1].bound.get(used, ()):
                self._statement(module, number)
        if _is_unfollowed(node):
            self._everything()
        if isinstance(node, ast.Name | ast.Attribute) and (used in OPENS or used.startswith(("read_", "scan_"))):
            self._files()

    def _everything(self) -> None:
        """All modules of the package, where what is reached cannot be told."""
        for path in self._listed():
            if path.suffix == ".py":
                parts = path.relative_to(self._folder).with_suffix("").parts
                self._whole(".".join(parts[:-1] if parts[-1] == "__init__" else parts))

    def _files(self) -> None:
        """The files of the package beside its modules: what is opened is among them, if it is configuration."""
        for path in self._listed():
            if path.suffix != ".py" and isinstance(held := _now(path), bytes):
                self.read[path] = held
                name = path.relative_to(self._folder).as_posix()
                self._other[name] = hashlib.sha256(held.replace(b"\r\n", b"\n")).hexdigest()

    def _listed(self) -> Iterable[Path]:
        folder = self._folder / self._package
        if not folder.is_dir():
            return [folder.with_suffix(".py")]
        found = _listing(folder)
        self.read[folder] = tuple(found)
        return found


def _is_unfollowed(node: ast.AST) -> bool:
    """Whether code here may reach what it does not name, or is called by classes that nothing names."""
    if isinstance(node, ast.FunctionDef):
        return node.name == "__init_subclass__"
    return word(node) in {ast.Name: UNFOLLOWED, ast.Attribute: UNFOLLOWED_OF}.get(type(node), ())


def _is_own(kind: type) -> bool:
    """Whether a base is a class of the repository's, not of the template, of Python or of what is installed."""
    top, place = kind.__module__.split(".")[0], _file_of(kind.__module__)
    ours = top not in (MANAGED, "pydantic") and top not in sys.stdlib_module_names
    return ours and (place is None or "site-packages" not in place.parts)


def _file_of(module: str) -> Path | None:
    """The source of an imported module; None in a notebook or at a prompt."""
    place = getattr(sys.modules.get(module), "__file__", None)
    return Path(place) if place and place.endswith(".py") else None


def _source_of(kind: type) -> str:
    """What a class says that no file holds, as far as Python knows it."""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return kind.__module__
