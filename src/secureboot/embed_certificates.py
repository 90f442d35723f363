# SPDX-License-Identifier: BSD-2-Clause
"""Turns data/certificates into C: the DER bytes of each file, whose SHA-256 must be the one in `digests`."""
import base64
import hashlib
import pathlib
import re
import sys

digests, out, files = pathlib.Path(sys.argv[1]), sys.argv[2], [pathlib.Path(p) for p in sys.argv[3:]]
wanted = {name: digest for digest, name in (line.split() for line in digests.read_text().splitlines())}
if sorted(wanted) != sorted(f.name for f in files):
    sys.exit(f"{digests} is about {sorted(wanted)}, not about {sorted(f.name for f in files)}")
with open(out, "w", encoding="ascii") as c:
    c.write('#include "certificate_data.h"\n\n')
    for n, f in enumerate(sorted(files)):
        block = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", f.read_text(), re.S).group(1)
        der = base64.b64decode(block)
        if hashlib.sha256(der).hexdigest() != wanted[f.name]:
            sys.exit(f"{f}: SHA-256 of the certificate is {hashlib.sha256(der).hexdigest()}; wanted is {wanted[f.name]}")
        c.write(f"static const uint8_t certificate{n}[] = {{{', '.join(map(str, der))}}};\n")
    c.write("\nconst struct hf_certificate_file hf_certificate_files[] = {\n")
    for n, f in enumerate(sorted(files)):
        c.write(f'    {{"{f.stem}", certificate{n}, sizeof certificate{n}}},\n')
    c.write("    {0, 0, 0},\n};\n")
