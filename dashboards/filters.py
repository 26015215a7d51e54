"""What the address says: feature, model, range and comparison. Pure; what cannot be becomes a note on the page, never an error."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from dashboards.components import Filter, Filters, Option
from ingest import timeline
from ingest.timeline import DAY, HOUR, Window

RANGES: dict[str, tuple[str, timedelta]] = {
    "1h": ("Last hour", HOUR),
    "24h": ("Last 24 hours", DAY),
    "7d": ("Last 7 days", 7 * DAY),
    "28d": ("Last 28 days", 28 * DAY),
    "60d": ("Last 60 days", 60 * DAY),
    "90d": ("Last 90 days", 90 * DAY),
}
LONGEST = 400 * DAY
PINNED = "baseline:"
COMPARISONS = {
    "previous": "Against the period before",
    "weekday": "Against the same weekdays",
    "baseline": "Against the first 28 days",
}


@dataclass(frozen=True)
class Choice:
    """What a page shows. `range` is a key of RANGES or `custom`; the window is absolute either way.

    `compare` is a key of COMPARISONS, or PINNED and a baseline's name; empty: what each number is usually held against.
    """

    feature: str | None
    model: str | None
    range: str
    window: Window
    grain: str
    notes: tuple[str, ...] = ()
    compare: str = ""

    @property
    def where(self) -> dict[str, str]:
        """The filters besides the feature: dimension → name of a value."""
        return {"model": self.model} if self.model else {}

    @property
    def is_relative(self) -> bool:
        """Whether the window moves with the clock."""
        return self.range != "custom"

    def parameters(self, **changed: str | None) -> dict[str, str]:
        """The query parameters that give this choice again, some of them changed; None removes one."""
        span = (
            {"range": self.range}
            if self.is_relative
            else {"from": rfc3339(self.window.start), "to": rfc3339(self.window.end)}
        )
        wanted: dict[str, str | None] = {"feature": self.feature, "model": self.model, **span}
        wanted |= {"compare": self.compare, **changed}
        return {name: value for name, value in wanted.items() if value}

    def query(self, **changed: str | None) -> str:
        """The same as an address's query string with its question mark."""
        parameters = self.parameters(**changed)
        return f"?{urlencode(parameters)}" if parameters else ""

    def absolute(self) -> dict[str, str]:
        """Parameters that reproduce this very window later."""
        return {**self.parameters(range=None), "from": rfc3339(self.window.start), "to": rfc3339(self.window.end)}


def rfc3339(at: datetime) -> str:
    """An instant as addresses carry it: 2026-08-26T14:00:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(
    query: Mapping[str, str],
    *,
    now: datetime,
    zone_name: str,
    features: Collection[str],
    models: Collection[str],
    default: str = "28d",
    pinned: Callable[[str | None], Collection[str]] = lambda feature: (),
) -> Choice:
    """Read an address's query. `default` is the page's range when the address names none; `pinned` names the frozen
    baselines of a feature, or of all (None).
    """
    notes: list[str] = []
    feature = _known(query.get("feature", ""), features, "feature", notes)
    model = _known(query.get("model", ""), models, "model", notes)
    compare = _comparison(query.get("compare", ""), feature, pinned, notes)
    custom = _custom(query, zone_name, notes)
    if custom:
        return Choice(feature, model, "custom", custom, grain_of(custom.length), tuple(notes), compare)
    name = query.get("range", "") or default
    if name not in RANGES:
        notes.append(f"There is no range “{name[:40]}”; showing {RANGES[default][0].lower()}.")
        name = default
    window = relative(RANGES[name][1], now, zone_name)
    return Choice(feature, model, name, window, grain_of(window.length), tuple(notes), compare)


def relative(length: timedelta, now: datetime, zone_name: str) -> Window:
    """The window of `length` that ends now: whole local days from 7 days on, whole minutes below."""
    end = timeline.ceil(now, timeline.MINUTE)
    if length < 7 * DAY:
        return Window(end - length, end)
    today = timeline.local_day(now, zone_name)
    return Window(timeline.day_start(today - length + DAY, zone_name), timeline.day_start(today + DAY, zone_name))


def grain_of(length: timedelta) -> str:
    """The bucket of a series over a window: enough points to see, few enough to read."""
    if length <= 3 * HOUR:
        return "1m"
    if length <= 36 * HOUR:
        return "15m"
    return "1h" if length <= 3 * DAY else "1d"


def _known(value: str, known: Collection[str], what: str, notes: list[str]) -> str | None:
    if not value:
        return None
    if value not in known:
        notes.append(f"There is no {what} “{value[:60]}” in this project; showing all.")
        return None
    return value


def _comparison(
    value: str, feature: str | None, pinned: Callable[[str | None], Collection[str]], notes: list[str]
) -> str:
    if not value or value in COMPARISONS:
        return value
    if not value.startswith(PINNED):
        notes.append(f"There is no comparison “{value[:40]}”; showing the usual ones.")
        return ""
    name = value.removeprefix(PINNED)
    if name not in pinned(feature):
        whose = feature or "all features"
        notes.append(f"There is no frozen baseline “{name[:60]}” of {whose}; showing the usual comparisons.")
        return ""
    return value


def _custom(query: Mapping[str, str], zone_name: str, notes: list[str]) -> Window | None:
    if not query.get("from") and not query.get("to"):
        return None
    try:
        window = Window(
            _instant(query.get("from", ""), zone_name), _instant(query.get("to", ""), zone_name, is_end=True)
        )
    except (ValueError, OverflowError):
        notes.append(
            "The dates in this address cannot be read (from and to: 2026-08-26 or RFC 3339); showing the usual range."
        )
        return None
    if window.end <= window.start or window.length > LONGEST:
        notes.append(f"“from” has to lie before “to”, by at most {LONGEST.days} days; showing the usual range.")
        return None
    return window


def _instant(text: str, zone_name: str, *, is_end: bool = False) -> datetime:
    """A local day or RFC 3339; a day given as the end is included."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        day = date.fromisoformat(text)
        if not 1971 <= day.year <= 9000:
            raise ValueError(text)
        return timeline.day_start(day + DAY if is_end else day, zone_name)
    return timeline.parse(text.replace(" ", "+"))


def toolbar(
    choice: Choice, features: Collection[str], models: Collection[str], baselines: Collection[str] | None = None
) -> Filters:
    """The selects beside the title; what to compare with among them where the names of frozen `baselines` are given."""
    ranges = [Option(name, title, name == choice.range) for name, (title, _) in RANGES.items()]
    hidden: tuple[tuple[str, str], ...] = ()
    if not choice.is_relative:
        ranges.insert(0, Option("", "Chosen dates", selected=True))
        hidden = (("from", rfc3339(choice.window.start)), ("to", rfc3339(choice.window.end)))
    comparison = () if baselines is None else (_comparisons(choice, baselines),)
    return Filters(
        (
            _select("feature", "All features", features, choice.feature),
            _select("model", "All models", models, choice.model),
            Filter("range", "Range", tuple(ranges), key="range"),
            *comparison,
        ),
        hidden,
    )


def _comparisons(choice: Choice, baselines: Collection[str]) -> Filter:
    named = {f"{PINNED}{name}": f"Against baseline: {name}" for name in baselines}
    options = {"": "Usual comparison", **COMPARISONS, **named}
    return Filter(
        "compare", "Compare", tuple(Option(key, text, key == choice.compare) for key, text in options.items())
    )


def _select(name: str, nothing: str, values: Collection[str], chosen: str | None) -> Filter:
    options = (Option("", nothing, chosen is None), *(Option(value, value, value == chosen) for value in values))
    return Filter(name, name.capitalize(), options)
