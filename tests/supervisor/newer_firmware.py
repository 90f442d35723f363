# SPDX-License-Identifier: BSD-2-Clause
"""Another release's OVMF: staged, applied at a power-on, rolled back together with the variables."""
import pathlib
import subprocess

from guest import OVMF, Guest, create, digest, export
from program import SOURCE, holdfast, scratch
from tap import Shared, case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PATH = ROOT / "g.hold"
OLD = pathlib.Path(OVMF["4m"][0])
STATE = Shared()


def newer():
    """Debian 13's OVMF, or a skip with the reason why it cannot be had."""
    if "newer" not in STATE:
        found = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, timeout=600)
        STATE["newer"] = pathlib.Path(found.stdout.strip()) / "usr/share/OVMF/OVMF_CODE_4M.fd" \
            if found.returncode == 0 else found.stderr.strip()
    if isinstance(STATE["newer"], str):
        skip(f"Debian 13's OVMF: {STATE['newer']}")
    return STATE["newer"]


def code_in_memory(guest, size):
    return guest.bank_digest((1 << 32) - size, size)


@case("a guest has run and set a variable")
def _():
    newer()
    create(PATH, "4m", "q35")
    with Guest(PATH, "-M", "q35") as guest:
        shell = guest.shell()
        shell.setvar("MarkerOld", "cafe")
        expect(guest.power_off(shell) == 0, guest.said())
    STATE["before"] = export(PATH, ROOT / "before")


@case("the image is staged: nothing changes yet")
def _():
    holdfast("stage", PATH, newer())
    expect(export(PATH, ROOT / "staged") == STATE["before"], "staging changed code or variables")


@case("the next power-on runs the newer firmware with the old variables")
def _():
    size = newer().stat().st_size
    with Guest(PATH, "-M", "q35") as guest:
        shell = guest.shell()
        expect(code_in_memory(guest, size) == digest(newer()), "the memory does not hold the staged image")
        expect(shell.getvar("MarkerOld") == "cafe", "the variable is lost")
        shell.setvar("MarkerNew", "babe")
        expect(guest.power_off(shell) == 0, guest.said())
    expect(export(PATH, ROOT / "after")["code"] == newer().read_bytes(), "the container holds other code")


@case("rolled back at the next power-on: code and variables byte for byte as before")
def _():
    newer()
    holdfast("rollback", PATH, "--variables", "fallback")
    with Guest(PATH, "-M", "q35", "-S") as guest:  # applied, and not one instruction run
        guest.connect()
        expect(code_in_memory(guest, OLD.stat().st_size) == digest(OLD), "the memory does not hold the old code")
        expect(export(PATH, ROOT / "back") == STATE["before"], "code or variables differ")
        guest.qmp.execute("cont")
        shell = guest.shell()
        expect(shell.getvar("MarkerOld") == "cafe" and shell.getvar("MarkerNew") is None, "other variables")
        guest.power_off(shell)


main(DIRECTORY.cleanup)
