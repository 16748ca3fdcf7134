"""Text from data that can only be read as what it is."""

from __future__ import annotations

import unicodedata

TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Unicode's classes of characters that turn around the words after them."""


def legible(text: str) -> str:
    r"""The text with its invisible controls spelled out: a cell's U+202E becomes `\u202e`; white space stays."""
    if text.isprintable():
        return text
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in set(text) if _controls(char)})


def _controls(char: str) -> bool:
    return (unicodedata.category(char) == "Cc" and not char.isspace()) or unicodedata.bidirectional(char) in TURNS
