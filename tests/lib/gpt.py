# SPDX-License-Identifier: BSD-2-Clause
"""Disk images with a GUID partition table, made by hand. What follows the table is a hole."""
import os
import struct
import uuid
import zlib

ESP, LINUX = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0fc63daf-8483-4772-8e79-3d69d8477de4"


def table(partitions, sector=512, count=128, entry=128):
    """The bytes from block 0 to the end of the entries. `partitions`: {number: (type, id, first block, last block)}."""
    entries = bytearray(count * entry)
    for number, (kind, own, first, last) in partitions.items():
        struct.pack_into("<16s16sQQ", entries, (number - 1) * entry, uuid.UUID(kind).bytes_le, uuid.UUID(own).bytes_le, first,
                         last)
    header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, 9999, 34, 9000, bytes(16), 2, count, entry,
                         zlib.crc32(entries))
    header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
    protective = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, 0xFFFFFFFF) + bytes(48) + b"\x55\xaa"
    return protective.ljust(sector, b"\0") + header.ljust(sector, b"\0") + bytes(entries)


def image(path, partitions, size=64 << 20, **how):
    path.write_bytes(table(partitions, **how))
    os.truncate(path, size)
    return path
