"""How close the busiest minute came to what providers allow.

provider_limit_use = max over the limits entered: peak of a minute / limit
"""

from collections.abc import Sequence
from datetime import datetime

from ingest import dictionary
from ingest.dimensions import Dimension
from ingest.timeline import Window
from observatory.metrics import provider_limits
from observatory.metrics.definitions import METRICS
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.layout import Counter
from observatory.metrics.provider_limits import Peak, Peaks
from observatory.metrics.reading import Reading, State
from observatory.metrics.reads import Groups, Selection
from observatory.metrics.sheets import ALL_FEATURES
from observatory.metrics.shelf import NAMELESS, Filter, Shelf


def most_used(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """The largest share of a limit in each window; unknown without limits, and of a single feature: all share them."""
    limits = provider_limits.entered()
    if not limits or chosen.feature is not None:
        return [NO_DATA for _ in points]
    uses = [provider_limits.use_of(limits, peaks) for peaks in peaks_of(shelf, points)]
    return [Reading(State.OK, use[0].share, None, use[0].peak.calls) if use else NO_DATA for use in uses]


def peaks(window: Window, *, now: datetime) -> Peaks:
    """The peaks of every provider and of every model in a window. Inside a project's scope."""
    return peaks_of(Shelf(now), [window])[0]


def peaks_of(shelf: Shelf, points: Sequence[Window]) -> list[Peaks]:
    """The peaks of every provider and of every model in each window."""
    found: list[dict[tuple[str, str], Peak]] = [{} for _ in points]
    for dimension in (Dimension.PROVIDER, Dimension.MODEL):
        names = NAMELESS | dictionary.values(dimension)
        selection = Selection(int(dimension), ALL_FEATURES, None)
        aligned = [shelf.aligned(point, selection.family) for point in points]
        groups = shelf.totals([METRICS["provider_limit_use"]], aligned, selection)
        for peaks, of_point in zip(found, groups, strict=True):
            for name, peak in _named(of_point, names).items():
                peaks[(name, "") if dimension is Dimension.PROVIDER else ("", name)] = peak
    return list(found)


def _named(groups: Groups, names: dict[int, str]) -> dict[str, Peak]:
    return {
        names[number]: Peak(totals.counters.get(Counter.PEAK_CALLS, 0), totals.counters.get(Counter.PEAK_TOKENS, 0))
        for number, totals in groups.items()
        if number in names
    }
