# SPDX-License-Identifier: BSD-2-Clause
"""Listening sockets: whether one is there, and the end of one that a thread waits on."""
import pathlib
import socket


def listens(path):
    """Whether somebody listens at the path; the file is there a moment before that."""
    rows = (line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines())
    return any(row[-1] == str(path) and row[3] == "00010000" for row in rows)


def end_listening(listener, thread=None):
    """Wakes who waits in accept(). A thread left there would take the connections of the next listener that happens to
    get the same descriptor."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    if thread:
        thread.join()
    listener.close()
