# SPDX-License-Identifier: BSD-2-Clause
"""Every mutant applies to the code as it is. Whether a test notices it is asked by tests/mutants/run, which takes longer
than anybody waits for before a change goes in."""
import pathlib
import shutil
import subprocess

from program import SOURCE
from tap import case, expect, main, skip


@case("the mutants apply")
def _():
    if not shutil.which("patch"):
        skip("patch is not installed")
    wrong = []
    for mutant in sorted(pathlib.Path(SOURCE / "tests" / "mutants").glob("*.patch")):
        tried = subprocess.run(["patch", "--dry-run", "-d", SOURCE, "-p1", "-F0", "-i", mutant], capture_output=True)
        if tried.returncode:
            wrong.append(mutant.name)
    expect(not wrong, f"these do not: {wrong}")


main()
