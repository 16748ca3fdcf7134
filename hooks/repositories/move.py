"""Repositories sent to another address of the template: one line of the answers, on a branch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import yaml

from repositories.card import Card
from repositories.git import GitError, git, text
from repositories.outcome import Outcome, remember, remembered
from repositories.places import Place
from repositories.snapshot import ANSWERS, loaded
from repositories.template import DESCRIBED, same_address
from repositories.workshop import Workshop, commit

BRANCH = "template-moved"
LINE = re.compile(rb"^_src_path:[ \t]*.*?(?=\r?$)", re.MULTILINE)
PLAIN = re.compile(r"[\w./:@+~-]+")


@dataclass(frozen=True)
class Move:
    """The template's old address, and the new one with the tags that it has."""

    old: str
    new: str
    workshop: Workshop
    tags: frozenset[str]

    @classmethod
    def between(cls, old: str, new: str, workshop: Workshop) -> Move:
        """A move to an address that answers; GitError when it does not, has no release, or cannot be written."""
        if not PLAIN.fullmatch(new):
            raise GitError(f"{new} is no address that {ANSWERS} can hold")
        workshop.folder.mkdir(parents=True, exist_ok=True)
        lines = text(workshop.folder, "ls-remote", "--tags", "--refs", "--", new).splitlines()
        tags = frozenset(line.rpartition("refs/tags/")[2] for line in lines)
        if not tags:
            raise GitError(f"there is no release at {new}: push the template's tags there first")
        return cls(old, new, workshop, tags)

    def plan(self, card: Card) -> Outcome:
        """What a move would do, by what was read."""
        about = Outcome(card.repository, "moved", before=card.address, after=self.new)
        if not card.address:
            return replace(about, kind="skipped", reason=card.failed[0].seen)
        if same_address(card.address, self.new):
            return replace(about, kind="current")
        if not same_address(card.address, self.old):
            return replace(about, kind="skipped", reason=f"it updates from {card.address}")
        described = DESCRIBED.fullmatch(card.release)
        tag = described["tag"] if described else card.release
        if tag not in self.tags:
            return replace(about, kind="skipped", reason=f"there is no {tag} at {self.new}, and an update needs it")
        return about

    def one(self, place: Place, card: Card) -> Outcome:
        """Move a repository, or say why not."""
        planned = self.plan(card)
        note = self.workshop.note(place, ".json")
        if planned.kind != "moved":
            return planned
        if (before := remembered(note)) and before.after == self.new and self.workshop.kept(place).is_dir():
            return before
        try:
            if work := self.workshop.work(place):
                return replace(planned, kind="skipped", reason=work)
            with self.workshop.clone(place, BRANCH) as clone:
                path = clone / ANSWERS
                path.write_bytes(readdressed(path.read_bytes(), self.new))
                commit(clone, f"Update the template from {self.new}")
                head = git(clone, "rev-parse", "HEAD~1").decode().strip()
                body = f"# The template moved\n\nUpdates come from {self.new} from now on. Nothing else changes.\n"
                self.workshop.note(place, ".md").write_text(body, "utf-8", newline="\n")
                outcome = self.workshop.left(clone, replace(planned, head=head, branch=BRANCH))
                self.workshop.keep(place, clone)
        except (GitError, OSError) as error:
            return replace(planned, kind="skipped", reason=str(error))
        remember(note, outcome)
        return outcome


def readdressed(answers: bytes, new: str) -> bytes:
    """The answers with another address, and nothing else that is another; GitError where no one line says it."""
    made = LINE.sub(b"_src_path: " + new.encode(), answers, count=1)
    try:
        before, after = (loaded(one.decode("utf-8-sig")) for one in (answers, made))
    except (yaml.YAMLError, ValueError) as error:
        raise GitError(f"{ANSWERS} cannot be read: {type(error).__name__}") from None
    if after != {**before, "_src_path": new}:
        raise GitError(f"{ANSWERS} does not say _src_path in a line of its own: write it so, and commit")
    return made
