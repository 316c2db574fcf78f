"""Code as numbered, highlighted lines. Colour comes from the classes of design.css; nothing here is inline style.

The code is a stranger's: every piece is escaped, and a file that would be slow to colour is shown plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments.lexers import JsonLexer, PythonLexer, TextLexer, YamlLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String, Token

MAX_COLOURED_BYTES = 200_000
MAX_COLOURED_LINE = 2_000
MAX_SHOWN_BYTES = 1_000_000

_LEXERS: Mapping[str, Any] = {".py": PythonLexer, ".json": JsonLexer, ".yml": YamlLexer, ".yaml": YamlLexer}

# Token type -> class of design.css; the most specific ancestor wins.
_CLASSES = {
    Keyword: "k",
    Operator.Word: "k",
    String: "st",
    Literal.String: "st",
    Comment: "cm",
    Name.Function: "fn",
    Name.Class: "fn",
    Name.Decorator: "fn",
    Name.Tag: "fn",
    Number: "nu",
    Literal.Number: "nu",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a file: its number from 1, its HTML, and what checks or reviewers said about it."""

    number: int
    html: SafeString
    notes: Sequence[Any] = ()


def shown_lines(path: str, content: bytes, notes: Mapping[int, Sequence[Any]] | None = None) -> list[Line]:
    """The lines of a text file, highlighted by its ending; `notes` are findings by line number.

    A file that is not UTF-8 text, or longer than a page can hold, becomes one line that says so.
    """
    notes = notes or {}
    if len(content) > MAX_SHOWN_BYTES:
        return [Line(number=1, html=mark_safe("This file is too long to show. Download it instead."))]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return [Line(number=1, html=mark_safe("This file is not text. Download it instead."))]
    rows = _html_rows(_tokens(path, text))
    return [
        Line(number=number, html=mark_safe("".join(row)), notes=tuple(notes.get(number, ())))  # noqa: S308 - escaped
        for number, row in enumerate(rows, start=1)
    ]


def excerpt(lines: Sequence[Line], centre: int, *, around: int = 4) -> list[Line]:
    """The lines next to `centre`, as many before as after it where there are any."""
    return list(lines[max(0, centre - 1 - around) : centre + around])


def _tokens(path: str, text: str) -> Iterable[tuple[Any, str]]:
    ending = path[path.rfind(".") :] if "." in path else ""
    too_long = len(text) > MAX_COLOURED_BYTES or any(len(line) > MAX_COLOURED_LINE for line in text.split("\n"))
    lexer = TextLexer if too_long else _LEXERS.get(ending, TextLexer)
    tokens: Iterable[tuple[Any, str]] = lexer(stripnl=False, ensurenl=False).get_tokens(text)
    return tokens


def _class_of(token: Any) -> str:
    while token is not Token and token is not None:
        if token in _CLASSES:
            return _CLASSES[token]
        token = token.parent
    return ""


def _html_rows(tokens: Iterable[tuple[Any, str]]) -> list[list[str]]:
    """Tokens -> rows of HTML pieces; a token that spans lines is closed and opened again at each line break."""
    rows: list[list[str]] = [[]]
    for token, text in tokens:
        css = _class_of(token)
        for index, piece in enumerate(text.split("\n")):
            if index:
                rows.append([])
            if piece:
                safe = escape(piece)
                rows[-1].append(f'<span class="{css}">{safe}</span>' if css else safe)
    if len(rows) > 1 and not rows[-1]:
        rows.pop()  # the file ends with a line break, not with an empty line
    return rows
