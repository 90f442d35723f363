# SPDX-License-Identifier: BSD-2-Clause
"""L8: what is known to break a guest at a destination is refused before the move, by rule, with both values and the
remedy; and asking changes nothing. Destinations are this host's own description with one thing changed; breakages that
need a QEMU to show are in tests/preflight/probe.py.
"""
import copy
import hashlib
import json
import pathlib

from guest import OVMF, create
from program import SOURCE, holdfast, scratch
from tap import case, expect, main, skip

home = scratch()
here = pathlib.Path(home.name)
LAYOUT = "2m" if pathlib.Path(OVMF["2m"][0]).exists() else "4m"  # Debian 13 and later have no 2 MB image
EFI, BIOS, SECURE = here / "efi.hold", here / "bios.hold", here / "secure.hold"
create(EFI, LAYOUT, "pc-q35-7.2")
create(BIOS, "seabios", "pc-q35-7.2")
create(SECURE, "secboot", "pc-q35-7.2")
HOST = holdfast("caps", "--json").json
HOST["host"] = "elsewhere"
HOST["epochs"] = []
for qemu in HOST["qemu"]:
    if not any(m["name"] == "pc-q35-7.2" for m in qemu["machines"]):
        qemu["machines"].append({"name": "pc-q35-7.2", "deprecated": False})


def judge(container, change=lambda host: None, *more, status=None, env=None):
    host = copy.deepcopy(HOST)
    change(host)
    (here / "caps.json").write_text(json.dumps(host))
    before = hashlib.sha256(container.read_bytes()).hexdigest()
    got = holdfast("preflight", container, "--host", here / "caps.json", *more, "--json", status=status, env=env)
    expect(hashlib.sha256(container.read_bytes()).hexdigest() == before, f"{container} changed")
    expect(got.status in (0, 3), got)
    result = got.json["results"][0]
    expect((got.status == 3) == (result["refused-now"] or result["refused-next-reset"]), got)
    return result


def refused(result, rule, *parts):
    found = [f for f in result["findings"] if f["weight"] == "refused"]
    expect([f["rule"] for f in found] == [rule], f"refused by {[f['rule'] for f in found]}, wanted {rule}")
    for part in parts:
        expect(part in found[0]["text"], f"'{part}' is not in: {found[0]['text']}")
    expect(len(found[0]["remedy"]) > 10, found)


@case("a host that has everything is fine")
def _():
    for container in (EFI, BIOS, SECURE):
        result = judge(container)
        expect(not result["refused-now"] and not result["refused-next-reset"], result)


def without(key, value):
    def change(host):
        host[key] = value
    return change


@case("machine type missing")
def _():
    def change(host):
        for qemu in host["qemu"]:
            qemu["machines"] = [m for m in qemu["machines"] if m["name"] != "pc-q35-7.2"]
    refused(judge(EFI, change), "machine-type", "pc-q35-7.2")


@case("no SMM")
def _():
    def change(host):
        for qemu in host["qemu"]:
            qemu["smm"] = False
    refused(judge(SECURE, change), "smm", "SMM")
    expect(not judge(EFI, change)["findings"], "firmware that needs no SMM is refused")


@case("older holdfast")
def _():
    refused(judge(EFI, without("container", {"reads": 0, "writes": 0})), "holdfast", "format 1", "up to 0")


@case("already owned")
def _():
    shown = holdfast("show", EFI, "--json").json
    for epoch, departed in ((shown["owner"]["epoch"], False), (shown["owner"]["epoch"] + 1, True)):
        entry = {"id": shown["id"], "epoch": epoch, "departed": departed}
        refused(judge(EFI, without("epochs", [entry])), "epoch", "epoch", str(epoch))


@case("disk too small")
def _():
    refused(judge(EFI, without("free-bytes", 4096)), "room", "4096")


@case("a known break, by the manifest of exactly this image")
def _():
    digest = hashlib.sha256(pathlib.Path("/usr/share/seabios/bios-256k.bin").read_bytes()).hexdigest()
    known = json.loads((SOURCE / "data/manifests/debian12-seabios-1.16.2.json").read_text())
    if digest not in [i["sha256"] for i in known["images"]]:
        skip("this SeaBIOS is another build than Debian 12's 1.16.2")

    def change(host):
        for qemu in host["qemu"]:
            qemu["version"] = "10.0.2"
    there = {"HOLDFAST_MANIFEST_DIR": str(SOURCE / "data/manifests")}
    refused(judge(BIOS, change, env=there), "known-break", "SeaBIOS 1.16.2", "QEMU 10.0")
    expect(not judge(EFI, change, env=there)["refused-now"], "an image that the manifest does not name")


@case("the firmware after the move is named, under each policy")
def _():
    mine = holdfast("show", EFI, "--json").json
    theirs = [f for f in HOST["firmware"] if f["name"] == "ovmf"][0]
    result = judge(EFI)
    expect(result["firmware"] == "the container's" and "policy guest" in result["firmware-why"], result)
    holdfast("set", EFI, "policy=host")
    result = judge(EFI)  # a 2M guest, and the host's ovmf is a 4M image
    expect(result["firmware"] == "the host's" and result["firmware-digest"] == theirs["digest"], (result, mine))
    expect("policy host" in result["firmware-why"], result)
    texts = " ".join(f["text"] for f in result["findings"])
    expect(LAYOUT == "4m" or f"converted from 131072 to {theirs['vars-size']} bytes" in texts, texts)
    holdfast("set", EFI, "policy=versioned")
    expect(judge(EFI)["firmware"] == "the container's", "a guest that never started has no other version")


@case("a description that is no description is one clear error")
def _():
    bad = here / "bad.json"
    for text in ("", "[]", "{}", '{"schema": 2}', "{" * 100000, json.dumps({**HOST, "free-bytes": -1}),
                 json.dumps({**HOST, "roms": [1]}), json.dumps({**HOST, "qemu": [{}] * 5000}), "x" * (5 << 20)):
        bad.write_text(text)
        got = holdfast("preflight", EFI, "--host", bad, status=None)
        expect(got.status in (1, 2, 3) and str(bad) in got.err and got.err.count("\n") == 1, (text[:40], got))


main(home.cleanup)
