# SPDX-License-Identifier: BSD-2-Clause
"""Debian's next release and virt-firmware agree with us on keys, certificate for certificate.

The tool is Debian 13's python3-virt-firmware, run by this machine's Python with its python3-cryptography."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import debian_firmware
from program import SOURCE, holdfast
from secure_boot_keys import Key
from tap import case, expect, main, skip

HOME = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-keys-"))
HERE = debian_firmware.OVMF, debian_firmware.AAVMF
LISTS = ("PK", "KEK", "db")


def unpacked(name):
    done = subprocess.run([SOURCE / "tests" / "lib" / name], capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip()) if done.returncode == 0 else None


def debian13():
    found = unpacked("debian13")
    if not found:
        skip("Debian 13's packages are not here")
    return found


def forky():
    found = unpacked("debian_forky")
    if not found:
        skip("the packages of Debian's next release are not here")
    return found


def tool(*arguments):
    """virt-fw-vars."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        skip("python3-cryptography is not installed")
    packages, modules = debian13() / "usr/lib/python3/dist-packages", HOME / "modules"
    if not modules.exists():
        modules.mkdir()
        for name in "virt", "importlib_resources", "pefile.py", "ordlookup":
            if (packages / name).exists():
                (modules / name).symlink_to(packages / name)
    done = subprocess.run([sys.executable, "-m", "virt.firmware.vars", *map(str, arguments)], capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(modules)})
    expect(done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def fresh(source):
    if not source.exists():
        skip(f"{source} is not installed")
    return pathlib.Path(shutil.copy(source, pathlib.Path(tempfile.mkdtemp(dir=HOME)) / source.name))


def certificates(store):
    state = holdfast("keys", "show", store, "--json").json
    return {v: {c["sha256"] for c in state[v.lower()]["certificates"]} for v in LISTS}


@case("--set microsoft gives Debian 12's and 13's stores exactly the certificates of Debian's next release")
def _():
    wanted = certificates(forky() / "usr/share/OVMF/OVMF_VARS_4M.ms.fd")
    expect({v: len(c) for v, c in wanted.items()} == {"PK": 1, "KEK": 3, "db": 5}, wanted)
    share = debian13() / "usr/share"
    for source in (HERE[0] / "OVMF_VARS_4M.ms.fd", HERE[0] / "OVMF_VARS.ms.fd", HERE[1] / "AAVMF_VARS.ms.fd",
                   share / "OVMF/OVMF_VARS_4M.ms.fd", share / "AAVMF/AAVMF_VARS.ms.fd"):
        store = fresh(source)
        expect(certificates(store) != wanted, f"{source} has them already")
        holdfast("keys", "update", store, "--set", "microsoft", "--in-place")
        expect(certificates(store) == wanted, (source, certificates(store)))


@case("a guest of Debian 12 takes all that Debian's next release has, revocations too")
def _():
    newer = forky() / "usr/share/OVMF/OVMF_VARS_4M.ms.fd"
    store = fresh(HERE[0] / "OVMF_VARS_4M.ms.fd")
    holdfast("keys", "update", store, "--from", newer, "--in-place")
    state = holdfast("keys", "show", store, "--json").json
    expect(state["verdict"] == "current" and state["dbx"]["digests"] == 444, state["dbx"])  # and the one it had


@case("virt-firmware reads our result and names the same certificates")
def _():
    store = fresh(HERE[0] / "OVMF_VARS_4M.ms.fd")
    own = Key(HOME, "a key of the test")
    holdfast("keys", "update", store, "--set", "microsoft", "--db", own.pem, "--in-place")
    text = tool("--input", store, "--print", "--verbose")
    for name in ("KEK 2K CA 2023", "Windows UEFI CA 2023", "Microsoft UEFI CA 2023", "Option ROM UEFI CA 2023",
                 "KEK CA 2011", "Windows Production PCA 2011", "Corporation UEFI CA 2011", "a key of the test"):
        expect(name in text, f"{name} is missing:\n{text}")
    again = HOME / "its.json"
    tool("--input", store, "--output-json", again)
    expect(certificates(again) == certificates(store), "what it wrote of it")


@case("what virt-firmware enrolls is current")
def _():
    store = HOME / "enrolled.fd"
    template = fresh(HERE[0] / "OVMF_VARS_4M.fd")
    tool("--input", template, "--output", store, "--enroll-redhat", "--sb", "--microsoft-kek", "all")
    state = holdfast("keys", "show", store, "--json").json
    expect(state["verdict"] == "current" and state["mode"] == "user", state["words"])
    expect("option ROMs" in state["words"], state["words"])  # it leaves their certificate out


def contents(path):
    return sorted((v["guid"], v["name"], v["attributes"], v["data"], v.get("time")) for v in
                  holdfast("vars", "list", path, "--json", "--data", "--reveal").json["variables"] if v["name"] != "certdb")


@case("virt-firmware reads our uefi-data and we read what it writes")
def _():
    store, ours, its = fresh(HERE[0] / "OVMF_VARS_4M.ms.fd"), HOME / "ours.aws", HOME / "its.aws"
    holdfast("vars", "export", store, ours, "--format", "aws")
    tool("--input", ours, "--output-json", HOME / "of-ours.json")
    expect(contents(HOME / "of-ours.json") == contents(store), "what it reads of ours")
    tool("--input", store, "--output-aws", its)
    expect(contents(its) == contents(store), "what it writes")


main(cleanup=lambda: shutil.rmtree(HOME, ignore_errors=True))
