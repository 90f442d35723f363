# SPDX-License-Identifier: BSD-2-Clause
"""`vars` and `image` on plain files, as a user calls them."""
import base64
import concurrent.futures
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import uuid

from program import SOURCE, holdfast
from tap import case, expect, main, skip

OVMF = pathlib.Path("/usr/share/OVMF")
MS, MS_4M = OVMF / "OVMF_VARS.ms.fd", OVMF / "OVMF_VARS_4M.ms.fd"
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-vars-"))
DEBIAN_12 = MS.exists()  # the last release with 2 MB images, and with a plain build that enforces Secure Boot
BOOT = {"Boot0000", "Boot0001", "Key0000", "Key0001", "Timeout"} | ({"Boot0002"} if DEBIAN_12 else set())  # the shell
NOTHING = {"PATH": "/nonexistent"}


def fresh(source=MS_4M):
    if not source.exists():
        skip(f"{source} is not installed")
    directory = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
    if source != MS_4M:
        return pathlib.Path(shutil.copy(source, directory / "vars.fd"))
    return pathlib.Path(shutil.copy(filled_store(), directory / "vars.fd"))


def filled_store():
    """Debian's store with keys. Only Debian 12's build leaves iSCSI's secrets in it; where there are none, some are put there."""
    made = SCRATCH / "filled.fd"
    if DEBIAN_12:
        return MS_4M
    if not made.exists():
        shutil.copy(MS_4M, made)
        for number in range(1, 9):
            holdfast("vars", "set", made, f"Attempt {number}", "--guid", "EfiIScsiInitiatorNameProtocol", "--data",
                     "5a" * 1049, "--attributes", "NV+BS", "--in-place")
    return made


def alive(path):
    """How many variables a 4M store has that are neither deleted nor replaced, by a walk of its headers."""
    bank, at, found = path.read_bytes(), 0x64, 0
    while bank[at:at + 2] == b"\xaa\x55":
        name, data = struct.unpack_from("<II", bank, at + 36)
        found += bank[at + 2] == 0x3F
        at = at + 60 + name + data + 3 & ~3
    return found


def variables(path):
    return {(v["guid"], v["name"]): v for v in holdfast("vars", "list", path, "--json", "--data", "--reveal").json["variables"]}


@case("list says what the store holds, without any program beside it")
def _():
    report = holdfast("vars", "list", fresh(), "--json", env=NOTHING).json
    expect(report["layout"] == "4m" and report["secure_boot"]["enforced"], report)
    expect(report["secure_boot"]["kek"] == 2 and report["secure_boot"]["dbx"] == 1, report["secure_boot"])
    names = [v["name"] for v in report["variables"]]
    expect("PK" in names and "Boot0000" in names and len(names) == alive(fresh()), names)
    expect(report["live"] < report["used"] < report["room"] == 262044, report)


@case("a secret is printed or written only when asked for")
def _():
    store = fresh()
    shown = holdfast("vars", "get", store, "Attempt 1", "--json").json
    expect(shown["secret"] and "data" not in shown, shown)
    expect("data" in holdfast("vars", "get", store, "Attempt 1", "--json", "--reveal").json, "not revealed")
    holdfast("vars", "get", store, "Attempt 1", "--out", store.parent / "x", status=3)
    holdfast("vars", "set", store, "MokPW", "--guid", "Shim", "--text", "geheim", "--in-place")
    expect("geheim" not in holdfast("vars", "list", store).out, "the list shows MokPW")
    expect("67 65 68" not in holdfast("vars", "get", store, "MokPW").out, "get shows MokPW")


@case("set changes one variable and nothing else; the old file is kept")
def _():
    store = fresh()
    before, old = store.read_bytes(), variables(store)
    holdfast("vars", "set", store, "BootOrder", "--order", "0001,0000", "--in-place")
    new = variables(store)
    key = ("8be4df61-93ca-11d2-aa0d-00e098032b8c", "BootOrder")
    expect(new.pop(key)["data"] == "01000000" and new == old, "others changed")
    expect((store.parent / "vars.fd.bak").read_bytes() == before, "the old file is not kept")
    holdfast("vars", "set", store, "Timeout", "--data", "0300", "--in-place")
    expect((store.parent / "vars.fd.bak.2").exists(), "no second backup")
    expect(holdfast("vars", "get", store, "Timeout", "--json").json["meaning"] == "3 s", "not set")


@case("without --out or --in-place, with a file that exists, with --dry-run: nothing is written")
def _():
    store = fresh()
    before = store.read_bytes()
    holdfast("vars", "set", store, "Timeout", "--data", "0300", status=2)
    holdfast("vars", "set", store, "Timeout", "--data", "0300", "--out", store, status=3)
    holdfast("vars", "rm", store, "Timeout", "--in-place", "--dry-run")
    holdfast("image", "convert", store, store.parent / "new", "--layout", "aavmf", "--dry-run")
    expect(store.read_bytes() == before and os.listdir(store.parent) == ["vars.fd"], os.listdir(store.parent))


@case("an authenticated variable needs --authenticated, and keeps its time")
def _():
    store = fresh()
    holdfast("vars", "rm", store, "dbx", "--in-place", status=3)
    (store.parent / "data").write_bytes(bytes(262000))
    holdfast("vars", "set", store, "dbx", "--file", store.parent / "data", "--authenticated", "--raw", "--in-place",
             status=1)
    data = holdfast("vars", "get", store, "db", "--json").json
    before = holdfast("vars", "get", store, "dbx", "--json").json
    holdfast("vars", "set", store, "dbx", "--data", data["data"], "--authenticated", "--in-place")
    after = holdfast("vars", "get", store, "dbx", "--json").json
    expect(after["data"] == data["data"] and after["time"] == before["time"], after["time"])


OLDER = SOURCE / "data" / "certificates" / "ms-kek-2011.pem"


def der(pem=OLDER):
    return base64.b64decode("".join(pem.read_text().split("-----")[2].split()))


@case("a wrong form is refused with what was found instead, and the store stays as it was; --raw stores it")
def _():
    store = fresh()
    before, file = store.read_bytes(), store.parent / "data"
    x509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
    signed = bytes([0xda, 7, 3, 6, 19, 17, 21]) + bytes(9) + struct.pack("<IHH", 24 + len(der()), 0x200, 0xEF1) + \
        uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le + der() + x509 + struct.pack("<III", 28, 0, 48)
    for name, data, words in (
            ("dbx", signed, "this is a signed update (EFI_VARIABLE_AUTHENTICATION_2); use `keys update --dbx FILE`"),
            ("db", der(), "this is a DER certificate; use `keys update --db FILE`"),
            ("KEK", OLDER.read_bytes(), "this is a certificate in PEM; use `keys update --kek FILE`"),
            ("BootOrder", bytes.fromhex("01000900"), "Boot0009 does not exist"),
            ("Boot0001", b"\1", "invalid load option: 1 bytes"),
            ("SetupMode", b"\1", "firmware makes this variable at each start")):
        file.write_bytes(data)
        command = "vars", "set", store, name, "--file", file, "--authenticated", "--in-place"
        result = holdfast(*command, "--json", status=3)
        expect(result.json["error"]["rule"] == "form" and words in result.json["error"]["text"], result)
        expect(store.read_bytes() == before, name)
        if name != "SetupMode":
            holdfast(*command, "--raw")
            shown = holdfast("vars", "get", store, name, "--json").json
            expect(shown["data"] == data.hex(), name)
            store.write_bytes(before)


@case("a new variable gets the vendor and the attributes that its specification wants")
def _():
    store, lists = fresh(OVMF / "OVMF_VARS_4M.fd"), fresh()
    wanted = {"PK": ("EfiGlobalVariable", 0x27), "db": ("EfiImageSecurityDatabase", 0x27),
              "MokList": ("Shim", 3), "SecureBootEnable": ("EfiSecureBootEnableDisable", 3),
              "Timeout": ("EfiGlobalVariable", 7)}
    for name, (vendor, attributes) in wanted.items():
        data = {"Timeout": "0300", "SecureBootEnable": "01"}.get(name) or holdfast("vars", "get", lists, "PK", "--json").json["data"]
        command = "vars", "set", store, name, "--data", data, "--in-place"
        if attributes & 0x20:
            holdfast(*command, status=3)
        holdfast(*command, *(["--authenticated"] if attributes & 0x20 else []))
        shown = holdfast("vars", "get", store, name, "--json").json
        expect((shown["vendor"], shown["attributes"]) == (vendor, attributes), shown)
    refused = holdfast("vars", "set", store, "Timeout", "--data", "0300", "--attributes", "NV+BS", "--in-place", status=3)
    expect("UEFI specification 2.10, 3.3 wants NV+BS+RT" in refused.err and "rule 'attributes'" in refused.err, refused)
    holdfast("vars", "set", store, "Timeout", "--data", "0300", "--attributes", "NV+BS", "--raw", "--in-place")
    holdfast("vars", "set", store, "Timeout", "--data", "0400", "--in-place")
    expect(holdfast("vars", "get", store, "Timeout", "--json").json["attributes"] == 7, "not mended")


@case("import checks what it takes, all of it together")
def _():
    store, other = fresh(OVMF / "OVMF_VARS_4M.fd"), fresh()
    holdfast("vars", "rm", other, "Boot0001", "--in-place")
    holdfast("vars", "set", other, "BootOrder", "--order", "0001,0000", "--raw", "--in-place")
    command = "vars", "import", store, other, "--authenticated", "--in-place"
    before = store.read_bytes()
    refused = holdfast(*command, status=3)
    expect("BootOrder: Boot0001 does not exist" in refused.err and store.read_bytes() == before, refused)
    holdfast(*command, "--raw")
    expect(holdfast("vars", "diff", store, other, "--json").json["same"], "not imported")


def container():
    home = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
    for name in "state", "runtime":
        (home / name).mkdir(mode=0o700)
    env = {"HOLDFAST_STATE_DIR": str(home / "state"), "HOLDFAST_RUNTIME_DIR": str(home / "runtime")}
    holdfast("create", home / "G.hold", "--firmware", OVMF / "OVMF_CODE_4M.fd", "--vars", fresh(),
             *(() if DEBIAN_12 else ("--no-secure-boot",)), env=env)
    return home / "G.hold", env


CRASH = "cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0"


def dump(store, count, size, env=None):
    """As efi-pstore leaves them; one of another vendor with such a name is not its."""
    (SCRATCH / "dump").write_bytes(bytes(size))
    for i in range(count):
        holdfast("vars", "set", store, f"dump-type0-{i}-1-1700000000-C", "--guid", CRASH, "--file", SCRATCH / "dump",
                 "--in-place", env=env)


@case("rm --match removes by pattern; under one vendor with --guid; nothing that matches is not found")
def _():
    store = fresh()
    dump(store, 3, 100)
    holdfast("vars", "set", store, "dump-type0-mine", "--guid", "Shim", "--data", "00", "--in-place")
    before = variables(store)
    holdfast("vars", "rm", store, "--match", "nothing-*", "--in-place", status=4)
    holdfast("vars", "rm", store, "--in-place", status=2)
    holdfast("vars", "rm", store, "--match", "d*", "--in-place", status=3)  # db and dbx among them
    expect(variables(store) == before, "a refusal changed something")
    report = holdfast("vars", "rm", store, "--match", "dump-*", "--guid", CRASH, "--in-place", "--json").json
    expect(len(report["removed"]) == 3, report)
    expect(variables(store) == {k: v for k, v in before.items() if k[0] != CRASH}, "not those three")
    holdfast("vars", "rm", store, "Timeout", "--match", "Attempt [1-4]", "--match", "dump-*", "--in-place")
    gone = {name for _, name in before} - {name for _, name in variables(store)}
    expect(gone == {"Timeout", "dump-type0-mine", *(f"Attempt {i}" for i in range(1, 5)),
                    *(f"dump-type0-{i}-1-1700000000-C" for i in range(3))}, gone)


@case("a store that is nearly full says so and what fills it; clean removes a crashed Linux's dumps and nothing else")
def _():
    store = fresh()
    was = variables(store)
    expect("Warning" not in holdfast("vars", "list", store).out, "warned too early")
    dump(store, 7, 28000)
    holdfast("vars", "set", store, "dump-type0-mine", "--guid", "Shim", "--data", "00", "--in-place")
    listed = holdfast("vars", "list", store)
    expect("variable store 82 % full; most of it: 7 crash dumps of Linux 196" in listed.out, listed)
    expect("(`vars clean`)" in listed.out, listed)
    expect(holdfast("vars", "list", store, "--json").json["percent_full"] == 82, "--json")
    before = store.read_bytes()
    holdfast("vars", "clean", store, "--in-place", "--dry-run")
    expect(store.read_bytes() == before, "a dry run wrote")
    holdfast("vars", "clean", store, "--in-place")
    now = variables(store)
    expect([name for _, name in now if name.startswith("dump")] == ["dump-type0-mine"] and was.items() <= now.items(), now)
    kept = os.listdir(store.parent)
    expect(not holdfast("vars", "clean", store, "--in-place", "--json").json["removed"], "dumps again")
    expect(os.listdir(store.parent) == kept, "nothing to do, and it was written")


@case("a container's dumps: show warns, clean is one commit")
def _():
    guest, env = container()
    dump(guest, 7, 28000, env)
    expect("variable store 82 % full" in holdfast("show", guest, env=env).out, "show")
    holdfast("vars", "clean", guest, env=env)
    expect("Warning" not in holdfast("show", guest, env=env).out, "not cleaned")
    expect(holdfast("vars", "diff", guest, filled_store(), "--json", env=env).json["same"], "something else changed")


@case("reset leaves nothing, not even dead variables; or keys, or boot entries, or a template's variables")
def _():
    keys = {"PK", "KEK", "db", "dbx", "certdb", "SecureBootEnable", "CustomMode", "VendorKeysNv"}
    for words, wanted in ((["--authenticated"], set()), (["--keep-keys"], keys), (["--keep-keys", "--keep-boot"], keys | BOOT),
                          (["--keep-boot", "--authenticated"], BOOT)):
        store = fresh()
        before, old = variables(store), store.read_bytes()
        holdfast("vars", "set", store, "Secret", "--guid", "Shim", "--text", "find-me-not", "--in-place")
        holdfast("vars", "rm", store, "Secret", "--in-place")
        expect(b"find-me-not" in store.read_bytes(), "no dead variable to look for")
        holdfast("vars", "reset", store, *words, "--in-place")
        now = variables(store)
        expect({name for _, name in now} == wanted and now.items() <= before.items(), (words, set(now)))
        expect(b"find-me-not" not in store.read_bytes() and store.stat().st_size == len(old), "a dead variable is left")
    store, template = fresh(), fresh(OVMF / "OVMF_VARS_4M.snakeoil.fd")
    before = store.read_bytes()
    refused = holdfast("vars", "reset", store, "--keep-boot", "--in-place", status=3)
    expect("would be removed" in refused.err and store.read_bytes() == before, refused)
    refused = holdfast("vars", "reset", store, "--from", template, "--in-place", status=3)
    expect("would be replaced" in refused.err and store.read_bytes() == before, refused)
    holdfast("vars", "reset", store, "--from", template, "--authenticated", "--in-place")
    expect(holdfast("vars", "diff", store, template, "--json").json["same"], "not the template's")
    shutil.copy(MS_4M, store)
    holdfast("vars", "reset", store, "--from", template, "--keep-keys", "--in-place")
    mine, theirs, now = variables(MS_4M), variables(template), variables(store)
    expect(now == {k: v for k, v in theirs.items() if k[1] not in keys} | {k: v for k, v in mine.items() if k[1] in keys}, set(now))


@case("reset of a container takes a snapshot; of JSON it empties the list")
def _():
    guest, env = container()
    holdfast("vars", "reset", guest, "--keep-keys", env=env)
    shown = holdfast("show", guest, "--json", env=env).json
    expect(shown["snapshots"][0]["reason"] == "before vars reset" and "reset by the operator" in holdfast("log", guest, env=env).out, shown)
    store = fresh()
    holdfast("vars", "export", store, store.parent / "a.json", "--format", "qemu")
    holdfast("vars", "reset", store.parent / "a.json", "--keep-boot", "--authenticated", "--out", store.parent / "b.json")
    expect({v["name"] for v in json.loads((store.parent / "b.json").read_text())["variables"]} == BOOT, "JSON")


@case("2 MB to 4 MB to AAVMF and back is the same store")
def _():
    store = fresh(MS)
    for i, layout in enumerate(["4m", "aavmf", "2m"]):
        source = store if i == 0 else store.parent / f"{i - 1}.fd"
        holdfast("image", "convert", source, store.parent / f"{i}.fd", "--layout", layout)
        expect(holdfast("vars", "diff", store, store.parent / f"{i}.fd", "--json").json["same"], layout)
    small = fresh(OVMF / "OVMF_VARS_4M.fd")
    (small.parent / "data").write_bytes(bytes(60000))
    holdfast("vars", "set", small, "Big", "--guid", "Shim", "--file", small.parent / "data", "--in-place")
    result = holdfast("image", "convert", small, small.parent / "no.fd", "--layout", "2m", status=1)
    lists = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le + struct.pack("<III", 28 + 443 * 48, 0, 48) + bytes(443 * 48)
    (small.parent / "dbx").write_bytes(lists)
    big = fresh(OVMF / "OVMF_VARS_4M.fd")
    holdfast("vars", "set", big, "dbx", "--file", small.parent / "dbx", "--authenticated", "--in-place")
    told = holdfast("image", "convert", big, big.parent / "2m.fd", "--layout", "2m")
    expect("dbx takes 21360 bytes: firmware with the 2m layout reads it and cannot write it again, its limit is 10240" in told.out,
           told)
    told = holdfast("image", "convert", big, big.parent / "aavmf.fd", "--layout", "4m", "--json").json
    expect(told["beyond_limit"] == [], told)
    expect("60068" in result.err and "57244" in result.err and not (small.parent / "no.fd").exists(), result)


@case("export and import through both JSON forms lose nothing, or say what")
def _():
    store = fresh()
    for form in "qemu", "virt-firmware":
        out = store.parent / f"{form}.json"
        holdfast("vars", "export", store, out, "--format", form)
        holdfast("vars", "export", out, store.parent / f"{form}.fd", "--layout", "2m")
        expect(holdfast("vars", "diff", store, store.parent / f"{form}.fd", "--json").json["same"], form)
        holdfast("vars", "import", fresh(OVMF / "OVMF_VARS_4M.fd"), out, "--out", store.parent / "x", status=3)
        holdfast("vars", "import", fresh(OVMF / "OVMF_VARS_4M.fd"), out, "--authenticated", "--replace",
                 "--out", store.parent / f"{form}-imported")
        expect(holdfast("vars", "diff", store, store.parent / f"{form}-imported", "--json").json["same"], form)
    holdfast("vars", "set", store, "Boot0000", "--guid", "Shim", "--data", "00", "--in-place")
    result = holdfast("vars", "export", store, store.parent / "lossy", "--format", "virt-firmware", status=3)
    expect(result.out.count("virt-firmware keeps one") == 2 and not (store.parent / "lossy").exists(), result)
    holdfast("vars", "export", store, store.parent / "lossless", "--format", "qemu")


@case("a JSON file that is edited keeps what QEMU's form does not hold")
def _():
    store = fresh().parent / "edited.json"
    others = [{"name": name, "guid": "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173", "attr": 7, "data": "01", "time": time}
              for name, time in (("Zeit", "e907030a02351e000000000000000000"), ("Tür", "00" * 16))]
    store.write_text(json.dumps({"version": 2, "variables": others}))
    before = variables(store)
    holdfast("vars", "set", store, "Timeout", "--data", "0500", "--in-place")
    after = variables(store)
    expect(len(before) == 2 and len(after) == 3 and before.items() <= after.items(), f"{before}\n{after}")


@case("one name under two vendors: the GUID decides")
def _():
    store = fresh()
    holdfast("vars", "set", store, "Lang", "--guid", "Shim", "--text", "x", "--in-place")
    result = holdfast("vars", "get", store, "Lang", status=2)
    expect("605dab50-e046-4300-abb6-3dd810dd8b23" in result.err, result)
    holdfast("vars", "rm", store, "Lang", "--guid", "EfiGlobalVariable", "--in-place")
    expect(holdfast("vars", "get", store, "Lang", "--json").json["vendor"] == "Shim", "the wrong one went")


@case("a damaged store: status 5 and the place; --salvage reads the rest and writes nothing")
def _():
    store = fresh()
    data = bytearray(store.read_bytes())
    data[0xb8 + 42] = 0x7F  # certdb: its data would reach past the end
    store.write_bytes(data)
    expect("0xb8" in holdfast("vars", "list", store, status=5).err, "the place is not named")
    holdfast("vars", "set", store, "Timeout", "--data", "0300", "--in-place", status=5)
    report = holdfast("vars", "list", store, "--salvage", "--json").json
    expect(len(report["variables"]) == alive(fresh()) - 1 and report["lost"][0]["offset"] == 0xb8, report["lost"])
    expect(store.read_bytes() == data, "salvage wrote")


@case("a name with control characters cannot forge a line")
def _():
    store = fresh()
    holdfast("vars", "set", store, "a\nPK  EfiGlobalVariable\x1b[2J", "--guid", "Shim", "--text", "x", "--in-place")
    out = holdfast("vars", "list", store).out
    expect("\x1b" not in out and out.count("\nPK  ") == 1, out)


@case("a blank bank becomes a store; other files are named for what they are")
def _():
    blank = fresh(OVMF / "OVMF_VARS_4M.fd")
    blank.write_bytes(b"\xff" * 0x84000)
    expect(holdfast("vars", "list", blank, "--json").json["blank"], "not blank")
    holdfast("vars", "set", blank, "Timeout", "--data", "0300", "--in-place")
    expect(list(variables(blank)) == [("8be4df61-93ca-11d2-aa0d-00e098032b8c", "Timeout")], variables(blank))
    blank.write_bytes(b"KDMV" + bytes(1000))
    expect("qemu-img convert" in holdfast("vars", "list", blank, status=2).err, "VMDK is not named")
    blank.write_bytes(b"{ not json")
    expect("line 1" in holdfast("vars", "list", blank, status=5).err, "JSON is not named")
    blank.write_bytes(b"")
    holdfast("vars", "list", blank, status=5)
    holdfast("vars", "list", blank.parent / "missing", status=4)
    holdfast("vars", "list", blank / "below-a-file", status=4)
    os.mkfifo(blank.parent / "pipe")
    expect("regular file" in holdfast("vars", "list", blank.parent / "pipe", status=3, timeout=30).err, "a pipe is read")


@case("a store in a qcow2 image is read, and written as one; without qemu-img, or with other files in it, one clear sentence")
def _():
    raw, store = fresh(), fresh()
    store = store.rename(store.with_suffix(".qcow2"))

    def qemu_img(*words):
        subprocess.run(["qemu-img", *words], check=True, stdout=subprocess.DEVNULL)

    if not shutil.which("qemu-img"):
        skip("qemu-img is not installed")
    qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, store)
    expect(holdfast("vars", "diff", raw, store, "--json").json["same"], "read otherwise")
    told = holdfast("vars", "list", store, status=4, env=NOTHING)
    expect("qemu-img is not installed (Debian: qemu-utils)" in told.err, told)
    holdfast("vars", "set", raw, "Timeout", "--data", "0900", "--in-place")
    before = store.read_bytes()
    holdfast("vars", "set", store, "Timeout", "--data", "0900", "--in-place")
    expect((store.parent / "vars.qcow2.bak").read_bytes() == before and store.read_bytes()[:4] == b"QFI\xfb", "its form")
    qemu_img("convert", "-f", "qcow2", "-O", "raw", store, store.parent / "back.fd")
    expect((store.parent / "back.fd").read_bytes() == raw.read_bytes(), "not the same bytes inside")
    holdfast("image", "convert", store, store.parent / "2m.fd", "--layout", "2m")
    code = store.parent / "code.qcow2"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", OVMF / "OVMF_CODE_4M.secboot.fd", code)
    holdfast("create", store.parent / "q.hold", "--firmware", code, "--vars", store, "--machine", "q35")
    holdfast("export", store.parent / "q.hold", store.parent / "out")
    expect((store.parent / "out" / "code.fd").read_bytes() == (OVMF / "OVMF_CODE_4M.secboot.fd").read_bytes(), "code")
    expect((store.parent / "out" / "vars.fd").read_bytes() == raw.read_bytes(), "vars")
    qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", raw, store.parent / "above.qcow2")
    for name, change, status, words in (("backed", None, 3, "with a backing file"), ("v9", (4, 4, 9), 3, "version 9"),
                                        ("huge", (24, 8, 1 << 40), 3, "bytes inside; at most"), ("short", 20, 5, "ends in its header"),
                                        ("l1", (40, 8, 0x12345), 5, "qemu-img")):
        data = bytearray((store.parent / "above.qcow2").read_bytes() if name == "backed" else before)
        if isinstance(change, tuple):
            data[change[0]:change[0] + change[1]] = change[2].to_bytes(change[1], "big")
        elif change:
            data = data[:change]
        (store.parent / name).write_bytes(data)
        result = holdfast("vars", "list", store.parent / name, status=status)
        expect(words in result.err, result)
    (store.parent / "vmdk").write_bytes(b"KDMV" + bytes(0x83ffc))
    for words in (["--firmware", store.parent / "vmdk"], ["--firmware", OVMF / "OVMF_CODE_4M.fd", "--vars", store.parent / "vmdk"]):
        result = holdfast("create", store.parent / "no.hold", *words, "--allow-unknown", "--arch", "x86_64", status=3)
        expect("a VMDK image" in result.err, result)


@case("a copy of a Linux guest's efivars is read; what is no variable is named, and nothing is written there")
def _():
    store = fresh()
    directory = store.parent / "efivars"
    directory.mkdir()
    for (guid, name), v in variables(store).items():
        (directory / f"{name}-{guid}").write_bytes(struct.pack("<I", v["attributes"]) + bytes.fromhex(v["data"]))
    (directory / "SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(struct.pack("<I", 6) + b"\1")
    keys = "guid", "name", "attributes", "data"
    wanted = sorted([v[k] for k in keys] for v in variables(store).values())
    expect(sorted([v[k] for k in keys] for v in variables(directory).values()) == wanted, variables(directory))
    holdfast("vars", "import", fresh(OVMF / "OVMF_VARS_4M.fd"), directory, "--authenticated", "--out", store.parent / "new.fd")
    expect(sorted([v[k] for k in keys] for v in variables(store.parent / "new.fd").values()) == wanted, "imported")
    before = sorted(os.listdir(directory))
    expect("only read" in holdfast("vars", "rm", directory, "Timeout", "--in-place", status=2).err, "--in-place")
    expect(sorted(os.listdir(directory)) == before, "written")
    for name, data in (("README", b"x" * 8), ("x-8be4df61-93ca-11d2-aa0d-00e098032b8z", b"x" * 8),
                       ("x-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\7\0\0\0")):
        (directory / name).write_bytes(data)
        expect(name in holdfast("vars", "list", directory, status=5).err, name)
        (directory / name).unlink()


@case("diff: status 1 and the names")
def _():
    store = fresh()
    holdfast("vars", "rm", store, "Lang", "--out", store.parent / "less")
    result = holdfast("vars", "diff", store, store.parent / "less", status=1)
    expect(result.out == "< Lang (EfiGlobalVariable)\n", result)


@case("identify and pair from bytes alone")
def _():
    store = fresh()
    code = store.parent / "misleading-name.bin"
    shutil.copy(OVMF / "OVMF_CODE_4M.secboot.fd", code)
    report = holdfast("image", "identify", code, store, "--json").json
    expect(report["image"]["kind"] == "ovmf" and report["image"]["needs_smm"] == "yes", report["image"])
    expect(report["pair"]["fits"] == "yes", report["pair"])
    report = holdfast("image", "identify", code, fresh(MS), "--json").json
    expect(report["pair"]["fits"] == "no" and "--layout 4m" in report["pair"]["why"], report["pair"])


@case("a container's variables are read, changed in one commit, and logged")
def _():
    guest, env = container()
    listed = holdfast("vars", "list", guest, "--json", env=env).json
    expect(len(listed["variables"]) == alive(fresh()) and listed["layout"] == "4m", listed)
    holdfast("vars", "set", guest, "Timeout", "--data", "0700", env=env)
    expect(holdfast("vars", "get", guest, "Timeout", "--json", env=env).json["meaning"] == "7 s", "not set")
    expect("variables changed" in holdfast("log", guest, env=env).out, "not logged")
    result = holdfast("vars", "diff", guest, filled_store(), status=1, env=env)
    expect(result.out == "! Timeout (EfiGlobalVariable): data\n", result)


OPTION = "01000000" "0400" "78000000" "7fff0400"  # active, a path of 4 bytes, "x", the path's end


@case("of changes at the same time each one is made")
def _():
    def set_one(store, env, number):
        return holdfast("vars", "set", store, f"Boot{number:04X}", "--data", OPTION, "--in-place", status=None, env=env)

    guest, env = container()
    for store in guest, fresh():
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda number: set_one(store, env, number), range(0x100, 0x108)))
        names = {v["name"] for v in holdfast("vars", "list", store, "--json", env=env).json["variables"]}
        for number, result in enumerate(results, 0x100):
            expect(result.status == 0 and f"Boot{number:04X}" in names, f"{result}{names}")


@case("a dry run, a refusal and looking leave a container byte for byte as it was")
def _():
    guest, env = container()
    before = guest.read_bytes()
    holdfast("vars", "rm", guest, "Timeout", "--dry-run", env=env)
    holdfast("vars", "rm", guest, "PK", status=3, env=env)
    holdfast("vars", "rm", guest, "Timeout", "--out", guest.parent / "x", status=2, env=env)
    holdfast("vars", "export", guest, guest.parent / "vars.json", "--format", "qemu", env=env)
    expect(guest.read_bytes() == before, "the container changed")
    holdfast("vars", "import", guest, guest.parent / "vars.json", "--authenticated", env=env)
    expect(holdfast("vars", "diff", guest, filled_store(), "--json", env=env).json["same"], "import changed something")


main(lambda: shutil.rmtree(SCRATCH))
