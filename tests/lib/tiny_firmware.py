# SPDX-License-Identifier: BSD-2-Clause
"""Firmware of a few instructions at the reset vector of an OVMF image, for machines of type pc-i440fx: a boot takes as
long as QEMU's start, and ends as it is told."""
import struct


def out(port, value, size=1):
    """mov dx, port; mov al/ax/eax, value; out dx, al/ax/eax: in 16-bit code."""
    load, put, form = {1: (b"\xb0", b"\xee", "<B"), 2: (b"\xb8", b"\xef", "<H"), 4: (b"\x66\xb8", b"\x66\xef", "<I")}[size]
    return b"\xba" + struct.pack("<H", port) + load + struct.pack(form, value) + put


HANG = b"\xfa\xf4\xeb\xfc"  # cli; hlt; jmp
RESET = out(0xcf9, 6) + HANG
TRIPLE_FAULT = b"\x0f\x01\x1e\x00\x00" + b"\xcc" + HANG  # lidt of what lies at 0; int3
PANIC = out(0x505, 1) + HANG
POWER_OFF = (out(0xcf8, 0x80000b40, 4) + out(0xcfc, 0xb001, 4) + out(0xcf8, 0x80000b80, 4) + out(0xcfc, 1)
             + out(0xb004, 0x2000, 2) + HANG)
# Reads a sector of the first IDE disk, and waits for its data (DRQ).
READS = (out(0x1f6, 0xe0) + out(0x1f2, 1) + out(0x1f3, 0) + out(0x1f4, 0) + out(0x1f5, 0) + out(0x1f7, 0x20)
         + b"\xba\xf7\x01\xec\xa8\x08\x74\xfb")


def once(first, then):
    """`first`, which resets the machine, and after that reset `then`: a byte of the clock's memory tells them apart."""
    mark = b"\xb0\x5a\xe6\x71" + first  # mov al, 5a; out 71, al
    return b"\xb0\x40\xe6\x70\xe4\x71\x3c\x5a\x74" + struct.pack("b", len(mark)) + mark + then


def image(code, name, program):
    """`code`, an image of OVMF's as bytes, whose reset vector jumps to `program`, 512 bytes before the end. The name
    makes it another image than those with the same program."""
    made = bytearray(code)
    made[-512:-512 + len(program)] = program
    made[-16:-13] = b"\xe9" + struct.pack("<h", -512 + 16 - 3)
    at = made.rindex(b"\xff" * 64, 0, -1024) + 16
    made[at:at + len(name)] = name.encode()
    return bytes(made)
