# SPDX-License-Identifier: BSD-2-Clause
"""Many verbs at once on one container wait for each other: none gives up, and no change is lost."""
import concurrent.futures
import fcntl
import os
import pathlib
import pty
import select
import signal
import subprocess

from program import PROGRAM, holdfast, scratch
from serving import make
from tap import case, expect, main

home = scratch()
HERE = pathlib.Path(home.name)
GUID = "11111111-2222-3333-4444-555555555555"


@case("fifty verbs, of five kinds, all do what they are asked for")
def _():
    path = make(HERE / "many.hold")

    def one(number):
        kind = number % 5
        args = (("vars", "set", path, f"V{number}", "--guid", GUID, "--data", f"{number:02x}"),
                ("set", path, f"name=n{number}"), ("snapshot", path, "--reason", f"s{number}"), ("show", path, "--json"),
                ("check", path))[kind]
        return holdfast(*args, status=None, timeout=900)

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        results = list(pool.map(one, range(50)))
    expect(all(r.status == 0 for r in results), "".join(str(r) for r in results if r.status))
    names = {v["name"] for v in holdfast("vars", "list", path, "--json").json["variables"]}
    expect({f"V{n}" for n in range(0, 50, 5)} <= names, names)
    log = [e["text"] for e in holdfast("log", path, "--json").json["events"]]
    for n in range(1, 50, 5):
        expect(any(f"n{n}'" in t or t.endswith(f"n{n}") or f"n{n} " in t for t in log), (n, log))
    holdfast("check", path)


def line_of(path):
    """The lock of the line, taken here."""
    holdfast("set", path, "name=first")
    runtime = pathlib.Path(os.environ["HOLDFAST_RUNTIME_DIR"])
    lock = open(max(runtime.glob("*/line.lock"), key=lambda p: p.stat().st_mtime_ns), "r+")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


@case("one that waits says so on a terminal, and goes on when it is its turn")
def _():
    path = make(HERE / "waits.hold")
    with line_of(path):
        leader, follower = pty.openpty()
        waiting = subprocess.Popen([PROGRAM, "set", path, "name=second"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=follower)
        os.close(follower)
        said = b""
        while b"waiting for another change" not in said:
            expect(select.select([leader], [], [], 60)[0], f"nothing was said: {said}")
            said += os.read(leader, 4096)
        expect(waiting.poll() is None, "it did not wait")
    expect(waiting.wait(60) == 0, said)
    os.close(leader)
    expect(holdfast("show", path, "--json").json["guest"]["name"] == "second", "the change")


@case("one that was killed holds up nobody")
def _():
    path = make(HERE / "killed.hold")
    with line_of(path):
        waiting = subprocess.Popen([PROGRAM, "set", path, "name=killed"], stdin=subprocess.DEVNULL)
        waiting.send_signal(signal.SIGKILL)
        waiting.wait(60)
    holdfast("set", path, "name=third")


main()
