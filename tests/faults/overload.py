"""R4: what clients see while the database is slow, dead or frozen, and afterwards."""

import http.client
import itertools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.stack import descendants

LONGEST_ANSWER_S = 6.0
HUNG_AFTER_S = 10.0
GIVE_UP_S = 60.0
MOST_GROWTH_MB = 100
RECOVERED = 0.9
RECOVERED_WITHIN_S = 10.0
HONEST = {200, 429, 503}


@dataclass(frozen=True)
class Ask:
    """One kind of request, in turn with others."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    is_post: bool = False


@dataclass(frozen=True)
class Shot:
    """One request that came to an end; status 0 when the connection broke."""

    began: float
    ended: float
    status: int
    path: str
    retry_after: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class Crowd:
    """Clients that ask one after the other and note what came of it."""

    port: int
    asks: Sequence[Ask]
    pause_s: float = 0.0
    items: int = 5
    shots: list[Shot] = field(default_factory=list)
    open_since: dict[str, float] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, number: int) -> None:
        """One client's life: it honours Retry-After as far as a test has the time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GIVE_UP_S)
        for count, ask in enumerate(itertools.islice(itertools.cycle(self.asks), number, None)):
            if self.stopping.is_set():
                break
            name = f"{number}-{count}"
            began = self.open_since[name] = time.monotonic()
            status, retry_after = self._ask(connection, ask, name)
            if not status:  # a kept connection may have been closed meanwhile; every client tries once more
                status, retry_after = self._ask(connection, ask, name)
            self.shots.append(Shot(began, time.monotonic(), status, ask.path, retry_after))
            self.open_since.pop(name)
            self.stopping.wait(0.2 if status in {0, 429, 503} else self.pause_s)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, ask: Ask, name: str) -> tuple[int, str]:
        body = None
        headers = dict(ask.headers)
        if ask.is_post:
            body = json.dumps([{"id": f"{name}-{n}", "feature": "a", "prompt": "x" * 500} for n in range(self.items)])
            headers["Content-Type"] = "application/json"
        try:
            connection.request(ask.method, ask.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, ""


def posts(key: str) -> Ask:
    """Posting interactions."""
    return Ask("POST", "/api/v1/interactions", (("Authorization", f"Bearer {key}"),), is_post=True)


def reads(key: str) -> Ask:
    """Reading a list."""
    return Ask("GET", "/api/v1/interactions?limit=1", (("Authorization", f"Bearer {key}"),))


@contextmanager
def crowded(port: int, asks: Sequence[Ask], clients: int, *, pause_s: float = 0.0, items: int = 5) -> Iterator[Crowd]:
    """Let clients ask while the block runs; those that hang are left to their fate."""
    crowd = Crowd(port, asks, pause_s, items)
    threads = [threading.Thread(target=crowd.run, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield crowd
    finally:
        crowd.stopping.set()
        for thread in threads:
            thread.join(HUNG_AFTER_S)


@contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    """SIGSTOP the server and all it started while the block runs."""
    pids = [postmaster, *descendants(postmaster)]
    _signal(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def resident_mb(pid: int) -> float:
    """The memory of a process and what it started."""
    return sum(_resident_kb(one) for one in (pid, *descendants(pid))) / 1024


def _resident_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")), 0)


@dataclass(frozen=True)
class Seen:
    """What a crowd saw of a fault."""

    p99_s: float
    late: int
    hung: int
    statuses: dict[int, int]
    growth_mb: float
    rate_before: float
    rate_after: float
    without_retry_after: int

    @property
    def is_kept(self) -> bool:
        """Whether R4 holds."""
        return (
            self.p99_s <= LONGEST_ANSWER_S
            and not self.hung
            and set(self.statuses) <= HONEST
            and not self.without_retry_after
            and self.growth_mb < MOST_GROWTH_MB
            and self.rate_after >= RECOVERED * self.rate_before
        )

    def __str__(self) -> str:
        return (
            f"p99 {self.p99_s:.2f} s, {self.late} late, {self.hung} hung, {self.statuses}, {self.growth_mb:+.0f} MB, "
            f"{self.rate_before:.0f} → {self.rate_after:.0f} /s afterwards"
        )


def seen(crowd: Crowd, before: float, began: float, ended: float, until: float, growth_mb: float) -> Seen:
    """Judge what happened: before, from `began` to `ended` the fault, and then until `until`."""
    during = [shot for shot in list(crowd.shots) if shot.ended >= began and shot.began <= ended]
    still = [began_at for began_at in list(crowd.open_since.values()) if began_at <= ended]
    seconds = sorted([shot.seconds for shot in during] + [until - began_at for began_at in still])
    refused = [shot for shot in during if shot.status in {429, 503}]
    return Seen(
        p99_s=seconds[len(seconds) * 99 // 100] if seconds else 0.0,
        late=sum(one > LONGEST_ANSWER_S for one in seconds),
        hung=sum(one > HUNG_AFTER_S for one in seconds),
        statuses=dict(Counter(shot.status for shot in during)),
        growth_mb=growth_mb,
        rate_before=_rate(crowd, before, began),
        rate_after=max((_rate(crowd, at, at + 1.0) for at in _steps(ended, until)), default=0.0),
        without_retry_after=sum(not shot.retry_after for shot in refused),
    )


def _rate(crowd: Crowd, start: float, end: float) -> float:
    """Good answers per second."""
    return sum(shot.status == 200 and start <= shot.ended < end for shot in list(crowd.shots)) / (end - start)


def _steps(start: float, end: float) -> Iterator[float]:
    while start + 1.0 <= min(end, start + RECOVERED_WITHIN_S):
        yield start
        start += 0.5
