"""How often somebody may try a password. Pure: `now` is a reading of a monotonic clock, in seconds.

A few tries are free; then each must wait, twice as long as the one before it, until a limit. A try that comes too early is
not looked at, and does not make the wait longer: whoever is kept out by somebody else's tries gets in as soon as those stop.
"""

from collections.abc import Iterable
from dataclasses import dataclass

FIRST_WAIT_S = 15
LONGEST_WAIT_S = 15 * 60
FORGOTTEN_AFTER_S = 6 * 3600


@dataclass(frozen=True)
class Failures:
    """How often in a row it went wrong, and when last."""

    count: int
    last_at: float


def wait_s(failures: Failures | None, free: int, now: float) -> float:
    """Seconds until the next try is looked at; 0 when it may come now."""
    if failures is None or failures.count < free:
        return 0.0
    doublings = min(failures.count - free, 16)
    each_s: int = min(FIRST_WAIT_S << doublings, LONGEST_WAIT_S)
    return max(0.0, failures.last_at + each_s - now)


def longest(waits: Iterable[float]) -> int:
    """The whole seconds after which nothing is left to wait for."""
    longest_s = max(waits, default=0.0)
    return int(longest_s) + (longest_s > int(longest_s))


def after_failure(failures: Failures | None, now: float) -> Failures:
    """One more; what lies long back is forgotten."""
    if failures is None or now - failures.last_at > FORGOTTEN_AFTER_S:
        return Failures(1, now)
    return Failures(failures.count + 1, now)


def in_words(seconds: int) -> str:
    """`45 seconds`, `2 minutes`: never less than it is."""
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
