"""A headless Chromium: a page as it was drawn, and as it was built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
Look = Literal["light", "dark"]
PREFERS: dict[Look, str] = {
    "light": "--blink-settings=preferredColorScheme=1",
    "dark": "--blink-settings=preferredColorScheme=0",
}
"""What a page sees as `prefers-color-scheme`, whatever the desktop prefers."""


def chromium() -> str:
    """The browser; where there is none, CI fails, and elsewhere the test says loudly what is not looked at."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    said = f"NOT LOOKED AT in a browser: none of {', '.join(NAMES)} is here; `apt-get install chromium` brings one"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


def run(profile: Path, *options: str) -> str:
    """What the browser prints."""
    command = [chromium(), *QUIET, f"--user-data-dir={profile}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def picture(name: str, otherwise: Path) -> Path:
    """Where a picture is kept: in the folder QUALITY_SCREENSHOTS, where that is set."""
    folder = Path(os.environ.get("QUALITY_SCREENSHOTS") or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.png"


def screenshot(url: str, name: str, profile: Path, *options: str, size: str = "1400,1600") -> Path:
    """A picture of a page."""
    path = picture(name, profile)
    run(profile, f"--window-size={size}", f"--screenshot={path}", *options, url)
    assert path.read_bytes().startswith(b"\x89PNG")
    return path


def dom(url: str, profile: Path, *options: str) -> str:
    """The page's tree once its scripts have run."""
    return run(profile, "--dump-dom", *options, url)
