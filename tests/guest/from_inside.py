# SPDX-License-Identifier: BSD-2-Clause
"""A real Linux guest stages its own firmware through the mailbox, runs it and confirms it; and a hostile one tries."""
import os
import pathlib
import random
import subprocess

import debian_firmware
import linux
from guest import OVMF, Guest, digest, wait_until
from linux import Linux
from program import BUILD, SOURCE, alive, holdfast, scratch
from tap import Shared, case, expect, main, note, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PATH = ROOT / "g.hold"
LARGE = 9 << 20  # more than flash below 4 GiB can hold
STATE = Shared()

os.environ["HOLDFAST_MAILBOX_ROM"] = str(BUILD / "efi" / "holdfast-mailbox.rom")


def newer():
    found = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if found.returncode:
        skip(f"Debian 13's OVMF: {found.stderr.strip()}")
    return pathlib.Path(found.stdout.strip()) / "usr/share/OVMF/OVMF_CODE_4M.fd"


def shown():
    return holdfast("show", PATH, "--json").json


def active():
    return shown()["slots"]["active"]["sha256"]


@case("Linux in a guest with the mailbox sees its firmware's state")
def _():
    new, foreign = newer(), debian_firmware.EFI_AARCH64 / "QEMU_EFI.fd"
    if not foreign.exists():
        skip(f"{foreign} is not there")
    large = ROOT / "large"
    large.write_bytes(bytes(LARGE))
    holdfast("create", PATH, "--firmware", OVMF["4m"][0], "--vars", OVMF["secboot"][1], "--machine", "pc-q35-7.2",
             "--no-secure-boot")
    holdfast("vars", "set", PATH, "SecureBootEnable", "--data", "00")  # the mailbox's driver here is signed by nobody
    holdfast("set", PATH, "confirm-by=manual", f"guest-update={digest(new)},{digest(foreign)},{digest(large)}")
    files = {"bin/holdfast-guest": BUILD / "guest" / "holdfast-guest", "bin/scribbler": BUILD / "tests" / "guest" / "scribbler",
             "new.fd": new, "foreign.fd": foreign}
    STATE["guest"] = Guest(PATH, *linux.arguments(ROOT, files=files), options=("--mailbox",))
    STATE["system"], STATE["new"] = Linux(STATE["guest"]), new
    said = STATE["system"].run("holdfast-guest status").out
    expect("steady" in said and digest(OVMF["4m"][0]) in said, said)


@case("refused: an image that the owner has not allowed, one that is too large, one for another machine")
def _():
    system = STATE["system"]
    said = system.run("head -c 100000 /new.fd >/other.fd; holdfast-guest update /other.fd", status=3).out
    expect("rule 'guest-update'" in said, said)
    said = system.run(f"head -c {LARGE} /dev/zero >/large.fd; holdfast-guest update /large.fd", status=3).out
    expect("rule 'size'" in said, said)
    said = system.run("holdfast-guest update /foreign.fd", status=3).out
    expect("rule '" in said, said)
    note(said)
    expect(shown()["lifecycle"]["state"] == "steady", holdfast("show", PATH).out)
    said = system.run("holdfast-guest rollback", status=3).out
    expect("rule '" in said, said)


@case("more orders than the host takes in a while are put off, and taken later")
def _():
    system = STATE["system"]
    said = system.run("for i in $(seq 30); do holdfast-guest status >/dev/null 2>/err || break; done; cat /err").out
    expect("rule 'rate'" in said, said)
    system.run("until holdfast-guest status; do sleep 1; done")


@case("Linux asks for the Secure Boot keys that its owner allowed")
def _():
    system = STATE["system"]
    said = system.run("holdfast-guest keys update", status=3).out
    expect("rule 'guest-keys'" in said, said)
    said = system.run("holdfast-guest keys").out
    expect("the owner allows none" in said and "Microsoft Corporation KEK CA 2011, valid until 2026-06-24" in said and
           "KEK 2K CA 2023" not in said and "Debian UEFI Secure Boot (PK/KEK key)" in said, said)
    holdfast("set", PATH, "guest-keys=microsoft")
    expect("an update is offered" in system.run("holdfast-guest keys").out, "no offer")
    said = system.run("holdfast-guest keys update").out
    expect("Staged    Secure Boot keys" in said and "'microsoft', asked for from inside" in holdfast("log", PATH).out, said)
    expect("keys are staged" in system.run("holdfast-guest keys").out, "nothing staged")


@case("Linux stages a newer OVMF, reboots, runs it and confirms it")
def _():
    system = STATE["system"]
    process = STATE["guest"].child("qemu")
    said = system.run("holdfast-guest update /new.fd").out
    expect("staged" in said and digest(STATE["new"]) in said, said)
    expect(active() == digest(OVMF["4m"][0]), "staging changed what runs")
    STATE["system"] = system = system.reboot()
    expect(STATE["guest"].child("qemu") != process and active() == digest(STATE["new"]), holdfast("log", PATH).out)
    said = system.run("holdfast-guest status").out
    expect("trial" in said and digest(STATE["new"]) in said, said)
    said = system.run("holdfast-guest confirm", status=3).out
    expect("rule 'guest-confirm'" in said and shown()["lifecycle"]["state"] == "trial", said)
    holdfast("set", PATH, "guest-confirm=on")
    system.run("holdfast-guest confirm")
    expect(shown()["lifecycle"]["state"] == "steady", holdfast("show", PATH).out)


@case("after that boot it has the keys, and asking again changes nothing")
def _():
    system = STATE["system"]
    said = system.run("holdfast-guest keys").out
    expect("KEK         Microsoft Corporation KEK 2K CA 2023, valid until 2038-03-02" in said and
           "db          Microsoft Option ROM UEFI CA 2023" in said and "Microsoft Corporation KEK CA 2011" in said, said)
    expect("no update: the keys that the owner allows are there" in said, said)
    expect(holdfast("keys", "show", PATH, "--json").json["verdict"] == "current", holdfast("keys", "show", PATH).out)
    expect("Nothing was staged" in system.run("holdfast-guest keys update").out and shown()["lifecycle"]["state"] == "steady",
           holdfast("show", PATH).out)


@case("a guest that writes anything anywhere into the window: holdfast stays, the container is as it was")
def _():
    system, running = STATE["system"], STATE["guest"]
    before, seed = active(), random.randrange(1 << 32)
    children = [running.child("qemu"), running.child("nbdkit")]
    said = system.run(f"scribbler $(dirname $(grep -l 0x1110 /sys/bus/pci/devices/*/device)) 6 {seed}").out
    note(f"seed {seed}: {said.strip()}")
    expect(running.process.poll() is None and all(alive(c) for c in children), running.said())
    holdfast("check", PATH)
    expect(active() == before and shown()["lifecycle"]["state"] in ("steady", "rollback"), holdfast("show", PATH).out)
    expect(holdfast("log", PATH).out.count("\n") < 500, "the log grew without bounds")


@case("a reset makes the window new; a kernel that is locked down is reported as that")
def _():
    system = STATE["system"]
    if shown()["lifecycle"]["state"] == "rollback":
        holdfast("confirm", PATH)
    system = system.reboot()
    expect("steady" in system.run("holdfast-guest status").out, "no state after a reset")
    system.run("mount -t securityfs none /sys/kernel/security && echo integrity >/sys/kernel/security/lockdown")
    said = system.run("holdfast-guest status", status=3).out
    expect("rule 'lockdown'" in said and "'integrity'" in said, said)
    expect(system.power_off() == 0, STATE["guest"].said())
    holdfast("check", PATH)
    wait_until(lambda: [p.name for p in ROOT.glob("g.hold*")] == ["g.hold"], 10, "one file at rest")


def cleanup():
    if "guest" in STATE:
        STATE["guest"].close()
    DIRECTORY.cleanup()


main(cleanup)
