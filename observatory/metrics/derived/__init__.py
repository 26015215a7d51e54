"""Metrics that no sum of counters gives: each by a function of its own, over local days. For the web: no numpy here."""

from collections.abc import Callable, Sequence

from ingest.timeline import Window
from observatory.metrics.derived import business, people
from observatory.metrics.derived.anomaly import cost_anomaly
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Reading
from observatory.metrics.shelf import Filter, Shelf

Formula = Callable[[Shelf, Sequence[Window], Filter], list[Reading]]
"""One reading per window. The filter chooses a feature, or all, and what the metric's `derived_by` says besides."""

FORMULAS: dict[str, Formula] = {**business.FORMULAS, **people.FORMULAS, "cost_anomaly": cost_anomaly}
"""Name of the metric → how it is computed."""


def judge(metric: Metric, shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """One reading per window."""
    return FORMULAS[metric.name](shelf, points, chosen)
