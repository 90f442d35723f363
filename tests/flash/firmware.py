# SPDX-License-Identifier: BSD-2-Clause
"""Stores that real firmware filled are read, edited and converted; real firmware then shows the same values. A guest
that is killed after any of its flash writes leaves a store that is read without loss, as firmware recovers it."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import debian_firmware
from guest import MARKER_GUID, OVMF, Guest, create
from program import BUILD, holdfast, scratch
from tap import case, expect, main, note, skip

STATE = scratch()  # holdfast's own directories, private to this test
HOME = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-firmware-"))
LONG = os.environ.get("HOLDFAST_LONG") == "1"
WALK = BUILD / "tests" / "flash" / "walk-writes"


def machine(kind, store, log=None):
    """QEMU's arguments for code of this kind and that store; `log` records every flash write."""
    code, _ = OVMF[kind]
    if not pathlib.Path(code).exists():
        skip(f"{code} is not installed")
    board = {"aavmf": "virt", "secboot": "q35,smm=on"}.get(kind, "q35")
    words = ["-M", f"{board},pflash0=code,pflash1=vars", "-blockdev",
             f"driver=file,filename={code},node-name=code,read-only=on"]
    if log:
        words += ["-blockdev", f"driver=file,filename={store},node-name=raw",
                  "-blockdev", f"driver=file,filename={log},node-name=log",
                  "-blockdev", "driver=blklogwrites,file=raw,log=log,node-name=vars"]
    else:
        words += ["-blockdev", f"driver=file,filename={store},node-name=vars"]
    if kind == "secboot":
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return words


def boot(kind, store, log=None):
    return Guest(None, *machine(kind, store, log), arch="aarch64" if kind == "aavmf" else "x86_64", bare=True)


def fresh(kind, name):
    return pathlib.Path(shutil.copy(OVMF[kind][1], HOME / name))


def store_report(store):
    return holdfast("vars", "list", store, "--json", "--data", "--reveal").json


def markers(store):
    """{name: hex} of the variables that the tests set."""
    return {v["name"]: v["data"] for v in store_report(store)["variables"] if v["guid"] == MARKER_GUID}


def shown(shell, names):
    """The same, as the guest's firmware shows them."""
    values = {name: shell.getvar(name) for name in names}
    return {name: value for name, value in values.items() if value}


def boot_and_show(kind, store, names):
    with boot(kind, store) as guest:
        shell = guest.shell()
        values = shown(shell, names)
        guest.power_off(shell)
    return values


@case("2M: what the shell set is listed with its boot entries; the store is then nearly filled")
def _():
    store = fresh("2m", "2m.fd")
    with boot("2m", store) as guest:
        shell = guest.shell()
        for i in range(4):
            shell.setvar(f"Kept{i}", bytes(range(i, i + 40)).hex())
        shell.setvar("Gone", "aa")
        shell.run(f"setvar Gone -guid {MARKER_GUID} -bs -rt -nv =")
        guest.power_off(shell)
    report = store_report(store)
    expect(markers(store) == {f"Kept{i}": bytes(range(i, i + 40)).hex() for i in range(4)}, markers(store))
    meanings = {v["name"]: v["meaning"] for v in report["variables"]}
    expect("EFI Internal Shell" in " ".join(str(m) for m in meanings.values()), meanings)
    expect(re.fullmatch(r"[0-9A-F]{4}(,[0-9A-F]{4})*", meanings["BootOrder"]), meanings["BootOrder"])
    # Room for some variables only, with dead ones to clear away.
    dead = (report["room"] - report["used"]) // 3
    for name, size in ("Dead", dead), ("Filler", report["room"] - report["used"] - dead - 2500):
        (HOME / "fill").write_bytes(bytes(i % 251 for i in range(size)))
        holdfast("vars", "set", store, name, "--guid", "Shim", "--file", HOME / "fill", "--attributes", "NV+BS",
                 "--in-place")
    holdfast("vars", "rm", store, "Dead", "--in-place")


def set_in_a_loop(guest, rounds):
    """What the guest did, in order: [(name, hex or None)]."""
    shell, done = guest.shell(), []
    for i in range(rounds):
        name, value = f"Loop{i % 3}", bytes((i + k) % 256 for k in range(200)).hex()
        shell.setvar(name, value)
        done.append((name, value))
        if i % 5 == 4:
            shell.run(f"setvar Loop0 -guid {MARKER_GUID} -bs -rt -nv =")
            done.append(("Loop0", None))
    guest.power_off(shell)
    return done


def walk(before, log, *saves):
    done = subprocess.run([WALK, before, log, *map(str, saves)], capture_output=True, text=True, cwd=HOME)
    expect(done.returncode == 0, done.stdout[-2000:] + done.stderr)
    note(done.stdout.splitlines()[-1])
    return done.stdout.splitlines()


def history(lines):
    """[(name, first 64 bytes in hex, or None)] of the loop's variables, from the walk."""
    found = re.findall(r"^\d+ ([+!-]) (Loop\d) ?([0-9a-f]*)$", "\n".join(lines), re.M)
    return [(name, value if mark != "-" else None) for mark, name, value in found]


def interesting(before, log):
    """Write numbers at which the store is in the middle of something."""
    raw = log.read_bytes()
    bank, sector, at, found, number = bytearray(before.read_bytes()), 512, 512, {"spare": [], "torn": []}, 0
    while at + sector <= len(raw):
        where, sectors, flags = (int.from_bytes(raw[at + k:at + k + 8], "little") for k in (0, 8, 16))
        if where * sector + sectors * sector > len(bank):
            break
        number += 1
        at += sector
        bank[where * sector:(where + sectors) * sector] = raw[at:at + sectors * sector]
        at += sectors * sector
        if where * sector < 0xE000 and bank[0xF000 + 32 + 40] & 6 == 4:
            found["spare"].append(number)  # the spare area is whole, the target is being written
    return found


@case("2M: killed after any write of a loop of sets, the rewrite of a full store included, nothing is lost")
def _():
    store, log = HOME / "2m.fd", HOME / "2m.log"
    before = pathlib.Path(shutil.copy(store, HOME / "2m.before"))
    log.touch()
    with boot("2m", store, log) as guest:
        done = set_in_a_loop(guest, 12 if not LONG else 100)
    lines = walk(before, log)
    wanted = [(name, value and value[:128]) for name, value in done]
    expect(history(lines) == wanted, f"{history(lines)}\n{wanted}")
    middle = int(re.search(r"(\d+) with a rewrite pending", lines[-1]).group(1))
    expect(middle > 100, f"the store was not rewritten while the guest ran: {lines[-1]}")
    expect(markers(store)["Kept0"] == bytes(range(40)).hex(), "an old one is gone")


@case("2M: images left behind in the middle of a rewrite are what real firmware recovers")
def _():
    before, log = HOME / "2m.before", HOME / "2m.log"
    middle = interesting(before, log)["spare"]
    expect(middle, "no write in the middle of a rewrite")
    count = 12 if LONG else 1
    chosen = [middle[len(middle) * (2 * i + 1) // (2 * count)] for i in range(count)]
    walk(before, log, HOME, *chosen)
    for number in chosen:
        left = HOME / f"{number}.fd"
        report = store_report(left)
        expect(report["pending"], f"after write {number} nothing is pending")
        ours = markers(left)
        theirs = boot_and_show("2m", left, [f"Kept{i}" for i in range(4)] + [f"Loop{i}" for i in range(3)])
        expect(ours == theirs, f"after write {number}: we read {ours}, firmware shows {theirs}")
        left.unlink()


@case("2M to 4M: 4M firmware shows the same values, and an edit from outside; back again with 2M")
def _():
    holdfast("vars", "rm", HOME / "2m.fd", "Filler", "--in-place")
    wanted = markers(HOME / "2m.fd")
    holdfast("image", "convert", HOME / "2m.fd", HOME / "4m.fd", "--layout", "4m")
    holdfast("vars", "set", HOME / "4m.fd", "Edited", "--guid", MARKER_GUID, "--data", "0badcafe", "--in-place")
    wanted["Edited"] = "0badcafe"
    with boot("4m", HOME / "4m.fd") as guest:
        shell = guest.shell()
        expect(shown(shell, wanted) == wanted, shown(shell, wanted))
        shell.setvar("Inside", "11")
        guest.power_off(shell)
    wanted["Inside"] = "11"
    expect(markers(HOME / "4m.fd") == wanted, markers(HOME / "4m.fd"))
    holdfast("image", "convert", HOME / "4m.fd", HOME / "back.fd", "--layout", "2m")
    expect(boot_and_show("2m", HOME / "back.fd", wanted) == wanted, "back in 2M it differs")


@case("a 2M store under 4M code keeps nothing: the pair that identify refuses")
def _():
    store = fresh("2m", "mismatch.fd")
    pair = holdfast("image", "identify", OVMF["4m"][0], store, "--json").json["pair"]
    expect(pair["fits"] == "no", pair)
    with boot("4m", store) as guest:
        shell = guest.shell()
        shell.setvar("Lost", "aa")
        expect(shell.getvar("Lost") == "aa", "the guest itself does not see it")
        guest.power_off(shell)
    expect("Lost" not in markers(store), "it was kept after all")


@case("enrolled keys, 2M to 4M: Secure Boot firmware takes them and refuses the unsigned shell")
def _():
    source = debian_firmware.OVMF / "OVMF_VARS.ms.fd"
    if not source.exists():
        skip(f"{source} is not installed")
    store = HOME / "secure.fd"
    holdfast("image", "convert", source, store, "--layout", "4m")

    def keys(path):
        return {(v["name"], v["time"], v["data"]) for v in store_report(path)["variables"]
                if v["name"] in ("PK", "KEK", "db", "dbx", "certdb")}
    with boot("secboot", store) as guest:
        guest.wait_text("BdsDxe: failed to load", 180)
        guest.serial.wait_for(lambda d: b"Access Denied" in d or b"Security Violation" in d, 60, "the refusal")
    expect(len(keys(source)) == 5 and keys(store) == keys(source), f"{keys(store)} is not {keys(source)}")


def filled_4m():
    """The store of the cases above, or (when they were left out) one filled from outside."""
    store = HOME / "4m.fd"
    if not store.exists():
        fresh("4m", "4m.fd")
        holdfast("vars", "set", store, "Outside", "--guid", MARKER_GUID, "--data", "0102", "--in-place")
    return store


@case("AAVMF: its own store, and one converted from OVMF's, show the same values")
def _():
    store = fresh("aavmf", "aavmf.fd")
    expect(store_report(store)["blank"], "Debian 12's template is blank")
    with boot("aavmf", store) as guest:
        shell = guest.shell(240)
        shell.setvar("Arm", "cafe")
        guest.power_off(shell)
    expect(markers(store) == {"Arm": "cafe"}, markers(store))
    holdfast("image", "convert", filled_4m(), HOME / "from-x86.fd", "--layout", "aavmf")
    wanted = markers(filled_4m())
    expect(boot_and_show("aavmf", HOME / "from-x86.fd", wanted) == wanted, "AAVMF shows other values")
    holdfast("image", "convert", store, HOME / "arm-4m.fd", "--layout", "4m")
    holdfast("image", "convert", HOME / "arm-4m.fd", HOME / "arm-back.fd", "--layout", "aavmf")
    expect(boot_and_show("aavmf", HOME / "arm-back.fd", ["Arm"]) == {"Arm": "cafe"}, "there and back differs")


@case("a running guest's container: read beside it, changed only when it is off")
def _():
    guest_file = HOME / "G.hold"
    create(guest_file, "4m", "q35")
    with Guest(guest_file, "-M", "q35") as guest:
        shell = guest.shell()
        shell.setvar("Running", "beef")
        expect(markers(guest_file) == {"Running": "beef"}, markers(guest_file))
        result = holdfast("vars", "rm", guest_file, "Running", "--guid", MARKER_GUID, status=6)
        expect("the guest runs" in result.err or "runs" in result.err, result)
        expect(shell.getvar("Running") == "beef", "the guest lost it")
        guest.power_off(shell)
    holdfast("vars", "set", guest_file, "Running", "--guid", MARKER_GUID, "--data", "f00d")
    with Guest(guest_file, "-M", "q35") as guest:
        shell = guest.shell()
        expect(shell.getvar("Running") == "f00d", "the guest does not see the change")
        guest.power_off(shell)


main(lambda: shutil.rmtree(HOME, ignore_errors=True))
