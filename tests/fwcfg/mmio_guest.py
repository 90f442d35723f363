# SPDX-License-Identifier: BSD-2-Clause
"""The guest's client over MMIO, as code of a real aarch64 guest."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from tap import case, expect, main, note, skip

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
HERE = ROOT / "tests/fwcfg/mmio_guest"
WORK = pathlib.Path(tempfile.mkdtemp())


@case("reads and writes through QEMU's MMIO device, by DMA and by register")
def _():
    for tool in ("clang", "ld.lld", "qemu-system-aarch64"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    elf, log = WORK / "guest.elf", WORK / "uart"
    made = subprocess.run(
        ["clang", "--target=aarch64-none-elf", "-std=gnu11", "-O2", "-ffreestanding", "-mstrict-align", "-mgeneral-regs-only",
         "-fno-stack-protector", "-nostdlib", "-static", "-fuse-ld=lld", "-Wl,-Ttext=0x40200000", "-Wl,-e,_start",
         *[f"-I{ROOT / 'src' / m / 'include'}" for m in ("base", "fwcfg")], HERE / "entry.S", HERE / "guest.c",
         ROOT / "src/fwcfg/fwcfg_client.c", ROOT / "src/fwcfg/fwcfg_client_bus.c", "-o", elf],
        capture_output=True, text=True)
    expect(made.returncode == 0, made.stderr)
    ran = subprocess.run(["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-nodefaults", "-display", "none",
                          "-serial", f"file:{log}", "-device", "vmcoreinfo", "-fw_cfg",
                          "name=opt/org.example/hello,string=hello", "-device", f"loader,file={elf},cpu-num=0"],
                         capture_output=True, text=True, timeout=60)
    said = log.read_text()
    note(said)
    expect(ran.returncode == 0 and "BAD" not in said and said.endswith("done\n"), f"{ran.stderr}\n{said}")


main(cleanup=lambda: shutil.rmtree(WORK))
