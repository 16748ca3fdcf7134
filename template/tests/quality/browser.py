"""Debian's headless Chromium: a page as it was drawn, and as it was built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

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


def chromium() -> str:
    """The browser; where there is none the test says loudly what is not looked at."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("NOT LOOKED AT in a browser: there is no Chromium; install it with `apt-get install chromium`")
    return found


def run(profile: Path, *options: str) -> str:
    """What the browser prints."""
    command = [chromium(), *QUIET, f"--user-data-dir={profile}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def screenshot(url: str, name: str, profile: Path, *options: str, size: str = "1400,1600") -> Path:
    """A picture of a page, kept in the folder QUALITY_SCREENSHOTS where that is set."""
    folder = Path(os.environ.get("QUALITY_SCREENSHOTS", profile))
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{name}.png"
    run(profile, f"--window-size={size}", f"--screenshot={picture}", *options, url)
    assert picture.read_bytes().startswith(b"\x89PNG")
    return picture


def dom(url: str, profile: Path, *options: str) -> str:
    """The page's tree once its scripts have run."""
    return run(profile, "--dump-dom", *options, url)
