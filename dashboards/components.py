"""What each partial of templates/components shows: frozen, pure, already worded. Pages build these; templates only
print.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from dashboards.charts.data import Chart, Size
from dashboards.charts.sparkline import Sparkline


class State(StrEnum):
    """Shape + word + colour; the value is the `data-state` that the style sheet reads."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    NO_DATA = "no-data"
    LEARNING = "learning"
    PAUSED = "paused"

    @property
    def word(self) -> str:
        """What stands beside the shape."""
        return {"ok": "OK", "no-data": "No data"}.get(self.value, self.value.capitalize())

    @property
    def alarming(self) -> bool:
        """Whether title and favicon turn to alarm."""
        return self in (State.WARNING, State.CRITICAL)


SEVERITY_ORDER = (State.CRITICAL, State.WARNING, State.LEARNING, State.NO_DATA, State.PAUSED, State.OK)


def worst(states: list[State]) -> State:
    """The one that a summary shows; nothing at all is OK."""
    return min(states, key=SEVERITY_ORDER.index, default=State.OK)


def learning_word(have: int, need: int) -> str:
    """The word beside the mark of a rate over too few events: 'Learning · 96 of 200'."""
    return f"{State.LEARNING.word} · {have:,} of {need:,}"


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads somewhere."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select, an entry of the project switcher."""

    value: str
    text: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class NavItem:
    """`key` is pressed after g ('g q' opens Quality); `count` shows in brackets when it is not 0."""

    text: str
    url: str
    current: bool = False
    key: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame around a page, context variable `shell` of base.html. `state` turns title and favicon to alarm."""

    project: str
    nav: tuple[NavItem, ...]
    tools: tuple[NavItem, ...] = ()
    projects: tuple[Link, ...] = ()
    user: str = ""
    sign_out_url: str = ""
    search_url: str = ""
    state: State = State.OK
    open_incidents: int = 0


@dataclass(frozen=True, slots=True)
class Strip:
    """The first line of each page. `verdict` e.g. '2 open incidents'; `facts` e.g. ('complete to 14:00 UTC', …). The
    browser asks `poll_url` every 5 s with If-None-Match: `version`; 304 means nothing moved, 200 carries the new strip.
    """

    state: State
    verdict: str
    verdict_url: str = ""
    facts: tuple[str, ...] = ()
    last_interaction: datetime | None = None
    poll_url: str = ""
    version: str = ""
    open_incidents: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """A coloured line under the strip: an open incident, a note about the filters."""

    state: State
    text: str
    links: tuple[Link, ...] = ()
    word: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The large head of the overview, of an incident or of a finding: '◆ 2 critical, 1 warning. Answers are getting
    worse'.
    """

    state: State
    headline: str
    lead: str = ""
    reason: str = ""
    facts: str = ""
    id: str = "verdict"


@dataclass(frozen=True, slots=True)
class Tile:
    """One number with its meaning. `lines`: against what, and n. `definition` shows on hover. `as_of` is set when
    stale. `link` is the next step where there is no number.
    """

    title: str
    value: str
    id: str = ""
    state: State | None = None
    word: str = ""
    lines: tuple[str, ...] = ()
    definition: str = ""
    url: str = ""
    sparkline: Sparkline | None = None
    as_of: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A small row of a card: name, value, what it is measured against."""

    name: str
    value: str
    against: str = ""
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One dashboard on the overview: a headline tile with facts below and a link to the page; `word` stands beside its
    mark instead of the state's own.
    """

    title: str
    tile: Tile
    state: State
    facts: tuple[Fact, ...] = ()
    link: Link | None = None
    id: str = ""
    word: str = ""


EmptyKind = Literal["nothing received", "nothing in window", "not instrumented", "not enough", "no baseline"]


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is nothing to see, and the next action. `code` is a command to copy. With `waits` the page flips by
    itself when the first data come.
    """

    kind: EmptyKind
    text: str
    detail: str = ""
    code: str = ""
    link: Link | None = None
    progress: str = ""
    waits: bool = False


def nothing_received(curl: str, keys_url: str = "") -> Empty:
    """A new project: `curl` is a command that needs only a key."""
    link = Link("Make an API key", keys_url) if keys_url else None
    text = "Nothing has been received yet. Send the first interaction:"
    return Empty("nothing received", text, "This page fills itself when it arrives.", curl, link, waits=True)


def nothing_in_window(last_data: str = "", url: str = "") -> Empty:
    """There are data, elsewhere in time: `last_data` e.g. '3 May 14:20'."""
    detail = f"Last data {last_data}." if last_data else ""
    return Empty("nothing in window", "Nothing in this window.", detail, link=Link("Go there", url) if url else None)


def not_instrumented(what: str, feature: str = "", url: str = "", code: str = "") -> Empty:
    """The apps do not send this yet: `what` e.g. 'outcome feedback'."""
    text = f"No {what} has been received{f' for {feature}' if feature else ''}."
    return Empty("not instrumented", text, code=code, link=Link("How to send it", url) if url else None)


def not_sent(what: str, url: str, code: str = "") -> Empty:
    """The same of what is no feedback, or where `what` is the one thing to send: 'the figure active_users'."""
    return Empty("not instrumented", f"Not sent yet: {what}.", code=code, link=Link("How to send it", url))


def not_enough(have: int, need: int, what: str, detail: str = "", link: Link | None = None) -> Empty:
    """Too few for a value; `detail` says when there will be enough ('around 10 Sep')."""
    text = detail or "The value appears when there are enough."
    return Empty("not enough", text, link=link, progress=f"{have:,} of {need:,} {what}")


def no_baseline(detail: str = "", url: str = "") -> Empty:
    """A comparison is asked for, and there is nothing to compare with."""
    text = "No baseline to compare with yet."
    return Empty("no baseline", text, detail, link=Link("Pin one", url) if url else None)


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its header. Exactly one of chart, empty, error (a reference such as '7f3a') or load_url (a slow
    panel: skeleton first, replaced by what that address answers) decides what is shown; the height is always the same.
    """

    id: str
    title: str
    note: str = ""
    chart: Chart | None = None
    empty: Empty | None = None
    error: str = ""
    load_url: str = ""
    retry_url: str = ""
    csv_url: str = ""
    footnote: str = ""
    definition: str = ""
    size: Size = "normal"

    @property
    def height(self) -> Size:
        """The size that a drawn, empty, failing and loading panel share."""
        return self.chart.size if self.chart else self.size


@dataclass(frozen=True, slots=True)
class Filter:
    """A select of the toolbar. `name` is the query parameter; `key` 'range' lets [ and ] step through it."""

    name: str
    label: str
    options: tuple[Option, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """The toolbar beside the title, a GET form; `hidden` keeps the other parameters of the address."""

    selects: tuple[Filter, ...]
    hidden: tuple[tuple[str, str], ...] = ()
    action: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Two bars under each other, shares 0–1 of the full length: hollow before, solid now."""

    before: float
    now: float

    @property
    def widths(self) -> tuple[str, str]:
        """Both as SVG numbers."""
        return f"{self.before * 100:.1f}", f"{self.now * 100:.1f}"


@dataclass(frozen=True, slots=True)
class Ends:
    """A value in its interval, drawn: shares 0–1 of the full length; `zero` is where a tick stands."""

    low: float
    value: float
    high: float
    zero: float | None = None

    @property
    def places(self) -> tuple[str, str, str]:
        """Low, width and value as SVG numbers."""
        return f"{self.low * 100:.1f}", f"{max(self.high - self.low, 0.01) * 100:.1f}", f"{self.value * 100:.1f}"

    @property
    def zero_x(self) -> str:
        """The tick as an SVG number; empty without one."""
        return "" if self.zero is None else f"{self.zero * 100:.1f}"


@dataclass(frozen=True, slots=True)
class Field:
    """One cell of a table: worded text, perhaps with a link, a state, bars or an interval; `at` makes it a time in the
    project's zone.
    """

    text: str = ""
    url: str = ""
    state: State | None = None
    at: datetime | None = None
    code: bool = False
    bars: Bars | None = None
    ends: Ends | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column; `definition` shows on hover."""

    text: str
    numeric: bool = False
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """The first field heads the row; `current` marks the one this page is about."""

    fields: tuple[Field, ...]
    current: bool = False


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A table in a panel; `empty` stands instead of the rows, `missing` under them: what to send so that they are whole."""

    id: str
    title: str
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...] = ()
    note: str = ""
    footnote: str = ""
    total: Row | None = None
    empty: Empty | None = None
    csv_url: str = ""
    missing: Empty | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log ('what changed'): when, a tag, what."""

    at: datetime
    tag: str
    text: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A bar from 0 to its full length, shares 0–1; `tick` marks a second limit."""

    share: float
    state: State
    label: str
    tick: float | None = None

    @property
    def width(self) -> str:
        """The bar as an SVG number."""
        return f"{min(max(self.share, 0.0), 1.0) * 100:.1f}"

    @property
    def tick_x(self) -> str:
        """The tick as an SVG number; empty without one."""
        return "" if self.tick is None else f"{min(max(self.tick, 0.0), 1.0) * 100:.1f}"


@dataclass(frozen=True, slots=True)
class Pages:
    """Older and newer of a list; an empty address hides its link."""

    newer_url: str = ""
    older_url: str = ""
    label: str = ""
