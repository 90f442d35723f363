#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The main job, shown on real QEMU and real OVMF: a guest keeps its firmware, takes an upgrade, and rolls it back.

`./quickstart` runs it. Everything happens in a directory of its own; the host's firmware files are copied there first,
so that one of them can be replaced without touching this machine.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lib"))
os.environ.setdefault("HOLDFAST_SOURCE_ROOT", str(ROOT))
os.environ.setdefault("HOLDFAST_BUILD_ROOT", str(ROOT / "build"))

from guest import Guest  # noqa: E402  (the build's place must be known first)
from program import PROGRAM  # noqa: E402

DISTRIBUTION = pathlib.Path("/usr/share/OVMF")
FLASH_END = 1 << 32
START = time.monotonic()
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def step(words):
    print(f"\n{BOLD}[{time.monotonic() - START:3.0f} s] {words}{PLAIN}", flush=True)


def saw(words):
    print(f"      {words}", flush=True)


def check(condition, words):
    saw(("yes: " if condition else "NO:  ") + words)
    if not condition:
        sys.exit("The tour did not see what it should have seen. Please report this output.")


def holdfast(*words):
    """Runs the program in sight of the reader."""
    print(f"    $ holdfast {' '.join(map(str, words))}", flush=True)
    done = subprocess.run([PROGRAM, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in done.stdout.splitlines():
        saw(line)
    if done.returncode:
        sys.exit(f"exit status {done.returncode}")


def digest(data):
    return hashlib.sha256(data).hexdigest()


def boot(container, look):
    """Boots the guest to its UEFI shell, calls look(guest, shell), and powers it off from inside."""
    print(f"    $ holdfast run {container.name} -- -m 256 -display none ...", flush=True)
    with Guest(container, "-M", "q35") as guest:
        shell = guest.shell()
        look(guest, shell)
        guest.power_off(shell)


def runs(guest, image):
    """Whether the flash that the running guest executes from holds exactly these bytes."""
    return guest.bank_digest(FLASH_END - len(image), len(image)) == digest(image)


def exported(container, where):
    shutil.rmtree(where, ignore_errors=True)
    subprocess.run([PROGRAM, "export", container, where], check=True, stdout=subprocess.DEVNULL)
    return (where / "code.fd").read_bytes(), (where / "vars.fd").read_bytes()


def images(host):
    """The old code, its variables, the new code, what is said of the upgrade, and of the variables. Copies in `host`."""
    old, variables, new = (DISTRIBUTION / name for name in ("OVMF_CODE.fd", "OVMF_VARS.fd", "OVMF_CODE_4M.fd"))
    if old.exists():
        words, carried = "a 4 MB build, whose variables have another layout.", ", converted to the new layout"
    else:  # Debian 13 and later have no 2 MB build
        old, variables, carried = new, DISTRIBUTION / "OVMF_VARS_4M.fd", ""
        words = "the same build with other padding (no 2 MB build is here, so this tour converts no variables)."
    made = [pathlib.Path(shutil.copy(file, host)) for file in (old, variables, new)]
    if old == new:
        made[2] = host / "OVMF_CODE_4M.new.fd"
        code = bytearray(old.read_bytes())
        padding = code.rindex(b"\xff" * 64) + 16
        code[padding:padding + 11] = b"another one"
        made[2].write_bytes(code)
    return *made, words, carried


def tour(here):
    for name in ("runtime", "state"):
        (here / name).mkdir(mode=0o700)
        os.environ[f"HOLDFAST_{name.upper()}_DIR"] = str(here / name)
    host, vm = here / "host", here / "vm.hold"
    host.mkdir()
    old, variables, new, words, carried = images(host)
    first, second = old.read_bytes(), new.read_bytes()

    step("A guest gets a container: its firmware and its variables in one file of its own.")
    os.chdir(here)
    holdfast("create", "vm.hold", "--firmware", f"host/{old.name}", "--vars", f"host/{variables.name}", "--machine", "q35")

    step("It boots from the container to the UEFI shell. Inside, we set a variable.")

    def set_it(guest, shell):
        shell.setvar("Kept", "c0ffee")
        check(shell.getvar("Kept") == "c0ffee", "the guest's variable 'Kept' is c0ffee")
        check(runs(guest, first), f"the guest executes image {digest(first)[:16]} (its memory was read and hashed)")
    boot(vm, set_it)

    step("The host's firmware package is updated: its file now holds other bytes.")
    old.write_bytes(bytes(reversed(first)))
    saw(f"host/{old.name} is now {digest(old.read_bytes())[:16]}")

    def unchanged(guest, shell):
        check(runs(guest, first), f"after a power cycle the guest still executes {digest(first)[:16]}")
        check(shell.getvar("Kept") == "c0ffee", "and its variable is there")
    boot(vm, unchanged)
    before = exported(vm, here / "before")

    step(f"An upgrade on purpose: {words}")
    holdfast("stage", "vm.hold", f"host/{new.name}")

    def upgraded(guest, shell):
        check(runs(guest, second), f"the guest now executes image {digest(second)[:16]}")
        check(shell.getvar("Kept") == "c0ffee", "its variable came along" + carried)
        shell.setvar("Kept", "0ddba1")
    boot(vm, upgraded)

    step("And back, with the variables that belong to the old firmware.")
    holdfast("rollback", "vm.hold", "--variables", "fallback")

    def back(guest, shell):
        check(runs(guest, first), f"the guest executes {digest(first)[:16]} again")
        check(shell.getvar("Kept") == "c0ffee", "and 'Kept' is c0ffee again")
    boot(vm, back)
    check(exported(vm, here / "after")[0] == before[0], "the code is byte for byte what it was")

    step("What happened, as the container tells it:")
    holdfast("log", "vm.hold")
    step("Done. `holdfast help` lists what else there is; README.md says how to use it with libvirt.")


def main():
    with tempfile.TemporaryDirectory(prefix="holdfast-tour-") as directory:
        tour(pathlib.Path(directory))
        os.chdir("/")


main()
