#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the mailbox's driver adds to a boot of OVMF, in the guest's own time: counted with -icount, from power-on until the
firmware starts the driver of a device behind the mailbox's. Target: at most 50 ms.

Usage: bench/mailbox_boot.py [PAIRS]        (default 5; each pair boots four times, interleaved)
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile

import paired
from program import BUILD

sys.path.insert(0, str(paired.ROOT / "tests" / "efi"))
from window_guest import Peer, debian12  # noqa: E402

CLOCK = BUILD / "bench" / "guest-clock.rom"
ROM = BUILD / "efi" / "holdfast-mailbox.rom"


def ticks(directory, rom, mode, clock):
    """The processor's ticks when the firmware starts the next driver: with this ROM, and this kind of host."""
    machine, window = debian12(), directory / "window"
    window.write_bytes(bytes(1 << 20))
    command = [machine.qemu, "-M", "q35,memory-backend=ram", "-accel", "tcg", *clock, "-display", "none", "-net", "none",
               "-m", "256", "-object", "memory-backend-ram,id=ram,size=256M", "-serial", "null", "-monitor", "none",
               "-drive", f"if=pflash,format=raw,readonly=on,file={machine.code}",
               "-drive", f"if=pflash,format=raw,snapshot=on,file={machine.variables}",
               "-object", f"memory-backend-file,id=window,mem-path={window},size=1M,share=on",
               "-device", f"ivshmem-plain,memdev=window,master=on,addr=0x10,romfile={rom}",
               "-device", f"virtio-rng-pci,addr=0x18,romfile={CLOCK}",
               "-device", "isa-debug-exit,iobase=0x501,iosize=1", "-debugcon", f"file:{directory}/said",
               "-global", "isa-debugcon.iobase=0x402"]
    peer = Peer(window, mode)
    try:
        subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, timeout=300, check=False)
    finally:
        peer.close()
    if mode == "good" and rom and "loader installed" not in peer.lines:
        sys.exit(f"the driver did not do its work: {peer.lines}")
    return int((directory / "said").read_text().split()[-1])


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    subprocess.run(["ninja", "-C", BUILD, "bench/guest-clock.rom"], check=True, stdout=subprocess.DEVNULL)
    without, unanswered, answered, no_host = [], [], [], []
    counted = ["-icount", "shift=3,sleep=off"]  # eight nanoseconds an instruction, near what TCG does
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        here = pathlib.Path(name)
        for _ in range(pairs):
            without.append(ticks(here, "", "good", counted))
            no_host.append(ticks(here, ROM, "absent", counted))
            answered.append(ticks(here, ROM, "good", counted))
            unanswered.append(ticks(here, ROM, "silent", counted))

    def difference(title, a, b, target):
        each = [(x - y) / 1e6 for x, y in zip(a, b)]
        print(f"{title}: {statistics.median(each):.2f} ms of guest time (median of {pairs} pairs, {min(each):.2f} to "
              f"{max(each):.2f}; target {target})", flush=True)
    difference("boot, driver with a host minus device without a ROM", answered, without, "at most 50")
    difference("  of that negotiation of two domains, script and tables", answered, no_host, "none")
    difference("boot, driver whose host never answers minus device without a ROM", unanswered, without, "none")


main()
