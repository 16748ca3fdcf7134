"""The names of the fields of an Arrow schema, whose dtypes Polars may not have, by Arrow's stable C interface."""

from __future__ import annotations

import ctypes
from typing import Any


class _Schema(ctypes.Structure):
    """The beginning of `struct ArrowSchema`."""


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
]


def field_names(exported: Any) -> list[str]:
    """In order, names that are there twice as well."""
    capsule = exported.__arrow_c_schema__()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    schema = _Schema.from_address(pointer(capsule, b"arrow_schema"))
    return [schema.children[number].contents.name.decode() for number in range(schema.n_children)]
