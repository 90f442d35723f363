# SPDX-License-Identifier: BSD-2-Clause
"""Runs the built `holdfast` as a user would.

    from program import holdfast, scratch
    result = holdfast("show", "G.hold", "--json")      # result.status, .out, .err, .json
    holdfast("show", "missing.hold", status=4)         # fails the case when the status is another
"""
import json
import os
import pathlib
import select
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
BUILD = pathlib.Path(os.environ["HOLDFAST_BUILD_ROOT"])
PROGRAM = BUILD / "src" / "cli" / "holdfast"


class Result:
    def __init__(self, args, process):
        self.args, self.status = args, process.returncode
        self.out = process.stdout.decode(errors="backslashreplace")
        self.err = process.stderr.decode(errors="backslashreplace")

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"holdfast {' '.join(map(str, self.args))}: exit {self.status}\n{self.out}{self.err}"


def holdfast(*args, status=0, env=None, timeout=120, **more):
    """Runs the program. `status` None accepts any exit status; `env` adds to the environment."""
    process = subprocess.run([PROGRAM, *map(str, args)], stdin=more.pop("stdin", subprocess.DEVNULL),
                             stdout=more.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, timeout=timeout,
                             env={**os.environ, **(env or {})}, **more)
    process.stdout = process.stdout or b""
    result = Result(args, process)
    if status is not None and result.status != status:
        raise AssertionError(f"wanted exit status {status}:\n{result}")
    if "AddressSanitizer" in result.err or "runtime error:" in result.err:
        raise AssertionError(str(result))
    return result


def alive(pid):
    """Whether any thread of the process is left. Its first one may be a zombie while others still hold files and locks."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not select.select([handle], [], [], 0)[0]
    finally:
        os.close(handle)


def await_end(pid, seconds=60):
    """Returns when the process is gone, and with it every file and lock it had. Whoever is its parent may reap it."""
    end = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > end:
            raise AssertionError(f"process {pid} lives on after {seconds} s")
        time.sleep(0.002)


def scratch():
    """A private directory, removed when the object dies; also the home of this test's runtime and state directories."""
    directory = tempfile.TemporaryDirectory(prefix="holdfast-test-")
    for name in ("runtime", "state"):
        path = pathlib.Path(directory.name) / name
        path.mkdir(mode=0o700)
        os.environ[f"HOLDFAST_{name.upper()}_DIR"] = str(path)
    return directory
