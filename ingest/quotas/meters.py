"""The buckets of one process: as many as are in use, and never more than a fixed number."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from ingest.quotas import bucket
from ingest.quotas.bucket import Level, Limit, Reading

MOST = 20_000


class Meter:
    """Buckets by key. The one that was used least recently is forgotten first: by then it is likely full anyway."""

    def __init__(self, most: int = MOST) -> None:
        self._lock = threading.Lock()
        self._levels: OrderedDict[Hashable, Level] = OrderedDict()
        self._most = most

    def take(self, key: Hashable, limit: Limit, units: float, now: float) -> Reading:
        """Take units out of a bucket, if anything is in it."""
        with self._lock:
            self._levels[key], reading = bucket.take(limit, self._levels.get(key), units, now)
            self._levels.move_to_end(key)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return reading
