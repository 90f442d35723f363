# SPDX-License-Identifier: BSD-2-Clause
"""A small NBD client, so that a test sees every answer by itself.

    with Client("/run/flash.sock", "vars") as vars:
        vars.write(0, b"x", fua=True)
        vars.flush()
"""
import socket
import struct

OPTION_MAGIC, REPLY_MAGIC = 0x49484156454F5054, 0x3E889045565A9
OPT_ABORT, OPT_LIST, OPT_GO, OPT_META = 2, 3, 7, 10
REP_ACK, REP_SERVER, REP_INFO, REP_META = 1, 2, 3, 4
INFO_EXPORT, INFO_BLOCK_SIZE = 0, 3
OPT_STRUCTURED = 8
READ, WRITE, DISC, FLUSH, BLOCK_STATUS = 0, 1, 2, 3, 7
FUA = 1
FLAG_READ_ONLY, FLAG_FLUSH, FLAG_FUA, FLAG_MULTI_CONN = 2, 4, 8, 256


class Error(Exception):
    """The server refused a request; `number` is the protocol's errno (28: no space, 5: I/O)."""

    def __init__(self, number):
        super().__init__(f"NBD error {number}")
        self.number = number


class Refused(Exception):
    """The server refused an option, as it does for an export it does not have."""


class Connection:
    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        magic, version, flags = struct.unpack(">8sQH", self.receive(18))
        assert magic == b"NBDMAGIC" and version == OPTION_MAGIC, "not a newstyle NBD server"
        self.socket.sendall(struct.pack(">I", flags & 3))

    def receive(self, size):
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            n = self.socket.recv_into(view[got:])
            if not n:
                raise ConnectionError("the server closed the connection")
            got += n
        return bytes(data)

    def option(self, number, data=b""):
        """Sends an option; returns its replies [(type, data)] up to the acknowledgement."""
        self.socket.sendall(struct.pack(">QII", OPTION_MAGIC, number, len(data)) + data)
        replies = []
        while True:
            magic, _, kind, size = struct.unpack(">QIII", self.receive(20))
            assert magic == REPLY_MAGIC
            body = self.receive(size)
            if kind & 0x80000000:
                raise Refused(body.decode(errors="replace") or hex(kind))
            if kind == REP_ACK:
                return replies
            replies.append((kind, body))

    def close(self):
        self.socket.close()


def exports(path):
    """The names that the server lists."""
    c = Connection(path)
    names = []
    for _, body in c.option(OPT_LIST):
        size, = struct.unpack_from(">I", body)
        names.append(body[4:4 + size].decode())
    c.close()
    return names


class Client(Connection):
    """One export. `extents=True` negotiates base:allocation, which is then the only kind of request to make."""

    def __init__(self, path, name, timeout=60, extents=False):
        super().__init__(path, timeout)
        self.cookie = 0
        encoded = struct.pack(">I", len(name)) + name.encode()
        if extents:
            self.option(OPT_STRUCTURED)
            context = b"base:allocation"
            self.option(OPT_META, encoded + struct.pack(">II", 1, len(context)) + context)
        self.block_sizes = None
        for _, body in self.option(OPT_GO, encoded + struct.pack(">HH", 1, INFO_BLOCK_SIZE)):
            kind, = struct.unpack_from(">H", body)
            if kind == INFO_EXPORT:
                self.size, self.flags = struct.unpack_from(">QH", body, 2)
            elif kind == INFO_BLOCK_SIZE:
                self.block_sizes = struct.unpack_from(">III", body, 2)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def send(self, command, offset=0, size=0, data=b"", flags=0):
        self.cookie += 1
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, flags, command, self.cookie, offset, size) + data)

    def answer(self, size=0):
        magic, error, cookie = struct.unpack(">IIQ", self.receive(16))
        assert magic == 0x67446698 and cookie <= self.cookie
        if error:
            raise Error(error)
        return self.receive(size)

    def read(self, offset, size):
        pieces = []
        for at in range(0, size, 131072):
            n = min(131072, size - at)
            self.send(READ, offset + at, n)
            pieces.append(self.answer(n))
        return b"".join(pieces)

    def read_all(self):
        return self.read(0, self.size)

    def write(self, offset, data, fua=False):
        self.send(WRITE, offset, len(data), data, FUA if fua else 0)
        self.answer()

    def flush(self):
        self.send(FLUSH)
        self.answer()

    def status(self, offset, size):
        """[(length, hole, zero)] from `offset`."""
        self.send(BLOCK_STATUS, offset, size)
        while True:
            magic, flags, kind, _, length = struct.unpack(">IHHQI", self.receive(20))
            assert magic == 0x668E33EF
            body = self.receive(length)
            if kind & 0x8000:
                raise Error(struct.unpack_from(">I", body)[0])
            if kind == 5:
                pairs = struct.iter_unpack(">II", body[4:])
                return [(n, bool(f & 1), bool(f & 2)) for n, f in pairs]
            assert not flags & 1, "the reply ended without extents"
