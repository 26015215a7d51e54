"""Keyset pages of a list: `{"items": […], "next": "cursor or null"}`."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from rest_framework.request import Request

from ingest import dictionary, timeline
from ingest.api import shapes
from ingest.dimensions import Dimension
from ingest.models import Interaction, Payload
from ingest.refusals import Malformed
from ingest.text import is_holdable

USUAL, MOST = 50, 200


class BadQuery(Malformed):
    """A query string that cannot be understood."""

    title = "Bad query"


def interactions(request: Request) -> dict[str, Any]:
    """The project's interactions, newest first, of one feature if asked; in the project in scope."""
    limit, before = _limit(request), _cursor(request)
    rows = Interaction.objects.order_by("-occurred_at", "-id")
    if feature := request.query_params.get("feature"):
        rows = rows.filter(feature_id=dictionary.number_of(Dimension.FEATURE, feature) or -1)
    if before:
        at, last = before
        rows = rows.filter(occurred_at__lte=at).exclude(occurred_at=at, id__gte=last)
    found = list(rows[: limit + 1])
    shown, has_more = found[:limit], len(found) > limit
    texts = {}
    if shown:
        payloads = Payload.objects.filter(occurred_at__range=(shown[-1].occurred_at, shown[0].occurred_at))
        texts = {one.id: one for one in payloads.filter(id__in=[row.id for row in shown])}
    names = shapes.names_for(shown)
    items = [shapes.interaction(row, texts.get(row.id), names) for row in shown]
    return {"items": items, "next": _next(shown[-1]) if has_more else None}


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(USUAL))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST:
        raise BadQuery(f"limit is a whole number from 1 to {MOST}.")
    return int(text)


def _next(row: Interaction) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.occurred_at.isoformat(), row.id]).encode()).decode()


def _cursor(request: Request) -> tuple[datetime, str] | None:
    text = request.query_params.get("cursor")
    if not text:
        return None
    try:
        at, last = json.loads(base64.urlsafe_b64decode(text.encode()))
        if isinstance(last, str) and is_holdable(last):
            return timeline.parse(at), last
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    raise BadQuery("cursor is what `next` of the page before held, unchanged.")
