"""Metrics as rows of an export: one a metric, group and point."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ingest.timeline import Window
from observatory.metrics import filtering
from observatory.metrics.definitions import METRICS, Metric
from observatory.metrics.exports.forms import Row
from observatory.metrics.metric import FilteredBy
from observatory.metrics.reader import BY_DAYS, Reader
from observatory.metrics.reading import Point
from observatory.metrics.rounding import exact
from observatory.metrics.windows import BadWindow, Grain

TURN_S = 0.15
"""How long series are read before somebody else has a turn; the last one is read to its end."""

WITH_SERIES = [name for name, metric in METRICS.items() if metric.has_series]
"""The metrics that can be exported."""

COLUMNS = (
    "metric", "unit", "from", "to", "group", "state", "value", "interval_low", "interval_high", "sample_size", "complete", "mature", "untold",
    "seam",
)  # fmt: skip


@dataclass
class Numbers:
    """The series of some metrics over a window, of what the filters choose, and of each value of a dimension apart.

    Which values there are is what the first page finds: those with a call, the most first.
    """

    metrics: Sequence[str]
    window: Window
    now: datetime
    grain: str = "auto"
    group_by: str | None = None
    where: dict[str, str] = field(default_factory=dict)
    names: Sequence[str] = COLUMNS
    _left: deque[tuple[str, str | None]] | None = None

    def page(self) -> list[Row] | None:
        """The rows of as many series as there is time for; None after the last. Raises BadWindow and UnknownValue."""
        reader = Reader(self.now)
        left = deque(self._series(reader)) if self._left is None else self._left.copy()
        if not left and self._left is not None:
            return None
        began, rows = time.monotonic(), list[Row]()
        while left and (not rows or time.monotonic() - began < TURN_S):
            name, group = left.popleft()
            chosen = self.where | ({self.group_by: group} if self.group_by and group else {})
            points = reader.series(name, self.window, self.grain, where=chosen)
            rows += [row_of(METRICS[name], point, group) for point in points]
        self._left = left
        return rows

    def _series(self, reader: Reader) -> list[tuple[str, str | None]]:
        """Every metric with every group. What cannot be told so is refused before anything is written."""
        for name in self.metrics:
            self._refuse(METRICS[name])
        groups: Sequence[str | None] = [None]
        if self.group_by in self.where:
            groups = [self.where[self.group_by]]
        elif self.group_by:
            found = reader.breakdown(["calls"], self.window, by=self.group_by, where=self.where)
            groups = list(found)
        return [(name, group) for name in self.metrics for group in groups]

    def _refuse(self, metric: Metric) -> None:
        # Each group is a series of its own, filtered by it: groups by feature are no combinations here.
        others = [name for name in self.where if name != filtering.FEATURE]
        is_by_feature = self.group_by == filtering.FEATURE and metric.filtered_by is not FilteredBy.PROJECT
        by = None if is_by_feature else self.group_by
        filtering.refuse(metric, others, by, is_of_feature=filtering.FEATURE in self.where)
        if not metric.has_series:
            raise BadWindow(f"{metric.name} has no series: it is about a whole month", "metrics", WITH_SERIES)
        if metric.kind in BY_DAYS and self.grain not in ("auto", Grain.DAY):
            raise BadWindow(f"{metric.name} goes by local days: grain is auto or 1d", "grain", ("auto", Grain.DAY))


def row_of(metric: Metric, point: Point, group: str | None) -> Row:
    """A point with its meaning."""
    reading = point.reading
    low, high = reading.interval or (None, None)
    return (
        metric.name,
        metric.unit.value,
        point.window.start,
        point.window.end,
        group,
        reading.state.value,
        *(exact(metric.unit, number) for number in (reading.value, low, high)),
        reading.sample_size,
        point.complete,
        point.mature,
        reading.untold,
        point.seam,
    )
