# SPDX-License-Identifier: BSD-2-Clause
"""Guests that move to a host with newer firmware and a newer QEMU: what each policy makes of it, and when; AAVMF there and
back."""
import json
import os
import pathlib
import signal

from guest import OVMF, digest, wait_until
from moving import Host, Traveller, debian13
from program import scratch
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
NEWER = debian13()


def needs():
    if isinstance(NEWER, str):
        skip(f"Debian 13's QEMU: {NEWER}")


def newer_ovmf():
    return [NEWER["x86_64"].parents[1] / "usr/share/OVMF" / name for name in ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")]


def hosts(name):
    """One like this machine, and one with Debian 13's QEMU and OVMF."""
    (ROOT / name).mkdir()
    here, there = Host(ROOT / name / "here"), Host(ROOT / name / "there", NEWER["x86_64"])
    code, variables = newer_ovmf()
    firmware = there.root / "config/qemu/firmware"
    firmware.mkdir(parents=True)
    (firmware / "10-newer.json").write_text(json.dumps({
        "description": "newer", "interface-types": ["uefi"], "features": [], "tags": [],
        "mapping": {"device": "flash", "executable": {"filename": str(code), "format": "raw"},
                    "nvram-template": {"filename": str(variables), "format": "raw"}},
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}]}))
    there.env["XDG_CONFIG_HOME"] = str(there.root / "config")
    return here, there


def runs(guest, path):
    size = pathlib.Path(path).stat().st_size
    return guest.bank_digest((1 << 32) - size, size) == digest(path)


def moved(here, there, policy, kind="4m"):
    """A guest of that policy that booted here, without a pinned machine type, and moved."""
    here.holdfast("create", here.container, "--firmware", OVMF[kind][0], "--vars", OVMF[kind][1])
    guest = Traveller(here, "-M", "q35")
    shell = guest.shell()
    shell.setvar("Before", "cafe")
    here.holdfast("set", here.container, "firmware=ovmf", f"policy={policy}")
    guest.move(there)
    expect(runs(guest, OVMF[kind][0]), "the move changed the firmware")
    machine = guest.qmp.execute("qom-get", path="/machine", property="type")
    expect(machine == "pc-q35-7.2-machine", f"the move changed the machine: {machine}")
    return guest, shell


@case("versioned: moved to another QEMU without a pinned machine type, it is refreshed at the next power-on")
def _():
    needs()
    here, there = hosts("versioned")
    guest, shell = moved(here, there, "versioned")
    with guest:
        shell.setvar("There", "babe")
        os.kill(there.supervisor(), signal.SIGTERM)
        wait_until(lambda: there.supervisor() is None, 60, "the power-off")
    with Traveller(there, "-M", "q35") as guest:
        shell = guest.shell()
        expect(runs(guest, newer_ovmf()[0]), f"it runs other firmware than this host's\n{guest.said()}")
        expect(shell.getvar("Before") == "cafe" and shell.getvar("There") == "babe", "variables are lost")


@case("host: a 2M guest moved to a host that has only newer 4M images runs those from the first reset there on")
def _():
    needs()
    here, there = hosts("host")
    guest, shell = moved(here, there, "host", "2m")
    with guest:
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        shell = guest.shell(start=start)
        guest.qmp_ready = False
        expect(runs(guest, newer_ovmf()[0]), f"it runs other firmware than this host's\n{guest.said()}")
        expect(shell.getvar("Before") == "cafe", "variables are lost")


def powered_off(host):
    os.kill(host.supervisor(), signal.SIGTERM)
    wait_until(lambda: host.supervisor() is None, 60, "the power-off")


@case("a trial whose boots fail moves with its counters, and is rolled back over there")
def _():
    needs()
    (ROOT / "trial").mkdir()
    here, there = Host(ROOT / "trial/here"), Host(ROOT / "trial/there")
    old, new = "/usr/share/seabios/bios-256k.bin", NEWER["x86_64"].parents[1] / "usr/share/seabios/bios-256k.bin"

    def life(host):
        return host.holdfast("show", host.container, "--json").json["lifecycle"]
    here.holdfast("create", here.container, "--firmware", old, "--machine", "pc-i440fx-7.2")
    here.holdfast("set", here.container, "confirm-by=manual", "trial-boots=12")
    here.holdfast("stage", here.container, new)
    with Traveller(here, "-M", "pc-i440fx-7.2", "-boot", "reboot-timeout=2000", port="debugcon") as guest:
        wait_until(lambda: life(here)["boots"]["failed"] >= 1, 120, "a boot that ends in a reset")
        while guest.move(there, status=None).status:
            expect("try again" in guest.said(), guest.said())
        moved = life(there)
        expect(moved["state"] == "trial" and moved["boots"]["failed"] >= 1 and moved["boots"]["limit"] == 12, moved)
        wait_until(lambda: life(there)["state"] == "steady", 240, "the rollback")
        text = there.holdfast("log", there.container).out
        expect("the trial failed: 12 boots" in text and "guest reset; it does not count" in text, text)
        guest.qmp_ready = False  # QEMU began anew
        expect(runs(guest, old), f"other firmware\n{text}")
        expect(life(here)["boots"]["failed"] <= moved["boots"]["failed"], "the departed copy changed")


@case("AAVMF: to another host and back while it runs; to QEMU 10.0, which does not load its processor, and back while off")
def _():
    needs()
    (ROOT / "aavmf").mkdir()
    here, there, newer = Host(ROOT / "aavmf/here"), Host(ROOT / "aavmf/there"), Host(ROOT / "aavmf/newer", NEWER["aarch64"])
    code, variables = OVMF["aavmf"]
    here.holdfast("create", here.container, "--firmware", code, "--vars", variables, "--machine", "virt-7.2", "--arch",
                  "aarch64")

    def brings(guest, shell, *names):
        expect(guest.bank_digest(0, 64 << 20) == digest(code), "it runs other firmware than it brought")
        for name in names:
            expect(shell.getvar(name) == "cafe", f"variable {name} is lost")
    with Traveller(here, "-M", "virt-7.2", arch="aarch64") as guest:
        shell = guest.shell()
        shell.setvar("Before", "cafe")
        refused = guest.move(newer, status=3)
        expect("rule 'processor'" in refused.err and "QEMU 7.2" in refused.err and "QEMU 10.0" in refused.err, refused)
        guest.move(there)
        shell.setvar("There", "cafe")
        shell = guest.reset()
        brings(guest, shell, "Before", "There")
        guest.move(here)
        brings(guest, shell, "Before", "There")
        powered_off(here)
    here.holdfast("migrate", here.container, "--to", "exec:" + newer.receive(running=False))
    with Traveller(newer, "-M", "virt-7.2", arch="aarch64") as guest:
        shell = guest.shell()
        brings(guest, shell, "Before", "There")
        expect(guest.connect().execute("query-version")["qemu"]["major"] == 10, "this is not QEMU 10.0")
        shell.setvar("Newer", "cafe")
        powered_off(newer)
    newer.holdfast("migrate", newer.container, "--to", "exec:" + here.receive(running=False))
    names = {v["name"] for v in here.holdfast("vars", "list", here.container, "--json").json["variables"]}
    expect({"Before", "There", "Newer"} <= names, names)
    here.holdfast("check", here.container)


main()
