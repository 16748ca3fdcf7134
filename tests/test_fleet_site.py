"""The documentation site is built, and its reference is what the code says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import ROOT
from test_examples import sessions

REFERENCE = ("commands", "contract", "policy", "rules", "sources", "json", "operators", "status")
HOW_TO = [f"how-to/{path.stem}" for path in (ROOT / "docs" / "how-to").glob("*.md")]
PAGES = ("index", "tutorial", *HOW_TO, "fleet", "support", "maintainers", "promises", "changelog")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `nox -s site` builds it: a warning, such as of a link that leads nowhere, fails."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(target)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_on_the_site_and_every_link_leads_to_a_file(site: Path) -> None:
    decisions = [f"decisions/{path.stem}" for path in (ROOT / "docs" / "decisions").glob("*.md")]
    reference = [f"reference/{name}" for name in REFERENCE]
    assert [name for name in (*PAGES, *reference, *decisions) if not (site / f"{name}.html").is_file()] == []
    assert len(HOW_TO) > 7
    for page in site.rglob("*.html"):
        links = re.findall(r'(?:href|src)="([^"#?]+)', page.read_text("utf-8"))
        local = [link for link in links if "://" not in link and not link.startswith(("mailto:", "/", "data:"))]
        assert [link for link in local if not (page.parent / link).exists()] == [], page.name


def test_the_reference_names_every_command_and_every_field(site: Path) -> None:
    commands = (site / "reference" / "commands.html").read_text("utf-8")
    named = set(re.findall(r"<code>nox -s ([\w-]+)</code>", commands))
    assert sessions(ROOT) | sessions(ROOT / "template") <= named
    contract = (site / "reference" / "contract.html").read_text("utf-8")
    assert {"dataset", "owner", "source", "rules"} <= set(re.findall(r"<td><code>(\w+)</code></td>", contract))
