# SPDX-License-Identifier: BSD-2-Clause
"""A guest with an operating system: its agent, its clock, its panics, and the dbx that it updates."""
import pathlib
import socket
import time

import linux
from guest import OVMF, Guest, digest, export, wait_until
from linux import Linux
from program import BUILD, holdfast, scratch
from tap import Shared, case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PATH, AGENT = ROOT / "g.hold", ROOT / "agent"
CODE, VARS = OVMF["secboot"][0], OVMF["4m"][1]  # no keys: firmware takes a dbx without asking for a signature
DAY = 86400
DBX_GUID = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")  # EFI_CERT_SHA256_GUID
PKCS7 = bytes.fromhex("9dd2af4adf68ee498aa9347d375665a7")  # EFI_CERT_TYPE_PKCS7_GUID
STATE = Shared()


def image(name):
    """Debian's OVMF under another digest: a name where no code looks."""
    code = bytearray(pathlib.Path(CODE).read_bytes())
    at = code.rindex(b"\xff" * 64) + 16
    code[at:at + len(name)] = name.encode()
    (ROOT / f"{name}.fd").write_bytes(code)
    return ROOT / f"{name}.fd"


def dbx(*entries):
    """A signature list of SHA-256 digests, in hexadecimal."""
    rows = b"".join(bytes(16) + bytes([e]) * 32 for e in entries)
    head = SHA256 + (28 + len(rows)).to_bytes(4, "little") + bytes(4) + (48).to_bytes(4, "little")
    return (head + rows).hex()


def update_dbx(system, *entries):
    """As an operating system does it: a time and a (here empty) signature before the list."""
    stamp = (2026).to_bytes(2, "little") + bytes([1, 1]) + bytes(12)
    signature = (24).to_bytes(4, "little") + bytes.fromhex("0002f10e") + PKCS7
    system.setvar("dbx", (stamp + signature).hex() + dbx(*entries), DBX_GUID, attributes=0x27)


def shown():
    return holdfast("show", PATH, "--json").json


def state():
    return shown()["lifecycle"]["state"]


def active():
    return shown()["slots"]["active"]["sha256"]


def guest(*options):
    return Guest(PATH, *STATE["linux"], "-device", "virtio-serial-pci", "-chardev",
                 f"socket,id=agent,path={AGENT},server=on,wait=off", "-device",
                 "virtserialport,chardev=agent,name=org.qemu.guest_agent.0,id=agent0", "-device", "pvpanic", *options)


def differences(a, b):
    """Names of the variables in which two exported banks differ."""
    diff = holdfast("vars", "diff", ROOT / a / "vars.fd", ROOT / b / "vars.fd", "--json", status=None).json
    return sorted(v["name"] for v in diff["differences"])


def dbx_of(banks):
    return holdfast("vars", "get", ROOT / banks / "vars.fd", "dbx", "--json").json["data"]


def powered_on(name, path=PATH):
    """Applies what waits, runs not one instruction, and writes the banks to ROOT/name."""
    with Guest(path, "-S") as stopped:
        stopped.connect()
        return export(path, ROOT / name)


@case("an upgrade at Linux's own reboot: the clock runs on as Linux had set it")
def _():
    STATE["linux"] = linux.arguments(ROOT, files={"bin/holdfast-guest": BUILD / "guest" / "holdfast-guest"})
    holdfast("create", PATH, "--firmware", CODE, "--vars", VARS, "--machine", "pc-q35-7.2")
    holdfast("set", PATH, "confirm-by=agent", "trial-boots=1")
    STATE["guest"] = guest()
    system = Linux(STATE["guest"])
    update_dbx(system, 1)
    system.run(f"date -s @$(( $(date +%s) + {DAY} )) && hwclock -u -w")
    STATE["new"] = image("second")
    holdfast("stage", PATH, STATE["new"])
    process = STATE["guest"].child("qemu")
    STATE["system"] = system = system.reboot()
    expect(STATE["guest"].child("qemu") != process and active() == digest(STATE["new"]), holdfast("log", PATH).out)
    ahead = int(system.run("cat /sys/class/rtc/rtc0/since_epoch").out) - time.time()
    expect(abs(ahead - DAY) < 30, f"the guest's clock is {ahead} s ahead")


@case("the guest's agent opens its port: the trial is confirmed, and the channel stays free for its user")
def _():
    system = STATE["system"]
    expect(state() == "trial", holdfast("show", PATH).out)
    with socket.socket(socket.AF_UNIX) as user:
        user.connect(str(AGENT))
        user.settimeout(60)
        system.run("(exec 3<>/dev/vport0p1; echo hello >&3; read answer <&3; echo $answer >/tmp/heard) >/dev/null 2>&1 &")
        wait_until(lambda: state() == "steady", 30, "confirmation by the agent")
        expect(user.recv(64) == b"hello\n", "what the agent said did not come through")
        user.sendall(b"welcome\n")
        system.run("while [ ! -s /tmp/heard ]; do sleep 0.1; done; grep welcome /tmp/heard")
    expect("agent" in holdfast("log", PATH).out, holdfast("log", PATH).out)


@case("a guest without the mailbox: its tool says what is missing, and where")
def _():
    said = STATE["system"].run("holdfast-guest status", status=4).out
    expect("no mailbox" in said and "'holdfast run --mailbox'" in said, said)
    said = STATE["system"].run("holdfast-guest keys").out
    expect("Secure Boot off; setup mode" in said and "Host        not known: this machine has no mailbox" in said, said)
    expect("dbx         programs that are forbidden by digest: 1" in said, said)


@case("a panic in a trial ends the guest with status 1 and is evidence: rolled back, but the dbx stays new")
def _():
    running = STATE["guest"]
    before = export(PATH, ROOT / "before")
    holdfast("stage", PATH, image("third"))
    system = STATE["system"].reboot()
    expect(state() == "trial", holdfast("show", PATH).out)
    update_dbx(system, 1, 2)
    system.setvar("Marker", "cafe")
    system.tell("echo c >/proc/sysrq-trigger")
    expect(running.wait() == 1, running.said())
    expect("panicked" in running.said(), running.said())
    running.close()
    expect("panic" in holdfast("log", PATH).out, holdfast("log", PATH).out)
    after = powered_on("after")
    expect(after["code"] == before["code"], "the code is not back")
    expect(differences("before", "after") == ["dbx"], differences("before", "after"))
    expect(dbx_of("after") == dbx(1, 2), dbx_of("after"))


@case("a rollback by hand over a dbx update keeps the newer dbx, and takes the old one back only when told")
def _():
    holdfast("stage", PATH, image("fourth"))
    with guest() as running:
        system = Linux(running)
        update_dbx(system, 1, 2, 3)
        expect(system.power_off() == 0, running.said())
    other = ROOT / "other.hold"
    holdfast("backup", PATH, ROOT / "backup")
    refused = holdfast("rollback", PATH, status=3)
    expect("dbx" in f"{refused}", f"the difference was not told: {refused}")
    holdfast("rollback", PATH, "--variables", "fallback")
    back = powered_on("kept")
    expect(dbx_of("kept") == dbx(1, 2, 3), dbx_of("kept"))
    expect(back["code"] == STATE["new"].read_bytes(), "the code is not back")
    expect(differences("after", "kept") == ["dbx"], differences("after", "kept"))
    holdfast("restore", ROOT / "backup", other)
    holdfast("rollback", other, "--variables", "fallback", "--old-dbx")
    back = powered_on("old", other)
    expect(back["vars"] == (ROOT / "after" / "vars.fd").read_bytes(), differences("after", "old"))


main(DIRECTORY.cleanup)
