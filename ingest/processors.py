"""Whether others want the machine's processors: work that can wait looks before it begins."""

import psutil

FULL = 0.85
OF_OTHERS = 0.25


class Watch:
    """What the processors have done from one look to the next."""

    def __init__(self) -> None:
        self._idle_s, self._all_s = _times()

    def is_crowded(self, own_s: float) -> bool:
        """Whether since the last look hardly a processor was idle, and not because of the caller alone.

        Of that time the caller was at work for `own_s` seconds, on one processor at once, those of its database
        included. A look too soon after the last one sees no crowd.
        """
        was_idle_s, was_all_s = self._idle_s, self._all_s
        self._idle_s, self._all_s = _times()
        passed_s = self._all_s - was_all_s
        busy_s = passed_s - (self._idle_s - was_idle_s)
        return passed_s > 0 and busy_s > FULL * passed_s and busy_s - own_s > OF_OTHERS * passed_s


def _times() -> tuple[float, float]:
    """Seconds since the start of the machine, of all its processors together: idle, and all."""
    times = psutil.cpu_times()
    return times.idle + getattr(times, "iowait", 0.0), sum(times[:8])  # what guests had is in `user` already
