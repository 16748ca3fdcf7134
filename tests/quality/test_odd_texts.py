"""Names and values of any characters stay text on every page: a table stays a table, a line a line, a name a name."""

from __future__ import annotations

import io
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from quality.cli.comment import page
from quality.cli.junit import write_junit
from quality.operations.incidents import Incident, Kind
from quality.operations.notifications import SHOWN, message, subject
from quality.provenance import RunMetadata
from quality.reporting import html
from quality.reporting.artifacts import VERDICT, cell, code, rule_rows, summary, table_cell, to_prefect_artifact
from quality.reporting.console import print_verdict, render_text
from quality.reporting.escaping import LONGEST, legible, one_line
from quality.reporting.guidance import alone
from quality.result import CheckResult, RuleResult, summarize_check_result
from quality.sources import partition
from quality.values import Status

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ODD = {
    "pipes": "a | b || c",
    "backticks": "`rm -rf` and ``two``",
    "brackets": "[red]x[/red] [/] [a](http://e.org) ![i](x)",
    "lines": "first\n\n# second\n- third\r\n| a | b |\n|---|---|",
    "script": "<script>alert('x')</script><!-- & -->",
    "heading": "# a heading",
    "list": "- an item",
    "plus": "+ an item",
    "numbers": "1. an item",
    "rule": "---",
    "underline": "===",
    "table": "| a | b |",
    "quote": "> said",
    "fence": "~~~ a",
    "stars": "*a* **b** _c_ ~~d~~",
    "turned": "abc\u202edcb",
    "marks": "a\u200fb\u200ec",
    "zero width": "a\u200bb\ufeffc\u00add\u2060",
    "joined": "می\u200cخواهم 👩\u200d🔬",  # noqa: RUF001 - Persian
    "joiners": "DE\u200d US\u200c",
    "emoji": "👍🏽 ✅ 🇩🇪",
    "escapes": "\x1b[2J\x1b]0;title\x07\x08\x7f\x9b31m",
    "entity": "&lt;b&gt; &amp; &#35;",
    "backslash": "a\\| b\\",
    "formula": '=HYPERLINK("http://e.org")',
    "calls": "@everyone #12 <!channel>",
    "nothing": "",
    "blank": "  \t ",
    "long": "x" * 10_000,
    "long words": "word " * 2_000,
}
TEXTS = st.one_of(
    st.sampled_from([*ODD.values()]), st.text(max_size=40), st.text("#-+*_`|[]<>!&\\ \n=~.)1a\u200d", max_size=9)
)
UNSEEN = "".join(map(chr, (*range(32), 127, 0x9B, 0x202E, 0x200B, 0x200E, 0x200F, 0xFEFF, 0xAD, 0x2060)))
PARSED = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def result_of(text: str) -> CheckResult:
    """A result in which the text stands wherever a person or the data can put one."""
    sample = {"row": 1, text: text}
    rule = RuleResult(
        rule_name=text or "x",
        check="in_set",
        column=text,
        columns=(text,),
        status=Status.FAILED,
        message=text,
        failed_count=1,
        total_count=2,
        segment=text,
        by=text or "by",
        samples=(sample,),
    )
    about = RunMetadata(dataset="orders", environment="prod", owner=text or None, source=text, partition=None)
    return CheckResult(status=Status.FAILED, rules=(rule, rule), timestamp=NOW, metadata=about, row_count=2)


def structure(markdown: str) -> list[str]:
    """The kinds of a page's pieces, those within a line among them, but for its text."""
    kinds = []
    for token in PARSED.parse(markdown):
        kinds.append(token.type)
        kinds += [one.type for one in token.children or () if one.type not in ("text", "softbreak")]
    return kinds


def words(markdown: str) -> str:
    """What a reader of the page sees, without what makes it a page."""
    return "".join(one.content for token in PARSED.parse(markdown) for one in token.children or ())


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_markdown_has_the_same_pieces_whatever_the_names_and_values(text: str) -> None:
    text = text if one_line(text) else "x"
    assert structure(summary(result_of(text), (text,))) == structure(summary(result_of("x"), ("x",)))


@pytest.mark.parametrize(
    "around", ["{}", "* {}", "### {}", "**Owner:** {}", "a\n\n{} is so.\n\nb", "|a|b|\n|---|---|\n| {} | x |"]
)
@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
@example(text="order #")
@example(text="a # ##")
@example(text="##")
def test_a_text_is_read_in_markdown_as_it_is(around: str, text: str) -> None:
    shown, text = one_line(text) or "x", text if one_line(text) else "x"
    assert structure(around.format(cell(text))) == structure(around.format("x"))
    assert words(around.format(cell(text))) == words(around.format("TEXT")).replace("TEXT", shown)


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_a_command_is_copied_from_markdown_as_it_stands(text: str) -> None:
    text = one_line(text)
    (inline,) = [token for token in PARSED.parse(f"**Run:** {code('nox ' + text)}") if token.type == "inline"]
    (found,) = [one for one in inline.children or () if one.type == "code_inline"]
    assert found.content.rstrip() == f"nox {text}".rstrip()


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_no_terminal_obeys_what_data_says(text: str) -> None:
    shown = io.StringIO()
    print_verdict(result_of(text), Console(file=shown, width=120, color_system=None))
    for said in (shown.getvalue(), render_text(result_of(text), 40)):
        assert not set(said) & set(UNSEEN) - {"\n", "\t"}


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_a_message_has_a_line_for_each_incident_and_no_more(text: str) -> None:
    result = result_of(text)
    incidents = [Incident(rule=text, kind=Kind.OPENED, since=NOW, line=text) for _ in range(SHOWN)]
    lines = message(result, incidents).splitlines()
    assert len(lines) == 1 + 1 + SHOWN + 1 + 1
    assert all(line.startswith("- ") and line.endswith(", since 2026-11-28 00:00 UTC") for line in lines[2 : 2 + SHOWN])
    assert not set("".join(lines)) & set(UNSEEN)
    assert len("".join(lines)) < 35_000, "as many as the chat of fewest takes"
    assert "\n" not in subject(result, incidents) + summarize_check_result(result.model_copy(update={"reason": None}))


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_a_row_of_the_table_in_prefect_is_a_line(text: str) -> None:
    for row in rule_rows(result_of(text)):
        assert all(len(str(held)) <= 2 * LONGEST + 1 and "\n" not in str(held) for held in row.values())
        assert not set("".join(map(str, row.values()))) & set(UNSEEN)


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_the_report_has_the_same_tags_whatever_the_names_and_values(text: str) -> None:
    drawn = html.render(result_of(text or "x"))
    assert drawn.count("<") == html.render(result_of("x")).count("<")
    assert not set(drawn) & set(UNSEEN) - {"\n", "\t"}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_junit_is_xml_that_says_the_name(text: str, tmp_path: Path) -> None:
    write_junit(tmp_path / "j.xml", [result_of(text)])
    (suite,) = ElementTree.parse(tmp_path / "j.xml").getroot()
    cases = suite.findall("testcase")
    assert len(cases) == 2
    if legible(text) == text:
        assert cases[0].attrib["name"] == f"{text or 'x'} [{text or 'by'}={text}]"


@pytest.mark.parametrize(
    "text", ["a\u200bb", "a\u202eb", "two  spaces", "a\u00a0b", "it's `x`", "👩\u200d🔬", "\u2028"]
)
def test_a_command_that_is_copied_asks_for_the_very_partition(text: str) -> None:
    asked = partition.Partition((("city", text),))
    (_, copied) = shlex.split(legible(alone(asked.shown)))
    assert partition.read(copied) == asked


def test_what_joins_letters_and_emoji_stays() -> None:
    assert legible(ODD["joined"]) == ODD["joined"]
    assert legible(ODD["emoji"]) == ODD["emoji"]
    assert legible(ODD["joiners"]) == r"DE\u200d US\u200c"
    assert legible("\U000e0041x") == r"\U000e0041x"


def test_a_line_of_a_comment_calls_nobody() -> None:
    said: dict[str, Any] = {"page": page([cell(ODD["calls"])], "impact")}
    assert "@everyone" not in said["page"]
    assert "#12" not in said["page"]


@settings(deadline=None)
@given(text=TEXTS)
def test_a_cell_of_a_table_in_prefect_reads_the_same_as_markdown_and_as_text(text: str) -> None:
    shown = str(table_cell(text))
    assert structure(shown) == structure("x" if one_line(text) else "")
    assert words(shown) == one_line(text)


@pytest.mark.parametrize(
    "plain", ["in_range(amount, min=0)", "amount >= 0 and a < b | c", "in_set(x, values=[a, b])", "a * b"]
)
def test_what_is_no_markup_has_no_backslash(plain: str) -> None:
    assert table_cell(plain) == plain


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_the_description_of_an_artifact_is_read_as_the_verdict(text: str) -> None:
    result = result_of(text or "x")
    said = str(to_prefect_artifact(result, "table").description)
    assert structure(said) == structure("x")
    assert words(said) == one_line(summarize_check_result(result), VERDICT)
