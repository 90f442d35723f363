# SPDX-License-Identifier: BSD-2-Clause
"""A container and a running `holdfast serve`.

    home = scratch()
    make(path, code=b"...", vars=b"...")
    with Serving(path) as s:
        with s.client("vars") as c: ...
        s.kill_server()             # the NBD process alone; `serve` starts another
"""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import nbd
from debian_firmware import AAVMF, OVMF
from program import BUILD, PROGRAM, await_end, holdfast

OVMF_CODE, OVMF_VARS = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
AAVMF_CODE, AAVMF_VARS = AAVMF / "AAVMF_CODE.fd", AAVMF / "AAVMF_VARS.fd"


def make(path, code=OVMF_CODE, vars=OVMF_VARS, machine="pc-q35-7.2", arch="x86_64"):
    holdfast("create", path, "--firmware", code, "--vars", vars, "--machine", machine, "--arch", arch)
    return path


def sanitizer_environment():
    """nbdkit is not built with a sanitizer, our plugin may be: then its library has to be loaded first."""
    plugin = BUILD / "src" / "nbdkit" / "nbdkit-holdfast-plugin.so"
    needed = subprocess.run(["ldd", plugin], stdout=subprocess.PIPE, text=True).stdout
    libraries = [line.split()[2] for line in needed.splitlines() if "libasan" in line or "libubsan" in line]
    return {"LD_PRELOAD": ":".join(libraries), "ASAN_OPTIONS": "detect_leaks=0"} if libraries else {}


class Serving:
    def __init__(self, container, *args, socket=None, env=None, wrapper=()):
        self.container = pathlib.Path(container)
        self.socket = pathlib.Path(socket or str(self.container) + ".sock")
        self.process = subprocess.Popen([*wrapper, PROGRAM, "serve", container, "--socket", self.socket, "--json", *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **sanitizer_environment(), **(env or {})})
        self.warnings = []
        self.changed = threading.Condition()
        self.collecting = threading.Thread(target=self.collect, daemon=True)
        self.collecting.start()
        self.said = self.read_json()

    def collect(self):
        for line in self.process.stderr:
            with self.changed:
                self.warnings.append(line.rstrip())
                self.changed.notify_all()

    def read_json(self):
        text = ""
        for line in self.process.stdout:
            text += line
            try:
                said = json.loads(text)
            except ValueError:
                continue
            if "error" not in said:
                return said
        status = self.process.wait()
        self.collecting.join(60)
        raise AssertionError(f"serve ended with status {status}: {text}{self.warnings}")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.stop()

    def client(self, export, **more):
        """Connects, and waits for a server that is being started again."""
        end = time.monotonic() + 120
        while True:
            try:
                return nbd.Client(self.socket, export, **more)
            except (ConnectionError, FileNotFoundError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.005)

    def server_pid(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            try:
                if pathlib.Path(f"/proc/{child}/comm").read_text() == "nbdkit\n":
                    return int(child)
            except OSError:  # it has ended meanwhile
                continue
        return None

    def kill_server(self, pid=None):
        """Returns when it is gone: nothing that is asked of the socket afterwards reaches the dying one."""
        pid = pid or self.server_pid()
        os.kill(pid, signal.SIGKILL)
        await_end(pid)

    def kill(self):
        """`serve` alone. Its server ends when it notices, and lives on as long as it has a client."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def await_warning(self, text, seconds=120, times=1):
        """The line of standard error with `text` in it, for so many times."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [line for line in self.warnings if text in line]
                if len(found) >= times:
                    return found[times - 1]
                if not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"'{text}' was not said within {seconds} s: {self.warnings}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.collecting.join(60)  # all of what it said
        if status:
            raise AssertionError(f"serve ended with status {status}: {self.warnings}")
        if any(text in line for line in self.warnings for text in ("Sanitizer", "ABORTING", "runtime error")):
            raise AssertionError("\n".join(self.warnings))
