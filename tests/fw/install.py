# SPDX-License-Identifier: BSD-2-Clause
"""What an author gets: installed headers, both libraries, a pkg-config file; a program outside the tree builds with them."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from program import SOURCE
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


def public_functions():
    """What the installed headers declare."""
    headers = next(ROOT.rglob("holdfast/error.h")).parent.glob("*.h")
    return {name for header in headers for name in re.findall(r"^HF_PUBLIC [^;]*?\b(hf_\w+)\(", header.read_text(), re.M)}


def defined(library, *options):
    rows = [line.split() for line in call("nm", "--defined-only", *options, library).splitlines()]
    return {row[-1] for row in rows if len(row) == 3}


@case("the shared library exports what the headers declare, under one version, and nothing else")
def _():
    exported = {name for name in defined(next(ROOT.rglob("libholdfast-fw.so")), "-D") if name != "HOLDFAST_FW_0"}
    wrong = sorted(exported ^ {f"{name}@@HOLDFAST_FW_0" for name in public_functions()})
    expect(len(exported) > 100 and not wrong, f"{wrong}")


@case("Debian's list of symbols is the library's")
def _():
    rows = (SOURCE / "debian" / "libholdfast-fw0.symbols").read_text().splitlines()[2:]
    wrong = {row.split("@")[0].strip() for row in rows} ^ set(public_functions())
    expect(len(rows) > 100 and not wrong, f"{sorted(wrong)}: in debian/libholdfast-fw0.symbols or in the headers alone")


@case("the static library defines no name without the prefix")
def _():
    names = defined(next(ROOT.rglob("libholdfast-fw.a")), "-g")
    foreign = sorted(name for name in names if not name.startswith(("hf_", "__odr_asan.hf_")))  # the sanitizer's mark
    expect(not foreign, f"{foreign}")


@case("one include brings every header, and the version of headers and library can be asked for")
def _():
    installed = {header.name for header in next(ROOT.rglob("holdfast/fw.h")).parent.glob("*.h")}
    brought = set(re.findall(r"#include <holdfast/(\w+\.h)>", next(ROOT.rglob("holdfast/fw.h")).read_text())) | {"fw.h"}
    expect(installed == brought, f"{sorted(installed ^ brought)}")
    program, library = ROOT / "version", next(ROOT.rglob("libholdfast-fw.so")).parent
    sanitized = ["-fsanitize=address,undefined"] if "__asan" in call("nm", "-D", library / "libholdfast-fw.so") else []
    call("gcc", "-x", "c", "-", *pkg_config("--cflags"), *sanitized, *pkg_config("--libs"), "-o", program,
         input="""#include <holdfast/fw.h>
                  #include <stdio.h>
                  int main(void) { return printf("%d %d %s", HF_FW_VERSION, hf_fw_version(), HF_FW_VERSION_TEXT) < 0; }""")
    out = call(program, env={**os.environ, "LD_LIBRARY_PATH": str(library)}).split()
    major, minor, micro = map(int, out[2].split("."))
    expect(int(out[0]) == int(out[1]) == major * 1000000 + minor * 1000 + micro, f"{out}")


main(cleanup=lambda: shutil.rmtree(ROOT))
