"""What is written from code and contracts: JSON Schemas, the README's rule table, policy.md, owners of datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import create_model

from quality.cli.session import complain
from quality.contract import project
from quality.contract.contract import Contract
from quality.contract.policy import EnvironmentPolicy, Silence
from quality.contract.sources import Files, domain_sources
from quality.engine.rule import RowRule, Rule
from quality.files import write_whole
from quality.ladder.policy_page import POLICY_PAGE, policy_document
from quality.rollout.scorecard import Scorecard
from quality.rules.catalogue import BUILT_IN, check_name, domain_rules, union

OWNERS_START, OWNERS_END = "# datasets:start, by each contract's owner (`nox -s rules`)", "# datasets:end"
START, END = "<!-- rules:start -->", "<!-- rules:end -->"


def contract_schema() -> dict[str, Any]:
    """The JSON Schema of a contract: every rule's canonical fields, and the domain's own rules and sources."""
    sources: Any = Files | str
    for source in domain_sources().values():
        sources |= source
    fields: dict[str, Any] = {"rules": (list[union()], ...), "source": (sources, ...)}  # type: ignore[misc]
    model = create_model("Contract", __base__=Contract, __doc__=Contract.__doc__, **fields)
    return _schema(model.model_json_schema(by_alias=False))


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of policy.yml: defaults, and what each environment overrides."""
    schema = EnvironmentPolicy.model_json_schema()
    definitions = schema.pop("$defs")
    partial = {key: value for key, value in schema.items() if key != "required"}
    return _schema(
        {
            "title": "Policy",
            "type": "object",
            "additionalProperties": False,
            "required": ["environments"],
            "properties": {
                "defaults": {"$ref": "#/$defs/Environment"},
                "environments": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"$ref": "#/$defs/Environment"},
                },
                "silences": {"type": "array", "items": {"$ref": "#/$defs/Silence"}},
            },
            "$defs": {**definitions, "Environment": partial, "Silence": Silence.model_json_schema()},
        }
    )


def status_schema() -> dict[str, Any]:
    """The JSON Schema of rollout/status.json."""
    return _schema(Scorecard.model_json_schema(mode="serialization"))


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def rule_table() -> str:
    """A Markdown table of every rule: its spellings, own fields and meaning, from the classes themselves."""
    lines = ["| rule | also | fields | what holds |", "|---|---|---|---|"]
    lines += [_row(rule) for rule in (*BUILT_IN, *domain_rules())]
    return "\n".join(lines)


def _row(rule: type[Rule]) -> str:
    own = {name: field for name, field in rule.model_fields.items() if name not in Rule.model_fields}
    fields = [f"`{name}`" if field.is_required() else f"`{name}`?" for name, field in own.items()]
    also = ", ".join(f"`{alias}`" for alias in rule.ALIASES)
    scope = "row" if issubclass(rule, RowRule) else "table"
    meaning = (rule.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")
    return f"| `{check_name(rule)}` ({scope}) | {also} | {', '.join(fields)} | {meaning} |"


def documents(root: Path) -> dict[Path, str]:
    """Each file that is written from the code, with the text it should have."""
    texts = {
        root / "datasets" / "contract.schema.json": json.dumps(contract_schema(), indent=1, sort_keys=True) + "\n",
        root / "datasets" / "policy.schema.json": json.dumps(policy_schema(), indent=1, sort_keys=True) + "\n",
        root / "docs" / "status.schema.json": json.dumps(status_schema(), indent=1, sort_keys=True) + "\n",
    }
    texts[root / POLICY_PAGE] = policy_document()
    readme = root / "README.md"
    text = readme.read_text("utf-8") if readme.exists() else ""
    if START in text and END in text:
        before, after = text.split(START)[0], text.split(END)[1]
        texts[readme] = f"{before}{START}\n{rule_table()}\n{END}{after}"
    owners = root / "CODEOWNERS"
    text = owners.read_text("utf-8") if owners.exists() else ""
    if OWNERS_START in text and OWNERS_END in text:
        before, after = text.split(OWNERS_START)[0], text.split(OWNERS_END)[1]
        said = text.split(OWNERS_START)[1].split(OWNERS_END)[0]
        texts[owners] = f"{before}{OWNERS_START}\n{dataset_owners(said)}{OWNERS_END}{after}"
    return texts


def dataset_owners(said: str = "") -> str:
    """One line of CODEOWNERS for each contract: who reviews it is who is told of its incidents.

    Of a contract that cannot be read, the line that is there.
    """
    read = {config.dataset: config.owner for config in project.load_each(project.datasets())[0]}
    there = {line.split()[0]: line for line in said.splitlines() if line.startswith("/datasets/")}
    lines = (
        f"/datasets/{name}.yml {read[name]}" if name in read else there.get(f"/datasets/{name}.yml")
        for name in project.datasets()
    )
    return "".join(f"{line}\n" for line in lines if line)


def stale(root: Path) -> list[Path]:
    """The files whose text is not what the code says."""
    return [path for path, text in documents(root).items() if not path.exists() or path.read_text("utf-8") != text]


def write(root: Path) -> list[Path]:
    """Brings every stale file up to date, and names it."""
    texts, paths = documents(root), stale(root)
    for path in paths:
        write_whole(path, texts[path])
    return paths


def main() -> int:
    """Writes what is stale, and says what it wrote."""
    root = project.root()
    for path in write(root):
        print(f"written: {path.relative_to(root)}")
    unread = project.load_each(project.datasets())[1]
    return max((complain(error, 2) for error in unread.values()), default=0)
