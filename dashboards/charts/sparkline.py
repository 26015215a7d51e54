"""The small line in a tile, as SVG numbers (100 × 32): it needs no script, so it is there before any chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.charts.data import Band, Point

WIDTH, HEIGHT, _PAD = 100.0, 32.0, 2.0


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Ready attribute texts. `path` breaks at gaps; `end` is the path of the newest known point's dot; `first` and
    `last` name both ends of the time axis (may be empty).
    """

    path: str
    end: str = ""
    band_y: str = ""
    band_height: str = ""
    base_y: str = ""
    first: str = ""
    last: str = ""


def sparkline(points: Sequence[Point], band: Band | None = None, first: str = "", last: str = "") -> Sparkline | None:
    """None with fewer than two known values: a dot alone says nothing about the way."""
    known = [point.value for point in points if point.value is not None]
    if len(known) < 2:
        return None
    extra = [value for value in (band.low, band.high, band.value) if value is not None] if band else []
    low, high = min(known + extra), max(known + extra)
    height = (high - low) or 1.0

    def y(value: float) -> float:
        return _PAD + (high - value) / height * (HEIGHT - 2 * _PAD) if high > low else HEIGHT / 2

    path, end = _path(points, y)
    has_range = band is not None and band.low is not None and band.high is not None
    top, bottom = (y(band.high or 0), y(band.low or 0)) if band and has_range else (0.0, 0.0)
    return Sparkline(
        path=path, end=end, first=first, last=last,
        band_y=f"{top:.1f}" if has_range else "", band_height=f"{bottom - top:.1f}" if has_range else "",
        base_y=f"{y(band.value):.1f}" if band else "",
    )  # fmt: skip


def _path(points: Sequence[Point], y: Callable[[float], float]) -> tuple[str, str]:
    """SVG path commands, a new M after each gap; and the dot at the newest known value."""
    step = WIDTH / max(1, len(points) - 1)
    commands, end, pen_up = [], "", True
    for index, point in enumerate(points):
        if point.value is None:
            pen_up = True
            continue
        place = f"{index * step:.1f} {y(point.value):.1f}"
        commands.append(("M" if pen_up else "L") + place)
        pen_up, end = False, f"M{place}h.01"
    return " ".join(commands), end
