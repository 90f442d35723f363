# SPDX-License-Identifier: BSD-2-Clause
"""What signals do to the programs: a reader that leaves, a limit on file sizes, a terminal that is closed."""
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess

from program import PROGRAM, SOURCE, await_end, holdfast, scratch
from serving import Serving, make
from tap import case, expect, main

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
home = scratch()
HERE = pathlib.Path(home.name)
G = make(HERE / "g.hold")


def without_reader(*args):
    """The program, with standard output and standard error going to a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        # Python's own children would have SIGPIPE ignored, which a shell's have not.
        return subprocess.Popen([PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL, stdout=writing, stderr=writing,
                                restore_signals=True)
    finally:
        os.close(writing)


@case("a verb whose reader has left has done its work and says so; one that failed keeps its status")
def _():
    for args, status in ((("show", G), 0), (("set", G, "name=left"), 0), (("show", HERE / "none.hold"), 4), (("help",), 0)):
        expect(without_reader(*args).wait(60) == status, args)
    expect(holdfast("show", G, "--json").json["guest"]["name"] == "left", "the change")
    with open("/dev/full", "wb") as full:
        holdfast("show", G, stdout=full, status=1)


@case("serve goes on without a reader of its messages, also when its server must be started again")
def _():
    path = make(HERE / "unread.hold")
    socket = HERE / "unread.sock"
    process = without_reader("serve", path, "--socket", socket)
    serving = Serving.__new__(Serving)
    serving.process, serving.socket = process, socket
    with serving.client("vars") as c:
        c.write(0x3000, b"\x12")
    first = serving.server_pid()
    serving.kill_server(first)
    with serving.client("vars") as c:
        expect(c.read(0x3000, 1) == b"\x12", "the write before the server's death")
        expect(serving.server_pid() != first, "the server was not started again")
    process.send_signal(signal.SIGTERM)
    expect(process.wait(60) == 0, process.returncode)


@case("a limit on file sizes that the log of a served container reaches: behind and kept, then caught up")
def _():
    path = make(HERE / "limited.hold")
    with Serving(path) as s, s.client("vars") as c:
        c.write(0, b"\x01")
        c.flush()
        pid = s.server_pid()
        size = pathlib.Path(f"{path}-wal").stat().st_size
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
        page = os.urandom(4096)
        for n in range(size // 4096 + 8):
            c.write(n * 4096 % c.size, page[n % 64:] + page[:n % 64])
        s.await_warning("behind since")
        expect(s.server_pid() == pid, "the server died")
        expect(c.read(4096, 4095) == (page[1:] + page[:1])[:4095], "what was written is not served")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        s.await_warning("caught up")
        whole = c.read_all()
    holdfast("export", path, HERE / "limited")
    expect((HERE / "limited" / "vars.fd").read_bytes() == whole, "the container")


def limited(*args):
    return subprocess.run([PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)))


@case("verbs that make files under a limit on file sizes fail, leave nothing, and work without the limit")
def _():
    for args in (("backup", G, HERE / "n.hold"), ("export", G, HERE / "n"), ("clone", G, HERE / "n.hold", "--uuid",
                               "b8960a51-5ffa-4f40-8e81-887af75991db"), ("vars", "export", G, HERE / "n.fd"),
                              ("create", HERE / "n.hold", "--firmware", "ovmf")):
        before = sorted(os.listdir(HERE))
        done = limited(*args)
        # SQLite does not keep errno until it is asked for it
        expect(done.returncode == 1 and ("File too large" in done.stderr or "disk I/O error" in done.stderr), (args, done))
        expect(sorted(os.listdir(HERE)) == before, (args, os.listdir(HERE)))
        holdfast(*args)
        shutil.rmtree(HERE / "n", ignore_errors=True)
        for name in ("n.hold", "n.fd"):
            (HERE / name).unlink(missing_ok=True)


@case("under nohup a closed terminal ends nothing; without it, serve ends in order")
def _():
    for wrapper, ends in ((["nohup"], False), ([], True)):
        path = make(HERE / f"hangup{ends}.hold")
        serving = Serving(path, wrapper=wrapper)
        serving.process.send_signal(signal.SIGHUP)
        if ends:
            expect(serving.process.wait(60) == 0, serving.warnings)
            continue
        with serving.client("vars") as c:
            c.write(0, b"\x01")
        serving.kill_server()
        with serving.client("vars") as c: # started again: the hangup was taken notice of before, if at all
            expect(c.read(0, 1) == b"\x01", "served")
        serving.stop()


@case("nothing but the one place changes dispositions or the mask")
def _():
    found = [str(f.relative_to(SOURCE)) for folder in ("src", "guest") for f in (SOURCE / folder).rglob("*.c")
             if re.search(r"\b(signal|sigaction|sigprocmask|pthread_sigmask|signalfd)\(", f.read_text())]
    expect(found == ["src/host/signals.c"], found)


main()
