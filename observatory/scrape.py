"""GET /metrics: who may read it, and the numbers as they stand."""

import hmac
import ipaddress
import threading
import time
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ingest import timeline
from observatory import vitals
from observatory.metrics import exposition
from observatory.metrics.exposition import Family

KEPT_S = 5.0
PASSED_ON = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_CF_CONNECTING_IP",
)
"""Any of these says that somebody stands between: then the address is that of the one in between."""

TELL = {
    "unknown": "Send `Authorization: Bearer TOKEN` with the token of OBSERVATORY_METRICS_TOKEN.\n",
    "closed": "Set OBSERVATORY_METRICS_TOKEN: without it only a program on the same machine may read this.\n",
}


class Standing(Enum):
    """Whether somebody may read the product's health."""

    WELCOME = "welcome"
    UNKNOWN = "unknown"
    CLOSED = "closed"


class _Kept:
    """What was last read, for every scrape of the next seconds; one at a time asks anew."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._until = 0.0
        self._families: tuple[Family, ...] = ()

    def families(self) -> tuple[Family, ...]:
        """As it stands, a few seconds old at most."""
        with self._guard:
            if time.monotonic() >= self._until:
                self._families = vitals.families(timeline.now())
                self._until = time.monotonic() + KEPT_S
            return self._families


_kept = _Kept()


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: the product's own health, to whoever may know."""
    found = standing(request.META, settings.METRICS_TOKEN, settings.PUBLIC_URL)
    if found is not Standing.WELCOME:
        status = 401 if found is Standing.UNKNOWN else 403
        answer = HttpResponse(TELL[found.value], status=status, content_type="text/plain; charset=utf-8")
        if status == 401:
            answer["WWW-Authenticate"] = 'Bearer realm="Observatory metrics"'
        return answer
    content_type, write = exposition.negotiated(request.META.get("HTTP_ACCEPT", ""))
    return HttpResponse(write(_kept.families()), content_type=content_type, headers={"Cache-Control": "no-store"})


def standing(environ: Mapping[str, Any], token: str, public_url: str) -> Standing:
    """Where a token is set, whoever has it is welcome. Else only who asks this machine from this machine.

    That is not known of an installation that others reach by name: a proxy on the same machine need not say that it is one.
    """
    if token:
        scheme, _, sent = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        is_right = scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())
        return Standing.WELCOME if is_right else Standing.UNKNOWN
    names = (public_url, f"//{environ.get('HTTP_HOST', '')}")
    is_own = _is_loopback(str(environ.get("REMOTE_ADDR", ""))) and all(_is_loopback(_host(name)) for name in names)
    is_passed_on = any(environ.get(header) for header in PASSED_ON)
    return Standing.WELCOME if is_own and not is_passed_on else Standing.CLOSED


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
