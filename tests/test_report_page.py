"""The report in a real browser: axe-core finds nothing, and it is read on a phone, on paper and by keyboard.

Pictures of it are kept in QUALITY_SCREENSHOTS, which `nox -s tests` sets.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import browser
import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from checking import NOW, judge
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

from quality.contract.config import CheckConfig
from quality.history import runs as history
from quality.reporting import html as report
from quality.result import CheckResult
from quality.values import Severity, Status

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
BUT_MARKS = {"exclude": [[".badge [aria-hidden]"], [".runs [aria-hidden]"]]}
"""Axe cannot tell the contrast of a single character; the word beside it has the same colours."""
RIGHT_TO_LEFT = "طلب غير معروف \u202e123"
MARKUP = "<script>alert('x')</script><img src=x onerror=alert(1)>&amp;"
ABOUT: dict[str, Any] = {
    "dataset": "orders",
    "environment": "prod",
    "owner": "@orders-team",
    "key": ["id"],
    "sensitive": ["email"],
}
ROWS = pl.DataFrame(
    {
        "id": [1, 2, 2, *range(4, 41)],
        "email": [f"someone{n}@example.org" for n in range(39)] + ["no address"],
        "amount": [-1.5, *[float(n) for n in range(39)]],
        "note": [MARKUP, RIGHT_TO_LEFT, "long " * 60, "unbroken" * 40, *["fine"] * 36],
        "country": [
            MARKUP,
            RIGHT_TO_LEFT,
            "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
            *["FR", None] * 18,
            "DE",
        ],
    }
)
EVERYTHING = (
    {"check": "unique", "column": "id", "severity": "critical"},
    {"check": "regex", "column": "email", "pattern": "@"},
    {"check": "in_set", "column": "note", "values": ["fine"], "name": RIGHT_TO_LEFT},
    {"check": "in_range", "column": "amount", "min": 0, "by": "country", "name": f"amounts, {MARKUP}"},
    {"check": "length", "column": "note", "max": 10, "by": "country", "severity": "warning"},
    {
        "check": "not_null",
        "column": "country",
        "severity": "info",
        "name": "a name without a gap " + "of_any_kind" * 12,
    },
    {"check": "not_null", "column": "note", "max_failure_rate": 0.5},
    {"check": "in_range", "column": "amount", "min": 0, "warn_failure_rate": 0.01, "max_failure_rate": 0.5},
    {"check": "in_range", "column": "amount", "max": 0, "where": "id > 1000"},
    {"check": "foreign_key", "column": "id", "reference": "gone.parquet"},
    {"check": "row_count", "min": 1},
    {"check": "dtype", "column": "id", "dtype": "integer"},
)
MANY = tuple({"check": "in_range", "column": "amount", "min": 0, "name": f"rule {n} of many"} for n in range(70))


WIDE = ROWS.select("amount", "email", *[pl.col("email").alias(f"a column with a name {n}") for n in range(24)])


def judged(*rules: dict[str, Any], rows: pl.DataFrame = ROWS, **about: Any) -> CheckResult:
    return judge(rows, *rules, **ABOUT | about)


def past(result: CheckResult, *earlier: CheckResult) -> pl.DataFrame:
    """The metrics of daily runs, the result's own the last."""
    runs = [*earlier, result]
    dated = [run.model_copy(update={"timestamp": NOW - timedelta(days=len(runs) - n)}) for n, run in enumerate(runs)]
    return pl.concat([history.rows(run, f"run{n}", CheckConfig()).drop("result") for n, run in enumerate(dated)])


def everything() -> str:
    earlier = judged(*EVERYTHING, rows=ROWS.tail(30))
    result = judged(*EVERYTHING)
    return report.render(result, past(result, earlier, earlier, result))


PASSES = {"check": "row_count", "min": 1}
REPORTS: dict[str, Callable[[], str]] = {
    "everything": everything,
    "many rules": lambda: report.render(judged(*MANY)),
    "passed": lambda: report.render(judged(PASSES), past(judged(PASSES), judged(PASSES))),
    "warning": lambda: report.render(judged({"check": "unique", "column": "id", "severity": "warning"})),
    "skipped": lambda: report.render(judged({"check": "unique", "column": "id"}, rows=ROWS.clear())),
    "error": lambda: report.render(judged(*EVERYTHING[9:])),
    "no rules": lambda: report.render(judged()),
    "unknown reason": lambda: report.render(
        judged().model_copy(update={"status": Status.ERROR, "reason": f"the file {MARKUP} could not be read " * 9})
    ),
}


SIDEWAYS = REPORTS | {
    "many columns": lambda: report.render(judged(*MANY[:1], rows=WIDE, key=list(WIDE.columns))),
}
"""Axe leaves open what it cannot see, such as the last of many columns."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser.chromium(), args=browser.QUIET)
        yield started
        started.close()


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a report; it asks for no other file and has nothing to complain of."""
    pages: list[Page] = []
    heard: list[str] = []

    def open_page(text: str, width: int = 1280, look: browser.Look = "light") -> Page:
        path = tmp_path / f"report{len(pages)}.html"
        path.write_text(text, "utf-8")
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=look)
        page.on("request", lambda request: heard.append(request.url))
        page.on("console", lambda message: heard.append(message.text))
        page.goto(path.as_uri())
        assert heard.pop(0) == path.as_uri()
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not heard


def axe(page: Page) -> dict[str, list[str]]:
    """What axe-core says, by kind (violations, incomplete, passes): each rule with an element it is about."""
    response = Axe().run(page, context=BUT_MARKS, options=WCAG).response
    return {
        kind: [f"{one['id']}: {node['target']}" for one in response[kind] for node in one["nodes"]]
        for kind in ("violations", "incomplete", "passes")
    }


def keep(page: Page, name: str) -> None:
    """A picture of the whole page."""
    page.screenshot(path=browser.picture(name.replace(" ", "-"), Path(page.url[7:]).parent), full_page=True)


def test_the_reports_show_every_verdict_at_every_severity() -> None:
    rules = judged(*EVERYTHING).rules
    assert {rule.status for rule in rules} == set(Status)
    assert {rule.severity for rule in rules} == set(Severity)
    text = everything()
    assert "***" in text
    assert "no address" not in text


@pytest.mark.parametrize("look", browser.PREFERS)
@pytest.mark.parametrize("name", REPORTS)
def test_axe_finds_nothing_at_wcag_2_1_aa(name: str, look: browser.Look, opened: Callable[..., Page]) -> None:
    page = opened(REPORTS[name](), look=look)
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (look == "dark")
    said = axe(page)
    assert (said["violations"], said["incomplete"]) == ([], [])
    assert any(one.startswith("color-contrast:") for one in said["passes"])
    keep(page, f"report {name} {look}")


PLANTED = [
    ("html-has-lang", ' lang="en"', ""),
    ("color-contrast", "--soft: #56606e", "--soft: #aab2bc"),
    ("document-title", "<title>", "<title hidden></title><title>"),
    ("svg-img-alt", 'role="img" aria-label', 'role="img" data-label'),
    ("scrollable-region-focusable", ' tabindex="0"', ""),
    ("list", "<li>", "<div>"),
    ("meta-viewport", "initial-scale=1", "initial-scale=1, user-scalable=no"),
]


@pytest.mark.parametrize(("rule", "old", "new"), PLANTED, ids=[row[0] for row in PLANTED])
def test_axe_names_what_is_wrong(rule: str, old: str, new: str, opened: Callable[..., Page]) -> None:
    text = everything()
    assert old in text
    assert any(one.startswith(f"{rule}:") for one in axe(opened(text.replace(old, new), width=360))["violations"])


OUTSIDE = """width => [...document.querySelectorAll('body *:not(.scroll *)')]
  .filter(one => one.getBoundingClientRect().right > width).map(one => one.outerHTML.slice(0, 99))"""


@pytest.mark.parametrize("width", [360, 320])
@pytest.mark.parametrize("name", SIDEWAYS)
def test_on_a_phone_only_tables_scroll_sideways(name: str, width: int, opened: Callable[..., Page]) -> None:
    page = opened(SIDEWAYS[name](), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(OUTSIDE, width) == []
    keep(page, f"report {name} {width}")


FOCUSED = """(regions => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [regions.indexOf(one), style.outlineStyle, style.outlineWidth];
})([...document.querySelectorAll('.scroll')])"""


def test_every_region_that_scrolls_is_reached_by_keyboard_and_shows_it(opened: Callable[..., Page]) -> None:
    page = opened(everything(), width=360)
    count = page.locator(".scroll").count()
    assert count > 5
    for number in range(count):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == [number, "solid", "3px"]
    page.locator(".scroll", has_text="Judged").focus()
    page.keyboard.press("ArrowRight")
    deadline = time.monotonic() + 10
    while not page.evaluate("document.activeElement.scrollLeft"):
        assert time.monotonic() < deadline, "the arrow key did not scroll"


@pytest.mark.parametrize("name", ["everything", "many rules", "many columns"])
def test_on_paper_nothing_is_cut_off_and_each_page_of_a_table_has_its_head(
    name: str, opened: Callable[..., Page], tmp_path: Path
) -> None:
    page = opened(SIDEWAYS[name](), look="dark")
    words = {word for cell in page.locator("td, th, h3, dd").all_text_contents() for word in cell.split()}
    page.pdf(path=tmp_path / "report.pdf", format="A4", prefer_css_page_size=True)
    pages = [_letters(one.extract_text()) for one in PdfReader(tmp_path / "report.pdf").pages]
    assert not [word for word in words if word.isascii() and word not in "".join(pages)]
    rows = [text for text in pages if re.search(r"(PASSED|FAILED)rule\d+ofmany", text)]
    assert all("VerdictRuleSeverityFailedJudgedFound" in text for text in rows)
    assert len(rows) > 1 or name != "many rules"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def _letters(text: str) -> str:
    """Without white space and ligatures."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
