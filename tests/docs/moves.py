# SPDX-License-Identifier: BSD-2-Clause
"""docs/moves.md walks each kind of move through at most 15 files, the drivers of all included, and names functions that
are in them."""
import os
import pathlib
import re

from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
FILES_MAX = 15
PREFACE, *REST = re.split(r"^## ", (ROOT / "docs" / "moves.md").read_text(), flags=re.M)
SECTIONS = {section.split("\n")[0]: section for section in REST}


def items(section):
    """[(file, functions named with it)]"""
    return [(item.group(1), re.findall(r"`(\w+)\(\)`", item.group(2)))
            for item in re.finditer(r"^- `(src/[\w/.]+)`: (.*(?:\n  .*)*)", section, re.M)]


@case("five kinds of move, each in at most 15 files")
def _():
    expect(len(SECTIONS) == 5, sorted(SECTIONS))
    for title, section in SECTIONS.items():
        files = {file for file, _ in items(PREFACE) + items(section)}
        expect(5 <= len(files) <= FILES_MAX, f"{title}: {len(files)} files: {sorted(files)}")


@case("every function stands in the file that it is named with, and all kinds share pump, preflight and exchange")
def _():
    wrong = [f"{title}: {file}: {function}()" for title, section in {**SECTIONS, "preface": PREFACE}.items()
             for file, functions in items(section)
             for function in functions if not re.search(rf"\b{function}\(", (ROOT / file).read_text())]
    expect(not wrong, "; ".join(wrong))
    shared = {"src/handover/pump.c", "src/preflight/peer_check.c", "src/handover/exchange_source.c",
              "src/handover/exchange_owner.c"}
    for title in list(SECTIONS)[:3]:
        missing = shared - {file for file, _ in items(SECTIONS[title])}
        expect(not missing, f"{title}: without {sorted(missing)}")


@case("the drivers of all stand in the preface")
def _():
    drivers = {file for file, _ in items(PREFACE)}
    expect(drivers == {"src/handover/sending.c", "src/handover/receiving.c"}, sorted(drivers))


main()
