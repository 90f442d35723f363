# SPDX-License-Identifier: BSD-2-Clause
"""Debian 12's OVMF_CODE_4M.fd enforces Secure Boot, Debian 13's file of that name has none: the upgrade is asked for."""
import pathlib
import subprocess
import tempfile

from debian_firmware import OVMF
from program import SOURCE, holdfast
from tap import case, expect, main, skip

KEYS = OVMF / "OVMF_VARS_4M.ms.fd"
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-secure-boot-"))


def newer(name="OVMF_CODE_4M.fd"):
    done = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], capture_output=True, text=True)
    if done.returncode:
        skip(done.stderr.strip() or "Debian 13's packages are not here")
    return pathlib.Path(done.stdout.strip()) / "usr" / "share" / "OVMF" / name


def create(name, code, *more, status=0):
    path = SCRATCH / name
    return path, holdfast("create", path, "--firmware", code, "--vars", KEYS, "--machine", "q35", *more, "--json",
                          status=status)


@case("stage: an image without Secure Boot over enrolled keys is refused by name until --no-secure-boot, which is logged")
def _():
    guest, _ = create("stage.hold", OVMF / "OVMF_CODE_4M.fd")
    before = holdfast("show", guest, "--json").json
    expect(before["secure_boot"]["mode"] == "on" and before["secure_boot"]["since"] == before["created"], before)
    refused = holdfast("stage", guest, newer(), "--json", status=3)
    expect(refused.json["error"]["rule"] == "secure-boot", refused)
    expect("--no-secure-boot" in refused.json["error"]["text"], refused)
    expect(holdfast("show", guest, "--json").json["slots"]["staged"] is None, "staged all the same")
    holdfast("stage", guest, newer("OVMF_CODE_4M.secboot.fd"), "--dry-run")
    holdfast("stage", guest, newer(), "--no-secure-boot")
    expect("--no-secure-boot" in holdfast("log", guest).out, "not logged")


@case("create: variables that enforce it, firmware that has none")
def _():
    path, refused = create("create.hold", newer(), status=3)
    expect(refused.json["error"]["rule"] == "secure-boot" and not path.exists(), refused)
    guest, _ = create("create.hold", newer(), "--no-secure-boot")
    shown = holdfast("show", guest, "--json").json["secure_boot"]
    expect((shown["mode"], shown["firmware"], shown["keys_protected"]) == ("off", "no", "no"), shown)
    expect("off: this firmware has no Secure Boot; since" in holdfast("show", guest).out, "show")
    listed = holdfast("vars", "list", guest, "--json").json["secure_boot"]
    expect(not listed["enforced"] and listed["firmware"] == "no", listed)
    text = holdfast("vars", "list", guest).out
    expect("off: the guest's firmware has none" in text and "Secure Boot    on" not in text, text)
    expect("--no-secure-boot" in holdfast("log", guest).out, "not logged")


@case("SMM: firmware that protects the keys does not make way for one that does not")
def _():
    guest, _ = create("smm.hold", OVMF / "OVMF_CODE_4M.secboot.fd")
    expect(holdfast("show", guest, "--json").json["secure_boot"]["keys_protected"] == "yes", "show")
    refused = holdfast("stage", guest, OVMF / "OVMF_CODE_4M.fd", "--json", status=3)
    expect(refused.json["error"]["rule"] == "secure-boot", refused)
    expect("System Management Mode" in refused.json["error"]["text"], refused)


@case("show: setup mode; a key that is enrolled from outside is a change in the log")
def _():
    guest = SCRATCH / "setup.hold"
    holdfast("create", guest, "--firmware", OVMF / "OVMF_CODE_4M.fd", "--vars", OVMF / "OVMF_VARS_4M.fd", "--machine", "q35")
    expect("setup mode: no platform key" in holdfast("show", guest).out, "show")
    pk = SCRATCH / "pk"
    holdfast("vars", "get", KEYS, "PK", "--out", pk)
    holdfast("vars", "set", guest, "PK", "--file", pk, "--attributes", "0x27", "--authenticated")
    expect(holdfast("show", guest, "--json").json["secure_boot"]["mode"] == "on", "show")
    expect("Secure Boot is on; before it was setup mode" in holdfast("log", guest).out, "log")


main()
