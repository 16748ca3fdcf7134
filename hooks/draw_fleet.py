"""Draw docs/fleet.png: the page of a fleet whose repositories are in every state. `nox -s pictures` runs this."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "quality")]

import browser  # noqa: E402 - the tests' own, in place
from fleet_states import STATES, fleet, releases  # noqa: E402
from rendering import commit, git  # noqa: E402

IDENTITY = {f"GIT_{who}_{what}": "fleet@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
DOMAINS = (
    "orders payments returns stock prices shipping customers marketing suppliers invoices web_shop loyalty fraud "
    "claims vehicles energy sensors weather hotels flights trains ledger"
)


def main() -> None:
    """Make the fleet, give each repository a domain of its own, and draw its page."""
    os.environ.update(IDENTITY | {"QUALITY_SCREENSHOTS": str(ROOT / "docs")})
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        git(folder, "clone", "--quiet", str(ROOT), str(folder / "here"))
        tagged = releases(folder / "here", folder / "template")
        repositories = fleet(tagged, folder / "repositories")
        (repositories / "nothing").rmdir()
        for state, domain in zip(STATES, DOMAINS.split(), strict=True):
            name(repositories / state.name, domain, state.is_committed)
            (repositories / state.name).rename(repositories / domain)
        page = folder / "fleet.html"
        words = [sys.executable, str(ROOT / "hooks" / "fleet.py"), str(repositories), "--template", str(tagged)]
        subprocess.run([*words, "--html", str(page)], check=True, stdout=subprocess.DEVNULL)
        profile = folder / "profile"
        browser.screenshot(page.as_uri(), "fleet", profile, browser.PREFERS["light"], size="1680,1050")


def name(repository: Path, domain: str, is_committed: bool) -> None:
    """A domain and an owner in the answers, where these can be read."""
    path = repository / ".copier-answers.yml"
    if is_committed and path.exists() and "domain: flights" in (text := path.read_text("utf-8")):
        text = text.replace("domain: flights", f"domain: {domain}")
        path.write_text(text.replace("flights-team", f"{domain.replace('_', '-')}-team"), "utf-8")
        commit(repository, "A name")


if __name__ == "__main__":
    main()
