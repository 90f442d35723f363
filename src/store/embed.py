# SPDX-License-Identifier: BSD-2-Clause
"""Turns schema.sql into schema_text.c: one string per CREATE statement, ended by NULL."""
import json
import re
import sys

text = open(sys.argv[1], encoding="ascii").read()
statements = re.findall(r"^CREATE TABLE .*?^\)(?=;$)", text, re.M | re.S)
assert len(statements) == text.count("CREATE TABLE ")
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include "schema.h"\n\nconst char *const hf_schema[] = {\n')
    for statement in statements:
        lines = statement.split("\n")
        quoted = [json.dumps(line + "\n") for line in lines[:-1]] + [json.dumps(lines[-1])]
        out.write("    " + "\n    ".join(quoted) + ",\n")
    out.write("    0,\n};\n")
