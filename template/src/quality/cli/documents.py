"""What is written from code and contracts: JSON Schemas, the rule tables, policy.md, owners of datasets."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quality.cli.answers import Written
from quality.cli.complaints import complain, sentences
from quality.cli.contract_schema import contract_schema
from quality.cli.verbs import VERBS
from quality.contract import project
from quality.contract.deployment_policy import BLOCK, DATASETS, ENVIRONMENT, REGISTRY, SHORT
from quality.contract.policy import NAME, EnvironmentPolicy, Silence
from quality.engine.rule import RowRule, Rule
from quality.files import write_whole
from quality.ladder.entry import DeploymentEntry
from quality.ladder.policy_page import POLICY_PAGE, policy_document
from quality.rollout.scorecard import Scorecard
from quality.rules.catalogue import BUILT_IN, check_name, domain_rules

OWNERS_START, OWNERS_END = "# datasets:start, by each contract's owner (`nox -s rules`)\n", "# datasets:end"
START, END = "<!-- rules:start -->\n", "<!-- rules:end -->"
OWN_START, OWN_END = "<!-- own rules:start -->\n", "<!-- own rules:end -->"
RULES_PAGE = Path("docs", "rules.md")


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of policy.yml: defaults, and what each environment overrides."""
    schema = EnvironmentPolicy.model_json_schema()
    definitions = schema.pop("$defs")
    partial = {key: value for key, value in schema.items() if key != "required"}
    partial["properties"] |= {BLOCK: {"anyOf": [{"const": False}, {"$ref": "#/$defs/Deployment"}]}}
    own: dict[str, Any] = dict.fromkeys((*DeploymentEntry.model_fields, *SHORT), True)
    of_one = {"anyOf": [{"const": False}, _keys("Dataset", own)]}
    return _schema(
        {
            "title": "Policy",
            "type": "object",
            "additionalProperties": False,
            "required": ["environments"],
            "properties": {
                "domain": {"type": "string", "minLength": 1},
                "registry": {"type": ["string", "null"], "pattern": f"^{REGISTRY.pattern}$"},
                "defaults": {"$ref": "#/$defs/Environment"},
                "environments": {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"pattern": f"^{NAME.pattern}$"},
                    "additionalProperties": {"$ref": "#/$defs/Environment"},
                },
                "flows": {"type": "array", "items": _keys("Flow", own | {ENVIRONMENT: True})},
                "silences": {"type": "array", "items": {"$ref": "#/$defs/Silence"}},
            },
            "$defs": {
                **definitions,
                "Deployment": _keys("Deployment", own | {DATASETS: {"type": "object", "additionalProperties": of_one}}),
                "Environment": partial,
                "Silence": Silence.model_json_schema(),
            },
        }
    )


def _keys(title: str, known: dict[str, Any]) -> dict[str, Any]:
    """A mapping of these keys, which are those that the installed Prefect knows; what they hold, its models say."""
    return {"title": title, "type": "object", "additionalProperties": False, "properties": known}


def status_schema() -> dict[str, Any]:
    """The JSON Schema of rollout/status.json."""
    return _schema(Scorecard.model_json_schema(mode="serialization"))


def answer_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas of what every verb prints with `--json`, by the verb."""
    return {verb.name: _schema(verb.model().model_json_schema(mode="serialization")) for verb in VERBS}


def schemas() -> dict[str, str]:
    """Every JSON Schema of a repository as text, by its path."""
    made = {
        "datasets/contract.schema.json": _schema(contract_schema()),
        "datasets/policy.schema.json": policy_schema(),
        "docs/status.schema.json": status_schema(),
        **{f"docs/schemas/{verb}.json": schema for verb, schema in answer_schemas().items()},
    }
    return {path: json.dumps(schema, indent=1, sort_keys=True) + "\n" for path, schema in made.items()}


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def rule_table(rules: Sequence[type[Rule]] = BUILT_IN) -> str:
    """A Markdown table of rules: their spellings, own fields and meaning, from the classes themselves."""
    lines = ["| rule | also | fields | what holds |", "|---|---|---|---|", *map(_row, rules)]
    return "".join(f"{line}\n" for line in lines) if rules else "None yet.\n"


def _row(rule: type[Rule]) -> str:
    own = {name: field for name, field in rule.model_fields.items() if name not in Rule.model_fields}
    fields = [f"`{name}`" if field.is_required() else f"`{name}`?" for name, field in own.items()]
    also = ", ".join(f"`{alias}`" for alias in rule.ALIASES)
    scope = "row" if issubclass(rule, RowRule) else "table"
    meaning = (rule.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")
    return f"| `{check_name(rule)}` ({scope}) | {also} | {', '.join(fields)} | {meaning} |"


def documents(root: Path) -> dict[Path, str]:
    """Each file that is written from the code, with the text it should have."""
    texts = {root / path: text for path, text in schemas().items()}
    texts[root / POLICY_PAGE] = policy_document()
    written = {root / RULES_PAGE: rules_page, root / "CODEOWNERS": owners_page}
    return texts | {path: page(path.read_text("utf-8")) for path, page in written.items() if path.exists()}


def rules_page(text: str) -> str:
    """The page of rules with both its tables as the classes say: the domain's own rules, and the template's."""
    return between(between(text, OWN_START, OWN_END, rule_table(domain_rules())), START, END, rule_table())


def owners_page(text: str) -> str:
    """CODEOWNERS, with the owners that contracts name."""
    said = text.partition(OWNERS_START)[2].partition(OWNERS_END)[0]
    return between(text, OWNERS_START, OWNERS_END, dataset_owners(said))


def between(text: str, start: str, end: str, new: str) -> str:
    """The text with something new between two marks; as it is where the marks are not there."""
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    return f"{before}{start}{new}{end}{after}" if found and closed else text


def dataset_owners(said: str) -> str:
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


def rules(asked: argparse.Namespace) -> Written:
    """Writes what is stale, and says what it wrote."""
    root = project.root()
    written = tuple(path.relative_to(root).as_posix() for path in write(root))
    for name in written:
        print(f"written: {name}")
    unread = project.load_each(project.datasets())[1]
    if not unread:
        return Written(verb="rules", written=written)
    told = complain(line for error in unread.values() for line in sentences(error))
    return Written(verb="rules", written=written, exit_code=2, problem=told)
