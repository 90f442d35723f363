# SPDX-License-Identifier: BSD-2-Clause
"""virt-firmware and we read what the other wrote, and agree on every variable, but for what that tool is known to drop:
each such thing has a case here that shows it.

The tool is Debian 13's python3-virt-firmware, run by this machine's Python with its python3-cryptography."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from debian_firmware import AAVMF, OVMF
from program import SOURCE, holdfast
from tap import case, expect, main, skip

HOME = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-interop-"))
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"


def unpack():
    """The tool's modules in a directory of their own: the rest of Debian 13's is for another Python."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        return None, "python3-cryptography is not installed"
    done = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip() or "Debian 13's packages are not here"
    packages = pathlib.Path(done.stdout.strip()) / "usr" / "lib" / "python3" / "dist-packages"
    modules = HOME / "modules"
    modules.mkdir()
    for name in "virt", "importlib_resources", "pefile.py", "ordlookup":
        if not (packages / name).exists():
            return None, f"{packages / name} is missing"
        (modules / name).symlink_to(packages / name)
    return modules, None


MODULES, WHY_NOT = unpack()


def tool(*arguments, status=0):
    if not MODULES:
        skip(WHY_NOT)
    done = subprocess.run([sys.executable, "-m", "virt.firmware.vars", *map(str, arguments)], capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(MODULES)})
    expect(status is None or (done.returncode == 0) == (status == 0), f"{arguments}\n{done.stdout}{done.stderr}")
    return done


def scratch(source, name):
    if not source.exists():
        skip(f"{source} is not installed")
    return pathlib.Path(shutil.copy(source, HOME / name))


def as_it_reads(store):
    out = HOME / (store.name + ".its.json")
    tool("-i", store, "--output-json", out)
    return out


def same(a, b):
    result = holdfast("vars", "diff", a, b, status=None)
    expect(result.status == 0, f"{a} and {b}:\n{result}")


@case("it reads the distribution's stores, our conversions and our edits as we do")
def _():
    for source in OVMF / "OVMF_VARS.ms.fd", OVMF / "OVMF_VARS_4M.snakeoil.fd", AAVMF / "AAVMF_VARS.ms.fd":
        store = scratch(source, source.name)
        same(as_it_reads(store), store)
        for layout in "2m", "4m", "aavmf":
            converted = HOME / f"{source.stem}-{layout}.fd"
            holdfast("image", "convert", store, converted, "--layout", layout)
            same(as_it_reads(converted), store)
            converted.unlink()
        holdfast("vars", "set", store, "MokListTrusted", "--guid", SHIM, "--data", "01", "--in-place")
        holdfast("vars", "set", store, "Timeout", "--data", "0500", "--in-place")
        holdfast("vars", "rm", store, "Lang", "--in-place")
        same(as_it_reads(store), store)


@case("its boot entry for a file has the path that ours has, and it reads ours")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.fd", "boot.fd")
    ours, its = HOME / "boot-ours.fd", HOME / "boot-its.fd"
    holdfast("boot", "add", store, "--label", "x", "--path", "/EFI/x.efi", "--out", ours)
    tool("-i", store, "--append-boot-filepath", "\\EFI\\x.efi", "-o", its)
    entries = [holdfast("boot", "list", f, "--json").json["entries"] for f in (ours, its)]
    expect(entries[0][0]["path"] == entries[1][0]["path"] and entries[1][0]["ordered"], entries)
    same(as_it_reads(ours), ours)


@case("we read what it wrote: edits, and a store built from JSON")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.ms.fd", "edit.fd")
    out = HOME / "edited.fd"
    tool("-i", store, "-d", "Lang", "--set-true", "CustomMode", "--append-boot-filepath", "\\EFI\\x.efi", "-o", out)
    same(out, as_it_reads(out))
    names = {v["name"]: v["meaning"] for v in holdfast("vars", "list", out, "--json").json["variables"]}
    expect("Lang" not in names and names["CustomMode"] == "on", names)
    expect(any("\\EFI\\x.efi" in str(m) for m in names.values()), names)
    ours = HOME / "ours.json"
    holdfast("vars", "export", store, ours, "--format", "virt-firmware")
    built = HOME / "built.fd"
    tool("-i", OVMF / "OVMF_VARS_4M.fd", "--set-json", ours, "-o", built)
    same(built, store)


@case("its JSON, ours and QEMU's are one set of variables")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.ms.fd", "json.fd")
    for form in "qemu", "virt-firmware":
        holdfast("vars", "export", store, HOME / f"{form}.json", "--format", form)
        same(HOME / f"{form}.json", as_it_reads(store))
        built = HOME / f"built-{form}.fd"
        tool("-i", OVMF / "OVMF_VARS_4M.fd", "--set-json", HOME / f"{form}.json", "-o", built)
        same(built, store)


def only_we_have(store, names):
    """The variables that it loses from `store`."""
    result = holdfast("vars", "diff", store, as_it_reads(store), "--json", status=1).json
    found = sorted(d["name"] for d in result["differences"])
    expect(found == sorted(names), f"{found} instead of {names}")


@case("it drops: one of two variables with the same name; we say so before we export to it")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.ms.fd", "names.fd")
    holdfast("vars", "set", store, "Lang", "--guid", SHIM, "--text", "x", "--in-place")
    only_we_have(store, ["Lang"])
    result = holdfast("vars", "export", store, HOME / "no.json", "--format", "virt-firmware", status=3)
    expect("virt-firmware keeps one" in result.out, result)


@case("it drops: a variable whose successor was never finished")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.ms.fd", "half.fd")
    data = bytearray(store.read_bytes())
    at = data.index("Timeout".encode("utf-16-le")) - 60
    expect(data[at:at + 3] == b"\xaa\x55\x3f", "no header there")
    data[at + 2] = 0x3E
    store.write_bytes(data)
    only_we_have(store, ["Timeout"])


@case("it drops: the time zone and the fraction of a second; we say so before we export to it")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.ms.fd", "time.fd")
    data = bytearray(store.read_bytes())
    at = data.rindex("dbx".encode("utf-16-le")) - 60
    data[at + 16 + 8:at + 16 + 14] = b"\x39\x30\x00\x00\x3c\x00"  # 12345 ns, 60 minutes
    store.write_bytes(data)
    only_we_have(store, ["dbx"])
    result = holdfast("vars", "export", store, HOME / "no.json", "--format", "virt-firmware", status=3)
    expect("time zone" in result.out, result)


@case("it cannot read: a plain store")
def _():
    store = scratch(OVMF / "OVMF_VARS_4M.fd", "plain.fd")
    data = bytearray(store.read_bytes())
    data[0x48:0x58] = bytes.fromhex("1636cfdd753264419 8b6fe85707ffe7d".replace(" ", ""))
    store.write_bytes(data)
    report = holdfast("vars", "list", store, "--json").json
    expect(not report["authenticated"] and report["variables"] == [], report)
    tool("-i", store, "--print", status=1)


main(lambda: shutil.rmtree(HOME, ignore_errors=True))
