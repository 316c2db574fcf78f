"""How much a text or a file could carry besides what it says: entropy, long unbroken runs, compressed size."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping

_RUN = re.compile(r"[^\s]{200,}")


def entropy(symbols: Iterable[object]) -> float:
    """Shannon entropy of the symbols' frequencies, in bits a symbol. English text has about 4.3, base64 6.0."""
    counts = Counter(symbols)
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0


def longest_run(text: str) -> int:
    """Characters of the longest stretch without blanks; 0 where none has 200."""
    return max(map(len, _RUN.findall(text)), default=0)


def is_text(content: bytes) -> bool:
    """True where the bytes are UTF-8 without control characters."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(char < " " and char not in "\t\r\n\f" for char in set(text))


def compressed_bytes(files: Mapping[str, bytes]) -> int:
    """What remains of all files together after compression: an upper bound on the knowledge a submission carries."""
    return len(zlib.compress(b"".join(content for _, content in sorted(files.items())), 9))
