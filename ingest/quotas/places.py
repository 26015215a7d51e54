"""Who may work at once in a web process: a place for each, handed on from project to project in turn.

A request is *inside* from the moment its key is known; it *works* while it parses, computes and asks the database. All
that is inside and does not work waits, reads a slow client's body, or writes an answer. A project that is alone may use
nearly every place; one that floods fills its own line and nobody else's. Requests with a browser's key, which is public,
are inside by a share of their own, so that whoever has read a page's source cannot keep the project's own apps out.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

# Threads of a web process. They are made when needed; most of them wait for a place, or for a slow client.
THREADS = 128
BODY_BYTES = 64 << 20
T = TypeVar("T")
_Share = tuple[int, bool]
"""A project, and whether its browsers' part of the room is meant."""


class Crowded(Exception):
    """A project has so much inside already that nothing more of it is let in."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__("This project has too many requests under way at once. Send the same again in a moment.")


class NoPlace(Exception):
    """Nobody left in time."""


@dataclass(frozen=True)
class Room:
    """How much there is room for. `each_*` is one project's share, smaller than the whole."""

    working: int
    each_working: int
    each_inside: int
    body_bytes: int
    each_body_bytes: int
    browsers_inside: int = THREADS // 4
    each_browsers_inside: int = THREADS // 8

    @classmethod
    def of(cls, connections: int, threads: int = THREADS, body_bytes: int = BODY_BYTES) -> "Room":
        """What a process with so many database connections has room for.

        One connection is left to pages and to keys that are looked up, one place to whoever else comes, and a quarter
        of the threads and of the memory for bodies to other projects.
        """
        working = max(1, connections - 1)
        return cls(working, max(1, working - 1), max(1, threads * 3 // 4), body_bytes, body_bytes * 3 // 4)


@dataclass
class _Turn:
    """One that waits: its lock is free once it has a place."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    has_place: bool = False

    def __post_init__(self) -> None:
        self.lock.acquire()


@dataclass
class _Held:
    """A place that somebody has, until it is given up."""

    places: "Places"
    project_id: int
    is_given_up: bool = False

    def give_up(self) -> None:
        if not self.is_given_up:
            self.is_given_up = True
            self.places.hand_on(self.project_id)


_mine: ContextVar[_Held | None] = ContextVar("observatory_place", default=None)


def step_aside() -> None:
    """Give up this request's place for good: it only waits for somebody else's work now."""
    held = _mine.get()
    if held is not None:
        held.give_up()


class Places:
    """The places of one process."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._guard = threading.Lock()
        self._inside: dict[_Share, int] = {}
        self._bytes: dict[_Share, int] = {}
        self._browsers = 0
        self._all_bytes = 0
        self._working: dict[int, int] = {}
        self._all_working = 0
        self._lines: OrderedDict[int, deque[_Turn]] = OrderedDict()

    def enter(self, project_id: int, body_bytes: int, *, is_browser: bool = False) -> None:
        """Let one request in, with a body of so many bytes. Raises Crowded."""
        share = (project_id, is_browser)
        with self._guard:
            inside, own = self._inside.get(share, 0), self._bytes.get(share, 0)
            if not self._has_room_for(inside, is_browser) or (own and not self._has_memory_for(own, body_bytes)):
                raise Crowded
            self._inside[share] = inside + 1
            self._bytes[share] = own + body_bytes
            self._all_bytes += body_bytes
            self._browsers += is_browser

    def grow(self, project_id: int, more_bytes: int, *, is_browser: bool = False) -> None:
        """Keep more of the body of a request that is inside: it is longer than it was taken for. Raises Crowded."""
        share = (project_id, is_browser)
        with self._guard:
            own = self._bytes.get(share, 0)
            if not self._has_memory_for(own, more_bytes):
                raise Crowded
            self._bytes[share] = own + more_bytes
            self._all_bytes += more_bytes

    def leave(self, project_id: int, body_bytes: int, *, is_browser: bool = False) -> None:
        """Let a request out again, with what it came in with."""
        share = (project_id, is_browser)
        with self._guard:
            _less(self._inside, share, 1)
            _less(self._bytes, share, body_bytes)
            self._all_bytes -= body_bytes
            self._browsers -= is_browser

    @contextmanager
    def working(self, project_id: int, patience_s: float) -> Iterator[None]:
        """Wait for a place and keep it while the block runs, or until it steps aside. Raises NoPlace when none comes free."""
        turn = self._ask(project_id)
        if turn and not turn.lock.acquire(timeout=patience_s) and self._gives_up(project_id, turn):
            raise NoPlace
        held = _Held(self, project_id)
        token = _mine.set(held)
        try:
            yield
        finally:
            _mine.reset(token)
            held.give_up()

    def hand_on(self, project_id: int) -> None:
        """Free a place and give it to the next project whose turn it is."""
        with self._guard:
            _less(self._working, project_id, 1)
            self._all_working -= 1
            for waiting in self._lines:
                if self._has_place_for(waiting):
                    self._give(waiting)
                    return

    def _ask(self, project_id: int) -> _Turn | None:
        """Take a place at once, or stand in the project's line."""
        with self._guard:
            if self._has_place_for(project_id):
                self._take(project_id)
                return None
            turn = _Turn()
            self._lines.setdefault(project_id, deque()).append(turn)
            return turn

    def _gives_up(self, project_id: int, turn: _Turn) -> bool:
        """Leave the line; False when a place came in the last moment."""
        with self._guard:
            if turn.has_place:
                return False
            line = self._lines[project_id]
            line.remove(turn)
            if not line:
                del self._lines[project_id]
            return True

    def _has_room_for(self, inside: int, is_browser: bool) -> bool:
        if is_browser:
            return inside < self.room.each_browsers_inside and self._browsers < self.room.browsers_inside
        return inside < self.room.each_inside

    def _has_memory_for(self, own: int, more: int) -> bool:
        """Whether another body of a share fits. The first is not asked: its length was held against the limit before."""
        return own + more <= self.room.each_body_bytes and self._all_bytes + more <= self.room.body_bytes

    def _has_place_for(self, project_id: int) -> bool:
        return self._all_working < self.room.working and self._working.get(project_id, 0) < self.room.each_working

    def _take(self, project_id: int) -> None:
        self._working[project_id] = self._working.get(project_id, 0) + 1
        self._all_working += 1

    def _give(self, project_id: int) -> None:
        line = self._lines[project_id]
        turn = line.popleft()
        self._lines.move_to_end(project_id)
        if not line:
            del self._lines[project_id]
        self._take(project_id)
        turn.has_place = True
        turn.lock.release()


def _less(counts: dict[T, int], key: T, by: int) -> None:
    """Count down, and forget who has nothing left."""
    left = counts.get(key, 0) - by
    if left > 0:
        counts[key] = left
    else:
        counts.pop(key, None)
