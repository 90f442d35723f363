#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Manual pages of section 3 from a public header: one page for the header, and a link to it for each function.

    header_pages.py --names HEADER...         the files' names, a line for each header
    header_pages.py HEADER VERSION DIRECTORY  writes them

A header's first comment is its introduction; a comment directly before declarations belongs to them. What is indented
by three spaces or more inside a comment is shown as it is."""
import pathlib
import re
import sys

DECLARED = re.compile(r"^(?:HF_PUBLIC|static inline) [^;{]*?\b(hf_\w+)\(", re.M)
LEFT_OUT = re.compile(r'^(?:#(?:ifndef|define) HOLDFAST_\w+_H|#include .*|#if.*__cplusplus.*|#define _Static_assert.*|'
                      r'extern "C" \{|\}|#endif.*)$')


def functions(text):
    return DECLARED.findall(text)


def page_name(header):
    return f"holdfast-{header.stem}"


def file_names(header):
    return [f"{name}.3" for name in [page_name(header), *functions(header.read_text())]]


def roff(line):
    """One line of text or code, so that nothing in it is a request or an escape."""
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + line if line[:1] in (".", "'") else line


def without_storage(text):
    """Without HF_PUBLIC and static inline, and the lines that go on below as far to the left."""
    return re.sub(r"^(HF_PUBLIC |static inline )(.*(?:\n +.*)*)",
                  lambda m: re.sub(rf"^ {{{len(m[1])}}}", "", m[2], flags=re.M), text, flags=re.M)


def prose(comment):
    """A comment's inside: paragraphs, and what is indented as it stands."""
    lines = [re.sub(r"^ ?\* ?", "", line).rstrip() for line in re.sub(r"^/\*|\*/$", "", comment.strip()).strip("\n").split("\n")]
    shown, out = False, []
    for line in lines:
        literal = line.startswith("   ")
        if literal != shown and line:
            out.append(".RS 2\n.nf" if literal else ".fi\n.RE")
            shown = literal
        if not line:
            out.append(".PP" if not shown else "")
        else:
            out.append(roff(line if shown else line.strip()))
    return "\n".join([*out, *([".fi\n.RE"] if shown else [])]).strip()


def code(text):
    return "\n".join([".RS 4\n.nf", *(roff(line) for line in text.strip("\n").split("\n")), ".fi\n.RE"])


def blocks(text):
    """(comment, declarations) in order; what no reader needs, guards and includes, is left out."""
    text = re.sub(r"^(static inline [^{;]*?\))\n\{.*?^\}", r"\1;", text, flags=re.M | re.S)
    for block in re.split(r"\n\s*\n(?! \*)", text):
        lines = [line for line in block.split("\n") if not LEFT_OUT.match(line)]
        block = "\n".join(lines).strip("\n")
        found = re.match(r"(/\*.*?\*/)\n?(.*)", block, re.S)
        comment, rest = found.groups() if found else ("", block)
        rest = rest.strip("\n")
        if comment or rest:
            yield comment, rest


def page(header, version):
    text = header.read_text().split("\n", 1)[1]  # without the licence
    introduction, rest = re.match(r"\s*(/\*.*?\*/)(.*)", text, re.S).groups()
    summary = re.split(r"(?<=[^.])[.:](?:\s|$)|;", re.sub(r"\s*\n \*\s*", " ", introduction).lstrip("/* "))[0].rstrip(" */")
    name = page_name(header)
    out = [f'.TH {name.upper()} 3 "" "holdfast {version}" "libholdfast\\-fw"', ".SH NAME",
           roff(", ".join([name, *functions(text)])) + " \\- " + roff(summary), ".SH SYNOPSIS",
           f".B #include <holdfast/{roff(header.name)}>", ".PP", "Compile and link with",
           ".IR \"`pkg\\-config \\-\\-cflags \\-\\-libs holdfast\\-fw`\" .", ".SH DESCRIPTION", prose(introduction)]
    for comment, declarations in blocks(rest):
        named = functions(declarations)
        out.append(f".SS {roff(', '.join(named))}" if named else ".PP")
        out += [code(without_storage(declarations))] if declarations else []
        out += [".PP", prose(comment)] if comment else []
    return "\n".join(out) + "\n"


def main():
    if sys.argv[1] == "--names":
        for header in map(pathlib.Path, sys.argv[2:]):
            print(*file_names(header))
        return
    header, version, directory = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    first, *links = file_names(header)
    (directory / first).write_text(page(header, version))
    for link in links:
        (directory / link).write_text(f".so man3/{first}\n")


main()
