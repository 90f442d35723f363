# SPDX-License-Identifier: BSD-2-Clause
"""A libvirt domain on a private host, with a serial port to its UEFI shell."""
import hashlib
import json
import pathlib

from guest import MARKER_GUID, Shell, Stream
from private_host import PrivateHost
from program import PROGRAM
from tap import expect

STATE = "/var/lib/libvirt/holdfast"

DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <description>kept as it is: &lt;&amp;&gt; \u00e9</description>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/>
    <bootmenu enable='yes' timeout='1'/>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <serial type='unix'><source mode='connect' path='{serial}'/></serial>
  </devices>
</domain>"""


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


class Domain:
    """One domain of a private host. Files of the host are reached through /proc, from outside its namespaces."""

    def __init__(self, name, host=None, serial=None, define=True):
        self.name = name
        self.host = host or PrivateHost()
        self.root = pathlib.Path(f"/proc/{self.host.pid}/root")
        self.container = f"{STATE}/{name}.hold"
        hook = self.inside("/etc/libvirt/hooks/qemu.d/holdfast")
        hook.write_text(f"#!/bin/sh\nexec {PROGRAM} libvirt hook -- \"$@\"\n")
        hook.chmod(0o755)
        self.serial = serial or Stream(self.host.root / "serial")
        self.serial.path.chmod(0o777)
        self.host.run("mkdir", "-p", STATE)
        self.host.run("mount", "-t", "tmpfs", "-o", "size=32m,mode=711", "tmpfs", STATE)
        self.host.start_libvirtd()
        self.uuid = self.define(DOMAIN.format(name=name, serial=self.serial.path)) if define else None

    def define(self, xml):
        path = self.host.root / "domain.xml"
        path.write_text(xml)
        self.host.run("virsh", "define", path)
        return self.virsh("domuuid").strip()

    def inside(self, path):
        return self.root / str(path).lstrip("/")

    def virsh(self, command, *args, **more):
        return self.host.run("virsh", command, self.name, *args, **more).stdout

    def holdfast(self, *args, status=0):
        done = self.host.run(PROGRAM, *args, check=False)
        expect(status is None or done.returncode == status,
               f"holdfast {' '.join(map(str, args))}: exit {done.returncode}, wanted {status}\n{done.stdout}{done.stderr}")
        return done

    def show(self):
        return json.loads(self.holdfast("show", self.container, "--json").stdout)

    def start(self):
        """Starts it (anew, when an earlier case left it running) and returns its UEFI shell."""
        self.virsh("destroy", check=False)
        at = len(self.serial.data)
        self.virsh("start")
        return Shell(self.serial, start=at)

    def reboot(self):
        at = len(self.serial.data)
        self.virsh("reset")
        return Shell(self.serial, start=at)

    def stop(self):
        self.virsh("destroy")

    def prompt(self):
        """The shell of a guest that is at its prompt."""
        at = len(self.serial.data)
        self.serial.send(b"\r")
        return Shell(self.serial, start=at)

    def settled(self):
        """Waits until nothing asks libvirt to pause the guest or to let it go on."""
        busy = ("libvirt align", "libvirt resync")
        self.host.wait(lambda: not any(self.processes(word) for word in busy), 60, "the guard's helpers")

    def goes_on(self):
        """Waits until the guest has been brought in line with its new server."""
        self.settled()
        self.host.wait(lambda: self.virsh("domstate").strip() == "running", 60, "the guest going on")

    def stored(self, name):
        """A variable's bytes in hexadecimal as the container has them, or None."""
        listed = json.loads(self.holdfast("vars", "list", self.container, "--data", "--json").stdout)
        return next((v["data"] for v in listed["variables"] if v["name"] == name), None)

    def published(self):
        return self.inside(f"{STATE}/{self.uuid}/code.fd")

    def running_code(self):
        """Digest of the code bank as it is in the guest's memory."""
        size = self.published().stat().st_size
        self.virsh("suspend")
        path = "/var/lib/libvirt/qemu/code-bank"
        self.virsh("qemu-monitor-command", "--hmp", f'pmemsave {(4 << 30) - size} {size} "{path}"')
        self.virsh("resume")
        data = self.inside(path).read_bytes()
        self.inside(path).unlink()
        return digest_of(data)

    def active(self):
        return self.show()["slots"]["active"]["sha256"]

    def counts(self):
        """(state, boots of the trial begun, failed)"""
        now = self.show()["lifecycle"]
        return now["state"], now["boots"]["started"], now["boots"]["failed"]

    def processes(self, word):
        """Process ids, as this host's own programs see them, of those with `word` in their command line."""
        lines = self.host.run("ps", "-eo", "pid,args").stdout.splitlines()
        return [int(line.split()[0]) for line in lines if word in line and "ps -eo" not in line]

    def close(self):
        self.serial.close()
        self.host.close()
