# SPDX-License-Identifier: BSD-2-Clause
"""A running guest moves over a real sshd, and outlives the session that brought it."""
import os
import pathlib

from guest import OVMF, wait_until
from moving import Host, Traveller
from program import PROGRAM, scratch
from sshd import Sshd
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)


@case("by ssh, to a host that keeps it when the session is over")
def _():
    here, there = Host(ROOT / "here"), Host(ROOT / "there")
    here.holdfast("create", here.container, "--firmware", OVMF["4m"][0], "--vars", OVMF["4m"][1], "--machine", "pc-q35-7.2")
    server = Sshd(ROOT / "ssh", there.env)
    try:
        with Traveller(here, "-M", "pc-q35-7.2") as guest:
            guest.wait_running()
            guest.serial.wait_for(lambda d: d, 120, "the firmware's first words")
            here.env["PATH"] = server.path
            peers = [guest.serial.peer, guest.monitor.peer]
            result = here.holdfast("migrate", here.container, "--to", "ssh://beta", "--as", there.container,
                                   "--remote-holdfast", PROGRAM, status=None)
            expect(result.status == 0, f"{result}{guest.said()}")
            guest.arrived(there, peers)
            wait_until(lambda: not server.sessions(), 30, "the end of the session")
            expect(guest.connect().status() == "running", "the guest ended with the session")
            guest.shell().setvar("There", "babe")
            expect((here.state(), there.state()) == ("departed", "held"), f"{here.owner()}{there.owner()}")
            files = {os.path.realpath(f"/proc/{there.supervisor()}/fd/{fd}") for fd in (0, 1, 2)}
            expect(files == {"/dev/null", str(next((there.root / 'runtime').glob('*/log')))}, f"its standard streams: {files}")
    finally:
        server.close()


main()
