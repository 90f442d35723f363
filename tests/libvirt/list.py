# SPDX-License-Identifier: BSD-2-Clause
"""What an operator of many domains sees of them, on a real libvirtd. No guest boots: those that run are started paused."""
import json
import os
import re
import shutil
import uuid

import tiny_firmware
from domain import DOMAIN, STATE, Domain, digest_of
from guest import MARKER_GUID
from program import PROGRAM
from tap import case, expect, main, skip

if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    vm = None
else:
    vm = Domain("list0", define=False)
    vm.host.run("mount", "-o", "remount,size=512m", STATE)
uuids = {}


def define(name):
    path = vm.host.root / f"{name}.xml"
    path.write_text(re.sub("<serial.*</serial>", "", DOMAIN.format(name=name, serial=""), flags=re.S))
    vm.host.run("virsh", "define", path)
    uuids[name] = vm.host.run("virsh", "domuuid", name).stdout.strip()


def adopt(name):
    define(name)
    vm.holdfast("libvirt", "adopt", name)


def listed():
    return json.loads(vm.holdfast("libvirt", "list", "--json").stdout)


def row_of(name, kind="domains"):
    return next(row for row in listed()[kind] if row["name"] == name)


def status(name, status=0):
    return json.loads(vm.holdfast("libvirt", "status", name, "--json", status=status).stdout)


@case("a host without adopted domains: an empty list")
def _():
    define("plain")
    report = listed()
    expect(report["domains"] == report["orphans"] == [] and report["schema"] == 1, report)
    expect("no domain of this host is adopted" in vm.holdfast("libvirt", "list").stdout, "no word of it")
    done = vm.holdfast("libvirt", "status", "plain", status=4)
    expect("'plain' is not adopted; 'holdfast libvirt adopt plain'" in done.stderr, done.stderr)
    done = vm.holdfast("libvirt", "status", "nowhere", status=4)
    expect("nowhere" in done.stderr and done.stderr.count("\n") == 1, done.stderr)


@case("domains that are shut off, staged and paused are told apart, and only adopted ones are listed")
def _():
    for name in ("off", "staged", "paused"):
        adopt(name)
    code = (vm.inside("/usr/share/OVMF/OVMF_CODE_4M.fd")).read_bytes()
    image = vm.host.root / "other.fd"
    image.write_bytes(tiny_firmware.image(code, "other", tiny_firmware.HANG))
    vm.holdfast("stage", f"{STATE}/staged.hold", image, "--label", "newer build")
    vm.host.run("virsh", "start", "paused", "--paused")
    report = listed()
    rows = {row["name"]: row for row in report["domains"]}
    expect(list(rows) == ["off", "paused", "staged"] and not report["orphans"], report)
    expect({name: row["state"] for name, row in rows.items()} == {"off": "shut off", "paused": "paused", "staged": "shut off"},
           rows)
    for name, row in rows.items():
        shown = json.loads(vm.holdfast("show", row["container"], "--json").stdout)
        expect(row["uuid"] == uuids[name] and row["container"] == f"{STATE}/{name}.hold", row)
        expect(row["firmware"] == {key: shown["slots"]["active"][key] for key in ("label", "sha256")}, row)
        expect(row["keys"] == shown["keys"] and row["lifecycle"] == shown["lifecycle"]["state"], row)
        expect(row["problem"] is None and row["behind"] is None and row["standing"] == "adopted", row)
    expect(rows["staged"]["staged"] == {"label": "newer build", "sha256": digest_of(image.read_bytes())}, rows["staged"])
    expect(rows["off"]["staged"] is None and rows["off"]["paused"] is None, rows["off"])
    expect(rows["paused"]["paused"] == {"by_holdfast": False, "why": "by a program or an operator"}, rows["paused"])
    names = vm.holdfast("libvirt", "list", "--names").stdout.split()
    expect(names == ["off", "paused", "staged"], names)


@case("libvirt list reads beside the guard, and starts nothing")
def _():
    before = vm.processes("qemu-system"), vm.processes("libvirt guard")
    first = vm.inside(f"{STATE}/paused.hold").stat()
    vm.holdfast("libvirt", "list")
    vm.holdfast("libvirt", "status", "paused")
    last = vm.inside(f"{STATE}/paused.hold").stat()
    expect(before == (vm.processes("qemu-system"), vm.processes("libvirt guard")), "other processes")
    expect((first.st_mtime_ns, first.st_ino) == (last.st_mtime_ns, last.st_ino), "the container was written")


@case("status: guard, socket, published file, TPM, ROMs, and all that show says")
def _():
    domain = status("paused")["domain"]
    expect([domain["guard"]] == vm.processes("libvirt guard"), f"{domain} {vm.processes('libvirt guard')}")
    expect(domain["socket"]["there"] and vm.inside(domain["socket"]["path"]).is_socket(), domain)
    published = vm.inside(domain["published"]["path"])
    expect(domain["published"]["unchanged"] and domain["published"]["sha256"] == digest_of(published.read_bytes()), domain)
    expect(not domain["tpm"] and not domain["secure_loader"] and domain["roms"]["from_host"] == 0, domain)
    off = status("off")
    expect(off["domain"]["guard"] is None and not off["domain"]["socket"]["there"], off)
    shown = json.loads(vm.holdfast("show", f"{STATE}/off.hold", "--json").stdout)
    other = {key: (off.get(key), shown[key]) for key in shown if key != "verb" and off.get(key) != shown[key]}
    expect(not other, f"show tells something else: {other}")
    published = vm.inside(off["domain"]["published"]["path"])
    published.write_bytes(b"other")
    expect(not status("off")["domain"]["published"]["unchanged"], "a changed file is not told")
    published.unlink()
    expect(not status("off")["domain"]["published"]["there"], "a missing file is not told")


@case("a guard that is gone under a guest is told, with the remedy")
def _():
    for word in ("libvirt watch", "libvirt guard"):
        for pid in vm.processes(word):
            vm.host.run("kill", "-9", pid)
        vm.host.wait(lambda: not vm.processes(word), 60, "its end")
    done = status("paused", status=1)["domain"]
    expect("its guard does not" in done["problem"] and done["guard"] is None, done)
    vm.host.restart_libvirtd()
    vm.host.wait(lambda: row_of("paused")["problem"] is None, 60, "the guard of the remedy")
    vm.host.run("virsh", "destroy", "paused")
    vm.host.wait(lambda: row_of("paused")["state"] == "shut off", 60, "its end")


@case("a definition without the container, a container that is missing: told with what to do")
def _():
    adopt("left")
    vm.host.run("virsh", "define", f"{STATE}/{uuids['left']}/original.xml")
    row = row_of("left")
    expect(row["standing"] == "left" and f"adopt left --into {STATE}/left.hold" in row["problem"], row)
    vm.holdfast("libvirt", "adopt", "left", "--into", f"{STATE}/left.hold")
    expect(row_of("left")["problem"] is None, "the remedy did not work")
    saved = f"{STATE}/left.backup"
    vm.holdfast("backup", f"{STATE}/left.hold", saved)
    vm.inside(f"{STATE}/left.hold").unlink()
    row = row_of("left")
    expect(row["problem"].startswith(f"container not found: '{STATE}/left.hold'") and "firmware" not in row, row)
    expect("container not found" in vm.holdfast("libvirt", "status", "left", status=1).stdout, "status does not tell")
    remedy = row["problem"].split(": ")[-1].replace("holdfast restore BACKUP", f"{PROGRAM} restore {saved}")
    vm.host.run("sh", "-c", remedy)
    expect(row_of("left")["problem"] is None, "the remedy did not work")


@case("a domain that was renamed has its new name")
def _():
    vm.host.run("virsh", "domrename", "left", "renamed")
    row = row_of("renamed")
    expect(row["uuid"] == uuids["left"] and row["container"] == f"{STATE}/left.hold" and row["problem"] is None, row)


@case("an orphan after undefine: the command that the list names takes it up again")
def _():
    vm.host.run("virsh", "undefine", "renamed", "--keep-nvram")
    orphans = listed()["orphans"]
    expect([row["standing"] for row in orphans] == ["undefined"] and orphans[0]["uuid"] == uuids["left"], orphans)
    expect("left: the domain is not defined. To take it up" in vm.holdfast("libvirt", "list").stdout, "not told")
    done = vm.holdfast("libvirt", "status", "left", status=4)
    expect(f"its container is '{STATE}/left.hold'" in done.stderr, done.stderr)
    before = json.loads(vm.holdfast("show", f"{STATE}/left.hold", "--json").stdout)
    remedy = orphans[0]["problem"].split("take it up again: ")[1].replace("holdfast libvirt", f"{PROGRAM} libvirt")
    vm.host.run("sh", "-c", remedy)
    row = row_of("left")
    expect(row["standing"] == "adopted" and row["problem"] is None and not listed()["orphans"], listed())
    after = json.loads(vm.holdfast("show", f"{STATE}/left.hold", "--json").stdout)
    expect((before["id"], before["vars"]) == (after["id"], after["vars"]), "another container")


@case("a container that release left is told, and its remedy works")
def _():
    vm.holdfast("libvirt", "release", "left")
    orphans = listed()["orphans"]
    expect([(row["standing"], row["uuid"]) for row in orphans] == [("unused", uuids["left"])], orphans)
    remedy = orphans[0]["problem"].split("takes it up: ")[1].replace("holdfast", str(PROGRAM), 1).replace("DOMAIN", "left")
    vm.host.run("sh", "-c", remedy)
    expect(not listed()["orphans"] and row_of("left")["standing"] == "adopted", listed())


@case("on a host that has nothing of it, backup and definition bring a guest back")
def _():
    state = f"{STATE}/{uuids['left']}"
    before = json.loads(vm.holdfast("show", "libvirt:left", "--json").stdout)
    vm.holdfast("backup", "libvirt:left", f"{STATE}/left.away")
    vm.host.run("cp", f"{state}/original.xml", f"{STATE}/left.xml")
    vm.host.run("virsh", "undefine", "left", "--keep-nvram")
    vm.host.run("rm", "-r", state, f"{STATE}/left.hold")
    expect(not listed()["orphans"], listed())
    vm.host.run("virsh", "define", f"{STATE}/left.xml")
    vm.holdfast("restore", f"{STATE}/left.away", f"{STATE}/left.hold")
    vm.holdfast("libvirt", "adopt", "left", "--into", f"{STATE}/left.hold")
    after = json.loads(vm.holdfast("show", "libvirt:left", "--json").stdout)
    expect((before["vars"], before["slots"]["active"]["sha256"]) == (after["vars"], after["slots"]["active"]["sha256"]), after)
    expect(row_of("left")["problem"] is None, row_of("left"))


@case("records and containers that are damaged are told, and the others are listed")
def _():
    record = vm.inside(f"{STATE}/{uuids['left']}/adoption.json")
    whole = record.read_bytes()
    record.write_bytes(b"{")
    expect("invalid JSON" in row_of("left")["problem"], row_of("left"))
    record.write_bytes(whole)
    container = vm.inside(f"{STATE}/staged.hold")
    whole = container.read_bytes()
    container.write_bytes(b"SQLite format 3\0" + bytes(4096))
    row = row_of("staged")
    expect(row["problem"] and "firmware" not in row and row_of("off")["problem"] is None, row)
    container.write_bytes(whole)


@case("libvirt:NAME is the container of that domain, wherever a container is taken")
def _():
    path = f"{STATE}/off.hold"
    for words in (("show",), ("log",), ("owner",), ("vars", "list"), ("keys", "show"), ("boot", "list"), ("snapshot",),
                  ("set",), ("backup",), ("vars", "set"), ("vars", "diff")):
        more = {"set": ["trial-boots=5"], "backup": [f"{STATE}/off.copy"], "vars set": [
            "Marker", "--guid", MARKER_GUID, "--text", "a"], "vars diff": ["libvirt:staged"]}.get(" ".join(words), [])
        done = vm.holdfast(*words, "libvirt:off", *more, "--dry-run" if words[-1] == "set" else "--json",
                           status=None)
        expect(done.returncode == 0 and not done.stderr, f"{words}: {done.stderr}")
    shown = [vm.holdfast("show", name, "--json").stdout for name in ("libvirt:off", f"libvirt:{uuids['off']}", path)]
    expect(shown[0] == shown[1] == shown[2], "another container")
    for name, status, words in (("plain", 4, "not adopted; 'holdfast libvirt adopt plain'"), ("nowhere", 4, "nowhere"),
                                ("", 2, "not a domain's name"), ("a/b", 2, "'./libvirt:a/b'")):
        done = vm.holdfast("show", f"libvirt:{name}", status=status)
        expect(words in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    shutil.copy(vm.inside(path), vm.inside(f"{STATE}/libvirt:off"))
    vm.inside(f"{STATE}/libvirt:off").chmod(0o600)
    done = vm.host.run("sh", "-c", f"cd {STATE} && {PROGRAM} show ./libvirt:off --json")
    expect(json.loads(done.stdout)["path"] == f"{STATE}/libvirt:off", "a file of such a name")
    vm.inside(f"{STATE}/libvirt:off").unlink()
    rows = json.loads(vm.holdfast("keys", "audit", "libvirt:off", "--json", status=1).stdout)["rows"]
    expect([row["path"] for row in rows] == [path], rows)
    every = json.loads(vm.holdfast("keys", "audit", "libvirt:", "--json", status=1).stdout)["rows"]
    expect(every == json.loads(vm.holdfast("keys", "audit", "libvirt:qemu:///system", "--json", status=1).stdout)["rows"] and
           len(every) >= 3, every)


@case("stage, unstage, confirm and rollback for many domains: each has its line, and the worst exit status counts")
def _():
    image = vm.host.root / "other.fd"

    def outcomes(*words, status=0):
        report = json.loads(vm.holdfast(*words, "--json", status=status).stdout)
        return {row["domain"]: row["exit_status"] for row in report["domains"]}, report

    def staged():
        return {row["name"] for row in listed()["domains"] if row["staged"]}
    expect(outcomes("unstage", "--all", status=3)[0] == {"left": 3, "off": 3, "paused": 3, "staged": 0}, "unstage --all")
    expect(outcomes("stage", "--all", image, "--dry-run")[0] == dict.fromkeys(("left", "off", "paused", "staged"), 0), "dry run")
    expect(staged() == set(), "the dry run staged")
    expect(outcomes("stage", "--match", "*f*", image)[0] == {"left": 0, "off": 0} and staged() == {"left", "off"}, staged())
    lines = vm.holdfast("stage", "--all", image, "--label", "for all").stdout.splitlines()
    expect([line.split(": ")[0] for line in lines] == ["left", "off", "paused", "staged"] and
           all("staged 'for all'" in line for line in lines), lines)
    vm.inside(f"{STATE}/left.hold").rename(vm.inside(f"{STATE}/left.away"))
    done, report = outcomes("unstage", "--all", status=4)
    expect(done == {"left": 4, "off": 0, "paused": 0, "staged": 0} and report["failed"] == 1, report)
    expect("left.hold" in report["domains"][0]["error"]["text"], report)
    vm.inside(f"{STATE}/left.away").rename(vm.inside(f"{STATE}/left.hold"))
    vm.holdfast("unstage", "libvirt:left")
    done, report = outcomes("confirm", "--all")
    expect(set(done.values()) == {0} and all(row["report"]["was"] for row in report["domains"]), report)
    done, report = outcomes("rollback", "--match", "off", status=3)
    expect(done == {"off": 3} and report["domains"][0]["error"]["rule"], report)
    expect("'nothing*'" in vm.holdfast("confirm", "--match", "nothing*", status=4).stderr, "no match")
    for words in (("confirm", "--all", "--match", "x"), ("confirm", "--all", "G.hold"), ("stage", "--all", image, "more")):
        expect(vm.holdfast(*words, status=2).stderr.count("\n") == 1, words)


@case("bash completes the names of adopted domains")
def _():
    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        skip("bash-completion is not installed")
    words = f"{PROGRAM} show libvirt : o"
    script = f"""source /usr/share/bash-completion/bash_completion
source <({PROGRAM} completion)
COMP_WORDS=({words}); COMP_CWORD=4; COMP_LINE='{PROGRAM} show libvirt:o'; COMP_POINT=${{#COMP_LINE}}
_holdfast; printf '%s\\n' "${{COMPREPLY[@]}}" """
    expect(vm.host.run("bash", "-c", script).stdout.split() == ["off"], vm.host.run("bash", "-c", script))


@case("300 adopted domains: each is listed once, by name, with its own firmware")
def _():
    xml = vm.host.run("virsh", "dumpxml", "off", "--inactive").stdout
    record = vm.inside(f"{STATE}/{uuids['off']}/adoption.json").read_text()
    commands = []
    for n in range(296):  # an adoption each; every second one has the container of another guest, with other firmware
        name, other = f"many{n:03}", str(uuid.UUID(int=n + 1))
        place = vm.inside(f"{STATE}/{other}")
        place.mkdir(mode=0o711)
        mine = record.replace(uuids["off"], other).replace('"name": "off"', f'"name": "{name}"')
        (place / "adoption.json").write_text(mine.replace("off.hold", "staged.hold") if n % 2 else mine)
        path = vm.host.root / f"{name}.xml"
        path.write_text(xml.replace(uuids["off"], other).replace("<name>off<", f"<name>{name}<"))
        commands.append(f"define {path}")
    (vm.host.root / "commands").write_text("\n".join(commands))
    with open(vm.host.root / "commands", encoding="utf-8") as script:
        vm.host.run("virsh", stdin=script, timeout=600)
    vm.holdfast("stage", "libvirt:staged", vm.host.root / "other.fd", "--label", "newer build")
    rows = listed()["domains"]
    names = [row["name"] for row in rows]
    expect(len(names) == 300 and names == sorted(set(names)), f"{len(names)} rows")
    expect(not [row["name"] for row in rows if row["problem"]], [row for row in rows if row["problem"]][:1])
    expect({row["name"] for row in rows if row["staged"]} == {"staged"} | {f"many{n:03}" for n in range(1, 296, 2)}, "staged")
    expect(vm.holdfast("libvirt", "list", "--names").stdout.split() == names, "other names")


@case("only the system's libvirt has adopted domains, and only root sees them")
def _():
    done = vm.holdfast("libvirt", "list", "--connect", "test:///default", status=3)
    expect("rule 'session'" in done.stderr, done.stderr)
    done = vm.host.run("setpriv", "--reuid=nobody", "--clear-groups", PROGRAM, "libvirt", "list", check=False)
    expect(done.returncode == 3 and "rule 'root'" in done.stderr, done)


main(vm.close if vm else None)
