"""What lies around a series: the band of normal, limits, change marks, incident spans, labels at the right edge."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import formatting
from dashboards.charts.axes import LABEL_SIZE, local, spread
from dashboards.charts.data import Band, Drawing, Figure, Frame, Key, Limit, Mark, Size, Span
from dashboards.charts.text import inert, local_link

_MARK_ROWS = 4
_NO_LINE = {"width": 0}


@dataclass(frozen=True, slots=True)
class EdgeLabel:
    """Text beside the right edge at a value of the upright axis; `text` is inert already."""

    value: float
    text: str
    role: str = "quiet"


def line(role: str, dash: str = "solid", width: float = 1) -> Figure:
    return {"color": f"@{role}", "width": width, "dash": dash}


def across(value: float, style: Figure) -> Figure:
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": style}


def upright(at: str, low: float, high: float, style: Figure) -> Figure:
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": low, "y1": high, "line": style}


def block(start: str, end: str, role: str, low: float = 0, high: float = 1) -> Figure:
    return {
        "type": "rect", "yref": "paper", "x0": start, "x1": end, "y0": low, "y1": high,
        "fillcolor": f"@{role}", "line": _NO_LINE, "layer": "below",
    }  # fmt: skip


def note(text: str, role: str = "quiet", **place: object) -> Figure:
    font = {"size": LABEL_SIZE, "color": f"@{role}"}
    return {"text": text, "showarrow": False, "xanchor": "left", "font": font, **place}


def add_band(drawing: Drawing, band: Band | None, unit: str) -> list[EdgeLabel]:
    if band is None:
        return []
    if band.low is not None and band.high is not None:
        grey = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": band.low, "y1": band.high}
        drawing.shapes.append({**grey, "fillcolor": "@band", "line": _NO_LINE, "layer": "below"})
    drawing.shapes.append(across(band.value, line("quiet", "dash")))
    return [EdgeLabel(band.value, f"{inert(band.label)} {formatting.value(band.value, unit)}")]


def add_limits(drawing: Drawing, limits: Sequence[Limit], unit: str, low: float, high: float) -> list[EdgeLabel]:
    """A limit beyond the axis keeps its label, with an arrow, so that a calm chart need not shrink to a flat line."""
    labels = []
    for limit in limits:
        text = inert(limit.label) or f"{limit.severity} {formatting.value(limit.value, unit)}"
        if low <= limit.value <= high:
            dash = "dash" if limit.severity == "warning" else "solid"
            drawing.shapes.append(across(limit.value, line(limit.severity, dash)))
        else:
            text += " ↑" if limit.value > high else " ↓"
        labels.append(EdgeLabel(limit.value, text, limit.severity))
    return labels


def add_marks(drawing: Drawing, marks: Sequence[Mark], frame: Frame, low: float = 0.0) -> None:
    """Neighbours hang at different heights, so that their texts do not overlap."""
    inside = sorted((mark for mark in marks if frame.start <= mark.at < frame.end), key=lambda mark: mark.at)
    near = (frame.end - frame.start) / 4
    row = 0
    for index, mark in enumerate(inside):
        crowded = index > 0 and mark.at - inside[index - 1].at < near
        row = (row + 1) % _MARK_ROWS if crowded else 0
        top, at = 1 - row * (1 - low) * 0.08, local(mark.at, frame.zone)
        drawing.shapes.append(upright(at, low, top, line("quiet", "dot")))
        late = mark.at > frame.end - near
        place = {"x": at, "yref": "paper", "y": top, "yanchor": "top", "name": "mark"}
        text = inert(mark.text, 28)
        drawing.annotations.append(
            note(f"{text} ", **{**place, "xanchor": "right"}) if late else note(f" {text}", **place)
        )
        drawing.keys.append(Key(mark.text))


def add_spans(drawing: Drawing, spans: Sequence[Span], frame: Frame, low: float = 0.0) -> None:
    for span in spans:
        start, end = max(span.start, frame.start), min(span.end, frame.end)
        if start >= end:
            continue
        left, right = local(start, frame.zone), local(end, frame.zone)
        drawing.shapes.append(block(left, right, "band" if span.kind == "baseline" else "mark", low))
        if span.at is not None:
            drawing.shapes.append(upright(local(span.at, frame.zone), low, 1, line("warning")))
        if span.text:
            _span_label(drawing, span, left if span.kind == "baseline" else right, low)


def _span_label(drawing: Drawing, span: Span, at: str, low: float) -> None:
    text = local_link(span.text, span.href) if span.href else inert(span.text)
    role = "quiet" if span.kind == "baseline" else "warning"
    place = {"x": at, "yref": "paper", "y": low + 0.03, "yanchor": "bottom", "bgcolor": "@panel", "borderpad": 0}
    if span.kind == "baseline":
        drawing.annotations.append(note(f" {text}", role, **{**place, "bgcolor": "rgba(0,0,0,0)"}))
        return
    drawing.annotations.append(note(f" {text}", role, name="mark", **place))
    drawing.keys.append(Key(span.text, role, span.href))


def add_edge_labels(
    drawing: Drawing, labels: Sequence[EdgeLabel], low: float, high: float, size: Size = "normal", room: float = 1.0
) -> list[str]:
    """Labels at the right edge, moved apart; their texts also become keys. Returns the texts (for the margin)."""
    places = spread([label.value for label in labels], low, high, size, room)
    for label, place in zip(labels, places, strict=True):
        drawing.annotations.append(note(label.text, label.role, xref="paper", x=1.008, y=place, name="edge"))
    return [label.text for label in labels]


def edge_note(text: str, place: float = 0.06) -> Figure:
    """A label beside the row of bars under the plot."""
    return note(text, xref="paper", yref="paper", x=1.008, y=place, yanchor="bottom", name="edge")
