"""Pages of things that are numbered in the order in which they came, the newest first."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from ingest.api.documented import CURSOR, LIMIT
from ingest.api.pages import BadQuery, limit

M = TypeVar("M", bound=Model)
T = TypeVar("T")
STATES = ("", "open", "resolved")
PARAMETERS = {"state": "open or resolved; all unless told", "limit": LIMIT, "cursor": CURSOR}
LARGEST_ID = 2**63 - 1


def page(request: Request, rows: QuerySet[M], shown: Callable[[M], T]) -> tuple[list[T], str | None]:
    """One page of rows that come by falling number, each as `shown`, and the cursor of the next. Raises BadQuery."""
    most, last = limit(request), before(request)
    found = list((rows if last is None else rows.filter(pk__lt=last))[: most + 1])
    following = cursor(found[most - 1].pk) if len(found) > most else None
    return [shown(row) for row in found[:most]], following


def state(request: Request) -> str:
    """Whether open or resolved things are wanted; empty for both. Raises BadQuery."""
    wanted = request.query_params.get("state", "")
    if wanted not in STATES:
        raise BadQuery("state is open or resolved", "state", [state for state in STATES if state])
    return wanted


def cursor(number: int) -> str:
    """What stands for the place after a thing."""
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def before(request: Request) -> int | None:
    """The number that the cursor stands for; None for the first page. Raises BadQuery for what is none of ours."""
    sent = request.query_params.get("cursor", "")[:40]
    if not sent:
        return None
    try:
        text = base64.b64decode(sent + "=" * (-len(sent) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _no_cursor() from error
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_ID):
        raise _no_cursor()
    return int(text)


def _no_cursor() -> BadQuery:
    return BadQuery(f"cursor is {CURSOR}", "cursor", [CURSOR])
