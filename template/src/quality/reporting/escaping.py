"""Text from data that can only be read as what it is."""

from __future__ import annotations

import re
import unicodedata

TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Unicode's classes of characters that turn around the words after them."""
UNSEEN = frozenset("\u034f\u061c\u115f\u1160\u17b4\u17b5\u200e\u200f\u2800\u3164\uffa0\ufff9\ufffa\ufffb")
"""Marks and blanks that no class tells from letters, and that nobody sees."""
JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
"""What joins or parts letters and emoji, where it stands between none."""
LONGEST = 500
"""Characters of a line."""


def legible(text: str) -> str:
    r"""The text with what nobody sees in it spelled out: a cell's U+202E becomes `\u202e`; spaces and lines stay."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    spelled = text.translate({ord(char): _spelled(char) for char in set(text) if _is_unseen(char)})
    return JOINERS.sub(lambda found: _spelled(found[0]), spelled)


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text legible and on one line, cut where it is longer than anybody reads."""
    line = " ".join(legible(text).split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def _spelled(char: str) -> str:
    return f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"


def _is_unseen(char: str) -> bool:
    kind, direction = unicodedata.category(char), unicodedata.bidirectional(char)
    if char in UNSEEN or direction in TURNS or (kind == "Cc" and char not in "\t\n"):
        return True
    return kind == "Cf" and direction == "BN" and char not in "\u200c\u200d"
