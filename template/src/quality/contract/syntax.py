"""Python as it means: without comments and layout and, where asked, without documentation.

The text is the same under every supported Python, which `ast.dump` and `ast.unparse` do not give.
"""

from __future__ import annotations

import ast
from typing import Any

SILENT = {"ctx", "kind", "type_comment", "type_ignores"}
"""Fields of the syntax tree that follow from others, or say nothing."""


def canonical(node: Any, documented: bool = True) -> str:
    """A node, a list of nodes or a constant as text; without docstrings and descriptions of fields, if not documented.

    What is empty or left out is not written, as later Pythons know more fields than earlier ones.
    """
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields if name not in SILENT)
        inner = (
            f"{name}={canonical(value, documented)}" for name, value in fields if value is not None and value != []
        )
        return f"{type(node).__name__}({','.join(inner)})"
    if isinstance(node, list):
        kept = node if documented else [one for one in node if not _documents(one)]
        return f"[{','.join(canonical(one, documented) for one in kept)}]"
    return repr(node)


def _documents(node: Any) -> bool:
    """A text that stands alone, or the description of a field."""
    if isinstance(node, ast.keyword):
        return node.arg == "description" and isinstance(node.value, ast.Constant)
    alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return alone and isinstance(node.value.value, str)
