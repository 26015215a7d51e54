"""When a delivery that failed is tried again. Pure."""

from datetime import timedelta

SCHEDULE_S = (0, 5, 30, 120, 300, 900, 1_800, 3_600, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds to wait before each attempt: fourteen attempts over more than three days."""

SPREAD = 0.2
LONGEST = timedelta(hours=24)


def wait_after(attempts: int, luck: float, retry_after_s: float | None = None) -> timedelta | None:
    """How long to wait after `attempts` failed ones; None when none is left.

    `luck` between −1 and 1 spreads the waits by ± 20 %, so that receivers which failed together are not hit together.
    A receiver's own Retry-After is honoured when it is longer, up to a day.
    """
    if attempts >= len(SCHEDULE_S):
        return None
    wait = timedelta(seconds=SCHEDULE_S[attempts] * (1 + SPREAD * luck))
    if retry_after_s is not None and retry_after_s > 0:
        wait = max(wait, min(timedelta(seconds=min(retry_after_s, LONGEST.total_seconds())), LONGEST))
    return wait
