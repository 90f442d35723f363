#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a live move loses what an emulated guest stored: its memory on the source, stopped, against its memory on the
destination, complete and paused, page by page.

The guest (lost_stores.S) counts in pages at random, without pause. At QEMU's pre-switchover, when it stands still, its
memory is written to a file; once the destination has all of it and has not run, its memory too. What differs was lost:
nothing runs in between. The guest itself then goes on and says which pages no longer agree with its own table.

    held       through holdfast, `migrate --live-emulated`
    stopped    through holdfast as it is by default: the guest is stopped for the whole move
    bare       QEMU to QEMU over a socket
    slowed     bare, its stream through a relay that sleeps 0.5 ms for each 64 KiB
    single     bare, with -accel tcg,thread=single
    bare-stop  bare, the guest stopped before `migrate`

Usage: bench/lost_stores.py [--moves N] [--qemu PROGRAM] [--flush N] [--pause N] [--busy N] [KIND...]    (default: all)

--flush: counts between two loads of cr3 (256; 0: never). --busy: processes that keep the processors busy meanwhile; the
fault wants a vCPU that loses its processor. --pause: turns of an empty loop between two counts (20000); fewer pages are
written then, and passes converge sooner.
"""
import argparse
import collections
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import paired
from moving import Host
from program import PROGRAM
from relay import Relay

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MIB, COUNT = 24, 4096  # the guest's memory; in how many pages of it it counts
PAGE = 4096
BELOW, ABOVE = 0xA0000, 0x100000  # between them lie no pages of RAM alone
LIMIT_MS = 50  # QEMU's own default is 300: fewer passes
KINDS = ("held", "stopped", "bare", "slowed", "single", "bare-stop")


class Monitor:
    """QMP, by a socket at which QEMU listens."""

    def __init__(self, path, seconds=60):
        end = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
        self.socket.settimeout(120)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError(command)
            reply = json.loads(line)
            if "error" in reply:
                raise RuntimeError(f"{command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]

    def until(self, command, *wanted, seconds=300):
        end = time.monotonic() + seconds
        while True:
            status = self(command).get("status")
            if status in wanted:
                return status
            if status in ("failed", "cancelled") or time.monotonic() > end:
                raise RuntimeError(f"{command}: {status} where {wanted} was waited for")
            time.sleep(0.005)

    def close(self):
        self.file.close()
        self.socket.close()


def boot_sector(folder, pause, flush, count=COUNT):
    subprocess.run(["as", "--32", "--defsym", f"COUNT={count}", "--defsym", f"PAUSE={pause}", "--defsym", f"FLUSH={flush}", "-o", folder / "guest.o",
                    HERE / "lost_stores.S"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", folder / "guest.img",
                    folder / "guest.o"], check=True)
    os.truncate(folder / "guest.img", 1474560)
    return folder / "guest.img"


class Result:
    def __init__(self, pages, passes, mib_per_s, milliseconds):
        self.pages, self.passes, self.rate, self.milliseconds = pages, passes, mib_per_s, milliseconds


class Side:
    """What the two ways of moving have in common: a guest at `monitor`, and files for what it says and has in memory."""

    def __init__(self, folder, image, accel, memory):
        self.folder, self.hop, self.memory_mib = folder, 0, memory
        self.said = folder / "said"
        self.words = ["-M", "pc-i440fx-7.2", "-accel", accel, "-m", str(memory), "-nodefaults", "-vga", "none",
                      "-display", "none", "-drive", f"if=floppy,file={image},format=raw,readonly=on", "-boot", "a",
                      "-chardev", f"file,id=said,path={self.said},append=on", "-serial", "chardev:said"]

    def arguments(self):
        self.hop += 1
        path = self.folder / f"qmp{self.hop}"
        return [*self.words, "-qmp", f"unix:{path},server=on,wait=off"], path

    def counting(self, count=COUNT):
        """Returns when every page is in use."""
        path = self.folder / "table"
        while True:
            self.monitor("pmemsave", val=0x200000, size=4 * count, filename=str(path))
            if min(struct.unpack(f"{count}I", path.read_bytes())) > 0:
                return
            time.sleep(0.05)

    def memory(self, monitor, name):
        data = b""
        for begin, end in ((0, BELOW), (ABOVE, self.memory_mib << 20)):
            path = self.folder / name
            monitor("pmemsave", val=begin, size=end - begin, filename=str(path))
            data += path.read_bytes()
            path.unlink()
        return data

    def compare(self, here, there):
        """The addresses of pages that differ."""
        if here == there:
            return []
        places = [at for at in range(0, len(here), PAGE) if here[at:at + PAGE] != there[at:at + PAGE]]
        return [at if at < BELOW else at - BELOW + ABOVE for at in places]

    def result(self, begin, info, here, there):
        ram = info["ram"]
        return Result(self.compare(here, there), ram["dirty-sync-count"],
                      ram["transferred"] / 1048576 / max(info.get("total-time", 1), 1) * 1000, (time.monotonic() - begin) * 1000)

    def complaints(self):
        return self.said.read_bytes().count(b"L") if self.said.exists() else 0


class Bare(Side):
    def __init__(self, folder, image, qemu, kind, memory=MEMORY_MIB):
        super().__init__(folder, image, "tcg,thread=single" if kind == "single" else "tcg", memory)
        self.qemu, self.slow, self.stop = qemu, kind == "slowed", kind == "bare-stop"
        words, path = self.arguments()
        self.process = subprocess.Popen([self.qemu, *words], stdin=subprocess.DEVNULL)
        self.monitor = Monitor(path)

    def relay(self, target):
        """A socket whose stream reaches `target` more slowly."""
        listener = socket.socket(socket.AF_UNIX)
        path = self.folder / f"slow{self.hop}"
        listener.bind(str(path))
        listener.listen(1)

        def serve():
            source = listener.accept()[0]
            sink = socket.socket(socket.AF_UNIX)
            sink.connect(str(target))
            while data := source.recv(65536):
                time.sleep(0.0005)
                sink.sendall(data)
            for one in (source, sink, listener):
                one.close()
        threading.Thread(target=serve, daemon=True).start()
        return path

    def target(self):
        """A QEMU to move to, its monitor, and the socket at which it waits for the state."""
        words, path = self.arguments()
        target = subprocess.Popen([self.qemu, *words, "-S", "-incoming", "defer"], stdin=subprocess.DEVNULL)
        there, state = Monitor(path), self.folder / f"state{self.hop}"
        there("migrate-incoming", uri=f"unix:{state}")
        return target, there, state

    def become(self, target, there):
        """The guest is there now."""
        self.monitor("quit")
        self.monitor.close()
        self.process.wait(60)
        self.process, self.monitor = target, there

    def move(self):
        target, there, state = self.target()
        here = self.monitor
        here("migrate-set-capabilities", capabilities=[{"capability": "pause-before-switchover", "state": True}])
        here("migrate-set-parameters", **{"downtime-limit": LIMIT_MS})
        if self.stop:
            here("stop")
        begin = time.monotonic()
        here("migrate", uri=f"unix:{self.relay(state) if self.slow else state}")
        here.until("query-migrate", "pre-switchover")
        before = self.memory(here, "here")
        here("migrate-continue", state="pre-switchover")
        here.until("query-migrate", "completed")
        there.until("query-status", "paused")
        result = self.result(begin, here("query-migrate"), before, self.memory(there, "there"))
        there("cont")
        self.become(target, there)
        return result

    def close(self):
        self.process.kill()
        self.process.wait()


class Held(Side):
    """Through holdfast: between the two a relay holds the grant back until both memories are read."""

    def __init__(self, folder, image, qemu, kind, memory=MEMORY_MIB):
        super().__init__(folder, image, "tcg", memory)
        self.options = ["--live-emulated"] if kind == "held" else []
        self.hosts = [Host(folder / name, qemu=qemu) for name in ("a", "b")]
        here = self.hosts[0]
        here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-7.2")
        words, path = self.arguments()
        self.process = subprocess.Popen([str(PROGRAM), "run", here.container, "--qemu", qemu, "--", *words],
                                        env={**os.environ, **here.env}, stdin=subprocess.DEVNULL)
        self.monitor = Monitor(path)

    def move(self):
        here, there = self.hosts
        words, path = self.arguments()
        seen = {}
        self.monitor("migrate-set-parameters", **{"downtime-limit": LIMIT_MS})
        begin = time.monotonic()

        def watch(step):
            if step == ">GRANT":
                target = Monitor(path)
                seen["result"] = self.result(begin, self.monitor("query-migrate"), self.memory(self.monitor, "here"),
                                             self.memory(target, "there"))
                seen["monitor"] = target
        with Relay(self.folder / "relay", there.receive(), watch) as relay:
            here.holdfast("migrate", here.container, "--to", relay.where, *self.options, "--", *words, timeout=600)
        self.monitor.close()
        self.follow(seen["monitor"])
        return seen["result"]

    def follow(self, monitor):
        """The guest is with the other host now."""
        self.monitor = monitor
        self.hosts.reverse()
        self.monitor.until("query-status", "running")

    def close(self):
        for host in self.hosts:
            host.clean_up()
        self.process.wait(60)


def measure(kind, moves, asked, image):
    results, complaints, failures = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="hf-lost-", dir="/dev/shm") as place:
        side = (Held if kind in ("held", "stopped") else Bare)(pathlib.Path(place), image, asked.qemu, kind)
        try:
            side.counting()
            for _ in range(moves):
                results.append(side.move())
                time.sleep(0.2)
                one = results[-1]
                print(f"{kind} {len(results)}: {len(one.pages)} pages differ, {one.passes} passes, {one.rate:.0f} MiB/s, "
                      f"{one.milliseconds:.0f} ms", file=sys.stderr, flush=True)
            side.counting()
            complaints = side.complaints()
        except (RuntimeError, AssertionError, EOFError, OSError) as why:
            failures += 1
            print(f"{kind}: {why}", file=sys.stderr, flush=True)
        finally:
            side.close()
    return results, complaints, failures


def tell(kind, results, complaints, failures):
    lossy = [r for r in results if r.pages]
    passes = sum(r.passes for r in results)
    where = collections.Counter(f"{at:#x}" for r in lossy for at in r.pages)
    mean = statistics_of(results)
    print(f"{kind}: {len(lossy)} of {len(results)} moves differ, {sum(len(r.pages) for r in lossy)} pages; {passes} passes "
          f"({mean}); the guest complained {complaints} times; {failures} did not move"
          + (f"; most often at {where.most_common(3)}" if lossy else ""), flush=True)


def statistics_of(results):
    count = max(len(results), 1)
    return (f"{sum(r.passes for r in results) / count:.1f} a move, {sum(r.rate for r in results) / count:.0f} MiB/s, "
            f"{sum(r.milliseconds for r in results) / count:.0f} ms")


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--help", action="store_true")
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--flush", type=int, default=256)
    parser.add_argument("--pause", type=int, default=20000)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("kinds", nargs="*", default=KINDS)
    asked = parser.parse_args()
    if asked.help:
        print(__doc__)
        return
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(asked.busy)]
    with tempfile.TemporaryDirectory(prefix="hf-lost-") as folder:
        image = boot_sector(pathlib.Path(folder), asked.pause, asked.flush)
        try:
            for kind in asked.kinds:
                tell(kind, *measure(kind, asked.moves, asked, image))
        finally:
            for process in busy:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
