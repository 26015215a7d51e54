"""Numbers, amounts, durations and times as people read them. Pure: no Django, no clock.

Rates are 0–1 and durations milliseconds on the way in. Unknown (None) is an em dash on the way out, never 0.
A number and its unit are joined by a no-break space and the minus is U+2212, as typography wants.
"""

import math
from datetime import datetime, timedelta, tzinfo

DASH = "—"
NBSP = "\u00a0"
MINUS = "\u2212"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NANO_PER_DOLLAR = 1_000_000_000
MANY_TIMES = 10
"""From so many times on nobody reads a change in per cent."""


def _grouped(number: float, digits: int) -> str:
    """Thousands by commas, U+2212 for minus, and no minus before a zero."""
    text = f"{abs(number):,.{digits}f}"
    negative = number < 0 and any(character in "123456789" for character in text)
    return (MINUS if negative else "") + text


def _signed(number: float, digits: int) -> str:
    text = _grouped(number, digits)
    return text if text.startswith(MINUS) or not any(c in "123456789" for c in text) else "+" + text


def _significant(number: float, digits: int) -> int:
    """How many decimals show `digits` significant digits of a number other than 0."""
    return max(0, digits - 1 - math.floor(math.log10(abs(number))))


def rate(value: float | None, digits: int | None = None) -> str:
    """0.654 → '65.4 %'. Near both ends a second decimal; a value that is not 0 or 1 is never shown as if it were."""
    if value is None:
        return DASH
    percent = value * 100
    if digits is not None:
        return f"{_grouped(percent, digits)}{NBSP}%"
    if percent in (0, 100):
        return f"{percent:.0f}{NBSP}%"
    if 0 < percent < 0.01:
        return f"<0.01{NBSP}%"
    if 99.99 < percent < 100:
        return f">99.99{NBSP}%"
    return f"{_grouped(percent, 2 if 0 < percent < 1 or 99 < percent < 100 else 1)}{NBSP}%"


def points(difference: float | None) -> str:
    """A difference of two rates: −0.098 → '−9.8 pp'."""
    return DASH if difference is None else f"{_signed(difference * 100, 1)}{NBSP}pp"


def change(ratio: float | None) -> str:
    """A relative change: 0.28 → '+28 %'; under ten per cent with one decimal."""
    if ratio is None:
        return DASH
    return f"{_signed(ratio * 100, 1 if abs(ratio) < 0.0995 and ratio != 0 else 0)}{NBSP}%"


def amount(usd: float | None) -> str:
    """Dollars: '$1,891', '$12.40', '$0.0098'. Under a cent two significant digits."""
    if usd is None:
        return DASH
    size = abs(usd)
    if size == 0:
        return "$0"
    digits = 0 if size >= 999.5 else 2 if size >= 0.1 else _significant(float(f"{usd:.1e}"), 2)
    return (MINUS if usd < 0 else "") + f"${size:,.{min(digits, 9)}f}"


def amount_nano(nano: int | None) -> str:
    """Integer nano-dollars, the unit of every stored amount."""
    return DASH if nano is None else amount(nano / NANO_PER_DOLLAR)


def count(value: float | None) -> str:
    """412608 → '412,608'."""
    return DASH if value is None else _grouped(value, 0)


def number(value: float | None) -> str:
    """A plain quantity (a mean, a score): three significant digits, whole from 100 up."""
    if value is None:
        return DASH
    return "0" if value == 0 else _grouped(value, min(_significant(value, 3), 6))


def score(value: float) -> str:
    """What somebody scored, as short as it was meant: '0.8', '4', '0.667'."""
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def times(multiple: float) -> str:
    """How many times something: '5.8 ×', '0.64 ×', '1,200 ×'."""
    return f"{_grouped(multiple, 2 if multiple < 0.95 else 1 if multiple < 99.5 else 0)}{NBSP}×"


def compact(value: float | None) -> str:
    """For axes and tight places: 1891 → '1.9k', 2400000 → '2.4M'."""
    if value is None:
        return DASH
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            scaled = value / size
            return _grouped(scaled, 0 if scaled == round(scaled) or abs(scaled) >= 100 else 1) + letter
    return number(value) if value != round(value) else count(value)


def duration(ms: float | None) -> str:
    """Milliseconds: '640 ms', '6.1 s', '5 min 48 s', '2 h 5 min', '26 d'."""
    if ms is None:
        return DASH
    if abs(ms) < 999.5:
        return f"{_grouped(ms, 0 if abs(ms) >= 10 or ms == round(ms) else 1)}{NBSP}ms"
    if abs(ms) < 59_950:
        return f"{_grouped(ms / 1000, 1)}{NBSP}s"
    seconds = round(abs(ms) / 1000)
    text = _long_duration(seconds)
    return MINUS + text if ms < 0 else text


def _long_duration(seconds: int) -> str:
    for size, name, smaller, small_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            tail = rest // smaller
            long_enough = name == "d" and whole >= 3
            return f"{whole}{NBSP}{name}" + ("" if not tail or long_enough else f" {tail}{NBSP}{small_name}")
    return f"{seconds}{NBSP}s"


def span(length: timedelta) -> str:
    """How long something took or lasts."""
    return _long_duration(max(0, round(length.total_seconds())))


def ago(at: datetime | None, now: datetime) -> str:
    """'40 s ago'; 'just now' within five seconds or when clocks disagree; 'never' for nothing."""
    if at is None:
        return "never"
    seconds = round((now - at).total_seconds())
    if seconds <= 5:
        return "just now"
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size * (2 if name != "min" else 1):
            return f"{seconds // size}{NBSP}{name} ago"
    return f"{seconds}{NBSP}s ago" if seconds < 60 else f"{seconds // 60}{NBSP}min ago"


def promoters(score: float) -> str:
    """A net promoter score, −1 to 1, as people know it: '+24', '−7', '0'."""
    return _signed(score * 100, 0)


def value(quantity: float | None, unit: str) -> str:
    """Any metric's value by the unit of its definition: ratio, usd, nano_usd, ms, s, count, calls, users, events, nps,
    times.

    Every other unit (tokens, score) is a plain number.
    """
    if quantity is None:
        return DASH
    if unit == "nps":
        return promoters(quantity)
    match unit:
        case "ratio":
            return rate(quantity)
        case "usd" | "nano_usd":
            return amount(quantity if unit == "usd" else quantity / NANO_PER_DOLLAR)
        case "ms" | "s":
            return duration(quantity * (1000 if unit == "s" else 1))
        case "count" | "calls" | "users" | "events":
            return count(quantity)
        case "times":
            return times(quantity)
        case _:
            return number(quantity)


def bare(quantity: float | None, unit: str) -> str:
    """Like `value` but without a percent sign, for the ends of an interval: '63.0', '$0.0098'."""
    return value(quantity, unit).removesuffix(f"{NBSP}%")


def interval(low: float | None, high: float | None, unit: str) -> str:
    """'63.0–67.7' (percent understood) or '$0.0091–$0.0105'."""
    return "" if low is None or high is None else f"{bare(low, unit)}–{bare(high, unit)}"


def difference(current: float, reference: float, unit: str) -> str:
    """How a value moved: rates in points, other units in per cent; nothing changes '100 %' from zero ('from 0')."""
    if unit == "ratio":
        return points(current - reference)
    if unit == "nps":
        moved = _signed((current - reference) * 100, 0)
        return f"{moved}{NBSP}point{'' if moved.lstrip('+' + MINUS) == '1' else 's'}"
    if reference == 0:
        return "no change" if current == 0 else "from 0"
    return change((current - reference) / reference)


def against(current: float | None, reference: float | None, unit: str, name: str = "baseline") -> str:
    """'▼ 9.8 pp below baseline 75.2 %', '▲ 1,011 times baseline $0.085'; empty when either side is unknown."""
    if current is None or reference is None:
        return ""
    shown = value(reference, unit)
    moved = difference(current, reference, unit)
    if moved == "from 0":
        return f"▲ from 0 ({name})"
    if unit not in {"ratio", "nps"} and reference > 0 and current / reference >= MANY_TIMES:
        return f"▲ {count(current / reference)} times {name} {shown}"
    if not any(c in "123456789" for c in moved):
        return f"as {name} {shown}"
    arrow, word = ("▲", "above") if current > reference else ("▼", "below")
    return f"{arrow} {moved.lstrip('+' + MINUS)} {word} {name} {shown}"


def day(at: datetime, zone: tzinfo, now: datetime | None = None) -> str:
    """'28 Aug', with its year when it is not this one."""
    local = at.astimezone(zone)
    year = "" if now is None or now.astimezone(zone).year == local.year else f" {local.year}"
    return f"{local.day}{NBSP}{MONTHS[local.month - 1]}{year}"


def clock(at: datetime, zone: tzinfo) -> str:
    """'14:00 UTC', '16:00 CEST'."""
    return f"{at.astimezone(zone):%H:%M %Z}"


def moment(at: datetime, zone: tzinfo, now: datetime | None = None) -> str:
    """'28 Aug 11:57' in the project's zone."""
    return f"{day(at, zone, now)} {at.astimezone(zone):%H:%M}"
