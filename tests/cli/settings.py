# SPDX-License-Identifier: BSD-2-Clause
"""Every key that `holdfast set` takes has an effect that a test sees. The keys are the program's own: one that is new and
has no test here fails. The guests run SeaBIOS, which takes a second."""
import pathlib

from elsewhere import shown_elsewhere
from guest import Guest, create, wait_until
from moving import Host, Traveller
from program import holdfast, scratch
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
BIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")

def show(path):
    return holdfast("show", path, "--json").json


def new(name, *settings, machine="pc-i440fx-7.2"):
    path = ROOT / f"{name}.hold"
    create(path, "seabios", machine)
    if settings:
        holdfast("set", path, *settings)
    return path


def quit_guest(guest):
    guest.connect().execute("quit")
    expect(guest.wait() == 0, guest.said())


def another_bios():
    """SeaBIOS with another byte where it has none."""
    path = ROOT / "another.bin"
    data = bytearray(BIOS.read_bytes())
    expect(data[:16] == bytes(16), "this SeaBIOS begins with something")
    data[0] = 1
    path.write_bytes(data)
    return path


def reset(guest):
    """Resets the guest; the pid of the QEMU that runs it then."""
    resets = len(guest.qmp.events("RESET")) if guest.qmp_ready else 0
    before = guest.child("qemu")
    guest.connect().execute("system_reset")
    wait_until(lambda: guest.child("qemu") not in (before, None) or len(guest.qmp.events("RESET")) > resets, 60, "a reset")
    return guest.child("qemu")


@case("name: what people call the guest")
def name():
    path = new("name", "name=web1")
    expect("web1" in holdfast("show", path).out, "not shown")


@case("machine: what QEMU runs without -machine")
def machine():
    path = new("machine", machine=None)
    for named in ("pc-q35-7.2", "pc-i440fx-7.1"):
        holdfast("set", path, f"machine={named}")
        with Guest(path) as guest:
            guest.wait_running()
            expect(guest.qmp.execute("qom-get", path="/machine", property="type") == f"{named}-machine", named)
            quit_guest(guest)


@case("policy and firmware: the next power-on takes the host's image")
def policy():
    path = new("policy")
    active = show(path)["slots"]["active"]
    holdfast("set", path, "policy=host", f"firmware={another_bios()}", "confirm-by=manual")
    with Guest(path) as guest:
        guest.wait_running()
        quit_guest(guest)
    expect(show(path)["slots"]["active"] != active, "the image is the same")


@case("reset: cold starts QEMU anew, from the next reset on; --reset of the run comes first")
def resetting():
    path = new("reset")
    with Guest(path) as guest:
        guest.wait_running()
        process = guest.child("qemu")
        expect(reset(guest) == process, "a warm reset ended QEMU")
        holdfast("set", path, "reset=cold")
        guest.looked()
        expect(reset(guest) != process, "a cold reset did not end QEMU")
        guest.qmp_ready = False
        guest.wait_running()
        quit_guest(guest)
    with Guest(path, options=("--reset", "warm")) as guest:
        guest.wait_running()
        process = guest.child("qemu")
        expect(reset(guest) == process, "--reset warm does not come first")
        quit_guest(guest)


@case("upgrade-at: what is staged waits for a power-on, or does not")
def upgrading():
    path = new("upgrade", "upgrade-at=power-on", "confirm-by=manual")
    before = show(path)["slots"]["active"]["sha256"]
    with Guest(path) as guest:
        guest.wait_running()
        holdfast("stage", path, another_bios())
        expect("power-on" in show(path)["lifecycle"]["next_reset"], show(path)["lifecycle"])
        reset(guest)
        expect(show(path)["slots"]["active"]["sha256"] == before, "applied at a reset")
        holdfast("set", path, "upgrade-at=reboot")
        guest.looked()
        reset(guest)
        expect(show(path)["slots"]["active"]["sha256"] != before, "not applied at a reset")
        guest.qmp_ready = False
        guest.wait_running()
        quit_guest(guest)


@case("reset: what the run was told goes along when the guest moves")
def resetting_moved():
    here, there = Host(ROOT / "here"), Host(ROOT / "there")
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-7.2")
    with Traveller(here, options=("--reset", "cold")) as guest:
        guest.wait_running()
        guest.move(there)
        guest.connect()
        process = guest.child("qemu")
        expect(reset(guest) not in (process, None), "the destination does not know that resets are cold")
        guest.qmp_ready = False
        guest.connect().execute("quit")
        guest.wait()


@case("roms: the guest's are those of its first start, the host's those of each start")
def roms():
    path, directory = new("roms"), ROOT / "roms"
    directory.mkdir()

    def start(kib):
        """Under a host whose ROM has so many KiB; the size that the machine gives it, and what is recorded."""
        (directory / "efi-e1000.rom").write_bytes(b"\x55\xaa\x08" + bytes(kib * 1024 - 3))
        with Guest(path, "-L", directory, "-device", "e1000,id=nic0") as guest:
            guest.wait_running()
            size = guest.qmp.execute("qom-get", path="/machine/peripheral/nic0/e1000.rom[0]", property="size")
            quit_guest(guest)
        return size // 1024, show(path)["roms"]
    size, recorded = start(64)
    expect(size == 64, size)
    expect(start(128) == (64, recorded), "a ROM of the host reached the guest")
    holdfast("set", path, "roms=host")
    size, now = start(128)
    expect(size == 128 and now != recorded, f"roms=host: {size} KiB, {now}")
    holdfast("set", path, "roms=guest")
    expect(start(64) == (128, now), "the guest does not keep the ROM of its last start")


@case("snapshots: no more are kept")
def snapshots():
    path = new("snapshots", "snapshots=2")
    for number in range(4):
        holdfast("snapshot", path, "--reason", f"number {number}")
    expect(len(show(path)["snapshots"]) == 2, show(path)["snapshots"])


@case("run --force-restart: an upgrade does not wait for the machine of the start")
def force_restart():
    for options, life in (((), "staged"), (("--force-restart",), "trial")):
        path = new(f"forced-{life}", "confirm-by=manual")
        with Guest(path, options=options) as guest:
            guest.wait_running()
            guest.qmp.execute("device_add", driver="virtio-rng-pci", id="later")
            holdfast("stage", path, another_bios())
            guest.looked()
            guest.qmp.execute("system_reset")
            wait_until(lambda: "later" in holdfast("log", path).out or show(path)["lifecycle"]["state"] == life == "trial", 60,
                       "a decision")
            expect(show(path)["lifecycle"]["state"] == life, f"{options}: {show(path)['lifecycle']}")
            if life == "trial":
                for verb in ("confirm", "rollback"):
                    holdfast(verb, path, "--dry-run")
                    expect(show(path)["lifecycle"]["state"] == "trial", f"{verb} --dry-run did something")
                holdfast("confirm", path)
                expect(show(path)["lifecycle"]["state"] == "steady", show(path)["lifecycle"])


# key: cases here, or (file, case) elsewhere
SHOWN = {
    "name": [name], "machine": [machine], "policy": [policy], "firmware": [policy], "reset": [resetting, resetting_moved],
    "upgrade-at": [upgrading],
    "roms": [roms], "snapshots": [snapshots],
    "confirm-by": [("supervisor/upgrades.py", "rolled back by itself, code and variables are byte for byte what a real "
                    "boot had left: garbage, and a reset loop")],
    "confirm-uptime": [("supervisor/upgrades.py", "confirmed by running time after a sign of life; an unconfirmed healthy "
                        "guest is left alone")],
    "trial-boots": [("supervisor/upgrades.py", "firmware that hangs without any event is timed out and rolled back in the "
                     "same run")],
    "trial-timeout": [("supervisor/upgrades.py", "firmware that hangs without any event is timed out and rolled back in the "
                       "same run")],
    "mailbox": [("supervisor/mailbox.py", "set mailbox=off removes it, logged, at the next power-on")],
    "mask": [("supervisor/mailbox.py", "domains are agreed on one by one: one refused and retried, one accepted; stages, "
              "log and show agree")],
    "guest-confirm": [("guest/from_inside.py", "Linux stages a newer OVMF, reboots, runs it and confirms it")],
    "guest-keys": [("guest/from_inside.py", "Linux asks for the Secure Boot keys that its owner allowed")],
    "guest-update": [("supervisor/mailbox.py", "the guest stages an image: only one that its owner allowed, whole, paired, "
                      "and not too large")],
}


@case("every key has its test")
def _():
    listed = set(holdfast("show", new("all"), "--settings", "--json").json["settings"]) | {"name", "machine"}
    expect(listed == set(SHOWN), f"without a test, or not there any more: {listed ^ set(SHOWN)}")
    for key, tests in SHOWN.items():
        for test in tests:
            if isinstance(test, tuple):
                shown_elsewhere(f"set {key}=", *test, f"{key}=")


main(DIRECTORY.cleanup)
