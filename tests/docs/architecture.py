# SPDX-License-Identifier: BSD-2-Clause
"""The rows of ARCHITECTURE.md, held to by the build files and by the sources."""
import os
import pathlib
import re

from tap import case, expect, main

ROOT = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
SOURCES = ROOT / "src"


def rows():
    """{module: row number} from the fenced block of the page."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    block = page.split("```")[1]
    found = re.findall(r"^ *(\d+)  (.*)$", block, re.M)
    return {module: int(number) for number, modules in found for module in modules.split()}


def modules():
    return sorted(d.name for d in SOURCES.iterdir() if (d / "meson.build").exists())


@case("every module of src/ stands in a row")
def _():
    missing = [m for m in modules() if m not in rows()]
    expect(not missing, f"not in the rows of ARCHITECTURE.md: {missing}")


@case("a module's build file names only rows below its own")
def _():
    row = rows()
    wrong = []
    for module in modules():
        text = (SOURCES / module / "meson.build").read_text()
        for used in set(re.findall(r"\b(\w+)_dep\b", text)) - {module}:
            if used in row and row[used] >= row[module]:
                wrong.append(f"{module} (row {row[module]}) uses {used} (row {row[used]})")
    expect(not wrong, "; ".join(wrong))


@case("no source reaches around the include directories")
def _():
    wrong = [str(f.relative_to(ROOT)) for f in SOURCES.rglob("*.[ch]")
             if re.search(r'#\s*include\s*["<][^">]*\.\./', f.read_text())]
    expect(not wrong, f"include with ..: {wrong}")


@case("a header's name is its own in the whole tree")
def _():
    seen = {}
    for header in SOURCES.rglob("*.h"):
        seen.setdefault(header.name, []).append(str(header.relative_to(ROOT)))
    twice = [places for places in seen.values() if len(places) > 1]
    expect(not twice, f"the same name twice: {twice}")


@case("every function that the page names exists")
def _():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    sources = "\n".join(f.read_text() for f in SOURCES.rglob("*.[ch]"))
    missing = [name for name in sorted(set(re.findall(r"`(\w+)\(\)`", page)))
               if not re.search(rf"^[a-z].*\b{name}\(", sources, re.M)]
    expect(not missing, f"no such function: {missing}")


def noun(name):
    """Of a file: its first word, as in mailbox_watch.h."""
    return pathlib.Path(name).stem.split("_")[0]


def circle(graph):
    """The nodes of one, in their order; [] where there is none."""
    done = set()

    def visit(node, way):
        if node in way:
            return way[way.index(node):] + [node]
        if node in done:
            return []
        done.add(node)
        return next(filter(None, (visit(other, way + [node]) for other in sorted(graph.get(node, ())))), [])

    return next(filter(None, (visit(node, []) for node in sorted(graph))), [])


@case("in no room do the headers of different nouns include each other in a circle")
def _():
    expect(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) and not circle({"a": {"b", "c"}, "b": {"c"}}), "circle()")
    wrong = {}
    for module in modules():
        headers = {f.name: f.read_text() for f in (SOURCES / module).rglob("*.h")}
        graph = {}
        for name, text in headers.items():
            used = re.findall(r'#\s*include\s*["<](?:holdfast/)?([^">]+)', text)
            graph.setdefault(noun(name), set()).update(noun(u) for u in used if u in headers and noun(u) != noun(name))
        found = circle(graph)
        if found:
            wrong[module] = " -> ".join(found)
    expect(not wrong, wrong)


LINES_MAX = 400
TABLES = {"src/nbdkit/plugin.c"}  # longer, and a table from end to end: nbdkit's callbacks


@case("a file that is no table has at most 400 lines")
def _():
    lines = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in SOURCES.rglob("*.[ch]")}
    wrong = {name: count for name, count in lines.items() if count > LINES_MAX and name not in TABLES}
    expect(not wrong, f"longer than {LINES_MAX} lines: {wrong}")
    expect(all(lines[name] > LINES_MAX for name in TABLES), f"short enough by now: {TABLES}")


# Of one run: what belongs to each part. The mailbox's window and the clock need nothing of a run.
PARTS = {
    "run": ["run"],
    "server watch": ["server_watch"],
    "reset watch": ["reset_watch"],
    "trial": ["trial_timer", "trial_watch"],
    "arrival": ["arrival"],
    "mailbox": ["mailbox_watch", "mailbox_start", "mailbox_arrival", "mailbox_files", "mailbox_inside", "guest_orders"],
    "clock": ["guest_clock"],
    "window": ["mailbox_window"],
    "departure": ["departure", "departing", "departure_ask", "departure_end"],
    "reception": ["reception", "reception_inside", "reception_intro"],
}
# What puts them together, and the run from its beginning to its end.
COMPOSITION = {"supervision.c", "supervisor.c", "prepare.c", "start_qemu.c", "first_look.c", "guest_events.c"}
MAY = {"run": set(), "clock": set(), "window": set(), "mailbox": {"run", "window"}}


@case("a part of the supervisor includes no other part, nor what ties them together")
def _():
    part_of = {f"{file}.h": part for part, files in PARTS.items() for file in files}
    part_of["supervision.h"] = "composition"
    wrong = []
    for part, files in PARTS.items():
        sources = [source for file in files for source in (SOURCES / "supervisor").glob(f"{file}.[ch]")]
        expect(sources, f"{part}: no files")
        for source in sources:
            used = {part_of[name] for name in re.findall(r'#include "([^"]+)"', source.read_text()) if name in part_of}
            wrong += [f"{source.name} includes the {other}" for other in used - {part} - MAY.get(part, {"run"})]
    expect(not wrong, "; ".join(wrong))


@case("supervision.h is included by what composes the parts, and by nothing else")
def _():
    users = {f.name for f in [*SOURCES.rglob("*.[ch]"), *(ROOT / "tests").rglob("*.[ch]")]
             if '#include "supervision.h"' in f.read_text()}
    expect(users == COMPOSITION, sorted(users ^ COMPOSITION))


main()
