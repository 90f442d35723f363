# SPDX-License-Identifier: BSD-2-Clause
"""A list whose entries must all be shown by a test may name one in another file. That it exists, and that its words hold
what it is to show, is checked; that it passes is its own file's business."""
import re

from program import SOURCE
from tap import expect


def cases_of(path):
    """{name: body} of a Python test's cases."""
    parts = re.split(r"^@case\(", (SOURCE / "tests" / path).read_text(), flags=re.M)
    found = {}
    for part in parts[1:]:
        name = re.match(r'\s*f?(["\'])(.*?)\1', part)
        if name:
            found[name.group(2)] = part
    return found


def shown_elsewhere(what, path, name, *needles):
    """The case `name` of tests/`path` shows `what`: one of `needles` is in it."""
    cases = cases_of(path)
    expect(name in cases, f"{what}: tests/{path} has no case '{name}'")
    expect(any(needle in cases[name] for needle in needles), f"{what}: {needles} is not in '{name}' of tests/{path}")
