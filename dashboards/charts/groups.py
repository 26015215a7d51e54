"""Several lines in one plot, named at their ends instead of in a legend."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from dashboards import formatting
from dashboards.charts import decorations, tables
from dashboards.charts.axes import (
    below,
    ceiling_of,
    layout,
    left_margin,
    local,
    time_axis,
    value_axis,
    value_range,
)
from dashboards.charts.data import Chart, Drawing, Figure, Frame, Group, Key, Limit, Mark, Point
from dashboards.charts.decorations import EdgeLabel
from dashboards.charts.text import inert, short
from dashboards.charts.timeseries import hover, runs, trace
from observatory.metrics import statistics

TOP = 5
OTHER = "other"
Combine = Literal["weighted", "sum", "leave out"]


def lines_by_group(
    frame: Frame,
    name: str,
    unit: str,
    groups: Sequence[Group],
    combine: Combine = "weighted",
    marks: Sequence[Mark] = (),
) -> Chart:
    """The five largest groups (by n) and the rest as 'other': the n-weighted mean of rates and means, the sum of counts
    and amounts; percentiles cannot be merged from their values, so they are left out.
    """
    chosen = top_groups(groups, combine)
    roles = ["quiet" if group.name == OTHER else f"series-{index + 1}" for index, group in enumerate(chosen)]
    return _lines(frame, name, unit, chosen, roles, marks=marks)


def top_groups(groups: Sequence[Group], combine: Combine, top: int = TOP) -> list[Group]:
    """Choose the groups that get a line of their own; the rest becomes one, unless it is left out."""
    ordered = sorted(groups, key=lambda group: (-group.weight, group.name))
    named = [group for group in ordered if group.name != OTHER]
    rest = named[top:] + [group for group in ordered if group.name == OTHER]
    if not rest or combine == "leave out":
        return named[:top]
    return [*named[:top], Group(OTHER, _merged(rest, combine))]


def _merged(groups: Sequence[Group], combine: Combine) -> list[Point]:
    by_time: dict[datetime, list[Point]] = {}
    for group in groups:
        for point in group.points:
            by_time.setdefault(point.at, []).append(point)
    return [
        Point(at, _value(points, combine), n=sum(p.n for p in points), complete=all(p.complete for p in points),
              mature=all(p.mature for p in points), seam=any(p.seam for p in points))
        for at, points in sorted(by_time.items())
    ]  # fmt: skip


def _value(points: Sequence[Point], combine: Combine) -> float | None:
    if combine == "sum":
        return statistics.sum_of_known(point.value for point in points)
    return statistics.weighted_mean((point.value, point.n) for point in points)


def latency(
    frame: Frame,
    percentiles: Sequence[Group],
    limits: Sequence[Limit] = (),
    marks: Sequence[Mark] = (),
    unit: str = "ms",
) -> Chart:
    """p50, p95 and p99 (in this order): three lines of one hue, the median the strongest; budgets as limits."""
    roles = [f"hue-{min(index, 2) + 1}" for index in range(len(percentiles))]
    return _lines(frame, "Latency", unit, list(percentiles), roles, limits, marks)


def _lines(
    frame: Frame,
    name: str,
    unit: str,
    groups: list[Group],
    roles: list[str],
    limits: Sequence[Limit] = (),
    marks: Sequence[Mark] = (),
) -> Chart:
    values = [point.value for group in groups for point in group.points]
    ceiling = ceiling_of(unit, values)
    low, high = below(ceiling, *value_range(values, [limit.value for limit in limits]))
    high = decorations.headroom(low, high, marks, frame)
    drawing = Drawing()
    labels = decorations.add_limits(drawing, limits, unit, low, high)
    for group, role in zip(groups, roles, strict=True):
        # The pale hues of latency are too pale for words.
        labels += _end_label(group, "hue-1" if role.startswith("hue") else role, unit)
    edge = decorations.add_edge_labels(drawing, labels, low, high, frame.size)
    keys = [Key(label.text, label.role) for label in labels]
    decorations.add_marks(drawing, marks, frame)
    data = [one for group, role in zip(groups, roles, strict=True) for one in _group_traces(frame, group, unit, role)]
    axis = value_axis(low, high, unit, frame.size, ceiling)
    page = layout(edge, left_margin(axis)) | {"xaxis": time_axis(frame), "yaxis": axis}
    page |= {"shapes": drawing.shapes, "annotations": drawing.annotations}
    label = f"{name} by group: " + ", ".join(text.text for text in labels)
    return Chart(
        {"data": data, "layout": page}, tables.of_groups(frame, unit, groups), label, (*keys, *drawing.keys), frame.size
    )


def _group_traces(frame: Frame, group: Group, unit: str, role: str) -> list[Figure]:
    width = 1.2 if role == "quiet" else 2
    traces = []
    points = sorted(group.points, key=lambda point: point.at)
    for run in runs(points, frame):
        settled = [point for point in run if point.settled]
        tail = run[max(0, len(settled) - 1) :] if len(settled) < len(run) else []
        for part, dash in ((settled, "solid"), (tail, "dot")):
            if part:
                traces.append(_part(frame, part, role, dash, width))
    worded = hover(frame, group.name, unit, [point for point in points if point.value is not None], role)
    worded["customdata"] = [f"{inert(group.name, 28)} {text}" for text in worded["customdata"]]
    return [*traces, worded]


def _part(frame: Frame, part: Sequence[Point], role: str, dash: str, width: float) -> Figure:
    x, y = [local(point.at, frame.zone) for point in part], [point.value for point in part]
    drawn = trace([*x], [*y], decorations.line(role, dash, width))
    if len(part) == 1:
        return {**drawn, "mode": "markers", "marker": {"color": f"@{role}", "size": 5}}
    return drawn


def _end_label(group: Group, role: str, unit: str) -> list[EdgeLabel]:
    known = [point for point in sorted(group.points, key=lambda p: p.at) if point.value is not None]
    settled = [point for point in known if point.settled] or known
    if not settled or settled[-1].value is None:
        return []
    value = settled[-1].value
    shown = formatting.rate(value, 0) if unit == "ratio" and 0.01 <= value <= 0.99 else formatting.value(value, unit)
    return [EdgeLabel(value, f"{short(group.name)} {shown}", role)]
