# SPDX-License-Identifier: BSD-2-Clause
"""How an AArch64 guest's processor maps an address now: its registers come from QEMU's gdb server, its tables from memory."""
import re
import socket


class Debugger:
    """The gdb server's side of one stop of the guest; leaving lets it go on."""

    def __init__(self, qmp, path):
        qmp.execute("stop")  # or the server tells of the stop that connecting causes, between its answers
        qmp.execute("human-monitor-command", **{"command-line": f"gdbserver unix:{path},server=on,wait=off"})
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(str(path))
        self.ask("qSupported:xmlRegisters=aarch64")
        self.ask("qXfer:features:read:target.xml:0,ffb")

    def ask(self, text):
        self.socket.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())
        data = b""
        while not re.search(rb"\$[^#]*#..", data):
            more = self.socket.recv(65536)
            if not more:
                raise AssertionError(f"the gdb server is gone: {data}")
            data += more
        self.socket.sendall(b"+")
        return re.search(rb"\$([^#]*)#", data).group(1)

    def _registers(self):
        """{name: number} of the system registers; the description comes in pieces, 'm' before all but the last."""
        text, more = b"", True
        while more:
            piece = self.ask(f"qXfer:features:read:system-registers.xml:{len(text):x},ffb")
            text, more = text + piece[1:], piece[:1] == b"m"
        return {name.decode(): int(n) for name, n in re.findall(rb'name="(\w+)"[^>]*regnum="(\d+)"', text)}

    def system_registers(self, *names):
        numbers = self._registers()
        return [int.from_bytes(bytes.fromhex(self.ask(f"p{numbers[name]:x}").decode()), "little") for name in names]

    def __enter__(self):
        return self

    def __exit__(self, failed, *unused):
        if not failed:
            self.ask("D")  # with its answer: the guest goes on now, and not when the next one stops it
        self.socket.close()


def memory_types(guest, path, *addresses):
    """Of each address the byte of MAIR_EL1 that it is mapped with: 0xff write-back, 0x00 to 0x0c a device's. Once in a
    QEMU's life."""
    with Debugger(guest.guest.qmp, path) as debugger:
        table, control, types = debugger.system_registers("TTBR0_EL1", "TCR_EL1", "MAIR_EL1")
        return [_type_of(guest, a, table, control, types) for a in addresses]


def _type_of(guest, address, table, control, types):
    level = 4 - -(-(64 - (control & 63) - 12) // 9)  # 4 KiB granules, 9 bits a level
    while True:
        index = address >> (12 + 9 * (3 - level)) & 511
        entry = int.from_bytes(guest.read((table & 0xfffffffff000) + 8 * index, 8), "little")
        if not entry & 1:
            raise AssertionError(f"{address:#x} is not mapped")
        if level == 3 or not entry & 2:
            return types >> (8 * (entry >> 2 & 7)) & 0xff
        table, level = entry, level + 1


def window_address(qmp):
    """Where the firmware put BAR 2 of the mailbox's device."""
    devices = [d for bus in qmp.execute("query-pci") for d in bus["devices"]]
    device = next(d for d in devices if (d["id"]["vendor"], d["id"]["device"]) == (0x1AF4, 0x1110))
    return next(r["address"] for r in device["regions"] if r["bar"] == 2)
