"""Zips, byte by byte: honest ones, and ones that no honest program writes."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SYMBOLIC_LINK = stat.S_IFLNK | 0o777
FIFO = stat.S_IFIFO | 0o644
DEVICE = stat.S_IFCHR | 0o644


def make_zip(files: Mapping[str, bytes | str], *, packed: bool = True) -> bytes:
    """What an ordinary zip program makes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@dataclass(frozen=True, kw_only=True)
class RawEntry:
    """One entry, every field of which may lie. `local` and `central` override what the two headers say."""

    name: bytes
    content: bytes = b""
    deflate: bool = False
    mode: int = stat.S_IFREG | 0o644
    flags: int = 0
    extra: bytes = b""
    descriptor: bytes = b""
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)


def raw_zip(
    entries: Sequence[RawEntry], *, prefix: bytes = b"", gap: bytes = b"", suffix: bytes = b"", **end: int
) -> bytes:
    """A zip put together from its parts; `end` overrides fields of the end record."""
    body, table = prefix, b""
    for entry in entries:
        fields = _fields(entry, offset=len(body))
        body += _local_header({**fields, **entry.local}) + fields["packed_content"] + entry.descriptor
        table += _central_header({**fields, **entry.central})
    body += gap
    record = {"here": len(entries), "total": len(entries), "size": len(table), "offset": len(body), "comment": 0, **end}
    return (
        body
        + table
        + struct.pack(
            "<4s4H2IH",
            b"PK\x05\x06",
            0,
            0,
            record["here"],
            record["total"],
            record["size"],
            record["offset"],
            record["comment"],
        )
        + suffix
    )


def overlapping_zip(copies: int, content: bytes) -> bytes:
    """Many names for the same packed bytes, the way of the best zip bombs: small here, large unpacked."""
    first = raw_zip([RawEntry(name=b"a000.py", content=content, deflate=True)])
    end = first.rfind(b"PK\x05\x06")
    offset = struct.unpack_from("<I", first, end + 16)[0]
    line = first[offset:end]
    table = b"".join(line.replace(b"a000.py", f"a{number:03}.py".encode()) for number in range(copies))
    return first[:offset] + table + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, copies, copies, len(table), offset, 0)


def _fields(entry: RawEntry, offset: int) -> dict[str, Any]:
    packed = entry.content
    if entry.deflate:
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = stream.compress(entry.content) + stream.flush()
    return {
        "name": entry.name,
        "flags": entry.flags,
        "method": 8 if entry.deflate else 0,
        "crc": zlib.crc32(entry.content),
        "packed": len(packed),
        "unpacked": len(entry.content),
        "extra": entry.extra,
        "attributes": entry.mode << 16,
        "disk": 0,
        "offset": offset,
        "packed_content": packed,
    }


def _local_header(fields: Mapping[str, Any]) -> bytes:
    return (
        struct.pack(
            "<4s5H3I2H",
            b"PK\x03\x04",
            20,
            fields["flags"],
            fields["method"],
            0,
            33,
            fields["crc"],
            fields["packed"],
            fields["unpacked"],
            len(fields["name"]),
            len(fields["extra"]),
        )
        + fields["name"]
        + fields["extra"]
    )


def _central_header(fields: Mapping[str, Any]) -> bytes:
    return (
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02",
            (3 << 8) | 20,
            20,
            fields["flags"],
            fields["method"],
            0,
            33,
            fields["crc"],
            fields["packed"],
            fields["unpacked"],
            len(fields["name"]),
            len(fields["extra"]),
            0,
            fields["disk"],
            0,
            fields["attributes"],
            fields["offset"],
        )
        + fields["name"]
        + fields["extra"]
    )
