"""Axes: round ticks, local time, room for labels; the layout that all figures share."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from dashboards import formatting
from dashboards.charts.data import Figure, Frame, Size

HEIGHTS: dict[Size, int] = {"normal": 220, "tall": 384, "low": 148}
LABEL_SIZE = 11
_LABEL_PITCH = 13
_MARGIN_TOP, _MARGIN_BOTTOM = 8, 28
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_TIME_STEPS = [5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR]
_TIME_STEPS += [_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY]
_FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def local(at: datetime, zone: tzinfo) -> str:
    """Plotly knows no time zones: it gets the wall clock of the project's."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def plot_height(size: Size) -> int:
    """Pixels between the upper and the lower edge of the plot."""
    return HEIGHTS[size] - _MARGIN_TOP - _MARGIN_BOTTOM


def round_step(length: float, most: int, whole: bool = False) -> float:
    """The smallest of 1, 2 and 5 × 10ⁿ that cuts `length` into at most `most` parts."""
    if length <= 0:
        return 1.0
    raw = length / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    return float(max(step, 1) if whole else step)


def value_range(values: Iterable[float | None], optional: Iterable[float] = ()) -> tuple[float, float]:
    """From the drawn values; an optional one (a limit) joins only while the data keep a third of the height.

    Starts at 0 when the data are nearer to it than to each other.
    """
    known = [value for value in values if value is not None]
    low, high = _not_flat(known, optional) if known else (0.0, 1.0)
    for value in sorted(optional, key=lambda one: abs(one - (low + high) / 2)):
        joined = _from_zero(min(low, value), max(high, value))
        if joined[1] - joined[0] <= 3 * (high - (0 if joined[0] == 0 else low)):
            low, high = min(low, value), max(high, value)
    low, high = _from_zero(low, high)
    pad = 0.06 * (high - low)
    return (low if low == 0 else low - pad, high + pad)


def ceiling_of(unit: str, values: Iterable[float | None]) -> float | None:
    """1.0 for shares, whose axis goes from 0 to there; None where it follows the data: other units, and scores beyond."""
    known = [value for value in values if value is not None]
    return 1.0 if unit == "ratio" and all(0 <= value <= 1 for value in known) else None


def below(ceiling: float | None, low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, a little room over the ceiling."""
    return (low, high) if ceiling is None else (max(low, 0.0), min(high, 1.04 * ceiling))


def _from_zero(low: float, high: float) -> tuple[float, float]:
    return (0.0, high) if 0 <= low <= 0.4 * high else (low, high)


def _not_flat(known: list[float], optional: Iterable[float]) -> tuple[float, float]:
    """A height for values that hardly differ: down to 0, or up to the first limit when they are 0."""
    low, high = min(known), max(known)
    if high - low > 1e-6 * max(abs(low), abs(high), 1e-6):
        return low, high
    if abs(high) < 1e-9:
        return 0.0, min((limit for limit in optional if limit > 1e-9), default=1.0)
    return (0.0, 2 * high) if high > 0 else (2 * low, 0.0)


def value_axis(low: float, high: float, unit: str, size: Size = "normal", ceiling: float | None = None) -> Figure:
    """An upright axis with up to six worded ticks and faint lines. `ceiling` keeps ticks inside (1.0 for a share)."""
    whole = unit in ("count", "calls", "users", "events")
    step = round_step(high - low, {"tall": 7, "normal": 6, "low": 3}[size], whole)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(min(high, ceiling if ceiling is not None else high) / step + 1e-9)
    ticks = [round(index * step, 12) + 0.0 for index in range(first, last + 1)]
    return {
        "gridcolor": "@grid", "zeroline": False, "fixedrange": True, "range": [low, high], "ticklabelstandoff": 4,
        "tickvals": ticks, "ticktext": [tick_text(tick, step, unit) for tick in ticks],
    }  # fmt: skip


def tick_text(tick: float, step: float, unit: str) -> str:
    """As short as its step allows: '65 %', '$0.02', '1.5 s', '20k'."""
    match unit:
        case "ratio":
            return formatting.rate(tick, max(0, -math.floor(math.log10(step * 100) + 1e-9)))
        case "usd" | "nano_usd":
            usd, usd_step = (tick / 1e9, step / 1e9) if unit == "nano_usd" else (tick, step)
            digits = 0 if usd_step >= 1 else max(2, -math.floor(math.log10(usd_step) + 1e-9))
            return f"${formatting.compact(usd)}" if abs(usd) >= 10_000 else f"${usd:,.{digits}f}" if usd else "$0"
        case "ms" | "s":
            ms = tick * 1000 if unit == "s" else tick
            return "0" if ms == 0 else _short_duration(ms)
        case _:
            return formatting.compact(tick)


def _short_duration(ms: float) -> str:
    for size, name in ((3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if ms >= size:
            return f"{ms / size:g}{formatting.NBSP}{name}"
    return f"{ms:g}{formatting.NBSP}ms"


def time_axis(frame: Frame) -> Figure:
    """The window with half a bucket of air on both sides, ticks on round local times."""
    ticks = time_ticks(frame)
    half = frame.grain / 2
    return {
        "type": "date", "showgrid": False, "zeroline": False, "fixedrange": True, "linecolor": "@line",
        "tickcolor": "@line", "ticks": "outside", "ticklen": 4, "tickangle": 0,
        "range": [local(frame.start - half, frame.zone), local(frame.end - half, frame.zone)],
        "tickvals": [local(tick, frame.zone) for tick in ticks],
        "ticktext": [_tick_name(tick, frame) for tick in ticks],
        "hoverformat": "%-d %b %Y" if frame.grain >= _DAY else "%-d %b %Y, %H:%M",
    }  # fmt: skip


def time_ticks(frame: Frame) -> list[datetime]:
    """At most six (nine when tall) instants in the window: round hours, midnights, Mondays or firsts of months."""
    wanted = 9 if frame.size == "tall" else 6
    length = frame.end - frame.start
    step = next((step for step in _TIME_STEPS if step >= frame.grain and length / step <= wanted), None)
    ticks = _months(frame, wanted) if step is None else _steps(frame, step)
    return [tick for tick in ticks if frame.start <= tick < frame.end]


def _steps(frame: Frame, step: timedelta) -> list[datetime]:
    wall = frame.start.astimezone(frame.zone).replace(tzinfo=None)
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    if step >= 7 * _DAY:
        midnight -= timedelta(days=midnight.weekday())
    turns = math.ceil((frame.end - frame.start + 8 * _DAY) / step) + 1
    return [(midnight + index * step).replace(tzinfo=frame.zone) for index in range(turns)]


def _months(frame: Frame, wanted: int) -> list[datetime]:
    first, last = frame.start.astimezone(frame.zone), frame.end.astimezone(frame.zone)
    start, stop = first.year * 12 + first.month - 1, last.year * 12 + last.month
    every = next(every for every in (1, 2, 3, 6, 12, 24, 60, 1200) if (stop - start) / every <= wanted)
    months = range(start - start % every, stop, every)
    return [datetime(month // 12, month % 12 + 1, 1, tzinfo=frame.zone) for month in months]


def _tick_name(tick: datetime, frame: Frame) -> str:
    wall = tick.astimezone(frame.zone)
    if frame.end - frame.start > 126 * _DAY:
        return f"{formatting.MONTHS[wall.month - 1]} {wall.year}"
    return f"{wall:%H:%M}" if wall.hour or wall.minute else formatting.day(tick, frame.zone)


def spread(wanted: Sequence[float], low: float, high: float, size: Size = "normal", room: float = 1.0) -> list[float]:
    """Moves labels at the right edge apart, as little as needed, so that no two of them touch. `room` is the share of
    the plot's height that the range [low, high] takes.
    """
    if not wanted:
        return []
    pitch = (high - low) * _LABEL_PITCH / (plot_height(size) * room)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [min(max(wanted[index], low), high) for index in order]
    for index in range(1, len(placed)):
        placed[index] = max(placed[index], placed[index - 1] + pitch)
    overflow = placed[-1] - high
    if overflow > 0:
        placed[-1] = high
        for index in range(len(placed) - 2, -1, -1):
            placed[index] = min(placed[index], placed[index + 1] - pitch)
    return [position for _, position in sorted(zip(order, placed, strict=True))]


def layout(labels: Sequence[str] = (), left: int = 44) -> Figure:
    """What every figure shares. The right margin fits the longest edge label."""
    right = 12 if not labels else min(160, 14 + round(max(map(len, labels)) * 5.9))
    return {
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 12, "color": "@quiet"},
        "margin": {"l": left, "r": right, "t": _MARGIN_TOP, "b": _MARGIN_BOTTOM},
        "showlegend": False, "dragmode": False, "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@line", "font": {"color": "@text", "size": 12}},
        "shapes": [], "annotations": [],
    }  # fmt: skip


def left_margin(*axes: Figure) -> int:
    """Room for the widest tick of the upright axes."""
    longest = max((len(text) for axis in axes for text in axis["ticktext"]), default=3)
    return max(34, 16 + round(7 * longest))
