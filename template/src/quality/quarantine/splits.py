"""Quarantine: the rows of a run in two files, good ones and failing ones, that appear together or not at all.

A split is a folder `<path>/<dataset>/<environment>/date=<day>/run=<run>/` with `passed.parquet`, `failing.parquet` and
`split.json`. It is written under another name and renamed when it is whole. A later split names those that it replaces:
what is in quarantine are the failing rows of the splits that none replaces. With `passed: false` good rows stay in the
source only. Failing rows lose the columns of `drop`, and keep those of `encrypt` for whoever holds the key. Splits of
a partition that was judged alone lie in a folder of their own, `partition=<name>/`, beside those of the whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import polars as pl
from cryptography.fernet import MultiFernet
from pydantic import Field, ValidationError

from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import Quarantine
from quality.engine.dtypes import col, free, kind_of
from quality.engine.frame import Frame
from quality.engine.judge import Found, problem_of
from quality.engine.rule import RowRule
from quality.engine.samples import across
from quality.errors import CannotJudgeError, ConfigurationError, QuarantineError, SourceError, first_line
from quality.files import FILE, FOLDER, alone, no_room, private_folder, write_whole
from quality.history.claims import claim
from quality.history.releases import why_unread
from quality.masking import masked
from quality.prefect_run import secret
from quality.quarantine.encryption import TOKEN, cipher, encrypted
from quality.quarantine.keeping import HALF, PART, forget
from quality.result import CheckResult
from quality.values import Frozen

RULES, RUN, FINGERPRINT = "_dq_rules", "_dq_run", "_dq_fingerprint"
MARKS = (RULES, RUN, FINGERPRINT, TOKEN)
PASSED, FAILING, ABOUT = "passed.parquet", "failing.parquet", "split.json"
IGNORED = ".gitignore"
"""What keeps rows out of git where the quarantine is in the repository, whatever is added there."""
BETWEEN = "\x1f"
"""Between the rules of a row while they are one text, which is split thirty times faster than a list is built."""
FAST: Literal["lz4"] = "lz4"
"""A third larger than Polars' default, and written in half the time."""


class Split(Frozen):
    """What a split holds. A redrive splits rows of the quarantine: `passed` are those it releases."""

    kind: Literal["check", "redrive"] = "check"
    run: str
    at: datetime
    fingerprint: str
    rules: tuple[str, ...] = ()
    version: str | None = None
    partition: str | None = Field(None, description="Whose rows they are, where one partition was judged alone.")
    rows: int = 0
    passed: int = 0
    failing: int = 0
    replaces: tuple[str, ...] = ()
    retention: tuple[str, ...] = Field((), exclude=True, description="What was said of old splits then.")

    def says(self) -> str:
        """One line for operators."""
        if self.kind == "redrive":
            said = f"quarantine: {self.passed:,} of {self.rows:,} rows released, {self.failing:,} stay"
        else:
            said = f"quarantine: {self.failing:,} of {self.rows:,} rows quarantined"
        return "; ".join((said, *self.retention))


def base(config: CheckConfig) -> Path:
    """The folder of a dataset and environment."""
    return project.local(asked(config).path) / config.dataset / str(config.environment)


def home(config: CheckConfig) -> Path:
    """Where the splits of a dataset lie; those of a partition that is judged alone lie apart."""
    return base(config) / f"{PART}{config.part.name}" if config.part else base(config)


@contextmanager
def locked(config: CheckConfig) -> Iterator[None]:
    """One split or redrive of a dataset at a time."""
    with ExitStack() as held:
        try:
            claim(str(base(config)))
            private_folder(base(config))
            private_folder(home(config))
            if not (ignored := base(config) / IGNORED).exists():
                write_whole(ignored, "*\n", private=True)
            held.enter_context(alone(base(config)))
        except (OSError, SourceError) as error:
            said = f"rows could not be quarantined in {asked(config).path}: {first_line(error)}"
            raise QuarantineError(said) from None
        yield


def asked(config: CheckConfig) -> Quarantine:
    """What the contract asks for; QuarantineError when it asks for none."""
    if config.quarantine is None:
        raise QuarantineError(f"{config.dataset} has no quarantine; add `quarantine: {{path: …}}` to its contract")
    return config.quarantine


def splits(config: CheckConfig) -> dict[Path, Split]:
    """Every split that is whole, oldest first."""
    found: dict[Path, Split] = {}
    for file in home(config).glob(f"date=*/run=*/{ABOUT}"):
        try:
            found[file.parent] = Split.model_validate_json(file.read_text("utf-8"))
        except (ValidationError, OSError) as error:
            raise QuarantineError(f"{file} cannot be read: {why_unread(error)}") from None
    return dict(sorted(found.items(), key=lambda item: item[1].at))


def standing(config: CheckConfig) -> dict[Path, Split]:
    """The splits that no later one replaces."""
    there = splits(config)
    gone = {name for split in there.values() for name in split.replaces}
    return {folder: split for folder, split in there.items() if split.run not in gone}


def split(frame: Frame, found: Sequence[Found], result: CheckResult, config: CheckConfig, run: str) -> Split:
    """Quarantines the failing rows of a run, once for each version of the source.

    A later run on the same version replaces the split, unless its rows were already redriven.
    """
    if taken := sorted(set(MARKS) & set(frame.schema)):
        raise QuarantineError(f"rows were not quarantined: they already have a column {taken[0]}")
    if frame.has_changed:
        raise QuarantineError(
            "rows were not quarantined: the source has changed since it was judged; run the check again"
        )
    for field, columns in config.named_columns.items():
        try:
            frame.check_columns(columns if field.startswith("quarantine.") else ())
        except CannotJudgeError as error:
            raise QuarantineError(f"rows were not quarantined: {field}: {error}") from error
    for column in config.quarantine.encrypt if config.quarantine else ():
        if kind_of(dtype := frame.schema[column]) == "nested":
            raise QuarantineError(f"rows were not quarantined: encrypt: column '{column}' is {dtype}; drop it instead")
    version = masked(frame.version) if frame.version else None
    about = Split(
        run=run,
        at=result.timestamp,
        fingerprint=config.fingerprint,
        rules=tuple(dict.fromkeys(one.rule.title for one in found)),
        version=version,
        partition=config.part and config.part.shown,
    )
    with locked(config):
        there, left = splits(config), standing(config)
        same = {folder: one for folder, one in there.items() if version and one.version == version}
        redriven = {name for one in there.values() if one.kind == "redrive" for name in one.replaces}
        if done := next((one for one in same.values() if one.run in redriven), None):
            return done
        again = tuple(one.run for folder, one in same.items() if folder in left)
        return write(frame, found, config, about.model_copy(update={"replaces": again}))


def flags(frame: Frame, found: Sequence[Found], config: CheckConfig) -> dict[str, pl.Expr]:
    """For each row rule of the severities asked for, what is true of its failing rows."""
    wanted = [one for one in found if isinstance(one.rule, RowRule) and one.rule.severity in asked(config).severities]
    by_title: dict[str, list[pl.Expr]] = {}
    for rule, segment, judgement, problem, retry in wanted:
        if judgement is None or (judgement.failed and judgement.failing is None):
            error = QuarantineError(f"rows were not quarantined: {rule.title}: {problem or 'its rows are not known'}")
            error.retry = retry
            raise error
        if judgement.failed and judgement.failing is not None:
            part = pl.lit(True) if rule.by is None else frame.segment(rule.by).eq_missing(pl.lit(segment))
            by_title.setdefault(rule.title, []).append((judgement.failing & part).fill_null(False))
    return {title: pl.any_horizontal(parts) for title, parts in by_title.items()}


def write(
    frame: Frame,
    found: Sequence[Found],
    config: CheckConfig,
    about: Split,
    stays: dict[str, pl.Expr] | None = None,
) -> Split:
    """Writes the files in one pass, counts them, and lets them appear; QuarantineError leaves nothing behind."""
    place, marks = home(config), flags(frame, found, config) | (stays or {})
    half = place / f"{HALF}{about.run}-{os.getpid()}"
    retention = forget(base(config), asked(config).keep_days, about.at)
    try:
        half.mkdir(mode=FOLDER)
        _write_rows(frame, marks, config, about, half)
        failing = _count(half / FAILING)
        passed = _count(half / PASSED) if (half / PASSED).exists() else frame.rows - failing
        if passed + failing != frame.rows:
            raise QuarantineError(
                f"{frame.rows:,} rows were judged, but {passed:,} + {failing:,} were found to quarantine"
            )
        _refuse_other_rows(half / FAILING, found, marks)
        made = about.model_copy(update={"rows": frame.rows, "passed": passed, "failing": failing})
        (half / ABOUT).write_text(made.model_dump_json(indent=1) + "\n", "utf-8")
        made = made.model_copy(update={"retention": tuple(retention)})
        _appear(half, place / f"date={about.at:%Y-%m-%d}" / f"run={about.run}")
    except QuarantineError:
        raise
    except (OSError, SourceError, ConfigurationError, pl.exceptions.PolarsError) as error:
        cause = no_room(place) or error
        secret = config.sensitive and not isinstance(cause, OSError)
        why = problem_of(error, config) if secret else first_line(cause)
        raise QuarantineError(f"rows could not be quarantined in {asked(config).path}: {why}") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return made


def _refuse_other_rows(failing: Path, found: Sequence[Found], marks: dict[str, pl.Expr]) -> None:
    """The quarantined rows for each rule are as many as failed it, or the data has changed since it was judged."""
    rules = pl.scan_parquet(failing, glob=False).select(pl.col(RULES).explode(empty_as_null=False)).collect()[RULES]
    apart = dict(rules.value_counts().iter_rows())
    judged: dict[str, int] = {}
    for rule, _, judgement, *_ in found:
        if judgement is not None and rule.title in marks:
            judged[rule.title] = judged.get(rule.title, 0) + judgement.failed
    for title, failed in judged.items():
        if apart.get(title, 0) != failed:
            raise QuarantineError(
                f"{failed:,} rows failed {title}, but {apart.get(title, 0):,} were found to quarantine"
            )


def _write_rows(frame: Frame, marks: dict[str, pl.Expr], config: CheckConfig, about: Split, folder: Path) -> None:
    """The files from one pass over the data; released rows are always written.

    Without the good rows the scan itself looks for failing ones, and what they break is told of them alone.
    """
    whole = frame.there is None and (asked(config).passed or about.kind == "redrive")
    named = {free(f"_dq_{number}", frame.schema): mark for number, mark in enumerate(marks.values())}
    first = {name: mark for name, mark in named.items() if whole or frame.there or across(mark, frame)}
    then = {name: mark for name, mark in named.items() if name not in first}
    marked = frame.lazy.with_columns(**first)
    bad = pl.any_horizontal([*map(pl.col, first), *then.values()]) if named else pl.lit(False)
    own = [column for column in frame.schema if column not in MARKS]
    if frame.there is not None:  # of a table that is judged where it lies, only the failing rows come here
        asks = frame.there.whole.with_columns(**first).filter(bad)
        asks = asks.select(*(col(one) for one in own if one not in asked(config).drop), *first)
        marked = frame.collect(asks, "rows to quarantine", own).lazy()
    titles = [pl.when(pl.col(name)).then(pl.lit(title)) for name, title in zip(named, marks, strict=True)]
    why = pl.concat_str(titles or [pl.lit("")], separator=BETWEEN, ignore_nulls=True).str.split(BETWEEN)
    run = pl.col(RUN) if RUN in frame.schema else pl.lit(about.run)
    kept = [column for column in own if column not in asked(config).drop]
    reasons = (why.alias(RULES), run.alias(RUN), pl.lit(about.fingerprint).alias(FINGERPRINT))
    schema = frame.schema if frame.there is None else marked.collect_schema()
    failing = marked.filter(bad).with_columns(**then).select(*map(col, kept), *reasons)
    failing = failing.with_columns(_hidden(schema, config))
    sinks = [failing.sink_parquet(folder / FAILING, compression=FAST, lazy=True)]
    if whole:
        sinks.append(
            marked.filter(~bad).select(map(col, own)).sink_parquet(folder / PASSED, compression=FAST, lazy=True)
        )
    with frame.around.reading():
        pl.collect_all(sinks, engine="streaming")


def _count(file: Path) -> int:
    return int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())


def _hidden(schema: pl.Schema, config: CheckConfig) -> tuple[pl.Expr, ...]:
    """The columns to encrypt as nulls, and what they hold as a token."""
    columns = [column for column in asked(config).encrypt if column in schema]
    return encrypted(columns, schema, key(config)) if columns else ()


def key(config: CheckConfig) -> MultiFernet:
    """What encrypts and decrypts quarantined rows; QuarantineError when the contract or the server names no key."""
    name = asked(config).secret
    try:
        if name is None:
            raise ConfigurationError("the quarantined rows are encrypted; name the key's block: `quarantine.secret`")
        return cipher(secret(name, "the quarantine"), name)
    except ConfigurationError as error:
        raise QuarantineError(f"{config.dataset}: {error}") from None


def _appear(half: Path, whole: Path) -> None:
    """Gives a folder its final name once its files are on the disk."""
    for file in half.iterdir():
        file.chmod(FILE)
        with file.open("r+b") as written:  # as Windows wants it
            os.fsync(written.fileno())
    private_folder(whole.parent)
    if whole.exists():
        shutil.rmtree(whole)
    half.rename(whole)
