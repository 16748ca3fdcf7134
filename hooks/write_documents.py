"""Write what the template ships: JSON Schemas and rule tables, which `nox -s rules` keeps current, and meanings.

`nox -s stamp` runs this with the template's pins; `--check` writes nothing and exits 1 when a file is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent / "template"
sys.path.insert(0, str(TEMPLATE / "src"))

from pushdown_page import pushdown_page  # noqa: E402
from quality.cli.documents import RULES_PAGE, rules_page, schemas  # noqa: E402
from quality.contract.judging_code import MEANINGS, written  # noqa: E402
from quality.contract.judging_modules import meanings  # noqa: E402


def documents() -> dict[Path, str]:
    """Each file with the text it should have."""
    rules, pushdown = TEMPLATE / RULES_PAGE, TEMPLATE / "docs" / "pushdown.md"
    return {TEMPLATE / name: schema for name, schema in schemas().items()} | {
        rules: rules_page(rules.read_text(encoding="utf-8")),
        pushdown: pushdown_page(pushdown.read_text(encoding="utf-8")),
        TEMPLATE / "src" / "quality" / MEANINGS: json.dumps(meanings(written()), indent=2) + "\n",
    }


def main(arguments: list[str]) -> int:
    """0 when every file is current or was written, 1 when one is stale, 2 on wrong use."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = {p: text for p, text in documents().items() if not p.exists() or p.read_text(encoding="utf-8") != text}
    for path, text in stale.items():
        if arguments:
            print(f"{path.relative_to(TEMPLATE)} is stale: run nox -s stamp", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
