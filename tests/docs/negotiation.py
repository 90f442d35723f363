# SPDX-License-Identifier: BSD-2-Clause
"""docs/negotiation.md says what the code does: status numbers, selectors, names, and the test vectors."""
import os
import pathlib
import re
import struct
import subprocess

from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
PIPE = pathlib.Path(os.environ["HOLDFAST_BUILD_ROOT"]) / "examples/pipe-device/pipe-device"
PAGE = (ROOT / "docs/negotiation.md").read_text()
HEADER = (ROOT / "src/negotiate/include/holdfast/negotiate_wire.h").read_text()


def vector(first):
    """The hexadecimal block whose first line has that offset."""
    block = re.search(rf"```\n( *{first}  [0-9a-f ]+\n.*?)```", PAGE, re.S).group(1)
    return bytes.fromhex("".join(line.split("  ", 1)[1] if line.strip() else "" for line in
                                 (re.sub(r"^ *\d+  ", "  ", l) for l in block.splitlines())))


@case("every status has its number")
def _():
    block = HEADER[HEADER.index("enum hf_negotiate_status"):]
    code = dict(re.findall(r"HF_NEGOTIATE_(\w+) = (\d+)", block[:block.index("}")]))
    page = dict(re.findall(r"^\| ([A-Z_]+) \| (\d+) \|", PAGE, re.M))
    expect(code == page, f"{code} in the header, {page} on the page")


@case("the two files have their names and selectors")
def _():
    for name, key in (("DOMAINS", "0x1e"), ("WINDOW", "0x1f")):
        path = re.search(rf'HF_NEGOTIATE_{name}_FILE +"([^"]+)"', HEADER).group(1)
        expect(re.search(rf"HF_NEGOTIATE_{name}_KEY +{key}$", HEADER, re.M), f"the key of {name} in the header")
        expect(f"| `{path}` | {key} |" in PAGE, f"{path} is not on the page with {key}")


@case("the test vectors, played on a device")
def _():
    request, answer = vector(0), vector(96)
    expect(len(request) == 96 and len(answer) == 64, f"{len(request)} and {len(answer)} bytes")
    # the device of examples/ has no domain of that name, but it has 'example' with the same two bits
    request = request.replace(b"acpi-loader", b"example\0\0\0\0")
    descriptor = struct.pack(">IIQ", 0x1f << 16 | 0x18, 96, 0x101000)
    skip, read = struct.pack(">IIQ", 0x1f << 16 | 0x0c, 96, 0), struct.pack(">IIQ", 2, 64, 0x102000)
    lines = [f"write 0x101000 96 0x{request.hex()}"]
    for d in (descriptor, skip, read):
        lines += [f"write 0x100000 16 0x{d.hex()}", "outl 0x518 0x00001000"]
    lines += ["read 0x102000 64"]
    out = subprocess.run([PIPE], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=20).stdout
    got = bytes.fromhex(out.splitlines()[-1].removeprefix("OK 0x"))
    expect(got == answer, f"the device answered {got.hex()}, the page says {answer.hex()}")


main()
