# SPDX-License-Identifier: BSD-2-Clause
"""A small real Linux in a guest: Debian's kernel, an initramfs made here, commands through the serial port.

    boot = linux.arguments(ROOT, files={"bin/tool": path})     # -kernel, -initrd, -append
    with Guest(container, *boot) as guest:
        system = Linux(guest)                                  # waits until it is up
        system.run("tool --json").out                          # fails the case when the status is not 0
        system.run("tool confirm", status=3)
        system = system.reboot()                               # through the firmware, like every boot

OVMF and AAVMF take the kernel from fw_cfg and start it as the UEFI program that it is, so the firmware's boot services
end as they do with a boot loader. linux.disk() makes a disk that the firmware boots through a boot option instead.
"""
import base64
import os
import pathlib
import re
import struct
import subprocess

from guest import MARKER_GUID, TimedOut, clean
from program import BUILD, SOURCE, holdfast
from tap import skip

UP_SECONDS = 300  # firmware and kernel together take some twenty, on a busy machine much more
MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "efivarfs", "vfat", "nls_ascii", "nls_cp437", "pvpanic-mmio",
           "pvpanic-pci")
CONSOLE = {"x86_64": "ttyS0", "aarch64": "ttyAMA0"}
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}

# Every line on the console after "@up" is either the answer to a command or the kernel's. Answers are in base64, so
# that nothing in them looks like a frame.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
dmesg -n 4
for module in $(cat /modules/order); do insmod "/modules/$module" || echo "insmod $module failed"; done
[ ! -d /sys/firmware/efi ] || mount -t efivarfs efivarfs /sys/firmware/efi/efivars
exec </dev/CONSOLE >/dev/CONSOLE 2>&1
stty raw -echo
dmesg -n 1
echo "@up"
sh /commands
"""

# Not the first process itself: the end of a stray child of somebody's would interrupt its `read` in the middle of a line.
COMMANDS = """\
while read -r number line; do
    sh -c "$line" </dev/null >/commands.out 2>&1
    status=$?
    echo "@begin $number"
    base64 /commands.out
    echo "@end $number $status"
done
"""


def parts(arch="x86_64"):
    """The directory with kernel, modules and busybox; the case is skipped where they cannot be had."""
    found = subprocess.run([SOURCE / "tests" / "lib" / "debian_linux", DEBIAN[arch]], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=600)
    if found.returncode == 77:
        skip(f"a Linux guest: {found.stderr.strip().splitlines()[-1]}")
    if found.returncode:
        raise AssertionError(found.stderr)
    return pathlib.Path(found.stdout.strip())


def _with_needs(found, names):
    """The modules' paths, each after the ones it needs. What is built into the kernel has no file."""
    order = []

    def add(name):
        path = found.get(name.replace("-", "_"))
        if not path or path in order:
            return
        needs = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for need in needs.group(1).decode().split(",") if needs else ():
            add(need)
        order.append(path)

    for name in names:
        add(name)
    return order


def _cpio(entries):
    """A "newc" archive of (name, mode, bytes); the kernel unpacks it as its first file system."""
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        encoded = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + encoded
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def initramfs(path, arch="x86_64", files=None, modules=()):
    """Writes the initramfs. `files` {path in the guest: path here, or bytes}; all of them can be executed."""
    base = parts(arch)
    found = {p.stem.replace("-", "_"): p for p in base.joinpath("modules").rglob("*.ko")}
    order = _with_needs(found, (*MODULES, *modules))
    if arch == "x86_64":
        files = {"bin/changeable": BUILD / "tests" / "lib" / "changeable", **(files or {})}
    contents = {"init": INIT.replace("CONSOLE", CONSOLE[arch]).encode(), "commands": COMMANDS.encode(),
                "bin/busybox": base / "busybox",
                "modules/order": "\n".join(p.name for p in order).encode(),
                **{f"modules/{p.name}": p for p in order}, **(files or {})}
    directories = sorted({str(parent) for name in contents for parent in pathlib.PurePath(name).parents} - {"."})
    entries = [(d, 0o040755, b"") for d in directories]
    entries += [(name, 0o100755, what if isinstance(what, bytes) else pathlib.Path(what).read_bytes())
                for name, what in contents.items()]
    pathlib.Path(path).write_bytes(_cpio(entries))
    return path


def _append(arch, append):
    return f"console={CONSOLE[arch]} quiet panic=-1 {append}".strip()


def arguments(directory, arch="x86_64", files=None, modules=(), append=""):
    """QEMU's arguments for this Linux; the initramfs is written into `directory`. `panic=-1` reboots at once."""
    initrd = initramfs(pathlib.Path(directory) / f"initramfs-{arch}", arch, files, modules)
    return ["-kernel", parts(arch) / "vmlinuz", "-initrd", initrd, "-append", _append(arch, append)]


def disk(directory, container, arch="x86_64", files=None, modules=(), append=""):
    """QEMU's arguments for a disk with this Linux, and the boot option for it in the container's variables."""
    directory = pathlib.Path(directory)
    image, option = directory / f"linux-{arch}.fat", directory / f"linux-{arch}.option"
    initrd = initramfs(directory / f"initramfs-{arch}", arch, files, modules)
    kernel = parts(arch) / "vmlinuz"
    size = (kernel.stat().st_size + initrd.stat().st_size >> 20) + 8
    image.write_bytes(b"")
    os.truncate(image, size << 20)
    for command in (["/usr/sbin/mkfs.vfat", "-F", "16", image], ["mcopy", "-i", image, kernel, "::linux.efi"],
                    ["mcopy", "-i", image, initrd, "::initrd"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    option.write_bytes(_boot_option("Linux", "\\linux.efi", _append(arch, f"initrd=\\initrd {append}")))
    holdfast("vars", "set", container, "Boot00AA", "--file", option)
    holdfast("vars", "set", container, "BootOrder", "--order", "00AA")
    return ["-drive", f"file={image},format=raw,if=none,id=linux", "-device", "virtio-blk-pci,drive=linux"]


def _boot_option(name, path, words):
    """EFI_LOAD_OPTION with only a file's path: the firmware looks for it on every disk that it finds."""
    text = [(t + "\0").encode("utf-16-le") for t in (name, path, words)]
    node = struct.pack("<BBH", 4, 4, 4 + len(text[1])) + text[1] + struct.pack("<BBH", 0x7f, 0xff, 4)
    return struct.pack("<IH", 1, len(node)) + text[0] + node + text[2]


class Result:
    def __init__(self, command, status, out):
        self.command, self.status, self.out = command, status, out

    def __str__(self):
        return f"in the guest: {self.command}: exit {self.status}\n{self.out}"


class Linux:
    """The running system. `start`: where in the serial port's output to look for its first words."""

    def __init__(self, guest, seconds=UP_SECONDS, start=0):
        self.guest, self.serial, self.number = guest, guest.serial, 0
        guest.wait_text("@up\n", seconds, start)

    def _tell(self, command):
        self.number += 1
        self.serial.send(f"{self.number} {command}\n".encode())
        return self.number

    def run(self, command, status=0, seconds=120):
        """Runs a line of shell. `status` None accepts any exit status."""
        start = len(self.serial.data)
        number = self._tell(command)

        def answered(data):
            return re.search(rf"@begin {number}\n(.*)@end {number} (\d+)\n", clean(data[start:]), re.S)
        try:
            found = self.serial.wait_for(answered, seconds, f"the end of '{command}' in the guest")
        except TimedOut as why:
            raise TimedOut(f"{why}\n{self.guest.said()}") from None
        out = base64.b64decode("".join(re.findall(r"^[A-Za-z0-9+/=]+$", found.group(1), re.M)))
        result = Result(command, int(found.group(2)), out.decode("utf-8", "replace"))
        if status is not None and result.status != status:
            raise AssertionError(f"wanted exit status {status}:\n{result}")
        return result

    def setvar(self, name, value, guid=MARKER_GUID, attributes=7):
        """Sets a variable, by default NV+BS+RT; `value` is hexadecimal."""
        file = f"/sys/firmware/efi/efivars/{name}-{guid}"
        octal = "".join(f"\\{b:03o}" for b in struct.pack("<I", attributes) + bytes.fromhex(value))
        self.run(f"[ ! -e {file} ] || changeable {file}; printf '{octal}' >/variable && cp /variable {file}")

    def getvar(self, name, guid=MARKER_GUID):
        """The variable's bytes in hexadecimal, or None."""
        found = self.run(f"xxd -p /sys/firmware/efi/efivars/{name}-{guid}", status=None)
        return re.sub(r"\s", "", found.out)[8:] if found.status == 0 else None

    def tell(self, command):
        """Starts what does not come back."""
        self._tell(command)

    def reboot(self, seconds=UP_SECONDS):
        """The system after the next boot."""
        start = len(self.serial.data)
        self.tell("reboot -f")
        return Linux(self.guest, seconds, start)

    def power_off(self):
        """Holdfast's exit status."""
        self.tell("poweroff -f")
        return self.guest.wait()
