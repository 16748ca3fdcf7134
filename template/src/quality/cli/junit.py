"""Verdicts as JUnit XML, which every CI shows: a suite for each dataset, a test case for each rule and segment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from quality.files import write_whole
from quality.reporting.console import segment
from quality.result import CheckResult, RuleResult, summarize_check_result
from quality.values import Status

OUTCOMES = {Status.FAILED: "failure", Status.ERROR: "error", Status.SKIPPED: "skipped"}
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML may hold."""


def write_junit(path: Path, results: Sequence[CheckResult]) -> None:
    """Writes the verdicts; counts are those of the results, so a rule FAILED as a warning is a failure there, too."""
    suites = ElementTree.Element("testsuites")
    for result in results:
        suites.append(_suite(result))
    ElementTree.indent(suites)
    write_whole(path, ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n")


def _suite(result: CheckResult) -> ElementTree.Element:
    about, seconds = result.metadata, f"{result.execution_time_ms / 1000:.3f}"
    name = _xml(".".join(filter(None, (about.dataset, about.environment or "none", about.partition))))
    suite = ElementTree.Element("testsuite", name=name, timestamp=result.timestamp.isoformat(), time=seconds)
    cases = [_case(rule, name) for rule in result.rules] or [_run(result, name)]
    suite.extend(cases)
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite.attrib |= {"tests": str(len(cases))}
    suite.attrib |= {word: str(sum(case.find(tag) is not None for case in cases)) for word, tag in counts.items()}
    ElementTree.SubElement(suite, "system-out").text = _xml(summarize_check_result(result))
    return suite


def _case(rule: RuleResult, suite: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=suite, name=_xml(f"{rule.rule_name}{segment(rule)}"))
    said = _xml(rule.message)
    if rule.status in OUTCOMES:
        ElementTree.SubElement(case, OUTCOMES[rule.status], message=said, type=str(rule.severity)).text = said
    elif rule.status is Status.WARNING:
        ElementTree.SubElement(case, "system-out").text = f"WARNING: {said}"
    return case


def _run(result: CheckResult, suite: str) -> ElementTree.Element:
    """A run without rules, whose own verdict is all there is."""
    case = ElementTree.Element("testcase", classname=suite, name="the run")
    if result.status in OUTCOMES:
        ElementTree.SubElement(case, OUTCOMES[result.status], message=_xml(result.reason or result.status))
    return case


def _xml(text: str) -> str:
    return FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
