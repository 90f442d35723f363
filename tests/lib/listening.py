# SPDX-License-Identifier: BSD-2-Clause
"""The end of a listening socket that a thread waits on."""
import socket


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
