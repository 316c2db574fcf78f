"""Text from outside, made harmless before it is stored. Pages still escape it."""

import re
import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}  # categories that print nothing or turn the line around
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def one_line(text: str, limit: int) -> str:
    """`text` on one line without characters that print nothing, at most `limit` long."""
    kept = "".join(
        char for char in _ANSI.sub("", text) if char in "\t\n" or unicodedata.category(char) not in _INVISIBLE
    )
    return " ".join(kept.split())[:limit]


def block(text: str, limit: int) -> str:
    """`text` with its line breaks, without other control characters; of a longer one the end is kept."""
    text = _ANSI.sub("", text[-2 * limit :]).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in text if char in "\t\n" or unicodedata.category(char) not in _INVISIBLE)
    return kept[-limit:]
