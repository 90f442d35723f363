# SPDX-License-Identifier: BSD-2-Clause
"""Pages point at files and verbs that exist."""
import os
import pathlib
import re

from program import holdfast
from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "bench").glob("*.md")]


@case("every link between pages leads somewhere")
def _():
    broken = [f"{page.name}: {target}" for page in PAGES
              for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
              if not (page.parent / target).exists()]
    expect(not broken, "; ".join(broken))


@case("every file of the tree that a page names in code style exists")
def _():
    named = re.compile(r"`((?:src|tests|docs|examples|model|data|man|bench)/[\w./*-]+)`")
    missing = [f"{page.name}: {path}" for page in PAGES for path in named.findall(page.read_text())
               if not list(ROOT.glob(path.rstrip("/")))]
    expect(not missing, "; ".join(missing))


@case("every verb that the README types exists")
def _():
    verbs = {v["name"] for v in holdfast("help", "--json").json["verbs"]}
    families = "|".join({verb.split()[0] for verb in verbs if " " in verb})
    typed = re.findall(rf"^    holdfast ((?:(?:{families}) )?[a-z-]+)", (ROOT / "README.md").read_text(), re.M)
    expect(typed and set(typed) <= verbs, f"not verbs: {sorted(set(typed) - verbs)}")


main()
