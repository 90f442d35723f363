# SPDX-License-Identifier: BSD-2-Clause
"""A real sshd on the loopback address, and an ssh that gets there.

    server = Sshd(root / "ssh", {"HOLDFAST_STATE_DIR": ...})     # skips the case where there is none
    env["PATH"] = server.path                                     # `ssh beta`, ssh://beta
    server.close()
"""
import os
import pathlib
import shutil
import socket
import subprocess
import time

from tap import skip

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Sshd:
    """`env`: what its sessions find; `inside`: makes the command that runs the words it gets where it shall run."""

    def __init__(self, root, env, inside=lambda *words: list(words)):
        if not all(shutil.which(p, path=PATH) for p in ("sshd", "ssh", "ssh-keygen")):
            skip("takes ssh and sshd")
        root.mkdir(mode=0o700)
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / key], check=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        settings = " ".join(f"{name}={value}" for name, value in env.items())
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
            subprocess.run(inside("mkdir", "-p", "/run/sshd"), check=True)
        self.process = subprocess.Popen(inside(shutil.which("sshd", path=PATH), "-D", "-e", "-f", root / "sshd_config"),
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
