"""Numbers, spans of time and lists as a message says them.

A number and its unit are joined by a no-break space and the minus is U+2212; `plain` takes both back for text mails.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NBSP = "\u00a0"
MINUS = "\u2212"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = str.maketrans({NBSP: " ", MINUS: "-", "–": "-", "\u00d7": "x"})


def plain(text: str) -> str:
    """The text with signs that every terminal shows."""
    return text.translate(PLAIN)


def one_line(text: str) -> str:
    """A text from outside as one line: no line break ever reaches a mail's header."""
    return " ".join("".join(c if c.isprintable() or c == NBSP else " " for c in text).split(" "))


def quantity(value: float | None, unit: str) -> str:
    """A metric's value by its unit: ratio, ms, usd, and everything that is counted."""
    if value is None:
        return "—"
    sign, size = (MINUS if value < 0 else ""), abs(value)
    match unit:
        case "ratio":
            return f"{sign}{_percent(size)}{NBSP}%"
        case "ms":
            return sign + _duration(size)
        case "usd":
            return f"{sign}${_money(size)}"
        case _:
            return sign + _number(size)


def distance(value: float, reference: float, unit: str) -> str:
    """How far a value lies from a reference: rates in points, other units in per cent, except from zero."""
    if unit == "ratio":
        return f"{abs(value - reference) * 100:.1f}{NBSP}points"
    return (
        quantity(abs(value - reference), unit) if reference == 0 else f"{abs(value / reference - 1) * 100:.0f}{NBSP}%"
    )


def interval(low: float | None, high: float | None, unit: str) -> str:
    """'64.7–69.7' or '8.1–10.8 s', the percent sign left to the value beside it; empty when there is none."""
    if low is None or high is None:
        return ""
    least, most = quantity(low, unit).split(NBSP), quantity(high, unit).split(NBSP)
    start = least[0] if least[1:] == most[1:] else NBSP.join(least)
    return f"{start}–{most[0] if unit == 'ratio' else NBSP.join(most)}"


def title_within(title: str) -> str:
    """A metric's title in the middle of a sentence: 'Error rate' → 'error rate', but 'DAU' stays."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def day(at: datetime, zone: str) -> str:
    """'10 Aug 2026' in the project's zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day}{NBSP}{MONTHS[local.month - 1]}{NBSP}{local.year}"


def moment(at: datetime, zone: str) -> str:
    """'12 Aug 2026, 00:05 UTC' in the project's zone."""
    return f"{day(at, zone)}, {at.astimezone(ZoneInfo(zone)):%H:%M %Z}"


def until(at: datetime, zone: str) -> str:
    """The same for the end of something: a midnight belongs to the day before, '10 Aug 2026, 24:00 UTC'."""
    local = at.astimezone(ZoneInfo(zone))
    if local.time() != local.min.time():
        return moment(at, zone)
    return f"{day(at - timedelta(hours=1), zone)}, 24:00 {local:%Z}"


def span(start: datetime, end: datetime, zone: str) -> str:
    """A half-open window: whole local days by their dates, anything else by its clock times."""
    first, last = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    if first.time() == last.time() == first.min.time():
        final = last - timedelta(days=1)
        if final.date() == first.date():
            return day(start, zone)
        if (first.year, first.month) == (final.year, final.month):
            return f"{first.day}–{final.day}{NBSP}{MONTHS[final.month - 1]}{NBSP}{final.year}"
        return (
            f"{first.day}{NBSP}{MONTHS[first.month - 1]} – {final.day}{NBSP}{MONTHS[final.month - 1]}{NBSP}{final.year}"
        )
    if first.date() == last.date():
        return f"{day(start, zone)}, {first:%H:%M}–{last:%H:%M %Z}"
    return f"{day(start, zone)}, {first:%H:%M} – {day(end, zone)}, {last:%H:%M %Z}"


def length(between: timedelta) -> str:
    """'5 days', '3 hours', '12 minutes': in the largest unit that fits once."""
    seconds = max(0, round(between.total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            whole = seconds // size
            return f"{whole}{NBSP}{name}{'' if whole == 1 else 's'}"
    return "less than a minute"


def sparkline(values: Sequence[float]) -> str:
    """The values as blocks between their own least and greatest; one level alone is in the middle."""
    least, most = min(values), max(values)
    if most == least:
        return BLOCKS[3] * len(values)
    return "".join(BLOCKS[round((value - least) / (most - least) * (len(BLOCKS) - 1))] for value in values)


def rfc3339(at: datetime) -> str:
    """An instant as addresses and payloads carry it: 2026-08-26T14:00:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _percent(ratio: float) -> str:
    percent = ratio * 100
    if percent in (0, 100):
        return f"{percent:.0f}"
    return f"{percent:.2f}" if percent < 1 or percent > 99 else f"{percent:.1f}"


def _duration(ms: float) -> str:
    if ms < 999.5:
        return f"{ms:.0f}{NBSP}ms"
    return f"{ms / 1000:.1f}{NBSP}s" if ms < 99_950 else f"{ms / 60_000:.1f}{NBSP}min"


def _money(usd: float) -> str:
    return f"{usd:,.0f}" if usd >= 1000 else f"{usd:.2f}" if usd >= 0.1 or usd == 0 else f"{usd:.2g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:.3g}"
