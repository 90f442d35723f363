# SPDX-License-Identifier: BSD-2-Clause
"""The mailbox where its driver does not run, and where it runs only when it is signed."""
import pathlib
import shutil
import subprocess

from guest import OVMF, Guest, create, raw_flash
from program import BUILD, SOURCE, holdfast, scratch
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
IMAGES = [BUILD / "efi" / f"holdfast-mailbox-{arch}.efi" for arch in ("x64", "aa64")]
SNAKEOIL = pathlib.Path("/usr/share/ovmf/PkKek-1-snakeoil.key")  # Debian's; its certificate is in the .snakeoil variables
SECURE = ["-M", "q35,smm=on"]


def reports(path):
    return [e["text"] for e in holdfast("log", path, "--json").json["events"]
            if e["kind"] == "mailbox" and e["text"].startswith("the firmware")]


def contract(path):
    return holdfast("show", path, "--json").json["contract"]


def secure_container(name):
    path = ROOT / f"{name}.hold"
    holdfast("create", path, "--firmware", OVMF["secboot"][0], "--vars", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd",
             "--machine", "q35")
    return path


def words_of(text):
    """SeaBIOS's words but for addresses, which move with the device's BARs."""
    return [line for line in text.splitlines() if line.startswith(("SeaBIOS", "Booting from", "Boot failed", "No bootable"))]


@case("SeaBIOS says and does the same with the mailbox as without; nothing is agreed on")
def _():
    said = []
    for name, options in (("without", ()), ("with", ("--mailbox",))):
        path = ROOT / f"seabios-{name}.hold"
        create(path, "seabios", "pc-i440fx-7.2")
        with Guest(path, "-M", "pc-i440fx-7.2", port="debugcon", options=options) as guest:
            guest.wait_text("No bootable device.")  # with its last byte: the debug port brings them one by one
            said.append(words_of(guest.serial.data.decode(errors="replace")))
    expect(said[0] == said[1] and said[0], f"{said}")
    expect(reports(path) == [] and not any(row["locked"] for row in contract(path)), f"{reports(path)}")


@case("OVMF without the ROM boots as ever; nothing is agreed on")
def _():
    path = ROOT / "no-rom.hold"
    create(path, "4m", "q35")
    with Guest(path, "-M", "q35", options=["--mailbox"], env={"HOLDFAST_MAILBOX_ROM": ""}) as guest:
        guest.wait_text("UEFI Interactive Shell")
    expect(reports(path) == [] and not any(row["locked"] for row in contract(path)), f"{reports(path)}")


@case("with Secure Boot the unsigned ROM is refused beforehand, and a signed one runs")
def _():
    path = secure_container("secure")
    result = holdfast("run", path, "--mailbox", "--", *SECURE, "-display", "none", "-S", status=3)
    expect("rule 'secure-boot'" in result.err and "not signed" in result.err, f"{result}")
    if not shutil.which("sbsign"):
        skip("sbsign is not installed: package sbsigntool")
    key = ROOT / "key.pem"
    subprocess.run(["openssl", "rsa", "-in", SNAKEOIL, "-passin", "pass:snakeoil", "-out", key], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    signed = []
    for image in IMAGES:
        signed.append(ROOT / image.name)
        subprocess.run(["sbsign", "--key", key, "--cert", SNAKEOIL.with_suffix(".pem"), "--output", signed[-1], image],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rom = ROOT / "signed.rom"
    subprocess.run([SOURCE / "efi" / "make-rom", rom, *signed], check=True)
    with Guest(path, *SECURE, options=["--mailbox"], env={"HOLDFAST_MAILBOX_ROM": str(rom)}) as guest:
        guest.wait_text("BdsDxe: ")
        guest.serial.wait_for(lambda _: "the firmware reported: ready-to-boot" in reports(path), 120, "the driver's report")
    agreed = {row["domain"]: row["agreed"] for row in contract(path)}
    expect(agreed == {"lifecycle": [0], "acpi-loader": [0, 1]}, f"{agreed}")


@case("Debian's OVMF runs an unsigned ROM even where it enforces Secure Boot: the refusal is holdfast's own")
def _():
    variables = ROOT / "vars.fd"
    shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd", variables)
    window = ROOT / "window"
    window.write_bytes(bytes(4096) + b"HFMH\1\0\0\0\1\0\0\0" + bytes((1 << 20) - 4108))
    with Guest(None, "-M", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
               *raw_flash(OVMF["secboot"][0], variables),
               "-object", f"memory-backend-file,id=window,mem-path={window},size=1M,share=on",
               "-device", f"ivshmem-plain,memdev=window,romfile={BUILD / 'efi' / 'holdfast-mailbox.rom'}", bare=True) as guest:
        guest.wait_text("Security Violation")  # its own shell is not signed
        expect(window.read_bytes()[:4] == b"HFMG", "the driver did not run")


main()
