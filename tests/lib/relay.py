# SPDX-License-Identifier: BSD-2-Clause
"""A connection between two holdfasts that sees the frames of a hand-over (docs/handover.md) and can do something at each.

    with Relay(root / "relay", there.receive(), watch) as relay:
        guest.move(there, where=relay.where)

`watch(step)` is called before a frame goes on, with its name: ">HELLO" to the destination, "<READY.2" for the second of
its kind from there. What it returns is done: None lets the frame go, "cut" ends the connection without it, and a function is
called when the frame has gone.
"""
import pathlib
import socket
import struct
import subprocess
import threading

from listening import end_listening

NAMES = {1: "OFFER", 2: "READY", 3: "GRANT", 4: "CLAIMED", 5: "REVOKE", 6: "REFUSED", 16: "HELLO", 17: "WANT", 18: "IMAGE",
         19: "STATE", 20: "FAILED", 21: "STREAM", 22: "CAPS", 23: "ASK"}
HEADER = struct.Struct(">IHHIIQ")


class Relay:
    def __init__(self, path, command, watch=lambda step: None):
        self.path, self.command, self.watch = pathlib.Path(path), command, watch
        self.steps, self.counts, self.lock = [], {}, threading.Lock()
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.where = f"unix:{self.path}"
        self.receiver = self.peer = None
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        end_listening(self.listener)
        if self.receiver:
            try:
                self.receiver.wait(60)
            except subprocess.TimeoutExpired:
                self.receiver.kill()
                self.receiver.wait()

    def serve(self):
        try:
            self.peer, _ = self.listener.accept()
        except OSError:
            return
        self.listener.close()
        self.receiver = subprocess.Popen(["sh", "-c", f"exec {self.command}"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        threading.Thread(target=self.pump, daemon=True,
                         args=("<", self.receiver.stdout.read, self.peer.sendall)).start()
        self.pump(">", self.exact(self.peer), self.put)

    def sever(self):
        """Both ends see that the connection is gone."""
        for end in (lambda: self.peer.shutdown(socket.SHUT_RDWR), self.receiver.stdin.close):
            try:
                end()
            except OSError:
                pass

    def stayer(self):
        """The pid of the process that would stay as the guest's supervisor, or None."""
        pid = self.receiver.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def put(self, data):
        self.receiver.stdin.write(data)
        self.receiver.stdin.flush()

    @staticmethod
    def exact(peer):
        def read(size):
            data = b""
            while len(data) < size:
                more = peer.recv(size - len(data))
                if not more:
                    break
                data += more
            return data
        return read

    def name(self, direction, kind):
        with self.lock:
            step = direction + NAMES.get(kind, str(kind))
            count = self.counts[step] = self.counts.get(step, 0) + 1
            if count > 1:
                step += f".{count}"
            self.steps.append(step)
        return step

    def pump(self, direction, read, write):
        try:
            while True:
                head = read(HEADER.size)
                if len(head) < HEADER.size:
                    break
                kind, length = HEADER.unpack(head)[2], HEADER.unpack(head)[4]
                body = read(length)
                wanted = self.watch(self.name(direction, kind))
                if wanted == "cut":
                    break
                write(head + body)
                if wanted:
                    wanted()
        except (OSError, ValueError):
            pass
        self.sever()
