"""What lies around a series: the band of normal, limits, change marks, incident spans, labels at the right edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboards import formatting
from dashboards.charts.axes import LABEL_SIZE, local, spread
from dashboards.charts.data import Band, Drawing, Figure, Frame, Limit, Mark, Size, Span
from dashboards.charts.text import inert, is_local

EDGE_LENGTH = 28
_MARK_LENGTH = {"change": EDGE_LENGTH, "seam": 44}
_MARK_DASH = {"change": "dot", "seam": "dash"}
_RIGHTMOST = {"change": 0.75, "seam": 0.5}
"""Beyond this share of the width a mark's text stands on the left of its line."""
_MARK_ROWS = 4
_MARK_ROW = 0.08
"""The height of a row of marks' texts, as a share of the plot's."""
_NO_LINE = {"width": 0}


@dataclass(frozen=True, slots=True)
class EdgeLabel:
    """Text beside the right edge at a value of the upright axis; `text` as people wrote it."""

    value: float
    text: str
    role: str = "quiet"


def line(role: str, dash: str = "solid", width: float = 1) -> Figure:
    """The style of a drawn line; `role` is a colour role."""
    return {"color": f"@{role}", "width": width, "dash": dash}


def across(value: float, style: Figure) -> Figure:
    """A line from edge to edge at a value of the upright axis."""
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": style}


def upright(at: str, low: float, high: float, style: Figure) -> Figure:
    """A line at an instant, between two shares of the height."""
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": low, "y1": high, "line": style}


def block(start: str, end: str, role: str, low: float = 0, high: float = 1) -> Figure:
    """A filled stretch of time behind everything else."""
    return {
        "type": "rect", "yref": "paper", "x0": start, "x1": end, "y0": low, "y1": high,
        "fillcolor": f"@{role}", "line": _NO_LINE, "layer": "below",
    }  # fmt: skip


def note(text: str, role: str = "quiet", **place: object) -> Figure:
    """A text inside the figure; it must be inert already."""
    font = {"size": LABEL_SIZE, "color": f"@{role}"}
    return {"text": text, "showarrow": False, "xanchor": "left", "borderpad": 0, "font": font, **place}


def add_band(drawing: Drawing, band: Band | None, unit: str) -> list[EdgeLabel]:
    """Draw the normal; its label is returned for the right edge."""
    if band is None:
        return []
    if band.low is not None and band.high is not None:
        grey = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": band.low, "y1": band.high}
        drawing.shapes.append({**grey, "fillcolor": "@band", "line": _NO_LINE, "layer": "below"})
    drawing.shapes.append(across(band.value, line("quiet", "dash")))
    return [EdgeLabel(band.value, f"{band.label} {formatting.value(band.value, unit)}")]


def add_limits(drawing: Drawing, limits: Sequence[Limit], unit: str, low: float, high: float) -> list[EdgeLabel]:
    """A limit beyond the axis keeps its label, with an arrow, so that a calm chart need not shrink to a flat line."""
    labels = []
    for limit in limits:
        text = limit.label or f"{limit.severity} {formatting.value(limit.value, unit)}"
        if low <= limit.value <= high:
            dash = "dash" if limit.severity == "warning" else "solid"
            drawing.shapes.append(across(limit.value, line(limit.severity, dash)))
        else:
            text += " ↑" if limit.value > high else " ↓"
        labels.append(EdgeLabel(limit.value, text, limit.severity))
    return labels


def add_marks(drawing: Drawing, marks: Sequence[Mark], frame: Frame, low: float = 0.0) -> None:
    """Every mark has its line; a text only where it finds room in one of four rows."""
    for mark, side, row in _placed(marks, frame):
        top, at = 1 - (row or 0) * (1 - low) * _MARK_ROW, local(mark.at, frame.zone)
        drawing.shapes.append(upright(at, low, top, line("quiet", _MARK_DASH[mark.kind])))
        if row is not None:
            text = "<br>".join(f" {inert(words, _MARK_LENGTH[mark.kind])} " for words in mark.lines)
            label = note(text, x=at, yref="paper", y=top, yanchor="top", xanchor=side, align=side)
            drawing.mark(label, " ".join(mark.lines))


def headroom(low: float, high: float, marks: Sequence[Mark], frame: Frame) -> float:
    """The upper end of an upright axis at which nothing is drawn through the texts of marks."""
    rows = max((row + len(mark.lines) for mark, _, row in _placed(marks, frame) if row is not None), default=0)
    return low + (high - low) / (1 - rows * _MARK_ROW)


def _placed(marks: Sequence[Mark], frame: Frame) -> list[tuple[Mark, str, int | None]]:
    """The marks of the window, each with the side it is anchored at and the first row of its text (None: no room).

    Seams come first: what they say is about all that is drawn before them.
    """
    inside = [mark for mark in marks if frame.start <= mark.at < frame.end]
    inside.sort(key=lambda mark: (mark.kind != "seam", mark.at))
    taken: list[list[tuple[float, float]]] = [[] for _ in range(_MARK_ROWS)]
    found = []
    for mark in inside:
        place = (mark.at - frame.start) / (frame.end - frame.start)
        side = "right" if place > _RIGHTMOST[mark.kind] else "left"
        found.append((mark, side, _free_row(taken, _extent(place, mark, side, frame.size), len(mark.lines))))
    return found


def _extent(place: float, mark: Mark, side: str, size: Size) -> tuple[float, float]:
    """From where to where a text reaches, as shares of the width (measured for a panel of the usual width)."""
    longest = min(max(map(len, mark.lines)), _MARK_LENGTH[mark.kind])
    width = (longest + 2) * 6 / (1000 if size == "tall" else 480)
    return (place - width, place) if side == "right" else (place, place + width)


def _free_row(taken: list[list[tuple[float, float]]], extent: tuple[float, float], height: int) -> int | None:
    """The first of `height` rows that follow each other and have room."""
    for index in range(len(taken) - height + 1):
        rows = taken[index : index + height]
        if all(extent[0] >= end or extent[1] <= start for row in rows for start, end in row):
            for row in rows:
                row.append(extent)
            return index
    return None


def add_spans(drawing: Drawing, spans: Sequence[Span], frame: Frame, low: float = 0.0) -> None:
    """Draw the part of each span that lies in the window, with its text."""
    for span in spans:
        start, end = max(span.start, frame.start), min(span.end, frame.end)
        if start >= end:
            continue
        left, right = local(start, frame.zone), local(end, frame.zone)
        drawing.shapes.append(block(left, right, "grid" if span.kind == "baseline" else "mark", low))
        if span.at is not None:
            drawing.shapes.append(upright(local(span.at, frame.zone), low, 1, line("warning")))
        if span.text:
            corner = {"x": left} if span.kind == "baseline" else _label_place(start, end, frame)
            _span_label(drawing, span, corner | {"yref": "paper", "y": low + 0.03})


def _label_place(start: datetime, end: datetime, frame: Frame) -> Figure:
    """Behind the span; inside it when it ends late; before it when it begins late."""
    late = frame.end - (frame.end - frame.start) / 4
    if end < late:
        return {"x": local(end, frame.zone), "xanchor": "left"}
    return {"x": local(start, frame.zone), "xanchor": "left" if start < late else "right"}


def _span_label(drawing: Drawing, span: Span, place: Figure) -> None:
    text = f" {inert(span.text)} "
    if span.kind == "baseline":
        drawing.annotations.append(note(text, yanchor="bottom", **place))
        return
    role = "warning"
    if not is_local(span.href):
        drawing.mark(note(text, role, yanchor="bottom", bgcolor="@panel", **place), span.text, role)
        return
    # A link in the plot's text would need an inline style, which the policy forbids; charts.js reads the label's name.
    label = note(f"{text}→ ", role, yanchor="bottom", bgcolor="@panel", captureevents=True, **place)
    drawing.mark(label, span.text, role, span.href)


def add_edge_labels(
    drawing: Drawing, labels: Sequence[EdgeLabel], low: float, high: float, size: Size = "normal", room: float = 1.0
) -> list[str]:
    """Labels at the right edge, moved apart. Returns the texts as drawn (the right margin fits the longest)."""
    places = spread([label.value for label in labels], low, high, size, room)
    for label, place in zip(labels, places, strict=True):
        text = inert(label.text, EDGE_LENGTH)
        drawing.annotations.append(note(text, label.role, xref="paper", x=1.008, y=place, name="edge"))
    return [label.text[:EDGE_LENGTH] for label in labels]


def edge_note(text: str, place: float = 0.06) -> Figure:
    """A label beside the row below the plot, at a share of the whole height."""
    return note(inert(text, EDGE_LENGTH), xref="paper", yref="paper", x=1.008, y=place, yanchor="bottom", name="edge")
