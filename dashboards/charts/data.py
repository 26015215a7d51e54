"""What goes into a chart and what comes out. Times are aware; rates are 0–1."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

Figure = dict[str, Any]
Severity = Literal["warning", "critical"]
Size = Literal["normal", "tall", "low"]
Cell = str | float | int | datetime | None


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket. `at` is its start; `value` None is a gap. `complete` is False for the open bucket, `mature` False
    while feedback about it is still awaited. `seam`: a day that a changed time zone has cut.
    """

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    complete: bool = True
    mature: bool = True
    seam: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing of this bucket is still to come."""
        return self.complete and self.mature


@dataclass(frozen=True, slots=True)
class Frame:
    """The time axis: half-open window [start, end) cut into buckets of `grain`, drawn in the project's zone."""

    start: datetime
    end: datetime
    grain: timedelta
    zone: tzinfo
    size: Size = "normal"


@dataclass(frozen=True, slots=True)
class Band:
    """The normal: a centre (dashed, labelled) and, where known, its grey range."""

    value: float
    low: float | None = None
    high: float | None = None
    label: str = "baseline"


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold line; an empty label reads 'warning 70.2 %'."""

    value: float
    severity: Severity
    label: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A change event: a dotted upright line with its text. A seam, where the days of another time zone end, is dashed,
    and its second line of text is `below`.
    """

    at: datetime
    text: str
    below: str = ""
    kind: Literal["change", "seam"] = "change"

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of its text."""
        return (self.text, self.below) if self.below else (self.text,)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time. incident: translucent, linking to `href`; beginning: the dated start of a drift (`at` is the
    most likely instant); baseline: the reference days.
    """

    start: datetime
    end: datetime
    text: str = ""
    kind: Literal["incident", "beginning", "baseline"] = "incident"
    href: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """Bars under a line, in a row of their own (never a second axis): how many events each bucket rests on."""

    label: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Group:
    """One line of several, or one component of a stack."""

    name: str
    points: Sequence[Point]

    @property
    def weight(self) -> float:
        """How many events the group rests on."""
        return sum(point.n for point in self.points)


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar pair of a distribution; shares 0–1."""

    label: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True)
class Column:
    """`unit` as in formatting.value, or 'text', 'time' or 'share'."""

    title: str
    unit: str = "text"

    @property
    def numeric(self) -> bool:
        """Whether the cells stand flush right."""
        return self.unit not in ("text", "time")


@dataclass(frozen=True, slots=True)
class Table:
    """The chart's twin: raw cells; dashboards.charts.tables words them for the page and for CSV."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Key:
    """A label of the plot that a phone shows under the title instead. `role` is a colour role."""

    text: str
    role: str = "quiet"
    href: str = ""
    number: int = 0

    @property
    def circled(self) -> str:
        """The number that stands in the plot of a phone (①, ②)."""
        return chr(0x245F + self.number) if self.number <= 20 else f"({self.number})"


@dataclass(frozen=True, slots=True)
class Chart:
    """`figure` for plotly.js (colours are roles: '@series-1'); `label` describes it to those who cannot see it."""

    figure: Figure
    table: Table
    label: str
    keys: tuple[Key, ...] = ()
    size: Size = "normal"


@dataclass(slots=True)
class Drawing:
    """What decorations add to a figure while it is being built."""

    shapes: list[Figure] = field(default_factory=list)
    annotations: list[Figure] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    def mark(self, label: Figure, text: str, role: str = "quiet", href: str = "") -> None:
        """Add a label inside the plot, its name carrying the address, and the numbered key for phones."""
        self.annotations.append({**label, "name": f"mark {href}".rstrip()})
        self.keys.append(Key(text, role, href, len(self.keys) + 1))
