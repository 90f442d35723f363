# SPDX-License-Identifier: BSD-2-Clause
"""A running guest moves over a real sshd, and outlives the session that brought it."""
import os
import pathlib
import shutil
import socket
import subprocess
import time

from guest import OVMF, wait_until
from moving import Host, Traveller
from program import PROGRAM, scratch
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Server:
    """sshd on the loopback address, whose sessions are on `host`; `path` has an ssh that gets there as `beta`."""

    def __init__(self, root, host):
        root.mkdir(mode=0o700)
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / key], check=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        settings = " ".join(f"{name}={value}" for name, value in host.env.items())
        (root / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {root}/host_key\nAuthorizedKeysFile {root}/user_key.pub\nPidFile none\n"
            f"StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nSetEnv {settings}\n")
        (root / "ssh_config").write_text(
            f"Host beta\n HostName 127.0.0.1\n Port {port}\n IdentityFile {root}/user_key\n StrictHostKeyChecking no\n"
            f" UserKnownHostsFile {root}/known\n LogLevel ERROR\n")
        (root / "bin").mkdir()
        (root / "bin/ssh").write_text(f"#!/bin/sh\nexec /usr/bin/ssh -F {root}/ssh_config \"$@\"\n")
        (root / "bin/ssh").chmod(0o755)
        self.path = f"{root}/bin:{os.environ['PATH']}"
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.process = subprocess.Popen([shutil.which("sshd", path=PATH), "-D", "-e", "-f", root / "sshd_config"],
                                        stderr=(root / "log").open("w"))
        for _ in range(100):
            if subprocess.run([root / "bin/ssh", "-oBatchMode=yes", "beta", "true"], stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.1)
        self.close()
        skip("sshd does not let this user in: " + (root / "log").read_text()[-300:])

    def sessions(self):
        """The processes that serve connections now."""
        pid = self.process.pid
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def close(self):
        self.process.terminate()
        self.process.wait()


@case("by ssh, to a host that keeps it when the session is over")
def _():
    if not all(shutil.which(p, path=PATH) for p in ("sshd", "ssh", "ssh-keygen")):
        skip("takes ssh and sshd")
    here, there = Host(ROOT / "here"), Host(ROOT / "there")
    here.holdfast("create", here.container, "--firmware", OVMF["4m"][0], "--vars", OVMF["4m"][1], "--machine", "pc-q35-7.2")
    server = Server(ROOT / "ssh", there)
    try:
        with Traveller(here, "-M", "pc-q35-7.2") as guest:
            guest.connect().wait_event("RESUME")
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
