# SPDX-License-Identifier: BSD-2-Clause
"""`migrate`, `send`, `receive` and `claim` between two hosts that share this machine: each has its own state and runtime
directories. A relay between them cuts, kills, splits and stalls."""
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

from points import chosen, told
from program import PROGRAM, holdfast
from relay import Relay
from tap import case, expect, main, note, skip

ROOM = tempfile.TemporaryDirectory(prefix="holdfast-migrate-")
TOP = pathlib.Path(ROOM.name)


class Host:
    def __init__(self, name):
        self.top = TOP / name
        self.guest = self.top / "g.hold"
        self.env = {f"HOLDFAST_{kind}_DIR": str(self.top / kind.lower()) for kind in ("STATE", "RUNTIME")}

    def clear(self):
        shutil.rmtree(self.top, ignore_errors=True)
        self.top.mkdir(mode=0o700)

    def holdfast(self, *args, **more):
        return holdfast(*args, env=self.env, **more)

    def owner(self):
        return self.holdfast("owner", self.guest, "--json").json if self.guest.exists() else {"state": "none", "epoch": 0}


A, B = Host("a"), Host("b")
KEPT = TOP / "kept"
CAPS = TOP / "caps.json"
SEEN = []   # frames of the last migration, per connection


def rows(host):
    """Everything that moves, by table; the chunks of images by digest."""
    tables = {}
    with sqlite3.connect(f"file:{host.guest}?immutable=1", uri=True) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema").fetchall():
            if name not in ("ledger", "owner", "chunk"):
                tables[name] = db.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()
        for image, digest in db.execute("SELECT id, digest FROM image"):
            tables[digest.hex()] = [row[0] for row in db.execute(
                "SELECT bytes FROM chunk WHERE id >> 16 = ? ORDER BY id", (image,))]
    return tables


def prepare():
    """One guest with something of everything, kept to begin each case with."""
    if KEPT.exists():
        return
    A.clear()
    A.holdfast("create", A.guest, "--firmware", "ovmf", "--machine", "pc-q35-7.2", "--name", "web1")
    A.holdfast("snapshot", A.guest)
    A.holdfast("set", A.guest, "trial-boots=5")
    other = next((f for f in ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_CODE_4M.ms.fd")
                  if os.path.exists(f)), None)
    if other:
        A.holdfast("stage", A.guest, other, status=None)
    CAPS.write_text(holdfast("caps", "--json", "--dir", TOP).out)
    shutil.copytree(A.top, KEPT)


def begin():
    prepare()
    for host in (A, B):
        host.clear()
    shutil.copytree(KEPT, A.top, dirs_exist_ok=True)
    shutil.rmtree(A.top / "runtime", ignore_errors=True)


class Planned(Relay):
    """Each connection takes the first entry off the list (none left: all goes through):

        way     ">" to the destination, "<" from there
        after   so many frames of that way get through; the next one was said and is lost
        do      "cut", "stall", "kill-source", "kill-destination", or "interrupt", at which nothing is lost
    """
    def __init__(self, command, plans, **more):
        self.plans = [dict(plan) for plan in plans]
        super().__init__(TOP / "relay", command, connections=None, **more)

    def decide(self, connection, way, kind):
        plan = self.plans[connection.number] if connection.number < len(self.plans) else {}
        if plan.get("way") != way or len(connection.passed[way]) != plan["after"]:
            return None
        return self.act(connection, plan.pop("do"), plan.pop("way"))

    @staticmethod
    def act(connection, what, way):
        if what == "kill-destination":
            connection.receiver.kill()
            connection.receiver.wait()
        elif what == "kill-source":
            os.kill(connection.caller(), signal.SIGKILL)
        elif what == "interrupt":
            os.kill(connection.caller(), signal.SIGINT)
            return None
        return what if what == "stall" else "cut"


def receive_there(to, verb="receive"):
    return [str(PROGRAM), verb, str(to.guest), *(["--caps", str(CAPS)] if verb == "receive" else [])]


def migrate(*plans, source=A, to=B, verb="receive", piece=None, **more):
    """One `migrate` from host to host through a relay. `plans`: one per connection."""
    args = more.pop("args", [])
    with Planned(receive_there(to, verb), plans, piece=piece, env={**os.environ, **to.env}) as relay:
        result = source.holdfast("migrate", source.guest, "--to", relay.where, *args, status=more.pop("status", 0), **more)
    SEEN[:] = [c.passed for c in relay.connections]
    return result


@case("everything moves, byte for byte, and the source says where it went")
def _():
    begin()
    before = rows(A)
    command = shlex.join(["env", *(f"{k}={v}" for k, v in B.env.items()), *receive_there(B)])
    result = A.holdfast("migrate", A.guest, "--to", f"exec:exec {command}", "--json")
    expect(result.json["moved"] and result.json["dry_run"] is False, result)
    after = rows(B)
    expect(after["event"][:len(before["event"])] == before["event"], "the log")
    expect([row[5] for row in after["event"][len(before["event"]):]] == ["claimed"], after["event"][-2:])
    for table in set(before) | set(after):
        expect(table == "event" or before[table] == after[table], f"table {table} differs")
    expect(A.owner()["state"] == "departed" and B.owner()["state"] == "held", (A.owner(), B.owner()))
    expect(sorted(p.name for p in B.top.glob("g.hold*")) == ["g.hold"], list(B.top.glob("g.hold*")))
    refused = A.holdfast("set", A.guest, "trial-boots=4", status=3)
    expect("moved to host" in refused.err, refused)
    B.holdfast("set", B.guest, "trial-boots=4")
    B.holdfast("check", B.guest)


@case("back again, no image travels")
def _():
    shutil.rmtree(A.top / "runtime", ignore_errors=True)
    migrate(source=B, to=A)
    expect(18 not in SEEN[0][">"], SEEN)
    expect(A.owner()["state"] == "held" and B.owner()["state"] == "departed", (A.owner(), B.owner()))
    expect(A.holdfast("show", A.guest, "--json", "--settings").json["settings"]["trial-boots"] == "4", "what B changed")
    A.holdfast("check", A.guest)


@case("a dry run and a refusal by preflight move nothing")
def _():
    begin()
    epoch = A.owner()["epoch"]
    result = migrate(args=["--dry-run"])
    expect("can move" in result.out and not B.guest.exists(), result)
    caps = json.loads(CAPS.read_text())
    whole = CAPS.read_text()
    for qemu in caps["qemu"]:
        qemu["machines"] = [m for m in qemu["machines"] if "q35" not in m["name"]]
    CAPS.write_text(json.dumps(caps))
    refused = migrate(status=3)
    CAPS.write_text(whole)
    expect("pc-q35-7.2" in refused.err and "rule '" in refused.err, refused)
    expect(not B.guest.exists() and A.owner()["state"] == "held" and A.owner()["epoch"] == epoch, A.owner())


def frames():
    """Frames each way of an undisturbed move: how many there are to be cut at."""
    begin()
    migrate()
    return {way: len(kinds) for way, kinds in SEEN[0].items()}


def some(count):
    """Every frame, or the first and last ones and one in the middle of what is alike; three under a sanitizer."""
    if os.environ.get("HOLDFAST_SLOWED"):
        return [0, count // 2, count - 1]
    ends = [0, 1, 2, count // 2, count - 3, count - 2, count - 1]
    return chosen(range(count + 1), lambda every: every if count < 8 else ends)


def one_owner(words):
    a, b = A.owner(), B.owner()
    expect(not (a["state"] == "held" and b["state"] == "held"), f"{words}: two owners: {a} {b}")
    return a, b


@case("cut, or either side killed, at any frame: at most one owner, and one after the next try")
def _():
    counts = frames()
    note(f"{counts['>']} frames to the destination, {counts['<']} from it")
    tried = 0
    for way, count in counts.items():
        for after in some(count):
            for what in ("cut", "kill-source", "kill-destination"):
                words = f"{what} after {after} frames {way}"
                begin()
                result = migrate({"way": way, "after": after, "do": what}, status=None)
                a, b = one_owner(words)
                expect(result.status == 0 or what == "kill-source" or a["state"] == "held", f"{words}: {a} {b}\n{result}")
                if a["state"] != "departed":
                    migrate()
                a, b = one_owner(words)
                expect((a["state"], b["state"]) == ("departed", "held"), f"{words}: {a} {b}")
                expect(b["epoch"] >= a["epoch"], f"{words}: {a} {b}")
                tried += 1
    told(tried, "interruptions of a move")


def loses_answers(what, count):
    """Plans with which the answers of so many connections do not arrive: that to the grant, and those to the questions."""
    last = frames()["<"] - 1
    return [{"way": "<", "after": last - bool(number), "do": what} for number in range(count)]


@case("who hears no answer asks again until there is one")
def _():
    plans = loses_answers("cut", 3)
    begin()
    result = migrate(*plans)
    expect("owns it now" in result.out and len(SEEN) == 4, (result, SEEN))
    expect(A.owner()["state"] == "departed" and B.owner()["state"] == "held", one_owner("asked"))


@case("a hand-over that is left half finished is told, writes nothing, and is finished by the next migrate")
def _():
    plans = loses_answers("cut", 20)
    begin()
    result = migrate(*plans, status=1, args=["--timeout", "5"])
    expect(len(SEEN) > 2, "it was asked once")
    expect("granted to host" in result.err and "migrate" in result.err, result)
    expect(A.owner()["state"] == "granted" and B.owner()["state"] == "held", one_owner("lost answer"))
    shown = A.holdfast("show", A.guest).out
    expect("Hand-over" in shown and "holdfast migrate" in shown and "owner --take" in shown, shown)
    refused = A.holdfast("set", A.guest, "trial-boots=3", status=3)
    expect("holdfast migrate" in refused.err, refused)
    away = A.holdfast("migrate", A.guest, "--to", "exec:false", status=1)
    expect("granted before" in away.err, away)
    B.holdfast("set", B.guest, "trial-boots=7")
    expect("owns it now" in migrate().out, "the answer")
    expect(A.owner()["state"] == "departed", A.owner())


@case("Ctrl-C before the grant leaves the source as it was")
def _():
    counts = frames()
    for after in (0, 1, counts[">"] - 2):
        begin()
        result = migrate({"way": ">", "after": after, "do": "interrupt"}, status=None)
        if result.status == 0:
            continue    # it was through before the signal was heard
        expect(result.status == 1 and "SIGINT" in result.err or "INT" in result.err, result)
        expect(A.owner()["state"] == "held", A.owner())
        A.holdfast("set", A.guest, "trial-boots=6")
        migrate()


@case("a stream in pieces arrives; one that stalls is given up, and the source goes on")
def _():
    begin()
    migrate(piece=777)
    expect(B.owner()["state"] == "held", B.owner())
    begin()
    result = migrate({"way": ">", "after": 3, "do": "stall"}, status=1, args=["--timeout", "1"])
    expect("1 s" in result.err, result)
    expect(A.owner()["state"] == "held", A.owner())
    A.holdfast("set", A.guest, "trial-boots=6")


@case("the answer to the grant stalls for ever: nobody runs it, and both say what to do")
def _():
    plans = loses_answers("stall", 2)
    begin()
    result = migrate(*plans, status=1, args=["--timeout", "5"])
    expect("5 s" in result.err and "granted to host" in result.err and "'holdfast migrate' again" in result.err, result)
    expect(A.owner()["state"] == "granted", one_owner("stalled"))
    expect("owns it now" in migrate().out, "the answer")
    expect(A.owner()["state"] == "departed" and B.owner()["state"] == "held", one_owner("asked"))


@case("a destination without room refuses, and nothing is left there")
def _():
    begin()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", B.top], stderr=subprocess.DEVNULL).returncode:
        skip("mounting a small file system takes root")
    try:
        result = migrate(status=None)
        expect(result.status in (1, 3), result)
        expect(not list(B.top.glob("g.hold*")), list(B.top.iterdir()))
    finally:
        subprocess.run(["umount", B.top], check=True)
    expect(A.owner()["state"] == "held", A.owner())
    migrate()


@case("an older copy cannot be moved, nor over a guest that is somebody else's")
def _():
    begin()
    copy = A.top / "copy.hold"
    shutil.copy2(A.guest, copy)
    migrate()
    refused = A.holdfast("migrate", copy, "--to", "exec:false", status=None)
    expect(refused.status == 3, refused)
    begin()
    B.holdfast("create", B.guest, "--firmware", "seabios", "--machine", "pc-q35-7.2")
    refused = migrate(status=None)
    expect("another guest's" in refused.err and A.owner()["state"] == "held", refused)


def by_hand(sender, receiver):
    """`send` here and another verb there, over a pair of pipes; (status, what it said) of both."""
    down, up = os.pipe(), os.pipe()
    there = subprocess.Popen([PROGRAM, *map(str, receiver)], stdin=down[0], stdout=up[1], stderr=subprocess.PIPE,
                             env={**os.environ, **B.env}, text=True)
    here = subprocess.Popen([PROGRAM, *map(str, sender)], stdin=up[0], stdout=down[1], stderr=subprocess.PIPE,
                            env={**os.environ, **A.env}, text=True)
    for fd in (*down, *up):
        os.close(fd)
    said = here.communicate(timeout=60)[1], there.communicate(timeout=60)[1]
    return (here.returncode, said[0]), (there.returncode, said[1])


@case("a manager sends ahead, and claims later")
def _():
    begin()
    for _ in range(2):      # as often as it likes
        here, there = by_hand(["send", A.guest], ["receive", B.guest, "--caps", CAPS])
        expect(here[0] == 0 and there[0] == 0, (here, there))
        expect((A.owner()["state"], B.owner()["state"]) == ("held", "incoming"), one_owner("ahead"))
        expect("holdfast claim" in there[1], there)
    A.holdfast("set", A.guest, "trial-boots=9")
    B.holdfast("set", B.guest, "trial-boots=8", status=3)
    here, there = by_hand(["send", A.guest], ["claim", B.guest])
    expect(here[0] == 0 and there[0] == 0, (here, there))
    expect("owns" in here[1] and "this host owns" in there[1], (here, there))
    expect((A.owner()["state"], B.owner()["state"]) == ("departed", "held"), one_owner("claimed"))
    expect(B.holdfast("show", B.guest, "--json", "--settings").json["settings"]["trial-boots"] == "9", "the last change")
    here, there = by_hand(["send", A.guest], ["claim", B.guest])
    expect(here[0] == 3, here)


@case("a container that this host owns is not received over: status 6")
def _():
    begin()
    migrate()
    A.holdfast("owner", A.guest, "--take", "--because", "a test")  # two hosts say that they own it
    before = B.owner()
    here, there = by_hand(["send", A.guest], ["receive", B.guest, "--caps", CAPS])
    expect(there[0] == 6 and "is owned by host" in there[1], (here, there))
    expect(here[0] and "is owned by host" in here[1] and B.owner() == before, (here, before, B.owner()))


@case("claim wants a copy, and a guest that runs is not granted unless its manager says that it stands still")
def _():
    begin()
    here, there = by_hand(["send", A.guest], ["claim", B.guest])
    expect(here[0] == 1 and there[0] == 4, (here, there))
    by_hand(["send", A.guest], ["receive", B.guest, "--caps", CAPS])
    server = subprocess.Popen([PROGRAM, "serve", A.guest, "--socket", A.top / "nbd.sock"], env={**os.environ, **A.env},
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for _ in range(600):
            if (A.top / "nbd.sock").exists() or server.poll() is not None:
                break
            time.sleep(0.05)
        if server.poll() is not None:
            skip("serve does not start here: " + server.stderr.read().decode()[-200:])
        here, there = by_hand(["send", A.guest], ["receive", B.guest, "--caps", CAPS])
        expect(here[0] == 0, here)
        here, there = by_hand(["send", A.guest], ["claim", B.guest])
        expect(here[0] == 3 and "--paused" in here[1], here)
        expect(A.owner()["state"] == "held", A.owner())
        here, there = by_hand(["send", A.guest, "--paused"], ["claim", B.guest])
        expect(here[0] == 0 and there[0] == 0, (here, there))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    expect((A.owner()["state"], B.owner()["state"]) == ("departed", "held"), one_owner("paused"))


@case("who says nothing is not waited for, with a running guest or without")
def _():
    for words in ([], ["--run"]):
        begin()
        silent, up = os.pipe(), os.pipe()
        command = [PROGRAM, "receive", B.guest, *words, "--caps", CAPS, "--timeout", "1"]
        there = subprocess.run([*map(str, command)], stdin=silent[0], stdout=up[1], stderr=subprocess.PIPE,
                               env={**os.environ, **B.env}, text=True, timeout=300)
        os.close(up[1])
        told = os.read(up[0], 4096)
        for fd in (*silent, up[0]):
            os.close(fd)
        expect(b"peer: no data for" in told, told)
        expect(there.returncode == 1 and "peer: no data for 1 s" in there.stderr, there)


@case("what is not a holdfast on the other side is one clear error")
def _():
    begin()
    for to, words in (("exec:echo Welcome to beta, where everything is a file", "protocol"), ("exec:false", "exited with status 1"),
                      ("exec:cat", "hand over, too"), ("unix:/nonexistent", "cannot connect"),
                      ("http://beta", "invalid destination"), ("ssh://", "invalid destination"), ("ssh://-oProxyCommand=x", "invalid destination")):
        result = A.holdfast("migrate", A.guest, "--to", to, status=None)
        expect(result.status in (1, 2, 4) and words in result.err, result)
        expect(A.owner()["state"] == "held", A.owner())


@case("a socket is as good as a command")
def _():
    begin()
    path = str(TOP / "moving.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    source = subprocess.Popen([PROGRAM, "migrate", A.guest, "--to", f"unix:{path}"], env={**os.environ, **A.env},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    connection = listener.accept()[0]
    B.holdfast("receive", B.guest, "--caps", CAPS, stdin=connection, stdout=connection)
    connection.close()
    said = source.communicate(timeout=60)
    expect(source.returncode == 0, said)
    expect(B.owner()["state"] == "held", B.owner())


SSHD = """
Port 22
ListenAddress {address}
HostKey {top}/host_key
AuthorizedKeysFile {top}/user_key.pub
StrictModes no
UsePAM no
PidFile none
SetEnv {environment}
"""


@case("two network namespaces, and a real sshd on an address of its own")
def _():
    begin()
    if os.geteuid() or not all(shutil.which(p, path="/usr/sbin:/usr/bin:/sbin:/bin") for p in ("ip", "sshd", "ssh", "ssh-keygen")):
        skip("takes root, ip, ssh and sshd")
    name = f"hf{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name + "b"], stderr=subprocess.DEVNULL).returncode:
        skip("network namespaces are not allowed here")
    server = None
    try:
        def there(*words):
            return ["ip", "netns", "exec", name + "b", *map(str, words)]
        for words in (["ip", "netns", "add", name + "a"],
                      ["ip", "-n", name + "a", "link", "add", "v0", "type", "veth", "peer", "v0", "netns", name + "b"],
                      ["ip", "-n", name + "a", "addr", "add", "10.77.0.1/24", "dev", "v0"],
                      ["ip", "-n", name + "b", "addr", "add", "10.77.0.2/24", "dev", "v0"],
                      ["ip", "-n", name + "a", "link", "set", "v0", "up"], ["ip", "-n", name + "b", "link", "set", "v0", "up"]):
            if subprocess.run(words, stderr=subprocess.DEVNULL).returncode:
                skip("a pair of connected namespaces cannot be made here")
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", TOP / key], check=True)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        (TOP / "sshd_config").write_text(SSHD.format(address="10.77.0.2", top=TOP,
                                                     environment=" ".join(f"{k}={v}" for k, v in B.env.items())))
        server = subprocess.Popen(there(shutil.which("sshd", path="/usr/sbin:/sbin"), "-D", "-e", "-f", TOP / "sshd_config"),
                                  stderr=subprocess.PIPE)
        (TOP / "bin").mkdir()
        # The user's own configuration, which `migrate` leaves to ssh.
        (TOP / "bin/ssh").write_text(f"#!/bin/sh\nexec ip netns exec {name}a /usr/bin/ssh -F {TOP}/ssh_config \"$@\"\n")
        (TOP / "bin/ssh").chmod(0o755)
        (TOP / "ssh_config").write_text(f"Host beta\n  HostName 10.77.0.2\n  User root\n  IdentityFile {TOP}/user_key\n"
                                        f"  StrictHostKeyChecking no\n  UserKnownHostsFile {TOP}/known\n  LogLevel ERROR\n")
        env = {**A.env, "PATH": f"{TOP}/bin:" + os.environ["PATH"]}
        for _ in range(100):
            if subprocess.run([TOP / "bin/ssh", "-oBatchMode=yes", "beta", "true"], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        else:
            skip("sshd does not let this user in: " + (server.stderr.read1().decode() if server.poll() is not None else ""))
        result = holdfast("migrate", A.guest, "--to", "ssh://beta", "--as", B.guest, "--remote-holdfast", PROGRAM, env=env)
        expect("owns it now" in result.out, result)
        expect((A.owner()["state"], B.owner()["state"]) == ("departed", "held"), one_owner("ssh"))
    finally:
        if server:
            server.terminate()
            server.wait()
        for side in "ab":
            subprocess.run(["ip", "netns", "del", name + side], stderr=subprocess.DEVNULL)


main(ROOM.cleanup)
