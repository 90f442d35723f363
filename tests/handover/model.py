# SPDX-License-Identifier: BSD-2-Clause
"""The Spin model of the hand-over: searched exhaustively, and broken on purpose."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tap import case, expect, main, note, skip

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
MODEL = ROOT / "model" / "handover.pml"


def search(*defines):
    """Runs both searches; returns (errors found, states stored)."""
    if not shutil.which("spin"):
        skip("spin is not installed")
    errors = states = 0
    with tempfile.TemporaryDirectory() as where:
        for compile_flags, run_flags in ((["-DSAFETY", "-DNOCLAIM"], []), ([], ["-a"])):
            subprocess.run(["spin", "-a", *defines, MODEL], cwd=where, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["gcc", "-O2", "-w", *compile_flags, "-o", "pan", "pan.c"], cwd=where, check=True)
            said = subprocess.run(["./pan", "-m1000000", *run_flags], cwd=where, stdout=subprocess.PIPE, text=True,
                                  check=True).stdout
            expect("max search depth too small" not in said, "the search was cut short")
            errors += int(re.search(r"errors: (\d+)", said).group(1))
            states += int(re.search(r"(\d+) states, stored", said).group(1))
            first = MODEL.read_text().split("proctype Source")[0].count("\n")  # above it: inlines, used many times
            unreached = [(line, what) for line, what in
                         re.findall(r"^\s+\S*handover.pml:(\d+), state \d+, \"(?!-end-)(.*)\"$", said, re.M)
                         if int(line) > first]
            if not defines:
                expect(not unreached, f"steps that the search never took: {unreached}")
    return errors, states


@case("no two writers, no lost write, one runner in the end, in every state")
def _():
    errors, states = search()
    note(f"{states} states searched")
    expect(states > 10000, f"only {states} states: the model no longer explores what it should")
    expect(errors == 0, f"{errors} errors; run spin -a model/handover.pml and replay the trail")


@case("a grant that is sent before it is on disk is found")
def _():
    expect(search("-DMUTANT_GRANT_BEFORE_DISK")[0] > 0, "the model did not notice")


@case("a source that takes back without the other's promise is found")
def _():
    expect(search("-DMUTANT_RESUME_UNASKED")[0] > 0, "the model did not notice")


@case("a source that goes on after it said that it grants is found")
def _():
    expect(search("-DMUTANT_RETRACT_AFTER_GRANT")[0] > 0, "the model did not notice")


main()
