"""Which tool wrote a document, and what it says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from quality.cli.exchange import dbt, expectations, json_schema, odcs, soda
from quality.cli.exchange.found import Found
from quality.errors import ConfigurationError, first_line

KNOWN = "an ODCS data contract, a dbt schema.yml, a Great Expectations suite, Soda checks or contract, or a JSON Schema"
LARGEST = 10 * 2**20


def read(path: Path) -> tuple[str, list[Found]]:
    """The tool, and a contract for each dataset; ConfigurationError for what none of them writes."""
    document, name = _document(path), path.name.split(".")[0]
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is not {KNOWN}")
    try:
        tool, found = _found(document, name)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise ConfigurationError(f"{path} is not written as its tool documents it ({said})") from None
    if not found:
        raise ConfigurationError(f"{path} describes no dataset")
    return tool, found


def _document(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigurationError(f"{path} has more than {LARGEST // 2**20} MiB; it is {KNOWN}")
        written = path.read_text("utf-8")
        return json.loads(written) if path.suffix == ".json" else YAML(typ="safe").load(io.StringIO(written))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be read as YAML or JSON: {first_line(error)}") from None


def _found(document: dict[str, Any], name: str) -> tuple[str, list[Found]]:
    if str(document.get("kind")) == "DataContract":
        return "ODCS", odcs.contracts(document)
    if "expectations" in document:
        return "Great Expectations", [expectations.suite(document, name)]
    if any(kind in document for kind in ("models", "sources", "seeds", "snapshots")):
        return "dbt", dbt.models(document)
    if any(str(key).startswith("checks for ") for key in document):
        return "Soda", soda.checks(document)
    if "dataset" in document and ("columns" in document or "checks" in document):
        return "Soda", [soda.contract(document)]
    if "$schema" in document or "properties" in document:
        return "JSON Schema", [json_schema.record(document, name)]
    raise ConfigurationError(f"{name}: this is not {KNOWN}")
