# SPDX-License-Identifier: BSD-2-Clause
"""What the driver agreed on, carried by live migration between QEMU 7.2 and 10.0, each of them a host of its own."""
import json
import pathlib

from guest import OVMF, wait_until
from moving import Host, Traveller, debian13
from program import holdfast, scratch
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)


def create(host):
    code, variables = OVMF["4m"]
    host.holdfast("create", host.container, "--firmware", code, "--vars", variables, "--machine", "pc-q35-7.2")


def contract(host):
    return {row["domain"]: row for row in host.holdfast("show", host.container, "--json").json["contract"]}


def agreed(host):
    return {name: row["agreed"] for name, row in contract(host).items() if row["locked"]}


def window(host):
    return next((host.root / "runtime").glob("*/mailbox")).read_bytes()


@case("a locked contract is kept over migration there and back; a reset on the destination negotiates anew")
def _():
    programs = debian13()
    if isinstance(programs, str):
        skip(f"QEMU 10.0: {programs}")
    old, new = Host(ROOT / "old"), Host(ROOT / "new", qemu=programs["x86_64"])
    create(old)
    with Traveller(old, "-M", "pc-q35-7.2", options=["--mailbox"]) as guest:
        guest.shell()
        before, generation = agreed(old), window(old)[4096 + 8:4096 + 12]
        expect(before == {"lifecycle": [0], "acpi-loader": [0, 1]}, f"{before}")

        guest.move(new)
        expect(agreed(new) == before, f"{agreed(new)} after the move, {before} before")
        expect(window(new)[4096 + 8:4096 + 12] != generation, "the host's half is the old host's")
        shell = guest.shell()
        expect("hello" in shell.run("echo hello"), "the guest does not go on")

        # What this host offers is what its owner says here; the boot that was is not touched by it.
        new.holdfast("set", new.container, "mask=acpi-loader.1")
        expect(agreed(new) == before, "a mask changed what was promised")
        guest.reset()
        wait_until(lambda: agreed(new) == {"lifecycle": [0], "acpi-loader": [0]}, 60, "another agreement after the reset")

        guest.move(old)
        expect(agreed(old) == {"lifecycle": [0], "acpi-loader": [0]}, f"{agreed(old)} after the way back")
        expect("hello" in guest.shell().run("echo hello"), "the guest does not go on")


@case("a host that lacks a locked bit is refused beforehand, with the bit and its domain")
def _():
    host = Host(ROOT / "lacking")
    create(host)
    with Traveller(host, "-M", "pc-q35-7.2", options=["--mailbox"]) as guest:
        wait_until(lambda: agreed(host) == {"lifecycle": [0], "acpi-loader": [0, 1]}, 300, "the driver agreed")
        caps = json.loads(holdfast("caps", "--json").out)
        file = ROOT / "caps.json"
        file.write_text(json.dumps(caps))
        kept = host.holdfast("preflight", host.container, "--host", file, status=None)
        expect("acpi-loader" not in kept.out + kept.err, f"{kept}")
        caps["domains"][1]["bits"] = f"{1:064x}"
        file.write_text(json.dumps(caps))
        refused = host.holdfast("preflight", host.container, "--host", file, status=3)
        expect("acpi-loader" in refused.out + refused.err, f"{refused}")
        guest.connect()


main()
