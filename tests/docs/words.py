# SPDX-License-Identifier: BSD-2-Clause
"""Plain words: docs/glossary.md has the terms and, under "Not used", what messages, pages and comments do not say."""
import os
import pathlib
import re

from c_texts import comments, texts
from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
GLOSSARY = ROOT / "docs" / "glossary.md"
SOURCES = sorted(f for top in ("src", "efi", "guest") for f in (ROOT / top).rglob("*.[ch]"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "man").glob("*.scd"))]
ERRORS = ("hf_error_set", "hf_error_refuse")
NAMES = ("SQLite", "Secure", "EFI", "Boot%04lX")  # an object's own name may begin a message


def name(path):
    return str(path.relative_to(ROOT))


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", GLOSSARY.read_text(), re.M | re.S)[1]


def banned():
    """{phrase: everywhere?}"""
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| (everywhere|messages) \|$", section("Not used"), re.M)
    return {phrase: where == "everywhere" for phrase, where in rows}


def pattern(phrases):
    return re.compile(r"\b(?:" + "|".join(re.escape(p) for p in phrases) + r")\b", re.I)


def found(words, text):
    return [m[0].lower() for m in words.finditer(re.sub(r"\s*\n[\s*/]*", " ", text))]


def messages(path):
    """What the file can print: its literals of more than one word."""
    return [t for t in texts(path.read_text()) if " " in t.text.strip()]


def complaints(check):
    """All of what check(path) yields."""
    return [line for path in SOURCES for line in check(path)]


@case("messages use none of the words that the glossary does not use")
def _():
    words = pattern(banned())
    wrong = complaints(lambda path: (f"{name(path)}:{t.line}: '{w}': {t.text[:80]!r}"
                                     for t in messages(path) for w in found(words, t.text)))
    expect(not wrong, "\n".join(wrong))


@case("an error message is one line, begins with its object, and has no full stop")
def _():
    def check(path):
        for t in messages(path):
            if t.call not in ERRORS:
                continue
            first = t.text.split()[0]
            if "\n" in t.text:
                yield f"{name(path)}:{t.line}: more than one line: {t.text!r}"
            if re.search(r"[^.]\.$", t.text):
                yield f"{name(path)}:{t.line}: a full stop: {t.text!r}"
            if re.match(r"[A-Z][a-z]", first) and first.rstrip(":") not in NAMES:
                yield f"{name(path)}:{t.line}: begins with a capital: {t.text!r}"
    wrong = complaints(check)
    expect(not wrong, "\n".join(wrong))


@case("comments use none of the words that are not used everywhere")
def _():
    words = pattern(p for p, everywhere in banned().items() if everywhere)
    wrong = complaints(lambda path: (f"{name(path)}:{line}: '{w}'"
                                     for line, text in comments(path.read_text()) for w in found(words, text)))
    expect(not wrong, "\n".join(wrong))


@case("pages use none of them either")
def _():
    words = pattern(p for p, everywhere in banned().items() if everywhere)
    wrong = []
    for page in PAGES:
        text = page.read_text()
        if page == GLOSSARY:
            text = text.replace(section("Not used"), "")
        wrong += [f"{name(page)}: '{w}'" for w in found(words, text)]
    expect(not wrong, "\n".join(wrong))


@case("the glossary explains each of its words once, in order")
def _():
    rows = [row.lower() for row in re.findall(r"^\| ([^|]+) \| [^|]+ \|$", section("Words"), re.M)]
    rows = [row for row in rows if row != "word" and not row.startswith("---")]
    expect(len(rows) > 20, rows)
    expect(rows == sorted(set(rows)), f"out of order or twice: {[r for r, s in zip(rows, sorted(rows)) if r != s]}")


main()
