# SPDX-License-Identifier: BSD-2-Clause
"""Real guests: started through `holdfast run` (or bare), talked to over serial port and QMP.

    with Guest(container, "-M", "q35") as guest:      # starts; serial port and QMP are connected
        shell = guest.shell()                          # waits for the UEFI shell
        shell.setvar("Marker", "cafe")
        guest.reset(); shell = guest.shell()
        shell.run("reset -s"); guest.wait()            # 0

Everything waits with a time-out and fails with the tail of what the guest said. TCG is used throughout: where nested
KVM is there, OVMF does not always run on it.
"""
import atexit
import hashlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

import debian_firmware
from listening import end_listening
from program import PROGRAM, holdfast

MARKER_GUID = "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173"  # of the variables that tests set
SHELL_SECONDS = 300  # a boot takes ten; with twenty busy processes on two processors it was seen to take ten times as long

OVMF = {name: tuple(str(debian_firmware.SHARE / file) for file in files) for name, files in {
    "4m": ("OVMF/OVMF_CODE_4M.fd", "OVMF/OVMF_VARS_4M.fd"),
    "2m": ("OVMF/OVMF_CODE.fd", "OVMF/OVMF_VARS.fd"),
    "secboot": ("OVMF/OVMF_CODE_4M.secboot.fd", "OVMF/OVMF_VARS_4M.ms.fd"),
    "aavmf": ("AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd")}.items()}

_ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|.)")
_PROMPT = re.compile(r"(Shell|[A-Z]+\d*:\\?.*)> *$")
_COUNTDOWN = re.compile(r"Press ESC in \d seconds to skip startup.nsh or any other key to continue\.$")


class TimedOut(AssertionError):
    pass


class Stream:
    """A listening socket to which QEMU connects (again after each restart), and everything it said. Where several are
    connected (a guest that moves), the first one counts until it is gone; what the next one said meanwhile follows."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(16)
        self.peer = None
        self.waiting = {}  # connected behind the peer: what each has said
        self.data = b""
        self.heard = []  # when something was said, and by whom
        self.ended = lambda: False  # whether who should speak is gone for good
        self.changed = threading.Condition()
        self.serving = threading.Thread(target=self._serve, daemon=True)
        self.serving.start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                if self.peer:
                    self.waiting[peer] = b""
                else:
                    self.peer = peer
                self.changed.notify_all()
            threading.Thread(target=self._read, args=(peer,), daemon=True).start()

    def _leave(self, peer):
        """In the lock: the next one counts."""
        self.waiting.pop(peer, None)
        if self.peer is peer:
            self.peer = next(iter(self.waiting), None)
            self.data += self.waiting.pop(self.peer, b"")

    def _read(self, peer):
        while True:
            try:
                data = peer.recv(65536)
            except OSError:
                data = b""
            with self.changed:
                if not data:
                    self._leave(peer)
                else:
                    self.heard.append((time.monotonic(), peer))
                    if self.peer is peer:
                        self.data += data
                    else:
                        self.waiting[peer] += data
                self.changed.notify_all()
            if not data:
                return

    def send(self, data, seconds=120):
        with self.changed:
            if not self.changed.wait_for(lambda: self.peer, seconds):
                raise TimedOut(f"{self.path.name}: QEMU has not connected after {seconds} s")
            peer = self.peer
        peer.sendall(data)

    def wait_for(self, find, seconds, what):
        """Waits until find(bytes so far) is true and returns that."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                found = find(self.data)
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0 or (self.ended() and not self.peer):
                    tail = clean(self.data[-1500:])
                    when = f"after {seconds} s" if left <= 0 else "before the program ended"
                    raise TimedOut(f"{what}: not seen {when}; the last that was said:\n{tail}")
                self.changed.wait(min(left, 1.0))

    def close(self):
        end_listening(self.listener, self.serving)
        if self.peer:
            self.peer.close()


def clean(data):
    """Serial output without escape sequences."""
    return _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r", "")


class Qmp:
    """A QMP client of the test's own, beside holdfast's."""

    def __init__(self, stream):
        self.stream = stream
        self.number = 0

    def _messages(self, data):
        for line in data.split(b"\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def connect(self, seconds=120):
        start = len(self.stream.data)
        self.stream.wait_for(lambda d: b'"QMP"' in d[start:] or b'"QMP"' in d, seconds, "QMP greeting")
        self.execute("qmp_capabilities")

    def execute(self, command, seconds=60, **arguments):
        self.number += 1
        wanted = f"t{self.number}"
        text = json.dumps({"execute": command, "id": wanted, "arguments": arguments})
        start = len(self.stream.data)
        self.stream.send(text.encode() + b"\n")

        def answer(data):
            return [m for m in self._messages(data[start:]) if m.get("id") == wanted]
        reply = self.stream.wait_for(answer, seconds, f"answer to {command}")[0]
        if "error" in reply:
            raise AssertionError(f"QMP {command}: {reply['error']}")
        return reply["return"]

    def events(self, name=None):
        return [m for m in self._messages(self.stream.data) if "event" in m and name in (None, m["event"])]

    def wait_event(self, name, count=1, seconds=60):
        return self.stream.wait_for(lambda _: len(self.events(name)) >= count and self.events(name), seconds,
                                    f"event {name}")

    def status(self):
        return self.execute("query-status")["status"]


class Shell:
    """The UEFI shell on the serial port."""

    def __init__(self, serial, seconds=SHELL_SECONDS, start=0):
        self.serial = serial
        self._no_countdown(start, seconds)
        self._prompt(start, seconds)

    def _no_countdown(self, start, seconds):
        """A key ends the shell's wait of five seconds before it looks for startup.nsh."""
        def found(data):
            text = clean(data[start:])
            return _COUNTDOWN.search(text) or _PROMPT.search(text)
        if self.serial.wait_for(found, seconds, "the UEFI shell").re is _COUNTDOWN:
            self.serial.send(b" ")

    def _prompt(self, start, seconds):
        def found(data):
            text = clean(data[start:])
            return text if _PROMPT.search(text) else None
        return self.serial.wait_for(found, seconds, "the UEFI shell's prompt")

    def run(self, command, seconds=60):
        """Types a command and returns what it printed."""
        start = len(self.serial.data)
        for at in range(0, len(command), 16):  # the firmware's serial FIFO is small
            self.serial.send(command[at:at + 16].encode())
            time.sleep(0.02)
        self.serial.send(b"\r")
        return self._prompt(start, seconds)

    def tell(self, command):
        """Types a command that does not come back (reset)."""
        self.serial.send(command.encode() + b"\r")

    def setvar(self, name, value, guid=MARKER_GUID):
        """Sets a non-volatile variable; `value` is hexadecimal."""
        return self.run(f"setvar {name} -guid {guid} -bs -rt -nv ={value}")

    def getvar(self, name, guid=MARKER_GUID):
        """The variable's bytes in hexadecimal, or None."""
        text = self.run(f"setvar {name} -guid {guid}")
        found = re.search(r"- [0-9A-Fa-f]{4} Bytes\n((?:[0-9A-F]{2}[ \n])+)", text)
        return re.sub(r"\s", "", found.group(1)).lower() if found else None


class Guest:
    """`container`: a path; with bare=True there is none, and the arguments say it all. `port`: "serial" or "debugcon"."""

    def __init__(self, container, *arguments, options=(), arch="x86_64", port="serial", memory="256", env=None,
                 bare=False, qemu=None, start=True, defaults=True):
        self.directory = tempfile.TemporaryDirectory(prefix="holdfast-guest-")
        self.path = pathlib.Path(self.directory.name)
        self.serial, self.monitor = Stream(self.path / "serial"), Stream(self.path / "qmp")
        self.qmp = Qmp(self.monitor)
        self.env = {**os.environ, **(env or {})}
        chardev = ["-chardev", f"socket,id=port,path={self.serial.path}"]
        attach = {"serial": ["-serial", "chardev:port"],
                  "debugcon": ["-device", "isa-debugcon,iobase=0x402,chardev=port"]}[port]
        common = ["-display", "none", "-m", memory, *chardev, *attach, "-qmp", f"unix:{self.monitor.path}"]
        if defaults:
            common += ["-accel", "tcg", "-net", "none"]
        if arch == "aarch64":
            common += ["-cpu", "cortex-a57"]
        words = [*common, *map(str, arguments)]
        if bare:
            self.command = [qemu or f"qemu-system-{arch}", *words]
        else:
            chosen = ["--qemu", qemu] if qemu else []
            self.command = [str(PROGRAM), "run", str(container), *chosen, *map(str, options), "--", *words]
        self.process = None
        if start:
            self.start()

    def start(self):
        atexit.register(self.close)  # a case that fails leaves no guest behind
        self.errors = open(self.path / "stderr", "w+")
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=self.errors, stderr=self.errors)
        self.qmp_ready = False
        for stream in (self.serial, self.monitor):
            stream.ended = lambda: self.process.poll() is not None
        return self

    def said(self):
        """What holdfast and QEMU printed."""
        self.errors.flush()
        return (self.path / "stderr").read_text(errors="replace")

    def connect(self):
        """The test's own QMP, once."""
        if not self.qmp_ready:
            try:
                self.qmp.connect()
            except TimedOut as why:
                raise TimedOut(f"{why}\n{self.said()}") from None
            self.qmp_ready = True
        return self.qmp

    def wait_running(self, seconds=120):
        """Until it runs; whether an event that told so came before our own QMP was connected nobody knows."""
        wait_until(lambda: self.connect().status() == "running", seconds, "a running guest")

    def looked(self, seconds=120):
        """Returns when the supervisor has looked at what operators did, as it does five times a second where nothing else
        wakes it up: in its own time and not by our clock, of which it may have had little."""
        status, wakes = pathlib.Path(f"/proc/{self.process.pid}/status"), "\nvoluntary_ctxt_switches:"
        before = int(status.read_text().split(wakes)[1].split()[0])
        wait_until(lambda: int(status.read_text().split(wakes)[1].split()[0]) >= before + 6, seconds, "six looks")

    def shell(self, seconds=SHELL_SECONDS, start=0):
        try:
            return Shell(self.serial, seconds, start)
        except TimedOut as why:
            raise TimedOut(f"{why}\n{self.said()}") from None

    def wait_text(self, text, seconds=SHELL_SECONDS, start=0):
        try:
            return self.serial.wait_for(lambda d: text in clean(d[start:]), seconds, repr(text))
        except TimedOut as why:
            raise TimedOut(f"{why}\n{self.said()}") from None

    def reset(self, seconds=SHELL_SECONDS):
        """Resets over QMP and gives the shell of the next boot."""
        start = len(self.serial.data)
        self.connect().execute("system_reset")
        return self.shell(seconds, start)

    def power_off(self, shell):
        shell.tell("reset -s")
        return self.wait()

    def wait(self, seconds=180):
        """The exit status of holdfast."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"holdfast has not ended after {seconds} s\n{self.said()}") from None

    def child(self, name):
        """The pid of holdfast's child whose command begins with `name`, or None."""
        try:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except OSError:
            return None
        for pid in children:
            try:
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            if os.path.basename(command).startswith(name):
                return int(pid)
        return None

    def bank_digest(self, address, size):
        """SHA-256 of guest memory, the guest stopped for it."""
        qmp, target = self.connect(), self.path / "memory"
        running = qmp.execute("query-status")["running"]
        if running:
            qmp.execute("stop")
        qmp.execute("pmemsave", val=address, size=size, filename=str(target))
        if running:
            qmp.execute("cont")
        return hashlib.sha256(target.read_bytes()).hexdigest()

    def close(self):
        atexit.unregister(self.close)
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.serial.close()
        self.monitor.close()
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimedOut(f"{what}: not after {seconds} s")
        time.sleep(0.02)


def create(path, kind="4m", machine=None, arch=None, *more):
    """A container with Debian's firmware; `kind` is a key of OVMF above, or "seabios"."""
    arguments = ["create", path]
    if kind == "seabios":
        arguments += ["--firmware", "seabios"]
    else:
        code, variables = OVMF[kind]
        arguments += ["--firmware", code, "--vars", variables]
    if machine:
        arguments += ["--machine", machine]
    if arch:
        arguments += ["--arch", arch]
    return holdfast(*arguments, *more)


def raw_flash(code, variables):
    """QEMU's words for firmware in two raw files, without holdfast."""
    return ["-drive", f"if=pflash,format=raw,readonly=on,file={code}", "-drive", f"if=pflash,format=raw,file={variables}"]


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def export(container, directory):
    """{"code": bytes, "vars": bytes} as `export` writes them."""
    holdfast("export", container, directory)
    return {p.stem: p.read_bytes() for p in pathlib.Path(directory).glob("*.fd")}
