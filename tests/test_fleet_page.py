"""The fleet's page in a real browser: axe finds nothing, it reads without a script, sorts and searches with one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import browser
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from rendering import release
from test_report_page import MARKUP, OUTSIDE, RIGHT_TO_LEFT, WCAG

from repositories.card import Card, Check, Drift, Point, Standing, Waiver
from repositories.page import page
from repositories.report import Report
from repositories.template import Template

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
MET = Check("reachable", True, "HEAD")


def unmet(*names: str) -> tuple[Check, ...]:
    return (MET, *(Check(name, False, f"what was seen of {name}", "nox -s update") for name in names))


def cards() -> tuple[Card, ...]:
    """A card of every state, names that are markup or written from the right, and long lists."""
    many = tuple(f"src/quality/rules/a_module_with_a_long_name_{number}.py" for number in range(30))
    return (
        Card("gone", "unreachable", (Check("reachable", False, f"fatal {MARKUP} " * 9, "look"),)),
        Card("unanswered", "no answers", unmet("answers")),
        Card("marked", "conflict markers", unmet("conflicts", "release"), domain=RIGHT_TO_LEFT, release="v1.0.0"),
        Card("trust", "needs trust", unmet("trust", "release"), domain=MARKUP, owner=MARKUP, release="v1.0.0"),
        Card(
            "orders",
            "behind",
            unmet("release", "managed files", "waivers"),
            domain="orders",
            owner="@orders-team",
            release="v1.0.0",
            releases_behind=12,
            days_behind=140,
            drift=Drift(edited=many, extra=("src/quality/ours.py",)),
            waivers=(Waiver("noxfile.py", "a trial", date(2026, 6, 1)),),
            forks=("src/domain/ours.py:5: uses quality.checking.check",),
            standings=(Standing("orders", "prod", "deployment", "task", "flow: the configuration changed since"),),
            runs_on="py311-prefect-3.9.1-polars-2.1",
            trend=(Point("2026-05-01", 1), Point("2026-05-06", 3)),
        ),
        *(Card(f"shop{n}", "current", (MET,), domain=f"shop_{n}", owner="@shop", release="v1.1.0") for n in range(12)),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "template").mkdir()
    for tag in ("v1.0.0", "v1.1.0"):
        release(folder / "template", tag)
    report = Report(Template(folder / "template"), NOW, cards())
    (folder / "fleet.html").write_text(page(report), "utf-8")
    return folder / "fleet.html"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser.chromium(), args=browser.QUIET)
        yield started
        started.close()


def opened(
    chromium: Browser, path: Path, look: browser.Look = "light", width: int = 1280, scripts: bool = True
) -> Page:
    """The page; it asks for no other file and has nothing to complain of."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=look, java_script_enabled=scripts
    )
    shown = context.new_page()
    heard: list[str] = []
    shown.on("request", lambda request: heard.append(request.url))
    shown.on("console", lambda message: heard.append(message.text))
    shown.goto(path.as_uri())
    assert heard == [path.as_uri()]
    return shown


@pytest.mark.parametrize("look", browser.PREFERS)
def test_axe_finds_nothing_on_the_fleets_page_at_wcag_2_1_aa(
    look: browser.Look, chromium: Browser, written: Path
) -> None:
    shown = opened(chromium, written, look)
    said = Axe().run(shown, options=WCAG).response
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in said["violations"]] == []
    assert any(one["id"] == "color-contrast" for one in said["passes"])
    shown.screenshot(path=browser.picture(f"fleet-{look}", written.parent), full_page=True)


def test_the_fleets_page_is_read_without_a_script(chromium: Browser, written: Path) -> None:
    shown = opened(chromium, written, scripts=False)
    assert shown.locator("#repositories tbody tr").count() == len(cards())
    assert not shown.locator("#search").is_visible()
    assert "<script>alert" in shown.locator("#repositories").inner_text()
    shown.locator("summary", has_text="30 edited").click()
    assert shown.locator("#repositories").get_by_text("a_module_with_a_long_name_29.py").is_visible()


def test_the_fleets_page_is_sorted_by_any_column_and_searched(chromium: Browser, written: Path) -> None:
    shown = opened(chromium, written)
    first = shown.locator("#repositories tbody tr").first
    assert "gone" in first.inner_text()
    head = shown.locator("#repositories th", has_text="Releases behind")
    head.get_by_role("button").click()
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert first.inner_text().startswith("orders")
    shown.locator("#search").fill("SHOP_1 current")
    visible = [row for row in shown.locator("#repositories tbody tr").all() if row.is_visible()]
    assert len(visible) == 3
    assert shown.get_by_role("status").inner_text() == f"3 of {len(cards())} shown"


@pytest.mark.parametrize("width", [360, 320])
def test_on_a_phone_only_the_fleets_tables_scroll_sideways(width: int, chromium: Browser, written: Path) -> None:
    shown = opened(chromium, written, width=width)
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert shown.evaluate(OUTSIDE, width) == []
