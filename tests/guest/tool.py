# SPDX-License-Identifier: BSD-2-Clause
"""holdfast-guest without a machine: a window in a file, and a host's half here that replies what a case wants."""
import base64
import hashlib
import json
import mmap
import os
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
STATUS, CONFIRM, ROLLBACK, BEGIN, PIECE_OF, END, FORGET, KEYS = range(1, 9)
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
        self.label, self.keys, self.staged = b"Debian's OVMF", 0, bytes(32)
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
            reply += struct.pack("<I", self.keys)
            reply = reply.ljust(60, b"\0") + b"\x11" * 32 + self.staged + self.label.ljust(64, b"\0") + bytes(64)
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
                   "boots": {"started": 2, "failed": 1, "limit": 3},
                   "keys": {"staged": False, "allowed": False, "offered": False}}, now)
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


GLOBAL, SECURITY = "8be4df61-93ca-11d2-aa0d-00e098032b8c", "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
CERTIFICATES = SOURCE / "data" / "certificates"


def der(name):
    text = (CERTIFICATES / f"{name}.pem").read_text()
    return base64.b64decode("".join(text.split("-----")[2].split()))


def signatures(kind, *entries):
    each = 16 + len(entries[0])
    return kind + struct.pack("<III", 28 + each * len(entries), 0, each) + b"".join(bytes(16) + e for e in entries)


def efivars(name, **variables):
    """A directory as efivarfs shows it."""
    directory = ROOT / name
    directory.mkdir()
    for variable, data in {"SecureBoot": b"\1", "SetupMode": b"\0", **variables}.items():
        vendor = SECURITY if variable in ("db", "dbx") else GLOBAL
        if data is not None:
            (directory / f"{variable}-{vendor}").write_bytes(struct.pack("<I", 0x27) + data)
    return directory


def typical(name, **variables):
    return efivars(name, **{"PK": signatures(X509, der("ms-oem-pk-2023")),
                            "KEK": signatures(X509, der("ms-kek-2011")) + signatures(X509, der("ms-kek-2023")),
                            "db": signatures(X509, der("windows-2011")), "dbx": signatures(SHA256, *[bytes([i]) * 32 for i in range(9)]),
                            **variables})


@case("keys: each certificate with its owner, its day of expiry and its digest, the number of digests, and what the host has")
def _():
    directory, host = typical("typical"), Host("keys", yes)
    said = host.tool("keys", "--efivars", directory)
    for words in ("Secure Boot on", "PK          Windows OEM Devices PK, valid until 2038-09-18\n",
                  "KEK         Microsoft Corporation KEK CA 2011, valid until 2026-06-24 (expired)\n",
                  "KEK         Microsoft Corporation KEK 2K CA 2023, valid until 2038-03-02\n",
                  "db          Microsoft Windows Production PCA 2011, valid until 2026-10-19 (expired)\n",
                  "dbx         programs that are forbidden by digest: 9\n", "still verifies", "no update: the owner allows none"):
        expect(words in said.out, said)
    report = host.tool("keys", "--efivars", directory, "--json").json
    expect(report["KEK"]["certificates"] == [
        {"readable": True, "sha256": hashlib.sha256(der(f"ms-kek-{year}")).hexdigest(), "subject": subject, "valid_until": until,
         "expired": year == 2011}
        for year, subject, until in ((2011, "Microsoft Corporation KEK CA 2011", "2026-06-24"),
                                     (2023, "Microsoft Corporation KEK 2K CA 2023", "2038-03-02"))], report["KEK"])
    expect(report["secure_boot"] is True and report["setup_mode"] is False and report["dbx"]["digests"] == 9, report)
    expect(report["host"] == {"staged": False, "allowed": False, "offered": False}, report["host"])
    expect(host.orders == [(STATUS, 0, 0, 0, 0)] * 2, host.orders)
    for keys, words in ((2, "or a rule forbids them"), (6, "an update is offered"), (3, "keys are staged")):
        host.keys = keys
        expect(words in host.tool("keys", "--efivars", directory).out, f"{keys}: not '{words}'")
    host.staged = b"\x11" * 32
    expect("Staged    Secure Boot keys" in host.tool("status").out, host.tool("status"))


@case("keys are shown where the host cannot be asked, and the reason is told")
def _():
    directory = typical("alone")
    said = tool("keys", "--efivars", directory, "--device", ROOT / "nowhere")
    expect("Host        not known: " in said.out and "Windows OEM Devices PK" in said.out, said)
    report = tool("keys", "--efivars", directory, "--device", ROOT / "nowhere", "--json").json
    expect(report["host"] is None and "nowhere" in report["host_error"] and report["PK"]["present"], report)
    said = tool("keys", "--efivars", ROOT / "nowhere", status=4)
    expect("no variable SecureBoot" in said.err, said)
    said = tool("keys", "--efivars", efivars("setup", SecureBoot=b"\0", SetupMode=b"\1"))
    expect("Secure Boot off; setup mode" in said.out and "PK " not in said.out, said)


@case("keys update is one order, with the owner's word about the TPM; a no has its rule")
def _():
    host = Host("keys-update", yes)
    expect("has all of the keys" in host.tool("keys", "update").out, "nothing was staged, and not told")
    host.orders.clear()
    host.keys = 3
    expect("when this machine reboots" in host.tool("keys", "update").out, "no hint")
    host.tool("keys", "update", "--tpm-aware")
    expect([o[:2] for o in host.orders] == [(KEYS, 0), (KEYS, 1)], host.orders)
    host.answer = lambda _: (REFUSED, b"guest-keys", b"not allowed")
    said = host.tool("keys", "update", status=3)
    expect("rule 'guest-keys'" in said.err, said)


@case("keys that lie: sizes, entries, names and files that cannot be are told as that, and nothing more is read")
def _():
    good = signatures(X509, der("windows-2023"))
    cut = der("windows-2023")
    name = cut.replace(b"Windows UEFI CA 2023", b"Windows\x1b[2J\n CA 2023")
    for number, (db, words) in enumerate([
            (good[:-1], "invalid sizes"), (good + b"\0", "invalid sizes"), (good[:16] + b"\xff" * 12 + good[28:], "invalid sizes"),
            (signatures(X509, b"\x30\x84\xff\xff\xff\xff" + bytes(90)), "(not a certificate)"),
            (signatures(X509, b"\x30\x80" + bytes(90)), "(not a certificate)"),
            (signatures(X509, cut[:-1]), "(not a certificate)"), (signatures(X509, cut + b"\0"), "(not a certificate)"),
            (signatures(X509, name), "Windows?[2J? CA 2023, valid until 2035-06-13"),
            (signatures(X509, *[b"\x30"] * 300), "44 more certificates"), (b"", "Host")]):
        said = tool("keys", "--efivars", typical(f"lie-{number}", db=db), "--device", ROOT / "nowhere")
        expect(words in said.out and "\x1b" not in said.out, f"{number}: {said}")
        tool("keys", "--efivars", ROOT / f"lie-{number}", "--device", ROOT / "nowhere", "--json").json
    for position in range(0, len(cut), 7):  # every field of it, one by one
        directory = ROOT / "lie-0"
        (directory / f"db-{SECURITY}").write_bytes(bytes(4) + signatures(X509, cut[:position] + b"\xff" + cut[position + 1:]))
        tool("keys", "--efivars", directory, "--device", ROOT / "nowhere", "--json").json
    for number, contents in enumerate([b"", b"abc", bytes((1 << 20) + 1)]):
        directory = typical(f"file-{number}")
        (directory / f"dbx-{SECURITY}").write_bytes(contents)
        expect("a variable's file has" in tool("keys", "--efivars", directory, status=5).err, f"{number} was taken")
    directory = typical("fifo", dbx=None)
    os.mkfifo(directory / f"dbx-{SECURITY}")
    expect("not a regular file" in tool("keys", "--efivars", directory, status=5).err, "a pipe was read")
    said = tool("keys", "--efivars", typical("odd", SecureBoot=b"\2", SetupMode=b""), "--device", ROOT / "nowhere")
    expect("Secure Boot not known: the firmware does not say\n" in said.out, said)


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
                      ["status", "--tpm-aware"], ["keys", "--tpm-aware"], ["keys", "updat"],
                      ["keys", "update", "x"], ["keys", "update", "--efivars", "x"], ["status", "--efivars", "x"],
                      ["confirm", "--variables", "current"], ["status", "--timeout", "0"],
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
    for word in ("status", "confirm", "rollback", "update", "keys", "--variables", "--tpm-aware", "--device", "--timeout",
                 "--efivars",
                 "--json", "--help"):
        expect(word in said and f"*{word}" in page, f"{word}: not in both")


main(DIRECTORY.cleanup)
