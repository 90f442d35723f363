# SPDX-License-Identifier: BSD-2-Clause
"""libvirt calls the hook for every domain of the host: what is not ours must start as if we were not there."""
import subprocess

from program import PROGRAM
from tap import case, expect, main

UUID = "b8960a51-5ffa-4f40-8e81-887af75991db"
OURS = f"/var/lib/libvirt/holdfast/{UUID}/code.fd"
XML = """<domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid><os><type arch='x86_64' machine='q35'>hvm</type>
<loader type='pflash'>{loader}</loader></os></domain>"""


def hook(*words, xml):
    return subprocess.run([PROGRAM, "libvirt", "hook", "--", *words], input=xml.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


@case("other domains: every operation is done at once, without a word")
def _():
    xml = XML.format(name="other", uuid=UUID, loader="/usr/share/OVMF/OVMF_CODE_4M.fd")
    for operation in ("prepare", "start", "started", "stopped", "release", "migrate", "restore", "reconnect", "attach"):
        for part in ("begin", "end"):
            done = hook("other", operation, part, "-", xml=xml)
            expect(done.returncode == 0 and not done.stdout and not done.stderr, f"{operation} {part}: {done}")


@case("odd names, no XML, XML that we do not understand: not ours, so fine")
def _():
    for xml in ("", "nothing", "<domain/>", XML.format(name="n" * 9000, uuid=UUID, loader="/x"), "<a>" * 100000):
        for name in ("--help", "-", "-x", "a b"):
            done = hook(name, "prepare", "begin", "-", xml=xml)
            expect(done.returncode == 0 and not done.stdout, f"{name}: {done}")


@case("firmware or variables of another domain are not this one's, by whatever name and in whatever element")
def _():
    other = "11111111-2222-3333-4444-555555555555"
    socket = f"<nvram type='network'><source protocol='nbd' name='vars'><host transport='unix' socket='{{}}'/></source></nvram>"
    for loader, nvram in (
            (f"/var/lib/libvirt/holdfast/{other}/code.fd", ""),
            (f"/var/lib/libvirt/../libvirt//holdfast/./{other}/code.fd", ""),
            ("/x", socket.format(f"/run/holdfast-libvirt/{other}/vars.sock")),
            (OURS, socket.format(f"/run/holdfast-libvirt/{other}/vars.sock")),
            ("/x", f"<nvram>/var/lib/libvirt/holdfast/{other}/code.fd</nvram>")):
        xml = XML.format(name="copy", uuid=UUID, loader=loader).replace("</loader>", "</loader>" + nvram)
        for operation in ("prepare", "migrate"):
            done = hook("copy", operation, "begin", "-", xml=xml)
            expect(done.returncode == 3 and b"rule 'copied'" in done.stderr, f"{loader} {nvram}: {done}")
        expect(hook("copy", "release", "end", "-", xml=xml.replace(OURS, "/x")).returncode == 0, "its end is refused")


@case("a domain that is ours, but whose adoption is gone, does not start")
def _():
    done = hook("ours", "prepare", "begin", "-", xml=XML.format(name="ours", uuid=UUID, loader=OURS))
    expect(done.returncode == 4 and b"not adopted" in done.stderr, done)


main()
