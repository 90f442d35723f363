# SPDX-License-Identifier: BSD-2-Clause
"""Guests with the mailbox's device in bare QEMU, and mailbox_peer at the other end of the window.

    with WindowGuest(OVMF_12) as g:
        peer = g.boot("good")               # a reset; from then on the peer behaves as its mode says
        peer.wait("loader installed")
        g.wait_booted()
"""
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import threading

import acpi_guest
from guest import OVMF, Guest, TimedOut, raw_flash
from program import BUILD, SOURCE
from tap import skip

ROM = BUILD / "efi" / "holdfast-mailbox.rom"
PEER = BUILD / "tests" / "efi" / "mailbox-peer"
SECONDS = 300  # for anything that takes a few on an idle machine


class Machine:
    """A QEMU with its firmware. The firmware's tables lie in the 64 MiB below `top`, where RAM, or its low half, ends."""

    def __init__(self, name, qemu, machine, code, variables, arch="x86_64", memory=3072, top=2 << 30):
        self.name, self.qemu, self.machine, self.arch = name, qemu, machine, arch
        self.code, self.variables, self.memory, self.top = code, variables, memory, top


def debian12():
    return Machine("Debian 12: QEMU 7.2, OVMF", "qemu-system-x86_64", "q35", *OVMF["4m"])


def debian12_arm():
    return Machine("Debian 12: QEMU 7.2, AAVMF on virt", "qemu-system-aarch64", "virt", *OVMF["aavmf"],
                   arch="aarch64", memory=256, top=0x50000000)


def _root13():
    found = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True)
    if found.returncode == 77:
        skip(found.stderr.strip().splitlines()[-1])
    return pathlib.Path(found.stdout.strip().splitlines()[-1])


def debian13():
    root = _root13()
    return Machine("Debian 13: QEMU 10.0, OVMF", str(root / "run/qemu-system-x86_64"), "q35",
                   root / "usr/share/OVMF/OVMF_CODE_4M.fd", root / "usr/share/OVMF/OVMF_VARS_4M.fd")


def debian13_arm():
    root = _root13()
    return Machine("Debian 13: QEMU 10.0, AAVMF on virt", str(root / "run/qemu-system-aarch64"), "virt",
                   root / "usr/share/AAVMF/AAVMF_CODE.fd", root / "usr/share/AAVMF/AAVMF_VARS.fd",
                   arch="aarch64", memory=256, top=0x50000000)


class Peer:
    def __init__(self, window, mode, bits=3):
        self.lines, self.changed = [], threading.Condition()
        self.process = subprocess.Popen([PEER, window, mode, str(bits)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("ready")

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.strip())
                self.changed.notify_all()
        with self.changed:
            self.lines.append("(ended)")
            self.changed.notify_all()

    def wait(self, line, seconds=SECONDS):
        with self.changed:
            if not self.changed.wait_for(lambda: line in self.lines or "(ended)" in self.lines, seconds) or \
                    line not in self.lines:
                raise TimedOut(f"the peer has not said '{line}' but {self.lines}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class WindowGuest:
    def __init__(self, machine, *more, rom=ROM, device=True):
        self.machine = machine
        self.directory = tempfile.TemporaryDirectory(prefix="holdfast-efi-")
        path = pathlib.Path(self.directory.name)
        self.window, self.peer = path / "window", None
        shutil.copy(machine.variables, path / "vars.fd")
        self.window.write_bytes(bytes(1 << 20))
        words = ["-M", machine.machine + (",memory-backend=ram" if device else ""),
                 *raw_flash(machine.code, path / "vars.fd"), "-S"]
        if device:
            words += ["-object", f"memory-backend-ram,id=ram,size={machine.memory}M",
                      "-object", f"memory-backend-file,id=window,mem-path={self.window},size=1M,share=on",
                      "-device", f"ivshmem-plain,memdev=window,master=on,romfile={rom or ''}"]
        self.guest = Guest(None, *words, *more, bare=True, qemu=machine.qemu, arch=machine.arch,
                           memory=str(machine.memory))
        self.guest.connect()
        self.fresh = True

    def boot(self, mode, bits=3):
        """A reset (the first time: the power-on), the window clear, another peer."""
        qmp = self.guest.qmp
        if not self.fresh:
            qmp.execute("stop")
        if self.peer:
            self.peer.close()
        with open(self.window, "r+b") as f:
            f.write(bytes(1 << 20))
        self.peer = Peer(self.window, mode, bits)
        self.start = len(self.guest.serial.data)
        if not self.fresh:
            qmp.execute("system_reset")
        self.fresh = False
        qmp.execute("cont")
        return self.peer

    def wait_booted(self):
        """The firmware did not hang in the driver."""
        self.guest.wait_text("UEFI Interactive Shell", SECONDS, self.start)

    def read(self, address, size):
        file = pathlib.Path(self.directory.name) / "memory"
        self.guest.qmp.execute("pmemsave", val=address, size=size, filename=str(file))
        data = file.read_bytes()
        file.unlink()
        return data

    def tables(self):
        """{signature: [bytes]} of what an operating system would find."""
        base = self.machine.top - (64 << 20)
        found = {}
        for signature, _, table in acpi_guest.tables_anywhere(self.read(base, 64 << 20), base)[0].found:
            found.setdefault(signature, []).append(table)
        return found

    def word(self, offset):
        """A 32-bit word of the window."""
        return struct.unpack_from("<I", self.window.read_bytes(), offset)[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.peer:
            self.peer.close()
        self.guest.close()
        self.directory.cleanup()
