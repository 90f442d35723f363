# SPDX-License-Identifier: BSD-2-Clause
"""Man pages and `holdfast help` say the same: every verb, every option, every exit status, both ways round."""
import os
import re
import shutil
import subprocess

from program import BUILD, SOURCE, holdfast
from tap import case, expect, main, skip

MAN = SOURCE / "man"


def verbs():
    return [v for v in holdfast("help", "--json").json["verbs"] if not v["hidden"]]


def families():
    """{first word: [its verbs]}"""
    found = {}
    for verb in verbs():
        found.setdefault(verb["name"].split()[0], []).append(verb)
    return found


def page(family):
    file = MAN / f"holdfast-{family}.1.scd"
    return file.read_text() if file.exists() else ""


def section(text, title):
    found = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text, re.M | re.S)
    return found.group(1) if found else ""


def described(text):
    """The options that have a paragraph of their own: a line that starts with *--name*, or with several of them."""
    heads = re.findall(r"^\*--.*", text, re.M)
    return {name for head in heads for name in re.findall(r"\*--([a-z0-9-]+)\*", head)}


def collect(check):
    """Runs check(family, verbs, page) for each family and fails with every complaint at once."""
    complaints = [c for family, members in families().items() for c in check(family, members, page(family))]
    expect(not complaints, "\n".join(complaints))


@case("every verb has a man page, named in man/meson.build")
def _():
    listed = set(re.findall(r"'(holdfast[a-z-]*)'", (MAN / "meson.build").read_text()))
    wanted = {"holdfast"} | {f"holdfast-{f}" for f in families()}
    expect(wanted <= listed, f"not in man/meson.build: {sorted(wanted - listed)}")
    present = {f.name.split(".")[0] for f in MAN.glob("*.scd")}
    expect(present == listed, f"man/meson.build and the files in man/ differ: {sorted(present ^ listed)}")
    wanted |= {"holdfast-fwcfg-conformance", "holdfast-guest"}  # programs of their own; their tests hold their pages
    expect(present <= wanted, f"pages without a verb: {sorted(present - wanted)}")


@case("every page has NAME, SYNOPSIS, DESCRIPTION, OPTIONS and EXAMPLES")
def _():
    def check(family, members, text):
        for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"):
            if not section(text, title).strip():
                yield f"holdfast-{family}.1.scd: section {title} is missing or empty"
        if f"holdfast {family}" not in section(text, "EXAMPLES"):
            yield f"holdfast-{family}.1.scd: no example of 'holdfast {family}'"
    collect(check)


@case("every verb stands in its page's synopsis")
def _():
    def check(family, members, text):
        for verb in members:
            if f"*holdfast {verb['name']}*" not in section(text, "SYNOPSIS"):
                yield f"holdfast-{family}.1.scd: SYNOPSIS lacks *holdfast {verb['name']}*"
    collect(check)


@case("every option is described, and every described option exists")
def _():
    def check(family, members, text):
        exist = {o["name"] for verb in members for o in verb["options"]}
        for name in sorted(exist - described(text)):
            yield f"holdfast-{family}.1.scd: --{name} is not described"
        for name in sorted(described(text) - exist):
            yield f"holdfast-{family}.1.scd: describes --{name}, which no verb has"
    collect(check)


@case("holdfast(1) describes the common options and exit statuses 0 to 7")
def _():
    text = (MAN / "holdfast.1.scd").read_text()
    expect(described(text) == {"json", "dry-run", "help"}, described(text))
    statuses = re.findall(r"^\*(\d)\*\n\t(.)", section(text, "EXIT STATUS"), re.M)
    expect([s for s, _ in statuses] == list("01234567"), f"exit statuses described: {statuses}")


@case("exit statuses in the code are the ones described")
def _():
    code = (SOURCE / "src" / "base" / "exit_status.h").read_text()
    returned = set(re.findall(r"return (\d);", code))
    expect(returned == set("01234567"), returned)


@case("environment variables that the sources read are described")
def _():
    read = set()
    for file in (SOURCE / "src").rglob("*.c"):
        read |= set(re.findall(r'getenv\("(HOLDFAST_\w+)"\)', file.read_text()))
    text = section((MAN / "holdfast.1.scd").read_text(), "ENVIRONMENT")
    missing = {name for name in read if name not in text}
    expect(not missing, f"holdfast(1) does not describe {sorted(missing)}")


@case("scdoc accepts every page")
def _():
    if not shutil.which("scdoc"):
        skip("scdoc is not installed")
    for file in sorted(MAN.glob("*.scd")):
        done = subprocess.run(["scdoc"], stdin=file.open(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        expect(done.returncode == 0, f"{file.name}: {done.stderr.decode()}")


def library_pages():
    """{name: its page in section 3, as a reader sees it}"""
    made = BUILD / "man"
    pages = {}
    for file in sorted(made.glob("holdfast-*.3")):
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", file], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "120"})
        expect(done.returncode == 0 and not done.stderr, f"{file.name}: {done.stderr}")
        pages[file.name] = done.stdout
    links = {file.name: file.read_text().split("/")[-1].strip() for file in made.glob("hf_*.3")}
    return pages | {name: pages[target] for name, target in links.items()}


@case("every function of the library has a page in section 3, with its declaration and its text")
def _():
    if not shutil.which("man"):
        skip("man is not installed")
    pages = library_pages()
    symbols = set(re.findall(r"^    (hf_\w+);", (SOURCE / "src/fw/holdfast-fw.map").read_text(), re.M))
    expect(len(symbols) > 80, symbols)
    for symbol in sorted(symbols):
        text = pages.get(f"{symbol}.3", "")
        expect(re.search(rf"\b{symbol}\(.*(?:\n .*)*?\);", text), f"{symbol}: no page, or no declaration in it")
    text = pages["hf_fwcfg_init.3"]
    expect("signature, ID and an empty directory" in " ".join(text.split()), text)
    shown = re.findall(r"^ *(?:HF_PUBLIC|static inline) .*", "\n".join(pages.values()), re.M)
    expect(not shown, f"how the compiler sees it: {shown}")


main()
