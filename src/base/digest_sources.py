# SPDX-License-Identifier: BSD-2-Clause
"""Names the code that finds something out: its answers are kept in the cache (host/cache.h), and other code may find
something else."""
import hashlib
import sys

out, macro, version, *sources = sys.argv[1:]
digest = hashlib.sha256(version.encode())
for source in sources:
    with open(source, "rb") as file:
        digest.update(hashlib.sha256(file.read()).digest())
with open(out, "w", encoding="ascii") as file:
    file.write(f'#define {macro} "{digest.hexdigest()}"\n')
