"""Rules learned from data, as YAML to be reviewed in a contract."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from quality import checking
from quality.cli.answers import outcome
from quality.cli.onboarding_answers import Learned, Proposal
from quality.cli.session import Session
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.contract import WORD, parse_source
from quality.engine.frame import Frame
from quality.engine.rule import Rule
from quality.errors import ConfigurationError, MalformedError, SourceError
from quality.learning.candidates import MOST_COLUMNS
from quality.learning.formats import described
from quality.learning.page import flow, page
from quality.learning.proposal import Proposal as Found
from quality.learning.proposal import Told
from quality.learning.proposal import learn as proposal_of
from quality.learning.related import References, means
from quality.rules.keys import Decreasing, Increasing, PrimaryKey, Unique
from quality.sources import Files, Source
from quality.sources.sql import Sql
from quality.texts import many

VALUE = re.compile(r"[+-]?[0-9][0-9.,]*|[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}.*")
"""A name that may be a value: a number or a date."""


def learn(asked: argparse.Namespace) -> Learned:
    """Proposes rules for each dataset, and for data that no contract names, by its path."""
    places = [one for one in asked.dataset if not WORD.fullmatch(one)]
    asked.dataset = [one for one in asked.dataset if one not in places]
    beside = [CheckConfig(dataset=place, source=parse_source(place)) for place in places]
    made = Session(asked, Proposal, beside).each(_proposed)
    return Learned(verb="learn", datasets=made, **outcome(made))


def _proposed(config: CheckConfig) -> Proposal:
    found, source = proposal(config)
    declared = source.model_dump(mode="json", exclude_defaults=True) if source and source != config.source else None
    print(f"# {config.dataset}: {many(found.rows, 'row')}. {remark(found)}")
    if declared:
        print(f"source: {flow(declared)}")
    print(page(found), end="")
    where = {"dataset": config.dataset, "environment": config.environment}
    return Proposal(**where, rows=found.rows, rules=tuple(found.written()), key=found.key, source=declared)


def remark(found: Found) -> str:
    """What to do with what was found."""
    if (number := len(found.columns)) > MOST_COLUMNS:
        return f"Of {number:,} columns none has rules of its own: write them for those that matter."
    if (name := next(filter(VALUE.fullmatch, found.columns), None)) is not None:
        return f"A column is called {name}: if the first line names no columns, write `header: false` into source."
    return "Keep what is true by intent, loosen or delete the rest."


def proposal(config: CheckConfig) -> tuple[Found, Source | None]:
    """What is learned from the data of a configuration, and its source with the dtypes that texts turned out to be."""
    source = config.source and described(config.source, project.root())
    parted = source.partitions(project.root()) if source else ()
    frame = checking.open_frame(None, config.model_copy(update={"source": source}))
    with progress(config.dataset) as told:
        others = references(config.dataset, list(frame.schema))
        found = proposal_of(frame.lazy, references=others, columnar=frame.columnar, partitions=parted, told=told)
    refuse_changed(config.dataset, frame)
    if not found.rows:
        raise MalformedError(f"{config.dataset}: there are no rows to learn from; learn again when there are")
    return found._replace(rules=tuple(one for one in found.rules if is_of(source, one))), source


def refuse_changed(dataset: str, frame: Frame) -> None:
    """SourceError where the source was written while it was read: no rule is about what was never there as a whole."""
    if frame.has_changed:
        raise SourceError(f"{dataset}: the source changed while it was read; do it again when nobody writes it")


def is_of(source: Source | None, rule: Rule) -> bool:
    """Whether a rule can be meant of a source: rows of a database, and of a table's files, come in any order."""
    ordered = not isinstance(source, Sql) and not (isinstance(source, Files) and source.table(project.root()))
    return ordered or not isinstance(rule, (Increasing, Decreasing))


@contextmanager
def progress(dataset: str) -> Iterator[Told]:
    """Says what is done now, where a person looks on."""
    console = Console(stderr=True)
    with console.status(dataset) as status:
        yield lambda what: status.update(f"{dataset}: {what}")


def references(dataset: str, columns: list[str]) -> References:
    """The other datasets of the repository that columns may refer to by their name, with the keys that can be meant."""
    found = {}
    for config in project.load_each(name for name in project.datasets() if name != dataset)[0]:
        keys = tuple(key for key in _keys(config) if any(means(column, config.dataset, key) for column in columns))
        if not keys:
            continue
        try:
            lazy = checking.open_frame(None, config).lazy
        except (SourceError, ConfigurationError):
            continue  # what cannot be read now is no reference to propose
        if there := tuple(key for key in keys if key in lazy.collect_schema()):
            found[config.dataset] = (lazy, there)
    return found


def _keys(config: CheckConfig) -> tuple[str, ...]:
    """The columns that alone name a row of a dataset."""
    own = config.key if len(config.key) == 1 else ()
    ruled = (rule.key for rule in config.rules if isinstance(rule, (Unique, PrimaryKey)) and len(rule.key) == 1)
    return tuple(dict.fromkeys((*own, *(key[0] for key in ruled))))
