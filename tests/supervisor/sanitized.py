# SPDX-License-Identifier: BSD-2-Clause
"""A boot, a probe, a reset and a move of one guest. It is short, so that the run with the sanitizers has it, too: they look
at the supervisor, the flash server and the probe while these work with a real QEMU."""
import os
import pathlib

from moving import Host, Traveller
from program import scratch
from serving import sanitizer_environment
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
QEMU = "/usr/bin/qemu-system-x86_64"


def sanitize_server():
    """nbdkit is not built with a sanitizer; QEMU, a child beside it, is to have none."""
    more = sanitizer_environment()
    if more:
        tools = ROOT / "tools"
        tools.mkdir()
        words = " ".join(f"{name}={value}" for name, value in more.items())
        (tools / "nbdkit").write_text(f'#!/bin/sh\nPATH="${{PATH#*:}}" exec env {words} nbdkit "$@"\n')
        (tools / "nbdkit").chmod(0o755)
        os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
    os.environ["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"


def clean(*texts):
    for text in texts:
        expect("Sanitizer" not in text and "runtime error" not in text, text)


@case("a guest boots, is probed with a machine type among the arguments, resets and moves")
def _():
    sanitize_server()
    here, there = Host(ROOT / "here"), Host(ROOT / "there")
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-7.2")
    with Traveller(here, port="debugcon") as guest:
        guest.wait_text("Booting from")
        for words in ((), ("--", "-m", "256", "-M", "pc-i440fx-7.2"), ("--", "-M", "pc")):
            result = here.holdfast("preflight", here.container, "--probe", QEMU, "--probe-source", QEMU, *words)
            expect("compared: " in result.out, result)
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        guest.wait_text("Booting from", start=start)
        here.holdfast("set", here.container, "reset=cold")
        guest.move(there)
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        guest.wait_text("Booting from", start=start)
        clean(guest.said(), there.said())
        os.kill(there.supervisor(), 15)
        guest.wait()
        clean(guest.said(), there.said())


main(DIRECTORY.cleanup)
