"""Hanging up on clients that begin a request and do not go on with it.

The server gives a request's head ten seconds (`header_read_timeout`), its body any time: a read waits until all of the
piece has come, and nothing in Python can end it. Each such client would keep a thread, and a place of its project, for
as long as it likes. So every few seconds the process looks at what the system knows of its connections. Idle ones are
closed by the server, and no answer takes half a minute to begin; a connection on which nothing was answered for longer
is one whose request is still coming in, and that must come in at some speed.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import structlog

EVERY_S = 5.0
PATIENCE_S = 40.0  # ten of them may have passed before the request's head, on a connection that is kept
SLOWEST_BYTES_PER_S = 16 * 1024
FAMILIES = {socket.AF_INET, socket.AF_INET6}
# `struct tcp_info` of linux/tcp.h: what is unacknowledged, when data was last sent (ms ago), acknowledged and received
# bytes, and what waits to be sent.
_INFO = struct.Struct("=24xI16xI72xQQ8xI")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Seen:
    """What the system knows of one connection. `answered_bytes` and `received_bytes` only ever grow."""

    silent_s: float
    answered_bytes: int
    received_bytes: int
    is_answering: bool


class Watch:
    """What was received on each connection since it was last answered."""

    def __init__(self) -> None:
        self._before: dict[str, Seen] = {}

    def overdue(self, seen: Mapping[str, Seen]) -> list[str]:
        """The names of connections whose requests come in too slowly, from one look to the next."""
        before, self._before = self._before, {}
        for name, now in seen.items():
            last = before.get(name)
            is_same_request = last is not None and last.answered_bytes == now.answered_bytes
            self._before[name] = last if last and is_same_request else now
        return [name for name, now in seen.items() if is_overdue(now, self._before[name])]


def is_overdue(now: Seen, before: Seen) -> bool:
    """Whether less came since an earlier look at the same request than the time without an answer allows. Pure."""
    received = now.received_bytes - before.received_bytes
    return not now.is_answering and now.silent_s > PATIENCE_S + received / SLOWEST_BYTES_PER_S


def start() -> None:
    """Begin to watch this process's connections, where the system tells about them: on Linux."""
    if hasattr(socket, "TCP_INFO") and os.path.isdir("/proc/self/fd"):
        threading.Thread(target=_keep_watching, name="stalled", daemon=True).start()


def hang_up(watch: Watch) -> int:
    """Take one look and end the connections that are overdue; gives how many."""
    with ExitStack() as kept:
        ours = _connections(kept)
        names = watch.overdue({name: _seen(one) for name, one in ours.items()})
        for name in names:
            with suppress(OSError):  # it has just ended by itself
                ours[name].shutdown(socket.SHUT_RDWR)
    return len(names)


def _connections(kept: ExitStack) -> dict[str, socket.socket]:
    """Those that clients have opened to this process, by the system's names for them."""
    found: dict[str, socket.socket] = {}
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile
            name = os.readlink(f"/proc/self/fd/{descriptor}")
            if name.startswith("socket:") and name not in found:
                # A descriptor of our own: nobody closes it behind our back and gives its number to something else.
                found[name] = kept.enter_context(socket.socket(fileno=os.dup(int(descriptor))))
    tcp = {name: one for name, one in found.items() if one.family in FAMILIES and one.type == socket.SOCK_STREAM}
    listeners = [one for one in tcp.values() if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
    ports = {one.getsockname()[1] for one in listeners}
    return {name: one for name, one in tcp.items() if _is_opened_to(one, ports)}


def _is_opened_to(one: socket.socket, ports: set[int]) -> bool:
    try:
        return one.getsockname()[1] in ports and bool(one.getpeername())
    except OSError:  # one that listens, or that has ended
        return False


def _seen(one: socket.socket) -> Seen:
    told = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    unacknowledged, silent_ms, acknowledged, received, unsent = _INFO.unpack(told.ljust(_INFO.size, b"\0"))
    return Seen(silent_ms / 1000, acknowledged, received, bool(unacknowledged or unsent))


def _keep_watching() -> None:
    watch = Watch()
    while True:
        time.sleep(EVERY_S)
        ended = hang_up(watch)
        if ended:
            log.warning("requests_stalled", connections=ended)
