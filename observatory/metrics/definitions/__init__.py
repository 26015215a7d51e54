"""Every metric, declared as data: what it counts, in which unit, which direction is bad. Pure: no Django here.

A new metric is one entry in the module of its dashboard and, when nothing counts it yet, a counter in `layout` or a
function in `derived` with its formula and example in `worked`. What must have been sent for it stands in `needs`. `manage.py metrics_reference` writes its documentation.
"""

from dataclasses import replace

from observatory.metrics.definitions import cost, engagement, health, needs, people, quality
from observatory.metrics.definitions.worked import WORKED
from observatory.metrics.metric import Area, Direction, Empty, Kind, Metric, Unit

__all__ = ["LATENCY_BUDGETS_MS", "METRICS", "Area", "Direction", "Empty", "Kind", "Metric", "Unit"]

LATENCY_BUDGETS_MS: dict[str, tuple[float, float] | None] = {
    "inline": (500.0, 1_500.0),
    "on_demand": (3_000.0, 8_000.0),
    "background": (30_000.0, 90_000.0),
    "async_job": None,
}
"""A feature type's budget for latency_p50 and latency_p95."""

_BY_AREA = {
    Area.HEALTH: health.METRICS,
    Area.QUALITY: quality.METRICS,
    Area.COST: (*cost.METRICS, *people.COST),
    Area.ENGAGEMENT: (*engagement.METRICS, *people.ENGAGEMENT),
}

METRICS: dict[str, Metric] = {
    metric.name: replace(metric, area=area, worked=WORKED.get(metric.name), sources=needs.of(metric))
    for area, metrics in _BY_AREA.items()
    for metric in metrics
}
"""Name → definition, in the order of the four dashboards."""
