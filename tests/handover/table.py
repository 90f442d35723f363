# SPDX-License-Identifier: BSD-2-Clause
"""The step table of the implementation (src/handover/steps.c) held against the Spin model (model/handover.pml): the same
steps, from the same states, with the same guards, answers and epochs."""
import os
import pathlib
import re
import subprocess
import sys

from tap import case, expect, main, note

MODEL = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"]) / "model" / "handover.pml"
TABLE = sys.argv[1]
HOLDERS = ["NONE", "INCOMING", "REVOKED", "OWNED", "GRANTED", "DEPARTED"]
STATES = [(holder, flushed, promised) for holder in HOLDERS for flushed in (0, 1)
          for promised in (0, 1) if not promised or holder == "GRANTED"]
ATTEMPT = 2  # the container's


def transitions_of_model():
    """[(label or None, side, message heard, guard, body)] of every labelled step and every answer without one."""
    text = re.sub(r"#ifdef MUTANT.*?#(else|endif)", "", MODEL.read_text(), flags=re.S)
    text = re.sub(r"/\*.*?\*/|#endif", "", text, flags=re.S)
    found = []
    for process, side in (("Source", "src"), ("Destination", "dst")):
        process = re.search(rf"proctype {process}\(\)\n\{{(.*?)\n\}}", text, re.S).group(1)
        for block in re.split(r"\n    :: atomic \{ ", process)[1:]:
            head, _, rest = block.partition("->")
            heard = re.search(r"\?\? \[(\w+)", head)
            if heard:
                parts = [part.partition("->") for part in re.split(r"\n           :: ", rest)[1:]]
                found += [(heard.group(1), guard, body) for guard, _, body in parts]
            else:
                found.append(("NONE", head, rest))
            found = [(*t, side) if len(t) == 3 else t for t in found]
    return [(label.group(1) if (label := re.match(r"\s*(\w+):", body)) else None, side, heard, guard, body)
            for heard, guard, body, side in found]


def holds(guard, side, state, attempt):
    """A guard of the model in a state of the container, up, with a guest that runs where it may and what was sent there."""
    holder, flushed, promised = state
    words = {**{name: name for name in HOLDERS}, "disk_" + side: holder, "flushed": bool(flushed), "promised": bool(promised),
             "a": attempt, "disk_attempt_" + side: ATTEMPT, "ATTEMPTS": ATTEMPT + 1, "n": 0, "disk_vars_" + side: 0,
             "up_" + side: True, "runs_" + side: holder == "OWNED" and not flushed, "fair": False, "quiet": True}
    guard = guard.replace("&&", " and ").replace("||", " or ")
    return bool(eval(re.sub(r"!(?!=)", " not ", guard), {"__builtins__": {}}, words))


def lines_of_model():
    """What table.c prints of the table, of the model: a set of lines."""
    lines = set()
    for label, side, heard, guard, body in transitions_of_model():
        said = re.search(r"tell_\w+\((\w+)", body)
        said = said.group(1) if said else "NONE"
        if not label and said == "NONE":
            continue  # what is dropped, and the guest's own steps
        became = re.search(rf"disk_{side} = (\w+)", body)
        epochs = re.search(r"disk_epoch_\w+ = disk_epoch_\w+ \+ (\d)", body)
        for state in STATES:
            for attempt in (ATTEMPT - 1, ATTEMPT, ATTEMPT + 1):
                own = ATTEMPT + 1 if label == "offer" else ATTEMPT  # what a step means that nobody asked for
                if side == "dst" and state[1] or heard == "NONE" and attempt != own or not holds(guard, side, state, attempt):
                    continue
                after = [became.group(1) if became else state[0]]
                for value, name in ((state[1], "flushed"), (state[2], "promised")):
                    set_to = re.search(rf"\b{name} = (\w+)", body)
                    after.append({"true": 1, "false": 0}[set_to.group(1)] if set_to else value)
                if label:
                    lines.add(("step", side, label, heard, *state, attempt - ATTEMPT, *after, said, epochs.group(1) if epochs else 0))
                elif not state[2]:
                    lines.add(("answer", heard, state[0], attempt - ATTEMPT, said))
    return {" ".join(map(str, line)) for line in lines}


def changes_something(line):
    """A step that neither changes nor says anything is none: to flush once more what is flushed."""
    words = line.split()
    return words[0] == "answer" or words[4:7] != words[8:11] or words[11] != "NONE" or words[2] == "offer"


@case("the step table of the implementation takes the model's steps, from the same states, with the same guards and epochs")
def _():
    table = subprocess.run([TABLE], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    table, model = {line for line in table if changes_something(line)}, lines_of_model()
    note(f"{len(model)} lines")
    steps = {line.split()[2] for line in model if line.startswith("step ")}
    expect(len(steps) == 13 and any(line.startswith("answer ") for line in model), f"the model was not understood: {steps}")
    expect(model == table, "only in the model:\n  %s\nonly in the table:\n  %s" % (
        "\n  ".join(sorted(model - table)), "\n  ".join(sorted(table - model))))


main()
