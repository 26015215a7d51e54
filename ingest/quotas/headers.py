"""Quotas as HTTP tells them: `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.quotas.bucket import Limit, Reading

EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


@dataclass(frozen=True)
class Told:
    """One quota and where a client stands with it. `unit` is `content-bytes`, or a unit of our own."""

    name: str
    unit: str
    limit: Limit
    reading: Reading


class OverQuota(Exception):
    """A quota is used up; the message says which, `headers` when there is more, and where those `shown` stand."""

    def __init__(self, told: Sequence[Told], shown: Sequence[Told]) -> None:
        used_up = [one for one in told if not one.reading.is_admitted]
        self.violated = [one.name for one in used_up]
        super().__init__(f"The quota of {' and of '.join(self.violated)} is used up. Send the same again later.")
        self.headers = fields(shown) | {"Retry-After": str(max(one.reading.again_s for one in used_up))}


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
