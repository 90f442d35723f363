# SPDX-License-Identifier: BSD-2-Clause
"""Names the code that tells what an image is: what it told is kept (lifecycle/image_facts.h), and other code may tell
something else."""
import hashlib
import sys

out, version, *sources = sys.argv[1:]
digest = hashlib.sha256(version.encode())
for source in sources:
    with open(source, "rb") as file:
        digest.update(hashlib.sha256(file.read()).digest())
with open(out, "w", encoding="ascii") as file:
    file.write(f'#define HF_FLASH_SOURCES "{digest.hexdigest()}"\n')
