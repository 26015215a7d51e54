"""A month's running sum: what has come, what was planned, and where it is heading with its bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboards import formatting
from dashboards.charts import decorations
from dashboards.charts.axes import layout, left_margin, local, time_axis, value_axis, value_range
from dashboards.charts.data import Chart, Column, Drawing, Figure, Frame, Key, Table
from dashboards.charts.decorations import EdgeLabel
from dashboards.charts.timeseries import trace

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sum:
    """The running sum at the end of one bucket; None is what is not known. `actual` of an open bucket is not `complete`."""

    at: datetime
    actual: float | None = None
    plan: float | None = None
    expected: float | None = None
    inner: Ends | None = None
    outer: Ends | None = None
    complete: bool = True


def projected(frame: Frame, name: str, unit: str, sums: Sequence[Sum], over_at: datetime | None = None) -> Chart:
    """Actual solid, plan dashed, the way ahead dotted in bands of 80 % and 95 %; `over_at`: when the plan is used up."""
    drawn = [value for one in sums for value in (one.actual, one.plan, one.expected, *(one.outer or ()))]
    low, high = value_range([0.0, *drawn])
    low = min(low, 0.0)
    drawing = Drawing()
    labels = _labels(sums, unit)
    edge = decorations.add_edge_labels(drawing, labels, low, high, frame.size)
    keys = [Key(label.text, label.role) for label in labels]
    if over_at is not None:
        at = local(over_at, frame.zone)
        drawing.shapes.append(decorations.upright(at, 0, 1, decorations.line("warning", "dot")))
        text = f"over plan {formatting.day(over_at, frame.zone)}"
        late = over_at > frame.start + (frame.end - frame.start) / 2
        place = {"x": at, "yref": "paper", "y": 0.02, "yanchor": "bottom", "xanchor": "right" if late else "left"}
        drawing.mark(decorations.note(f" {text} ", "warning", **place), text, "warning")
    axis = value_axis(low, high, unit, frame.size)
    page = layout(edge, left_margin(axis)) | {"xaxis": time_axis(frame), "yaxis": axis}
    page |= {"shapes": drawing.shapes, "annotations": drawing.annotations}
    figure: Figure = {"data": [*_bands(sums, frame), *_lines(sums, frame), _hover(sums, frame, unit)], "layout": page}
    described = f"{name}: " + (", ".join(label.text for label in labels) or "nothing yet")
    return Chart(figure, _table(sums, frame, unit), described, (*keys, *drawing.keys), frame.size)


def _labels(sums: Sequence[Sum], unit: str) -> list[EdgeLabel]:
    """Each line's last value, at the right edge."""
    found = []
    for name, role, values in (
        ("plan", "quiet", [one.plan for one in sums]),
        ("expected", "series-1", [one.expected for one in sums]),
        ("so far", "series-1", [one.actual for one in sums]),
    ):
        known = [value for value in values if value is not None]
        is_over = name == "so far" and sums[-1].actual is None and any(one.expected is not None for one in sums)
        if known and not is_over:
            found.append(EdgeLabel(known[-1], f"{name} {formatting.value(known[-1], unit)}", role))
    return found


def _bands(sums: Sequence[Sum], frame: Frame) -> list[Figure]:
    """Two tints, one on the other."""
    found = []
    for ends in ([(one.at, one.outer) for one in sums], [(one.at, one.inner) for one in sums]):
        known = [(local(at, frame.zone), pair) for at, pair in ends if pair is not None]
        if len(known) > 1:
            times = [at for at, _ in known]
            upper, lower = [pair[1] for _, pair in known], [pair[0] for _, pair in known]
            found.append({
                "type": "scatter", "mode": "none", "fill": "toself", "fillcolor": "@tint", "hoverinfo": "skip",
                "x": times + times[::-1], "y": upper + lower[::-1],
            })  # fmt: skip
    return found


def _lines(sums: Sequence[Sum], frame: Frame) -> list[Figure]:
    settled = [(one.at, one.actual) for one in sums if one.complete]
    open_end = [(one.at, one.actual) for one in sums if one.actual is not None][-2:]
    lines = [
        _line(frame, [(one.at, one.plan) for one in sums], decorations.line("quiet", "dash", 1.5)),
        _line(frame, [(one.at, one.expected) for one in sums], decorations.line("series-1", "dot", 2)),
        _line(frame, settled, decorations.line("series-1", width=2)),
    ]
    if any(one.actual is not None and not one.complete for one in sums):
        hollow = {"symbol": "circle", "color": "@panel", "opacity": 1, "line": {"color": "@series-1", "width": 1.5}}
        sizes = [7 if number == len(open_end) - 1 else 0 for number in range(len(open_end))]
        drawn = _line(frame, open_end, decorations.line("series-1", "dot", 2))
        lines.append({**drawn, "mode": "lines+markers", "marker": {**hollow, "size": sizes}})
    return [line for line in lines if line["x"]]


def _line(frame: Frame, values: Sequence[tuple[datetime, float | None]], style: Figure) -> Figure:
    known = [(at, value) for at, value in values if value is not None]
    return trace([local(at, frame.zone) for at, _ in known], [value for _, value in known], style)


def _hover(sums: Sequence[Sum], frame: Frame, unit: str) -> Figure:
    """One line of words a bucket; on the sum that has come, else on the one expected, else on the plan."""
    known = [(one, value) for one in sums if (value := _first(one.actual, one.expected, one.plan)) is not None]
    base = trace([local(one.at, frame.zone) for one, _ in known], [value for _, value in known], {"width": 0})
    del base["hoverinfo"]
    words = [_words(one, unit) for one, _ in known]
    marker = {"color": "@series-1", "size": 2.5, "opacity": 0}
    return {
        **base,
        "mode": "markers",
        "marker": marker,
        "customdata": words,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _words(one: Sum, unit: str) -> str:
    parts = []
    if one.actual is not None:
        parts.append(f"{formatting.value(one.actual, unit)}{'' if one.complete else ' so far'}")
    if one.expected is not None and one.expected != one.actual:
        ends = formatting.interval(*one.outer, unit) if one.outer else ""
        parts.append(f"expected {formatting.value(one.expected, unit)}{f' ({ends})' if ends else ''}")
    if one.plan is not None:
        parts.append(f"plan {formatting.value(one.plan, unit)}")
    return ", ".join(parts)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _table(sums: Sequence[Sum], frame: Frame, unit: str) -> Table:
    titles = ("Actual", "Plan", "Expected", "Low 80 %", "High 80 %", "Low 95 %", "High 95 %")
    rows = tuple(
        (one.at, one.actual, one.plan, one.expected, *(one.inner or (None, None)), *(one.outer or (None, None)))
        for one in sums
    )
    return Table((Column("Day", "time"), *(Column(title, unit) for title in titles)), rows, frame.zone)
