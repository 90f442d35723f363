# SPDX-License-Identifier: BSD-2-Clause
"""docs/container.md names the tables and columns of schema.sql, in their order, and nothing else."""
import os
import pathlib
import re

from tap import case, expect, main

SOURCE = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])


def schema():
    """[(table, [column, ...]), ...] without `id` and `sum`."""
    text = (SOURCE / "src/store/schema.sql").read_text(encoding="ascii")
    tables = []
    for name, body in re.findall(r"^CREATE TABLE (\w+) \(\n(.*?)^\);$", text, re.M | re.S):
        columns = re.findall(r"^    (\w+) (?:INTEGER|TEXT|BLOB)\b", body, re.M)
        expect(columns[:2] == ["id", "sum"], f"{name} begins with {columns[:2]}")
        tables.append((name, columns[2:]))
    return tables


def page():
    text = (SOURCE / "docs/container.md").read_text(encoding="utf-8")
    text = text[text.index("\n## Tables"):text.index("\n## The mark")]
    return [(name, re.findall(r"^\| `(\w+)` \|", body, re.M))
            for name, body in re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", text, re.M | re.S)]


@case("the page has the schema's tables and columns")
def _():
    wanted, found = schema(), page()
    expect([n for n, _ in wanted] == [n for n, _ in found], f"{[n for n, _ in found]} instead of {[n for n, _ in wanted]}")
    for (name, columns), (_, described) in zip(wanted, found):
        expect(columns == described, f"{name}: {described} instead of {columns}")


@case("the page's numbers are the code's")
def _():
    text = (SOURCE / "docs/container.md").read_text(encoding="utf-8")
    header = (SOURCE / "src/store/schema.h").read_text(encoding="ascii")
    application = re.search(r"HF_APPLICATION_ID (0x[0-9a-f]+)U", header).group(1)
    expect(f"`{application}`" in text, f"application id {application}")


main()
