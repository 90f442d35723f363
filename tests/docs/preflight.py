# SPDX-License-Identifier: BSD-2-Clause
"""docs/preflight.md lists the rules of the code, all of them, in its order."""
import os
import pathlib
import re

from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])


CODE = [(ROOT / "src/preflight" / name).read_text() for name in ("preflight.c", "probe_rules.c")]
PAGE = (ROOT / "docs/preflight.md").read_text()
TESTS = {"P": (ROOT / "tests/preflight/test_preflight.c").read_text(),
         "R": (ROOT / "tests/preflight/test_probe_rules.c").read_text(),
         "Q": (ROOT / "tests/preflight/probe.py").read_text()}
SECTIONS = re.findall(r"^## ([a-z-]+)\n(.*?)(?=^#|\Z)", PAGE, re.M | re.S)


@case("every rule has its section, in the order in which it is asked")
def _():
    code = [rule for text in CODE for rule in re.findall(r'\{"([a-z-]+)", ask_\w+\}', text)]
    page = [rule for rule, _ in SECTIONS]
    expect(code and code == page, f"code {code}, page {page}")


@case("every rule has a test")
def _():
    missing = [rule for rule, _ in SECTIONS if not any(f'"{rule}"' in text for text in TESTS.values())]
    expect(not missing, f"no test names {missing}")


@case("every test that the page names exists, and every section names one")
def _():
    for rule, text in SECTIONS:
        named = text[re.search(r"^[PRQ] |; [PRQ] ", text, re.M).start():] if re.search(r"^[PRQ] ", text, re.M) else ""
        functions, cases = re.findall(r"`([a-z0-9_]+)`", named), re.findall(r'"([^"]+)"', named)
        expect(functions or cases, f"section {rule} names no test")
        for name in functions:
            expect(any(f"static void {name}(" in TESTS[kind] for kind in "PR"), f"{rule}: no test {name}")
        for name in cases:
            expect(f'@case("{" ".join(name.split())}' in TESTS["Q"], f"{rule}: no case {name!r}")


main()
