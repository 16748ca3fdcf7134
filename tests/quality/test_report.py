from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import browser
import pytest
from nightly import BAD, GOOD, Repository

from quality.checking import check
from quality.errors import ConfigurationError
from quality.history import runs as history
from quality.reporting import html as report
from quality.reporting.artifacts import cell, summary
from quality.reporting.escaping import legible
from quality.reporting.guidance import again
from quality.reporting.html import MARKS
from quality.result import CheckResult, RuleResult
from quality.values import Status

COUNTRIES = {"check": "in_range", "name": "amounts by country", "column": "amount", "min": 0, "by": "country"}
NASTY = "<script>alert('x')</script>&"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    made = Repository(tmp_path)
    made.says(rules=[*made.contract["rules"], COUNTRIES])
    return made


def ran(repository: Repository, days: int, bad: bool) -> CheckResult:
    data = BAD if bad else GOOD
    repository.holds(data | {"country": ["DE", NASTY, "FR", "FR"]})
    result = check(None, repository.config)
    result = result.model_copy(update={"timestamp": datetime.now(UTC) - timedelta(days=days)})
    history.append(result, repository.config, f"run{days}")
    return result


def written(repository: Repository) -> tuple[Path, str]:
    for days in (3, 2, 1):
        ran(repository, days, bad=days == 1)
    path = report.last(repository.config)
    return path, path.read_text("utf-8")


class Page(HTMLParser):
    """What an assistive device goes by: language, headings, headers of tables, names of pictures and regions."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def test_the_verdict_comes_first_and_the_rest_in_the_order_of_a_nights_work(repository: Repository) -> None:
    path, text = written(repository)
    assert path.name == "orders-prod.html"
    places = [
        text.index(f">{words}") for words in ("orders in prod<", "Rules that do not hold", "Every rule", "By country")
    ]
    assert places == sorted(places)
    assert text.index("What to do:") < places[1]
    assert "<title>FAILED: orders in prod</title>" in text


def test_it_is_one_file_without_network_or_script(repository: Repository) -> None:
    _, text = written(repository)
    assert not re.search(r"<(script|link|img|iframe)\b|\bsrc=|\bhref=|url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_the_contract_is_a_link_where_the_policy_says_where_files_are_read(repository: Repository) -> None:
    repository.decides(repository_url='https://git.example/a"b/blob/main')
    _, text = written(repository)
    assert '<a href="https://git.example/a&#34;b/blob/main/datasets/orders.yml">datasets/orders.yml</a>' in text


def test_data_never_becomes_markup_and_sensitive_values_never_show(repository: Repository) -> None:
    repository.says(key=["id", "email"])
    _, text = written(repository)
    assert "&lt;script&gt;alert(" in text
    assert "@x.org" not in text
    assert "***" in text


def test_segments_and_rules_cross_in_a_matrix(repository: Repository) -> None:
    _, text = written(repository)
    matrix = text[text.index(">By country") :]
    assert "FAILED 100 %" in matrix
    assert matrix.index("&lt;script") < matrix.index(">DE<") < matrix.index(">FR<")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({3: False, 2: True, 1: True}, "2 runs"),
        ({3: True, 2: False, 1: True}, "this run; the one before was PASSED"),
        ({1: True}, None),
    ],
    ids=["two", "one", "no history"],
)
def test_an_operator_reads_since_when_it_is_so(repository: Repository, days: dict[int, bool], said: str | None) -> None:
    ran_at = [ran(repository, day, bad).timestamp for day, bad in days.items()]
    text = report.last(repository.config).read_text("utf-8")
    assert ("FAILED since" in text) is (said is not None)
    assert f"{ran_at[1]:%Y-%m-%d %H:%M} UTC, {said}" in text if said == "2 runs" else (said or "") in text


def test_the_command_that_judges_again_is_there_until_nothing_is_to_be_done(repository: Repository) -> None:
    failed, passed = ran(repository, 2, bad=True), ran(repository, 1, bad=False)
    assert [again(failed), again(passed)] == ["nox -s task -- orders --env prod", None]
    words = re.sub(r"<[^>]+>", "", report.render(failed))
    assert "Run it again: nox -s task -- orders --env prod" in words
    assert "Run it again: `nox -s task -- orders --env prod`" in summary(failed).replace("**", "")


def test_a_failure_that_does_not_fail_the_run_is_counted_apart(repository: Repository) -> None:
    repository.says(rules=[*repository.contract["rules"], COUNTRIES | {"severity": "warning", "name": "soft"}])
    counted = report.counts(ran(repository, 1, bad=True))
    assert [words for _, _, words in counted] == ["3 failed", "1 failed, not fatal", "4 passed"]


def test_only_the_worst_are_shown_with_their_rows() -> None:
    rules = [RuleResult(rule_name=f"rule {n}", check="not_null", status=Status.FAILED, message="so") for n in range(60)]
    text = report.render(CheckResult(status=Status.FAILED, rules=tuple(rules), timestamp=datetime.now(UTC)))
    assert text.count("<article") == report.CARDS
    assert "… and 10 more, in the tables below." in text


LEGIBLE = [
    ("plain", "plain"),
    ("a\tb\nc", "a\tb\nc"),
    ("عربي", "عربي"),
    ("\u202eabc", r"\u202eabc"),
    ("\x1b[31m", r"\u001b[31m"),
]


@pytest.mark.parametrize(("text", "shown"), LEGIBLE, ids=["plain", "white space", "Arabic", "turned", "escape"])
def test_invisible_controls_are_spelled_out(text: str, shown: str) -> None:
    assert legible(text) == shown
    assert cell(text) == re.sub(r"\s", " ", shown).replace("\\", "\\\\").replace("[", r"\[")
    rule = RuleResult(rule_name=text, check="not_null", status=Status.FAILED, message=text)
    page = report.render(CheckResult(status=Status.FAILED, rules=(rule,), timestamp=datetime.now(UTC)))
    assert page.count(shown) >= 3


def test_trends_are_drawn_and_said(repository: Repository) -> None:
    _, text = written(repository)
    assert 'aria-label="unique(id) over 3 runs: between 0 % and 50 %, last 50 %"' in text
    assert "The last 3 runs" in text


def test_assistive_devices_find_their_way(repository: Repository) -> None:
    page = Page(written(repository)[1])
    assert page.of("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(header.get("scope") in ("row", "col") for header in page.of("th"))
    assert all(picture.get("aria-label") or picture.get("aria-hidden") for picture in page.of("svg"))
    assert all(
        region.get("aria-label") or region.get("aria-labelledby") for region in page.of("div") if region.get("role")
    )
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {attributes.get("aria-labelledby") for _, attributes in page.tags} - {None} <= set(ids)


def test_every_verdict_has_its_own_mark_and_word() -> None:
    assert set(MARKS) == set(Status)
    assert len(set(MARKS.values())) == len(MARKS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(theme: str) -> None:
    style = Path(report.__file__).with_name("report.html").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in style.split("@media screen")[:2])
    colours = light if theme == "light" else light | dark
    for back in ("page", "card", "zebra"):
        for ink in ("ink", "soft"):
            assert contrast(colours[ink], colours[back]) >= 4.5, (ink, back)
    for word in ("passed", "warning", "failed", "skipped", "error"):
        assert contrast(colours[word], colours[f"{word}-back"]) >= 4.5, word
        assert contrast(colours["ink"], colours[f"{word}-back"]) >= 4.5, word
    assert contrast(colours["spark"], colours["zebra"]) >= 3


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("status", list(Status))
def test_every_verdict_can_be_reported(status: Status) -> None:
    rule = RuleResult(rule_name="a", check="not_null", status=status, message="it is so")
    for rules in ((), (rule,)):
        result = CheckResult(status=status, rules=rules, timestamp=datetime.now(UTC), reason="there is a reason")
        assert f">{status}</span>" in report.render(result)


def test_without_a_run_there_is_no_report(repository: Repository) -> None:
    with pytest.raises(ConfigurationError, match="no run of orders in prod is remembered yet"):
        report.last(repository.config)


@pytest.mark.parametrize("look", browser.PREFERS)
def test_a_browser_draws_it(repository: Repository, tmp_path: Path, look: browser.Look) -> None:
    path, _ = written(repository)
    picture = browser.screenshot(path.as_uri(), f"report-{look}", tmp_path / "profile", browser.PREFERS[look])
    assert picture.stat().st_size > 20_000


@pytest.mark.parametrize("look", browser.PREFERS)
def test_a_browser_prefers_the_look_that_it_is_told(look: browser.Look, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>document.title = matchMedia('(prefers-color-scheme: dark)').matches</script>", "utf-8")
    drawn = browser.dom(page.as_uri(), tmp_path / "profile", browser.PREFERS[look])
    assert f"<title>{str(look == 'dark').lower()}</title>" in drawn


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_where_no_browser_is_ci_fails_and_a_person_is_told(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="NOT LOOKED AT"):
        browser.chromium()


def test_a_browser_prints_it(repository: Repository, tmp_path: Path) -> None:
    path, _ = written(repository)
    paper = tmp_path / "report.pdf"
    browser.run(tmp_path / "profile", f"--print-to-pdf={paper}", "--no-pdf-header-footer", path.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
