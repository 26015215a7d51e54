"""R4 at length: every fault for half a minute, a planted bug, and one project at fifty times the load of others."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from observatory.embedded import place
from observatory.embedded.place import SOCKET_NAME
from tests.faults import overload
from tests.faults.campaign import Campaign, Ground, Part, Planted
from tests.faults.overload import Ask, Crowd, Seen, crowded, frozen, posts, reads, seen
from tests.faults.proxy import Proxy, by_way_of
from tests.faults.stack import DATABASE, WEB, Stack

CLIENTS = 48
BEFORE_S, FAULT_S, AFTER_S = 8.0, 30.0, 12.0
FLOOD_CLIENTS, FLOOD_ITEMS, FLOOD_S = 60, 100, 20.0
GOOD_SHARE, LONGEST_P99_S = 0.95, 2.0
Fault = Callable[[Stack, Proxy], AbstractContextManager[None]]


@contextmanager
def _frozen(stack: Stack, proxy: Proxy) -> Iterator[None]:
    with frozen(stack.pids(DATABASE)[0]):
        yield


@contextmanager
def _dead(stack: Stack, proxy: Proxy) -> Iterator[None]:
    stack.kill(DATABASE)
    yield
    stack.start([DATABASE])


def _by(change: Callable[[Proxy], None]) -> Fault:
    @contextmanager
    def fault(stack: Stack, proxy: Proxy) -> Iterator[None]:
        change(proxy)
        yield
        proxy.forward()

    return fault


FAULTS: Mapping[str, Fault] = {
    "frozen": _frozen,
    "dead": _dead,
    "black hole": _by(lambda proxy: proxy.black_hole()),
    "50 ms late": _by(lambda proxy: proxy.delay(0.05)),
    "2,000 bytes a second": _by(lambda proxy: proxy.drip(2_000)),
    "reset": _by(lambda proxy: proxy.reset()),
    "half closed": _by(lambda proxy: proxy.half_close()),
}
LASTING = {"frozen", "dead", "black hole"}
"""The faults under which nothing good can be answered; the others end at once, or only slow down."""


@dataclass(frozen=True)
class Borne:
    """How a fault was borne."""

    seen: Seen
    is_lasting: bool

    @property
    def is_kept(self) -> bool:
        """Whether it was borne as promised, and was a fault at all."""
        return self.seen.is_kept and (not self.is_lasting or self.seen.statuses.get(503, 0) > CLIENTS)

    def __str__(self) -> str:
        return str(self.seen)


@dataclass(frozen=True)
class Flooded:
    """What the other projects had of a flood."""

    good_share: float
    p99_before_s: float
    p99_s: float
    flood: dict[int, int]

    @property
    def is_kept(self) -> bool:
        """Whether R4's last clause holds."""
        return self.good_share >= GOOD_SHARE and self.p99_s <= LONGEST_P99_S

    def __str__(self) -> str:
        return (
            f"others: {self.good_share:.1%} good, p99 {1000 * self.p99_before_s:.0f} → {1000 * self.p99_s:.0f} ms; "
            f"the flood: {self.flood}"
        )


def bearing(name: str) -> Part:
    """The part in which a web behind the fault proxy bears one fault."""

    def part(ground: Ground) -> Borne:
        stack = ground.stack
        found = place.existing(stack.data_dir)
        assert found is not None
        with Proxy(str(found.run / SOCKET_NAME)) as proxy:
            stack.detours[WEB] = {"DATABASE_URL": by_way_of(proxy, stack.urls.app)}
            try:
                stack.halt([WEB])
                stack.start([DATABASE, WEB])
                fault = FAULTS[name]
                return Borne(suffer(stack, stack.new_key(), lambda: fault(stack, proxy), ground.share), name in LASTING)
            finally:
                stack.kill(WEB)  # which may hang, as one with a planted bug does
                del stack.detours[WEB]

    return part


def suffer(stack: Stack, key: str, fault: Callable[[], AbstractContextManager[None]], share: float) -> Seen:
    """A crowd before, during and after a fault."""
    asks = [*[posts(key)] * 8, reads(key), Ask("GET", "/readyz")]
    pid = stack.pids(WEB)[0]
    with crowded(stack.port, asks, CLIENTS) as crowd:
        time.sleep(2)
        before, memory = time.monotonic(), overload.resident_mb(pid)
        time.sleep(BEFORE_S)
        began, peak = time.monotonic(), memory
        with fault():
            while time.monotonic() < began + FAULT_S * share:
                peak = max(peak, overload.resident_mb(pid))
                time.sleep(0.5)
        ended = time.monotonic()
        time.sleep(AFTER_S)
        return seen(crowd, before, began, ended, time.monotonic(), peak - memory)


def flood(ground: Ground) -> Flooded:
    """Three projects at a steady pace, then a fourth that posts as fast as it can."""
    stack = ground.stack
    keys = [stack.new_key() for _ in range(4)]
    with ExitStack() as around:
        others = [
            around.enter_context(crowded(stack.port, [posts(key), posts(key), reads(key)], 2, pause_s=0.1))
            for key in keys[1:]
        ]
        time.sleep(2)
        before = time.monotonic()
        time.sleep(BEFORE_S)
        began = time.monotonic()
        with crowded(stack.port, [posts(keys[0])], FLOOD_CLIENTS, items=FLOOD_ITEMS) as flooding:
            time.sleep(FLOOD_S * ground.share)
            ended = time.monotonic()
    return Flooded(
        _good_share(others, began, ended),
        _p99(others, before, began),
        _p99(others, began, ended),
        dict(Counter(shot.status for shot in flooding.shots)),
    )


def _good_share(crowds: list[Crowd], start: float, end: float) -> float:
    asked = [shot.status == 200 for crowd in crowds for shot in crowd.shots if start <= shot.began < end]
    return sum(asked) / len(asked) if asked else 0.0


def _p99(crowds: list[Crowd], start: float, end: float) -> float:
    seconds = sorted(shot.seconds for crowd in crowds for shot in crowd.shots if start <= shot.began < end)
    return seconds[len(seconds) * 99 // 100] if seconds else 0.0


CAMPAIGN = Campaign(
    "R4",
    {name: bearing(name) for name in FAULTS} | {"flood": flood},
    {"no_deadline": Planted(bearing("frozen"), lambda borne: borne.seen.late)},
)
