"""S5: small requests cannot cost much. Bombs and crowds are refused soon and with little memory, large bodies have an
end, and neither a crowd of slow clients nor somebody who sends all this again and again makes others wait.
"""

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial

from tests.faults.campaign import Campaign, Ground, Planted
from tests.faults.overload import Crowd, crowded, posts, reads
from tests.faults.probe import Probe, Seen
from tests.faults.stack import WEB, Stack
from tests.ingest import hostile

# Seconds of work: what a sender waits for beside it is the machine's doing.
REFUSED_S, REFUSED_MIB = 0.25, 64.0
TAKEN_S, TAKEN_MIB = 0.5, 144.0
SLOW_CLIENTS, DRIP_S = 200, 1.0
BEFORE_S, DURING_S = 8.0, 20.0
NEIGHBOURS, PAUSE_S = 4, 0.05
MOST_SLOWER = 2.0
JITTER_S = 0.01
"""Two quantiles of a few milliseconds each may differ by this without a meaning."""
BESIDE_DEAR_P99_S = 1.0
MEGABYTE = 1_000_000
BOMB = 120 * MEGABYTE
UNITS = (
    *(b"\0", b" ", b"[", b'{"a":', b"{},", b'"",', b"\n", b'"k":1,', b"1e9,", b'{"feature":"a"}\n', "😀".encode()),
)
GZIP, DEFLATE = {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}


@dataclass(frozen=True)
class Dear:
    """A small request that means to cost much; its body is made when it is wanted."""

    name: str
    make: Callable[[], bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = "interactions"


@cache
def bomb(unit: bytes, size: int, wbits: int = 31) -> bytes:
    """So many bytes of a unit, squeezed as hard as it goes."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, wbits)
    piece = unit * (MEGABYTE // len(unit))
    return b"".join(squeeze.compress(piece) for _ in range(size // len(piece))) + squeeze.flush()


def bombs() -> Iterator[Dear]:
    """What inflates to far more than any body may have."""
    yield Dear("120 MB of blanks in gzip", lambda: bomb(b" ", BOMB), GZIP)
    yield Dear("120 MB of blanks in deflate", lambda: bomb(b" ", BOMB, zlib.MAX_WBITS), DEFLATE)
    yield Dear("120 MB of blanks in gzip in gzip", lambda: gzip.compress(bomb(b" ", BOMB)), GZIP)


def refusable() -> Iterator[Dear]:
    """What else has to be refused."""
    for unit in UNITS:
        name = f"20 MB of {unit!r} in gzip"
        yield Dear(name, partial(bomb, unit, 20 * MEGABYTE), GZIP)
        yield Dear(f"an array of {name}", partial(_array, unit), GZIP)
    for number, body in enumerate(hostile.CROWDS):
        yield Dear(f"crowd {number} {body[:30]!r}", partial(bytes, body))
        yield Dear(f"crowd {number} {body[:30]!r}, any kind", partial(bytes, body), path="batch")
    for digits in (b"1e131071", b"9" * 5_000, b"1e400", b"-1e99999"):
        yield Dear(f"{digits[:10]!r} in metadata", partial(_item, "metadata", b'{"a":[%b]}' % digits))
        yield Dear(f"{digits[:10]!r} as money", partial(_item, "cost_usd", digits))
        yield Dear(f"{digits[:10]!r} as money in text", partial(_item, "cost_usd", b'"%b"' % digits))
    numbers = b",".join([b"9" * 5_000] * 1_000)
    yield Dear("1,000 numbers of 5,000 digits", partial(_item, "metadata", b'{"a":[%b]}' % numbers))
    keys = json.dumps({f"k{n}": 1 for n in range(200_000)}).encode()
    yield Dear("200,000 keys", partial(_item, "metadata", keys))
    yield Dear("a key of 1 MB", partial(_item, "metadata", b'{"%b":1}' % (b"k" * MEGABYTE)))
    yield Dear("100,000 levels", partial(_item, "metadata", b"[" * 100_000 + b"]" * 100_000))
    yield Dear("20 texts of 1 MB with a wide sign", partial(_texts, 20, MEGABYTE, "😀"), GZIP)
    yield Dear("20 lines of 1 MB with a wide sign", partial(_texts, 20, MEGABYTE, "😀", b"\n"), GZIP)
    yield Dear("a text of 20 MB with a wide sign", partial(_texts, 1, 20 * MEGABYTE, "😀"), GZIP)


def large() -> Iterator[Dear]:
    """What is taken though it is large: as much as may be sent of each."""
    for texts, size, sign in ((20, MEGABYTE, "x"), (20, MEGABYTE, "’"), (10, MEGABYTE, "😀"), (5, MEGABYTE, "😀")):
        yield Dear(f"{texts} texts of 1 MB with {sign}", partial(_texts, texts, size, sign), GZIP)
    yield Dear("1,000 texts of 20 kB with ’", partial(_texts, 1_000, 20_000, "’"), GZIP)
    yield Dear("a text of 20 MB", partial(_texts, 1, 20 * MEGABYTE, "x"), GZIP)


def _item(field_name: str, value: bytes) -> bytes:
    return b'[{"feature":"a","%b":%b}]' % (field_name.encode(), value)


def _array(unit: bytes) -> bytes:
    return gzip.compress(b"[" + unit * (20 * MEGABYTE // len(unit)), 9)


def _texts(count: int, size: int, sign: str, between: bytes = b"") -> bytes:
    """So many interactions in gzip, each with a text of one size that ends in a sign: an array, or what stands between."""
    item = b'{"feature":"a","prompt":"%b"}' % (b"x" * size + sign.encode())
    items = [item] * count
    return gzip.compress(between.join(items) if between else b"[" + b",".join(items) + b"]", 6)


@dataclass
class Costs:
    """What dear requests cost, and what became of them."""

    seen: Seen
    longest_s: float
    heaviest_mib: float
    unexpected: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether all were answered as they must be, soon and cheaply, by one process that lives on."""
        is_cheap = self.seen.hardest[0] <= self.longest_s and self.seen.heaviest[0] <= self.heaviest_mib
        return is_cheap and not (self.seen.errors or self.unexpected)

    def __str__(self) -> str:
        said = "".join(f"; {one}" for one in self.unexpected[:5])
        return f"{self.seen}; bars {1000 * self.longest_s:.0f} ms, {self.heaviest_mib:.0f} MiB{said}"


def _ask(ground: Ground, requests: Iterable[Dear], costs: Callable[[Seen], Costs], good: set[int]) -> Costs:
    bars = costs(Seen())
    with Probe(ground.stack, ground.stack.new_key(), bars.longest_s, bars.heaviest_mib, sweeps=True) as probe:
        found = costs(probe.seen)
        for dear in requests:
            answer = probe.ask("POST", dear.path, dear.make(), dear.name, dear.headers)
            if answer.status not in good:
                found.unexpected.append(f"{answer.status} for {dear.name}")
            if answer.work_s > found.longest_s or answer.mib > found.heaviest_mib:
                found.unexpected.append(
                    f"{dear.name}: {1000 * answer.seconds:.0f} ms ({1000 * answer.work_s:.0f} of work), {answer.mib:.0f} MiB"
                )
    return found


def refused_bombs(ground: Ground) -> Costs:
    """What inflates without an end, one by one."""
    return _ask(ground, bombs(), lambda seen: Costs(seen, REFUSED_S, REFUSED_MIB), {400, 413})


def refused(ground: Ground) -> Costs:
    """All else that has to be refused, one by one."""
    return _ask(ground, ground.some(refusable()), lambda seen: Costs(seen, REFUSED_S, REFUSED_MIB), {400, 413})


def taken(ground: Ground) -> Costs:
    """The largest that is taken, one by one."""
    return _ask(ground, ground.some(large()), lambda seen: Costs(seen, TAKEN_S, TAKEN_MIB), {200})


Doing = Callable[[Stack, str, threading.Event], Callable[[], str]]
"""Begins to do something with a key until the event is set; gives what then waits for its end and tells of it."""


@dataclass(frozen=True)
class Beside:
    """How others fared beside something, and how it fared itself."""

    good_share: float
    p99_before_s: float
    p99_s: float
    is_same_process: bool
    them: str
    longest_p99_s: float

    @property
    def is_kept(self) -> bool:
        """Whether others did not wait too long, were all served, and no process was replaced."""
        return self.p99_s <= self.longest_p99_s and self.good_share == 1 and self.is_same_process

    def __str__(self) -> str:
        return (
            f"others: {self.good_share:.1%} good, p99 {1000 * self.p99_before_s:.0f} → {1000 * self.p99_s:.0f} ms"
            f"{'' if self.is_same_process else ', A NEW PROCESS'}; {self.them}"
        )


def _beside(ground: Ground, doing: Doing, longest_p99_s: float | None = None) -> Beside:
    """Others at a steady pace, before and while somebody with another project's key does something.

    Their p99 may be twice what it was before, or as long as is said.
    """
    stack = ground.stack
    key, stopping, pid = stack.new_key(), threading.Event(), stack.pids(WEB)[-1]
    with crowded(stack.port, [posts(key), posts(key), reads(key)], NEIGHBOURS, pause_s=PAUSE_S) as crowd:
        time.sleep(2)
        before = time.monotonic()
        time.sleep(BEFORE_S)
        them = doing(stack, stack.new_key(), stopping)
        began = time.monotonic()
        time.sleep(DURING_S * max(ground.share, 0.1))
        ended = time.monotonic()
        stopping.set()
        said = them()
    asked, usual = _shots(crowd, began, ended), _p99(_shots(crowd, before, began))
    return Beside(
        sum(status == 200 for _, status in asked) / max(1, len(asked)), usual, _p99(asked),
        stack.pids(WEB)[-1:] == [pid], said, longest_p99_s or MOST_SLOWER * usual + JITTER_S,
    )  # fmt: skip


def _shots(crowd: Crowd, start: float, end: float) -> list[tuple[float, int]]:
    still = [(end - began, 200) for began in list(crowd.open_since.values()) if began < end]
    return sorted(
        [(shot.seconds, shot.status) for shot in list(crowd.shots) if shot.ended >= start and shot.began < end] + still
    )


def _p99(shots: Sequence[tuple[float, int]]) -> float:
    return shots[len(shots) * 99 // 100][0] if shots else 0.0


def slow_clients(ground: Ground) -> Beside:
    """Two hundred clients that say what they will send, and then send a byte a second."""
    return _beside(ground, _drip)


def _drip(stack: Stack, key: str, stopping: threading.Event) -> Callable[[], str]:
    head = f"POST /api/v1/interactions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    wires = []
    for _ in range(SLOW_CLIENTS):
        wires.append(socket.create_connection(("127.0.0.1", stack.port), 10))
        wires[-1].sendall(f"{head}Content-Length: 100000\r\n\r\n[".encode())

    def run() -> None:
        while not stopping.wait(DRIP_S):
            for wire in wires:
                with _broken():
                    wire.send(b" ")

    dripping = threading.Thread(target=run)
    dripping.start()

    def end() -> str:
        dripping.join()
        refused_soon = sum(_has_answer(wire) for wire in wires)
        for wire in wires:
            wire.close()
        return f"{SLOW_CLIENTS} slow clients, {refused_soon} of them refused"

    return end


@contextmanager
def _broken() -> Iterator[None]:
    """Do not mind that the other side has hung up."""
    try:
        yield
    except OSError:
        return


def _has_answer(wire: socket.socket) -> bool:
    wire.settimeout(0)
    try:
        return wire.recv(12).startswith(b"HTTP/1.1 4")
    except BlockingIOError:
        return False
    except OSError:
        return True


def dear_neighbour(ground: Ground) -> Beside:
    """Somebody who sends what has to be refused, one after the other without a pause.

    Each takes the interpreter for up to a fifth of a second, which others wait for: no factor is promised, but a bound.
    """
    return _beside(ground, _send_on, BESIDE_DEAR_P99_S)


def _send_on(stack: Stack, key: str, stopping: threading.Event) -> Callable[[], str]:
    requests = [(dear, dear.make()) for dear in (*bombs(), *refusable())]
    sent: list[int] = []

    def run() -> None:
        with Probe(stack, key, REFUSED_S, REFUSED_MIB) as probe:
            while not stopping.is_set():
                dear, body = requests[len(sent) % len(requests)]
                sent.append(probe.once("POST", dear.path, body, dear.headers))

    sending = threading.Thread(target=run)
    sending.start()

    def end() -> str:
        sending.join()
        return f"{len(sent)} dear requests, {sum(400 <= status < 500 for status in sent)} refused"

    return end


CAMPAIGN = Campaign(
    "S5",
    {
        "bombs": refused_bombs,
        "refused": refused,
        "taken": taken,
        "slow clients": slow_clients,
        "dear neighbour": dear_neighbour,
    },
    {
        "inflated_at_once": Planted(refused_bombs, lambda found: len(found.unexpected)),
        "everybody_enters": Planted(slow_clients, lambda found: not found.is_kept, share=0.3),
    },
    beside=("gives_back",),
)
