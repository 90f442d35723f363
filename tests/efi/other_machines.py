# SPDX-License-Identifier: BSD-2-Clause
"""The mailbox where its driver does not run."""
import pathlib

from guest import Guest, create
from program import holdfast, scratch
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)


def reports(path):
    return [e["text"] for e in holdfast("log", path, "--json").json["events"]
            if e["kind"] == "mailbox" and e["text"].startswith("the firmware")]


def contract(path):
    return holdfast("show", path, "--json").json["contract"]


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


main()
