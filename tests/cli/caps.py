# SPDX-License-Identifier: BSD-2-Clause
"""`holdfast caps` tells what the installed programs say of themselves, without root and without a guest."""
import hashlib
import os
import pathlib
import signal
import struct
import subprocess
import zlib

from program import holdfast, scratch
from tap import case, expect, main

here = scratch()


@case("QEMU's own list of machine types is told, aliases and all")
def _():
    told = holdfast("caps", "--qemu", "qemu-system-x86_64", "--json").json
    expect(told["schema"] == 1 and len(told["qemu"]) == 1, told)
    qemu = told["qemu"][0]
    listed = subprocess.run(["qemu-system-x86_64", "-M", "help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for machine in qemu["machines"]:
        expect(f"\n{machine['name']} " in listed, f"{machine['name']} is not in QEMU's list")
    alias = [m["name"] for m in qemu["machines"] if m.get("alias") == "q35"]
    expect(len(alias) == 1 and alias[0].startswith("pc-q35-"), f"q35 is the alias of {alias}")
    expect("nbd" in qemu["block-drivers"] and "tcg" in qemu["accelerators"] and qemu["smm"], qemu)
    expect("ivshmem-plain" in qemu["devices"], qemu["devices"])


@case("firmware and option ROMs are named by the digest of their files")
def _():
    told = holdfast("caps", "--json").json
    ovmf = [f for f in told["firmware"] if f["name"] == "ovmf"][0]
    found = hashlib.sha256(pathlib.Path(ovmf["path"]).read_bytes()).hexdigest()
    expect(ovmf["digest"] == found and ovmf["size"] == pathlib.Path(ovmf["path"]).stat().st_size, ovmf)
    names = [rom["name"] for rom in told["roms"]]
    expect("vgabios-stdvga.bin" in names and len(names) == len(set(names)), names)


def falsify(kept, old, new):
    """Writes something else into a file of the cache, of the same length, as only its owner could."""
    data = kept.read_bytes().replace(old, new)
    expect(len(old) == len(new) and new in data, f"{kept}: no {old}")
    kept.write_bytes(data[:24] + struct.pack("=I", zlib.crc32(data[28:])) + data[28:])


def facts(told):
    return (told["nbdkit"], told["qemu"][0]["version"],
            [f for f in told["firmware"] if f["name"] == "ovmf"][0]["digest"])


@case("programs and files that have not changed are not asked and not read again")
def _():
    first = holdfast("caps", "--qemu", "qemu-system-x86_64", "--json").json
    cache = pathlib.Path(os.environ["HOLDFAST_RUNTIME_DIR"], "cache")
    nbdkit, version, digest = facts(first)
    for kept in cache.iterdir():
        if f'"{version}"'.encode() in kept.read_bytes():
            falsify(kept, f'"{version}"'.encode(), b'"' + b"9" * len(version) + b'"')
        elif f'"nbdkit {nbdkit}'.encode() in kept.read_bytes():
            falsify(kept, f'"nbdkit {nbdkit}'.encode(), f'"nbdkit {"8" * len(nbdkit)}'.encode())
        elif digest.encode() in kept.read_bytes():
            falsify(kept, digest.encode(), b"f" * 64)

    def told(**env):
        return facts(holdfast("caps", "--qemu", "qemu-system-x86_64", "--json", env=env).json)
    expect(told() == ("8" * len(nbdkit), "9" * len(version), "f" * 64), told())
    # What may run another program, or lies where others can write, is found out anew.
    expect(told(QEMU_MODULE_DIR="/usr/lib/x86_64-linux-gnu/qemu")[1] == version, "another module directory")
    for kept in cache.iterdir():
        kept.chmod(0o666)
    expect(told() == (nbdkit, version, digest), "a cache for everybody to write")


@case("a program that is no QEMU is named, and so is one that is missing")
def _():
    result = holdfast("caps", "--qemu", "/bin/true", status=1)
    expect("/bin/true" in result.err and "monitor" in result.err, result)
    result = holdfast("caps", "--qemu", "qemu-system-x86_64", "--qemu", "no-such-qemu", status=4)
    expect("no-such-qemu" in result.err and not result.out, result)


@case("QEMU is asked in words that no version warns of")
def _():
    listener = pathlib.Path(here.name, "qemu-that-warns")  # as QEMU 11.1 does
    listener.write_text('#!/bin/sh\ncase " $* " in *" -mon "*) echo "-mon is deprecated" >&2 ;; esac\n'
                        'exec qemu-system-x86_64 "$@"\n')
    listener.chmod(0o755)
    told = holdfast("caps", "--qemu", listener, "--json")
    expect(told.json["qemu"] and told.err == "", told)


@case("the containers that the host has seen are told, with their epochs")
def _():
    holdfast("create", here.name + "/G.hold", "--firmware", "seabios")
    shown = holdfast("show", here.name + "/G.hold", "--json").json
    told = holdfast("caps", "--json").json
    mine = [e for e in told["epochs"] if e["id"] == shown["id"]]
    expect(len(mine) == 1 and mine[0]["epoch"] >= 1 and not mine[0]["departed"], (told["epochs"], shown))
    domains = {d["name"]: int(d["bits"], 16) for d in told["domains"]}
    expect(domains.get("acpi-loader"), domains)


@case("a directory that does not exist is not found")
def _():
    holdfast("caps", "--dir", here.name + "/nowhere", status=4)


@case("who starts it may ignore how children end")
def _():
    done = holdfast("caps", "--json", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    expect(done.json["qemu"], done)


main(here.cleanup)
