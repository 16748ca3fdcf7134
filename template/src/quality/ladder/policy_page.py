"""What a policy says, as a page that people review."""

from __future__ import annotations

from quality.contract import project

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
    """What the tasks of every dataset carry in every environment, and why, as docs/policy.md."""
    from quality.ladder.tasks import check_task

    lines = ["# Retry and cache policy", "", *POLICY_HEAD]
    for environment in project.policy().environments:
        for dataset in project.datasets():
            config = project.load(dataset, environment)
            task = check_task(config)
            delay = f"{task.retry_delay_seconds:g} s" if task.retries else ""
            cached = "a verdict for unchanged data" if task.cache_key_fn else "never"
            if task.cache_key_fn and task.cache_expiration:
                cached += f", for {task.cache_expiration.total_seconds():g} s"
            gate = "yes" if config.cache.enabled and config.cache.may_gate else "no"
            cells = (dataset, environment, str(task.retries), delay, cached, gate)
            lines.append(f"| {' | '.join(cells)} | {config.retries.reason}; {config.cache.reason} |")
    return "\n".join(lines) + "\n"
