# SPDX-License-Identifier: BSD-2-Clause
"""L8: a move compares what the QEMUs of both hosts show to the guest's firmware, and what they build at all. Each refusal
here is one that no rule about descriptions knows. A dry run and the move say the same, and nothing has moved then."""
import pathlib
import shlex
import shutil
import stat
import subprocess
import sys

from guest import Guest, wait_until
from moving import Host, Traveller, debian13
from program import scratch
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
OLD, NEWER = "/usr/bin/qemu-system-x86_64", debian13()


def newer():
    if isinstance(NEWER, str):
        skip(f"Debian 13's QEMU: {NEWER}")
    return NEWER["x86_64"]


def wrapped(name, *words, qemu=OLD):
    """A QEMU whose machines get more arguments."""
    path = ROOT / name
    path.write_text(f'#!/bin/sh\ncase "$*" in *-blockdev*) set -- {shlex.join(words)} "$@" ;; esac\nexec {qemu} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def host(name, qemu=OLD, machine=None, firmware="seabios"):
    there = Host(ROOT / name, qemu=qemu)
    if machine:
        there.holdfast("create", there.container, "--firmware", firmware, "--machine", machine)
    return there


def started_once(here, *arguments):
    """What a move of a guest that is off goes by."""
    with Guest(here.container, *arguments, env=here.env, qemu=str(here.qemu)) as guest:
        guest.wait_running()
        guest.qmp.execute("quit")
        expect(guest.wait() == 0, guest.said())


def move_off(here, there, status=0, options=(), command=None):
    target = command or there.receive(running=False)
    return here.holdfast("migrate", here.container, "--to", "exec:" + target, *options, status=status, timeout=600)


def refused_alike(move, rule, *parts):
    """As a dry run and really; `move(options)` gives the result."""
    for options in (["--dry-run"], []):
        result = move(options)
        for part in (f"rule '{rule}'", *parts):
            expect(part in result.err, f"'{part}' is not in: {result}")


@case("a guest that runs: the QEMU there shows more fw_cfg files; refused, and without them it moves")
def _():
    here = host("here", machine="pc-i440fx-7.2")
    there = host("more", wrapped("more-files", "-fw_cfg", "name=etc/aa-first,string=x"))
    with Traveller(here) as guest:
        guest.wait_running()
        refused_alike(lambda options: guest.move(there, status=3, options=options), "fw-cfg-files", "etc/aa-first")
        wait_until(lambda: there.supervisor() is None, 60, "the end of the destination")
        expect(there.state() == "none" and here.state() == "held", "something moved")
        plain = host("plain")
        result = guest.move(plain)
        expect("compared" not in result.err and "probe" not in result.err, result)
        guest.connect().execute("quit")
        guest.wait()


@case("a guest that is off: a device that the QEMU there does not know; refused by what it said")
def _():
    here, there = host("newer", newer(), machine="pc-q35-7.2"), host("older")
    started_once(here, "-device", "igb,romfile=")
    refused_alike(lambda options: move_off(here, there, 3, options), "probe-start", "igb")
    expect(here.state() == "held" and there.state() == "none", "something moved")
    result = move_off(here, host("newer-too", newer()))
    expect("compared" not in result.err, result)


@case("the same machine type under QEMU 7.2 and 10.0 moves there and back")
def _():
    here, there = host("from72", machine="pc-i440fx-7.2"), host("to100", newer())
    started_once(here, "-device", "vmgenid", "-device", "e1000", "-smp", "2")
    for options in (["--dry-run"], []):
        move_off(here, there, options=options)
    started_once(there, "-device", "vmgenid", "-device", "e1000", "-smp", "2")
    move_off(there, here)


@case("a TPM emulator that does not answer there is found by the dry run, too")
def _():
    if not shutil.which("swtpm"):
        skip("swtpm is not installed")
    here, there = host("tpm", machine="pc-q35-7.2"), host("no-tpm")
    sock, elsewhere = ROOT / "swtpm", ROOT / "swtpm-there"
    (ROOT / "tpm-state").mkdir()
    words = ["-chardev", f"socket,id=tpm,path={sock}", "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device",
             "tpm-tis,tpmdev=tpm0"]
    command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={ROOT / 'tpm-state'}", "--ctrl"]
    with subprocess.Popen([*command, f"type=unixio,path={sock}"]) as tpm:
        wait_until(sock.exists, 60, "swtpm")
        with Traveller(here, *words) as guest:
            guest.wait_running()
            mine = ["-machine", "pc-q35-7.2", *[w.replace(str(sock), str(elsewhere)) for w in guest.command[guest.command.index("--") + 1:]]]
            refused_alike(lambda options: guest.move(there, status=3, options=options, arguments=mine), "probe-start",
                          f"TPM emulator '{elsewhere}'")
            guest.connect().execute("quit")
            guest.wait()
        tpm.terminate()


@case("a destination of an older version is asked by rules alone, and that is said")
def _():
    here, there = host("new", machine="pc-i440fx-7.2"), host("old")
    started_once(here)
    forget = ROOT / "forget.py"
    forget.write_text("import sys, os\nwhile True:\n    data = os.read(0, 1 << 20)\n    if not data:\n        break\n"
                      "    sys.stdout.buffer.write(data.replace(b'\"probe\"', b'\"prope\"'))\n    sys.stdout.buffer.flush()\n")
    result = move_off(here, there, command=f"{sys.executable} {forget} | {there.receive(running=False)}")
    expect("does not probe its QEMU" in result.err, result)
    expect(there.state() == "held", there.state())


main(DIRECTORY.cleanup)
