# SPDX-License-Identifier: BSD-2-Clause
"""A QEMU guest whose firmware reads ACPI files: what it was given, and what it made of it.

qtest attached to a guest that runs reads the fw_cfg files that its firmware read; `pmemsave` shows its memory.
"""
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import time

import debian_firmware
from guest import raw_flash

DEBIAN12 = {"qemu": "/usr/bin/qemu-system-x86_64", "arm": "/usr/bin/qemu-system-aarch64", "root": debian_firmware.SHARE.parents[1]}


def debian13(source):
    """The same for Debian 13, or the reason why not."""
    got = subprocess.run([source / "tests" / "lib" / "debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True)
    if got.returncode:
        return got.stderr.strip().splitlines()[-1]
    root = pathlib.Path(got.stdout.strip())
    return {"qemu": str(root / "run/qemu-system-x86_64"), "arm": str(root / "run/qemu-system-aarch64"), "root": root}


SEABIOS_DONE = [b"No bootable device", b"Booting from"]
OVMF_DONE = [b"Shell>", b"UEFI Interactive Shell", b"BdsDxe: failed to load"]


def ovmf(host, directory):
    """Arguments for OVMF with fresh variables."""
    variables = pathlib.Path(directory) / "vars.fd"
    shutil.copy(host["root"] / "usr/share/OVMF/OVMF_VARS_4M.fd", variables)
    return raw_flash(host["root"] / "usr/share/OVMF/OVMF_CODE_4M.fd", variables)


def aavmf(directory):
    variables = pathlib.Path(directory) / "vars.fd"
    shutil.copy(debian_firmware.AAVMF / "AAVMF_VARS.fd", variables)
    return [*raw_flash(debian_firmware.AAVMF / "AAVMF_CODE.fd", variables), "-cpu", "cortex-a57"]


class Guest:
    """One QEMU. `arguments` hold the machine; monitors and consoles are added here."""

    def __init__(self, program, directory, arguments, arm=False):
        self.directory, self.arm = pathlib.Path(directory), arm
        self.console, self.serial = self.directory / "debug.log", self.directory / "serial.log"
        command = [program, "-nodefaults", "-display", "none", "-m", "256", "-accel", "tcg", *arguments,
                   "-qmp", f"unix:{self.directory}/qmp,server=on,wait=off",
                   "-qtest", f"unix:{self.directory}/qtest,server=on,wait=off", "-qtest-log", "/dev/null",
                   "-serial", f"file:{self.serial}"]
        if not arm and not any("microvm" in str(a) for a in arguments):
            command += ["-debugcon", f"file:{self.console}", "-global", "isa-debugcon.iobase=0x402"]
        self.log = open(self.directory / "qemu.log", "wb")
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        self.qmp_socket, self.qtest_socket = self._connect("qmp"), self._connect("qtest")
        self.lines = self.qmp_socket.makefile("r")
        json.loads(self.lines.readline())
        self.qmp("qmp_capabilities")

    def _connect(self, name):
        end = time.monotonic() + 120
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(str(self.directory / name))
                return s
            except OSError:
                s.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError("QEMU did not start:\n" + (self.directory / "qemu.log").read_text())
                time.sleep(0.02)

    def qmp(self, command, **arguments):
        self.qmp_socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")

    def qtest(self, text):
        self.qtest_socket.sendall(text.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.qtest_socket.recv(1 << 20)
            if not part:
                raise AssertionError("QEMU closed the qtest socket")
            answer += part
        words = answer.decode().split()
        if words[0] != "OK":
            raise AssertionError(f"qtest: {text}: {answer}")
        return words[1] if len(words) > 1 else ""

    def wait_for(self, words, seconds=240):
        """Until one of the words stands on the debug console or the serial port."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seen = b"".join(p.read_bytes() for p in (self.console, self.serial) if p.exists())
            if any(w in seen for w in words):
                return seen
            if self.process.poll() is not None:
                raise AssertionError("QEMU ended:\n" + (self.directory / "qemu.log").read_text())
            time.sleep(0.1)
        raise AssertionError(f"none of {words} within {seconds} s; the end of what was seen:\n{seen[-2000:]}")

    def memory(self, address=0, size=256 << 20):
        file = self.directory / "memory"
        self.qmp("pmemsave", val=address, size=size, filename=str(file))
        data = file.read_bytes()
        file.unlink()
        return data

    def close(self):
        self.process.kill()
        self.process.wait()
        for s in (self.lines, self.qmp_socket, self.qtest_socket, self.log):
            s.close()

    # fw_cfg by DMA, with the guest stopped and its memory already saved: the scratch page is overwritten.

    def _dma(self, key, size):
        """Selects `key` and reads `size` bytes from its beginning."""
        scratch = (0x40000000 if self.arm else 0) + 0x400000
        self.qtest(f"write {scratch:#x} 16 0x" + struct.pack(">IIQ", key << 16 | 0xa, size, scratch + 16).hex())
        swapped = struct.unpack("<I", struct.pack(">I", scratch))[0]
        if self.arm:
            self.qtest(f"writel 0x9020010 0")
            self.qtest(f"writel 0x9020014 {swapped:#x}")
        else:
            self.qtest("outl 0x514 0")
            self.qtest(f"outl 0x518 {swapped:#x}")
        done = self.qtest(f"read {scratch:#x} 4")
        if int(done, 16):
            raise AssertionError(f"fw_cfg DMA of key {key:#x}: {done}")
        return bytes.fromhex(self.qtest(f"read {scratch + 16:#x} {size}")[2:])

    def files(self):
        """{name: bytes} of every file that has to do with ACPI, in directory order."""
        count = struct.unpack(">I", self._dma(0x19, 4))[0]
        rows = self._dma(0x19, 4 + 64 * count)[4:]
        found = {}
        for i in range(count):
            size, key, _, name = struct.unpack(">IHH56s", rows[64 * i:64 * i + 64])
            name = name.split(b"\0")[0].decode()
            if size and size <= 0x200000 and not name.startswith(("genroms/", "vgaroms/", "etc/boot/")):
                found[name] = self._dma(key, size)
        return found


def dump(files, directory):
    """Writes {name: bytes} as `holdfast acpi` reads them."""
    for name, data in files.items():
        path = pathlib.Path(directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


ALLOCATE, ADD_POINTER, ADD_CHECKSUM, WRITE_POINTER = 1, 2, 3, 4


def commands(script):
    """The script, decoded independently of the library: tuples that begin with the command."""
    found = []
    for at in range(0, len(script) - 127, 128):
        r = script[at:at + 128]
        command = struct.unpack("<I", r[:4])[0]
        first, second = (r[4:60].split(b"\0")[0].decode(), r[60:116].split(b"\0")[0].decode(errors="replace"))
        if command == ALLOCATE:
            found.append((command, first, *struct.unpack("<IB", r[60:65])))
        elif command == ADD_POINTER:
            found.append((command, first, second, *struct.unpack("<IB", r[116:121])))
        elif command == ADD_CHECKSUM:
            found.append((command, first, *struct.unpack("<III", r[60:72])))
        elif command == WRITE_POINTER:
            found.append((command, first, second, *struct.unpack("<IIB", r[116:125])))
        elif command:
            found.append((command,))
    return found


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "little")


def rsdp_at(memory, at):
    """Is there a valid RSDP?"""
    if memory[at:at + 8] != b"RSD PTR ":
        return False
    length = number(memory, at + 20, 4) if memory[at + 15] > 1 else 20
    return 20 <= length <= 4096 and sum(memory[at:at + length]) % 256 == 0


class Tables:
    """What an operating system finds in a guest's memory; `base` is the address of the memory's first byte."""

    def __init__(self, memory, root, base=0):
        self.memory, self.base, self.found = memory, base, []
        wide = memory[root + 15] > 1 and number(memory, root + 24, 8)
        sdt = number(memory, root + 24, 8) if wide else number(memory, root + 16, 4)
        self.list_address, self.list = sdt, self.table(sdt)
        width = 8 if wide else 4
        for at in range(36, len(self.list), width):
            address = number(self.list, at, width)
            table = self.table(address)
            self.add(address, table)
            if table[:4] == b"FACP":
                self.fadt(table)

    def table(self, address):
        at = address - self.base
        if not 0 <= at < len(self.memory) - 36:
            raise ValueError(f"a table at {address:#x}, outside of memory")
        length = number(self.memory, at + 4, 4)
        if not 36 <= length <= 1 << 20:
            raise ValueError(f"a table of {length} bytes at {address:#x}")
        return self.memory[at:at + length]

    def add(self, address, table):
        self.found.append((table[:4].decode(errors="replace"), address, table))

    def fadt(self, table):
        for wide, narrow in ((132, 36), (140, 40)):
            address = number(table, wide, 8) if len(table) >= 148 else 0
            address = address or number(table, narrow, 4)
            if address:
                self.add(address, self.table(address))


def every_root(memory):
    at = memory.find(b"RSD PTR ")
    while at >= 0:
        if at % 4 == 0 and rsdp_at(memory, at):
            yield at
        at = memory.find(b"RSD PTR ", at + 1)


def tables_anywhere(memory, base=0):
    """Candidates, best first: every RSDP whose tables all can be read, those with most tables first."""
    good = []
    for root in every_root(memory):
        try:
            good.append(Tables(memory, root, base))
        except ValueError:
            pass
    return sorted(good, key=lambda t: -len(t.found))
