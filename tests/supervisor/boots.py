# SPDX-License-Identifier: BSD-2-Clause
"""Every kind of firmware that a container holds boots on every board it is for, and keeps its variables."""
import pathlib

from guest import OVMF, Guest, clean, create, digest, export
from program import holdfast, scratch
from secure_boot_keys import Key
from serving import Serving
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
X86_END = 1 << 32


def vars_of(path):
    """{name: hexadecimal} of the marker variables in an exported bank, or in a container."""
    names = [v["name"] for v in holdfast("vars", "list", path, "--json").json["variables"]]
    return {n: holdfast("vars", "get", path, n, "--json").json["data"] for n in names if n.startswith("Marker")}


def set_and_keep(name, kind, *machine, arch="x86_64", board=None):
    """Sets a variable in the shell, powers off, and finds it in the export, beside the code that went in."""
    path = ROOT / f"{name}.hold"
    create(path, kind, board, arch)
    with Guest(path, *machine, arch=arch) as guest:
        shell = guest.shell()
        shell.setvar("MarkerOne", "cafe")
        expect(guest.power_off(shell) == 0, guest.said())
    exported(path, kind)
    return path


def exported(path, kind):
    """What comes out is the code that went in, and the variable."""
    files = export(path, path.with_suffix(".export"))
    expect(files["code"] == pathlib.Path(OVMF[kind][0]).read_bytes(), "the exported code is not what went in")
    expect(vars_of(path.with_suffix(".export") / "vars.fd") == {"MarkerOne": "cafe"}, "the variable is not in the export")


@case("OVMF 4M on q35: variables survive a restart and a reset, the code is the container's")
def _():
    path = set_and_keep("q35", "4m", "-M", "q35", board="q35")
    with Guest(path) as guest:  # the machine type comes from the container
        shell = guest.shell()
        expect(shell.getvar("MarkerOne") == "cafe", "gone after a restart")
        shell.setvar("MarkerTwo", "babe")
        shell = guest.reset()
        expect(shell.getvar("MarkerTwo") == "babe", "gone after a reset")
        size = pathlib.Path(OVMF["4m"][0]).stat().st_size
        expect(guest.bank_digest(X86_END - size, size) == digest(OVMF["4m"][0]), "other code in the guest's memory")
        expect(guest.power_off(shell) == 0, guest.said())
    expect(vars_of(path) == {"MarkerOne": "cafe", "MarkerTwo": "babe"}, vars_of(path))
    rest = [p.name for p in path.parent.glob("q35.hold*")]
    expect(rest == ["q35.hold"], f"more than one file at rest: {rest}")


@case("OVMF 4M on pc-i440fx")
def _():
    set_and_keep("pc", "4m", "-M", "pc", board="pc")


@case("OVMF 2M on q35")
def _():
    set_and_keep("2m", "2m", "-M", "q35", board="q35")


@case("AAVMF on virt; keys staged while it runs are enforced after its reset, and rolled back")
def _():
    if holdfast("image", "identify", OVMF["aavmf"][0], "--json").json["image"]["secure_boot"] != "yes":
        set_and_keep("virt", "aavmf", "-M", "virt", arch="aarch64", board="virt")
        skip("this build of AAVMF has no Secure Boot: nothing would be enforced")
    path, own = ROOT / "virt.hold", Key(ROOT, "own")
    create(path, "aavmf", "virt", "aarch64")
    holdfast("set", path, "confirm-by=manual")
    with Guest(path, "-M", "virt", arch="aarch64") as guest:
        guest.shell().setvar("MarkerOne", "cafe")
        holdfast("keys", "update", path, "--pk", own.pem, "--kek", own.pem, "--db", own.pem)
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")  # the shell has no signature
        guest.serial.wait_for(lambda d: any(w in clean(d[start:]) for w in ("Access Denied", "Security Violation")) or None,
                              600, "firmware that refuses the shell")
        expect(holdfast("show", path, "--json").json["lifecycle"]["state"] == "trial", "no trial")
        expect(holdfast("keys", "show", path, "--json").json["mode"] == "user", "not enrolled")
        holdfast("rollback", path, "--variables", "fallback")
        guest.qmp_ready = False  # keys were applied between two QEMUs
        shell = guest.reset()
        expect(shell.getvar("MarkerOne") == "cafe", "gone with the keys")
        expect(guest.power_off(shell) == 0, guest.said())
    expect(holdfast("keys", "show", path, "--json").json["mode"] == "setup", "not rolled back")
    exported(path, "aavmf")


@case("SeaBIOS as a flash image on pc, without variables")
def _():
    path = ROOT / "seabios.hold"
    create(path, "seabios", "pc")
    with Guest(path, "-M", "pc", port="debugcon") as guest:
        guest.wait_text("No bootable device")
        expect("SeaBIOS (version" in guest.serial.data.decode(errors="replace"), "no SeaBIOS")
        guest.connect().execute("quit")
        expect(guest.wait() == 0, guest.said())


@case("a guest of 64 processors and 100 devices starts")
def _():
    path = ROOT / "large.hold"
    create(path, "4m", "q35")
    devices = [word for n in range(100)
               for word in ("-device", f"virtio-rng-pci,multifunction=on,addr={4 + n // 8:#x}.{n % 8}")]
    with Guest(path, "-M", "q35", "-smp", "64", *devices) as guest:
        guest.wait_running()
        guest.connect().execute("quit")
        expect(guest.wait() == 0, guest.said())


@case("Secure Boot OVMF on q35 with SMM and secure flash")
def _():
    path = ROOT / "secboot.hold"
    create(path, "secboot", "q35")
    with Guest(path, "-M", "q35") as guest:
        guest.wait_text("BdsDxe: ")
        chips = [d for d in guest.connect().execute("qom-list", path="/machine") if d["name"].startswith("system.flash")]
        expect(len(chips) == 2, chips)
        secure = guest.qmp.execute("qom-get", path="/machine/system.flash1", property="secure")
        expect(secure is True, "the variables' flash is open to the operating system")


@case("Secure Boot OVMF is refused by name where there is no SMM")
def _():
    path = ROOT / "secboot.hold"
    for machine in (["-M", "pc"], ["-M", "q35,smm=off"]):
        result = holdfast("run", path, "--", *machine, status=3)
        expect("rule 'smm'" in result.err or "rule 'machine'" in result.err, result)


@case("QEMU's own words are shown, and the exit status is 1, when it cannot start")
def _():
    result = holdfast("run", ROOT / "q35.hold", "--", "-display", "none", "-device", "no-such-device", status=1)
    expect("no-such-device" in result.err and "exited with status 1" in result.err, result)


@case("arguments that contradict the container are refused and name the rule")
def _():
    for arguments, rule in [(["-bios", "x"], "firmware"), (["-drive", "if=pflash,file=x"], "firmware"),
                            (["-M", "pc"], "machine"), (["-daemonize"], "daemonize"),
                            (["-uuid", "00000000-0000-0000-0000-000000000001"], "uuid")]:
        result = holdfast("run", ROOT / "q35.hold", "--", *arguments, status=3)
        expect(f"rule '{rule}'" in result.err, result)


@case("another architecture's QEMU is refused before the guest runs")
def _():
    result = holdfast("run", ROOT / "q35.hold", "--qemu", "qemu-system-i386", "--", "-display", "none", status=3)
    expect("emulates i386" in result.err, result)


@case("another manager's QEMU boots with qemu-args from what serve serves")
def _():
    path, socket = ROOT / "q35.hold", ROOT / "served.sock"
    arguments = holdfast("qemu-args", path, "--socket", socket, "--json").json["arguments"]
    with Serving(path, socket=socket), Guest(None, *arguments, bare=True) as guest:
        shell = guest.shell()
        expect(shell.getvar("MarkerOne") == "cafe", "the variable is not there")
        guest.power_off(shell)


main(DIRECTORY.cleanup)
