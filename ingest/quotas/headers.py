"""Quotas as HTTP tells them: `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.quotas.bucket import Limit, Reading

EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
UNTOLD_WAIT_S = 60


@dataclass(frozen=True)
class Told:
    """One quota and where a client stands with it. `unit` is `content-bytes`, or a unit of our own."""

    name: str
    unit: str
    limit: Limit
    reading: Reading


class OverQuota(Exception):
    """A quota is used up; of those `shown` the message and `violated` say which, `headers` when there is more.

    Where it is none of these, when there is more would tell how much everybody else sends: `violated` is empty, and the
    wait is always the same.
    """

    def __init__(self, shown: Sequence[Told]) -> None:
        used_up = [one for one in shown if not one.reading.is_admitted]
        self.violated = [one.name for one in used_up]
        which = f"The quota of {' and of '.join(self.violated)} is used up." if used_up else "This is not taken now."
        super().__init__(f"{which} Send the same again later.")
        wait_s = max((one.reading.again_s for one in used_up), default=UNTOLD_WAIT_S)
        self.headers = fields(shown) | {"Retry-After": str(wait_s)}


def fields(told: Sequence[Told]) -> dict[str, str]:
    """The response header fields; none without quotas."""
    if not told:
        return {}
    policies = (
        f'"{one.name}";q={math.floor(one.limit.capacity)};qu="{one.unit}";w={window_s(one.limit)}' for one in told
    )
    standings = (f'"{one.name}";r={one.reading.left};t={one.reading.again_s}' for one in told)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(standings)}


def window_s(limit: Limit) -> int:
    """The seconds in which a quota's whole capacity comes back."""
    return max(1, math.ceil(limit.capacity / limit.per_second))
