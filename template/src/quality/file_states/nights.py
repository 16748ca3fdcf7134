"""What each version of the data was made of, kept beside the states, and judged again without reading a row."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.judging_code import judging_digest
from quality.contract.references import References, references_of
from quality.engine.frame import Surroundings
from quality.engine.judge import judge, verdict
from quality.engine.rule import Rule
from quality.errors import CannotJudgeError, ConfigurationError, SourceError
from quality.file_states.asks import digest
from quality.file_states.frame import Whole
from quality.file_states.gathered import texts_of
from quality.file_states.measuring import Measuring
from quality.file_states.piece import Piece, parses
from quality.file_states.store import GONE, Store
from quality.history.runs import past, volumes
from quality.result import RuleResult, run_status
from quality.rules.references import ReferentialIntegrity, keys_of
from quality.sources.source import Part, Reading
from quality.values import Status

NIGHT = "night"
UNREAD = "no state of it is kept, and no row is read for it"


class Night(NamedTuple):
    """A check of one version of the data: when it was, what it said, and the files with the keys of their states."""

    at: datetime
    status: Status
    made_by: str
    references: Mapping[str, str]
    files: Sequence[tuple[str, str]]


class Again(NamedTuple):
    """What other rules say of a night: the results of those that could be judged, and the names of the others."""

    status: Status
    rules: tuple[RuleResult, ...]
    unanswered: tuple[str, ...]


class ReadOnly(Store):
    """A store that a look at the past adds nothing to."""

    @property
    def keeps(self) -> bool:
        """Nothing is there afterwards."""
        return False

    def write(self, name: str, table: pl.DataFrame, about: Mapping[str, str] | None = None) -> None:
        """Keeps nothing."""

    def forget(self, name: str) -> None:
        """Deletes nothing."""


def made_by() -> str:
    """The code and the Polars that make states; those of others may mean something else."""
    return digest(judging_digest(), pl.__version__)


def remember(
    store: Store, pieces: Sequence[Piece], at: datetime, status: Status, references: Mapping[str, str]
) -> None:
    """Writes one table for each version of the data; a later check of the same version takes its place."""
    said = {"at": at.isoformat(), "status": str(status), "made_by": made_by(), "references": json.dumps(references)}
    files = pl.DataFrame({"file": [one.part.name for one in pieces], "key": [one.key for one in pieces]})
    table = files.with_columns(pl.lit(value).alias(name) for name, value in said.items())
    store.write(f"{NIGHT}.{digest(*files['key'])}", table)


def nights(store: Store, since: datetime | None = None) -> list[Night]:
    """The nights that are kept, oldest first."""
    found = []
    for table in store.all(f"{NIGHT}.*"):
        with suppress(*GONE, KeyError):
            first = table.row(0, named=True)
            at, status = datetime.fromisoformat(first["at"]), Status(first["status"])
            files = table.select("file", "key").rows()
            found.append(Night(at, status, first["made_by"], json.loads(first["references"]), files))
    return sorted((one for one in found if since is None or one.at >= since), key=lambda one: one.at)


def again(config: CheckConfig, night: Night) -> Again:
    """The night by the rules of a configuration; CannotJudgeError where its states are not there, or of other code."""
    if night.made_by != made_by():
        raise CannotJudgeError("its states were made by another release, or by another Polars")
    store = ReadOnly(config.states.path, config.dataset, config.environment or "none")
    references = References(config.environment)
    around = _around(config, night, references)
    texts = texts_of(store, [key for _, key in night.files])
    pieces = [
        Piece(Part(name, "", _unread), key, frozenset(), around, store, texts.get(key)) for name, key in night.files
    ]
    headers = [piece.header for piece in pieces if piece.header is not None]
    if len(headers) < len(pieces):
        raise CannotJudgeError(f"the states of {len(pieces) - len(headers):,} of {len(pieces):,} files are not there")
    whole = Whole(headers[0].schema, around, _no_rows, columnar=headers[0].columnar, hidden=headers[0].hidden)
    whole.rows_seen(sum(one.rows for one in headers))
    measuring = Measuring(pieces, whole, store, lambda written: night.references.get(said(written)), config.sensitive)
    whole.answers[keys_of] = lambda *asked: pl.Series([])
    rules = [rule for rule in config.rules if _is_answerable(rule, night, references)]
    declared = parses(headers[0], lambda *asked: [])
    request = config.model_copy(update={"rules": (*rules, *declared), "sample_rows": 0})
    fields = verdict(judge(request, whole, measuring=measuring), request, whole)
    return _told(config, fields, [rule.title for rule in config.rules if rule not in rules])


def _told(config: CheckConfig, fields: Mapping[str, Any], left_out: Collection[str]) -> Again:
    """Of declared dtypes those that did not hold, as a check tells them."""
    unanswered = [one.rule_name for one in fields["rules"] if one.message == UNREAD]
    rules = tuple(
        one
        for one in fields["rules"]
        if one.message != UNREAD and (one.check != "parses" or one.status not in (Status.PASSED, Status.SKIPPED))
    )
    return Again(run_status(rules, config.warning_threshold), rules, (*unanswered, *left_out))


def _around(config: CheckConfig, night: Night, references: References) -> Surroundings:
    return Surroundings(
        references=references,
        history=volumes(config, night.at),
        past=past(config, night.at),
        now=night.at,
        root=project.root(),
    )


def _is_answerable(rule: Rule, night: Night, references: References) -> bool:
    """Whether what a rule compares with is as it was that night; keys of another dataset are part of their states."""
    if isinstance(rule, ReferentialIntegrity):
        return said(rule.reference) in night.references
    with suppress(SourceError, ConfigurationError):
        return all(night.references.get(said(one)) == references.version(one) for one in references_of(rule))
    return False


def said(written: object) -> str:
    """A reference as one text."""
    return json.dumps(written, sort_keys=True, default=str)


def _unread(judged: Collection[str]) -> Reading:
    raise CannotJudgeError(UNREAD)


def _no_rows() -> pl.LazyFrame:
    raise CannotJudgeError(UNREAD)
