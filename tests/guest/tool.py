# SPDX-License-Identifier: BSD-2-Clause
"""holdfast-guest without a machine: a window in a file, and a host's half here that replies what a case wants."""
import hashlib
import json
import mmap
import pathlib
import struct
import subprocess
import tempfile
import threading
import time

from program import BUILD, SOURCE
from tap import case, expect, main, skip

TOOL = BUILD / "guest" / "holdfast-guest"
DIRECTORY = tempfile.TemporaryDirectory(prefix="holdfast-guest-tool-")
ROOT = pathlib.Path(DIRECTORY.name)
SIZE, ORDER, HOST, REPLY, PIECE = 1 << 20, 512, 4096, 4096 + 512, 3 << 18
STATUS, CONFIRM, ROLLBACK, BEGIN, PIECE_OF, END, FORGET = range(1, 8)
DONE, REFUSED, NOT_ALLOWED, TOO_LARGE, BAD_ORDER, NOT_THE_IMAGE, LATER, FAILED = range(1, 9)


class Host:
    """The host's half: `answer(command, flags, size, offset, length)` gives (done, rule, text) for each order."""

    def __init__(self, name, answer=None, mode=1, magic=b"HFMH"):
        self.directory = ROOT / name
        self.directory.mkdir()
        file = self.directory / "resource2"
        file.write_bytes(bytes(SIZE))
        with open(file, "r+b") as opened:
            self.window = mmap.mmap(opened.fileno(), SIZE)
        self.window[HOST:HOST + 16] = magic + struct.pack("<III", 1, 77, 0)
        self.window[REPLY + 8:REPLY + 12] = struct.pack("<I", mode)
        self.answer, self.orders, self.image, self.ending = answer, [], b"", False
        self.facts = struct.pack("<IIII", 0, 0, 0, 3)
        self.label = b"Debian's OVMF"
        if answer:
            threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        last = 0
        while not self.ending:
            number, generation, command, flags, size, offset, length = struct.unpack_from("<IIIIQQI", self.window, ORDER)
            if number == last:
                time.sleep(0.001)
                continue
            last = number
            self.orders.append((command, flags, size, offset, length))
            if command == PIECE_OF:
                self.image += self.window[PIECE:PIECE + length]
            done, rule, text = self.answer(command)
            reply = struct.pack("<III", done, 1, 1500) + struct.pack("<Q", len(self.image)) + self.facts
            reply = reply.ljust(60, b"\0") + b"\x11" * 32 + bytes(32) + self.label.ljust(64, b"\0") + bytes(64)
            reply += rule.ljust(32, b"\0") + text.ljust(224, b"\0")
            self.window[REPLY + 4:REPLY + 4 + len(reply)] = reply
            self.window[REPLY:REPLY + 4] = struct.pack("<I", number)

    def tool(self, *arguments, status=0, **more):
        return tool("--device", self.directory, *arguments, status=status, **more)


class Ran:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.status}\n{self.out}{self.err}"


def tool(*arguments, status=0):
    done = Ran(subprocess.run([TOOL, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60))
    expect(done.status == status, f"wanted exit status {status}: {done}")
    return done


def yes(_):
    return DONE, b"", b""


@case("it is one static file")
def _():
    said = subprocess.run(["readelf", "-d", TOOL], capture_output=True, text=True)
    if said.returncode:
        skip("readelf is not there")
    expect("NEEDED" not in said.stdout, said.stdout)


@case("status tells firmware, trial and what is staged, for people and as JSON")
def _():
    host = Host("status", yes)
    host.facts = struct.pack("<IIII", 2, 2, 1, 3)
    said = host.tool("status").out
    expect("Debian's OVMF" in said and "11" * 32 in said and "boot 2, 1 of at most 3 failed" in said, said)
    now = host.tool("status", "--json").json
    expect(now == {"schema": 1, "verb": "status", "state": "trial", "staged": None,
                   "active": {"sha256": "11" * 32, "label": "Debian's OVMF"},
                   "boots": {"started": 2, "failed": 1, "limit": 3}}, now)
    expect(host.orders == [(STATUS, 0, 0, 0, 0)] * 2, host.orders)


@case("confirm and rollback are given as such, with the variables that were chosen")
def _():
    host = Host("orders", yes)
    host.tool("confirm")
    host.tool("rollback")
    host.tool("rollback", "--variables", "fallback")
    host.tool("rollback", "--variables=current")
    expect([o[:2] for o in host.orders] == [(CONFIRM, 0), (ROLLBACK, 0), (ROLLBACK, 2), (ROLLBACK, 4)], host.orders)


@case("an image arrives as it is, in pieces, announced with its digest")
def _():
    for size in (1, 63, 64, 55, 56, 119, (1 << 18) + 1, 3 << 18):
        host, image = Host(f"image-{size}", yes), bytes(i * 7 % 251 for i in range(size))
        file = ROOT / "image.fd"
        file.write_bytes(image)
        said = host.tool("update", file, "--tpm-aware").out
        expect("reboots" in said, said)
        expect(host.image == image, f"{size} bytes arrived otherwise")
        expect(host.orders[0] == (BEGIN, 1, size, 0, 0) and host.orders[-1][0] == END, host.orders)
        announced = host.window[ORDER + 36:ORDER + 68]  # of END: cleared; so BEGIN's is looked at below
        expect(announced == bytes(32), announced)


@case("the digest that is announced is the image's SHA-256")
def _():
    seen = []
    for size in (0, 1, 55, 56, 63, 64, 65, 1000, 100000):
        image = bytes(i * 13 % 256 for i in range(size + 1))
        host = Host(f"digest-{size}")
        host.answer = lambda command: (NOT_ALLOWED, b"", b"")
        threading.Thread(target=host._serve, daemon=True).start()
        file = ROOT / "image.fd"
        file.write_bytes(image)
        host.tool("update", file, status=3)
        seen.append(bytes(host.window[ORDER + 36:ORDER + 68]) == hashlib.sha256(image).digest())
    expect(all(seen), seen)


@case("every no of the host has its reason, its remedy and its exit status")
def _():
    file = ROOT / "image.fd"
    file.write_bytes(bytes(100))
    for number, (done, rule, text, status, words) in enumerate([
            (REFUSED, b"pair", b"the variables do not fit", 3, ["rule 'pair'", "the variables do not fit"]),
            (NOT_ALLOWED, b"", b"", 3, ["guest-update=", "rule 'guest-update'"]),
            (TOO_LARGE, b"", b"at most 1966080 bytes", 3, ["too large", "1966080", "rule 'size'"]),
            (LATER, b"", b"", 3, ["again in 2 s", "rule 'rate'"]),
            (NOT_THE_IMAGE, b"", b"", 5, ["damaged on the way"]),
            (FAILED, b"", b"no room", 1, ["no room"]),
            (BAD_ORDER, b"", b"", 1, ["refused the request"])]):
        host = Host(f"no-{number}", lambda _, d=done, r=rule, t=text: (d, r, t))
        said = host.tool("update", file, status=status)
        expect(all(w in said.err for w in words) and not said.out, said)
        error = host.tool("update", file, "--json", status=status).json["error"]
        expect(error["status"] == status, error)


@case("the host's texts are not believed: no control character gets through")
def _():
    host = Host("rude", lambda _: (REFUSED, b"\x1b[2J", b"a\x07b\nc" + b"\xff" * 219))
    said = host.tool("confirm", status=3)
    expect("\x1b" not in said.err and "\x07" not in said.err and said.err.count("\n") == 1, repr(said.err))
    host.answer, host.label = yes, b"\x1b]0;title\x07" + b"x" * 60
    said = host.tool("status")
    expect("?]0;title?" in said.out and "\x1b" not in said.out and "\x07" not in said.out, repr(said.out))
    expect(host.tool("status", "--json").json["active"]["label"].startswith("\x1b]0;"), "the JSON does not have it")
    host.answer = lambda _: (99, b"", b"")
    expect("invalid reply" in host.tool("status", status=1).err, "nonsense was understood")


@case("no window, a stranger's, one that nobody answers, one for the boot alone: each is said as what it is")
def _():
    expect("no such" in tool("status", "--device", ROOT / "nowhere", status=4).err.lower(), "nothing was found")
    expect("--mailbox" in tool("status", status=4).err or pathlib.Path("/sys/bus/pci").exists(), "no remedy")
    expect("no holdfast" in Host("stranger", magic=b"\0\0\0\0").tool("status", status=4).err, "a stranger was believed")
    small = ROOT / "small"
    small.mkdir()
    (small / "resource2").write_bytes(bytes(4096))
    expect("not a mailbox" in tool("status", "--device", small, status=4).err, "a small BAR was taken")
    said = Host("silent").tool("confirm", "--timeout", 1, status=1)
    expect("timed out after 1 s" in said.err, said)
    said = Host("boot", mode=2).tool("status", status=3)
    expect("rule 'boot-only'" in said.err and "mailbox=always" in said.err, said)


@case("one tool at a time")
def _():
    host = Host("busy")
    with subprocess.Popen([TOOL, "--device", host.directory, "status", "--timeout", "20"], stderr=subprocess.PIPE) as first:
        while not struct.unpack_from("<I", host.window, ORDER)[0]:
            time.sleep(0.01)
        expect("another holdfast-guest" in host.tool("status", status=6).err, "two at once")
        first.kill()


@case("wrong usage is said before anything is touched")
def _():
    for arguments in ([], ["frobnicate"], ["status", "x"], ["update"], ["update", "a", "b"], ["--frob", "status"],
                      ["status", "--tpm-aware"], ["confirm", "--variables", "current"], ["status", "--timeout", "0"],
                      ["status", "--timeout", "1x"], ["rollback", "--variables", "both"], ["-x"], ["--tpm-aware=1"]):
        expect(tool(*arguments, status=2).err, "nothing was said")
        said = tool(*arguments, "--json", status=2)
        expect(said.json["error"]["status"] == 2 and said.err.count("\n") == 1, said)
    huge = ROOT / "huge.fd"
    with open(huge, "wb") as file:
        file.truncate((64 << 20) + 1)
    said = Host("huge", yes).tool("update", huge, status=3)
    expect("rule 'size'" in said.err, said)
    Host("missing", yes).tool("update", ROOT / "missing.fd", status=4)


@case("the man page and --help name the same verbs, options and exit statuses")
def _():
    said, page = tool("--help").out, (SOURCE / "man" / "holdfast-guest.1.scd").read_text()
    for word in ("status", "confirm", "rollback", "update", "--variables", "--tpm-aware", "--device", "--timeout",
                 "--json", "--help"):
        expect(word in said and f"*{word}" in page, f"{word}: not in both")


main(DIRECTORY.cleanup)
