"""What SQL means where Polars reads it otherwise: `IS TRUE` is never null, and `POSITION` looks for a plain text."""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl

TRUTHS = ("TRUE", "FALSE")
OPPOSITE = {"TRUE": "(NOT FALSE)", "FALSE": "(NOT TRUE)"}
"""What a true or false that no IS stands before is written as where one does, so that both are told apart."""
FOUND = '"Find":{"literal":false'
PLAINLY = '"Find":{"literal":true'
NOTHING = {"Literal": {"Scalar": {"Null": "Null"}}}


def meant(sql: str, truths: list[tuple[int, str, bool]]) -> pl.Expr:
    """The expression of SQL; `truths` are its words TRUE and FALSE, where each stands, and whether IS is before it.

    ValueError where it nests too deep to be read as Polars writes it down.
    """
    is_asked = any(after for _, _, after in truths)
    for start, word, after in reversed(truths) if is_asked else ():
        if not after:
            sql = sql[:start] + OPPOSITE[word] + sql[start + len(word) :]
    expr = pl.sql_expr(sql)
    written = str(expr.meta.serialize(format="json")) if is_asked or "(" in sql else ""
    if not is_asked and FOUND not in written:
        return expr
    try:
        node = _meant(json.loads(written.replace(FOUND, PLAINLY)), is_asked)
        return expr_of(node)
    except (RecursionError, pl.exceptions.ComputeError):
        raise ValueError("it nests more operators than can be read; write it as several rules") from None


def expr_of(node: Any) -> pl.Expr:
    """The expression that is written down so, as Polars does it."""
    return pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json")


def _meant(node: Any, is_asked: bool) -> Any:
    if isinstance(node, list):
        return [_meant(part, is_asked) for part in node]
    if not isinstance(node, dict):
        return node
    node = {name: _meant(part, is_asked) for name, part in node.items()}
    match node:
        case {"BinaryExpr": {"left": left, "op": "Eq", "right": {"Literal": {"Scalar": {"Boolean": _}}} as right}}:
            return {"BinaryExpr": {"left": left, "op": "EqValidity" if is_asked else "Eq", "right": right}}
        case {"Function": {"function": "FillNull", "input": [place, {"Literal": {"Scalar": {"UInt32": 0}}}]}}:
            return _of_no_text(node, place)
    return node


def _of_no_text(node: Any, place: Any) -> Any:
    """The place of a text in another one, 0 where it is not there; null where one of both is."""
    match place:
        case {"BinaryExpr": {"left": {"Function": {"function": {"StringExpr": {"Find": _}}, "input": texts}}}}:
            for text in (one for one in texts if "Literal" not in one):
                there = {"Function": {"input": [text], "function": {"Boolean": "IsNotNull"}}}
                node = {"Ternary": {"predicate": there, "truthy": node, "falsy": NOTHING}}
    return node
