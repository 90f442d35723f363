# SPDX-License-Identifier: BSD-2-Clause
"""Every verb that makes a file, killed before each call that changes a file or a name, and with each one failing.

Under a sanitizer, which looks for something else and starts each of these thousands of processes slowly, at every fourth
of these calls. What has the final name is whole; the next run of the verb does it, or finds it done; nothing else is left. One that says
'done, but the last sync failed' has done it, one that says 'failed' has not."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

from debian_firmware import OVMF
from program import BUILD, PROGRAM, holdfast, scratch
from tap import case, expect, main, note

if os.access("/dev/shm", os.W_OK):  # thousands of syncs, none of which is to be waited for
    os.environ.setdefault("TMPDIR", "/dev/shm")
home = scratch()
HERE = pathlib.Path(home.name)
PRELOAD = BUILD / "tests" / "lib" / "failing-calls.so"
UUID = "b8960a51-5ffa-4f40-8e81-887af75991db"
GUID = "11111111-2222-3333-4444-555555555555"
CODE, VARS = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
STATUS_UNSYNCED = 7

template = HERE / "template"
template.mkdir()


def environment(where, **more):
    return {**os.environ, "HOLDFAST_STATE_DIR": str(where / "state"), "HOLDFAST_RUNTIME_DIR": str(where / "runtime"), **more}


def prepare():
    def make(*args):
        holdfast(*args, cwd=template, env=environment(template))

    make("create", "c.hold", "--firmware", CODE, "--vars", VARS, "--machine", "pc-q35-7.2")
    make("vars", "set", "c.hold", "Extra", "--guid", GUID, "--data", "00" * 300)
    make("backup", "c.hold", "b0.hold")
    shutil.copy(VARS, template / "v4.fd")
    shutil.copy(OVMF / "OVMF_VARS.fd", template / "v2.fd")


prepare()


class Work:
    """A fresh copy of the template, in which the verb runs."""

    def __init__(self, args, outputs):
        self.args, self.outputs = [str(a) for a in args], outputs
        self.where = HERE / "work"
        self.log = HERE / "calls"

    def renew(self):
        shutil.rmtree(self.where, ignore_errors=True)
        subprocess.run(["cp", "-a", template, self.where], check=True)

    def run(self, **more):
        done = subprocess.run([PROGRAM, *self.args], cwd=self.where, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, env=environment(self.where, **more))
        expect("Sanitizer" not in done.stderr, done.stderr)
        return done

    def fail(self, nth, kill):
        more = {"FAIL_KILL": "1"} if kill else {}
        self.renew()
        return self.run(LD_PRELOAD=str(PRELOAD), FAIL_NTH=str(nth), ASAN_OPTIONS="verify_asan_link_order=0", **more)

    def calls(self):
        self.renew()
        self.log.unlink(missing_ok=True)
        done = self.run(LD_PRELOAD=str(PRELOAD), FAIL_LOG=str(self.log), ASAN_OPTIONS="verify_asan_link_order=0")
        expect(done.returncode == 0, done)
        self.good = self.found()
        self.names = self.listed()
        return self.log.read_text().split()

    def listed(self):
        """Without the state of the host, and the log that belongs to a container."""
        return sorted(str(p.relative_to(self.where)) for p in self.where.rglob("*") if p.is_file()
                      and p.relative_to(self.where).parts[0] not in ("state", "runtime")
                      and not p.name.endswith(("-wal", "-shm", "-journal")))

    def found(self):
        return {name: self.content(name) for name in self.outputs}

    def content(self, name):
        """What a reader gets of it, without what tells one run from another; None when nothing is there."""
        if not (self.where / name).exists():
            return None
        if not name.endswith(".hold"):
            return hashlib.sha256((self.where / name).read_bytes()).hexdigest()
        shown = holdfast("show", name, "--json", cwd=self.where, env=environment(self.where)).json
        slots = {slot: facts and facts["sha256"] for slot, facts in shown["slots"].items()}
        return json.dumps([shown["guest"]["name"], shown["lifecycle"]["policy"], slots, shown["vars"]["sha256"]],
                          sort_keys=True)

    def check(self):
        for name in self.outputs:
            if name.endswith(".hold") and (self.where / name).exists():
                holdfast("check", name, cwd=self.where, env=environment(self.where))


def sample(calls):
    """All but most of the writes: of these the first, one in the middle and the last."""
    writes = [n for n, name in enumerate(calls, 1) if name == "write"]
    some = {writes[0], writes[len(writes) // 2], writes[-1]} if writes else set()
    chosen = [(n, name) for n, name in enumerate(calls, 1) if name != "write" or n in some]
    return chosen[::4] if os.environ.get("HOLDFAST_SLOWED") else chosen


def without_backups(names):
    return [name for name in names if ".bak" not in name]


def walk(args, outputs, again=(0,)):
    """`again`: how a second run may end after one that had done it all."""
    work = Work(args, outputs)
    calls = work.calls()
    good = work.good
    work.renew()
    before = work.found()
    wrong = []
    expect(good != before, "nothing is seen of what it does")
    for nth, name in sample(calls):
        for kill in (False, True):
            done = work.fail(nth, kill)
            at = f"{' '.join(work.args[:2])}: call {nth} of {len(calls)} ({name}), exit {done.returncode}: "
            found = work.found()
            if kill:
                work.check()
            for output in outputs:
                if found[output] not in (before[output], good[output]):
                    wrong.append(f"{at}{output} is neither what it was nor what it is to be: {done.stderr}")
            if not kill and found != (good if done.returncode in (0, STATUS_UNSYNCED) else before):
                wrong.append(f"{at}{'not done' if found != good else 'done'}: {done.stderr}")
            second = work.run()
            if second.returncode not in (again if found == good else (0,)):
                wrong.append(f"{at}a second run ends with {second.returncode}: {second.stderr}")
            if second.returncode == 0 and without_backups(work.listed()) != without_backups(work.names):
                wrong.append(f"{at}left behind: {set(work.listed()) ^ set(work.names)}")
    expect(not wrong, "\n".join(wrong))
    note(f"{' '.join(work.args[:2])}: {len(sample(calls))} of {len(calls)} calls")


NEW = (0, 3)  # done already: "exists"


@case("create")
def _():
    walk(("create", "n.hold", "--firmware", CODE, "--vars", VARS, "--policy", "versioned", "--uuid", UUID), ["n.hold"], NEW)


@case("backup, restore, clone")
def _():
    walk(("backup", "c.hold", "n.hold"), ["n.hold"], NEW)
    walk(("restore", "b0.hold", "n.hold"), ["n.hold"], NEW)
    walk(("clone", "c.hold", "n.hold", "--uuid", UUID), ["n.hold"], NEW)


@case("export, vars export, vars get --out, image convert")
def _():
    walk(("export", "c.hold", "x"), ["x/code.fd", "x/vars.fd"], NEW)
    walk(("vars", "export", "c.hold", "n.fd"), ["n.fd"], NEW)
    walk(("vars", "get", "c.hold", "Extra", "--out", "n.bin"), ["n.bin"], NEW)
    walk(("image", "convert", "v2.fd", "n.fd", "--layout", "4m"), ["n.fd"], NEW)


@case("vars set of a file and of a container, set, stage")
def _():
    walk(("vars", "set", "v4.fd", "Foo", "--guid", GUID, "--data", "aabb", "--in-place"), ["v4.fd"])
    walk(("vars", "set", "c.hold", "Foo", "--guid", GUID, "--data", "aabb"), ["c.hold"])
    walk(("set", "c.hold", "name=other"), ["c.hold"])
    walk(("stage", "c.hold", OVMF / "OVMF_CODE_4M.secboot.fd"), ["c.hold"])


main()
