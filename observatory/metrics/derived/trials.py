"""The counts behind numbers, told apart by a dimension: k of n of a rate, and the shares of a count.

    trials("thumbs_up_rate", window, by="model", feature="write-draft", now=now)

Inside a project's scope. Both raise UnknownValue for a metric or feature that does not exist, BadWindow for a window or
dimension that cannot be answered.
"""

from collections.abc import Mapping
from datetime import datetime

from ingest.timeline import Window
from observatory.metrics import formulas
from observatory.metrics.definitions import METRICS
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Totals
from observatory.metrics.reads import UNTOLD
from observatory.metrics.shelf import DIMENSIONS, Shelf
from observatory.metrics.statistics import Sample


def trials(name: str, window: Window, *, by: str, feature: str | None = None, now: datetime) -> dict[str, Sample]:
    """Value of a dimension → k of n of a rate, however few; of a maturing one over the mature part of the window."""
    metric = METRICS[name]
    found = {value: formulas.sample_of(metric, totals) for value, totals in _by(metric, window, by, feature, now)}
    return {value: sample for value, sample in found.items() if sample.n}


def shares(name: str, window: Window, *, by: str, feature: str | None = None, now: datetime) -> dict[str, float]:
    """Value of a dimension → its share of a count, 0–1; empty where nothing was counted."""
    metric = METRICS[name]
    counts = {
        value: formulas.judge(metric, totals).value or 0.0 for value, totals in _by(metric, window, by, feature, now)
    }
    whole = sum(counts.values())
    return {value: count / whole for value, count in counts.items() if count} if whole else {}


def _by(metric: Metric, window: Window, by: str, feature: str | None, now: datetime) -> list[tuple[str, Totals]]:
    shelf = Shelf(now)
    chosen, dimension = shelf.filter(feature), DIMENSIONS[by]
    selection = chosen.grouped(dimension)
    judged = shelf.judged(metric, shelf.aligned(window, selection.family), chosen, selection.family)
    if judged is None:
        return []
    (groups,) = shelf.totals([metric], [judged], selection)
    names: Mapping[int, str] = shelf.names(dimension)
    return [(names.get(number, f"#{number}"), totals) for number, totals in groups.items() if number != UNTOLD]
