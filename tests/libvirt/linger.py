# SPDX-License-Identifier: BSD-2-Clause
"""linger.py PID SOCKET: kills the process and keeps the socket at which it listened open, as a kernel does that takes its
time to end it. Says "killed"; who connects finds nobody until standard input ends."""
import ctypes
import os
import pathlib
import select
import signal
import socket
import sys
import threading

PIDFD_GETFD = 438


def listening(pid, path):
    """The number of the descriptor that listens at `path`."""
    rows = [line.split() for line in open("/proc/net/unix", encoding="ascii")]
    inodes = {row[6] for row in rows if row[-1] == path and row[5] == "01"}
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if os.readlink(fd).removeprefix("socket:[").removesuffix("]") in inodes:
            return int(fd.name)
    sys.exit(f"process {pid} does not listen at {path}")


def turn_away(listener):
    while select.select([listener], [], []):  # it is the guard's: it does not block
        listener.accept()[0].close()


def main():
    pid, path = int(sys.argv[1]), sys.argv[2]
    copied = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, os.pidfd_open(pid), listening(pid, path), 0)
    if copied < 0:
        sys.exit(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
    threading.Thread(target=turn_away, args=(socket.socket(fileno=copied),), daemon=True).start()
    os.kill(pid, signal.SIGKILL)
    print("killed", flush=True)
    sys.stdin.read()
    os._exit(0)


main()
