# SPDX-License-Identifier: BSD-2-Clause
"""The Spin model of the hand-over: searched exhaustively, broken on purpose, and held against the step table."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from tap import case, expect, main, note, skip

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
MODEL = ROOT / "model" / "handover.pml"
TABLE = sys.argv[1]


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


HOLDERS = ["NONE", "INCOMING", "REVOKED", "OWNED", "GRANTED", "DEPARTED"]


def steps_of_model():
    """{step: (side, message that brings it about, holder it leads to, message it sends)} read from the labels."""
    text = re.sub(r"#ifdef MUTANT.*?#(else|endif)", "", MODEL.read_text(), flags=re.S)
    steps = {}
    for block in re.split(r"\n    :: atomic ", text)[1:]:
        for label in re.finditer(r"^(\w+): +(.*?)(?=\n           ::|\}\n|\Z)", block, re.M | re.S):
            if label.group(1) == "end":
                continue
            body = label.group(2)
            heard = re.search(r"\?\? \[(\w+)", block[:label.start()])
            became = re.search(r"disk_(?:src|dst) = (\w+)", body)
            said = re.search(r"tell_\w+\((\w+)", body)
            side = "dst" if "_dst" in block.split("->")[0] and "to_dst" in block[:label.start()] else "src"
            steps[label.group(1)] = (side, heard.group(1) if heard else "NONE",
                                     became.group(1) if became else None, said.group(1) if said else "NONE")
    return steps


@case("the step table of the implementation takes the model's steps")
def _():
    model = steps_of_model()
    table = {}
    for line in subprocess.run([TABLE], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        side, step, heard, held, became, said, _ = line.split()
        table[step] = (side, heard, became, said, int(held, 16))
    expect(set(model) == set(table), f"model {sorted(model)}, table {sorted(table)}")
    for step, (side, heard, became, said) in model.items():
        wanted = table[step]
        stays = HOLDERS[wanted[4].bit_length() - 1]  # a step without an assignment leaves the holder as it is
        expect((side, heard, became or stays, said) == wanted[:4],
               f"{step}: model {(side, heard, became, said)}, table {wanted[:4]}")


main()
