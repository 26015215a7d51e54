"""Bars: one series, daily cost by component, and the pairs of a distribution."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from dashboards import formatting
from dashboards.charts import decorations, tables
from dashboards.charts.axes import layout, left_margin, local, time_axis, value_axis, value_range
from dashboards.charts.data import Bin, Chart, Column, Drawing, Figure, Frame, Group, Key, Mark, Point, Table
from dashboards.charts.decorations import EdgeLabel
from dashboards.charts.text import inert, short
from dashboards.charts.timeseries import Around, describe, trace

_CLEAR = "rgba(0,0,0,0)"
_BARS_BOTTOM, _TOTAL_TOP = 0.52, 0.4


@dataclass(frozen=True, slots=True)
class Plan:
    """Cumulative amounts: what was spent so far, and what was meant to be (may be empty)."""

    actual: Sequence[Point]
    plan: Sequence[Point] = ()


def columns(frame: Frame, name: str, unit: str, points: Sequence[Point], around: Around | None = None) -> Chart:
    """Counts or amounts a bucket; the open bucket is hollow, an unknown one empty. No volume, no period before."""
    about = around or Around()
    band = [about.band.value, about.band.low, about.band.high] if about.band else []
    low, high = value_range([0, *band, *(p.value for p in points)], [limit.value for limit in about.limits])
    low = min(low, 0)
    high = decorations.headroom(low, high, about.marks, frame)
    drawing = Drawing()
    decorations.add_spans(drawing, about.spans, frame)
    labels = decorations.add_band(drawing, about.band, unit)
    labels += decorations.add_limits(drawing, about.limits, unit, low, high)
    edge = decorations.add_edge_labels(drawing, labels, low, high, frame.size)
    keys = [Key(label.text, label.role) for label in labels]
    decorations.add_marks(drawing, about.marks, frame)
    axis = value_axis(low, high, unit, frame.size)
    page = layout(edge, left_margin(axis)) | {"xaxis": time_axis(frame), "yaxis": axis}
    page |= {"shapes": drawing.shapes, "annotations": drawing.annotations}
    known = sorted(points, key=lambda point: point.at)
    figure = {"data": [_bar(frame, "", unit, known, "series-1")], "layout": page}
    table = tables.of_points(frame, name, unit, known)
    return Chart(figure, table, describe(name, unit, known), (*keys, *drawing.keys), frame.size)


def _bar(frame: Frame, name: str, unit: str, points: Sequence[Point], role: str) -> Figure:
    color = f"@{role}"
    words = [" ".join(filter(None, (inert(name), formatting.value(p.value, unit), tables.state_of(p)))) for p in points]
    return {
        "type": "bar", "x": [local(p.at, frame.zone) for p in points], "y": [p.value for p in points],
        "width": frame.grain.total_seconds() * 750, "name": inert(name),
        "customdata": words, "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {
            "color": [color if p.settled else _CLEAR for p in points],
            "line": {"color": color, "width": [0 if p.settled else 1.5 for p in points]},
        },
    }  # fmt: skip


def cost_bars(
    frame: Frame,
    components: Sequence[Group],
    plan: Plan | None = None,
    marks: Sequence[Mark] = (),
    unit: str = "usd",
) -> Chart:
    """Daily cost stacked by component, largest at the bottom. With a plan: the cumulative line in a row of its own
    below.
    """
    stack = sorted(components, key=lambda group: -_total(group))[:6]
    sums = list(_daily(stack).values())
    low, high = value_range([0, *sums])
    low, bottom = min(low, 0.0), _BARS_BOTTOM if plan else 0.0
    high = decorations.headroom(low, high, marks, frame)
    drawing = Drawing()
    labels = _stack_labels(stack, unit)
    edge = decorations.add_edge_labels(drawing, labels, low, high, frame.size, 1 - bottom)
    keys = [Key(label.text, label.role) for label in labels]
    decorations.add_marks(drawing, marks, frame, bottom)
    data = [_bar(frame, group.name, unit, group.points, f"series-{i + 1}") for i, group in enumerate(stack)]
    axis = value_axis(low, high, unit, "low" if plan and frame.size != "tall" else frame.size)
    page: Figure = {"xaxis": time_axis(frame), "yaxis": axis, "barmode": "stack"}
    if plan:
        data += _cumulative(frame, plan, unit)
        page = _cumulative_axes(page, plan, unit, drawing, edge)
    page = layout(edge, left_margin(*(page[name] for name in ("yaxis", "yaxis2") if name in page))) | page
    page |= {"shapes": drawing.shapes, "annotations": drawing.annotations}
    total = formatting.value(sum(sums), unit)
    label = f"Cost by component, {total} in all: " + ", ".join(one.text for one in labels)
    table = tables.of_groups(frame, unit, stack)
    return Chart({"data": data, "layout": page}, table, label, (*keys, *drawing.keys), frame.size)


def _total(group: Group) -> float:
    return sum(point.value or 0 for point in group.points)


def _daily(stack: Sequence[Group]) -> dict[object, float]:
    sums: dict[object, float] = {}
    for group in stack:
        for point in group.points:
            sums[point.at] = sums.get(point.at, 0) + (point.value or 0)
    return sums


def _stack_labels(stack: Sequence[Group], unit: str) -> list[EdgeLabel]:
    """Beside the newest bar, at the middle of each component's part, with the component's total."""
    newest = max((point.at for group in stack for point in group.points), default=None)
    parts = [sum(point.value or 0 for point in group.points if point.at == newest) for group in stack]
    ends = list(accumulate(parts))
    return [
        EdgeLabel(end - part / 2, f"{short(group.name)} {formatting.value(_total(group), unit)}", f"series-{i + 1}")
        for i, (group, part, end) in enumerate(zip(stack, parts, ends, strict=True))
    ]


def _cumulative(frame: Frame, plan: Plan, unit: str) -> list[Figure]:
    traces = []
    for points, style, name in (
        (plan.plan, decorations.line("quiet", "dash"), "plan"),
        (plan.actual, decorations.line("series-1", width=2), "so far"),
    ):
        if points:
            drawn = trace([local(p.at, frame.zone) for p in points], [p.value for p in points], style)
            del drawn["hoverinfo"]
            words = [f"{name} {formatting.value(point.value, unit)}" for point in points]
            traces.append(drawn | {"yaxis": "y2", "customdata": words, "hovertemplate": "%{customdata}<extra></extra>"})
    return traces


def _cumulative_axes(page: Figure, plan: Plan, unit: str, drawing: Drawing, edge: list[str]) -> Figure:
    low, high = value_range([0, *(p.value for p in [*plan.actual, *plan.plan])])
    ends = [
        EdgeLabel(points[-1].value, f"{name} {formatting.value(points[-1].value, unit)}", role)
        for points, name, role in ((plan.plan, "plan", "quiet"), (plan.actual, "so far", "series-1"))
        if points and points[-1].value is not None
    ]
    below = Drawing()
    edge += decorations.add_edge_labels(below, ends, 0, high, "tall", _TOTAL_TOP)
    drawing.annotations += [label | {"yref": "y2"} for label in below.annotations]
    axis = value_axis(min(low, 0), high, unit, "low") | {"domain": [0, _TOTAL_TOP], "anchor": "x"}
    top = page["yaxis"] | {"domain": [_BARS_BOTTOM, 1]}
    return page | {"xaxis": page["xaxis"] | {"anchor": "y2"}, "yaxis": top, "yaxis2": axis}


def bars_pair(name: str, bins: Sequence[Bin], reference: str, current: str, frame: Frame) -> Chart:
    """A distribution now and then, as shares: reference hollow, current solid. The frame gives size and zone only."""
    labels = [inert(one.label, 16) for one in bins]
    top = max([0.01, *(max(one.reference, one.current) for one in bins)])
    axis = value_axis(0, top * 1.22, "ratio", frame.size, 1.0)
    hollow = {"color": "@band", "line": {"color": "@quiet", "width": 1}}
    data = [
        _pair_bar(labels, [one.reference for one in bins], inert(reference), hollow),
        _pair_bar(labels, [one.current for one in bins], inert(current), {"color": "@series-1"}),
    ]
    page = layout((), left_margin(axis)) | {"yaxis": axis, "barmode": "group", "bargap": 0.25, "showlegend": True}
    page["legend"] = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.05, "yanchor": "top", "itemclick": False}
    page["legend"]["itemdoubleclick"] = False
    page["xaxis"] = {"type": "category", "showgrid": False, "tickangle": 0, "fixedrange": True, "linecolor": "@line"}
    table = Table(
        (Column(name), Column(reference, "share"), Column(current, "share")),
        tuple((one.label, one.reference, one.current) for one in bins),
        frame.zone,
    )
    moved = max(bins, key=lambda one: abs(one.current - one.reference), default=None)
    most = f"; {moved.label} moved most, {formatting.points(moved.current - moved.reference)}" if moved else ""
    return Chart({"data": data, "layout": page}, table, f"{name}: {reference} beside {current}{most}", (), frame.size)


def _pair_bar(labels: list[str], shares: list[float], name: str, marker: Figure) -> Figure:
    words = [f"{name} {formatting.rate(share)}" for share in shares]
    return {
        "type": "bar", "x": labels, "y": shares, "name": name, "marker": marker,
        "customdata": words, "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
