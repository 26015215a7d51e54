"""The one thing about a connection's socket that is worth changing."""

import os
import socket

SEND_BUFFER = 1 << 20


def enlarge_send_buffer(descriptor: int) -> None:
    """Let large requests leave in few pieces.

    libpq moves the rest of what it sends to the front of its buffer each time the socket takes a piece, which the small
    buffers of Unix sockets make dear: 20 MB took 100 ms, and take 30 so. (TCP sizes its buffers by itself, unless told.)
    """
    with socket.socket(fileno=os.dup(descriptor)) as own:
        if own.family == socket.AF_UNIX:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
