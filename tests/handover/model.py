# SPDX-License-Identifier: BSD-2-Clause
"""The Spin models of the hand-over and of a running guest's move: searched exhaustively, and broken on purpose."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tap import case, expect, main, note, skip

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
HANDOVER, MOVE = (ROOT / "model" / name for name in ("handover.pml", "move.pml"))


def search(model, *defines, whole=True):
    """Runs both searches; returns (errors found, states stored). `whole`: every step is to be taken."""
    if not shutil.which("spin"):
        skip("spin is not installed")
    errors = states = 0
    with tempfile.TemporaryDirectory() as where:
        for compile_flags, run_flags in ((["-DSAFETY", "-DNOCLAIM"], []), ([], ["-a"])):
            subprocess.run(["spin", "-a", *defines, model], cwd=where, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["gcc", "-O2" if whole and model == HANDOVER else "-O0", "-w", *compile_flags, "-o", "pan", "pan.c"], cwd=where, check=True)
            said = subprocess.run(["./pan", "-m1000000", *run_flags], cwd=where, stdout=subprocess.PIPE, text=True,
                                  check=True).stdout
            expect("max search depth too small" not in said, "the search was cut short")
            errors += int(re.search(r"errors: (\d+)", said).group(1))
            if errors and not whole:
                break
            states += int(re.search(r"(\d+) states, stored", said).group(1))
            first = model.read_text().split("proctype Source")[0].count("\n")  # above it: inlines, used many times
            unreached = [(line, what) for line, what in
                         re.findall(rf"^\s+\S*{model.name}:(\d+), state \d+, \"(?!-end-)(.*)\"$", said, re.M)
                         if int(line) > first]
            if whole:
                expect(not unreached, f"steps that the search never took: {unreached}")
    return errors, states


@case("no two writers, no lost write, one runner in the end, in every state")
def _():
    errors, states = search(HANDOVER)
    note(f"{states} states searched")
    expect(states > 10000, f"only {states} states: the model no longer explores what it should")
    expect(errors == 0, f"{errors} errors; run spin -a model/handover.pml and replay the trail")


@case("a grant that is sent before it is on disk is found")
def _():
    expect(search(HANDOVER, "-DMUTANT_GRANT_BEFORE_DISK", whole=False)[0] > 0, "the model did not notice")


@case("a source that takes back without the other's promise is found")
def _():
    expect(search(HANDOVER, "-DMUTANT_RESUME_UNASKED", whole=False)[0] > 0, "the model did not notice")


@case("a source that goes on after it said that it grants is found")
def _():
    expect(search(HANDOVER, "-DMUTANT_RETRACT_AFTER_GRANT", whole=False)[0] > 0, "the model did not notice")


@case("a running guest's move: one owner, no lost write, one runner, whoever resumes it and wherever the connection is cut")
def _():
    for mode in ((), ("-DFIRST_WRITE",)):
        errors, states = search(MOVE, *mode)
        note(f"{' '.join(mode)} {states} states searched")
        expect(states > 10000, f"only {states} states: the model no longer explores what it should")
        expect(errors == 0, f"{errors} errors; run spin -a {' '.join(mode)} model/move.pml and replay the trail")


@case("a grant without a promise, which loses a write of a guest that was resumed, is found")
def _():
    expect(search(MOVE, "-DMUTANT_GRANT_WITHOUT_PROMISE", whole=False)[0] > 0, "the model did not notice")


@case("a guest that is resumed after it was granted and runs on is found")
def _():
    expect(search(MOVE, "-DMUTANT_RESUMED_RUNS_ON", whole=False)[0] > 0, "the model did not notice")


@case("a grant that a third host with a copy takes is found")
def _():
    expect(search(MOVE, "-DMUTANT_GRANT_FOR_ANYBODY", whole=False)[0] > 0, "the model did not notice")


@case("a first write that does not wait for the claim is found")
def _():
    expect(search(MOVE, "-DFIRST_WRITE", "-DMUTANT_WRITE_BEFORE_CLAIM", whole=False)[0] > 0, "the model did not notice")


main()
