# SPDX-License-Identifier: BSD-2-Clause
"""The compiler checks an error's words against printf(); here, against the smaller one that writes them."""
import os
import pathlib
import re

from tap import case, expect, main

SOURCE = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"]) / "src"
CALL = re.compile(r"\b(?:hf_error_(?:set|refuse|prefix)|hf_damaged|hf_format|hf_textbuf_add|hf_finding_\w+)\((.*?)\);", re.S)
CONVERSION = re.compile(r"%[^a-zA-Z%]*(?:hh|h|ll|l|z|j|t|L)*.")
KNOWN = re.compile(r"%(?:[0-]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:s|c|(?:hh|h|ll|l|z)?[diuxXo])|#(?:ll|l)?[xX]|%)")


@case("every conversion in an error is one that hf_format() has")
def _():
    seen, wrong = 0, []
    for file in sorted(SOURCE.rglob("*.c")):
        for call in CALL.findall(file.read_text()):
            words = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r"\bPRI([dux])64\b", r'"l\1"', call)))
            for found in CONVERSION.findall(words):
                seen += 1
                if not KNOWN.fullmatch(found):
                    wrong.append(f"{file}: {found} in {words}")
    expect(seen > 500, f"only {seen} conversions were found")
    expect(not wrong, "\n".join(wrong))


main()
