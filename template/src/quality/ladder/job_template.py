"""A work pool's base job template as the repository has it: `pools/<pool>.json`, as Prefect's command line takes it.

What can be wrong without docker or a cluster is refused before a server hears of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefect.utilities.schema_tools.validation import validate
from prefect.utilities.templating import find_placeholders

from quality.contract import project
from quality.errors import ConfigurationError
from quality.masking import is_secret
from quality.texts import nearest, shorten

FOLDER = "pools"
PARTS = ("job_configuration", "variables")
OF_PREFECT = ("prefect.blocks.", "prefect.variables.")
"""Placeholders that a worker fills in from the server."""
Template = dict[str, Any]


def path_of(pool: str) -> Path:
    """Where the file of a pool is, or would be."""
    return project.root() / FOLDER / f"{pool}.json"


def name_of(pool: str) -> str:
    """The file, as messages call it."""
    return f"{FOLDER}/{pool}.json"


def pools() -> list[str]:
    """The pools that have a file."""
    return sorted(path.stem for path in (project.root() / FOLDER).glob("*.json"))


def text_of(template: Mapping[str, Any]) -> str:
    """The file with this template."""
    return json.dumps(template, indent=2, ensure_ascii=False) + "\n"


def template_of(pool: str) -> Template | None:
    """The template of a pool, None where it has no file; ConfigurationError has a line for each mistake."""
    path = path_of(pool)
    if not path.is_file():
        return None
    try:
        template = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        said = f"{name_of(pool)} is not JSON: {error}; take it from git, or delete it and run `nox -s pools`"
        raise ConfigurationError(said) from None
    if found := list(dict.fromkeys(_mistakes(template))):
        raise ConfigurationError("\n".join(f"{name_of(pool)}: {one}" for one in found))
    return dict(template)


def refuse_job_variables(pool: str, template: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """ConfigurationError for job variables that the template does not have, or does not take."""
    known = template["variables"]["properties"]
    said = [f"has no job variable '{name}'; {nearest(name, known)}" for name in given if name not in known]
    said += _not_taken(template, {name: value for name, value in given.items() if name in known})
    if said:
        raise ConfigurationError("\n".join(f"{name_of(pool)}: the pool {one}" for one in said))


def values(template: Mapping[str, Any]) -> dict[str, Any]:
    """What of a template reaches runs, by its path: the job's configuration, and the default of each variable."""
    configuration, variables = (template.get(part) for part in PARTS)
    known = variables.get("properties") if isinstance(variables, Mapping) else None
    fields = known.items() if isinstance(known, Mapping) else ()
    defaults = {f"variables.properties.{n}.default": f.get("default") for n, f in fields if isinstance(f, Mapping)}
    return {"job_configuration": configuration, **defaults}


def _secret(value: Any, name: str = "") -> bool:
    """Whether a value has a secret in it, by what it is or by the name of its field."""
    if isinstance(value, Mapping):
        return any(_secret(inner, str(key)) for key, inner in value.items())
    return any(_secret(inner, name) for inner in value) if isinstance(value, list) else is_secret(value, name)


def _mistakes(template: Any) -> Iterator[str]:
    if not isinstance(template, dict) or sorted(template) != sorted(PARTS):
        yield f"a base job template is a mapping of {' and '.join(PARTS)}, not {shorten(str(template))}"
        return
    configuration, variables = (template[part] for part in PARTS)
    known = variables.get("properties") if isinstance(variables, dict) else None
    if not isinstance(configuration, dict) or not isinstance(known, dict) or not _mappings(known):
        yield "job_configuration is a mapping, and so is each of variables.properties"
        return
    for name in _names(configuration):
        if name not in known and not name.startswith(OF_PREFECT):
            yield f"job_configuration asks for '{name}', which is no variable; {nearest(name, known)}"
    defaults = {name: field["default"] for name, field in known.items() if field.get("default") is not None}
    yield from (f"a default: {one}" for one in _not_taken(template, defaults))
    yield from _manifest(configuration.get("job_manifest"))
    if _secret(values(template)):
        yield "it holds a secret, which the server would store in clear; name it as {{ prefect.blocks.secret.NAME }}"


def _mappings(known: Mapping[str, Any]) -> bool:
    return all(isinstance(field, dict) for field in known.values())


def _names(value: Any) -> Iterator[str]:
    """The placeholders of a value, wherever in it they stand."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
    elif isinstance(value, str):
        yield from sorted(one.name for one in find_placeholders(value))


def _not_taken(template: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """What the schema of the variables says of values; a placeholder of Prefect's is a value of any type."""
    plain = {name: value for name, value in given.items() if not any(_names(value))}
    try:
        found = validate(plain, template["variables"], ignore_required=True, allow_none_with_default=True)
    except Exception as error:  # a schema may be broken in any way
        return [f"variables are no JSON Schema: {shorten(str(error))}"]
    return [f"does not take {'.'.join(map(str, one.path)) or 'this'}: {shorten(one.message)}" for one in found]


def _manifest(manifest: Any) -> Iterator[str]:
    """What a kubernetes worker asks of the job that it starts."""
    if manifest is None or isinstance(manifest, str):
        return
    spec, known = manifest, manifest if isinstance(manifest, dict) else {}
    for key in ("spec", "template", "spec"):
        spec = spec.get(key) if isinstance(spec, dict) else None
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if known.get("kind") != "Job" or not isinstance(known.get("metadata"), dict):
        yield "job_manifest is a kubernetes Job: `kind: Job`, with metadata"
    elif not isinstance(containers, list) or not containers:
        yield "job_manifest has no container in spec.template.spec.containers"
