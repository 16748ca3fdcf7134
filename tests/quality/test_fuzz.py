"""A few hundred mutants of every kind of file; `nox -s fuzz` of the template tries ten thousand."""

from __future__ import annotations

import pytest
from fuzzing import KINDS, earned, fuzzed, plain_csv


@pytest.mark.parametrize("kind", KINDS)
def test_no_mutant_ends_in_a_traceback_a_hang_or_an_unearned_green(kind: str) -> None:
    assert fuzzed(kind, 100, 1) == []


def test_plain_python_refuses_what_is_not_whole() -> None:
    whole = KINDS["csv"].mutant.__globals__["_csv"]()
    assert earned(plain_csv(whole))
    for broken in (whole[:-300], whole.replace(b"13.5", b"-1"), whole + b'20,1,"x', whole + b"1,2\n", b"\xff" + whole):
        assert not earned(plain_csv(broken))
