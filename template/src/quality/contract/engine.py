"""Where states are made that one machine would take too long for: the runner, and how much work a task of it is."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from quality.values import STRICT_INT, Frozen, Text

Runner = Literal["threads", "dask", "ray"]


def memory(text: str) -> int:
    """The bytes that `512MB` or `4GB` is; ValueError for anything else."""
    found = re.fullmatch(r"([1-9]\d*) ?(MB|GB)", text)
    if found is None:
        raise ValueError(f"'{text}' is not an amount of memory; write 512MB or 4GB")
    return int(found[1]) * (2**20 if found[2] == "MB" else 2**30)


def _memory(text: str) -> str:
    memory(text)
    return text


Memory = Annotated[Text, AfterValidator(_memory)]
Several = Annotated[int, Field(ge=1), STRICT_INT]


class Engine(Frozen):
    """Prefect's task runner that makes the states of many files, batch by batch."""

    runner: Runner = Field(description="`threads` of this process; `dask` or `ray`, each an extra of pyproject.toml.")
    files_per_task: Several = Field(100, description="Most files of one task, which costs up to half a second itself.")
    bytes_per_task: Memory = Field("512MB", description="Bytes from which on a task takes no more files.")
    workers: Several | None = Field(
        None, description="Threads, or processes on this machine; as many as it has cores when left out."
    )
    address: Text | None = Field(
        None, description="Of a running cluster, such as tcp://scheduler:8786 or ray://head:10001; dask and ray only."
    )
    options: dict[str, Any] = Field(
        {}, description="More arguments of Prefect's DaskTaskRunner or RayTaskRunner, such as cluster_class."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.runner == "threads" and (self.address or self.options):
            raise ValueError("the runner threads is in this process, and takes neither address nor options")
        if self.address and self.workers:
            raise ValueError("the cluster at the address has workers of its own; leave `workers` out")
        return self
