"""Whose turn it is in a slice of work: who has waited longest goes first, and waiting begins anew with each failure.

Work that fails slowly (a statement may take a minute, a slice has two seconds) would otherwise stand first in every
slice, and those behind it would never get anything. Failures are remembered by the process that met them.
"""

import logging
import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db import connection

from ingest.timeline import EPOCH

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """How a slice's turns went: how many `failed`; `left`: the time ended before everybody's turn came."""

    failed: int = 0
    left: bool = False


class Turns(Generic[T]):
    """The turns of one kind of work in this process.

    `key` tells who it is from slice to slice, `since` from when on they wait (None: longer than anybody).
    """

    def __init__(self, work: str, key: Callable[[T], Hashable], since: Callable[[T], datetime | None]) -> None:
        self._work = work
        self._key = key
        self._since = since
        self._failed_at: dict[Hashable, datetime] = {}

    def in_order(self, waiting: Collection[T]) -> list[T]:
        """Who comes when: those who neither waited longer nor failed later stay in the order they came in."""
        known = {self._key(one) for one in waiting}
        self._failed_at = {key: at for key, at in self._failed_at.items() if key in known}
        return sorted(waiting, key=self._waits_since)

    def take(self, waiting: Collection[T], work: Callable[[T], object], now: datetime, deadline: float) -> Taken:
        """Give each a turn until the deadline (in `time.monotonic`); the first one's comes however late it is.

        One that fails is logged and never stops the others. Raises what has broken the connection.
        """
        failed = 0
        for place, one in enumerate(self.in_order(waiting)):
            if place and time.monotonic() > deadline:
                return Taken(failed, left=True)
            try:
                work(one)
                self._failed_at.pop(self._key(one), None)
            except Exception:
                if not connection.is_usable():
                    raise
                log.exception("%s %s failed; another turn will come", self._work, self._key(one))
                self._failed_at[self._key(one)] = now
                failed += 1
        return Taken(failed)

    def _waits_since(self, one: T) -> datetime:
        return max(self._since(one) or EPOCH, self._failed_at.get(self._key(one), EPOCH))
