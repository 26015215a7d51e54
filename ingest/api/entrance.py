"""The way in for whoever sends or asks with a key: quotas first, then room, then a place to work.

with entered(request, holder) as entrance:      # before a byte of the body is read
    body = …
    with entrance.at_work():                    # before it is inflated, parsed or stored
        …
        entrance.count(events)                  # before the database is asked for anything
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from ingest.api import browsers
from ingest.api.body import announced_length
from ingest.database import Unavailable, steadfast
from ingest.driver import patience
from ingest.projects.access import KeyHolder
from ingest.quotas.bucket import Limit
from ingest.quotas.headers import OverQuota, Told, fields
from ingest.quotas.meters import Meter
from ingest.quotas.places import NoPlace, Places, Room

PLACE_WITHIN_S = 4.0
UNANNOUNCED_BYTES = 1 << 20  # what a body in chunks is taken for
R = TypeVar("R", bound=HttpResponse)
T = TypeVar("T")
_meter = Meter()


class _Counted:
    """A body's stream that knows how much of it was read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int) -> bytes:
        """Up to so many bytes; nothing at the end."""
        piece: bytes = self._stream.read(size)
        self.bytes += len(piece)
        return piece


class Entrance:
    """One request that was let in."""

    def __init__(self, request: Request, holder: KeyHolder) -> None:
        self._request = request
        self._holder = holder
        self._told: dict[str, Told] = {}
        self.is_browser = browsers.is_browser_key(holder)

    def let_in(self, body_bytes: int) -> None:
        """Charge for the request itself. Raises OverQuota."""
        self._charge("bytes", body_bytes)
        self._charge("events", 0)
        if self.is_browser:
            self._note(browsers.measures(self._holder, self._request.META, 1))

    def count(self, events: int) -> None:
        """Charge for the items of a body. Raises OverQuota: nothing of the request is stored then."""
        self._charge("events", events)
        if self.is_browser and events > 1:
            self._note(browsers.measures(self._holder, self._request.META, events - 1))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Wait for a place and keep it. Raises Unavailable when none comes free in time."""
        with working(self._holder.project_id):
            yield

    def tell(self, answer: R) -> R:
        """Put into an answer where the quotas stand."""
        for name, value in fields(list(self._told.values())).items():
            answer[name] = value
        return answer

    def pay_for(self, body_bytes: int) -> None:
        """Charge for a body whose length was not announced; a debt is paid before the next request."""
        limit = _limit(self._holder, "bytes")
        if limit:
            _meter.take(("bytes", self._holder.project_id), limit, body_bytes, time.monotonic())

    def _charge(self, name: str, units: int) -> None:
        limit = _limit(self._holder, name)
        if limit is None:
            return
        reading = _meter.take((name, self._holder.project_id), limit, units, time.monotonic())
        self._note([Told(name, UNITS[name], limit, reading)])

    def _note(self, told: list[Told]) -> None:
        self._told |= {one.name: one for one in told}
        if not all(one.reading.is_admitted for one in told):
            raise OverQuota(list(self._told.values()))


UNITS = {"events": "events", "bytes": "content-bytes"}


def _limit(holder: KeyHolder, name: str) -> Limit | None:
    """The project's own rate, else the installation's; 0 and none at all are no limit."""
    own = holder.events_per_second if name == "events" else holder.bytes_per_second
    usual = settings.EVENTS_PER_SECOND if name == "events" else settings.BYTES_PER_SECOND
    per_second = usual if own is None else own
    return Limit.steady(per_second) if per_second else None


@contextmanager
def entered(request: Request, holder: KeyHolder) -> Iterator[Entrance]:
    """Let a request with a body in, or raise OverQuota or Crowded; nothing of the body has been read by then."""
    length = announced_length(request.META)
    weight = UNANNOUNCED_BYTES if length is None else length
    entrance = Entrance(request, holder)
    entrance.let_in(length or 0)
    counted = _Counted(request.META["wsgi.input"])
    places().enter(holder.project_id, weight)
    try:
        request.META["wsgi.input"] = counted
        yield entrance
    finally:
        # Request and view hold each other through it, and the server's buffers with them until somebody collects.
        request.parser_context = {}
        places().leave(holder.project_id, weight)
        if length is None:
            entrance.pay_for(counted.bytes)


@contextmanager
def asking(project_id: int) -> Iterator[None]:
    """Let a request without a body in and give it a place to work. Raises Crowded or Unavailable."""
    places().enter(project_id, 0)
    try:
        with working(project_id):
            yield
    finally:
        places().leave(project_id, 0)


def asked(project_id: int, read: Callable[[], T]) -> T:
    """What `read` finds for a project's key, in a place to work. Raises Crowded or Unavailable."""
    with asking(project_id):
        return steadfast(read)


@contextmanager
def working(project_id: int) -> Iterator[None]:
    """A place to work for a project, within the request's patience. Raises Unavailable."""
    began = time.monotonic()
    try:
        with places().working(project_id, patience.left(PLACE_WITHIN_S) or 0.0):
            patience.spend(time.monotonic() - began)
            yield
    except NoPlace as error:
        raise Unavailable from error


@lru_cache(maxsize=1)
def places() -> Places:
    """The places of this process."""
    return Places(Room.of(settings.POOL_SIZE))
