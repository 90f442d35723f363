# SPDX-License-Identifier: BSD-2-Clause
"""What a client of `holdfast serve` meets."""
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import nbd
from program import BUILD, alive, await_end, holdfast, scratch
from serving import AAVMF_CODE, AAVMF_VARS, OVMF_CODE, OVMF_VARS, Serving, make, sanitizer_environment
from tap import case, expect, main, note, skip

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
home = scratch()
HERE = pathlib.Path(home.name)
G = make(HERE / "g.hold")
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
HERE_LIB = pathlib.Path(nbd.__file__).parent
CODE, VARS = OVMF_CODE.read_bytes(), OVMF_VARS.read_bytes()
shared = Serving(G)


def refused(action, kind=(nbd.Error, nbd.Refused, ConnectionError)):
    try:
        action()
    except kind as why:
        return why
    raise AssertionError("it was not refused")


@case("there are two exports, and no default one")
def _():
    expect(nbd.exports(shared.socket) == ["code", "vars"], nbd.exports(shared.socket))
    for name in ("", "x", "CODE", "vars/", "a" * 3000):
        refused(lambda: nbd.Client(shared.socket, name))
    expect(shared.said["code"] == f"nbd+unix:///code?socket={shared.socket}", shared.said)
    info = subprocess.run(["nbdinfo", "--size", shared.said["vars"]], stdout=subprocess.PIPE, text=True)
    expect(info.stdout.strip() == str(len(VARS)), info)


@case("block sizes are 1, 4096 and 131072; requests beyond the bank are refused")
def _():
    for name, size in (("code", len(CODE)), ("vars", len(VARS))):
        with shared.client(name) as c:
            expect(c.block_sizes == (1, 4096, 131072), c.block_sizes)
            expect(c.size == size, c.size)
            expect(name == "code" or c.flags & nbd.FLAG_FLUSH and c.flags & nbd.FLAG_FUA, hex(c.flags))
            c.send(nbd.READ, size - 1, 2)
            refused(c.answer, nbd.Error)


@case("code is what went in, read only; several connections may read it")
def _():
    with shared.client("code") as a, shared.client("code") as b:
        expect(a.flags & nbd.FLAG_READ_ONLY and a.flags & nbd.FLAG_MULTI_CONN, hex(a.flags))
        expect(a.read_all() == CODE and b.read_all() == CODE, "the bank differs from the file")
        expect(refused(lambda: a.write(0, b"x"), nbd.Error).number == 1, "EPERM")
        expect(a.read(0, 1) == CODE[:1], "a refused write changed the bank")


@case("writes of any size at any place read back at once, and after a flush, and after the end")
def _():
    seed = int(os.environ.get("HOLDFAST_SEED", time.time_ns()))
    note(f"HOLDFAST_SEED={seed}")
    rnd = random.Random(seed)
    path = make(HERE / "random.hold")
    model = bytearray(VARS)
    for _ in range(2):
        with Serving(path) as s, s.client("vars") as c:
            expect(not c.flags & nbd.FLAG_MULTI_CONN, "vars offers several connections")
            for n in range(300):
                size = rnd.choice((1, 2, 511, 512, 512, 512, 4096, 4097, rnd.randrange(1, 131073)))
                offset = rnd.randrange(len(model) - size + 1)
                data = rnd.choice((b"\xff", b"\x00", bytes([rnd.randrange(256)]))) * size
                c.write(offset, data, fua=n % 50 == 0)
                model[offset:offset + size] = data
                at = rnd.randrange(len(model) - 600)
                expect(c.read(at, 600) == model[at:at + 600], f"after write {n}")
                if n % 70 == 0:
                    c.flush()
            expect(c.read_all() == model, "the whole bank")
        out = HERE / f"export-{rnd.randrange(1 << 30)}"
        holdfast("export", path, out)
        expect((out / "vars.fd").read_bytes() == model, "the container after the end")
        expect((out / "code.fd").read_bytes() == CODE, "the code after the end")


@case("erased flash is a hole that is not zeros, and stops being one when it is written")
def _():
    path = make(HERE / "extents.hold")
    with Serving(path) as s:
        with s.client("vars") as c:
            c.write(0x60000, b"\x12")
        with s.client("vars", extents=True) as c:
            at, holes, data = 0, [], []
            for length, hole, zero in c.status(0, c.size):
                expect(not zero, "flash never reads as zeros where nothing is")
                (holes if hole else data).append((at, at + length))
                at += length
            expect(at == len(VARS), at)
        for begin, end in holes:
            expect(not VARS[begin:end].strip(b"\xff"), f"{begin:#x}..{end:#x} is not erased")
        expect(any(b <= 0x60000 < e for b, e in data), f"the written page is a hole: {data}")
        expect(sum(e - b for b, e in holes) > 0x60000, f"few holes: {holes}")


def stored(path):
    return {name: (HERE / name).stat().st_size for name in os.listdir(HERE) if name.startswith(path.name)}


def commits(path):
    """Commits so far: what every change, and nothing else, moves."""
    log = HERE / f"{path.name}-wal"
    return (path.read_bytes(), log.read_bytes() if log.exists() else b"")


@case("an nbdkit that is told to end while its supervisor dies ends once, and in order")
def _():
    path = make(HERE / "both.hold")
    plugin = BUILD / "src" / "nbdkit" / "nbdkit-holdfast-plugin.so"
    for n in range(40):
        reading, writing = os.pipe()
        process = subprocess.Popen(["nbdkit", "-f", "-U", HERE / f"both-{n}", plugin, f"container={path}", f"status-fd={writing}"],
                                   pass_fds=[writing], stdin=subprocess.DEVNULL,
                                   env={**os.environ, **sanitizer_environment(), "MALLOC_PERTURB_": "165"})
        os.close(writing)
        os.read(reading, 4096)  # it is ready
        process.send_signal(signal.SIGTERM)
        time.sleep(n % 20 / 10000)
        os.close(reading)
        expect(process.wait(60) == 0, f"round {n}: exit status {process.returncode}")


@case("a rewrite of the whole bank with the same bytes adds nothing, flushed or not")
def _():
    path = make(HERE / "rewrite.hold")
    with Serving(path) as s, s.client("vars") as c:
        c.write(0x1000, b"once", fua=True)
        before = commits(path)
        bank = c.read_all()
        for at in range(0, len(bank), 131072):
            c.write(at, bank[at:at + 131072], fua=at == 0)
        c.flush()
        time.sleep(0.05)
        expect(commits(path) == before, "something was stored")
        c.write(0x1000, b"more", fua=True)
        expect(commits(path) != before, "the test sees no change at all")


@case("an answer to a durable write comes after the log is on the disk")
def _():
    path = make(HERE / "durable.hold")
    trace = HERE / "trace"
    with Serving(path) as s, s.client("vars") as c:
        c.write(0, b"warm", fua=True)
        tracer = subprocess.Popen(["strace", "-f", "-p", str(s.server_pid()), "-o", str(trace), "-e",
                                   "trace=fdatasync,fsync,pwrite64,sendto,sendmsg,write"], stderr=subprocess.PIPE)
        while b"attached" not in tracer.stderr.readline():
            if tracer.poll() is not None:
                skip("strace may not attach to a process here")
        time.sleep(0.1)
        c.write(0x2000, b"plain")
        time.sleep(0.1)
        c.write(0x3000, b"fua", fua=True)
        c.write(0x4000, b"again")
        c.flush()
        tracer.terminate()
        tracer.wait()
    events = []
    for line in trace.read_text().splitlines():
        if "pwrite64(" in line:
            events.append("w")
        elif re.search(r"f(data)?sync(\(| resumed).*= 0", line):
            events.append("S")
        elif "gDf" in line:  # the magic of a simple reply
            events.append("A")
    story = re.sub("w+", "w", "".join(events))
    note(story)
    expect(re.fullmatch("A.*wSA+wSA", story), f"answers (A), writes to the log (w), syncs (S): {story}")


@case("a second client's write waits for the first to go, then is refused; readers are never in the way")
def _():
    with shared.client("vars") as first, shared.client("vars") as second, shared.client("vars") as third:
        first.write(0x70000, b"1")
        expect(second.read(0x70000, 1) == b"1", "a reader sees what was written")
        second.send(nbd.WRITE, 0x70000, 1, b"2")
        third.read(0, 512)
        time.sleep(0.3)
        expect(first.read(0x70000, 1) == b"1", "the second did not wait")
        first.close()
        second.answer()
        expect(third.read(0x70000, 1) == b"2", "the second went on")
        begin = time.monotonic()
        expect(refused(lambda: third.write(0x70000, b"3"), nbd.Error).number == 1, "EPERM")
        expect(time.monotonic() - begin > 5, "it gave up at once")


class Other:
    """A client in a process of its own: what it is told to do it does one after the other, until it is told to end."""

    def __init__(self, path):
        self.process = subprocess.Popen([sys.executable, "-c", self.PROGRAM, str(HERE_LIB), str(path)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.flags = int(self.answer())

    PROGRAM = """if 1:
        import sys
        sys.path.insert(0, sys.argv[1])
        import nbd
        c = nbd.Client(sys.argv[2], "vars")
        print(c.flags, flush=True)
        for line in sys.stdin:
            verb, at, data = line.split()
            try:
                if verb == "write":
                    c.write(int(at), bytes.fromhex(data))
                    print("done", flush=True)
                elif verb == "read":
                    print(c.read(int(at), int(data)).hex(), flush=True)
                elif verb == "again":
                    c.close()
                    c = nbd.Client(sys.argv[2], "vars")
                    print(c.flags, flush=True)
            except nbd.Error as why:
                print(why.number, flush=True)"""

    def answer(self):
        return self.process.stdout.readline().strip()

    def __call__(self, verb, at=0, data="00"):
        print(verb, at, data, file=self.process.stdin, flush=True)
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def bank_of(path):
    to = HERE / f"{path.name}.export"
    shutil.rmtree(to, ignore_errors=True)
    holdfast("export", path, to)
    return (to / "vars.fd").read_bytes()


@case("one start, one client: when it has left nobody becomes the writer after it, also not of a server started again")
def _():
    path = make(HERE / "oneclient.hold")
    with Serving(path) as s:
        reader, first, early = Other(s.socket), Other(s.socket), Other(s.socket)
        expect(first("write", 0x70000, "0101") == "done", "the first cannot write")
        expect(early("write", 0x70000, "02") == "1", "another process wrote beside it")
        late = Other(s.socket)
        expect(late.flags & nbd.FLAG_READ_ONLY, "a client that can never write is not told so")
        expect(reader("read", 0x70000, 2) == "0101" == late("read", 0x70000, 2), "somebody cannot read")
        expect("holdfast clone" in s.await_warning("cannot write them"), s.warnings)
        expect(int(first("again")) & nbd.FLAG_READ_ONLY == 0, "the writer may not connect again")
        expect(first("write", 0x70001, "03") == "done", "the writer cannot write again")
        s.kill_server()
        s.await_warning("started again")
        expect(int(first("again")) & nbd.FLAG_READ_ONLY == 0, "the writer may not connect to the next server")
        expect(first("write", 0x70001, "04") == "done", "the writer cannot write to the next server")
        after = Other(s.socket)
        expect(after.flags & nbd.FLAG_READ_ONLY, "the next server lets another process write")
        first.end()
        expect(int(early("again")) & nbd.FLAG_READ_ONLY, "a successor")
        expect(early("write", 0x70000, "02") == "1", "a successor wrote")
        s.kill_server()
        s.await_warning("started again", times=2)
        last = Other(s.socket)
        expect(last.flags & nbd.FLAG_READ_ONLY, "the next server knows of no writer")
        for other in (reader, early, late, after, last):
            other.end()
    expect(bank_of(path)[0x70000:0x70002] == b"\1\4", "what the writer wrote is not what is stored")
    with Serving(path) as s:
        early = Other(s.socket)
        expect(early("write", 0x70000, "02") == "done", "the next start has no writer")
        early.end()


@case("a whole bank that is no variable store leaves the one before as a snapshot, is logged, and is an alarm")
def _():
    path = make(HERE / "whole.hold")

    def write_whole(bank):
        with Serving(path) as s, s.client("vars") as c:
            for at in range(0, len(bank), 131072):
                c.write(at, bank[at:at + 131072])
            c.flush()
            return [s.await_warning("not a variable store")] if bank[0] == 0x5A else list(s.warnings)

    def facts():
        shown = holdfast("show", path, "--json").json
        return shown["snapshots"], [e["kind"] for e in holdfast("log", path, "--json").json["events"]]

    holdfast("check", path, status=0)
    good = bytearray(bank_of(path))
    expect(write_whole(good) == [] and facts()[0] == [], "the same bank again is something")
    other = bytearray(good)
    other[0x60000] ^= 0xFF
    expect(write_whole(other) == [], "a bank that can be read is an alarm")
    snapshots, events = facts()
    expect(len(snapshots) == 1 and "bank-replaced" in events and "bank-damaged" not in events, (snapshots, events))
    warning = write_whole(b"\x5a" * len(good))[0]
    snapshots, events = facts()
    expect(len(snapshots) == 2 and events.count("bank-damaged") == 1, (snapshots, events))
    expect(f"holdfast revert {path} {snapshots[-1]['id']}" in warning, warning)
    done = holdfast("check", path, status=5)
    expect("not a variable store" in done.out and f"holdfast revert {path} {snapshots[-1]['id']}" in done.out, done)
    expect(done.err.count("\n") == 1, done.err)
    holdfast("revert", path, snapshots[-1]["id"], status=0)
    expect(bank_of(path) == bytes(other), "not what was before")
    holdfast("check", path, status=0)


@case("a container that is served is owned: exit 6, and the holder is named")
def _():
    result = holdfast("serve", G, "--socket", HERE / "other.sock", status=6)
    expect(str(shared.process.pid) in result.err, result.err)


@case("a socket somebody listens on is refused, a file in its place too, a left-over one is replaced")
def _():
    path = make(HERE / "socket.hold")
    result = holdfast("serve", path, "--socket", shared.socket, status=6)
    expect("listens" in result.err, result.err)
    plain = HERE / "plain"
    plain.write_text("mine")
    holdfast("serve", path, "--socket", plain, status=3)
    expect(plain.read_text() == "mine", "it was touched")
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(HERE / "left.sock"))
    left.close()
    with Serving(path, socket=HERE / "left.sock") as s:
        expect(nbd.exports(s.socket) == ["code", "vars"], "served")
    expect(not (HERE / "left.sock").exists(), "the socket stays behind")


@case("containers that cannot be served are refused with the reason before anything listens")
def _():
    damaged = HERE / "damaged.hold"
    damaged.write_bytes(bytes(100) + G.read_bytes()[100:])
    damaged.chmod(0o600)
    for path, status in ((HERE / "none.hold", 4), (damaged, None)):
        result = holdfast("serve", path, "--socket", HERE / "no.sock", status=status)
        expect(result.status and path.name in result.err, result)
        expect(not (HERE / "no.sock").exists(), "something listened")
    holdfast("serve", G, status=2)


def fields(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


@case("a server that does not start is quoted with its error, not with the advice behind it")
def _():
    made = make(HERE / "no-plugin.hold")
    result = holdfast("serve", made, "--socket", HERE / "no-plugin", status=1,
                      env={"HOLDFAST_NBDKIT_PLUGIN": str(OVMF_CODE)})
    expect("cannot open plugin" in result.err and "--help" not in result.err and result.err.count("\n") == 1, result)


@case("the server runs in a sandbox, without capabilities; its socket is its owner's")
def _():
    status = fields(shared.server_pid())
    expect(status["Seccomp"] == "2", status["Seccomp"])
    expect(status["NoNewPrivs"] == "1", status["NoNewPrivs"])
    expect(not any(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")), status)
    expect(os.geteuid() != 0 or not int(status["CapBnd"], 16), status["CapBnd"])
    expect(stat.S_IMODE(shared.socket.stat().st_mode) == 0o600, oct(shared.socket.stat().st_mode))


def connect_as(uid, path):
    """The errno's name that a user gets, or 'ok'."""
    program = ("import os,socket,sys,errno\nos.setgid(%d); os.setuid(%d)\ns=socket.socket(socket.AF_UNIX)\n"
               "try:\n s.connect(sys.argv[1]); print('ok')\nexcept OSError as e: print(errno.errorcode[e.errno])" % (uid, uid))
    return subprocess.run(["/usr/bin/python3", "-c", program, path], stdout=subprocess.PIPE, text=True).stdout.strip()


@case("--socket-owner lets that user in and nobody else; --user is who serves")
def _():
    if os.geteuid() != 0:
        skip("only root can give a socket away")
    HERE.chmod(0o755)
    path = make(HERE / "theirs.hold")
    os.chown(path, 2001, 2001)
    with Serving(path, "--socket-owner", "2002:2002", "--user", "2001", "--group", "2001") as s:
        expect(fields(s.server_pid())["Uid"].split() == ["2001"] * 4, fields(s.server_pid())["Uid"])
        expect(connect_as(2002, s.socket) == "ok", "its owner is let in")
        expect(connect_as(2003, s.socket) == "EACCES", "others are not")
        with s.client("vars") as c:
            c.write(0, b"by another user", fua=True)
        s.kill_server()
        with s.client("vars") as c:
            expect(c.read(0, 15) == b"by another user", "after a restart")
            c.write(0, b"BY", fua=True)


@case("as a user other than root everything works")
def _():
    if os.geteuid() != 0:
        skip("not root: the other cases were that already")
    place = HERE / "user"
    for name in (place, place / "run", place / "state"):
        name.mkdir(mode=0o700)
        os.chown(name, 2001, 2001)
    env = {"HOLDFAST_RUNTIME_DIR": str(place / "run"), "HOLDFAST_STATE_DIR": str(place / "state")}
    drop = ["setpriv", "--reuid=2001", "--regid=2001", "--clear-groups"]
    from program import PROGRAM
    subprocess.run([*drop, PROGRAM, "create", place / "g.hold", "--firmware", OVMF_CODE, "--vars", OVMF_VARS,
                    "--machine", "pc-q35-7.2"], env={**os.environ, **env}, check=True, stdout=subprocess.PIPE)
    with Serving(place / "g.hold", env=env, wrapper=drop) as s:
        with s.client("vars") as c:
            c.write(77, b"user", fua=True)
        s.kill_server()
        with s.client("vars") as c:
            expect(c.read(77, 4) == b"user", "after a restart")


def private_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB$", text, re.M))


@case("after a 64 MiB bank was read once the server has at most 8 MiB of its own")
def _():
    if sanitizer_environment():
        skip("a sanitizer's shadow memory is its own")
    if not AAVMF_CODE.exists():
        skip("AAVMF is not installed")
    path = make(HERE / "arm.hold", AAVMF_CODE, AAVMF_VARS, "virt-7.2", "aarch64")
    with Serving(path) as s:
        before = private_kib(s.server_pid())
        with s.client("code") as c, s.client("vars") as v:
            expect(c.read_all() == AAVMF_CODE.read_bytes(), "the code differs")
            bank = v.read_all()
            expect(bank[:len(AAVMF_VARS.read_bytes())].startswith(AAVMF_VARS.read_bytes()[:786432]), "the variables differ")
            after = private_kib(s.server_pid())
        note(f"{before} KiB before, {after} KiB after")
        expect(after <= 8192, f"{after} KiB")


@case("it ends on SIGTERM, SIGINT and SIGHUP with status 0, and leaves one file")
def _():
    path = make(HERE / "end.hold")
    for number, s in ((1, signal.SIGTERM), (2, signal.SIGINT), (3, signal.SIGHUP)):
        serving = Serving(path)
        pid = serving.server_pid()
        with serving.client("vars") as c:
            c.write(0x3000, bytes([number]))
        serving.process.send_signal(s)
        expect(serving.process.wait(60) == 0, (s, serving.warnings))
        expect(not alive(pid), "the server lives on")
        expect(list(stored(path)) == ["end.hold"], stored(path))


@case("killed, serve takes its server along; what was answered is there at the next start")
def _():
    path = make(HERE / "killed.hold")
    for number in range(1, 6):
        serving = Serving(path)
        pid = serving.server_pid()
        with serving.client("vars") as c:
            for at in range(20):
                c.write(0x3000 + 512 * at, bytes([number]) * 512)
            serving.kill()
        await_end(pid)
        with Serving(path) as s, s.client("vars") as c:
            expect(c.read(0x3000, 512 * 20) == bytes([number]) * 512 * 20, "writes are missing")


@case("killed, what was answered comes before what an operator changes, and does not come back over it")
def _():
    path = make(HERE / "changed.hold")
    for number in range(1, 9):
        firmware, operator = f"{number:02x}00", f"{number:02x}01"
        holdfast("vars", "export", path, HERE / f"{number}.fd")
        holdfast("vars", "set", HERE / f"{number}.fd", "Timeout", "--data", firmware, "--in-place")
        serving = Serving(path)
        pid = serving.server_pid()
        with serving.client("vars") as c:
            c.write(0, (HERE / f"{number}.fd").read_bytes()[:4096])
            os.kill(serving.process.pid, signal.SIGSTOP)  # it would start another one
            os.kill(pid, signal.SIGKILL)
            serving.kill()
        await_end(pid)
        change = "vars", "set", path, "BootNext", "--data", operator, "--raw"
        first = holdfast(*change, status=None)
        if first.status:
            expect(first.status == 3 and "rule 'changed'" in first.err, first)
            holdfast(*change)
        with Serving(path):
            pass
        for name, data in ("Timeout", firmware), ("BootNext", operator):
            expect(holdfast("vars", "get", path, name, "--json").json["data"] == data, f"{name} {number} is lost")


BUSY = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\ndb.execute('BEGIN IMMEDIATE')\n" \
       "print('begun', flush=True)\nsys.stdin.read()"


def leave(path, byte):
    """A server answers for a write, and dies with its supervisor before it is in the container, where another process has
    begun to write. Its queues."""
    serving = Serving(path)
    pid = serving.server_pid()
    with serving.client("vars") as c, subprocess.Popen(["/usr/bin/python3", "-c", BUSY, path], stdin=subprocess.PIPE,
                                                       stdout=subprocess.PIPE, text=True) as other:
        expect(other.stdout.readline() == "begun\n", "the container is not kept busy")
        c.write(0x20000, byte * 4096)
        os.kill(serving.process.pid, signal.SIGSTOP)  # it would start another one
        os.kill(pid, signal.SIGKILL)
        await_end(pid)
        other.kill()
        serving.kill()
    await_end(pid)
    run = pathlib.Path(os.environ["HOLDFAST_RUNTIME_DIR"])
    return sorted(run.glob("**/vars.queue"), key=lambda queue: queue.stat().st_mtime)[-1:]


@case("killed, what was answered is in every copy that is made before the next start")
def _():
    path = make(HERE / "copied.hold")
    for number in range(1, 5):
        leave(path, bytes([number]))
        copy = HERE / f"copy-{number}.hold"
        if number == 1:
            holdfast("backup", path, copy)
        elif number == 2:
            holdfast("clone", path, copy, "--uuid", "6c9a1b0e-7d2f-4c53-9f10-4a5b6c7d8e9f")
        out = HERE / f"copied-{number}"
        holdfast("export", copy if copy.exists() else path, out)
        expect((out / "vars.fd").read_bytes()[0x20000:0x21000] == bytes([number]) * 4096, f"copy {number} lacks it")


def copy_behind(path, copy):
    """As cp makes one of a container whose server died."""
    for suffix in "", "-wal", "-shm":
        pathlib.Path(f"{copy}{suffix}").write_bytes(pathlib.Path(f"{path}{suffix}").read_bytes())
        pathlib.Path(f"{copy}{suffix}").chmod(0o600)


def page_of(path):
    out = HERE / f"{path.stem}.banks"
    shutil.rmtree(out, ignore_errors=True)
    holdfast("export", path, out)
    return (out / "vars.fd").read_bytes()[0x20000:0x21000]


@case("what a server left is not taken by a copy that was made behind holdfast's back, whatever is done with it")
def _():
    path, copy = make(HERE / "stolen.hold"), HERE / "thief.hold"
    leave(path, b"\x5a")
    copy_behind(path, copy)
    expect(page_of(copy) == VARS[0x20000:0x21000], "the copy has what was not its own")
    for verb in (["set", copy, "trial-boots=4"], ["stage", copy, OVMF_CODE], ["vars", "set", copy, "Name", "--guid", GLOBAL, "--data", "01"],
                 ["snapshot", copy], ["serve", copy, "--socket", HERE / "thief.socket"], ["run", copy]):
        refused = holdfast(*verb, status=3)
        expect("rule 'copy'" in refused.err and f"'{path}'" in refused.err and "--take" in refused.err, refused)
    holdfast("set", path, "trial-boots=5")
    expect(page_of(path) == b"\x5a" * 4096, "it is lost")


@case("what a server left comes into the copy that the owner says is the one that counts, as when it was moved")
def _():
    path, moved = make(HERE / "original.hold"), HERE / "moved.hold"
    leave(path, b"\x3c")
    copy_behind(path, moved)
    for suffix in "", "-wal", "-shm":
        pathlib.Path(f"{path}{suffix}").unlink()
    expect("rule 'copy'" in holdfast("set", moved, "trial-boots=4", status=3).err, "it took them unasked")
    taken = holdfast("owner", moved, "--take", "--because", "it was moved to a larger disk")
    expect("1 pages of flash writes" in taken.out, taken)
    expect(page_of(moved) == b"\x3c" * 4096, "it is lost")
    holdfast("set", moved, "trial-boots=4")


@case("what a server left of an earlier run is moved aside with a word, also by a verb that only copies")
def _():
    path = make(HERE / "stale.hold")
    queue, = leave(path, b"\x11")
    old = queue.read_bytes()
    for _ in range(2):
        with Serving(path):
            pass
    queue.write_bytes(old)
    queue.chmod(0o600)
    failed = holdfast("export", path, HERE / "stale", status=3)
    expect("rule 'stale-queue'" in failed.err and f"{queue}.epoch-" in failed.err, failed)
    holdfast("export", path, HERE / "stale")
    expect((HERE / "stale" / "vars.fd").read_bytes()[0x20000:0x21000] == b"\x11" * 4096, "it is lost")


main(cleanup=lambda: shared.process.poll() is None and shared.stop())
