"""The pass over files that have states: each is asked what is not known of it yet, and their states merge."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import polars as pl

from quality.engine.dtypes import col
from quality.engine.frame import Frame
from quality.engine.groups import Planned
from quality.engine.one_pass import Broken, States, fill, plan
from quality.engine.rule import KeyRule, Measure, RowRule, Rule
from quality.engine.sql import condition
from quality.errors import first_line
from quality.file_states.across import distinct, distinct_of, in_order, inside, order_of
from quality.file_states.asks import Ask, Row, ask_for
from quality.file_states.examples import Examples
from quality.file_states.frame import Whole
from quality.file_states.keys import Key
from quality.file_states.marks import marks_of, missing_marks, repeated
from quality.file_states.piece import BROKEN, Piece, UnlikeError
from quality.file_states.shape import Versions, ask_of, hides
from quality.file_states.spread import HERE, Spread, SpreadError
from quality.file_states.store import Store
from quality.merging import moments
from quality.rules.keys import Ordered, PrimaryKey
from quality.rules.numbers import DistinctCount
from quality.rules.outliers import moments_of

Answers = Mapping[str, list[Row]]


class Measuring:
    """Answers for the pass: what every file says by itself is merged, the rest is asked of the whole."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        whole: Whole,
        store: Store,
        versions: Versions,
        sensitive: Collection[str],
        spread: Spread = HERE,
        scope: str = "",
    ) -> None:
        self.pieces, self.whole, self.store = pieces, whole, store
        self.versions, self.sensitive, self.spread, self.scope = versions, sensitive, spread, scope
        self.unkept: str | None = None
        self.unused: str | None = None
        self.failing: dict[int, list[int]] = {}
        whole.parts = Examples(pieces, whole, self.failing)
        whole.answers = {moments_of: self._moments}

    def __call__(
        self, rules: Mapping[int, Rule], frame: Frame, broken: Broken, judged: Callable[[int], None]
    ) -> tuple[States, dict[int, BaseException]]:
        states = States(rules)
        try:
            left = self._merge(rules, states)
        except SpreadError as error:
            return states, dict.fromkeys(rules, error)
        except (UnlikeError, LookupError, TypeError, ValueError) as error:
            self.unused = first_line(error) if isinstance(error, UnlikeError) else f"they do not merge: {error!r}"
            self.whole.answers, self.whole.parts, states, left = {}, None, States(rules), dict(rules)
        judged(sum(map(states.has, rules)))  # of the others each is told when it is judged
        frame.queries[:0] = self._explained()
        ready, problems = plan(left, frame, broken)
        return states, problems | fill(states, ready, frame, broken, judged)

    def ask(self, asks: Sequence[Ask], keys: Sequence[Key] = ()) -> dict[str, list[Row]]:
        """The states of every file, in their order, for what each of them could answer; with them go marks of keys."""
        asked = [piece for piece in self.pieces if piece.has_news or piece.unknown(asks)]
        told = self.spread.over(asked, partial(measured, asks, keys))
        wrong = {key for unknown, _ in told for key in unknown}
        self.unkept = next((unkept for _, unkept in told if unkept), self.unkept)
        known = {one.key for one in asks} - wrong
        return {key: [row for piece in self.pieces for row in piece.kept[key].rows] for key in known}

    def _explained(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """How many files were read, by which queries, and whether their states were kept."""
        read = [piece for piece in self.pieces if piece.was_read]
        if self.unused:
            yield f"states are not used: {self.unused}", ()
            return
        yield f"states of {len(self.pieces):,} files: {len(self.pieces) - len(read):,} kept, {len(read):,} read", ()
        if self.unkept:
            yield f"states could not be kept: {self.unkept}", ()
        for (label, columns), times in Counter(query for piece in read for query in piece.queries).items():
            yield f"{label}, in {times:,} of the files", columns

    def _merge(self, rules: Mapping[int, Rule], states: States) -> dict[int, Rule]:
        """Merges what the files say, and gives the rules that the whole must be asked for."""
        asks, beside = self._asks(rules)
        counted = {n: rule for n, rule in rules.items() if isinstance(rule, KeyRule) and n in beside}
        keys = [Key(columns, (None,), self.whole) for columns in {rule.key: None for rule in counted.values()}]
        answers = self.ask([*asks.values(), *beside.values()], keys)
        rows = {number: answers[one.key] for number, one in beside.items() if one.key in answers}
        told = {number: self._told(rules[number], rows[number]) for number in rows if number not in counted}
        told |= self._keys(counted, rows)
        left = {}
        for number, rule in rules.items():
            ask, more = asks.get(number), told.get(number)
            unanswered = ask is not None and ask.key not in answers
            if unanswered or (number in beside and more is None) or not (ask or more):
                left[number] = rule
                continue
            if ask:
                self._add(states, number, rule, ask, answers[ask.key])
            states.beside[number] = {**states.beside.get(number, {}), **(more or {})}
        return left

    def _asks(self, rules: Mapping[int, Rule]) -> tuple[dict[int, Ask], dict[int, Ask]]:
        """What each file is asked for the rules: of its rows, and beside that for rules about rows of several files."""
        asks, beside = dict[int, Ask](), dict[int, Ask]()
        for number, rule in rules.items():
            try:
                if one := ask_of(rule, self.whole, self.versions, self.sensitive):
                    asks[number] = one
                if one := self._beside(rule):
                    beside[number] = one
            except SpreadError:
                raise
            except BROKEN:
                continue  # the whole is asked, and says what is wrong
        return asks, beside

    def _add(self, states: States, number: int, rule: Rule, ask: Ask, rows: list[Row]) -> None:
        states.add(Planned(number, rule, ask.merged_by), rows)
        if isinstance(rule, RowRule) and not isinstance(rule, KeyRule):
            self.failing[id(rule)] = [piece.kept[ask.key].failed for piece in self.pieces]

    def _beside(self, rule: Rule) -> Ask | None:
        """What is asked for a rule about rows of several files."""
        metric = getattr(rule, "counted", rule)
        if rule.by is not None or hides(rule, self.sensitive):
            return None
        if isinstance(rule, KeyRule):
            return inside(rule.key, rule.where)
        if isinstance(rule, Ordered):
            return order_of(rule, self.whole)
        return distinct_of(metric, self.whole) if isinstance(metric, DistinctCount) else None

    def _told(self, rule: Rule, rows: list[Row]) -> dict[str, Any] | None:
        return in_order(rule, self.whole, rows) if isinstance(rule, Ordered) else distinct(rows)

    def _keys(self, rules: Mapping[int, KeyRule], rows: Mapping[int, list[Row]]) -> dict[int, dict[str, Any] | None]:
        """Which keys repeat, for the rules on one key together; None where the whole is to be asked."""
        found: dict[int, dict[str, Any] | None] = {}
        by_key: dict[tuple[str, ...], dict[int, str | None]] = {}
        for number in rows:
            if number in rules:
                by_key.setdefault(rules[number].key, {})[number] = rules[number].where
        for columns, wheres in by_key.items():
            judged = {where: sum(state["judged"] or 0 for _, state in rows[n]) for n, where in wheres.items()}
            key = Key(columns, tuple(judged), self.whole)
            try:
                answer = repeated(key, self.pieces, judged, self.store, self.spread, self.scope)
            except (UnlikeError, SpreadError):
                raise
            except BROKEN as error:  # the whole is asked, and says what is wrong with the data
                if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                    self.unkept = first_line(error)
                continue
            for number, where in wheres.items():
                found[number] = {"repeated": answer[where].repeated}
                if not isinstance(rules[number], PrimaryKey):  # which says that nulls fail, too
                    self.failing[id(rules[number])] = answer[where].rows
        return found

    def _moments(self, column: str, where: str | None) -> tuple[float, float, int]:
        """Mean, standard deviation and number of finite values: those of the files."""
        if column in self.sensitive:
            return moments_of(self.whole, column, where)
        value = col(column).cast(pl.Float64)
        keep = value.is_finite() if where is None else value.is_finite() & condition(where)
        kept = value.filter(keep)
        measures = {"count": kept.count(), "mean": kept.mean(), "variance": kept.var()}
        one = ask_for({name: Measure(expr) for name, expr in measures.items()}, tuple(keep.meta.root_names()))
        rows = self.ask([one]).get(one.key)
        if rows is None:
            return moments_of(self.whole, column, where)
        found = moments([state for _, state in rows])
        return found["mean"] or 0.0, math.sqrt(found["variance"] or 0.0), sum(state["count"] for _, state in rows)


def measured(asks: Sequence[Ask], keys: Sequence[Key], pieces: Sequence[Piece]) -> list[tuple[set[str], str | None]]:
    """For each file the keys that have no answer so far, and why its states were not kept."""
    told, wrong = [], set[str]()
    for piece in pieces:
        wrong |= set(piece.measure([one for one in asks if one.key not in wrong], missing_marks(keys, piece)))
        told.append((set(wrong), _unkept(piece)))
        for key in keys:
            with suppress(*BROKEN):  # whoever needs them asks again, and hears why
                marks_of(key, piece)
    return told


def _unkept(piece: Piece) -> str | None:
    """A verdict does not depend on what is kept for the next one."""
    try:
        piece.save()
    except (OSError, pl.exceptions.PolarsError) as error:
        return first_line(error)
    return None
