"""Keys that browsers hold: the scope `feedback` and nothing else, so whoever reads a page's source knows them.

Such a key may only post feedback, of some kinds, from the origins that its project names, a little at a time, and it
learns nothing: not whether an interaction exists, not whether a feedback's id was there before, not what others send.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import PermissionDenied

from ingest.api.addresses import client_of
from ingest.api.body import Limits
from ingest.api.problems import problem
from ingest.erasure.tombstones import REFUSED
from ingest.projects.access import KeyHolder
from ingest.projects.keys import BROWSER_SCOPE
from ingest.quotas.bucket import Limit
from ingest.quotas.headers import Told
from ingest.quotas.meters import Meter
from ingest.records import Answer, Result

PREFLIGHT_SECONDS = 7200  # as long as any browser keeps one
MINUTE_S = 60
OWN = "address"
"""The throttle of which a page is told where it stands: of the others it would learn how much everybody else sends."""
# What browsers themselves send at most when a page is left: `sendBeacon`, and `fetch` with `keepalive`.
LIMITS = Limits(64 * 1024, 64 * 1024)
_meter = Meter()


class ForeignOrigin(PermissionDenied):
    """A browser's page that the project does not name."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"Pages of {origin[:200]} may not post feedback to this project: its settings name the origins that may."
        )


def is_browser_key(holder: KeyHolder) -> bool:
    """Whether a key is of the kind that browsers may hold."""
    return holder.scopes == {BROWSER_SCOPE}


def preflight() -> HttpResponse:
    """Answer a browser's question before its post. It carries no key, so every page gets the same answer; the post decides."""
    return HttpResponse(
        status=204,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "authorization, content-type, x-api-key",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    )


def headers_for(holder: KeyHolder, environ: Mapping[str, Any]) -> dict[str, str]:
    """What lets the page read the answer. Raises ForeignOrigin; whoever names no origin is no browser and needs nothing."""
    origin = environ.get("HTTP_ORIGIN", "")
    if not origin:
        return {}
    if origin.lower() not in holder.cors_origins.lower().split():
        raise ForeignOrigin(origin)
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After, RateLimit, RateLimit-Policy",
        "Vary": "Origin",
    }


def told(answer: Answer) -> HttpResponse:
    """What a browser's key learns: which items have the right form. All else that could be said is about the record."""
    wrong = [result for result in answer.results if result.status == "invalid" and not _is_of_record(result)]
    if len(wrong) == len(answer.results):
        errors = [{"index": result.index, **asdict(result.error)} for result in wrong if result.error]
        return problem(400, "No item of the body can be stored.", title="Nothing usable", errors=errors)
    refused = {result.index: result for result in wrong}
    results = [refused.get(one.index) or Result(one.index, "accepted") for one in answer.results]
    body = {"accepted": len(results) - len(wrong), "invalid": len(wrong), "results": results}
    return HttpResponse(msgspec.json.encode(body), status=207 if wrong else 200, content_type="application/json")


def _is_of_record(result: Result) -> bool:
    """Whether an item is refused for what the record knows, and not for its form."""
    return result.error is not None and result.error.expected.startswith(REFUSED)


def measures(holder: KeyHolder, environ: Mapping[str, Any], units: int) -> list[Told]:
    """Take units of what this address and then of what this key may post, and say where each stands.

    What the address is refused, the key does not pay for: one address must not use up what all others may send.
    """
    now = time.monotonic()
    limits = {
        OWN: ((holder.key_id, client_of(environ)), settings.BROWSER_FEEDBACK_PER_ADDRESS),
        "key": (holder.key_id, settings.BROWSER_FEEDBACK_PER_KEY),
    }
    told = []
    for name, (owner, per_minute) in limits.items():
        limit = Limit(per_minute / MINUTE_S, per_minute)
        told.append(Told(name, "events", limit, _meter.take((name, owner), limit, units, now)))
        if not told[-1].reading.is_admitted:
            break
    return told
