"""Whatever cannot be read of a YAML file is one sentence with a line, at once, and without a traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from quality.contract.contract import load_contract
from quality.contract.yaml_file import YamlFile
from quality.errors import ConfigurationError
from quality.learning.page import lines
from quality.provenance import Learned
from quality.rules.values import InSet

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("a: 1\nb: 2020-02-30T25:00:00Z\n", 2, "is not a date or a moment", id="moment that is none"),
        pytest.param("a: 1\nb: 2023-02-29\n", 2, "is not a date or a moment", id="day that is none"),
        pytest.param("a: 1\n? [1, 2]\n: 3\n", 2, "a sequence is not a key", id="list as a key"),
        pytest.param("{a: 1}: 2\n", 1, "a mapping is not a key", id="mapping as a key"),
        pytest.param('a: 1\nb: "\\ud800"\n', 2, "half a character", id="lone surrogate"),
        pytest.param('a: 1\n"\\ud800": 2\n', 2, "half a character", id="lone surrogate as a key"),
        pytest.param("a: 1\nb: " + "[" * 3000, 2, "nested deeper than 50", id="3,000 brackets"),
        pytest.param("a: 1\nb: " + "{x: " * 3000, 2, "nested deeper than 50", id="3,000 braces"),
        pytest.param("- " * 3000 + "x\n", 1, "nested deeper than 50", id="3,000 dashes"),
        pytest.param("? " * 3000, 1, "nested deeper than 50", id="3,000 question marks"),
        pytest.param(BOMB, 5, "aliases make more than 50,000 entries", id="aliases of aliases"),
        pytest.param("a: 1\nb: &b [*b]\n", 2, "aliases make more than", id="an alias of itself"),
        pytest.param("a: &a {p: 1}\nb: {<<: [*a, 5]}\n", 2, "`<<` merges mappings", id="merge of a number"),
        pytest.param("a: 1\nb: \0\n", 2, "control character", id="NUL"),
        pytest.param(b"a: 1\nb: \xe4\n", 2, "not UTF-8", id="Latin-1"),
        pytest.param("a: 1\n".encode("utf-16"), 1, "not UTF-8", id="UTF-16"),
        pytest.param("a:\n\t- x\n", 2, "cannot start any token", id="tab"),
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 'duplicate key "c"', id="duplicate key"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "expected a single document", id="two documents"),
        pytest.param("", 1, "a mapping is expected", id="empty"),
        pytest.param("# nothing\n", 1, "a mapping is expected", id="comment"),
        pytest.param("- a\n", 1, "a mapping is expected", id="list"),
        pytest.param("5\n", 1, "a mapping is expected", id="number"),
        pytest.param("a: 1\nb: " + "9" * 5000, 2, "5,000 digits; at most 100", id="huge number"),
        pytest.param("a: 1\nb: .inf\n", 2, "'.inf' is not a value", id="infinity"),
        pytest.param("a: 1\nb: -1e999\n", 2, "'-1e999' is not a value", id="infinity in digits"),
        pytest.param("a: 1\nb: .nan\n", 2, "'.nan' is not a value", id="NaN"),
        pytest.param("a: " + "x" * 2_000_001, 1, "at most 2,000,000 are read", id="2 MB"),
        pytest.param("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "means nothing here", id="tag of a list"),
        pytest.param("a: 1\nb: !!python/name:os.system x\n", 2, "means nothing here", id="tag"),
        pytest.param("a: 1\nb: !!int x\n", 2, "is not a whole number", id="tag that lies"),
        pytest.param("a: 1\nb: *c\n", 2, "undefined alias", id="unknown alias"),
        pytest.param("a: 'x\n", 2, "unexpected end", id="open quote"),
        pytest.param("%YAML 9.9\n---\na: 1\n", 1, "incompatible", id="another version"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_a_line(
    text: str | bytes, line: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as refused:
        YamlFile(path)
    assert time.monotonic() - began < 2
    assert str(refused.value).startswith(f"file.yml:{line}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(ConfigurationError):
        load_contract(path)


def test_what_is_read_keeps_its_kinds_lines_and_merged_fields(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_text(
        "\ufeffa: &a {p: no, q: 010, r: 0x1F}\nb: {<<: *a, q: 1_000}\n1: [true, ~, 1.5, 2024-01-31, '5', \"\\t\"]\n",
        "utf-8",
    )
    file = YamlFile(path)
    assert file.data()["b"] == {"q": 1000, "p": "no", "r": 31}
    assert [str(value) for value in file.data()["1"]] == ["True", "None", "1.5", "2024-01-31", "5", "\t"]
    assert file.at("b", "q") == "file.yml:2"
    assert file.at("b", "p") == "file.yml:1"
    assert file.at("1", 3) == file.at("1", 99) == "file.yml:3"
    assert file.at("nothing") == "file.yml:1"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1), value=st.text(min_size=1))
@example(name="a\x1b[31m", value="\x7f\x85\u2028\ufeff\ufffe\u202e")
@example(name="# a", value="- b\r\n\t: {c}")
@example(name="👩\u200d🔬", value="\U000e0041")
def test_a_rule_that_is_learned_of_any_text_is_read_as_it_was_written(name: str, value: str, tmp_path: Path) -> None:
    why = Learned(rows=2, holds_out=True, why=value)
    rule = InSet(column=name, values=(value,), learned=why)
    path = tmp_path / "rules.yml"
    path.write_bytes("\n".join(("rules:", *lines(rule), "")).encode())
    (read,) = YamlFile(path).data()["rules"]
    assert (read["column"], read["values"], read["learned"]["why"]) == (name, [value], value)
