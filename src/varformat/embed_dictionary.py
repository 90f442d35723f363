# SPDX-License-Identifier: BSD-2-Clause
"""Turns data/aws-uefi/dict.v0 into C."""
import hashlib
import pathlib
import sys

bytes_, out = pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[2]
if hashlib.sha256(bytes_).hexdigest() != "b6c4f52acbb0ab9aa415290e6c223af871eaa3d430c96b8116899d994681535b":
    sys.exit(f"{sys.argv[1]}: not the dictionary of version 0")
with open(out, "w", encoding="ascii") as c:
    c.write('#include "aws_dictionary.h"\n\n')
    c.write(f"const uint8_t hf_aws_dictionary[] = {{{', '.join(map(str, bytes_))}}};\n")
    c.write("const size_t hf_aws_dictionary_size = sizeof hf_aws_dictionary;\n")
