"""Whether others want the machine's processors: work that can wait looks before it begins."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

FULL = 0.85
OF_OTHERS = 0.25


class Watch:
    """What the processors have done from one look to the next, and what of it was the caller's own work."""

    def __init__(self) -> None:
        self._idle_s, self._all_s = _times()
        self._own_s = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count this time as the caller's own: it keeps one processor at once busy, that of its database included."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._own_s += time.monotonic() - began

    def is_crowded(self) -> bool:
        """Whether since the last look hardly a processor was idle, and not because of the caller alone.

        A look too soon after the last one sees no crowd.
        """
        was_idle_s, was_all_s, own_s = self._idle_s, self._all_s, self._own_s
        (self._idle_s, self._all_s), self._own_s = _times(), 0.0
        passed_s = self._all_s - was_all_s
        busy_s = passed_s - (self._idle_s - was_idle_s)
        return passed_s > 0 and busy_s > FULL * passed_s and busy_s - own_s > OF_OTHERS * passed_s


def _times() -> tuple[float, float]:
    """Seconds since the start of the machine, of all its processors together: idle, and all."""
    times = psutil.cpu_times()
    return times.idle + getattr(times, "iowait", 0.0), sum(times[:8])  # what guests had is in `user` already
