"""One metric over time, with its uncertainty, its normal, its limits and what happened."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from dashboards.charts.data import Band, Chart, Drawing, Figure, Frame, Key, Limit, Mark, Point, Span, Volume
from dashboards.charts.decorations import EdgeLabel
from dashboards.charts.text import inert

THIN = 30
_VOLUME_TOP, _LINE_BOTTOM = 0.19, 0.26


@dataclass(frozen=True, slots=True)
class Around:
    """Everything that may lie around the line; all of it optional. `previous` is the period before, its times already
    moved onto this window; `last` writes the newest settled value at the right edge.
    """

    band: Band | None = None
    limits: Sequence[Limit] = ()
    marks: Sequence[Mark] = ()
    spans: Sequence[Span] = ()
    previous: Sequence[Point] = ()
    previous_name: str = "period before"
    volume: Volume | None = None
    last: bool = False


def timeseries(frame: Frame, name: str, unit: str, points: Sequence[Point], around: Around | None = None) -> Chart:
    """A 2 px line of the settled buckets; what is still open is dotted with a hollow end; unknown buckets are gaps."""
    about = around or Around()
    known = sorted(points, key=lambda point: point.at)
    ceiling = ceiling_of(unit, [point.value for point in [*known, *about.previous]])
    low, high = below(ceiling, *_range(known, about))
    high = decorations.headroom(low, high, about.marks, frame)
    bottom = _LINE_BOTTOM if about.volume else 0.0
    drawing = Drawing()
    decorations.add_spans(drawing, about.spans, frame, bottom)
    labels = decorations.add_band(drawing, about.band, unit)
    labels += decorations.add_limits(drawing, about.limits, unit, low, high)
    labels += _last_label(known, unit) if about.last else []
    labels += _previous_label(about)
    edge = decorations.add_edge_labels(drawing, labels, low, high, frame.size, 1 - bottom)
    keys = [Key(label.text, label.role) for label in labels]
    decorations.add_marks(drawing, about.marks, frame, bottom)
    data = [*_previous(about.previous, frame), *_intervals(known, frame), *_lines(known, frame, name, unit)]
    page: Figure = {"xaxis": time_axis(frame), "yaxis": value_axis(low, high, unit, frame.size, ceiling)}
    if about.volume:
        text = f"bars: {about.volume.label}"
        edge.append(text)
        drawing.annotations.append(decorations.edge_note(text))
        data.append(_volume_bars(about.volume, about.band is not None, frame, about.spans))
        page |= _volume_axes(page, about.volume)
    page = layout(edge, left_margin(*(page[name] for name in ("yaxis", "yaxis2") if name in page))) | page
    page |= {"shapes": drawing.shapes, "annotations": drawing.annotations}
    table = tables.of_points(frame, name, unit, known)
    figure: Figure = {"data": data, "layout": page}
    return Chart(figure, table, describe(name, unit, known), (*keys, *drawing.keys), frame.size)


def describe(name: str, unit: str, points: Sequence[Point]) -> str:
    """The sentence a screen reader gets instead of the picture."""
    values = [point.value for point in points if point.value is not None]
    if not values:
        return f"{name}: no data in this window"
    ends = f"from {formatting.value(values[0], unit)} to {formatting.value(values[-1], unit)}"
    return (
        f"{name}, {len(values)} buckets, {ends}, lowest {_word(min(values), unit)}, highest {_word(max(values), unit)}"
    )


def _word(value: float, unit: str) -> str:
    return formatting.value(value, unit)


def _range(points: Sequence[Point], about: Around) -> tuple[float, float]:
    drawn: list[float | None] = [point.value for point in [*points, *about.previous]]
    for point in points:
        if point.n >= THIN and point.settled:
            drawn += [point.low, point.high]
    if about.band:
        drawn += [about.band.value, about.band.low, about.band.high]
    return value_range(drawn, [limit.value for limit in about.limits])


def runs(points: Sequence[Point], frame: Frame) -> list[list[Point]]:
    """Unbroken stretches: a bucket without value, or a missing one, ends a run."""
    found: list[list[Point]] = []
    last: Point | None = None
    for point in points:
        if point.value is None:
            last = None
            continue
        if last is None or point.at - last.at > 1.6 * frame.grain:
            found.append([])
        found[-1].append(point)
        last = point
    return found


def _intervals(points: Sequence[Point], frame: Frame) -> list[Figure]:
    """One polygon a run; a lonely bucket gets a narrow box."""
    settled = [point for point in points if point.settled and point.low is not None and point.high is not None]
    return [_polygon(run, frame) for run in runs(settled, frame)]


def _polygon(run: list[Point], frame: Frame) -> Figure:
    if len(run) == 1:
        quarter = frame.grain / 4
        times = [local(run[0].at - quarter, frame.zone), local(run[0].at + quarter, frame.zone)]
        ends = [(run[0].low, run[0].high)] * 2
    else:
        times = [local(point.at, frame.zone) for point in run]
        ends = [(point.low, point.high) for point in run]
    upper, lower = [high for _, high in ends], [low for low, _ in ends]
    return {
        "type": "scatter", "mode": "none", "fill": "toself", "fillcolor": "@tint", "hoverinfo": "skip",
        "x": times + times[::-1], "y": upper + lower[::-1],
    }  # fmt: skip


def _lines(points: Sequence[Point], frame: Frame, name: str, unit: str) -> list[Figure]:
    found = runs(points, frame)
    traces = [_solid(found, frame)]
    traces += [_open_end(run, frame) for run in found if not run[-1].settled]
    traces += _dots(found, frame)
    traces.append(hover(frame, name, unit, [point for run in found for point in run]))
    return traces


def trace(x: list[str | None], y: list[float | None], style: Figure) -> Figure:
    """A line without hover words (the hover trace has them)."""
    return {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "x": x, "y": y, "line": style}


def _solid(found: list[list[Point]], frame: Frame) -> Figure:
    """All settled runs in one trace, with gaps between them."""
    x: list[str | None] = []
    y: list[float | None] = []
    for run in found:
        settled = [point for point in run if point.settled]
        x += [*(local(point.at, frame.zone) for point in settled), None]
        y += [*(point.value for point in settled), None]
    return trace(x[:-1], y[:-1], decorations.line("series-1", width=2))


def _open_end(run: list[Point], frame: Frame) -> Figure:
    """From the last settled bucket on: dotted, every open bucket hollow when there are few, else the last one."""
    first = next(index for index, point in enumerate(run) if not point.settled)
    tail = run[max(0, first - 1) :]
    few = len(run) - first <= 3
    sizes = [0 if point.settled or not (few or point is tail[-1]) else 7 for point in tail]
    dotted = trace(
        [local(point.at, frame.zone) for point in tail],
        [point.value for point in tail],
        decorations.line("series-1", "dot", 2),
    )
    return {**dotted, "mode": "lines+markers", "marker": {**_hollow(), "size": sizes}}


def _is_hollow(point: Point) -> bool:
    return point.seam or (point.low is not None and point.n < THIN)


def _hollow() -> Figure:
    return {"symbol": "circle", "color": "@panel", "opacity": 1, "line": {"color": "@series-1", "width": 1.5}}


def _dots(found: list[list[Point]], frame: Frame) -> list[Figure]:
    """Thin samples and cut days hollow; a lonely settled bucket as a dot, for a line through one point is invisible."""
    thin = [p for run in found for p in run if p.settled and _is_hollow(p)]
    lonely = [run[0] for run in found if len(run) == 1 and run[0].settled and run[0] not in thin]
    traces = []
    for chosen, marker in ((thin, {**_hollow(), "size": 6}), (lonely, {"color": "@series-1", "size": 5})):
        if chosen:
            base = trace([local(p.at, frame.zone) for p in chosen], [p.value for p in chosen], {"width": 0})
            traces.append({**base, "mode": "markers", "marker": marker})
    return traces


def hover(frame: Frame, name: str, unit: str, points: Sequence[Point], role: str = "series-1") -> Figure:
    """A hardly seen trace that carries the words: one hover line a bucket, whatever is drawn.

    Its size and opacity are those of the swatch beside the words, so they cannot be nothing.
    """
    base = trace([local(p.at, frame.zone) for p in points], [p.value for p in points], {"width": 0})
    del base["hoverinfo"]
    words = [_hover_text(point, unit) for point in points]
    clear = [0 if not point.settled or _is_hollow(point) else 1 for point in points]
    marker = {"color": f"@{role}", "size": 2.5, "opacity": clear}
    name_and_text = {"name": inert(name), "customdata": words, "hovertemplate": "%{customdata}<extra></extra>"}
    return {**base, "mode": "markers", "marker": marker, **name_and_text}


def _hover_text(point: Point, unit: str) -> str:
    text = formatting.value(point.value, unit)
    ends = formatting.interval(point.low, point.high, unit)
    parts = [f"{text} ({ends})" if ends else text]
    if point.n and unit not in ("count", "calls", "users", "events"):
        parts.append(f"n = {formatting.count(point.n)}")
    state = tables.state_of(point)
    return ", ".join([*parts, state] if state else parts)


def _previous(points: Sequence[Point], frame: Frame) -> list[Figure]:
    found = runs(sorted(points, key=lambda point: point.at), frame)
    if not found:
        return []
    x: list[str | None] = []
    y: list[float | None] = []
    for run in found:
        x += [*(local(point.at, frame.zone) for point in run), None]
        y += [*(point.value for point in run), None]
    return [trace(x[:-1], y[:-1], decorations.line("hue-3", "dot", 1.5))]


def _previous_label(about: Around) -> list[EdgeLabel]:
    known = [point for point in about.previous if point.value is not None]
    newest = max(known, key=lambda point: point.at, default=None)
    return [] if newest is None or newest.value is None else [EdgeLabel(newest.value, about.previous_name)]


def _last_label(points: Sequence[Point], unit: str) -> list[EdgeLabel]:
    settled = [point for point in points if point.settled and point.value is not None]
    if not settled or settled[-1].value is None:
        return []
    last = settled[-1]
    ends = formatting.interval(last.low, last.high, unit)
    text = formatting.value(last.value, unit) + (f" ({ends})" if ends else "")
    return [EdgeLabel(settled[-1].value, text, "series-1")]


def _volume_bars(volume: Volume, has_band: bool, frame: Frame, spans: Sequence[Span]) -> Figure:
    """Paler inside the baseline, so that one sees which days made the normal."""
    made = [span for span in spans if span.kind == "baseline"] if has_band else []
    pale = [any(span.start <= point.at < span.end for span in made) for point in volume.points]
    texts = [f"{formatting.count(point.value)} {inert(volume.label)}" for point in volume.points]
    return {
        "type": "bar", "yaxis": "y2", "x": [local(point.at, frame.zone) for point in volume.points],
        "y": [point.value for point in volume.points], "width": frame.grain.total_seconds() * 750,
        "marker": {"color": "@quiet", "opacity": [0.25 if one else 0.5 for one in pale], "line": {"width": 0}},
        "name": inert(volume.label), "customdata": texts, "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def _volume_axes(page: Figure, volume: Volume) -> Figure:
    top = max((point.value or 0 for point in volume.points), default=0) or 1
    below = value_axis(0, top * 1.15, "count", "low")
    below |= {"domain": [0, _VOLUME_TOP], "showgrid": False, "anchor": "x"}
    ticks = list(zip(below["tickvals"], below["ticktext"], strict=True))
    kept = [ticks[0], ticks[-1]] if len(ticks) > 1 else ticks
    below |= {"tickvals": [tick for tick, _ in kept], "ticktext": [text for _, text in kept]}
    return {
        "xaxis": {**page["xaxis"], "anchor": "y2"},
        "yaxis": {**page["yaxis"], "domain": [_LINE_BOTTOM, 1]},
        "yaxis2": below,
    }
