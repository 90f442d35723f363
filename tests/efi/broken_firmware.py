# SPDX-License-Identifier: BSD-2-Clause
"""OVMF that runs its drivers and can start no operating system from a disk: its FAT driver is taken out of the compressed
volume. It comes as far as its own shell, and stays there."""
import lzma
import struct
import uuid

LZMA_SECTION = uuid.UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf").bytes_le  # UEFI PI 1.7 volume 3, 3.2.5.7 and edk2
FAT_DRIVER = uuid.UUID("961578fe-b6b7-44c3-af35-6bc705cd2b1f").bytes_le


def _size24(data, at):
    return int.from_bytes(data[at:at + 3], "little")


def without_fat(code):
    """The image's bytes, changed inside one LZMA section and nowhere else; the section keeps its size."""
    out = bytearray(code)
    at = code.index(LZMA_SECTION) - 4  # after the common section header: size (3), type (1)
    size, offset = _size24(code, at), struct.unpack_from("<H", code, at + 20)[0]
    packed = code[at + offset:at + size]
    volume = bytearray(lzma.decompress(packed, lzma.FORMAT_ALONE))
    file = volume.index(FAT_DRIVER)  # an FFS file begins with its GUID; its size is at 20
    header, end = file + 24, file + _size24(volume, file + 20)
    image = volume.index(b"MZ", header, end)
    end = image - 4 + _size24(volume, image - 4)  # of its section; the file's other sections must stay
    volume[image:end] = bytes(end - image)
    again = _packed(bytes(volume), packed)
    if len(again) > len(packed):
        raise AssertionError(f"packed again it has {len(again)} bytes, {len(packed)} is what there is room for")
    out[at + offset:at + size] = again.ljust(len(packed), b"\0")
    return bytes(out)


def _packed(data, like):
    """As edk2 packs: the old container, with the size in its header."""
    properties, dictionary = like[0], struct.unpack_from("<I", like, 1)[0]
    chosen = {"id": lzma.FILTER_LZMA1, "preset": 6, "dict_size": dictionary,
              "lc": properties % 9, "lp": properties // 9 % 5, "pb": properties // 45}
    alone = bytearray(lzma.compress(data, lzma.FORMAT_ALONE, filters=[chosen]))
    alone[5:13] = struct.pack("<Q", len(data))
    return bytes(alone)
