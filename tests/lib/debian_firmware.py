# SPDX-License-Identifier: BSD-2-Clause
"""The firmware that tests start from: Debian 12's, also on a later release, where it is unpacked into the cache. There are
cases about its 2M images, its blank AAVMF template, and upgrades from it to Debian 13's. Where it cannot be had, this
machine's own."""
import pathlib
import subprocess

from program import SOURCE

_found = subprocess.run([SOURCE / "tests" / "lib" / "debian12"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
SHARE = pathlib.Path(_found.stdout.strip() if _found.returncode == 0 else "/") / "usr" / "share"
OVMF, AAVMF, EFI_AARCH64 = SHARE / "OVMF", SHARE / "AAVMF", SHARE / "qemu-efi-aarch64"
SEABIOS = SHARE / "seabios" / "bios-256k.bin"
