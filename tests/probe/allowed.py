# SPDX-License-Identifier: BSD-2-Clause
"""What a recorded machine may be built of (src/probe/stub_allowed.c), held against everything that real QEMUs have: no
property that passes names a file, a socket, hardware or a program of the host.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile

from program import BUILD, SOURCE
from tap import case, expect, main, note, skip

SIEVE = BUILD / "tests" / "probe" / "sieve"
MODULES = pathlib.Path("/usr/lib/x86_64-linux-gnu/qemu")
_found = subprocess.run([SOURCE / "tests/lib/debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

# A number, a switch, one of a few words; an object of the machine, by its type.
SCALAR = re.compile(r"bool|u?int\d*|size|busnr|[A-Z][A-Za-z0-9]*(?<!List)|link<.*>")
# Texts that QEMU itself describes.
DESCRIBED = re.compile(r"ID of an? (chardev|netdev|audiodev) to use as a backend|Node name or ID of a block device.*|"
                       r"Ethernet 6-byte MAC Address.*|(UUID|NGUID).*random value.*|Slot and optional function number.*")
# And those that it does not, read in its source: what the guest reads, or the id of something in the machine.
TEXTS = {
    "device_id", "duplex", "hba_serial", "model", "mount_tag", "nqn", "product", "serial", "stage", "tx", "vendor", "ver",
    "chardev", "display", "failover_pair_id", "fsdev", "masterbus", "name", "netdev", "port",
    "ports",   # of rocker, ids of networks
    "filter",  # rules of usb-redir, in numbers
    "guid",    # of ipmi-bmc-sim
}
# Numbers, too, can lead out of the machine.
NEVER = {"fd", "vhostfd", "spdm_port", "ebpf-rss-fds", "pcap", "cdat", "sdrfile", "frudatafile", "rootdir", "hidraw", "evdev",
         "host", "hostdevice", "hostport", "hostbus", "hostaddr", "sysfsdev", "vhostdev", "jsonfile", "host_ip", "file",
         "kernel", "initrd", "bootargs", "driver"}
# Devices that are there for the host's own things.
HOSTS = re.compile(r"vfio-|vhost-|x-|xen-|tpm|u2f-|usb-host|usb-mtp|ccid-card-emulated|ivshmem-(doorbell|flat)|.*-gl\b|.*rutabaga|"
                   r"virtio-input-host|loader|guest-loader|uefi-vars|hv-syndbg|pvrdma|canokey|generic-sdhci|rocker")


def sieve(option, arguments):
    """What is left of each."""
    said = subprocess.run([SIEVE], input="".join(f"{option}\t{a}\n" for a in arguments), stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()
    expect(len(said) == len(arguments), f"{len(said)} answers to {len(arguments)}")
    return said


def devices(*command):
    """Every type of device that this QEMU has, with its properties."""
    with subprocess.Popen([*command, "-M", "none", "-display", "none", "-nodefaults", "-qmp", "stdio"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as qemu:
        def ask(verb, **arguments):
            qemu.stdin.write(json.dumps({"execute": verb, "arguments": arguments}) + "\n")
            qemu.stdin.flush()
            for line in qemu.stdout:
                answer = json.loads(line)
                if "return" in answer or "error" in answer:
                    return answer.get("return")
            raise AssertionError(f"{command[-1]} ended at {verb} {arguments}")

        expect("QMP" in qemu.stdout.readline(), f"{command} says nothing")
        ask("qmp_capabilities")
        # Those in modules that may be missing end QEMU.
        types = [t["name"] for t in ask("qom-list-types", implements="device", abstract=False) if "-gl" not in t["name"]]
        found = {name: ask("device-list-properties", typename=name) or [] for name in types}
        ask("quit")
    return found


def is_harmless(prop):
    return bool(SCALAR.fullmatch(prop["type"]) or
                prop["type"] in ("str", "string", "list") and (DESCRIBED.fullmatch(prop.get("description", "")) or prop["name"] in TEXTS))


def look_through(*command):
    found = devices(*command)
    pairs = [(device, prop) for device, props in found.items() for prop in props
             if not prop["type"].startswith("child<") and not re.search(r"[,=]", prop["name"])]
    passed, wrong = 0, {}
    for (device, prop), of_all, of_one in zip(pairs, sieve("-global", [f"driver={d},property={p['name']},value=/x" for d, p in pairs]),
                                              sieve("-set", [f"device.d.{p['name']}=/x" for d, p in pairs])):
        expect(bool(of_all) == bool(of_one), f"{device}.{prop['name']}: -global and -set differ")
        if of_all:
            passed += 1
            if not is_harmless(prop) or prop["name"] in NEVER:
                wrong[prop["name"]] = device, prop["type"], prop.get("description")
    expect(not wrong, f"these pass: {wrong}")
    there = [device for device, said in zip(found, sieve("-device", found)) if said]
    expect(not any(map(HOSTS.match, there)), f"these pass: {list(filter(HOSTS.match, there))}")
    note(f"{len(there)} of {len(found)} devices, {passed} of {len(pairs)} properties pass")
    expect(len(there) > 100 and passed > 1000, "hardly anything passes")


@case("QEMU of this host, x86 and Arm")
def _():
    look_through("qemu-system-x86_64")
    look_through("qemu-system-aarch64")


@case("QEMU 10.0, x86 and Arm")
def _():
    if _found.returncode:
        skip(f"Debian 13's QEMU is not here: {_found.stderr.strip().splitlines()[-1]}")
    # It would load this host's modules, which are of another QEMU, and end.
    with tempfile.TemporaryDirectory() as empty:
        hide = ["sh", "-c", f"! test -d {MODULES} || mount --bind {empty} {MODULES}; exec \"$@\"", "sh"]
        apart = ["unshare", "--map-root-user", "--mount"] if os.geteuid() else ["unshare", "--mount"]
        if subprocess.run([*apart, *hide, "true"], stderr=subprocess.DEVNULL).returncode:
            skip("no mount namespace to hide this host's modules in")
        for name in ("qemu-system-x86_64", "qemu-system-aarch64"):
            look_through(*apart, *hide, pathlib.Path(_found.stdout.strip()) / "run" / name)


main()
