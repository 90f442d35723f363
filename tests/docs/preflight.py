# SPDX-License-Identifier: BSD-2-Clause
"""docs/preflight.md lists the rules of the code, all of them, in its order."""
import os
import pathlib
import re

from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])


@case("every rule has its section, in the order in which it is asked")
def _():
    code = re.findall(r'\{"([a-z-]+)", ask_\w+\}', (ROOT / "src/preflight/preflight.c").read_text())
    page = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs/preflight.md").read_text(), re.M)
    expect(code and code == page, f"code {code}, page {page}")


@case("every rule has a test")
def _():
    rules = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs/preflight.md").read_text(), re.M)
    tests = (ROOT / "tests/preflight/test_preflight.c").read_text()
    missing = [rule for rule in rules if f'"{rule}"' not in tests]
    expect(not missing, f"no test names {missing}")


main()
