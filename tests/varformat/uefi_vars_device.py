# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's own uefi-vars device (Debian 13's QEMU) as the peer of its JSON: driven through qtest as firmware drives it."""
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import uuid

from program import SOURCE, holdfast
from secure_boot_keys import STORED, VENDOR, X509, Key, esl, signed_update
from tap import case, expect, main, skip

HOME = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-uefi-vars-"))
STORE = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
OURS = uuid.UUID("4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173")
VARIABLE_PROTOCOL = uuid.UUID("ed32d533-99e6-4209-9cc0-2d72cdd998a7")  # EFI_SMM_VARIABLE_PROTOCOL
REGISTERS, BUFFER, SIZE = 0xFEF10000, 0x100000, 0x10000  # hw/uefi/var-service-api.h
GET, SET, DMA = 1, 3, 2
NV_BS_RT = 7


class Device:
    """A machine that never runs, whose device answers over qtest."""

    def __init__(self, jsonfile):
        done = subprocess.run([SOURCE / "tests/lib/debian13"], capture_output=True, text=True)
        if done.returncode:
            skip("Debian 13's QEMU is not here")
        path = HOME / "qtest.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            self.process = subprocess.Popen(
                [pathlib.Path(done.stdout.strip()) / "run/qemu-system-x86_64", "-M", "q35,accel=tcg", "-m", "64", "-S",
                 "-nodefaults", "-display", "none", "-qtest", f"unix:{path}", "-qtest-log", "/dev/null",
                 "-device", f"uefi-vars-x64,jsonfile={jsonfile}"])
            self.lines = listener.accept()[0].makefile("rw")
        self.ask(f"writel {REGISTERS + 8:#x} {BUFFER:#x}")
        self.ask(f"writel {REGISTERS + 12:#x} 0")
        self.ask(f"writel {REGISTERS + 4:#x} {SIZE:#x}")

    def ask(self, command):
        print(command, file=self.lines, flush=True)
        answer = self.lines.readline().split()
        while answer and answer[0] == "IRQ":
            answer = self.lines.readline().split()
        expect(answer and answer[0] == "OK", (command[:80], answer))
        return answer[1] if len(answer) > 1 else None

    def call(self, function, name, vendor, attributes, data, room=0):
        """The status, the attributes and the data of the answer."""
        text = name.encode("utf-16-le") + bytes(2)
        body = struct.pack("<QQ16sQQI", function, 0, vendor.bytes_le, room or len(data), len(text), attributes) + text + data
        body += bytes(room)
        message = VARIABLE_PROTOCOL.bytes_le + struct.pack("<Q", len(body)) + body
        self.ask(f"write {BUFFER:#x} {len(message):#x} 0x{message.hex()}")
        self.ask(f"writew {REGISTERS + 2:#x} {DMA}")
        expect(int(self.ask(f"readw {REGISTERS + 2:#x}"), 0) == 0, "the device refused the message")
        answer = bytes.fromhex(self.ask(f"read {BUFFER:#x} {len(message):#x}")[2:])[24:]
        _, status, _, size, name_size, found = struct.unpack_from("<QQ16sQQI", answer)
        at = struct.calcsize("<QQ16sQQI") + name_size
        return status, found, answer[at:at + size]

    def set(self, name, vendor, attributes, data):
        status, _, _ = self.call(SET, name, vendor, attributes, data)
        expect(status == 0, f"{name}: status {status:#x}")

    def get(self, name, vendor):
        status, attributes, data = self.call(GET, name, vendor, 0, b"", room=0x4000)
        expect(status == 0, f"{name}: status {status:#x}")
        return attributes, data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def variables(path):
    return {v["name"]: v for v in holdfast("vars", "list", path, "--json", "--data", "--reveal").json["variables"]}


@case("what the device writes is read whole: data, attributes, times, who may change a variable")
def _():
    path, key = HOME / "its.json", Key(HOME, "own")
    path.write_bytes(b"")
    lists = esl(X509, [key.bytes])
    with Device(path) as device:
        device.set("Plain", OURS, NV_BS_RT, b"\1\2\3")
        device.set("Volatile", OURS, NV_BS_RT & ~1, b"x")
        device.set("db", VENDOR["db"], STORED, signed_update(key, "db", lists))
        device.set("Mine", OURS, STORED, signed_update(key, "Mine", b"signed", STORED, vendor=OURS))
    its = {v["name"]: v for v in json.loads(path.read_text())["variables"]}
    found = variables(path)
    expect({"Plain", "db", "Mine"} <= set(found) and "Volatile" not in found, found)
    expect((found["Plain"]["data"], found["Plain"]["attributes"]) == ("010203", NV_BS_RT), found["Plain"])
    expect((bytes.fromhex(found["db"]["data"]), found["db"]["attributes"]) == (lists, STORED), found["db"])
    expect(found["db"]["time"] == found["Mine"]["time"] == "2010-03-06 19:17:21", found)
    bank, back = HOME / "bank.fd", HOME / "back.json"
    holdfast("vars", "export", path, bank, "--layout", "4m")
    holdfast("vars", "export", bank, back, "--format", "qemu", "--accept-loss")
    again = {v["name"]: v for v in json.loads(back.read_text())["variables"]}
    expect(again["Mine"]["digest"] == its["Mine"]["digest"], "who may change it is lost on the way through a bank")
    with Device(back) as device:
        expect(device.get("Mine", OURS) == (STORED, b"signed"), "the device reads another value")
        refused, _, _ = device.call(SET, "Mine", OURS, STORED, signed_update(Key(HOME, "other"), "Mine", b"no", STORED,
                                                                          vendor=OURS))
        expect(refused != 0, "another key changes the variable")
        later = struct.pack("<H", 2030) + bytes([1, 1]) + bytes(12)
        device.set("Mine", OURS, STORED, signed_update(key, "Mine", b"new", STORED, time=later, vendor=OURS))


@case("the device takes Debian's store as we export it, and its keys once they are updated")
def _():
    if not STORE.exists():
        skip(f"{STORE} is not installed")
    path = HOME / "ours.json"
    holdfast("vars", "export", STORE, path, "--format", "qemu", "--accept-loss")
    ours = variables(path)
    with Device(path) as device:
        for name in "PK", "KEK", "db", "dbx":
            expect(device.get(name, VENDOR[name]) == (0x27, bytes.fromhex(ours[name]["data"])), name)
        device.set("Plain", OURS, NV_BS_RT, b"\5")  # so that the file is its own
    expect(variables(path)["Plain"]["data"] == "05" and variables(path)["db"] == ours["db"], "its own file")
    holdfast("keys", "update", path, "--set", "microsoft", "--in-place")
    expect(holdfast("keys", "show", path, "--json").json["verdict"] == "current", "not updated")
    updated = variables(path)
    with Device(path) as device:
        for name in "KEK", "db":
            expect(device.get(name, VENDOR[name]) == (0x27, bytes.fromhex(updated[name]["data"])), name)


main(cleanup=lambda: shutil.rmtree(HOME, ignore_errors=True))
