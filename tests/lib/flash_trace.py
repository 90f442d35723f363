# SPDX-License-Identifier: BSD-2-Clause
"""What OVMF 2022.11 (4M) wrote to its variable store, as QEMU 7.2 passed it on: one boot to the UEFI shell, twelve
variables set, four of them deleted, power off. 17469 writes of 512 bytes, recorded with QEMU's blklogwrites driver.

The file keeps what each write changed: sector (16 bits), sectors (8), first changed byte (16), changed bytes (16), and
those bytes. Run as a program it writes that out uncompressed, for tests in C: flash_trace.py IN OUT.
"""
import lzma
import os
import pathlib
import struct
import sys

SECTOR = 512
BANK_SIZE = 0x84000


def writes(bank):
    """Yields (offset, bytes) and applies each to `bank`, a bytearray that begins as the store did."""
    raw = lzma.decompress((pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"]) / "tests" / "data" /
                           "ovmf-flash-writes.xz").read_bytes())
    at = 0
    while at < len(raw):
        sector, sectors, first, size = struct.unpack_from("<HBHH", raw, at)
        at += 7
        begin = sector * SECTOR
        bank[begin + first:begin + first + size] = raw[at:at + size]
        at += size
        yield begin, bytes(bank[begin:begin + sectors * SECTOR])


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_bytes(lzma.decompress(pathlib.Path(sys.argv[1]).read_bytes()))
