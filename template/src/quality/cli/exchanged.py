"""import and export: contracts of other tools become ours, and ours a data contract of the open standard."""

from __future__ import annotations

import argparse
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from quality.cli.exchange import odcs
from quality.cli.exchange.documents import read
from quality.cli.exchange.found import Found
from quality.cli.onboarding_answers import Exported, Imported, ImportedDataset
from quality.contract import project
from quality.contract.contract import load_contract, unknown_references
from quality.errors import ConfigurationError
from quality.files import write_whole
from quality.reporting.console import out, plain
from quality.rules.catalogue import parse_rule
from quality.texts import many


def imported(asked: argparse.Namespace) -> Imported:
    """Writes a contract for each dataset of a document; none, where one of them has a contract already."""
    tool, found = read(Path(asked.file))
    if asked.name:
        if len(found) > 1:
            raise ConfigurationError(f"{asked.file} describes {len(found)} datasets; leave the name out to import all")
        found[0].dataset = Found(asked.name).dataset
    names = [one.dataset for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(
            f"{asked.file} describes {twice[0]} twice, and nothing was written; rename one of them"
        )
    known = {*names, *(path.stem for path in (project.root() / "datasets").glob("*.yml"))}
    for one in found:
        _refer(one, known)
    places = {one.dataset: project.root() / "datasets" / f"{one.dataset}.yml" for one in found}
    if there := [place.name for place in places.values() if place.exists()]:
        raise ConfigurationError(f"datasets/{there[0]} exists, and nothing was written; name another: --name NAME")
    made = {one.dataset: _contract(one, asked.source) for one in found}
    _write({places[name]: text for name, text in made.items()})
    if empty := [one.dataset for one in found if not one.rules]:
        out.print(
            plain(f"{', '.join(empty)}: no rule has a counterpart; the contract asks for rows only"), soft_wrap=True
        )
    told = tuple(_told(one, places[one.dataset], tool) for one in found)
    return Imported(verb="import", tool=tool, datasets=told)


def _refer(found: Found, known: Collection[str]) -> None:
    """References by the names that datasets have here; a rule that refers to none of them is left, by name."""
    rules, found.rules = found.rules, []
    for rule in rules:
        if isinstance(other := rule.get("reference"), str) and other not in known:
            rule = {**rule, "reference": Found(other).dataset}
        if any(unknown_references(parse_rule(rule), known)):
            found.leave(parse_rule(rule).title, f"there is no dataset {rule['reference']} yet; import that one first")
        else:
            found.rules.append(rule)


def _write(made: Mapping[Path, str]) -> None:
    """All of the contracts, or none of them where one could not be read."""
    try:
        for place, text in made.items():
            write_whole(place, text)
        for place in made:
            load_contract(place)
    except ConfigurationError:
        for place in made:
            place.unlink(missing_ok=True)
        raise


def _contract(found: Found, source: str | None) -> str:
    written: dict[str, Any] = {"dataset": found.dataset}
    written |= {"description": found.description.strip()} if found.description else {}
    written |= {"owner": found.owner or "@owner", "source": {"path": source or f"data/{found.dataset}.parquet"}}
    written |= {"key": found.key} if found.key else {}
    written["rules"] = found.rules or [{"check": "row_count", "min": 1}]
    made, yaml = io.StringIO(), YAML()
    yaml.default_flow_style, yaml.width = None, 10_000
    yaml.dump(written, made)
    left = "".join(f"# left out, {one}\n" for one in (" ".join(said.split()) for said in found.left))
    return f"# yaml-language-server: $schema=contract.schema.json\n{made.getvalue()}{left}"


def _told(found: Found, place: Path, tool: str) -> ImportedDataset:
    out.print(plain(f"datasets/{place.name}: {many(len(found.rules), 'rule')} of {tool}"), soft_wrap=True)
    for one in found.left:
        out.print(plain(f"left out  {one}", style="yellow"), soft_wrap=True)
    return ImportedDataset(
        dataset=found.dataset,
        environment=None,
        path=f"datasets/{place.name}",
        rules=len(found.rules),
        left=tuple(found.left),
    )


def exported(asked: argparse.Namespace) -> Exported:
    """Prints a contract as an ODCS document, or writes it into a file."""
    project.load(asked.dataset)
    whole, own = odcs.document(project.contract(asked.dataset))
    made, yaml = io.StringIO(), YAML()
    yaml.width = 10_000
    yaml.dump(whole, made)
    if asked.output:
        write_whole(Path(asked.output), made.getvalue())
        out.print(plain(f"wrote {asked.output}"), soft_wrap=True)
    elif not asked.json:
        print(made.getvalue(), end="")
    for one in own:
        out.print(plain(f"of our engine only  {one}", style="yellow"), soft_wrap=True)
    return Exported(verb="export", document=whole, own=tuple(own), path=asked.output)
