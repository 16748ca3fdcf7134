"""Which tool wrote a document, and what it says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from quality.cli.exchange import dbt, expectations, json_schema, odcs, soda
from quality.cli.exchange.found import Found
from quality.errors import ConfigurationError, first_line

KNOWN = "an ODCS data contract, a dbt schema.yml, a Great Expectations suite, Soda checks or contract, or a JSON Schema"
LARGEST = 10 * 2**20
OTHERS = {
    "dataContractSpecification": "a data contract of datacontract-cli's own form: `datacontract export --format odcs` "
    "writes it as an ODCS data contract, which is read",
    "config-version": "dbt's project file, in which there are no tests: import the schema.yml beside the models",
    "nodes": "dbt's manifest: import the schema.yml that it was made from",
}
"""What is not read, by a field that it alone has, and what to import instead."""


def read(path: Path) -> tuple[str, list[Found]]:
    """The tool, and a contract for each dataset; ConfigurationError for what none of them writes."""
    document, name = _document(path), path.name.split(".")[0]
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is not {KNOWN}")
    tool, of = _tool(document, path)
    try:
        found = of(document, name)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ConfigurationError(f"{path} is not written as {tool} documents it: {_wrong(error)}") from None
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


def _tool(document: dict[str, Any], path: Path) -> tuple[str, Callable[[dict[str, Any], str], list[Found]]]:
    """The tool that writes such a document, and what reads it."""
    if other := next((said for field, said in OTHERS.items() if field in document), None):
        raise ConfigurationError(f"{path} is {other}")
    if str(document.get("kind")) == "DataContract":
        return "ODCS", lambda said, _: odcs.contracts(said)
    if "expectations" in document:
        return "Great Expectations", lambda said, name: [expectations.suite(said, name)]
    if any(kind in document for kind in ("models", "sources", "seeds", "snapshots")):
        return "dbt", lambda said, _: dbt.models(said)
    if any(str(key).startswith("checks for ") for key in document):
        return "Soda", lambda said, _: soda.checks(said)
    if "dataset" in document and ("columns" in document or "checks" in document):
        return "Soda", lambda said, _: [soda.contract(said)]
    if "$schema" in document or "properties" in document:
        return "JSON Schema", lambda said, name: [json_schema.record(said, name)]
    raise ConfigurationError(f"{path} is not {KNOWN}")


def _wrong(error: Exception) -> str:
    """What a document lacks, where reading it found nothing in the place of something; never in Python's words."""
    match error:
        case KeyError():
            return f"there is no field '{error.args[0]}' where one is needed"
        case TypeError() | AttributeError() | IndexError():
            return "a text, a number or a list stands where something else is needed"
    return first_line(error)
