"""The price that holds for a call: the project's own first, then the catalogue's."""

import time

from ingest import pricing
from ingest.models import PriceOverride
from ingest.pricing import Override, PriceBook
from ingest.projects.scope import project_scope

BOOK_KEPT_SECONDS = 4.0


_books: dict[int, tuple[float, PriceBook]] = {}


def book(project_id: int) -> PriceBook:
    """The project's price book, a few seconds old at most."""
    moment = time.monotonic()
    kept = _books.get(project_id)
    if kept and kept[0] > moment:
        return kept[1]
    with project_scope(project_id):
        opened = PriceBook(tuple(_override(row) for row in PriceOverride.objects.order_by("id")))
    if len(_books) > 1_000:
        _books.clear()
    _books[project_id] = (moment + BOOK_KEPT_SECONDS, opened)
    return opened


def _override(row: PriceOverride) -> Override:
    rates = pricing.rates_of(row.input_usd_per_million, row.output_usd_per_million, row.cached_input_usd_per_million)
    return Override(row.model, row.provider, row.valid_from, rates)
