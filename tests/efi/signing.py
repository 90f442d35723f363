# SPDX-License-Identifier: BSD-2-Clause
"""ROMs signed by keys that a test makes, with sbsign and openssl, and the lists that Secure Boot keeps of them."""
import hashlib
import pathlib
import re
import shutil
import struct
import subprocess
import uuid

from program import BUILD, SOURCE
from tap import skip

IMAGES = [BUILD / "efi" / f"holdfast-mailbox-{arch}.efi" for arch in ("x64", "aa64")]
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
X509_SHA256 = uuid.UUID("3bd2a492-96c0-4079-b420-fcf98ef103ed")
SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328")


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def need_tools():
    for program, package in (("sbsign", "sbsigntool"), ("openssl", "openssl")):
        if not shutil.which(program):
            skip(f"{program} is not installed: package {package}")


class Key:
    """A key and its certificate: its own, or issued by another's."""

    def __init__(self, directory, name, issuer=None):
        self.key, self.pem = directory / f"{name}.key", directory / f"{name}.pem"
        by = ["-CA", issuer.pem, "-CAkey", issuer.key] if issuer else []
        request = directory / f"{name}.csr"
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-subj", f"/CN={name}", "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-days", "1", "-out", self.pem, *(by or ["-signkey", self.key]))

    @property
    def der(self):
        return run("openssl", "x509", "-in", self.pem, "-outform", "DER")

    @property
    def body(self):
        """What its issuer signed of the certificate: the first element of the outer sequence."""
        der = self.der
        size = struct.unpack(">H", der[6:8])[0]  # both lengths take two bytes
        return der[4:8 + size]


class Snakeoil:
    """Debian's key whose certificate is in the .snakeoil variables."""

    def __init__(self, directory):
        source = pathlib.Path("/usr/share/ovmf/PkKek-1-snakeoil.key")
        self.key, self.pem = directory / "snakeoil.key", source.with_suffix(".pem")
        run("openssl", "rsa", "-in", source, "-passin", "pass:snakeoil", "-out", self.key)


def signed(directory, name, key, images=tuple(IMAGES)):
    """Paths of the images, signed."""
    out = [directory / f"{name}-{image.name}" for image in images]
    for image, path in zip(images, out):
        run("sbsign", "--key", key.key, "--cert", key.pem, "--output", path, image)
    return out


def rom(directory, name, images=tuple(IMAGES)):
    run(SOURCE / "efi" / "make-rom", directory / name, *images)
    return directory / name


def list_of(kind, *entries):
    """An EFI_SIGNATURE_LIST for each entry."""
    return b"".join(kind.bytes_le + struct.pack("<III", 28 + 16 + len(e), 0, 16 + len(e)) + bytes(16) + e for e in entries)


def revoked(key):
    """A certificate's digest, and since when: for ever."""
    return hashlib.sha256(key.body).digest() + bytes(16)


def signed_digest(image):
    """The SHA-256 that the signature of an image is over: of a DigestInfo, behind its algorithm."""
    return re.search(rb"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20(.{32})",
                     pathlib.Path(image).read_bytes(), re.S).group(1)
