# SPDX-License-Identifier: BSD-2-Clause
"""The string literals of a C file: joined as the compiler joins them, with the line and the call that each stands in."""
import re
from typing import NamedTuple

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<directive>^[ \t]*\#[ \t]*(?:include|error|pragma|if|elif|ifdef|ifndef|endif|else|undef)\b[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<char>'(?:[^'\\\n]|\\.)+')
  | (?P<format>\bPRI[a-zA-Z0-9]+\b)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<blank>\s+)
  | (?P<mark>.)
""", re.X | re.S | re.M)
ESCAPE = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "\\": "\\", "'": "'"}


class Text(NamedTuple):
    line: int
    call: str  # the function whose argument it is; "" outside of a call
    text: str


def unescape(literal):
    return re.sub(r"\\(x[0-9a-fA-F]+|.)", lambda m: ESCAPE.get(m[1][0], "?"), literal[1:-1])


def texts(source):
    """Every literal of `source`, in order; a PRIu64 between two counts as part of them."""
    found, calls, word, joined, line = [], [], "", None, 1
    for token in TOKEN.finditer(source):
        kind, value = token.lastgroup, token[0]
        at, line = line, line + value.count("\n")
        if kind == "string":
            joined = joined or [at, calls[-1] if calls else "", ""]
            joined[2] += unescape(value)
        elif kind == "format" and joined:
            joined[2] += value[3:]
        elif kind not in ("blank", "comment"):
            if joined:
                found.append(Text(*joined))
            joined = None
            if value == "(":
                calls.append(word)
            elif value == ")" and calls:
                calls.pop()
            elif value == ";":
                calls.clear()
            word = value if kind == "word" else ""
    return found


def comments(source):
    """(line, text) of every comment."""
    return [(source.count("\n", 0, t.start()) + 1, t[0]) for t in TOKEN.finditer(source) if t.lastgroup == "comment"]
