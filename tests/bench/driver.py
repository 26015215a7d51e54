"""The load driver, in a process of its own: ready-made bodies over plain sockets, next to nothing else.

python -m tests.bench.driver PORT KEY --events 200000 --batch 100 --connections 4      prints one JSON object
"""

import argparse
import itertools
import json
import math
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.bodies import Body, bodies


class Refused(Exception):
    """The product did not store what was sent."""


class Connection:
    """One kept connection that posts bodies and waits for each answer."""

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"POST /api/v1/interactions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    def post(self, body: bytearray, events: int) -> None:
        """Send and wait. Raises Refused when not every event was created."""
        self._socket.sendall(self._head + f"{len(body)}\r\n\r\n".encode())
        self._socket.sendall(body)
        head, rest = self._until_the_body()
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at : lower.index(b"\r\n", at)])
        while len(rest) < length:
            rest += self._socket.recv(65_536)
        if not head.startswith(b"HTTP/1.1 200") or b'"created":%d,' % events not in rest[:40]:
            raise Refused((head + rest)[:500].decode(errors="replace"))

    def _until_the_body(self) -> tuple[bytes, bytes]:
        found = b""
        while b"\r\n\r\n" not in found:
            piece = self._socket.recv(65_536)
            if not piece:
                raise Refused("the connection was closed")
            found += piece
        head, _, rest = found.partition(b"\r\n\r\n")
        return head + b"\r\n", rest


def drive(
    port: int, key: str, prepared: list[Body], events: int, connections: int, per_second: float = math.inf
) -> dict[str, Any]:
    """Post so many events over so many connections at once; gives seconds, processor seconds and latencies.

    At a steady pace, if one is asked for: then it also tells when each answer was there.
    """
    requests = events // len(prepared[0].offsets)
    pause_s = connections * len(prepared[0].offsets) / per_second
    shares: list[Iterator[tuple[int, Body]]] = [
        itertools.islice(_endless(prepared[one::connections]), requests // connections + (one < requests % connections))
        for one in range(connections)
    ]
    latencies: list[float] = []
    answered_at: list[float] = []
    failures: list[BaseException] = []

    def work(share: Iterator[tuple[int, Body]]) -> None:
        try:
            connection, due = Connection(port, key), time.perf_counter()
            for number, body in share:
                content = body.in_round(number)
                if pause_s:
                    time.sleep(max(0.0, due - time.perf_counter()))
                    due += pause_s
                began = time.perf_counter()
                connection.post(content, len(body.offsets))
                latencies.append(time.perf_counter() - began)
                answered_at.append(time.time())
        except BaseException as error:  # told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    if failures:
        raise failures[0]
    latencies.sort()
    told = {"answered_at": answered_at} if pause_s else {}
    return told | {
        "events": requests * len(prepared[0].offsets),
        "seconds": seconds,
        "driver_cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }


def _endless(share: list[Body]) -> Iterator[tuple[int, Body]]:
    for number in itertools.count(1):
        for body in share:
            yield number, body


def main() -> None:
    """Make the bodies, post them, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("key")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--per-second", type=float, default=math.inf, help="a steady pace, instead of full speed")
    parser.add_argument("--prefix", default="bench")
    parser.add_argument("--random-ids", action="store_true", help="UUIDs of pure chance instead of --prefix")
    wanted = parser.parse_args()
    prepared = bodies(wanted.batch, prefix=wanted.prefix, has_random_ids=wanted.random_ids)
    try:
        figures = drive(wanted.port, wanted.key, prepared, wanted.events, wanted.connections, wanted.per_second)
    except Refused as error:
        sys.exit(f"the product refused: {error}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
