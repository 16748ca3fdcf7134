"""A session over several datasets: what stops one stops no other, and the exit code is the worst of all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from quality.contract.config import CheckConfig
from quality.errors import ConfigurationError, ServerError, SourceError

T = TypeVar("T")


def each(configs: Sequence[CheckConfig], do: Callable[[CheckConfig], int]) -> int:
    """Does it for every dataset; the worst exit code. An error is one line about its dataset."""
    return _all([(config, partial(do, config)) for config in configs])


def each_with(made: Sequence[tuple[CheckConfig, T]], do: Callable[[CheckConfig, T], int]) -> int:
    """As `each`, for every dataset and what was made for it."""
    return _all([(config, partial(do, config, one)) for config, one in made])


def gather(configs: Sequence[CheckConfig], make: Callable[[CheckConfig], T]) -> tuple[list[tuple[CheckConfig, T]], int]:
    """What is made for every dataset for which it can be made, and the exit code of the others."""
    made: list[tuple[CheckConfig, T]] = []

    def one(config: CheckConfig) -> int:
        made.append((config, make(config)))
        return 0

    code = each(configs, one)
    return made, code


def _all(steps: Sequence[tuple[CheckConfig, Callable[[], int]]]) -> int:
    """An error that nobody expected is raised where it is the only dataset's: there is no other to go on with."""
    worst = 0
    for config, step in steps:
        try:
            worst = max(worst, step())
        except ConfigurationError as error:
            worst = max(worst, complain(_about(config, error), 2))
        except (ServerError, SourceError) as error:
            worst = max(worst, complain(_about(config, error), 3))
        except Exception as error:
            if len(steps) == 1:
                raise
            said = f"unexpected {type(error).__name__}: {error}; run this for it alone with `--verbose` to see where"
            worst = max(worst, complain(f"{config.dataset} in {config.environment}: {said}", 3))
    return worst


def _about(config: CheckConfig, error: Exception) -> str:
    said = str(error)
    return said if config.dataset in said else f"{config.dataset} in {config.environment}: {said}"


def complain(about: object, code: int) -> int:
    """One line for a person."""
    print(f"quality: {' '.join(str(about).split())}", file=sys.stderr)
    return code
