"""Two curves with a fixed scale: the evidence of a drift detector (0–100) and the concentration of cost (Lorenz)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, pairwise

from dashboards import formatting
from dashboards.charts import decorations, tables
from dashboards.charts.axes import layout, left_margin, local, time_axis, value_axis
from dashboards.charts.data import Chart, Column, Drawing, Figure, Frame, Key, Point, Span, Table
from dashboards.charts.decorations import EdgeLabel
from dashboards.charts.timeseries import hover, runs, trace

ALARM = 100.0
_TOP = 112.0
_LORENZ_TOP = 1.02


def evidence(
    frame: Frame, points: Sequence[Point], baseline: Span | None = None, alarm_at: datetime | None = None
) -> Chart:
    """How near a series is to its alarm, 0–100 (higher values are drawn at 100); the baseline's days are shaded."""
    capped = [Point(p.at, None if p.value is None else min(p.value, ALARM), n=p.n) for p in points]
    drawing = Drawing()
    drawing.shapes.append(decorations.across(ALARM, decorations.line("critical")))
    edge = decorations.add_edge_labels(drawing, [EdgeLabel(ALARM, "alarm 100", "critical")], 0, _TOP, frame.size)
    if baseline:
        decorations.add_spans(drawing, [baseline], frame)
    if alarm_at:
        at = local(alarm_at, frame.zone)
        drawing.shapes.append(decorations.upright(at, 0, 1, decorations.line("quiet", "dot")))
        date = formatting.day(alarm_at, frame.zone)
        label = decorations.note(f" {date}", x=at, y=12, yanchor="bottom")
        drawing.mark(label, f"above the alarm line from {date}")
    lines = [_evidence_line(frame, run) for run in runs(capped, frame)]
    axis = value_axis(0, _TOP, "score", frame.size, ALARM) | {"tickvals": [0, 50, 100], "ticktext": ["0", "50", "100"]}
    page = layout(edge, left_margin(axis)) | {"xaxis": time_axis(frame), "yaxis": axis}
    page |= {"shapes": drawing.shapes, "annotations": drawing.annotations}
    known = [p for p in capped if p.value is not None]
    figure = {"data": [*lines, hover(frame, "evidence", "count", known)], "layout": page}
    last = f"now {known[-1].value:.0f}" if known and known[-1].value is not None else "not judged yet"
    table = tables.of_points(frame, "Evidence", "score", list(points))
    return Chart(
        figure,
        table,
        f"Evidence from 0 to 100, alarm at 100, {last}",
        (Key("alarm 100", "critical"), *drawing.keys),
        frame.size,
    )


def _evidence_line(frame: Frame, run: list[Point]) -> Figure:
    x, y = [local(point.at, frame.zone) for point in run], [point.value for point in run]
    return trace([*x], [*y], decorations.line("series-1", width=2))


def lorenz_points(amounts: Sequence[float]) -> list[tuple[float, float]]:
    """(share of users, share of the sum) from the smallest to the largest amount, 0–1, at most 400 points."""
    ordered = sorted(amount for amount in amounts if amount >= 0)
    total = sum(ordered)
    if not total:
        return []
    sums = [0.0, *accumulate(ordered)]
    step = max(1, len(ordered) // 400)
    kept = sorted({*range(0, len(sums), step), len(sums) - 1})
    return [(index / len(ordered), sums[index] / total) for index in kept]


def share_of_top(curve: Sequence[tuple[float, float]], top: float) -> float:
    """What the largest `top` (0.01: one per cent) of users hold, read off the curve."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 <= 1 - top <= x1:
            return 1 - (y0 if x1 == x0 else y0 + (y1 - y0) * (1 - top - x0) / (x1 - x0))
    return 1.0


def lorenz(
    name: str, curve: Sequence[tuple[float, float]], frame: Frame, top: float = 0.01, held: float | None = None
) -> Chart:
    """Concentration: the further the curve sags under the diagonal, the fewer users carry the sum.

    `held`: what the largest `top` have, where it is known exactly; else it is read off the curve.
    """
    held = share_of_top(curve, top) if held is None else held
    text = f"top {formatting.rate(top, 0)} = {formatting.rate(held)}"
    drawing = Drawing()
    edge = decorations.add_edge_labels(drawing, [EdgeLabel(1 - held, text, "series-1")], 0, _LORENZ_TOP, frame.size)
    equal = decorations.note("if all were equal ", x=0.5, y=0.5) | {"xanchor": "right", "yanchor": "bottom"}
    up = value_axis(0, _LORENZ_TOP, "ratio", frame.size, 1.0)
    across = {**up, "range": [0, 1], "showgrid": False, "ticks": "outside", "ticklen": 4, "tickcolor": "@line"}
    page = layout(edge, left_margin(up)) | {"xaxis": across, "yaxis": up, "hovermode": "x"}
    page |= {"annotations": [equal, *drawing.annotations]}
    columns = (Column("Users from below", "share"), Column("Share of the sum", "share"))
    table = Table(columns, tuple(curve), frame.zone)
    figure = {"data": _lorenz_traces(curve, top, held), "layout": page}
    return Chart(figure, table, f"{name}: {text}", (Key(text, "series-1"),), frame.size)


def _lorenz_traces(curve: Sequence[tuple[float, float]], top: float, held: float) -> list[Figure]:
    """The line of equality, the curve, and the dot from which the largest lie to the right."""
    diagonal = trace([], [], decorations.line("quiet", "dash")) | {"x": [0, 1], "y": [0, 1]}
    words = [f"{formatting.rate(1 - x)} largest hold {formatting.rate(1 - y)}" for x, y in curve]
    line = trace([], [], decorations.line("series-1", width=2))
    del line["hoverinfo"]
    line |= {"x": [x for x, _ in curve], "y": [y for _, y in curve], "customdata": words}
    line["hovertemplate"] = "%{customdata}<extra></extra>"
    dot = diagonal | {"x": [1 - top], "y": [1 - held], "mode": "markers", "marker": {"color": "@series-1", "size": 7}}
    return [diagonal, line, dot]
