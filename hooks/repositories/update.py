"""One repository brought to a release: in a fresh clone, on a branch, with its own tests; `main` is never touched."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from repositories.card import Card
from repositories.git import GitError, contents, git, text
from repositories.outcome import Outcome, remember, remembered
from repositories.places import Place
from repositories.reading import Reader
from repositories.template import Release
from repositories.workshop import Workshop, commit, said

COPIER = [sys.executable, "-m", "copier"]
TRUST = 4
"""Copier's exit code for a template that runs a script and is not trusted."""
EXECUTABLE = "100755"
TESTS = ("nox -s tests",)
EVIDENCE = ("nox -s task",)


@dataclass(frozen=True)
class Update:
    """A release on its way to repositories."""

    reader: Reader
    release: Release
    workshop: Workshop
    tests: tuple[str, ...] = TESTS
    evidence: tuple[str, ...] = EVIDENCE
    trusts: bool = False

    @property
    def branch(self) -> str:
        return f"template-{self.release.tag}"

    def plan(self, card: Card) -> Outcome:
        """What an update would do, by what was read: `updated` means that it is worth a try."""
        about = Outcome(card.repository, "updated", before=card.release, after=self.release.tag)
        lines = {check.name: check for check in card.failed}
        if card.state in ("unreachable", "no answers", "conflict markers"):
            reason = lines[{"unreachable": "reachable", "no answers": "answers"}.get(card.state, "conflicts")].seen
            marked = "conflict markers were committed in " if card.state == "conflict markers" else ""
            return replace(about, kind="skipped", reason=f"{marked}{reason}")
        if "address" in lines:
            return replace(about, kind="skipped", reason=f"{lines['address'].seen}; {lines['address'].fix}")
        version = self.reader.template.version(card.release)
        if version is None or self.reader.template.commit(card.release) is None:
            return replace(about, kind="skipped", reason=lines["release"].seen)
        if version >= self.release.version:
            return replace(about, kind="current")
        asks = self.reader.template.migrations(card.release, self.release)
        if asks and not self.trusts:
            return replace(about, kind="needs trust", reason="; ".join(map(str, asks)))
        return about

    def one(self, place: Place, card: Card) -> Outcome:
        """Update a repository, or say why not; what was done before a run was killed is not done again."""
        planned = self.plan(card)
        if planned.kind != "updated":
            return planned
        try:
            head = text(place.opened(self.reader.cache), "rev-parse", "HEAD")
            if (before := self.resumed(place, head)) is not None:
                return before
            if work := self.workshop.work(place):
                return replace(planned, kind="skipped", reason=work)
            outcome = replace(self._changed(place, card, replace(planned, head=head, branch=self.branch)))
        except (GitError, OSError) as error:
            outcome = replace(planned, kind="skipped", reason=str(error))
        remember(self.workshop.note(place, ".json"), outcome)
        return outcome

    def resumed(self, place: Place, head: str) -> Outcome | None:
        """The outcome of an earlier run, where its clone is whole and the repository is as it was."""
        before = remembered(self.workshop.note(place, ".json"))
        same = before is not None and (before.head, before.after) == (head, self.release.tag)
        return before if before and same and before.is_done and self.workshop.kept(place).is_dir() else None

    def _changed(self, place: Place, card: Card, outcome: Outcome) -> Outcome:
        with self.workshop.clone(place, self.branch) as clone:
            outcome = self._copied(place, card, clone, outcome)
            if outcome.kind != "updated":
                return outcome
            commit(clone, f"Update the template from {card.release} to {self.release.tag}")
            outcome = self._proved(place, clone, outcome)
            after = self.reader.card(Place(card.repository, clone))
            outcome = replace(outcome, not_green=self._not_green(outcome, after))
            self.workshop.note(place, ".md").write_text(self.body(outcome, card), "utf-8", newline="\n")
            outcome = self.workshop.left(clone, outcome)
            self.workshop.keep(place, clone)
        return outcome

    def _copied(self, place: Place, card: Card, clone: Path, outcome: Outcome) -> Outcome:
        """Copier's update, then the managed files as the release has them."""
        trust = ["--trust"] if self.trusts else []
        options = ["update", "--defaults", "--quiet", "--vcs-ref", self.release.tag, *trust]
        done = self.workshop.run(place, clone, [*COPIER, *options])
        if done.returncode == TRUST:
            return replace(outcome, kind="needs trust", reason=said(done))
        if done.returncode:
            return replace(outcome, kind="skipped", reason=f"copier could not update it: {said(done)}")
        unmerged = set(filter(None, text(clone, "diff", "-z", "--name-only", "--diff-filter=U").split("\0")))
        restored = self._heal(card, clone)
        if conflicts := sorted(unmerged - restored):
            return replace(outcome, kind="conflict", conflicts=tuple(conflicts))
        overwritten = (*card.drift.edited, *card.drift.missing, *card.drift.extra)
        return replace(outcome, overwritten=overwritten)

    def _heal(self, card: Card, clone: Path) -> set[str]:
        """Managed files as the release has them, waived ones left alone; what a managed folder has besides goes.

        Those that are as the release has them from now on, or gone, are named: no conflict of theirs is left.
        """
        given = self.reader.template.given(self.release.tag)
        if given is None:
            return set()
        waived = {waiver.path for waiver in card.waivers}
        restored = {name: entry for name, entry in given.entries.items() if name not in waived}
        content = contents(self.reader.template.folder, (entry.blob for entry in restored.values()))
        for name, entry in restored.items():
            put(clone / name, content[entry.blob], entry.mode)
        git(clone, "add", "--all", "--", *given.managed)
        there = text(clone, "ls-files", "-z", "--", *given.managed).split("\0")
        if extra := [name for name in there if name and name not in {*given.entries, *waived}]:
            git(clone, "rm", "--quiet", "--force", "--", *extra)
        return {*restored, *extra}

    def _proved(self, place: Place, clone: Path, outcome: Outcome) -> Outcome:
        """The repository's own tests, then the evidence that needs no server; what this writes is committed, too."""
        for command in self.tests:
            done = self.workshop.run(place, clone, command)
            if done.returncode:
                git(clone, "reset", "--quiet", "--hard")
                return replace(outcome, kind="tests failed", reason=f"`{command}`: {said(done)}")
        ran = [(command, self.workshop.run(place, clone, command).returncode) for command in self.evidence]
        if text(clone, "status", "--porcelain", "--", "rollout"):
            git(clone, "add", "--", "rollout")
            git(clone, "commit", "--quiet", "--no-verify", "--message", f"Evidence on {self.release.tag}")
        git(clone, "reset", "--quiet", "--hard")
        lines = [f"`{command}` passed" for command in self.tests]
        return replace(outcome, proved=(*lines, *(f"`{command}` ended with {code}" for command, code in ran)))

    def _not_green(self, outcome: Outcome, after: Card) -> str:
        """Why a canary does not let the next wave go on: its tests, its drift, or where it stands; empty when green."""
        if outcome.kind != "updated":
            return outcome.words()
        if after.drift.count:
            return f"managed files drift after the update: {after.drift.words()}"
        if after.release != self.release.tag:
            return f"it is at {after.release} after the update"
        evidence = next((check.seen for check in after.failed if check.name == "evidence"), "")
        return f"rollout/ claims more than its evidence: {evidence}" if evidence else ""

    def body(self, outcome: Outcome, card: Card) -> str:
        """The text of the pull request: what changed for its team, what was overwritten, what proves it."""
        changes = self.reader.template.changes(card.release, self.release)
        lines = [f"# Template {self.release.tag}", "", f"From {card.release} to {self.release.tag}.", ""]
        lines += ["## What changed for you", "", changes or "The changelog says nothing about these releases.", ""]
        if outcome.overwritten:
            lines += ["## What was overwritten", "", "Managed files that differed from the template's; put what you"]
            lines += ["need into `src/domain/`, or into `waivers.yml` with a reason and a last day.", ""]
            lines += [*(f"- `{name}`" for name in outcome.overwritten), ""]
        waived = [waiver for waiver in card.waivers if waiver.path in card.drift.waived]
        if waived:
            lines += ["## What was left alone", ""]
            lines += [*(f"- `{one.path}`, waived until {one.until}: {one.reason}" for one in waived), ""]
        lines += ["## What was run", ""]
        failed = [f"- tests failed: {outcome.reason}"] if outcome.kind == "tests failed" else []
        lines += [*failed, *(f"- {line}" for line in outcome.proved)]
        lines += [] if failed or outcome.proved else ["- nothing"]
        return "\n".join(lines) + "\n"


def put(path: Path, content: bytes, mode: str) -> None:
    """A file as git has it, where there was another one, a link, or nothing."""
    if path.is_symlink():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if mode == EXECUTABLE else 0o644)
