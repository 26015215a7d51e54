"""How close the busiest minute came to what providers allow.

provider_limit_use = max over the limits entered: peak of a minute / limit
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest import dictionary
from ingest.dimensions import Dimension
from ingest.timeline import Window
from observatory.metrics import provider_limits
from observatory.metrics.definitions import METRICS
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.layout import Counter
from observatory.metrics.provider_limits import Limit, Peak, Peaks, Use
from observatory.metrics.reading import Reading, State
from observatory.metrics.reads import Groups, Selection
from observatory.metrics.sent import Sent
from observatory.metrics.sheets import ALL_FEATURES, Family
from observatory.metrics.shelf import NAMELESS, Filter, Shelf


def most_used(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """The largest share of a limit in each window; unknown without limits."""
    limits = provider_limits.entered()
    if not limits:
        return [NO_DATA for _ in points]
    return [_whole(provider_limits.use_of(limits, peaks)) for peaks in peaks_of(shelf, points)]


@dataclass(frozen=True, slots=True)
class Headroom:
    """The limits of a project, and the busiest minutes of a window; `whole` is what `provider_limit_use` says.

    `window` is the one asked for, moved outwards to what is stored. Everything that came before `complete_to` is counted.
    """

    window: Window
    complete_to: datetime
    limits: Sequence[Limit]
    peaks: Peaks
    whole: Reading

    @property
    def uses(self) -> list[Use]:
        """Each limit whose provider or model had traffic, the most used first."""
        return provider_limits.use_of(self.limits, self.peaks)


def read(window: Window, *, now: datetime) -> Headroom:
    """Limits and peaks over a window. Inside a project's scope."""
    shelf, everything, limits = Shelf(now), Filter(), provider_limits.entered()
    complete_to = min(shelf.coverage(everything, family, window).complete_to for family in Family)
    (peaks,) = peaks_of(shelf, [window])
    used = [_whole(provider_limits.use_of(limits, peaks))]
    (whole,) = shelf.once(Sent).judged(METRICS["provider_limit_use"], used, [shelf.aligned(window)])
    return Headroom(shelf.aligned(window), complete_to, limits, peaks, whole)


def busiest(peaks: Peaks, models: int | None = None) -> list[tuple[tuple[str, str], Peak]]:
    """Every provider with traffic, then so many models of those with most tokens in a minute; None: every model.

    What names no provider or model is left out.
    """
    known = [
        (key, peak)
        for key, peak in peaks.items()
        if (peak.calls or peak.tokens) and not set(key) & set(NAMELESS.values())
    ]
    ordered = sorted(known, key=lambda one: (-one[1].tokens, -one[1].calls, one[0]))
    return [*(one for one in ordered if one[0][0]), *[one for one in ordered if not one[0][0]][:models]]


def _whole(uses: Sequence[Use]) -> Reading:
    return Reading(State.OK, uses[0].share, None, uses[0].peak.calls) if uses else NO_DATA


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
