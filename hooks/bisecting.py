"""Which of many new pins breaks a suite: those that must go together are taken together, and the rest is halved."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

LIST = """
import importlib.metadata, json
print(json.dumps({one.metadata["Name"]: one.requires or [] for one in importlib.metadata.distributions()}))
"""
Pins = Mapping[str, Version]
Requirements = dict[str, list[Requirement]]


class Trial:
    """An environment that is brought to pins, and a suite that passes in it or does not."""

    def __init__(self, root: Path, folder: Path, python: str, suite: str, uv: Callable[..., str]) -> None:
        self.root, self.folder, self.suite, self.uv = root, folder, suite, uv
        self.last = ""
        environment = folder / "environment"
        subprocess.run(
            [sys.executable, "-m", "uv", "venv", "--quiet", "--python", python, str(environment)], check=True
        )
        self.python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def install(self, pins: Pins) -> None:
        """Exactly these pins, and what only the suite needs."""
        wanted = self.folder / "pins.txt"
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), "utf-8")
        self.uv("pip", "install", "--quiet", "--no-deps", "--python", str(self.python), "-r", str(wanted))

    def passes(self, pins: Pins) -> bool:
        """Whether the suite passes with these pins; the first line that says why not is kept."""
        self.install(pins)
        words = shlex.split(self.suite.format(python=self.python))
        done = subprocess.run(words, cwd=self.root, capture_output=True, encoding="utf-8", check=False)
        lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        if done.returncode:
            marked = (line for line in lines if re.match(r"FAILED|ERROR|E  |\w*Error", line))
            self.last = next(marked, lines[-1] if lines else f"exit {done.returncode}")
        return done.returncode == 0

    def requirements(self, pins: Pins) -> Requirements:
        """What each installed package asks for, once these pins are installed."""
        self.install(pins)
        done = subprocess.run([str(self.python), "-c", LIST], capture_output=True, encoding="utf-8", check=True)
        return {canonicalize_name(name): list(read(asked)) for name, asked in json.loads(done.stdout).items()}


def read(asked: Sequence[str]) -> list[Requirement]:
    """The requirements that hold here, without those of extras."""
    found = []
    for one in asked:
        try:
            wish = Requirement(one)
        except InvalidRequirement:
            continue
        if wish.marker is None or wish.marker.evaluate({"extra": ""}):
            found.append(wish)
    return found


def together(
    changed: Sequence[str], before: Requirements, after: Requirements, old: Pins, new: Pins
) -> list[tuple[str, ...]]:
    """The changed packages, those in one unit whose old and new versions do not go with each other."""
    unit = {name: {name} for name in changed}
    for name in changed:
        for wish, pins in [(one, new) for one in before.get(name, [])] + [(one, old) for one in after.get(name, [])]:
            other = canonicalize_name(wish.name)
            if other in unit and pins[other] not in wish.specifier and unit[name] is not unit[other]:
                joined = unit[name] | unit[other]
                for one in joined:
                    unit[one] = joined
    return list(dict.fromkeys(tuple(sorted(unit[name])) for name in changed))


def first_bad(units: Sequence[tuple[str, ...]], passes: Callable[[set[str]], bool]) -> tuple[str, ...]:
    """The unit at which taking one after the other breaks; empty when nothing passes even without them."""
    if not passes(set()):
        return ()
    low, high = 0, len(units)
    while high - low > 1:
        middle = (low + high) // 2
        taken = {name for unit in units[:middle] for name in unit}
        low, high = (middle, high) if passes(taken) else (low, middle)
    return units[low] if units else ()
