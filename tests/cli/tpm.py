# SPDX-License-Identifier: BSD-2-Clause
"""A guest with a TPM: what it measures is not changed unasked, by whatever verb; and what a rollback would lose is told in
the order of its weight."""
import pathlib
import subprocess

import tiny_firmware
from guest import MARKER_GUID, OVMF, Guest, wait_until
from program import holdfast, scratch
from serving import Serving, make
from tap import case, expect, main

DIRECTORY = scratch()
PATH = pathlib.Path(DIRECTORY.name)
GUEST, CODE, VARS = PATH / "guest.hold", *OVMF["secboot"]
GLOBAL, SECURITY = "8be4df61-93ca-11d2-aa0d-00e098032b8c", "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
KEYS = {"PK": GLOBAL, "KEK": GLOBAL, "db": SECURITY, "dbx": SECURITY, "SecureBootEnable": "f0a30bc7-af08-4556-99c4-001009c93a44"}


def variables():
    return holdfast("vars", "list", GUEST, "--data", "--json").json["variables"]


def asked(*words, then=False):
    """Refused until the owner says that he knows, and nothing has changed; `then`: and done when he does."""
    before = variables()
    said = holdfast(*words, status=3).err
    expect("rule 'tpm-aware'" in said and "--tpm-aware" in said and "PCR" in said, said)
    expect(variables() == before, f"{words}: the variables changed")
    if then:
        holdfast(*words, "--tpm-aware")


def edit(verb, name, *words):
    authenticated = [] if name == "SecureBootEnable" else ["--authenticated"]
    return ["vars", verb, GUEST, name, "--guid", KEYS[name], *authenticated, *words, "--in-place"]


@case("a start records the TPM, and show says it")
def _():
    make(GUEST, CODE, VARS)
    expect("TPM" not in holdfast("show", GUEST).out, "before the first start nothing is known of one")
    (PATH / "tpm-state").mkdir()
    sock = PATH / "swtpm"
    with subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={PATH / 'state'}", "--ctrl",
                           f"type=unixio,path={sock}"]) as tpm:
        wait_until(sock.exists, 60, "swtpm")
        with Guest(GUEST, "-M", "pc-q35-7.2", "-chardev", f"socket,id=tpm,path={sock}", "-tpmdev",
                   "emulator,id=tpm0,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm0") as guest:
            guest.wait_running()
            guest.connect().execute("quit")
            guest.wait()
        tpm.terminate()
    line = [line for line in holdfast("show", GUEST).out.splitlines() if line.startswith("TPM ")]
    expect(len(line) == 1 and "--tpm-aware" in line[0], holdfast("show", GUEST).out)


@case("set, rm and import of PK, KEK, db, dbx and SecureBootEnable ask; other variables do not")
def _():
    for name in KEYS:
        asked(*edit("rm", name))
        asked(*edit("set", name, "--data", "00", "--raw"))
    other = PATH / "other.fd"
    holdfast("vars", "set", VARS, "dbx", "--guid", SECURITY, "--authenticated", "--data", "00", "--raw", "--out", other)
    asked("vars", "import", GUEST, other, "--authenticated", "--raw", "--in-place")
    holdfast("vars", "set", GUEST, "Marker", "--guid", MARKER_GUID, "--data", "01", "--in-place")
    holdfast("vars", "rm", GUEST, "Marker", "--guid", MARKER_GUID, "--in-place")
    asked(*edit("set", "SecureBootEnable", "--data", "00", "--raw"), then=True)
    holdfast(*edit("set", "SecureBootEnable", "--data", "01", "--raw"), "--tpm-aware")


@case("keys update, at once and staged, and vars reset ask; a reset that keeps the keys does not")
def _():
    asked("keys", "update", GUEST, "--set", "microsoft")
    asked("keys", "update", GUEST, "--set", "microsoft", "--stage")
    asked("keys", "update", GUEST, "--set", "microsoft", then=True)
    asked("vars", "reset", GUEST, "--authenticated")
    asked("vars", "reset", GUEST, "--authenticated", "--from", OVMF["4m"][1])
    holdfast("vars", "reset", GUEST, "--keep-keys")


@case("stage, rollback and revert ask; the list of what is lost begins with Secure Boot, ends with what firmware rewrites")
def _():
    new = PATH / "new.fd"
    new.write_bytes(tiny_firmware.image(pathlib.Path(CODE).read_bytes(), "new", tiny_firmware.HANG))
    holdfast("snapshot", GUEST)
    before = holdfast("show", GUEST, "--json").json["snapshots"][-1]["id"]
    asked("stage", GUEST, new, then=True)
    with Serving(GUEST) as server, server.client("code") as client:
        client.read(0, 512)  # the boot of its trial
    expect(holdfast("show", GUEST, "--json").json["lifecycle"]["state"] == "trial", holdfast("show", GUEST).out)
    for words in (["Marker", "--guid", MARKER_GUID], ["MTC", "--guid", "eb704011-1402-11d3-8e77-00a0c969723b"]):
        holdfast("vars", "set", GUEST, *words, "--data", "77000000", "--raw", "--in-place")
    holdfast(*edit("rm", "dbx"), "--tpm-aware")
    asked("rollback", GUEST, "--variables", "fallback")
    done = holdfast("rollback", GUEST, "--variables", "fallback", "--tpm-aware", "--dry-run", "--json").json["variables"]
    weights = [(not row["secure_boot"], row["rewritten_by_firmware"]) for row in done]
    expect({"dbx", "Marker", "MTC"} <= {row["name"] for row in done}, done)
    expect(weights == sorted(weights) and len(set(weights)) == 3, f"out of order: {done}")
    printed = holdfast("rollback", GUEST, "--variables", "fallback", "--tpm-aware", "--dry-run").out
    expect(printed.index("dbx") < printed.index("Marker") < printed.index("MTC"), printed)
    holdfast("confirm", GUEST)
    asked("revert", GUEST, before, then=True)


main(DIRECTORY.cleanup)
