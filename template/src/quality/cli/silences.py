"""Silences of policy.yml that are over, and those that silence nothing, as no rule is called so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quality.cli.answers import Looked
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.contract.policy import Silence
from quality.contract.times import is_over
from quality.contract.yaml_file import YamlFile
from quality.operations.incidents import OF_TEXTS, THE_RUN
from quality.texts import nearest


def silences(configs: Iterable[CheckConfig]) -> Iterator[Looked]:
    """What is wrong with each silence, by the contracts that can be read."""
    rules = {config.dataset: {rule.title for rule in config.rules} for config in configs}
    path = project.root() / "policy.yml"
    for number, silence in enumerate(project.policy().silences):
        known = rules.get(silence.dataset)
        where = YamlFile(path).at("silences", number)
        if is_over(silence.until):
            said = (
                f"the silence of {_of(silence)} ended with {silence.until}, in UTC; delete it, or give it a later day"
            )
            yield Looked(subject=where, said=said)
        elif known is not None and silence.rule is not None and not _is_known(silence.rule, known):
            said = f"{silence.dataset} has no rule '{silence.rule}', so nothing is silenced"
            yield Looked(subject=where, said=f"{said}; {nearest(silence.rule, known)}", code=2)


def _of(silence: Silence) -> str:
    where = f" in {silence.environment}" if silence.environment else ""
    return f"{silence.rule or 'every rule'} of {silence.dataset}{where}"


def _is_known(name: str, known: Iterable[str]) -> bool:
    """Whether results have a rule of this name; what only a night tells, that texts are no values, is taken as said."""
    return name in {THE_RUN, *known} or name.startswith(OF_TEXTS)
