"""What each version of the data was made of, kept beside the states, and judged again without reading a row."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.judging_code import judging_digest
from quality.contract.own_python import own_digest
from quality.contract.references import References, references_of
from quality.engine.frame import Surroundings
from quality.engine.judge import judge, verdict
from quality.engine.rule import Rule
from quality.errors import CannotJudgeError, ConfigurationError, SourceError
from quality.file_states.asks import digest
from quality.file_states.frame import Whole
from quality.file_states.gathered import texts_of
from quality.file_states.measuring import Measuring
from quality.file_states.piece import BROKEN, Piece, parses
from quality.file_states.store import GONE, Store
from quality.history.claims import refuse_anothers
from quality.history.runs import past, volumes
from quality.result import RuleResult, run_status
from quality.rules.references import ReferentialIntegrity, keys_of
from quality.rules.schema import judged_columns
from quality.sources import Source
from quality.sources.source import Part, Reading
from quality.values import Status

NIGHT = "night"
UNREAD = "no state of it is kept, and no row is read for it"


class Night(NamedTuple):
    """A check of one version of the data: when it was, what it said, and the files with the keys of their states.

    `version` is a digest of the version, as history has it, and `read` one of how its files were read; `judged` are the
    columns whose dtypes rules judged, and `alarmed` is whether the check was no success. They are not known of a night
    that an earlier release kept.
    """

    at: datetime
    status: Status
    made_by: str
    references: Mapping[str, str]
    files: Sequence[tuple[str, str]]
    version: str | None = None
    read: str | None = None
    judged: frozenset[str] | None = None
    alarmed: bool | None = None


class Again(NamedTuple):
    """What other rules say of a night: the results of those that could be judged, and the names of the others.

    `alarms` is whether the check would be no success; None where that depends on the others.
    """

    status: Status
    rules: tuple[RuleResult, ...]
    unanswered: tuple[str, ...]
    alarms: bool | None


class ReadOnly(Store):
    """A store that a look at the past adds nothing to, and keeps nothing in for longer."""

    @property
    def keeps(self) -> bool:
        """Nothing is there afterwards."""
        return False

    def write(
        self, name: str, table: pl.DataFrame, about: Mapping[str, str] | None = None, *, sealed: bool = True
    ) -> None:
        """Keeps nothing."""

    def forget(self, name: str) -> None:
        """Deletes nothing."""

    def touch(self, name: str) -> bool:
        """Whether a local table is there."""
        return self.remote or Path(self.place(name)).exists()

    def _touch(self, place: str) -> None:
        """Leaves a table as old as it is."""


def made_by() -> str:
    """The code and the Polars that make states; those of others may mean something else."""
    return digest(judging_digest(), pl.__version__)


def alarmed(status: Status, allow_empty: bool) -> bool:
    """Whether a check with this verdict is no success, of which people are told."""
    return status in (Status.FAILED, Status.ERROR) or (status is Status.SKIPPED and not allow_empty)


def read_by(source: Source | None) -> str:
    """How files are read, wherever they lie: the fields of a source, and the code of a domain's own."""
    said = source and source.model_dump(mode="json", exclude={"path"})
    return digest(said, source and own_digest(type(source)))


def about(source: Source, config: CheckConfig, judged: Collection[str]) -> dict[str, str]:
    """What is kept of a night beside its files and its verdict, as it is known before it is judged."""
    said = {"read": read_by(source), "judged": json.dumps(sorted(judged))}
    return said | {"allow_empty": json.dumps(config.allow_empty)}


def remember(
    store: Store,
    pieces: Sequence[Piece],
    at: datetime,
    status: Status,
    references: Mapping[str, str],
    more: Mapping[str, str],
) -> None:
    """Writes one table for each version of the data; a later check of the same version takes its place."""
    said = {"at": at.isoformat(), "status": str(status), "made_by": made_by(), "references": json.dumps(references)}
    said |= more
    files = pl.DataFrame({"file": [one.part.name for one in pieces], "key": [one.key for one in pieces]})
    table = files.with_columns(pl.lit(value).alias(name) for name, value in said.items())
    store.write(f"{NIGHT}.{digest(*files['key'])}", table)


def nights(store: Store, since: datetime | None = None) -> list[Night]:
    """The nights that are kept, oldest first, of each version the last; SourceError where they cannot be listed, or are
    another domain's.

    A version is kept once more where it was read by another release, or for other columns: its states have other keys.
    """
    refuse_anothers(store.folder)
    found = []
    for table in store.all(f"{NIGHT}.*"):
        with suppress(*GONE, LookupError, TypeError):
            found.append(_night(table))
    found.sort(key=lambda one: one.at)
    last = {one.version or number: one for number, one in enumerate(found) if since is None or one.at >= since}
    return sorted(last.values(), key=lambda one: one.at)


def _night(table: pl.DataFrame) -> Night:
    """What a table says; an error, whichever, where it is not what was written."""
    first, files = table.row(0, named=True), table.select(pl.col("file", "key").cast(pl.String))
    at, status = datetime.fromisoformat(first["at"]), Status(first["status"])
    night = Night(at, status, first["made_by"], dict(json.loads(first["references"])), files.rows())
    if at.tzinfo is None or files.null_count().row(0) != (0, 0):
        raise ValueError("a night has a moment and files")
    if "read" not in first:
        return night._replace(version=first.get("version"))
    judged, allowed = frozenset(json.loads(first["judged"])), json.loads(first["allow_empty"])
    return night._replace(
        version=first.get("version"), read=first["read"], judged=judged, alarmed=alarmed(status, allowed)
    )


def again(config: CheckConfig, night: Night) -> Again:
    """The night by the rules of a configuration; CannotJudgeError where its states are not there, or of other code."""
    if night.made_by != made_by():
        raise CannotJudgeError("its states were made by another release, or by another Polars")
    if night.read not in (None, read_by(config.source)):
        raise CannotJudgeError("its files were read in another way than `source` says, so states of them say nothing")
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
    judges = judged_columns(config.rules)
    guessed = frozenset() if headers[0].columnar or night.judged is None else judges - night.judged
    rules = [
        rule
        for rule in config.rules
        if _is_answerable(rule, night, references, whole) and not judged_columns([rule]) & guessed
    ]
    declared = [one for one in parses(headers[0], lambda *asked: []) if not one.inferred or one.column in judges]
    request = config.model_copy(update={"rules": (*rules, *declared), "sample_rows": 0})
    fields = verdict(judge(request, whole, measuring=measuring), request, whole)
    return _told(config, fields, request.rules, [rule for rule in config.rules if rule not in rules])


def _told(config: CheckConfig, fields: Mapping[str, Any], asked: Sequence[Rule], left_out: Sequence[Rule]) -> Again:
    """Of declared dtypes those that did not hold, as a check tells them."""
    unread = [one.rule_name for one in fields["rules"] if one.message == UNREAD]
    rules = tuple(
        one
        for one in fields["rules"]
        if one.message != UNREAD and (one.check != "parses" or one.status not in (Status.PASSED, Status.SKIPPED))
    )
    unanswered = [*(rule for rule in asked if rule.title in unread), *left_out]
    alarms = _alarms(config, fields["row_count"], rules, unanswered)
    return Again(_status(config, fields["row_count"], rules), rules, tuple(one.title for one in unanswered), alarms)


def _status(config: CheckConfig, rows: int | None, rules: tuple[RuleResult, ...]) -> Status:
    """The run's word, as `verdict` has it; without rows nothing has passed."""
    found = run_status(rules, config.warning_threshold)
    return Status.SKIPPED if found is Status.PASSED and rows == 0 else found


def _alarms(
    config: CheckConfig, rows: int | None, rules: tuple[RuleResult, ...], unanswered: Sequence[Rule]
) -> bool | None:
    """Whether the check would be no success, whatever the rows say of the rules that are not answered.

    Of one with `by` nobody knows how many results it has, of which `warning_threshold` is a share.
    """
    failed, broken = (any(one.status is word for one in rules) for word in (Status.FAILED, Status.ERROR))
    loud = failed or any(rule.severity.fails_the_run for rule in unanswered)
    if config.warning_threshold and loud and not broken and any(rule.by is not None for rule in unanswered):
        return None
    found = {
        alarmed(_status(config, rows, (*rules, *(_as(rule, fate) for rule in unanswered))), config.allow_empty)
        for fate in (Status.PASSED, Status.WARNING, Status.FAILED, Status.SKIPPED)
    }
    return found.pop() if len(found) == 1 else None


def _as(rule: Rule, fate: Status) -> RuleResult:
    return RuleResult(rule_name=rule.title, check=rule.check, severity=rule.severity, status=fate, message=UNREAD)


def _around(config: CheckConfig, night: Night, references: References) -> Surroundings:
    return Surroundings(
        references=references,
        history=volumes(config, night.at),
        past=past(config, night.at, night.version),
        now=night.at,
        root=project.root(),
    )


def _is_answerable(rule: Rule, night: Night, references: References, whole: Whole) -> bool:
    """Whether what a rule compares with is as it was that night.

    Keys of another dataset are part of their states, unless it has others by now that the column cannot be among.
    """
    if isinstance(rule, ReferentialIntegrity) and said(rule.reference) not in night.references:
        return False
    with suppress(SourceError, ConfigurationError):
        if all(night.references.get(said(one)) == references.version(one) for one in references_of(rule)):
            return True
    if not isinstance(rule, ReferentialIntegrity):
        return False
    with suppress(*BROKEN):
        if rule.column in whole.schema:
            rule.bind(whole)
        return True
    return False


def said(written: object) -> str:
    """A reference as one text."""
    return json.dumps(written, sort_keys=True, default=str)


def _unread(judged: Collection[str]) -> Reading:
    raise CannotJudgeError(UNREAD)


def _no_rows() -> pl.LazyFrame:
    raise CannotJudgeError(UNREAD)
