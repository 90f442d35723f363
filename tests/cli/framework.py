# SPDX-License-Identifier: BSD-2-Clause
"""What every verb gets from the framework: help, errors, JSON, completion."""
import os
import re
import subprocess

from program import PROGRAM, SOURCE, holdfast
from tap import case, expect, main, skip


@case("--version and --help")
def _():
    expect(holdfast("--version").out.startswith("holdfast 0."), "no version")
    text = holdfast("--help").out
    expect(holdfast("help").out == text, "help and --help differ")
    for verb in holdfast("help", "--json").json["verbs"]:
        if not verb["hidden"]:
            expect(f"  {verb['name']} " in text, f"{verb['name']} is not in help")


@case("every verb's --help shows its options, and help VERB shows the same")
def _():
    for verb in holdfast("help", "--json").json["verbs"]:
        words = verb["name"].split()
        text = holdfast(*words, "--help").out
        expect(text == holdfast("help", *words).out, f"help {verb['name']} differs from --help")
        for option in verb["options"]:
            expect(f"--{option['name']}" in text, f"{verb['name']}: --{option['name']} is not in its help")


@case("help texts keep one style")
def _():
    for verb in holdfast("help", "--json").json["verbs"]:
        expect(verb["help"][0].isupper() and verb["help"][-1] != ".", f"{verb['name']}: '{verb['help']}'")
        expect(len(verb["help"]) <= 90, f"{verb['name']}: help of {len(verb['help'])} characters")
        for option in verb["options"]:
            expect(option["help"][-1] != ".", f"{verb['name']} --{option['name']}: '{option['help']}'")


@case("no verb, an unknown verb, an unknown option: status 2 and one line that helps")
def _():
    expect("usage:" in holdfast(status=2).out, "no usage")
    result = holdfast("hlep", status=2)
    expect(result.err == "holdfast: unknown verb 'hlep'; did you mean 'help'?\n", result)
    result = holdfast("help", "--jsno", status=2)
    expect(result.err == "holdfast help: unknown option '--jsno'; did you mean '--json'?\n", result)


@case("with --json an error is an object, too")
def _():
    result = holdfast("help", "--json", "a", "b", "c", status=2)
    expect(result.json["schema"] == 1 and result.json["error"]["exit_status"] == 2, result)
    expect(holdfast("help", "--jsno", "--json", status=2).json["error"]["exit_status"] == 2, "behind a mistake")
    expect(result.err.count("\n") == 1, result)


@case("every verb's usage errors, and those without a verb, are objects with --json")
def _():
    verbs = holdfast("help", "--json").json["verbs"]
    families = {verb["name"].split()[0] for verb in verbs if " " in verb["name"]}
    calls = [[], ["--bogus"], ["nosuch"], ["nosuch", "x"], *([f] for f in families), *([f, "nosuch"] for f in families)]
    for verb in verbs:
        words, options = verb["name"].split(), [option["name"] for option in verb["options"]]
        if "json" in options:
            calls += [[*words, "--bogus"], [*words, "--help=1"], [*words, "-x"], [*words, "--json=1"]]
    for words in calls:
        result = holdfast(*words, "--json", status=2)
        expect(result.json["error"]["exit_status"] == 2 and result.err.count("\n") == 1, result)


@case("an environment variable that could only be ignored is refused, by every verb but not by --help")
def _():
    relative = ("HOLDFAST_RUNTIME_DIR", "HOLDFAST_STATE_DIR", "HOLDFAST_MANIFEST_DIR", "HOLDFAST_NBDKIT_PLUGIN",
                "HOLDFAST_MAILBOX_ROM", "XDG_CONFIG_HOME", "HOME")
    source = "".join(p.read_text() for p in (SOURCE / "src").rglob("*.c"))
    read = set(re.findall(r'(?:getenv|from_environment)\("([A-Z_]+)"', source))
    known = {*relative, "HOLDFAST_BOOT_ID", "HOLDFAST_ROLLBACK_JOURNAL", "PATH", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"}
    expect(read == known, f"not checked, or not read any more: {read ^ known}")
    long = "/" + "x" * 4100
    for name in relative:
        for value in ("state", "./x", "~/x", *([long] if name != "HOME" else [])):
            result = holdfast("owner", "/nowhere.hold", env={name: value}, status=2)
            expect(name in result.err and result.err.count("\n") == 1, result)
    for name in relative[:4]:
        expect("is empty" in holdfast("owner", "/nowhere.hold", env={name: ""}, status=2).err, name)
    for name in relative[4:]:
        holdfast("owner", "/nowhere.hold", env={name: ""}, status=4)
    expect("boot id" in holdfast("owner", "/nowhere.hold", env={"HOLDFAST_BOOT_ID": "x" * 40}, status=2).err, "boot id")
    for verb in holdfast("help", "--json").json["verbs"]:
        calls = [holdfast(*verb["name"].split(), *["/nowhere"] * n, env={"HOLDFAST_STATE_DIR": "here"}, status=None)
                 for n in range(4)]
        expect(any(c.status == 2 and "HOLDFAST_STATE_DIR: " in c.err for c in calls), verb["name"])
    holdfast("owner", "--help", env={"HOLDFAST_STATE_DIR": "here"})


@case("for a user, XDG's variables count where none of holdfast's stands in")
def _():
    def as_user(**variables):
        """What `owner` says when it makes its directories; as nobody, where this is root."""
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run([PROGRAM, "owner", "/nowhere.hold"], env=env, stderr=subprocess.PIPE, text=True, **user)
    for name, own in (("XDG_RUNTIME_DIR", "HOLDFAST_RUNTIME_DIR"), ("XDG_STATE_HOME", "HOLDFAST_STATE_DIR")):
        result = as_user(**{name: "relative"})
        expect(result.returncode == 2 and name in result.stderr, result)
        expect(as_user(**{name: "relative", own: "/tmp"}).returncode == 4, own)
        expect(as_user(**{name: ""}).returncode == 4, f"{name} empty")


@case("control characters in an argument do not reach the terminal")
def _():
    result = holdfast("\x1b[31m\nholdfast: done", status=2)
    expect("\x1b" not in result.err and result.err.count("\n") == 1, result)


@case("a full or closed standard output is an error")
def _():
    with open("/dev/full", "wb") as full:
        result = holdfast("help", stdout=full, status=1)
    expect("standard output" in result.err, result)
    closed = subprocess.run(["bash", "-c", f"{PROGRAM} help >&-"], stderr=subprocess.PIPE)
    expect(b"Sanitizer" not in closed.stderr, closed.stderr)


def complete(*words):
    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        skip("bash-completion is not installed")
    script = f"""source /usr/share/bash-completion/bash_completion
source <({PROGRAM} completion)
COMP_WORDS=({' '.join(f"'{w}'" for w in words)}); COMP_CWORD={len(words) - 1}
COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}
_holdfast; printf '%s\\n' "${{COMPREPLY[@]}}" """
    return subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, check=True).stdout.decode().split()


@case("bash completes verbs, second words, options and values")
def _():
    verbs = holdfast("help", "--json").json["verbs"]
    shown = [v for v in verbs if not v["hidden"]]
    expect(set(complete("holdfast", "")) == {v["name"].split()[0] for v in shown} | {"--help", "--version"},
           complete("holdfast", ""))
    for verb in shown:
        words = verb["name"].split()
        if len(words) == 2:
            expect(words[1] in complete("holdfast", words[0], ""), f"second word of {verb['name']}")
        options = set(complete("holdfast", *words, "--"))
        expect(options == {"--" + o["name"] for o in verb["options"]}, f"{verb['name']}: {options}")


main()
