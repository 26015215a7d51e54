"""Keyset pages of a list: `{"items": […], "next": "cursor or null"}`."""

import base64
import binascii
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rest_framework.request import Request

from ingest import dictionary, timeline
from ingest.api import shapes
from ingest.api.documented import CURSOR, LIMIT
from ingest.api.queries import refused
from ingest.digest import search, texts, unread
from ingest.dimensions import EVERY_MARK, MARKS, Dimension
from ingest.models import Interaction, Payload
from ingest.refusals import Malformed
from ingest.text import is_holdable

USUAL, MOST = 50, 200
LONGEST_QUERY = 500
PARAMETERS = {
    "q": "words to search for in prompts and outputs",
    "feature": "only this feature",
    "mark": f"only with one of these marks: {', '.join(MARKS)}; or any",
    "limit": LIMIT,
    "cursor": CURSOR,
}


class BadQuery(Malformed):
    """A query string that cannot be understood; `allowed` lists what the `parameter` can be."""

    title = "Bad query"

    def __init__(self, text: str, parameter: str, allowed: Iterable[str]) -> None:
        super().__init__(text)
        self.more = {"parameter": parameter, "allowed": list(allowed)}


class UnknownFeature(BadQuery):
    """A feature that the project does not know: an empty page would look as if it had no interactions."""

    status = 404
    title = "Unknown value"


def interactions(request: Request) -> dict[str, Any]:
    """The project's interactions, newest first, in the project in scope: of a feature, with a mark, with words.

    A search also says how far it reaches: what was received before `complete_to` is found.
    """
    only(request, *PARAMETERS)
    most, before = limit(request), _cursor(request)
    sought = _sought(request)
    told: dict[str, Any] = {}
    if sought is None:
        found = _listed(request, before, most + 1)
    else:
        told["complete_to"] = shapes.instant(unread.complete_to(timeline.now()))
        found = _searched(sought, before, most + 1)
    shown, has_more = found[:most], len(found) > most
    payloads: dict[str, Payload] = {}
    if shown:
        rows = Payload.objects.filter(occurred_at__range=(shown[-1].occurred_at, shown[0].occurred_at))
        payloads = {one.id: one for one in rows.filter(id__in=[row.id for row in shown])}
    names = shapes.names_for(shown)
    items = [shapes.interaction(row, payloads.get(row.id), names) for row in shown]
    return {"items": items, "next": _next(shown[-1]) if has_more else None, **told}


def _listed(request: Request, before: search.Place | None, most: int) -> list[Interaction]:
    rows = Interaction.objects.order_by("-occurred_at", "-id")
    if (feature := _feature(request)) is not None:
        rows = rows.filter(feature_id=feature)
    if marks := _marks(request):
        rows = search.marked(rows, marks)
    if before:
        at, last = before
        rows = rows.filter(occurred_at__lte=at).exclude(occurred_at=at, id__gte=last)
    return list(rows[:most])


def _searched(sought: search.Sought, before: search.Place | None, most: int) -> list[Interaction]:
    try:
        return search.records(search.find(sought, most, before))
    except search.TooSlow:
        text = "these words are in too many interactions: add a rarer one, or a feature."
        raise BadQuery(text, "q", ["words of which one is rare", "the same words beside a feature"]) from None


def _sought(request: Request) -> search.Sought | None:
    """What is searched for; None without `q`. Raises BadQuery for one without words."""
    asked = request.query_params.get("q", "")
    if not asked:
        return None
    words = texts.query(asked[:LONGEST_QUERY])
    if not words or len(asked) > LONGEST_QUERY:
        allowed = f'words, "phrases", -without and or; at most {LONGEST_QUERY} characters'
        raise BadQuery(f"q holds {allowed}.", "q", [allowed])
    until = timeline.now() + timeline.DAY
    return search.Sought(words, until, feature=_feature(request), marks=_marks(request))


def _feature(request: Request) -> int | None:
    """The number of the feature asked for. Raises UnknownFeature."""
    feature = request.query_params.get("feature")
    number = dictionary.number_of(Dimension.FEATURE, feature) if feature else None
    if feature and number is None:
        known = dictionary.values(Dimension.FEATURE).values()
        raise UnknownFeature(*dictionary.unknown(Dimension.FEATURE, feature, known))
    return number


def _marks(request: Request) -> int | None:
    """The bits of the mark asked for; `any` is all of them. Raises BadQuery for an unknown one."""
    mark = request.query_params.get("mark")
    if not mark:
        return None
    bits = {**MARKS, "any": EVERY_MARK}.get(mark)
    if bits is None:
        raise BadQuery(f"mark is one of {', '.join(MARKS)} or any.", "mark", [*MARKS, "any"])
    return int(bits)


def only(request: Request, *known: str) -> None:
    """Raise BadQuery for a parameter that is not known, or comes more than once."""
    if wrong := refused(request.query_params, known):
        raise BadQuery(*wrong)


def limit(request: Request) -> int:
    """How many are wanted at most. Raises BadQuery."""
    text = request.query_params.get("limit") or str(USUAL)
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MOST:
        allowed = f"a whole number from 1 to {MOST}"
        raise BadQuery(f"limit is {allowed}.", "limit", [allowed])
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
    raise BadQuery(f"cursor is {CURSOR}.", "cursor", [CURSOR])
