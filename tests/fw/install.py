# SPDX-License-Identifier: BSD-2-Clause
"""What an author gets: installed headers, both libraries, a pkg-config file; a program outside the tree builds with them."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tap import case, expect, main, skip

SOURCE = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
BUILD = pathlib.Path(os.environ["HOLDFAST_BUILD_ROOT"])
ROOT = pathlib.Path(tempfile.mkdtemp())


def call(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def pkg_config(*options):
    file = next(ROOT.rglob("holdfast-fw.pc"))
    env = {**os.environ, "PKG_CONFIG_PATH": str(file.parent), "PKG_CONFIG_SYSROOT_DIR": str(ROOT)}
    return call("pkg-config", *options, "holdfast-fw", env=env).split()


@case("the library installs")
def _():
    call("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", ROOT, "--tags", "devel,runtime")
    for name in ("libholdfast-fw.a", "libholdfast-fw.so", "holdfast-fw.pc", "fwcfg_device.h", "fwcfg_negotiate.h"):
        expect(list(ROOT.rglob(name)), f"{name} is not installed")


@case("a program outside the tree builds with pkg-config, shared and static, and runs")
def _():
    if not shutil.which("pkg-config"):
        skip("pkg-config is not installed")
    source, library = SOURCE / "examples/pipe-device/pipe-device.c", next(ROOT.rglob("libholdfast-fw.so")).parent
    sanitized = "__asan" in call("nm", "-D", library / "libholdfast-fw.so")  # then the program must be, too
    flags = ["-fsanitize=address,undefined"] if sanitized else []
    for name, libs in (("shared", pkg_config("--libs")), ("static", [library / "libholdfast-fw.a"])):
        program = ROOT / name
        call("gcc", source, *pkg_config("--cflags"), *flags, *libs, "-o", program)
        out = call(program, input="outw 0x510 0\ninb 0x511\n", env={**os.environ, "LD_LIBRARY_PATH": str(library)})
        expect(out == "OK\nOK 0x51\n", f"{name}: {out!r}")


def compiles_alone(language, compiler, *standard):
    @case(f"each header compiles alone, without a warning, as {language}")
    def _():
        if not shutil.which(compiler):
            skip(f"{compiler} is not installed")
        headers = sorted((next(ROOT.rglob("holdfast/error.h")).parent).glob("*.h"))
        expect(len(headers) > 8, f"{headers}")
        for header in headers:
            call(compiler, "-x", language, *standard, "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion",
                 "-Wundef", "-Wcast-qual", "-Werror", "-fsyntax-only", *pkg_config("--cflags"), "-",
                 input=f"#include <holdfast/{header.name}>\n")


compiles_alone("c", "gcc", "-std=c11")
compiles_alone("c++", "g++", "-std=c++11")


@case("what the shared library exports is the library's own")
def _():
    text = call("nm", "-D", "--defined-only", next(ROOT.rglob("libholdfast-fw.so")))
    foreign = [line.split()[-1] for line in text.splitlines() if not line.split()[-1].startswith("hf_")]
    expect(not foreign, f"{foreign}")
    exported = {line.split()[-1] for line in text.splitlines()}
    declared = set()
    for header in ("fwcfg_device", "fwcfg_client", "negotiate_host", "negotiate_guest", "negotiate_smi"):
        path = next(SOURCE.rglob(f"src/*/include/holdfast/{header}.h"))
        declared |= set(re.findall(r"^HF_PUBLIC [^;]*?\b(hf_\w+)\(", path.read_text(), re.M))
    expect(declared and declared <= exported, f"declared and not exported: {sorted(declared - exported)}")


main(cleanup=lambda: shutil.rmtree(ROOT))
