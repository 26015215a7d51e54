"""The way in for whoever sends or asks with a key: room first, then quotas, then a place to work.

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
from typing import TypeVar

from django.conf import settings
from rest_framework.request import Request

from ingest.api import browsers
from ingest.api.body import USUAL, refuse_beyond
from ingest.api.incoming import Incoming
from ingest.database import Unavailable, steadfast
from ingest.driver import patience
from ingest.projects.access import KeyHolder
from ingest.quotas.bucket import Limit
from ingest.quotas.headers import OverQuota, Told, fields
from ingest.quotas.meters import Meter
from ingest.quotas.places import NoPlace, Places, Room
from ingest.refusals import Malformed

PLACE_WITHIN_S = 4.0
UNANNOUNCED_BYTES = 1 << 20  # what a body in chunks is taken for, and by how much it may grow beyond that at once
# What a refused sender may still write before it is answered: many clients look for an answer only then.
MOST_DRAINED, MOST_DRAINED_OF_BROWSERS = 32 << 20, 1 << 20
T = TypeVar("T")
_meter = Meter()


class _Stay:
    """One request's room in this process, and what its body takes of the memory."""

    def __init__(self, project_id: int, *, is_browser: bool) -> None:
        self._project_id, self._is_browser = project_id, is_browser
        self._bytes = 0

    def begin(self, body_bytes: int | None, most: int) -> None:
        """Take room for the request and for its body; none for a body too large to be kept. Raises Crowded."""
        weight = min(UNANNOUNCED_BYTES, most) if body_bytes is None else body_bytes * (body_bytes <= most)
        places().enter(self._project_id, weight, is_browser=self._is_browser)
        self._bytes = weight

    def grow(self, body_bytes: int) -> None:
        """Take more for a body of which so much has come by now. Raises Crowded."""
        if body_bytes > self._bytes:
            places().grow(self._project_id, UNANNOUNCED_BYTES, is_browser=self._is_browser)
            self._bytes += UNANNOUNCED_BYTES

    def end(self) -> None:
        """Give all of it back."""
        places().leave(self._project_id, self._bytes, is_browser=self._is_browser)


class Entrance:
    """One request that was let in."""

    def __init__(self, request: Request, holder: KeyHolder) -> None:
        self._request = request
        self._holder = holder
        self._told: dict[str, Told] = {}
        self._headers = request.parser_context["view"].headers  # of whatever answer the view will give
        self.is_browser = browsers.is_browser_key(holder)
        self.limits = browsers.LIMITS if self.is_browser else USUAL

    def tell(self) -> None:
        """Put into the answer where the quotas stand, whatever becomes of the request."""
        self._note([told for name in UNITS if (told := self._taken(name, 0))])

    def let_in(self, body_bytes: int | None) -> None:
        """Charge for the request itself, and for the body that it announces. Raises TooLarge, uncharged, or OverQuota."""
        refuse_beyond(self.limits.travelling, body_bytes)
        if self.is_browser:
            self._admit(browsers.measures(self._holder, self._request.META, 1))
        self._charge("bytes", body_bytes or 0)
        self._charge("events", 0)

    def count(self, events: int) -> None:
        """Charge for the items of a body. Raises OverQuota: nothing of the request is stored then."""
        if self.is_browser and events > 1:
            self._admit(browsers.measures(self._holder, self._request.META, events - 1))
        self._charge("events", events)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Wait for a place and keep it. Raises Unavailable when none comes free in time."""
        with working(self._holder.project_id):
            yield

    def pay_for(self, body_bytes: int) -> None:
        """Charge for a body whose length was not announced; a debt is paid before the next request.

        Nobody pays for more than may be sent: what was read beyond that was refused.
        """
        self._taken("bytes", min(body_bytes, self.limits.travelling))

    def _charge(self, name: str, units: int) -> None:
        told = self._taken(name, units)
        if told:
            self._admit([told])

    def _taken(self, name: str, units: int) -> Told | None:
        """Where a quota of the project stands once units were taken out of it; None without one.

        Its browsers have quotas of their own, of the same size: what they send never takes from its servers.
        """
        limit = _limit(self._holder, name)
        if limit is None:
            return None
        reading = _meter.take((name, self._holder.project_id, self.is_browser), limit, units, time.monotonic())
        return Told(name, UNITS[name], limit, reading)

    def _admit(self, told: list[Told]) -> None:
        self._note(told)
        if not all(one.reading.is_admitted for one in told):
            raise OverQuota(self._shown())

    def _note(self, told: list[Told]) -> None:
        """Put into the answer, whatever it will be, where the quotas stand."""
        self._told |= {one.name: one for one in told}
        self._headers.update(fields(self._shown()))

    def _shown(self) -> list[Told]:
        """The quotas that the sender is told of: a page only of what its own address may send."""
        return [told for name, told in self._told.items() if not self.is_browser or name == browsers.OWN]


UNITS = {"bytes": "content-bytes", "events": "events"}


def _limit(holder: KeyHolder, name: str) -> Limit | None:
    """The project's own rate, else the installation's; 0 and none at all are no limit."""
    own = holder.events_per_second if name == "events" else holder.bytes_per_second
    usual = settings.EVENTS_PER_SECOND if name == "events" else settings.BYTES_PER_SECOND
    per_second = usual if own is None else own
    return Limit.steady(per_second) if per_second else None


@contextmanager
def entered(request: Request, holder: KeyHolder) -> Iterator[Entrance]:
    """Let a request with a body in, or raise Crowded, TooLarge or OverQuota; nothing of the body has been read by then.

    What is refused for its body is read to its end all the same, up to a bound: most clients see an answer only when
    they have written all that they have.
    """
    entrance = Entrance(request, holder)
    stay = _Stay(holder.project_id, is_browser=entrance.is_browser)
    body = request.META["wsgi.input"] = Incoming(request.META, stay.grow)
    entrance.tell()
    stay.begin(body.announced, entrance.limits.travelling)
    try:
        entrance.let_in(body.announced)
        yield entrance
    except Malformed:
        body.drain(MOST_DRAINED_OF_BROWSERS if entrance.is_browser else MOST_DRAINED)
        raise
    finally:
        # Request and view hold each other through it, and the server's buffers with them until somebody collects.
        request.parser_context = {}
        stay.end()
        if body.announced is None:
            entrance.pay_for(body.bytes)


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
