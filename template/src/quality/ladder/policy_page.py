"""What a policy says, as a page that people review."""

from __future__ import annotations

from quality.contract import project
from quality.contract.config import CheckConfig

POLICY_PAGE = "docs/policy.md"
POLICY_HEAD = (
    "Written by `nox -s rules` from policy.yml and from the tasks themselves; do not edit.",
    "",
    "Only what could not be judged (ERROR: storage, network, a computation that broke) is retried, by the task. A",
    "FAILED verdict is a fact about the data and is never retried; flows have no retries. A cached verdict is keyed by",
    "the configuration's fingerprint and the source's version (size and time of its files), never by the data.",
    "",
    "| dataset | environment | retries | delay | cached | may gate | why |",
    "|---|---|---|---|---|---|---|",
)


def policy_document() -> str:
    """What the tasks of every dataset carry in every environment, and why, as docs/policy.md.

    Of a dataset whose contract cannot be read, the page goes on saying what it says.
    """
    page = project.root() / POLICY_PAGE
    written = page.read_text("utf-8") if page.exists() else ""
    lines = ["# Retry and cache policy", "", *POLICY_HEAD]
    for environment in project.policy().environments:
        read = {config.dataset: config for config in project.load_each(project.datasets(), environment)[0]}
        for dataset in project.datasets():
            known = dataset in read
            lines += [policy_row(read[dataset])] if known else rows_about(dataset, environment, written)
    return "\n".join(lines) + "\n"


def policy_row(config: CheckConfig) -> str:
    """The line of the page that is about a dataset in an environment."""
    from quality.ladder.tasks import check_task

    task = check_task(config)
    delay = f"{task.retry_delay_seconds:g} s" if task.retries else ""
    cached = "a verdict for unchanged data" if task.cache_key_fn else "never"
    if task.cache_key_fn and task.cache_expiration:
        cached += f", for {task.cache_expiration.total_seconds():g} s"
    gate = "yes" if config.cache.enabled and config.cache.may_gate else "no"
    cells = (config.dataset, str(config.environment), str(task.retries), delay, cached, gate)
    return f"| {' | '.join(cells)} | {config.retries.reason}; {config.cache.reason} |"


def rows_about(dataset: str, environment: str, page: str) -> list[str]:
    """What a page says of a dataset in an environment."""
    start = f"| {dataset} | {environment} |"
    return [line for line in page.splitlines() if line.startswith(start)]
