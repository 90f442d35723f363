# SPDX-License-Identifier: BSD-2-Clause
"""Secure Boot keys of a test's own: certificates, signature lists, signed updates (EFI_VARIABLE_AUTHENTICATION_2)."""
import struct
import subprocess
import uuid

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
VENDOR = {"PK": GLOBAL, "KEK": GLOBAL, "db": SECURITY, "dbx": SECURITY}
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328")
PKCS7 = uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7")
OWNER = uuid.UUID("11111111-2222-3333-4444-555555555555")
STORED, APPEND = 0x27, 0x67
MICROSOFT_TIME = struct.pack("<HBBBBBBIhBB", 2010, 3, 6, 19, 17, 21, 0, 0, 0, 0, 0)


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **more).stdout


class Key:
    """A self-signed certificate and its private key, in `directory`. Every one has another serial number."""

    def __init__(self, directory, name, days=3650):
        self.name, self.key, self.pem, self.der = name, *(directory / f"{name}.{e}" for e in ("key", "pem", "der"))
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.pem, "-days", days,
                "-subj", f"/CN={name}", "-sha256")
        openssl("x509", "-in", self.pem, "-outform", "DER", "-out", self.der)

    @property
    def bytes(self):
        return self.der.read_bytes()


def esl(kind, entries, owner=OWNER):
    """One EFI_SIGNATURE_LIST; entries of one size."""
    each = 16 + len(entries[0])
    return kind.bytes_le + struct.pack("<III", 28 + each * len(entries), 0, each) + b"".join(
        owner.bytes_le + e for e in entries)


def bare(content_info):
    """The SignedData of a ContentInfo, as Microsoft's updates and efitools' have it."""
    def element(at):
        n = content_info[at + 1]
        return at + 2 + (n & 0x7F if n & 0x80 else 0)
    at = element(0)
    at = element(at) + content_info[at + 1]
    return content_info[element(at):]


def signed_update(key, name, payload, attributes=APPEND, time=MICROSOFT_TIME, wrapped=False, vendor=None):
    statement = name.encode("utf-16-le") + (vendor or VENDOR[name]).bytes_le + struct.pack("<I", attributes) + time + payload
    signature = openssl("cms", "-sign", "-binary", "-noattr", "-md", "sha256", "-outform", "DER", "-signer", key.pem,
                        "-inkey", key.key, input=statement)
    signature = signature if wrapped else bare(signature)
    return time + struct.pack("<IHH", 24 + len(signature), 0x0200, 0x0EF1) + PKCS7.bytes_le + signature + payload
