"""What caches saved: the app's own, of exact or similar questions, and the provider's, of beginnings of prompts.

own cache:      Σ over feature and model: calls answered from it × mean cost of a priced call that was not
prompt cache:   Σ over model and day: cached input tokens × (price of input − price of cached input)
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ingest import prices
from ingest.dimensions import ABSENT, Dimension
from ingest.pricing import PriceBook
from ingest.projects.access import current_project
from ingest.timeline import Window, local_day
from observatory.metrics import formulas, reads
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import daily
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.layout import NANO, Counter
from observatory.metrics.reading import Reading, State, Totals
from observatory.metrics.reads import Groups, Selection
from observatory.metrics.sent import Sent
from observatory.metrics.sheets import ALL_FEATURES, COMBINATION
from observatory.metrics.shelf import NAMELESS, Filter, Shelf

PICO = 1_000_000_000_000

Formula = Callable[[Shelf, Sequence[Window], Filter], list[Reading]]


def own_cache(hits: Counter) -> Formula:
    """What the calls that `hits` counts would have cost, at the mean of what the others of their feature and model did.

    A call from the cache without a model is priced by its feature. Calls of a model that never answered by itself are
    left out; the sample are those that were not. The filter may choose a model, too.
    """

    def saved(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        metric = METRICS["cache_exact_savings"]
        features = [chosen.feature] if chosen.feature is not None else _features(shelf, points)
        found: list[list[Groups]] = [
            shelf.totals([metric], points, Selection(int(Dimension.MODEL), feature, None))
            for feature in features
            if feature != ABSENT  # an amount without a feature is no call
        ]
        only = dict(chosen.others).get(Dimension.MODEL)
        return [_saved(hits, [groups[place] for groups in found], only) for place in range(len(points))]

    return saved


def prompt_cache(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """What the tokens that the provider had cached would have cost more, at the prices of their day.

    Prices are those of the model whoever provides it (the project's own, else its maker's), at the base of tiers;
    models without a price are left out; the sample are the tokens that were not.
    """
    if chosen.feature == ABSENT:
        return [NO_DATA for _ in points]
    metric = METRICS["cached_input_share"]
    pieces = daily.cut(shelf, points)
    selection = chosen.grouped(Dimension.MODEL)
    found = shelf.totals([metric], [piece for _, piece in pieces], selection)
    book = prices.book(current_project())
    sums = [_Sum() for _ in points]
    for (place, piece), groups in zip(pieces, found, strict=True):
        if selection.dimension == COMBINATION:
            sums[place].untold = (sums[place].untold or 0) + reads.untold(groups, metric)
            groups.pop(reads.UNTOLD, None)
        for model, totals in groups.items():
            # Looking prices up by the day is most of the time this takes.
            is_cached = totals.counters.get(Counter.CACHED_INPUT_TOKENS, 0)
            names = shelf.names(Dimension.MODEL)
            sums[place].add(totals, _discount(book, names, model, piece, shelf.zone) if is_cached else 0)
    return [one.reading for one in sums]


def together(caches: Iterable[Reading]) -> Reading:
    """What several caches saved, those left out of which it is unknown; the sample are the caches that are in it."""
    known = [one.value for one in caches if one.value is not None]
    return Reading(State.OK, math.fsum(known), None, len(known)) if known else NO_DATA


def all_caches(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """What the app's own caches and the provider's saved together; one that was never heard of is not in it."""
    sent = shelf.once(Sent)
    parts = [
        sent.judged(METRICS[name], cache(shelf, points, chosen), points, chosen.feature)
        for name, cache in CACHES.items()
    ]
    return [together(saved) for saved in zip(*parts, strict=True)]


CACHES: dict[str, Formula] = {
    "cache_exact_savings": own_cache(Counter.CACHE_EXACT),
    "cache_semantic_savings": own_cache(Counter.CACHE_SEMANTIC),
    "prompt_cache_savings": prompt_cache,
}
"""Name of the metric → how it is computed."""


class _Sum:
    """A sum of discounts, and of how many tokens it knows."""

    untold: int | None = None

    def __init__(self) -> None:
        self.pico = self.tokens = self.unknown = self.calls = 0

    def add(self, totals: Totals, discount: int | None) -> None:
        cached = totals.counters.get(Counter.CACHED_INPUT_TOKENS, 0)
        self.calls += totals.counters.get(Counter.CALLS, 0)
        if discount is None:
            self.unknown += cached
        else:
            self.pico += cached * discount
            self.tokens += cached

    @property
    def reading(self) -> Reading:
        if not self.calls or (self.unknown and not self.tokens):
            return replace(NO_DATA, untold=self.untold)
        return Reading(State.OK, self.pico / PICO, None, self.tokens, self.untold)


def _discount(book: PriceBook, names: Mapping[int, str], model: int, piece: Window, zone_name: str) -> int | None:
    """Pico-dollars less for a cached token; None without a price."""
    if model in NAMELESS or model not in names:
        return None
    rates, _ = book.rates("", names[model], "", local_day(piece.start, zone_name))
    if rates is None:
        return None
    return rates.input.base - rates.cache_read.base if rates.cache_read else 0


def _features(shelf: Shelf, points: Sequence[Window]) -> list[int]:
    """The features that had a call from the cache or any other in these windows."""
    whole = Window(points[0].start, points[-1].end)
    by_feature = Selection(int(Dimension.FEATURE), ALL_FEATURES, None)
    (groups,) = shelf.totals([METRICS["cache_hit_rate"]], [whole], by_feature)
    return sorted(groups)


def _saved(hits: Counter, features: Sequence[Groups], only: int | None) -> Reading:
    """What `only` a model's, or with None all models' calls of some features saved."""
    nano, known, unknown, calls = 0.0, 0, 0, 0
    for groups in features:
        whole = formulas.merged(groups.values())
        for model, totals in groups.items():
            if only not in (None, model):
                continue
            calls += totals.counters.get(Counter.CALLS, 0)
            hit = totals.counters.get(hits, 0)
            mean = _mean_of_others(whole if model == ABSENT else totals)
            if hit and mean is None:
                unknown += hit
            elif hit and mean is not None:
                nano += hit * mean
                known += hit
    if not calls or (unknown and not known):
        return NO_DATA
    return Reading(State.OK, nano / NANO, None, known)


def _mean_of_others(totals: Totals) -> float | None:
    """The mean cost in nano-dollars of the priced calls that did not come from the app's cache."""
    counters = totals.counters
    calls = counters.get(Counter.PRICED_CALLS, 0) - counters.get(Counter.CACHED_PRICED_CALLS, 0)
    cost = counters.get(Counter.CALLS_NANO, 0) - counters.get(Counter.CACHED_CALLS_NANO, 0)
    return cost / calls if calls > 0 else None
