"""The pages of the documentation site that lie elsewhere or are made from code; MkDocs calls this, see mkdocs.yml."""

from __future__ import annotations

import ast
import json
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
ELSEWHERE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    **{
        f"reference/{name}": f"template/docs/{name}"
        for name in ("rules.md", "sources.md", "pushdown.md", "changes.md", "states.md", "json.md", "operators.md")
    },
    **{f"reference/{name}": f"template/docs/{name}" for name in ("artifact.png", "report.png")},
}
"""Pages and pictures of the site, each with the file of the project that it is."""
SCHEMAS = {
    "contract": ("template/datasets/contract.schema.json", "A contract, `datasets/<dataset>.yml`"),
    "policy": ("template/datasets/policy.schema.json", "The policy, `policy.yml`"),
    "status": ("template/docs/schemas/status.json", "The answer of `nox -s status -- --json`"),
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```[ \t]*$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Every page of the site, those from elsewhere and from code too."""
    for name, source in ELSEWHERE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    for name, text in made().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page whose links lead to pages of the site; a link to a file that is not on it is its words."""
    here = page.file.src_uri
    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lambda found: _link(found, here), part) for part in parts[::2]]
    return "".join(parts)


def _link(found: re.Match[str], here: str) -> str:
    mark, words, target, anchor = found.groups()
    if "://" in target or target.startswith("mailto:"):
        return found[0]
    place = posixpath.normpath(posixpath.join(posixpath.dirname(source_of(here)), target))
    there = {source_of(name): name for name in [*ELSEWHERE, *_own()]}.get(place)
    if there is None:
        return words
    return f"{mark}[{words}]({os.path.relpath(there, posixpath.dirname(here) or '.')}{anchor or ''})"


def source_of(name: str) -> str:
    """The file of the project that a page of the site is."""
    return ELSEWHERE.get(name, f"docs/{name}")


def _own() -> list[str]:
    return [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*") if path.is_file()]


def made() -> dict[str, str]:
    """The pages that are made from code: commands, and the fields of what people and programs write."""
    pages = {f"reference/{name}.md": "\n".join(schema(*about)) for name, about in SCHEMAS.items()}
    pages["reference/commands.md"] = "\n".join(commands())
    return pages


def commands() -> Iterator[str]:
    """Every session with its line, of a repository and of the template."""
    yield "# Commands\n"
    for title, path in (("In a repository", "template/noxfile.py"), ("In the template", "noxfile.py")):
        yield f"\n## {title}\n\n| command | what it does |\n|---|---|"
        for name, said in sessions(ROOT / path):
            yield f"| `nox -s {name}` | {cell(said)} |"
    yield ""


def sessions(path: Path) -> Iterator[tuple[str, str]]:
    """The name and the docstring of every session of a noxfile."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and any("session" in ast.unparse(one) for one in node.decorator_list):
            given = re.search(r"name='([^']+)'", " ".join(map(ast.unparse, node.decorator_list)))
            yield given[1] if given else node.name, (ast.get_docstring(node) or "").splitlines()[0]


def schema(path: str, title: str) -> Iterator[str]:
    """The fields of a JSON Schema, those of each thing in it under its own heading."""
    whole: dict[str, Any] = json.loads((ROOT / path).read_text("utf-8"))
    yield f"# {title}\n\n{whole.get('description', '')}\n"
    yield from fields(whole)
    for name, one in sorted(whole.get("$defs", {}).items()):
        if one.get("properties"):
            yield f"\n## {name}\n\n{one.get('description', '')}\n"
            yield from fields(one)
    yield ""


def fields(one: dict[str, Any]) -> Iterator[str]:
    """A table of the fields of one object."""
    yield "| field | takes | default | |\n|---|---|---|---|"
    for name, said in one.get("properties", {}).items():
        about = said if isinstance(said, dict) else {}  # `true`: whatever it is
        default = "needed" if name in one.get("required", []) else json.dumps(about.get("default"))
        yield f"| `{name}` | {cell(takes(about))} | {cell(default)} | {cell(about.get('description', ''))} |"


def takes(about: dict[str, Any]) -> str:
    """What a field takes, in words."""
    if choices := about.get("anyOf") or about.get("oneOf"):
        return " or ".join(dict.fromkeys(takes(one) for one in choices))
    if reference := about.get("$ref"):
        return str(reference).rsplit("/", 1)[-1]
    if "enum" in about or "const" in about:
        return ", ".join(map(json.dumps, about.get("enum", [about.get("const")])))
    if about.get("type") == "array":
        return f"a list of {takes(about.get('items', {}))}"
    return str(about.get("type", "anything"))


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
