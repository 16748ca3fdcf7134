"""A session over several datasets: what stops one stops no other, and the exit code is the worst of all."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from quality.cli.answers import Entry
from quality.cli.complaints import complain, sentences, unexpected
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, ServerError, SourceError

E = TypeVar("E", bound=Entry)
T = TypeVar("T")


class Session(Generic[E]):
    """The datasets that a verb is asked for, and an entry of its answer for each.

    A contract that cannot be read is an entry with its problem, told of at once; ConfigurationError where none can.
    """

    def __init__(self, asked: argparse.Namespace, kind: type[E], beside: Sequence[CheckConfig] = ()) -> None:
        """`beside` are configurations of no contract: with them, no dataset that is not named is meant."""
        self._kind, self._names = kind, _names(asked) if asked.dataset or not beside else {}
        self._entries: dict[str, E] = {}
        self.configs, unread = project.load_each(self._names, asked.env)
        self.configs = [one.override(partition=_partition(asked)) for one in self.configs]
        self.configs += beside
        self._names |= dict.fromkeys(one.dataset for one in beside)
        if unread and not self.configs:
            raise ConfigurationError("\n".join(map(str, unread.values())))
        for name, error in unread.items():
            self.stop(name, project.environment(asked.env), sentences(error), 2)

    @property
    def entries(self) -> tuple[E, ...]:
        """In the order of the datasets asked for."""
        return tuple(self._entries[name] for name in self._names if name in self._entries)

    def each(self, do: Callable[[CheckConfig], E]) -> tuple[E, ...]:
        """Does it for every dataset that nothing has stopped; the entries of all."""
        self._entries |= self.make(do)
        return self.entries

    def make(self, do: Callable[[CheckConfig], T]) -> dict[str, T]:
        """What is made for every dataset that nothing has stopped, by its name."""
        made: dict[str, T] = {}
        for config in [one for one in self.configs if one.dataset not in self._entries]:
            with self._stopped(config):
                made[config.dataset] = do(config)
        return made

    def stop(self, dataset: str, environment: str | None, said: list[str], code: int) -> None:
        """Tells why nothing more is done for a dataset."""
        problem = complain(said)
        self._names.setdefault(dataset)
        self._entries[dataset] = self._kind(dataset=dataset, environment=environment, exit_code=code, problem=problem)

    @contextmanager
    def _stopped(self, config: CheckConfig) -> Iterator[None]:
        """An error that nobody expected is raised where it is the only dataset's: there is no other to go on with."""
        where = config.dataset if config.environment is None else f"{config.dataset} in {config.environment}"
        try:
            yield
        except (ConfigurationError, ServerError, SourceError) as error:
            named = re.compile(rf"(?<!\w){re.escape(config.dataset)}(?!\w)")
            said = [line if named.search(line) else f"{where}: {line}" for line in sentences(error)]
            self.stop(config.dataset, config.environment, said, 2 if isinstance(error, ConfigurationError) else 3)
        except Exception as error:
            if len(self._names) == 1:
                raise
            what = unexpected(error, "run this for it alone with `--verbose` to see where")
            self.stop(config.dataset, config.environment, sentences(f"{where}: {what}"), 3)


def _partition(asked: argparse.Namespace) -> str | None:
    """The one partition that the words of the command line name."""
    words = getattr(asked, "partition", None)
    return ",".join(words) if words else None


def _names(asked: argparse.Namespace) -> dict[str, None]:
    """The datasets named, or all; ConfigurationError for one that is not there, and when there is none."""
    known = project.datasets()
    names = dict.fromkeys(asked.dataset or known)
    for name in names or [""]:
        if name not in known:
            project.load(name, asked.env)
    return names
