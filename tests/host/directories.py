# SPDX-License-Identifier: BSD-2-Clause
"""Where a host keeps its register and its locks: in no place that somebody else could exchange."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from program import PROGRAM, holdfast, scratch
from serving import make
from tap import case, expect, main, skip

home = scratch()
HERE = pathlib.Path(home.name)
G = make(HERE / "g.hold")
OTHER = 12345


def with_dirs(status, *args, **env):
    return holdfast(*args, status=status, env={k: str(v) for k, v in env.items()})


def folder(*parts, owner=None, mode=0o755):
    path = HERE.joinpath(*parts)
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.chmod(mode)
    if owner is not None:
        os.chown(path, owner, owner)
    return path


@case("a directory that another user owns, on the way to the state or the runtime directory, is refused by name")
def _():
    if os.geteuid() != 0:
        skip("only root can make another user's directory")
    other = folder("other", owner=OTHER)
    for n, variable in enumerate(("HOLDFAST_STATE_DIR", "HOLDFAST_RUNTIME_DIR")):
        inside = folder("other", f"mine{n}", mode=0o700)
        done = with_dirs(3, "set", G, "name=x", **{variable: inside})
        expect(f"{other}: owned by user {OTHER}" in done.err and "permissions" in done.err, done)
        link = HERE / f"link{n}"
        link.symlink_to(inside)
        expect(f"{other}: owned by user {OTHER}" in with_dirs(3, "set", G, "name=x", **{variable: link / "deep"}).err, "link")


@case("a directory that others may write, on the way, is refused; a sticky one is for the runtime, or when it is named")
def _():
    for mode in (0o777, 0o757):
        open_one = folder(f"open{mode:o}", mode=mode)
        done = with_dirs(3, "set", G, "name=x", HOLDFAST_STATE_DIR=open_one / "state")
        expect(f"{open_one}: others can write it" in done.err, done)
    sticky = folder("sticky", mode=0o1777)
    with_dirs(0, "show", G, HOLDFAST_STATE_DIR=sticky / "state", HOLDFAST_RUNTIME_DIR=sticky / "runtime")
    with_dirs(0, "create", HERE / "named.hold", "--firmware", "ovmf", HOLDFAST_STATE_DIR=sticky / "state")


@case("a user without a home, or with one that everybody may write, is told what to set")
def _():
    if os.geteuid() != 0:
        skip("needs to become another user")
    place = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-user-"))
    try:
        os.chown(place, OTHER, OTHER)
        swept = place / "swept"
        swept.mkdir()
        swept.chmod(0o1777)
        os.chown(swept, OTHER, OTHER)

        def as_other(status, **env):
            clean = {"PATH": os.environ["PATH"], "HOLDFAST_RUNTIME_DIR": str(place / "runtime"), **env}
            done = subprocess.run([PROGRAM, "create", place / "u.hold", "--firmware", "ovmf"], env=clean, user=OTHER,
                                  group=OTHER, extra_groups=[], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            expect(done.returncode == status, done)
            return done.stderr

        expect("set HOLDFAST_STATE_DIR, XDG_STATE_HOME or HOME" in as_other(3), "without a home")
        expect("set HOLDFAST_STATE_DIR" in as_other(3, HOME=str(swept)), "below a directory for everybody")
        expect(not (place / "u.hold").exists(), "it was made")
    finally:
        shutil.rmtree(place)


main()
