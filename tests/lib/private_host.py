# SPDX-License-Identifier: BSD-2-Clause
"""A libvirt host of the test's own on this machine.

Its mounts and processes live in namespaces: /etc/libvirt, /etc/holdfast, /run, libvirt's and holdfast's directories under /var and the
firmware in /usr/share/OVMF are private copies (what libvirt knows of this machine's QEMUs, which takes it a while to find
out, is kept from one run to the next), and when the object is closed every process in it is gone. Nothing that
runs on the machine notices.

    with PrivateHost() as host:
        host.run("virsh", "list")
"""
import os
import pathlib
import subprocess
import tempfile
import time

import debian_firmware

SETUP = r"""
set -e
mount --make-rprivate /
private() {     # a copy of what is there, over what is there
    mkdir -p "$1" "$ROOT$1"
    cp -a "$1/." "$ROOT$1/"
    mount --bind "$ROOT$1" "$1"
}
mkdir -p "$ROOT/run"
mount --bind "$ROOT/run" /run
for d in /etc/libvirt /etc/holdfast /var/lib/libvirt /var/log/libvirt /var/lib/holdfast /usr/share/OVMF; do
    private $d
done
[ /usr/share/OVMF -ef "$OVMF" ] || cp -L --remove-destination "$OVMF"/*.fd /usr/share/OVMF/   # debian_firmware.py
mkdir -p /var/cache/libvirt
mount --bind "$CACHE" /var/cache/libvirt
if [ -e /dev/kvm ]; then   # one that root can open and QEMU's user cannot makes libvirt probe every QEMU for every call
    : >"$ROOT/no-kvm" && chmod 0 "$ROOT/no-kvm" && mount --bind "$ROOT/no-kvm" /dev/kvm
    echo 'namespaces = []' >>/etc/libvirt/qemu.conf   # a mount below /dev is in the way of QEMU's own /dev
fi
mkdir -p /run/libvirt /run/lock
hostname "$NAME" 2>/dev/null || true
printf '%s\n' "host_uuid = \"$HOST_UUID\"" 'auth_unix_rw = "none"' >>/etc/libvirt/libvirtd.conf
mkdir -p /etc/libvirt/hooks/qemu.d
echo ready >"$ROOT/ready"
while :; do sleep 3600; done   # bash, as process 1, also reaps what was orphaned
"""


class PrivateHost:
    """`bind` {target: source}: further mounts inside. `name` and `uuid` tell hosts apart when a test has two."""

    def __init__(self, name="testhost", uuid="5f6d1a3e-93a0-4c6b-8f5e-1d0000000001"):
        self.directory = tempfile.TemporaryDirectory(prefix="holdfast-libvirt-")
        self.root = pathlib.Path(self.directory.name)
        self.root.chmod(0o755)
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "holdfast" / "libvirt"
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError:  # what libvirt finds out is then only for this run
            cache = self.root / "cache"
            cache.mkdir()
        self.env = {**os.environ, "CACHE": str(cache), "ROOT": str(self.root), "NAME": name, "HOST_UUID": uuid,
                    "OVMF": str(debian_firmware.OVMF), "LC_ALL": "C"}
        for variable in ("HOLDFAST_RUNTIME_DIR", "HOLDFAST_STATE_DIR", "XDG_RUNTIME_DIR"):
            self.env.pop(variable, None)
        self.init = subprocess.Popen(["unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child",
                                      "bash", "-c", SETUP], env=self.env, stdin=subprocess.DEVNULL)
        self.wait(lambda: (self.root / "ready").exists(), 120, "the private host's mounts")
        children = pathlib.Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
        self.pid = int(children[0])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        if self.init:
            self.init.kill()
            self.init.wait()
            self.init = None
        self.directory.cleanup()

    def wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not there after {seconds} s")
            time.sleep(0.1)

    def command(self, *args):
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-p", *map(str, args)]

    def run(self, *args, check=True, timeout=120, **more):
        """Runs a program in the host; returns subprocess.CompletedProcess with text output."""
        done = subprocess.run(self.command(*args), env=self.env, stdin=more.pop("stdin", subprocess.DEVNULL),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, **more)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, args))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start_libvirtd(self):
        self.run("virtlogd", "-d")
        self.run("libvirtd", "-d")
        self.wait(lambda: self.run("virsh", "list", check=False).returncode == 0, 120, "libvirtd")

    def restart_libvirtd(self):
        pid = self.run("cat", "/run/libvirtd.pid").stdout.strip()
        self.run("kill", pid)
        self.wait(lambda: self.run("kill", "-0", pid, check=False).returncode != 0, 120, "libvirtd's end")
        self.run("libvirtd", "-d")
        self.wait(lambda: self.run("virsh", "list", check=False).returncode == 0, 120, "libvirtd")
