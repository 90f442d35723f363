# SPDX-License-Identifier: BSD-2-Clause
"""A connection between two holdfasts that sees the frames of a hand-over (docs/handover.md) and can do something at each.

    with Relay(root / "relay", there.receive(), watch) as relay:
        guest.move(there, where=relay.where)

`command` (for the shell, or a list) is started for each connection, at most `connections` times: who calls after that is
turned away. `watch(step)` is called before a frame goes on, with its name: ">HELLO" to the destination, "<READY.2" for the
second of its kind from there. What it returns is done: None lets the frame go, "cut" ends the connection without it,
"stall" leaves it open and nothing passes any more, and a function is called when the frame has gone.
"""
import os
import pathlib
import socket
import struct
import subprocess
import threading

from listening import end_listening

NAMES = {1: "OFFER", 2: "READY", 3: "GRANT", 4: "CLAIMED", 5: "REVOKE", 6: "REFUSED", 16: "HELLO", 17: "WANT", 18: "IMAGE",
         19: "STATE", 20: "FAILED", 21: "STREAM", 22: "CAPS", 23: "ASK"}
HEADER = struct.Struct(">IHHIIQ")


class Connection:
    def __init__(self, relay, number, peer):
        self.relay, self.number, self.peer = relay, number, peer
        self.passed = {">": [], "<": []}    # kinds of frames
        self.stalled = threading.Event()
        self.receiver = relay.start()
        self.ends = {">": (peer.fileno(), self.receiver.stdin.fileno()), "<": (self.receiver.stdout.fileno(), peer.fileno())}

    def begin(self):
        for way in self.ends:
            threading.Thread(target=self.pump, args=(way,), daemon=True).start()

    def caller(self):
        """The pid of who connected."""
        return struct.unpack("3i", self.peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def sever(self):
        """Both ends see that the connection is gone; what was said before arrives."""
        for end in (lambda: self.peer.shutdown(socket.SHUT_RDWR), self.receiver.stdin.close):
            try:
                end()
            except OSError:
                pass

    @staticmethod
    def read(fd, size):
        data = b""
        while len(data) < size:
            more = os.read(fd, size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def write(self, fd, data):
        piece = self.relay.piece or len(data)
        for at in range(0, len(data), piece):
            view = data[at:at + piece]
            while view:
                view = view[os.write(fd, view):]

    def pass_on(self, way):
        source, sink = self.ends[way]
        head = self.read(source, HEADER.size)
        kind, length = HEADER.unpack(head)[2], HEADER.unpack(head)[4]
        body = self.read(source, length)
        wanted = self.relay.decide(self, way, kind)
        if wanted == "cut":
            raise EOFError
        if wanted == "stall":
            self.stalled.set()
        if self.stalled.is_set():
            self.relay.closing.wait()
            raise EOFError
        self.write(sink, head + body)
        self.passed[way].append(kind)
        if wanted:
            wanted()

    def pump(self, way):
        try:
            self.relay.open_way(self, way)
            while True:
                self.pass_on(way)
        except (EOFError, OSError, ValueError):
            pass
        finally:
            self.sever()


class Relay:
    """`intro`: a length and as many bytes come before the frames. `piece`: as many bytes are written at once; None: all."""

    def __init__(self, path, command, watch=lambda step: None, connections=1, intro=False, piece=None, env=None):
        self.path, self.command, self.watch, self.env = pathlib.Path(path), command, watch, env
        self.most, self.intro, self.piece = connections, intro, piece
        self.steps, self.counts, self.lock = [], {}, threading.Lock()
        self.connections, self.closing = [], threading.Event()
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(4)
        self.where = f"unix:{self.path}"
        self.serving = threading.Thread(target=self.serve, daemon=True)
        self.serving.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        end_listening(self.listener, self.serving)
        self.closing.set()
        for connection in self.connections:
            if connection.stalled.is_set():
                connection.sever()
        for receiver in self.receivers:
            try:
                receiver.wait(60)
            except subprocess.TimeoutExpired:
                receiver.kill()
                receiver.wait()

    receivers = property(lambda self: [c.receiver for c in self.connections])
    receiver = property(lambda self: self.connections[-1].receiver)

    def open_way(self, connection, way):
        """What comes before the frames."""
        if way == ">" and self.intro:
            source, sink = connection.ends[way]
            head = connection.read(source, 4)
            connection.write(sink, head + connection.read(source, int.from_bytes(head, "big")))

    def start(self):
        command = ["sh", "-c", f"exec {self.command}"] if isinstance(self.command, str) else self.command
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env, bufsize=0)

    def serve(self):
        while self.most is None or len(self.connections) < self.most:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.connections.append(Connection(self, len(self.connections), peer))
            self.connections[-1].begin()
        end_listening(self.listener)

    def stayer(self):
        """The pid of the process that would stay as the guest's supervisor, or None."""
        pid = self.receiver.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def decide(self, connection, way, kind):
        with self.lock:
            step = way + NAMES.get(kind, str(kind))
            count = self.counts[step] = self.counts.get(step, 0) + 1
            if count > 1:
                step += f".{count}"
            self.steps.append(step)
        return self.watch(step)
