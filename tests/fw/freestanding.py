# SPDX-License-Identifier: BSD-2-Clause
"""The library needs what its page promises and nothing more: guest halves compile freestanding for each architecture
and call memcpy, memset, memmove, memcmp at most; the whole library calls these, strlen, and its own."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from tap import case, expect, main, skip

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
GUEST = ["fwcfg/fwcfg_client.c", "fwcfg/fwcfg_client_bus.c", "negotiate/negotiate_guest.c"]
MODULES = ["base", "fwcfg", "negotiate", "acpi", "flash"]
MEMORY = {"memcpy", "memset", "memmove", "memcmp"}
EABI = {"__aeabi_memcpy", "__aeabi_memclr", "__aeabi_memset", "__aeabi_memmove"}  # what 32-bit Arm calls them
WORK = pathlib.Path(tempfile.mkdtemp())


def includes(modules):
    return [f"-I{ROOT / 'src' / m / part}" for m in modules for part in ("include", ".")]


def compiled(compiler, source, flags):
    out = WORK / (source.replace("/", "_") + ".o")
    made = subprocess.run([*compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-stack-protector",
                           "-U_FORTIFY_SOURCE", "-fno-builtin-strlen", *flags, "-c", str(ROOT / "src" / source), "-o",
                           str(out)], capture_output=True, text=True)
    expect(made.returncode == 0, f"{' '.join(compiler)} {source}:\n{made.stderr}")
    return out


def symbols(objects):
    """(defined, undefined) over all objects."""
    text = subprocess.run(["nm", "-g", *map(str, objects)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines() if line and not line.endswith(":")]
    table = "_GLOBAL_OFFSET_TABLE_"  # made by the linker
    return {r[-1] for r in rows if r[-2] != "U"}, {r[-1] for r in rows if r[-2] == "U"} - {table}


def freestanding(name, compiler):
    @case(f"guest halves compile freestanding: {name}")
    def _():
        if not shutil.which(compiler[0]):
            skip(f"{compiler[0]} is not installed")
        flags = ["-ffreestanding", "-nostdinc", *includes(["base", "fwcfg", "negotiate", "fw"])]
        own = subprocess.run([*compiler, "-print-file-name=include"], capture_output=True, text=True).stdout.strip()
        flags += ["-isystem", own]
        defined, undefined = symbols([compiled(compiler, s, flags) for s in GUEST])
        foreign = undefined - defined - MEMORY - (EABI if "--target=armv7-none-eabi" in compiler else set()) - {".TOC."}
        expect(not foreign, f"calls {sorted(foreign)}")


for label, command in [("gcc, 32-bit x86", ["gcc", "-m32"]), ("gcc, x86-64", ["gcc", "-m64"]),
                       ("gcc, AArch64", ["aarch64-linux-gnu-gcc"]), ("clang, 32-bit x86", ["clang", "--target=i386-none-elf"]),
                       ("clang, x86-64", ["clang", "--target=x86_64-none-elf"]),
                       ("clang, AArch64", ["clang", "--target=aarch64-none-elf"]),
                       ("clang, x86-64 UEFI", ["clang", "--target=x86_64-unknown-windows", "-fshort-wchar"]),
                       ("clang, 32-bit Arm", ["clang", "--target=armv7-none-eabi"]),
                       ("clang, 64-bit RISC-V", ["clang", "--target=riscv64-none-elf"]),
                       ("clang, 32-bit RISC-V", ["clang", "--target=riscv32-none-elf"]),
                       ("clang, s390x", ["clang", "--target=s390x-none-elf"]),
                       ("clang, 64-bit PowerPC, big-endian", ["clang", "--target=powerpc64-none-elf"]),
                       ("clang, 32-bit PowerPC", ["clang", "--target=powerpc-none-elf"])]:
    freestanding(label, command)


@case("the whole library calls five functions of libc")
def _():
    objects = []
    for module in MODULES:
        for source in sorted((ROOT / "src" / module).glob("*.c")):
            objects.append(compiled(["gcc"], f"{module}/{source.name}", ["-D_GNU_SOURCE", "-DNDEBUG", "-w", *includes(MODULES)]))
    defined, undefined = symbols(objects)
    foreign = undefined - defined - MEMORY - {"strlen"}
    expect(not foreign, f"calls {sorted(foreign)}")


@case("no object of the library has data that can change")
def _():
    for name in sorted(WORK.glob("*.o")):
        text = subprocess.run(["size", "-A", str(name)], capture_output=True, text=True).stdout
        for line in text.splitlines():
            part = line.split()
            if len(part) == 3 and part[0] in (".data", ".bss"):
                expect(part[1] == "0", f"{name.name}: {part[0]} has {part[1]} bytes")


main(cleanup=lambda: shutil.rmtree(WORK))
