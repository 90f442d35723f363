# SPDX-License-Identifier: BSD-2-Clause
"""A recorded guest, stopped after each of its 17469 flash writes: every bank left behind is read strictly, and differs
from the one before in one whole variable at most."""
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import flash_trace
from program import BUILD
from tap import case, expect, main, note, skip

HOME = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-writes-"))
TEMPLATE = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.fd")


def log_of_trace(path):
    """The trace in the form of QEMU's blklogwrites driver, which walk-writes reads."""
    bank, entries = bytearray(TEMPLATE.read_bytes()), []
    for offset, data in flash_trace.writes(bank):
        entries.append(struct.pack("<QQQQ", offset // 512, len(data) // 512, 0, 0).ljust(512, b"\0") + data)
    head = struct.pack("<QQQI", 0x6A736677736872, 1, len(entries), 512).ljust(512, b"\0")
    path.write_bytes(head + b"".join(entries))
    return len(entries)


@case("OVMF boots, sets twelve variables and deletes four")
def _():
    if not TEMPLATE.exists():
        skip(f"{TEMPLATE} is not installed")
    count = log_of_trace(HOME / "log")
    done = subprocess.run([BUILD / "tests" / "flash" / "walk-writes", TEMPLATE, HOME / "log"], capture_output=True,
                          text=True, cwd=HOME)
    expect(done.returncode == 0, done.stdout[-1000:])
    lines = done.stdout.splitlines()
    note(lines[-1])
    expect(lines[-1].startswith(f"done {count} writes"), lines[-1])
    expect(int(re.search(r"(\d+) torn", lines[-1]).group(1)) > 1000, "no write in the middle of a variable")
    expect(len(re.findall(r"^\d+ - ", done.stdout, re.M)) >= 4, "the deletions are not there")


main(lambda: shutil.rmtree(HOME))
