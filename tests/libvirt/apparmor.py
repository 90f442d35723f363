# SPDX-License-Identifier: BSD-2-Clause
"""The line that `adopt` asks for where AppArmor confines QEMU: it parses where libvirt's profiles include it. Whether a
confined QEMU then reaches its socket is not tested here: that takes a kernel with AppArmor."""
import pathlib
import re
import shutil
import subprocess
import tempfile

from program import PROGRAM, SOURCE
from tap import case, expect, main, note, skip

ABSTRACTION = pathlib.Path("/etc/apparmor.d/abstractions/libvirt-qemu")
PROFILE = "#include <tunables/global>\nprofile libvirt-test flags=(attach_disconnected) {\n" \
          "  #include <abstractions/libvirt-qemu>\n}\n"


def wanted_line():
    """As the program has it."""
    return re.search(rb"/run/holdfast-libvirt/[^\0\n]*,", PROGRAM.read_bytes()).group(0).decode()


def parse(line):
    """What AppArmor's parser says of libvirt's abstraction with that line in its local part."""
    with tempfile.TemporaryDirectory(prefix="holdfast-apparmor-") as scratch:
        base = pathlib.Path(scratch) / "apparmor.d"
        shutil.copytree("/etc/apparmor.d", base, symlinks=True)
        local = base / "local/abstractions/libvirt-qemu"
        local.parent.mkdir(parents=True, exist_ok=True)
        with open(local, "a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
        profile = pathlib.Path(scratch) / "profile"
        profile.write_text(PROFILE)
        command = ["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--base", str(base)]
        done = subprocess.run([*command, "--preprocess", profile], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        expect(done.returncode or line in done.stdout, "libvirt's abstraction does not take the local part in")
        done = subprocess.run([*command, profile], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        note(done.stdout.strip()[:400])
        return done.returncode


@case("the line for libvirt's abstraction parses there")
def _():
    if not shutil.which("apparmor_parser") or not ABSTRACTION.exists():
        skip("needs apparmor and libvirt-daemon-system")
    expect(parse(wanted_line()) == 0, "the parser refuses it")
    expect(parse(wanted_line().replace(" rw,", " rw")) != 0, "the parser takes anything")


@case("the manual has the same line")
def _():
    text = (SOURCE / "man/holdfast-libvirt.1.scd").read_text()
    expect(wanted_line() in text.replace("\\*", "*").replace("\\_", "_"), wanted_line())


main()
