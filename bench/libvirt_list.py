#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""`libvirt list` of many adopted domains that are shut off, on a libvirtd of its own. As root.

    bench/libvirt_list.py [DOMAINS]"""
import pathlib
import re
import statistics
import sys
import time
import uuid

import paired

sys.path.insert(0, str(paired.ROOT / "tests" / "libvirt"))
from domain import DOMAIN, STATE, Domain  # noqa: E402
from program import PROGRAM  # noqa: E402

DOMAINS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
RUNS = 5

vm = Domain("first", define=False)
try:
    vm.host.run("umount", STATE)  # 300 containers do not fit into the file system that tests fill
    path = vm.host.root / "domain.xml"
    path.write_text(re.sub("<serial.*</serial>", "", DOMAIN.format(name="first", serial=""), flags=re.S))
    vm.host.run("virsh", "define", path)
    vm.holdfast("libvirt", "adopt", "first")
    first = vm.virsh("domuuid").strip()
    xml = vm.virsh("dumpxml", "--inactive")
    record = vm.inside(f"{STATE}/{first}/adoption.json").read_text()
    script = []
    for n in range(1, DOMAINS):  # as many adoptions, without the time that each takes
        name, other = f"vm{n:03}", str(uuid.uuid4())
        vm.holdfast("clone", f"{STATE}/first.hold", f"{STATE}/{name}.hold", "--uuid", other)
        place = vm.inside(f"{STATE}/{other}")
        place.mkdir(mode=0o711)
        (place / "adoption.json").write_text(record.replace(first, other).replace("first", name))
        made = pathlib.Path(vm.host.root / f"{name}.xml")
        made.write_text(xml.replace(first, other).replace("<name>first", f"<name>{name}"))
        script.append(f"define {made}")
    (vm.host.root / "script").write_text("\n".join(script))
    with open(vm.host.root / "script", encoding="utf-8") as commands:
        vm.host.run("virsh", stdin=commands, timeout=600)
    names = vm.holdfast("libvirt", "list", "--names").stdout.split()
    assert len(names) == DOMAINS, len(names)

    def measured(*words):
        start = time.monotonic()
        vm.host.run(PROGRAM, *words)
        return time.monotonic() - start
    times = [measured("libvirt", "list") for _ in range(RUNS)]
    paired.line(f"libvirt list of {DOMAINS} domains, median of {RUNS}", statistics.median(times), "s", "2 for 300")
    paired.line(f"libvirt list of {DOMAINS} domains, the quickest of {RUNS}", min(times), "s", "2 for 300")
    paired.line("libvirt list --names", measured("libvirt", "list", "--names"), "s", "-")
finally:
    vm.close()
