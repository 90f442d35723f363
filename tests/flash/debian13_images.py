# SPDX-License-Identifier: BSD-2-Clause
"""Debian 13's firmware is told apart as Debian 12's is (which tests/flash/test_flash_image.c has)."""
import pathlib
import subprocess

from program import SOURCE, holdfast
from tap import case, expect, main, skip


def share():
    done = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], capture_output=True, text=True)
    if done.returncode:
        skip(done.stderr.strip() or "Debian 13's packages are not here")
    return pathlib.Path(done.stdout.strip()) / "usr" / "share"


def identify(*files):
    return holdfast("image", "identify", *files, "--json").json


@case("OVMF: SMM, Secure Boot, architecture and version from inside the compressed volume")
def _():
    ovmf = share() / "OVMF"
    for name, smm in (("OVMF_CODE_4M.fd", "no"), ("OVMF_CODE_4M.secboot.fd", "yes"),
                      ("OVMF_CODE_4M.secboot.strictnx.fd", "yes")):
        report = identify(ovmf / name, ovmf / "OVMF_VARS_4M.ms.fd")
        image = report["image"]
        expect((image["kind"], image["arch"], image["layout"], image["needs_smm"]) == ("ovmf", "x86_64", "4m", smm), image)
        expect(image["secure_boot"] == smm, image)
        expect(image["version"].startswith("2025.02-") and image["base"] == 0xFFC84000, image)
        expect({e["guid"] for e in image["reset_vector_table"]} >= {"SevProcessorReset", "TdxMetadataOffset"}, image)
        expect(report["pair"] == {"fits": "yes", "why": None}, report["pair"])
    expect(identify(ovmf.parent / "ovmf" / "OVMF.fd")["image"]["kind"] == "combined", "OVMF.fd")


@case("AAVMF and SeaBIOS")
def _():
    aavmf = share() / "AAVMF"
    for name in "AAVMF_CODE.no-secboot.fd", "AAVMF_CODE.secboot.fd":
        report = identify(aavmf / name, aavmf / "AAVMF_VARS.fd")
        image = report["image"]
        expect((image["kind"], image["arch"], image["needs_smm"]) == ("aavmf", "aarch64", "no"), image)
        expect(image["secure_boot"] == ("no" if "no-secboot" in name else "yes"), image)
        expect(image["version"].startswith("2025.02-") and report["pair"]["fits"] == "yes", report)
        expect(not report["vars"]["blank"], "Debian 13's template is formatted")
    bios = identify(share() / "seabios" / "bios-256k.bin")["image"]
    expect((bios["kind"], bios["version"]) == ("seabios", "1.16.3-debian-1.16.3-2"), bios)


@case("every variable store reads strictly, and to every layout and back nothing is lost")
def _():
    stores = sorted((share() / "OVMF").glob("OVMF_VARS*.fd")) + sorted((share() / "AAVMF").glob("AAVMF_VARS*.fd"))
    expect(len(stores) == 6, stores)
    for store in stores:
        report = holdfast("vars", "list", store, "--json").json
        expect(not report["pending"] and not report["torn"] and report["authenticated"], store)
        for layout in "2m", "4m", "aavmf":
            result = holdfast("image", "convert", store, "/dev/null/never", "--layout", layout, "--dry-run", "--json")
            expect(result.json["variables"] == len(report["variables"]), store)


main()
