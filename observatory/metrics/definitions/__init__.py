"""Every metric, declared as data: what it counts, in which unit, which direction is bad. Pure: no Django here.

A new metric is one entry in the module of its dashboard, a row in docs/reference/metrics.md and, when nothing counts it
yet, a counter in `layout` or a function in `derived`.
"""

from observatory.metrics.definitions import cost, engagement, health, people, quality
from observatory.metrics.metric import Direction, Kind, Metric, Unit

__all__ = ["LATENCY_BUDGETS_MS", "METRICS", "Direction", "Kind", "Metric", "Unit"]

LATENCY_BUDGETS_MS: dict[str, tuple[float, float] | None] = {
    "inline": (500.0, 1_500.0),
    "on_demand": (3_000.0, 8_000.0),
    "background": (30_000.0, 90_000.0),
    "async_job": None,
}
"""A feature type's budget for latency_p50 and latency_p95."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *health.METRICS,
        *quality.METRICS,
        *cost.METRICS,
        *people.COST,
        *engagement.METRICS,
        *people.ENGAGEMENT,
    )
}
"""Name → definition, in the order of the four dashboards."""
