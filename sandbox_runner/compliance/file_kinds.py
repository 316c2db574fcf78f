"""Which files a submission may hold, and how much they may carry. Source: the sandbox study, 8.1 and 8.3."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.limits import KIB
from sandbox_runner.compliance.payload import entropy, is_text, longest_run

KINDS = CheckInfo(id="file-kinds", title="Only source, text and declared data files", stage=Stage.FILES)
_SUFFIXES = {".py", ".json", ".txt", ".md", ".yml", ".yaml", ".toml", ".cfg"}
_PLAIN_NAMES = {"LICENSE", "LICENCE", "NOTICE", "README"}
_MAX_TEXT = 256 * KIB  # a data file that is text
_MAX_BINARY = 64 * KIB
_MAX_DENSE = 16 * KIB  # with more entropy than this many bits a byte it is compressed, or parameters:
_DENSE_BYTE = 7.2
_DENSE_TEXT = 5.5


def check_kinds(files: Mapping[str, bytes], data_files: Collection[str]) -> Iterator[Finding]:
    """Files of unknown kind, text files that are no text, and data that could carry trained parameters."""
    for path, content in files.items():
        suffix = PurePosixPath(path).suffix.casefold()
        if path in data_files:
            yield from _data_file(path, content)
        elif suffix not in _SUFFIXES and PurePosixPath(path).name not in _PLAIN_NAMES:
            yield KINDS.finding(
                Verdict.REJECTED,
                f"{suffix or 'A file without suffix'} is not a kind of file that a submission holds.",
                "Leave the file out. If the algorithm reads it, name it under data_files in submission_info.yml.",
                path=path,
            )
        elif suffix == ".py":
            continue  # read and judged as source
        elif not is_text(content):
            message = f"The name says {suffix or 'text'}, but the contents are no text."
            yield KINDS.finding(Verdict.REJECTED, message, "Leave the file out, or save it as UTF-8.", path=path)
        else:
            yield from _text_file(path, content)


def _data_file(path: str, content: bytes) -> Iterator[Finding]:
    if is_text(content):
        yield from _text_file(path, content)
        return
    bits = entropy(content)
    if len(content) > _MAX_BINARY or (len(content) > _MAX_DENSE and bits > _DENSE_BYTE):
        yield KINDS.finding(
            Verdict.REVIEW,
            f"This data file has {len(content) // KIB} KB with {bits:.1f} bits a byte: enough for trained parameters.",
            "Say in the description what it holds and how it was made; a reviewer looks at it once.",
            path=path,
        )


def _text_file(path: str, content: bytes) -> Iterator[Finding]:
    text = content.decode("utf-8")
    packed = len(content) > _MAX_DENSE and (longest_run(text) > 0 or entropy(text) > _DENSE_TEXT)
    if len(content) > _MAX_TEXT or packed:
        yield KINDS.finding(
            Verdict.REVIEW,
            f"This text file has {len(content) // KIB} KB{' and looks packed' if packed else ''}.",
            "Leave it out, or say in the description what it is for; a reviewer looks at it once.",
            path=path,
        )
