# SPDX-License-Identifier: BSD-2-Clause
"""`keys` on plain stores and containers, as a user calls it."""
import csv
import hashlib
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import uuid

import gpt
import program
from program import SOURCE, holdfast
from secure_boot_keys import APPEND, MICROSOFT_TIME, SHA256, STORED, X509, Key, esl, openssl, signed_update
from tap import case, expect, main, skip

OVMF, AAVMF = pathlib.Path("/usr/share/OVMF"), pathlib.Path("/usr/share/AAVMF")
MS_4M, MS_2M, MS_ARM = OVMF / "OVMF_VARS_4M.ms.fd", OVMF / "OVMF_VARS.ms.fd", AAVMF / "AAVMF_VARS.ms.fd"
HOME = program.scratch()
SCRATCH = pathlib.Path(HOME.name)
PEM = {f.stem: f for f in (SOURCE / "data" / "certificates").glob("*.pem")}
OF_2011 = {"KEK": {"ms-kek-2011"}, "db": {"windows-2011", "ms-uefi-2011"}}
OF_2023 = {"KEK": {"ms-kek-2023"}, "db": {"windows-2023", "ms-uefi-2023", "ms-uefi-rom-2023"}}
DIGEST = {name: digest for digest, name in
          (line.split() for line in (SOURCE / "data/certificates/digests").read_text().replace(".pem", "").splitlines())}
DEBIAN = "5fb05ed84c5170d542ed6a7b7487dd57b8faedb02f7e107b0409e1d22cac4169"
REVOKED = esl(SHA256, [hashlib.sha256(bytes([i])).digest() for i in range(3)])


def fresh(source=MS_4M):
    if not source.exists():
        skip(f"{source} is not installed")
    directory = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
    return pathlib.Path(shutil.copy(source, directory / "vars.fd"))


def keep(name, content):
    path = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH)) / name
    path.write_bytes(content)
    return path


def show(store, **more):
    return holdfast("keys", "show", store, "--json", **more).json


def digests(state, variable):
    return [c["sha256"] for c in state[variable.lower()]["certificates"]]


def update(store, *what, **more):
    return holdfast("keys", "update", store, *what, *([] if store.suffix == ".hold" else ["--in-place"]), "--json", **more)


def variables(store):
    return {v["name"]: v for v in holdfast("vars", "list", store, "--json", "--data", "--reveal").json["variables"]}


class Own:
    """A store whose keys are all a test's own."""

    def __init__(self):
        directory = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        self.pk, self.kek, self.db = (Key(directory, f"own {n}") for n in ("PK", "KEK", "db"))

    def store(self):
        store = fresh(OVMF / "OVMF_VARS_4M.fd")
        update(store, "--pk", self.pk.pem, "--kek", self.kek.pem, "--db", self.db.pem)
        return store


OWN = Own()


def refused(store, rule, *what):
    """The rule is named, and not a byte of the store is another."""
    before, beside = store.read_bytes(), sorted(os.listdir(store.parent))
    result = update(store, *what, status=3)
    expect(result.json["error"]["rule"] == rule, result)
    expect(store.read_bytes() == before and sorted(os.listdir(store.parent)) == beside, "the store was touched")
    return result.json["error"]["text"]


@case("show tells what Debian 12's store has, and that it needs something")
def _():
    state = show(fresh())
    expect((state["mode"], state["verdict"]) == ("user", "update available"), state)
    expect(digests(state, "PK") == [DEBIAN], state["pk"])
    expect(digests(state, "KEK") == [DEBIAN, DIGEST["ms-kek-2011"]], state["kek"])
    for name in OF_2023["KEK"] | OF_2023["db"]:
        subject = openssl("x509", "-in", PEM[name], "-noout", "-subject", "-nameopt", "multiline").decode()
        expect(subject.split("commonName")[1].split("=")[1].strip() in state["words"], state["words"])
    old = next(c for c in state["db"]["certificates"] if c["sha256"] == DIGEST["windows-2011"])
    expect(old["subject"] == "Microsoft Windows Production PCA 2011" and old["valid_until"] == 1792435902, old)
    text = holdfast("keys", "show", fresh()).out
    expect("still verifies" in text and "2026-10-19" in text, text)
    expect("update available: " in holdfast("vars", "list", fresh()).out, "vars list lacks the line")


@case("the verdicts: setup mode, managed by its owner with a public key, unreadable")
def _():
    expect(show(fresh(OVMF / "OVMF_VARS_4M.fd"))["verdict"] == "setup mode", "empty store")
    state = show(fresh(OVMF / "OVMF_VARS_4M.snakeoil.fd"))
    expect(state["verdict"] == "managed by its owner" and "private key of this PK is public" in state["words"], state)
    expect(state["pk"]["certificates"][0]["private_key_is_public"], state["pk"])
    store = fresh()
    holdfast("vars", "set", store, "db", "--data", "00" * 40, "--authenticated", "--raw", "--in-place")
    expect("db" in show(store, status=5)["words"], "a list that cannot be read")
    broken = keep("x.fd", b"no store" * 1000)
    expect(show(broken, status=5)["verdict"] == "unreadable", "no store")
    holdfast("keys", "show", SCRATCH / "missing", status=4)
    holdfast("vars", "set", off := fresh(), "SecureBootEnable", "--data", "00", "--in-place")
    expect(show(off)["mode"] == "off", "switched off")


@case("update --set microsoft: all of 2023 and all of 2011, the other variables byte for byte")
def _():
    for source in MS_4M, MS_2M, MS_ARM:
        store = fresh(source)
        before = variables(store)
        changes = {c["variable"]: c for c in update(store, "--set", "microsoft").json["changes"]}
        expect({v: c["added"] for v, c in changes.items()} == {"KEK": 1, "db": 3}, changes)
        state, after = show(store), variables(store)
        expect(state["verdict"] == "current", state)
        for v in "KEK", "db":
            wanted = {DIGEST[n] for n in OF_2011[v] | OF_2023[v]} | ({DEBIAN} if v == "KEK" else set())
            expect(set(digests(state, v)) == wanted and len(digests(state, v)) == len(wanted), (v, digests(state, v)))
            expect(after[v]["data"].startswith(before[v]["data"]), f"{v}: order or owners changed")
            expect(after[v]["time"] == before[v]["time"] and after[v]["attributes"] == 0x27, after[v])
            before.pop(v), after.pop(v)
        expect(after == before, "other variables changed")


@case("what is there already is not added again, and nothing is written then")
def _():
    store = fresh()
    update(store, "--set", "microsoft")
    whole, beside = store.read_bytes(), os.listdir(store.parent)
    report = update(store, "--set", "microsoft", "--kek", PEM["ms-kek-2023"], "--db", PEM["windows-2023"]).json
    expect(report["changes"] == [] and store.read_bytes() == whole and os.listdir(store.parent) == beside, report)
    update(store, "--set", "windows", "--dry-run")
    expect(store.read_bytes() == whole, "a dry run wrote")


@case("a certificate is the same as PEM, DER and list; entries of others stay where they are")
def _():
    results = set()
    for form in OWN.db.pem, OWN.db.der, keep("db.esl", esl(X509, [OWN.db.bytes])):
        store = fresh()
        update(store, "--set", "option-rom")
        update(store, "--db", form, "--dbx", keep("dbx.esl", REVOKED), "--owner", "11111111-2222-3333-4444-555555555555")
        update(store, "--set", "microsoft")
        results.add(tuple(digests(show(store), "db")))
        expect(show(store)["dbx"]["digests"] == 4, show(store)["dbx"])
    own = hashlib.sha256(OWN.db.bytes).hexdigest()
    expect(results == {(DIGEST["windows-2011"], DIGEST["ms-uefi-2011"], DIGEST["ms-uefi-rom-2023"], own,
                        DIGEST["windows-2023"], DIGEST["ms-uefi-2023"])}, results)


@case("a signed update is unwrapped and its signer named; the guest's own KEK vouches for it")
def _():
    for attributes in APPEND, STORED:
        store = OWN.store()
        report = update(store, "--dbx", keep("dbx.auth", signed_update(OWN.kek, "dbx", REVOKED, attributes))).json
        expect(report["changes"][0]["signed_by"] == "own KEK" and report["changes"][0]["added"] == 3, report)
        dbx = variables(store)["dbx"]
        expect(bytes.fromhex(dbx["data"]) == REVOKED, "the signature's header is in the variable")
        expect(dbx["attributes"] == 0x27 and dbx["time"] == "2010-03-06 19:17:21", dbx)
    later = struct.pack("<H", 2030) + MICROSOFT_TIME[2:]
    other = esl(SHA256, [hashlib.sha256(b"another").digest()])
    update(store, "--dbx", keep("l.auth", signed_update(OWN.kek, "dbx", other, time=later)))
    expect(variables(store)["dbx"]["time"].startswith("2030"), "the newer time")
    more = esl(SHA256, [hashlib.sha256(b"more").digest()])
    refused(store, "old-update", "--dbx", keep("o.auth", signed_update(OWN.kek, "dbx", more, STORED)))
    update(store, "--dbx", keep("a.auth", signed_update(OWN.kek, "dbx", more)))
    expect(variables(store)["dbx"]["time"].startswith("2030"), "an older update set the time back")


@case("what firmware would refuse is refused, and --unsigned takes it")
def _():
    store = OWN.store()
    good = signed_update(OWN.kek, "dbx", REVOKED)
    words = refused(store, "signature", "--dbx", keep("1", signed_update(OWN.pk, "dbx", REVOKED)))
    expect("'own PK'" in words, words)
    refused(store, "signature", "--dbx", keep("2", good[:-1] + bytes([good[-1] ^ 1])))
    refused(store, "signature", "--db", keep("3", good))
    refused(store, "signature", "--kek", keep("4", signed_update(OWN.kek, "KEK", esl(X509, [OWN.db.bytes]))))
    refused(fresh(), "signature", "--dbx", keep("5", good))
    update(store, "--kek", keep("6", signed_update(OWN.pk, "KEK", esl(X509, [OWN.db.bytes]))))
    update(store, "--dbx", keep("7", signed_update(OWN.db, "dbx", REVOKED)))  # the KEK that was just added
    store = fresh()
    update(store, "--dbx", keep("8", good), "--unsigned")
    expect(show(store)["dbx"]["digests"] == 4, "not taken")


@case("files that are no keys change nothing, and the error says what was found")
def _():
    store = OWN.store()
    good = signed_update(OWN.kek, "dbx", REVOKED)
    for content, words in ((b"", "empty"), (b"hello, world", "signature list"), (REVOKED[:-1], "invalid sizes"),
                           (good[:60], "in a file of 60"), (OWN.db.bytes[:-9], "not an X.509"),
                           (OWN.db.bytes + b"x", "extra bytes"), (OWN.db.key.read_bytes(), "without a complete CERTIFICATE"),
                           (esl(X509, [b"0" * 50]), "entry 1"), (esl(SHA256, [b"0" * 31]), "31 bytes")):
        before = store.read_bytes()
        result = update(store, "--db", keep("x", content), status=5)
        expect(words in result.json["error"]["text"] and store.read_bytes() == before, (words, result))
    update(store, "--pk", keep("two", esl(X509, [OWN.pk.bytes]) + esl(X509, [OWN.db.bytes])), status=2)
    update(store, "--mok", keep("s", good), status=2)
    holdfast("keys", "update", store, "--in-place", status=2)
    holdfast("keys", "update", store, "--set", "nobody", "--in-place", status=2)
    holdfast("keys", "update", store, "--set", "microsoft", status=2)


@case("rules: setup mode, keys that are managed, another guest's keys")
def _():
    empty = OVMF / "OVMF_VARS_4M.fd"
    refused(fresh(empty), "setup-mode", "--set", "microsoft")
    store = fresh(empty)
    update(store, "--set", "microsoft", "--set", "microsoft-2011", "--set", "oem-pk")
    expect(show(store)["verdict"] == "current" and digests(show(store), "PK") == [DIGEST["ms-oem-pk-2023"]], show(store))
    refused(OWN.store(), "managed", "--set", "microsoft")
    refused(OWN.store(), "managed", "--from", fresh())
    update(OWN.store(), "--set", "microsoft", "--allow", "managed")
    whole = fresh()
    update(whole, "--set", "microsoft")
    store = fresh()
    update(store, "--from", whole)
    expect(all(variables(store)[v]["data"] == variables(whole)[v]["data"] for v in ("PK", "KEK", "db", "dbx")), "--from")


def signed_part(der):
    """Of a certificate: its first element, which dbx can name by digest."""
    length = struct.unpack(">H", der[6:8])[0]
    return der[4:8 + length]


@case("rules: db before dbx, by certificate and by digest")
def _():
    der = openssl("x509", "-in", PEM["windows-2011"], "-outform", "DER")
    x509_sha256 = __import__("uuid").UUID("3bd2a492-96c0-4079-b420-fcf98ef103ed")
    for revoked in esl(X509, [der]), esl(x509_sha256, [hashlib.sha256(signed_part(der)).digest() + bytes(16)]):
        dbx = keep("dbx", revoked)
        words = refused(fresh(), "db-before-dbx", "--dbx", dbx)
        expect("'Windows UEFI CA 2023'" in words, words)
        store = fresh()
        update(store, "--dbx", dbx, "--set", "windows")
        update(fresh(), "--dbx", dbx, "--allow", "db-before-dbx")
        update(store, "--dbx", keep("more", REVOKED))  # it is so already
        expect(DIGEST["windows-2011"] in digests(show(store), "db"), "2011 is out")


@case("rules: a variable that firmware could not write again, room that shim needs")
def _():
    many = keep("many", esl(SHA256, [hashlib.sha256(struct.pack("<I", i)).digest() for i in range(443)]))
    for source, limit in ((MS_2M, 10240), (MS_ARM, 10240)):
        words = refused(fresh(source), "variable-limit", "--dbx", many)
        expect(str(limit) in words, words)
    update(fresh(MS_4M), "--dbx", many)
    update(fresh(MS_ARM), "--dbx", many, "--allow", "variable-limit")
    store = fresh(MS_2M)
    holdfast("vars", "set", store, "Big", "--guid", "Shim", "--file", keep("big", bytes(6000)), "--in-place")
    refused(store, "room", "--set", "microsoft")
    update(store, "--set", "microsoft", "--allow", "room")


@case("attributes are those that firmware and shim want")
def _():
    store = OWN.store()
    update(store, "--mok", OWN.db.pem, "--dbx", keep("d", REVOKED))
    found = {n: v["attributes"] for n, v in variables(store).items() if n in ("PK", "KEK", "db", "dbx", "MokList")}
    expect(found == {"PK": 0x27, "KEK": 0x27, "db": 0x27, "dbx": 0x27, "MokList": 0x3}, found)
    expect(show(store)["mok"]["certificates"][0]["owner"] == "605dab50-e046-4300-abb6-3dd810dd8b23", "its owner")


@case("show tells a version number in dbx apart from the digests, and shim's SBAT level")
def _():
    store, level = OWN.store(), b"sbat,1,2024010900\nshim,4\ngrub,3\n"
    program, owner = uuid.UUID("9d132b61-59d5-4388-ab1c-185cfcb2eb92"), uuid.UUID("9d132b6c-59d5-4388-ab1c-185cfcb2eb92")
    number = b"\x01" + program.bytes_le + (3).to_bytes(2, "little") + (7).to_bytes(2, "little") + bytes(11)
    update(store, "--dbx", keep("d", REVOKED + esl(SHA256, [number], owner)))
    holdfast("vars", "set", store, "SbatLevel", "--file", keep("level", level), "--in-place")
    state, said = show(store), holdfast("keys", "show", store).out
    expect(state["dbx"]["digests"] == 3 and state["dbx"]["versions"] == [{"program": str(program), "major": 7, "minor": 3}],
           state["dbx"])
    expect(state["sbat_level"] == "sbat,1,2024010900; shim,4; grub,3", state["sbat_level"])
    expect(f"{program}: at least 7.3" in said and "shim,4; grub,3" in said and "forbidden by digest: 3" in said, said)


@case("JSON stores are updated as flash banks are")
def _():
    bank = fresh()
    for form in "qemu", "virt-firmware":
        text = bank.parent / f"{form}.json"
        holdfast("vars", "export", bank, text, "--format", form, "--accept-loss")
        update(text, "--set", "microsoft")
        expect(show(text)["verdict"] == "current", show(text)["words"])
        again = fresh()
        update(again, "--set", "microsoft")
        expect(all(variables(text)[v]["data"] == variables(again)[v]["data"] for v in ("PK", "KEK", "db", "dbx")), form)


@case("audit: directories, one verdict for each store, exit status 1 when one needs something")
def _():
    place = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
    (place / "sub").mkdir()
    shutil.copy(fresh(), place / "old.fd")
    shutil.copy(fresh(OVMF / "OVMF_VARS_4M.snakeoil.fd"), place / "own.fd")
    new = pathlib.Path(shutil.copy(fresh(), place / "sub" / "a \"name\", with\nmore.fd"))
    update(new, "--set", "microsoft")
    (new.parent / (new.name + ".bak")).unlink()
    (place / "notes.txt").write_text("no store")
    (place / "link.fd").symlink_to("old.fd")
    rows = {r["path"]: r for r in holdfast("keys", "audit", place, "--json", status=1).json["rows"]}
    verdicts = {pathlib.Path(p).name: r["verdict"] for p, r in rows.items()}
    expect(verdicts == {"old.fd": "update available", "own.fd": "managed by its owner", new.name: "current"}, verdicts)
    holdfast("keys", "audit", new, place / "own.fd", status=0)
    report = holdfast("keys", "audit", place / "notes.txt", place / "missing", new, "--json", status=1).json
    expect(report["counts"]["unreadable"] == 2 and report["counts"]["current"] == 1, report)
    table = list(csv.reader(io.StringIO(holdfast("keys", "audit", place, "--csv", status=1).out)))
    expect(table[0] == ["path", "domain", "mode", "verdict", "words"] and len(table) == 4, table)
    expect(all(len(row) == 5 for row in table), table)
    holdfast("keys", "audit", place, "--csv", "--json", status=2)


@case("audit asks libvirt where the variables of its domains are")
def _():
    store, place = fresh(), pathlib.Path(tempfile.mkdtemp(dir=SCRATCH)) / "node.xml"
    code = f"<type arch='x86_64'>hvm</type><loader readonly='yes' type='pflash'>{OVMF}/OVMF_CODE_4M.ms.fd</loader>"
    systems = {"windows": f"{code}<nvram>{store}</nvram>", "bios": "<type arch='x86_64'>hvm</type>",
               "volume": f"{code}<nvram type='block'><source dev='/dev/null'/></nvram>"}
    place.write_text("<node>" + "".join(f"<domain type='test'><name>{name}</name><memory>1024</memory><os>{system}</os></domain>"
                                        for name, system in systems.items()) + "</node>")
    result = holdfast("keys", "audit", f"libvirt:test://{place}", "--json", status=None)
    if result.status == 4:
        skip(result.json["error"]["text"])
    expect(result.status == 1, result)
    rows = {r["domain"]: r for r in result.json["rows"]}
    expect(set(rows) == {"windows", "volume"}, rows)
    expect((rows["windows"]["path"], rows["windows"]["verdict"]) == (str(store), "update available"), rows)
    volume = rows["volume"]  # read as any file: here it is none
    expect((volume["path"], volume["verdict"]) == ("/dev/null", "unreadable") and "regular file" in volume["words"], rows)


@case("would-boot: the entry of db that vouches, the entry of dbx that forbids")
def _():
    corpus = (SOURCE / "tests/fuzz/corpus/pe_image/signed").read_bytes()
    size = struct.unpack("<H", corpus[:2])[0]
    lists, program = keep("signer.esl", corpus[2:2 + size]), keep("program.efi", corpus[2 + size:])
    store = OWN.store()
    report = holdfast("keys", "would-boot", program, store, "--json", status=3).json
    expect(not report["allowed"] and "no certificate in the guest's db" in report["why_not"], report)
    update(store, "--db", lists)
    report = holdfast("keys", "would-boot", program, store, "--json").json
    expect(report["runs"] and report["by"].startswith("certificate '"), report)
    update(store, "--dbx", lists)
    report = holdfast("keys", "would-boot", program, store, "--json", status=3).json
    expect("dbx forbids" in report["why_not"] and "certificate '" in report["why_not"], report)
    report = holdfast("keys", "would-boot", program, fresh(OVMF / "OVMF_VARS_4M.fd"), "--json").json
    expect(report["runs"] and not report["enforced"] and not report["allowed"], report)
    holdfast("keys", "would-boot", keep("text", b"hello"), store, status=3)


def disk_with(bits, files, fat_size):
    """A disk whose second partition is an EFI System Partition with FAT of so many bits."""
    for program_, package in (("mkfs.vfat", "dosfstools"), ("mcopy", "mtools")):
        if not shutil.which(program_):
            skip(f"{program_} is not installed: package {package}")
    directory, first = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH)), 4096
    fat, path = directory / "fat", directory / "disk"
    fat.touch()
    os.truncate(fat, fat_size)
    subprocess.run(["mkfs.vfat", "-F", str(bits), *(["-s", "1"] if bits == 32 else []), fat], check=True, capture_output=True)
    made = set()
    for name, content in files.items():
        for parent in reversed(pathlib.PurePosixPath(name).parents):
            if str(parent) != "/" and parent not in made:
                subprocess.run(["mmd", "-i", fat, f"::{parent}"], check=True)
                made.add(parent)
        subprocess.run(["mcopy", "-i", fat, keep("file", content), f"::{name}"], check=True)
    gpt.image(path, {1: (gpt.LINUX, "11111111-2222-3333-4444-555555555556", 2048, 2049),
                     2: (gpt.ESP, "11111111-2222-3333-4444-555555555557", first, first + fat_size // 512 - 1)},
              size=(first + 64) * 512 + fat_size)
    with open(path, "r+b") as disk:
        disk.seek(first * 512)
        disk.write(fat.read_bytes())
    fat.unlink()
    return path


@case("would-boot of a disk: every loader of its EFI System Partition, FAT12, FAT16 and FAT32, long names")
def _():
    corpus = (SOURCE / "tests/fuzz/corpus/pe_image/signed").read_bytes()
    size = struct.unpack("<H", corpus[:2])[0]
    lists, program = keep("signer.esl", corpus[2:2 + size]), corpus[2 + size:]
    store, signed = OWN.store(), OWN.store()
    update(signed, "--db", lists)
    files = {"/EFI/BOOT/BOOTX64.EFI": program, "/EFI/a distribution/a long name of a loader.efi": program,
             "/EFI/BOOT/broken.efi": program[:-700], "/EFI/BOOT/grub.cfg": b"text", "/other/x.efi": program}
    for bits, fat_size in ((12, 2 << 20), (16, 20 << 20), (32, 40 << 20)):
        disk = disk_with(bits, files, fat_size)
        report = holdfast("keys", "would-boot", disk, signed, "--json").json
        found = {p["path"]: p["allowed"] for p in report["programs"]}
        expect(found == {"/EFI/BOOT/BOOTX64.EFI": True, "/EFI/a distribution/a long name of a loader.efi": True,
                         "/EFI/BOOT/broken.efi": False}, (bits, report))
        expect(report["programs"][0]["partition"] == 2 and report["runs"], report)
        report = holdfast("keys", "would-boot", disk, store, "--json", status=3).json
        expect(not report["runs"] and not any(p["allowed"] for p in report["programs"]), report)
    expect("does not run" in holdfast("keys", "would-boot", disk, store, status=3).out, "words")
    holdfast("keys", "would-boot", disk_with(12, {"/EFI/readme": b"text"}, 2 << 20), store, status=4)
    damaged = bytearray(disk.read_bytes())
    damaged[4096 * 512 + 11:4096 * 512 + 13] = b"\1\2"
    disk.write_bytes(damaged)
    expect("bytes per sector" in holdfast("keys", "would-boot", disk, signed, status=5).err, "a damaged FAT")
    disk.write_bytes(b"QFI\xfb" + bytes(4096))
    expect("qemu-nbd" in holdfast("keys", "would-boot", disk, signed, status=2).err, "qcow2")


@case("a container: show has the line, update changes it in place and is in its log")
def _():
    guest = SCRATCH / "g.hold"
    holdfast("create", guest, "--firmware", OVMF / "OVMF_CODE_4M.ms.fd", "--vars", fresh(), "--machine", "pc-q35-7.2")
    expect(holdfast("show", guest, "--json").json["keys"]["verdict"] == "update available", "show")
    update(guest, "--set", "microsoft")
    expect(holdfast("show", guest, "--json").json["keys"]["verdict"] == "current", "show afterwards")
    holdfast("keys", "audit", guest, status=0)
    expect("keys" in holdfast("log", guest).out, holdfast("log", guest))


main()
