"""Pages of things that are numbered in the order in which they came, the newest first."""

import base64
import binascii

from rest_framework.request import Request

from ingest.api.pages import MOST, USUAL, BadQuery

LARGEST_ID = 2**63 - 1
NO_CURSOR = "cursor is what `next` of the page before said"


def limit(request: Request) -> int:
    """How many are wanted at most. Raises BadQuery."""
    text = request.query_params.get("limit", "")
    if not text:
        return USUAL
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise BadQuery(f"limit is a number from 1 to {MOST}")
    return int(text)


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
        raise BadQuery(NO_CURSOR) from error
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_ID):
        raise BadQuery(NO_CURSOR)
    return int(text)
