# SPDX-License-Identifier: BSD-2-Clause
"""L7: what the guest was told is kept, in its order. The flash writes of a real OVMF are sent to `holdfast serve` while
its server is killed, the host 'crashes', and the disk is full.

HOLDFAST_LONG=1 kills the server at every single write (an hour); HOLDFAST_SEED repeats a run.
"""
import ctypes
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import flash_trace
import nbd
from points import chosen, told
from program import await_end, holdfast, scratch
from serving import OVMF_CODE, OVMF_VARS, Serving, make
from tap import case, expect, main, note, skip

home = scratch()
HERE = pathlib.Path(home.name)
LONG = bool(os.environ.get("HOLDFAST_LONG"))
SEED = int(os.environ.get("HOLDFAST_SEED", time.time_ns()))
note(f"HOLDFAST_SEED={SEED}")
SLOWED = bool(os.environ.get("HOLDFAST_SLOWED"))  # by a sanitizer, which looks for something else: fewer samples
SECTOR = flash_trace.SECTOR


def sector_hash(number, data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, salt=number.to_bytes(8, "little")).digest(), "little")


def bank_hash(bank):
    """Of a whole bank; one write changes it by two sectors' hashes, so that every moment of a trace has one cheaply."""
    value = 0
    for at in range(0, len(bank), SECTOR):
        value ^= sector_hash(at // SECTOR, bytes(bank[at:at + SECTOR]))
    return value


class Guest:
    """The trace's writer: what the guest sees after each write, and the hash of each of these moments."""

    def __init__(self):
        self.view = bytearray(OVMF_VARS.read_bytes())
        self.trace = []
        self.moments = [bank_hash(self.view)]
        view = bytearray(self.view)
        for offset, data in self.after_each(view):
            self.trace.append((offset, data))

    def after_each(self, view):
        last = {at // SECTOR: sector_hash(at // SECTOR, bytes(view[at:at + SECTOR])) for at in range(0, len(view), SECTOR)}
        value = self.moments[0]
        for offset, data in flash_trace.writes(view):
            for at in range(0, len(data), SECTOR):
                number = (offset + at) // SECTOR
                new = sector_hash(number, data[at:at + SECTOR])
                value ^= last[number] ^ new
                last[number] = new
            self.moments.append(value)
            yield offset, data

    def apply(self, index):
        offset, data = self.trace[index]
        self.view[offset:offset + len(data)] = data


exports = 0


def exported(path):
    global exports
    exports += 1
    out = HERE / f"out{exports}"
    holdfast("export", path, out)
    bank = (out / "vars.fd").read_bytes()
    shutil.rmtree(out)
    return bank


def moment_of(guest, bank, low, high):
    """Which moment of the guest's history this bank is: the latest in [low, high], or None for a bank it never had."""
    value = bank_hash(bank)
    for index in range(high, low - 1, -1):
        if guest.moments[index] == value:
            return index
    return None


@case("the server killed between any two answers: the guest's view is whole, its next write goes on")
def _():
    rnd = random.Random(SEED)
    guest = Guest()
    path = make(HERE / "killed.hold")
    count = len(guest.trace)
    tried = set(chosen(range(count), lambda every: rnd.sample(every, 20 if SLOWED else 60)))
    halves = 0
    with Serving(path) as s:
        c = s.client("vars")
        for n in range(count):
            offset, data = guest.trace[n]
            if n in tried:
                pid = s.server_pid()
                if rnd.random() < 0.5:
                    c.send(nbd.WRITE, offset, len(data), data)  # killed while it works on this one, perhaps
                    halves += 1
                s.kill_server(pid)
                c.close()
                c = s.client("vars")
                at = rnd.randrange(len(guest.view) // 4096) * 4096
                for begin in (at, offset & ~4095):
                    have = c.read(begin, 4096)
                    before = bytes(guest.view[begin:begin + 4096])
                    after = bytearray(guest.view)
                    after[offset:offset + len(data)] = data
                    expect(have in (before, bytes(after[begin:begin + 4096])), f"write {n}: page {begin:#x}")
            c.write(offset, data)  # QEMU repeats what was not answered
            guest.apply(n)
        expect(c.read_all() == guest.view, "the view at the end")
        c.close()
    expect(exported(path) == guest.view, "the container at the end")
    note(f"{halves} of the kills in mid-write, {count} writes")
    told(len(tried), "kills of the server")


@case("whatever moment the container is read at, it holds a moment of the guest's history, and never an earlier one")
def _():
    rnd = random.Random(SEED + 1)
    guest = Guest()
    path = make(HERE / "moments.hold")
    points = set(rnd.sample(range(500, len(guest.trace)), 400 if LONG else 10 if SLOWED else 40))
    last, behind = 0, []
    with Serving(path) as s, s.client("vars") as c:
        for n, (offset, data) in enumerate(guest.trace):
            c.write(offset, data)
            guest.apply(n)
            if n in points:
                found = moment_of(guest, exported(path), last, n + 1)
                expect(found is not None, f"after write {n} the container holds a bank that the guest never had")
                behind.append(n + 1 - found)
                last = found
    note(f"{len(points)} looks; behind by up to {max(behind)} writes")
    expect(exported(path) == guest.view, "the container at the end")


def crash(s, path):
    """Everything of this guest at once, and the runtime directory with it: the host went down."""
    os.kill(s.process.pid, signal.SIGSTOP)
    s.kill_server()
    s.kill()
    runtime = pathlib.Path(os.environ["HOLDFAST_RUNTIME_DIR"])
    shutil.rmtree(runtime)
    runtime.mkdir(mode=0o700)


@case("the host gone: what was flushed is there, and what follows is a moment of the guest's history")
def _():
    rnd = random.Random(SEED + 2)
    guest = Guest()
    path = make(HERE / "crash.hold")
    n, crashes, lost = 0, 0, []
    while n < len(guest.trace):
        flushed = begin = n
        s = Serving(path)
        c = s.client("vars")
        if crashes:
            expect(c.read_all() == guest.view, "what the export showed")
        for n in range(begin, min(len(guest.trace), begin + rnd.randrange(1, 60 if LONG else 3000))):
            offset, data = guest.trace[n]
            fua = rnd.random() < 0.01
            c.write(offset, data, fua=fua)
            if not fua and rnd.random() < 0.01:
                c.flush()
                fua = True
            flushed = n + 1 if fua else flushed
        n += 1
        if n == len(guest.trace):
            c.flush()
            flushed = n
        crash(s, path)
        c.close()
        crashes += 1
        bank = exported(path)
        found = moment_of(guest, bank, flushed, n)
        expect(found is not None, f"flushed {flushed}, answered {n}: the container holds neither these nor a moment between")
        lost.append(n - found)
        guest.view[:] = bank
        n = found if found < len(guest.trace) else len(guest.trace)
    note(f"{crashes} crashes; up to {max(lost)} answered writes lost with the host")


def own_file_system(place, size):
    """A small tmpfs of this test's own; the whole test program moves to a mount namespace for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(0x20000) != 0:
        skip("no right to mount a small file system here")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", place], check=True)


def fill(place):
    with open(place / "filler", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(65536))
        except OSError:
            pass
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass


@case("the disk full for a while: nothing is refused, nothing lost, nothing out of order; a flush says so")
def _():
    rnd = random.Random(SEED + 3)
    guest = Guest()
    place = HERE / "small"
    own_file_system(place, "16m")
    path = make(place / "g.hold")
    with Serving(path) as s:
        c = s.client("vars")
        step = len(guest.trace) // 4
        for n in range(len(guest.trace)):
            if n == step:
                fill(place)
            offset, data = guest.trace[n]
            c.write(offset, data)
            guest.apply(n)
            if n % 997 == 0:
                expect(c.read_all() == guest.view, f"the view after write {n}")
            if n == 2 * step:
                line = s.await_warning("behind since")
                expect("full" in line or "room" in line or "space" in line, line)
                try:
                    c.flush()
                    raise AssertionError("a flush succeeded on a full disk")
                except nbd.Error as why:
                    expect(why.number in (28, 5), why)
                shown = holdfast("show", path).out
                expect("ehind since" in shown, shown)
                found = moment_of(guest, exported(path), 0, n + 1)
                expect(found is not None, "the container holds a bank that the guest never had")
                note(f"full at write {step}; the container is at {found}")
            if n == 2 * step + 500:
                s.kill_server()
                c.close()
                c = s.client("vars")
                expect(c.read_all() == guest.view, "the view after a restart on a full disk")
            if n == 3 * step:
                (place / "filler").unlink()
                s.await_warning("caught up")
                c.flush()
                expect(exported(path) == guest.view, "the container after it caught up")
        expect(c.read_all() == guest.view, "the view at the end")
        c.close()
    expect(exported(path) == guest.view, "the container at the end")


@case("killed on a full disk and started again with room: what only the queue had is brought in")
def _():
    guest = Guest()
    place = HERE / "small2"
    own_file_system(place, "16m")
    path = make(place / "g.hold")
    s = Serving(path)
    c = s.client("vars")
    fill(place)
    for n in range(3000):
        offset, data = guest.trace[n]
        c.write(offset, data)
        guest.apply(n)
    s.await_warning("behind since")
    server = s.server_pid()
    s.kill()
    c.close()
    await_end(server)  # it may still bring its queue in when it finds room
    expect("ehind since" in holdfast("show", path).out, "show knows")
    (place / "filler").unlink()
    with Serving(path) as s, s.client("vars") as c:
        expect(c.read_all() == guest.view, "the view")
    expect(exported(path) == guest.view, "the container")
    expect("writes-recovered" in holdfast("log", path).out, "the log says what happened")


main(cleanup=lambda: [subprocess.run(["umount", "-l", HERE / name]) for name in ("small", "small2")
                      if (HERE / name).is_mount()])
