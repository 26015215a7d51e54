"""The skeleton that the four dashboards share: tiles, charts, a breakdown by feature, and the evidence behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from django.db import transaction
from django.http import HttpResponse

from dashboards import filters, formatting, judged, parts, present, samples
from dashboards.asks import Ask
from dashboards.charts import tables
from dashboards.charts.data import Table
from dashboards.components import (
    Breakdown,
    Empty,
    Field,
    Filters,
    Heading,
    Link,
    Notice,
    Panel,
    Row,
    State,
    Tile,
    nothing_received,
)
from dashboards.panels import guarded, guarded_tile, nothing_here
from dashboards.parts import Part, Shown
from dashboards.present import worst_first
from dashboards.view import View
from ingest.dimensions import ABSENT
from observatory.metrics.definitions import METRICS
from observatory.metrics.reading import Reading
from observatory.metrics.shelf import NAMELESS

T = TypeVar("T")
Made = Panel | Breakdown | None


@dataclass(frozen=True)
class PanelMaker:
    """A panel or a table and how to make it; made apart from the others, so that one failure stays one.

    Nothing is shown where nothing is made.
    """

    name: str
    title: str
    make: Callable[[], Made]


@dataclass(frozen=True)
class TileMaker:
    """A tile that is more than one metric's number, and how to make it; made apart from the others."""

    name: str
    title: str
    make: Callable[[], Tile]


@dataclass(frozen=True)
class Board:
    """What one dashboard shows. `columns` are the metrics of the breakdown by feature, `tables` those above it.

    What comes after the page: `more` as a second row of tiles, `late` among the charts, `wide` below them. `not_sent`:
    what has no data yet, by title.
    """

    title: str
    path: str
    tiles: Sequence[present.Asked | TileMaker]
    panels: Sequence[PanelMaker]
    columns: Sequence[str]
    evidence: tuple[Link, ...] = ()
    watched: tuple[str, ...] = ()
    tables: Sequence[PanelMaker] = ()
    small: Sequence[PanelMaker] = ()
    more: tuple[Part, ...] = ()
    late: tuple[Part, ...] = ()
    wide: tuple[Part, ...] = ()
    not_sent: Mapping[str, Ask] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that comes after the page."""
        return (*self.more, *self.late, *self.wide)


@dataclass(frozen=True)
class BoardContext:
    """The context of board.html."""

    title: str
    filters: Filters
    notices: tuple[Notice, ...]
    tiles: tuple[Tile, ...]
    panels: tuple[Panel | Breakdown, ...]
    tables: tuple[Panel | Breakdown, ...]
    breakdown: Breakdown
    evidence: tuple[Link, ...]
    empty: Empty | None = None
    small: tuple[Panel | Breakdown, ...] = ()
    more: tuple[Shown, ...] = ()
    late: tuple[Shown, ...] = ()
    wide: tuple[Shown, ...] = ()
    not_sent: Mapping[str, Ask] = field(default_factory=dict)


def respond(view: View, board: Board) -> HttpResponse:
    """The page; one part of it, or one panel's table as CSV, when the address asks for that."""
    if parts.is_asked_for(view):
        return parts.answer(view, board.parts)
    wanted = view.request.GET.get("csv", "")
    if wanted:
        return _csv(view, board, wanted)
    return view.render("board.html", {"board": _context(view, board), "title": board.title})


def _context(view: View, board: Board) -> BoardContext:
    view.reader.pinned.expect([*(one.metric for one in board.tiles if isinstance(one, present.Asked)), *board.columns])
    empty = None
    if view.coverage.last_interaction_at is None:
        empty = nothing_received(samples.first_interaction(), view.url("settings/keys/"))
    return BoardContext(
        title=board.title,
        filters=filters.toolbar(view.choice, view.features, view.models, view.baselines(view.choice.feature)),
        notices=(*notes(view), *_incident_notices(view, board.watched)),
        # First of all: what a table reads of users holds what tiles ask for.
        tables=() if empty else _shown(board.tables),
        tiles=() if empty else tuple(_tile(view, asked) for asked in board.tiles),
        panels=() if empty else _shown(board.panels),
        breakdown=Breakdown("features", "By feature", ()) if empty else by_feature(view, board),
        evidence=board.evidence,
        empty=empty,
        small=() if empty else _shown(board.small),
        more=() if empty else tuple(parts.on_page(view, part) for part in board.more),
        late=() if empty else tuple(parts.on_page(view, part) for part in board.late),
        wide=() if empty else tuple(parts.on_page(view, part) for part in board.wide),
        not_sent={} if empty else board.not_sent,
    )


def _tile(view: View, asked: present.Asked | TileMaker) -> Tile:
    if isinstance(asked, present.Asked):
        return present.tile(view, asked)
    return guarded_tile(asked.name, asked.title, partial(_apart, asked.make))


def _shown(asked: Sequence[PanelMaker]) -> tuple[Panel | Breakdown, ...]:
    """Each panel and table, or in its place the note that it failed."""
    made = (guarded(one.name, one.title, partial(_apart, one.make)) for one in asked)
    return tuple(one for one in made if one is not None)


def _apart(make: Callable[[], T]) -> T:
    """A query that fails takes no other with it."""
    with transaction.atomic():
        return make()


def notes(view: View) -> tuple[Notice, ...]:
    """What of the address could not be followed."""
    return tuple(Notice(State.NO_DATA, note, word="Note") for note in view.choice.notes)


def _incident_notices(view: View, metrics: tuple[str, ...]) -> tuple[Notice, ...]:
    opened = [one for one in view.open_incidents if one.rule.metric in metrics]
    return tuple(
        Notice(
            State(one.severity),
            f"{judged.title_of(one)} · open {present.since(one.opened_at, view.now)}",
            (Link(f"Incident {one.pk}", view.url(f"incidents/{one.pk}/")),),
        )
        for one in worst_first(opened)[:3]
    )


def by_feature(view: View, board: Board) -> Breakdown:
    """One row a feature, with the state of its worst rule on what this dashboard watches; no state where none does."""
    columns = board.columns
    states = judged.states_by_feature(view.rule_states, board.watched)
    found = view.reader.breakdown(columns, view.choice.window, by="feature")
    headings = (
        Heading("Feature"),
        *(Heading(METRICS[name].title, numeric=True, definition=METRICS[name].doc) for name in columns),
        *((Heading("State"),) if states else ()),
    )
    named = [name for name in found if name not in NAMELESS.values()]
    rows = [_row(view, board, feature, found[feature], states) for feature in named]
    nameless = [name for name in found if name not in named and _says_something(found[name])]
    rows += [_overhead(name, found[name], has_state=bool(states)) for name in nameless]
    empty = None if rows else nothing_here(view)
    return Breakdown(
        "features",
        "By feature",
        headings,
        tuple(rows),
        note=present.window_words(view, view.choice.window) + present.all_models(view),
        empty=empty,
    )


def _cells(readings: Mapping[str, Reading]) -> list[Field]:
    return [Field(formatting.value(read.value, METRICS[name].unit)) for name, read in readings.items()]


def _row(view: View, board: Board, feature: str, readings: Mapping[str, Reading], states: Mapping[str, State]) -> Row:
    state = states.get(feature)
    mark = Field(state.word, state=state) if state else Field("not watched")
    name = Field(feature, view.url(board.path, feature=feature))
    return Row((name, *_cells(readings), *((mark,) if states else ())), feature == view.choice.feature)


def _overhead(name: str, readings: Mapping[str, Reading], *, has_state: bool) -> Row:
    """What belongs to no feature, or to one of too many: no page of its own."""
    title = "no feature (overhead)" if name == NAMELESS[ABSENT] else "other features"
    return Row((Field(title), *_cells(readings), *((Field(),) if has_state else ())))


def _says_something(readings: Mapping[str, Reading]) -> bool:
    return any(read.value for read in readings.values())


def _csv(view: View, board: Board, name: str) -> HttpResponse:
    table = _table_of(board, name)
    if table is not None:
        answer = HttpResponse("".join(tables.csv_lines(table)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{view.project.slug}-{name}.csv"'
        return answer
    return HttpResponse("There is no such table on this page in this window.", status=404, content_type="text/plain")


def _table_of(board: Board, name: str) -> Table | None:
    """The table behind a chart or a part of the page; None where there is none."""
    for maker in board.panels:
        if maker.name == name:
            made = maker.make()
            return made.chart.table if isinstance(made, Panel) and made.chart is not None else None
    return next((part.table() for part in board.parts if part.name == name and part.table), None)
