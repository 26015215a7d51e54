"""The price that holds for a call: the project's own first, then the catalogue's."""

import time
from datetime import date

from ingest import pricing
from ingest.dimensions import CostSource
from ingest.models import PriceOverride
from ingest.pricing import Override, Rates
from ingest.projects.scope import project_scope

BOOK_KEPT_SECONDS = 4.0


class PriceBook:
    """The prices of one project: its overrides as they were when the book was opened, and the catalogue."""

    def __init__(self, overrides: tuple[Override, ...] = ()) -> None:
        self.overrides = overrides
        self._found: dict[tuple[str, str, str, date], tuple[Rates | None, CostSource]] = {}

    def rates(self, provider: str, served: str, requested: str, day: date) -> tuple[Rates | None, CostSource]:
        """The rates of a call and where they come from; the served model goes before the requested one."""
        key = (provider, served, requested, day)
        found = self._found.get(key)
        if found is None:
            if len(self._found) > 10_000:
                self._found.clear()
            found = self._found[key] = self._look_up(*key)
        return found

    def _look_up(self, provider: str, served: str, requested: str, day: date) -> tuple[Rates | None, CostSource]:
        models = [model for model in dict.fromkeys((served, requested)) if model]
        for model in models:
            if own := pricing.override_for(self.overrides, provider, model, day):
                return own, CostSource.OVERRIDE
        for model in models:
            if listed := pricing.catalogue(provider, model, day):
                return listed, CostSource.CATALOGUE
        return None, CostSource.UNPRICED


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
