"""Reads the table of a zip, strictly: every byte belongs to exactly one entry, and both headers agree on it.

Libraries forgive a lot (data before and after, two tables, sizes that lie, entries that share bytes) and each forgives
something else. An upload that two programs would read differently is refused here, before anything is unpacked.
Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.4.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox_runner.compliance.limits import MAX_ENTRIES

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_SIGNATURE, _CENTRAL_SIGNATURE, _END_SIGNATURE = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"

_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_PATCHED = 0x0020
_HAS_DESCRIPTOR = 0x0008
_UTF8 = 0x0800
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075


class ZipDamaged(Exception):
    """Not a zip that every program reads the same way; `message` and `fix` are for the submitter."""

    def __init__(self, message: str, *, name: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.name = name
        self.fix = fix or "Make the archive again with an ordinary zip program and upload the new file."


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the table. `raw_name` is exactly what the archive holds."""

    raw_name: bytes
    is_utf8: bool
    is_folder: bool
    file_type: int  # stat.S_IFMT of its Unix mode; 0 where the archive does not say
    method: int
    crc: int
    packed: int  # bytes in the archive
    unpacked: int  # bytes it claims to become
    header_offset: int
    has_descriptor: bool
    data_offset: int = 0

    @property
    def label(self) -> str:
        """The name for messages."""
        return self.raw_name.decode("utf-8", "backslashreplace")

    @property
    def is_regular(self) -> bool:
        """False for symbolic links, devices, sockets and the like."""
        return self.file_type in (0, stat.S_IFDIR if self.is_folder else stat.S_IFREG)


def read_entries(data: bytes) -> list[Entry]:
    """The table of a zip, in the order of the table.

    Raises:
        ZipDamaged: the bytes are not one plain zip without gaps.
    """
    end = _find_end(data)
    _, disk, first_disk, here, total, size, offset, _ = _END.unpack_from(data, end)
    if 0xFFFF in (here, total) or 0xFFFFFFFF in (size, offset):
        raise _zip64()
    if disk or first_disk or here != total:
        raise ZipDamaged("The archive is one part of several.", fix="Upload a single zip file.")
    if total > MAX_ENTRIES:
        raise ZipDamaged(
            f"The archive lists {total} entries, at most {MAX_ENTRIES} are read.",
            fix="Leave data, checkpoints and environments out.",
        )
    if offset + size != end:
        raise ZipDamaged("There are bytes between the table of the archive and its end, or the table is cut off.")
    entries = list(_read_table(data, offset, end, total))
    _check_extents(data, entries, offset)
    return [_located(data, entry) for entry in entries]


def unpack(data: bytes, entry: Entry, limit: int) -> bytes:
    """The bytes of one entry. At most `limit` + 1 are ever produced, whatever the header claims.

    Raises:
        ZipDamaged: unknown method, broken stream, or size and checksum that do not fit.
    """
    packed = data[entry.data_offset : entry.data_offset + entry.packed]
    if entry.method == _STORED:
        content = packed[: limit + 1]
        whole = len(packed) == entry.unpacked
    elif entry.method == _DEFLATED:
        content, whole = _inflate(packed, limit, entry)
    else:
        raise ZipDamaged(f"{entry.label} is packed with method {entry.method}; only store and deflate are read.")
    if len(content) > limit:
        return content
    if not whole or len(content) != entry.unpacked or zlib.crc32(content) != entry.crc:
        raise ZipDamaged(f"{entry.label} does not have the size or checksum that the archive states.", name=entry.label)
    return content


def _inflate(packed: bytes, limit: int, entry: Entry) -> tuple[bytes, bool]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(packed, limit + 1)
    except zlib.error:
        raise ZipDamaged(f"{entry.label} is damaged and cannot be unpacked.", name=entry.label) from None
    return content, stream.eof and not stream.unused_data and not stream.unconsumed_tail


def _find_end(data: bytes) -> int:
    end = data.rfind(_END_SIGNATURE)
    if not data.startswith(_LOCAL_SIGNATURE) and end != 0:
        raise ZipDamaged("This is not a zip archive.", fix="Upload a .zip file with submission.py at its top.")
    if end < 0 or end + _END.size > len(data):
        raise ZipDamaged("The archive is cut off: its table is missing.", fix="Upload the file again.")
    comment_length = _END.unpack_from(data, end)[-1]
    if end + _END.size + comment_length != len(data):
        raise ZipDamaged("There are bytes behind the end of the archive, or its end is cut off.")
    return end


def _read_table(data: bytes, offset: int, end: int, total: int) -> Iterator[Entry]:
    for _ in range(total):
        if offset + _CENTRAL.size > end:
            raise ZipDamaged("The table of the archive is cut off.")
        (signature, _made_by, _needed, flags, method, _time, _date, crc, packed, unpacked, name_length, extra_length,
         comment_length, disk, _internal, attributes, header_offset) = _CENTRAL.unpack_from(data, offset)  # fmt: skip
        name_start = offset + _CENTRAL.size
        extra_start = name_start + name_length
        offset = extra_start + extra_length + comment_length
        if signature != _CENTRAL_SIGNATURE or offset > end:
            raise ZipDamaged("The table of the archive is damaged.")
        raw_name = data[name_start:extra_start]
        entry = Entry(
            raw_name=raw_name,
            is_utf8=bool(flags & _UTF8),
            is_folder=raw_name.endswith(b"/"),
            file_type=stat.S_IFMT(attributes >> 16),
            method=method,
            crc=crc,
            packed=packed,
            unpacked=unpacked,
            header_offset=header_offset,
            has_descriptor=bool(flags & _HAS_DESCRIPTOR),
        )
        _check_flags(flags, entry, disk)
        _check_extra(data[extra_start : extra_start + extra_length], entry)
        yield entry
    if offset != end:
        raise ZipDamaged("The table of the archive has more entries than its end says.")


def _check_flags(flags: int, entry: Entry, disk: int) -> None:
    if flags & _ENCRYPTED:
        raise ZipDamaged(f"{entry.label} is encrypted.", name=entry.label, fix="Make the zip without a password.")
    if flags & _PATCHED or disk:
        raise ZipDamaged(f"{entry.label} is stored in a form that is not read here.", name=entry.label)
    if 0xFFFFFFFF in (entry.packed, entry.unpacked, entry.header_offset):
        raise _zip64()


def _check_extra(extra: bytes, entry: Entry) -> None:
    """Refuses the extra fields that would give the entry another size or another name."""
    offset = 0
    while offset + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, offset)
        if kind == _ZIP64_EXTRA:
            raise _zip64()
        if kind == _UNICODE_PATH_EXTRA and extra[offset + 9 : offset + 4 + length] != entry.raw_name:
            raise ZipDamaged(f"{entry.label} has two different names in the archive.", name=entry.label)
        offset += 4 + length


def _check_extents(data: bytes, entries: list[Entry], table_offset: int) -> None:
    """Every byte before the table belongs to exactly one entry."""
    position = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < position:
            raise ZipDamaged(f"{entry.label} shares bytes with another entry.", name=entry.label)
        if entry.header_offset > position:
            raise ZipDamaged(f"There are bytes in front of {entry.label} that belong to no entry.", name=entry.label)
        position = _end_of_entry(data, entry, table_offset)
    if position != table_offset:
        raise ZipDamaged("There are bytes in front of the table of the archive that belong to no entry.")


def _end_of_entry(data: bytes, entry: Entry, table_offset: int) -> int:
    start = entry.header_offset
    if start + _LOCAL.size > table_offset:
        raise ZipDamaged(f"{entry.label} is cut off.", name=entry.label)
    (signature, _needed, flags, method, _time, _date, crc, packed, unpacked, name_length, extra_length) = (
        _LOCAL.unpack_from(data, start)
    )
    data_offset = start + _LOCAL.size + name_length + extra_length
    name_start = start + _LOCAL.size
    extra = data[name_start + name_length : data_offset]
    stated = (crc, packed, unpacked)
    expected = (entry.crc, entry.packed, entry.unpacked)
    if 0xFFFFFFFF in (packed, unpacked):
        raise _zip64()
    agrees = (
        signature == _LOCAL_SIGNATURE
        and method == entry.method
        and data[name_start : name_start + name_length] == entry.raw_name
        and bool(flags & _HAS_DESCRIPTOR) == entry.has_descriptor
        and not flags & _ENCRYPTED
        and (stated == expected or (entry.has_descriptor and stated == (0, 0, 0)))
    )
    if not agrees:
        raise ZipDamaged(f"The two headers of {entry.label} do not agree.", name=entry.label)
    _check_extra(extra, entry)
    end = data_offset + entry.packed + _descriptor_length(data, entry, data_offset + entry.packed)
    if end > table_offset:
        raise ZipDamaged(f"{entry.label} is cut off.", name=entry.label)
    return end


def _descriptor_length(data: bytes, entry: Entry, offset: int) -> int:
    """Bytes of the data descriptor that programs write which do not know the size beforehand."""
    if not entry.has_descriptor:
        return 0
    for layout in ("<3I", "<I2Q"):
        plain = struct.pack(layout, entry.crc, entry.packed, entry.unpacked)
        for descriptor in (_DESCRIPTOR_SIGNATURE + plain, plain):
            if data[offset : offset + len(descriptor)] == descriptor:
                return len(descriptor)
    raise ZipDamaged(f"The size written behind {entry.label} does not fit.", name=entry.label)


def _located(data: bytes, entry: Entry) -> Entry:
    name_length, extra_length = _LOCAL.unpack_from(data, entry.header_offset)[-2:]
    values = {**vars(entry), "data_offset": entry.header_offset + _LOCAL.size + name_length + extra_length}
    return Entry(**values)


def _zip64() -> ZipDamaged:
    return ZipDamaged(
        "The archive uses zip64, which files of this size do not need.",
        fix="Make the archive again with an ordinary zip program, from files and not from a pipe.",
    )
