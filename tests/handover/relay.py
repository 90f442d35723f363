# SPDX-License-Identifier: BSD-2-Clause
"""A pipe between `migrate` and `receive` that a test spoils: stands where ssh would.

Started as `exec:` command by the source; $RELAY_PLAN names a JSON file: {"command": [...], "environment": {...},
"connections": [{...}, ...]}. Each connection takes the first entry off the list (none left: all goes through):

    way     "to" or "from" the destination
    after   so many frames of that way get through; the next one was said and is lost
    do      "cut", "kill-source", "kill-destination", "interrupt", "stall"
    piece   bytes at once

What went through is appended to $RELAY_PLAN.seen: per connection {"to": [frame types], "from": [...]}.
"""
import json
import os
import signal
import struct
import subprocess
import sys
import threading

PLAN = os.environ["RELAY_PLAN"]
SOURCE = os.getppid()


class Way:
    """Forwards frames one way and counts them."""

    def __init__(self, name, source, sink, plan, act):
        self.name, self.source, self.sink, self.plan, self.act = name, source, sink, plan, act
        self.types = []

    def read(self, size):
        data = b""
        while len(data) < size:
            more = os.read(self.source, size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def write(self, data):
        piece = self.plan.get("piece", len(data))
        for at in range(0, len(data), piece):
            os.write(self.sink, data[at:at + piece])

    def run(self):
        try:
            while True:
                header = self.read(24)
                kind, length = struct.unpack(">6xH4xL", header[:16])
                payload = self.read(length)
                if self.plan.get("way") == self.name and len(self.types) == self.plan["after"]:
                    self.act(self.plan["do"])
                self.write(header + payload)
                self.types.append(kind)
        except (EOFError, OSError):
            pass
        os.close(self.sink)


def main():
    with open(PLAN) as file:
        plan = json.load(file)
    mine = plan["connections"].pop(0) if plan["connections"] else {}
    with open(PLAN, "w") as file:
        json.dump(plan, file)
    receive = subprocess.Popen(plan["command"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, **plan["environment"]})

    with open(f"{PLAN}.pid-{receive.pid}", "w"):
        pass

    def finish(status=0):
        with open(PLAN + ".seen", "a") as file:
            print(json.dumps({way.name: way.types for way in ways}), file=file)
        os._exit(status)

    def act(what):
        if what == "kill-destination":
            receive.kill()
            receive.wait()
        elif what == "interrupt":
            os.kill(SOURCE, signal.SIGINT)
            mine.clear()
            return
        elif what == "stall":
            threading.Event().wait()
        elif what == "kill-source":
            receive.stdin.close()       # nothing more comes from it; the destination may still speak
            os.kill(SOURCE, signal.SIGKILL)     # and this process with it
            signal.pause()
        finish()

    ways = [Way("to", 0, receive.stdin.fileno(), mine, act), Way("from", receive.stdout.fileno(), 1, mine, act)]
    threads = [threading.Thread(target=way.run, daemon=True) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(receive.wait())


if __name__ == "__main__":
    main()
