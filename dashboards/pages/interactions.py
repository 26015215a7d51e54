"""Interactions: the list behind every number, and one interaction as the user met it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from dashboards import filters, formatting, lists, present, record, samples
from dashboards.components import Filter, Filters, Notice, Option, Pages, State, nothing_received
from dashboards.pages import board
from dashboards.view import View, project_page
from ingest import dictionary, lookup, timeline
from ingest.digest import search, texts, unread
from ingest.dimensions import EVERY_MARK, MARKS, CostSource, Dimension, FeedbackKind
from ingest.models import Interaction, Verdict
from ingest.projects.models import Project

PAGE = 50
LONGEST_SEARCH = 200
TOO_MANY = "These words are in too many interactions to look through: add a rarer one, a feature, or a shorter time."
EXTRA: dict[str, tuple[str, dict[str, str]]] = {
    "status": ("Any state", {"ok": "Answered", "error": "Failed"}),
    "thumb": ("Any thumb", {"up": "Thumb up", "down": "Thumb down", "none": "Not rated"}),
    "cost": ("Any price", {"unpriced": "Unpriced"}),
    "mark": ("Marked or not", {"any": "Any mark", **lists.MARK_WORDS}),
}


@dataclass(frozen=True)
class Cursor:
    """A row at the edge of a page; the page on its other side starts beside it."""

    at: datetime
    id: str

    def text(self) -> str:
        """As an address carries it."""
        return f"{self.at.isoformat()}~{self.id}"


@dataclass(frozen=True)
class Page:
    """Rows, newest first, and the cursors of the pages on both sides."""

    items: list[Interaction]
    newer: Cursor | None
    older: Cursor | None


Fetch = Callable[["Cursor | None", bool, int], list[Interaction]]
"""Beside a row, or from the first one on: so many of the older, or of the newer ones, the nearest first."""


def read_cursor(text: str) -> Cursor | None:
    """A cursor from an address; None when it cannot be one."""
    at, _, id = text.partition("~")
    if "\x00" in id:
        return None
    try:
        return Cursor(timeline.parse(at.replace(" ", "+")), id)
    except ValueError:
        return None


def chosen(view: View) -> dict[str, str]:
    """The page's own filters that the address names and that exist."""
    return {name: view.request.GET[name] for name, (_, known) in EXTRA.items() if view.request.GET.get(name) in known}


def words_of(view: View) -> str:
    """What is searched for; no id holds a NUL or is longer than 200 characters."""
    return view.request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def found(view: View) -> QuerySet[Interaction]:
    """The interactions of the window that pass the filters."""
    choice, extra = view.choice, chosen(view)
    rows = Interaction.objects.filter(occurred_at__gte=choice.window.start, occurred_at__lt=choice.window.end)
    if choice.feature:
        rows = rows.filter(feature_id=_number(Dimension.FEATURE, choice.feature))
    if choice.model:
        rows = rows.filter(model_id=_number(Dimension.MODEL, choice.model))
    if "status" in extra:
        rows = rows.filter(status=1 if extra["status"] == "error" else 0)
    if "cost" in extra:
        rows = rows.filter(cost_source=CostSource.UNPRICED)
    if "mark" in extra:
        rows = search.marked(rows, _bits(extra["mark"]))
    if "thumb" in extra:
        rows = rows.filter(_thumb(extra["thumb"]))
    return rows


def _number(dimension: Dimension, value: str) -> int:
    return dictionary.number_of(dimension, value) or 0


def _bits(mark: str) -> int:
    return EVERY_MARK if mark == "any" else int(MARKS[mark])


def named(rows: QuerySet[Interaction], words: str) -> QuerySet[Interaction]:
    """Those whose user, session or trace is called so."""
    return rows.filter(Q(user_id=words) | Q(session_id=words) | Q(trace_id=words))


def sought(view: View, words: str) -> search.Sought:
    """The same filters beside words in texts."""
    choice, extra = view.choice, chosen(view)
    return search.Sought(
        words,
        choice.window.end,
        choice.window.start,
        feature=_number(Dimension.FEATURE, choice.feature) if choice.feature else None,
        model=_number(Dimension.MODEL, choice.model) if choice.model else None,
        has_failed=extra["status"] == "error" if "status" in extra else None,
        price_source=int(CostSource.UNPRICED) if "cost" in extra else None,
        marks=_bits(extra["mark"]) if "mark" in extra else None,
        thumb=extra.get("thumb"),
    )


def _thumb(wanted: str) -> Q:
    said = Verdict.objects.filter(
        interaction_at=OuterRef("occurred_at"), interaction_id=OuterRef("id"), kind=FeedbackKind.THUMB
    )
    if wanted == "none":
        return ~Q(Exists(said))
    return Q(Exists(said.filter(value=1.0 if wanted == "up" else 0.0)))


def listed(rows: QuerySet[Interaction]) -> Fetch:
    """Pages of a list."""

    def fetch(edge: Cursor | None, is_newer: bool, most: int) -> list[Interaction]:
        if edge and is_newer:
            newer = Q(occurred_at__gt=edge.at) | Q(occurred_at=edge.at, id__gt=edge.id)
            return list(rows.filter(newer, occurred_at__gte=edge.at).order_by("occurred_at", "id")[:most])
        beside = rows
        if edge:
            older = Q(occurred_at__lt=edge.at) | Q(occurred_at=edge.at, id__lt=edge.id)
            beside = rows.filter(older, occurred_at__lte=edge.at)
        return list(beside.order_by("-occurred_at", "-id")[:most])

    return fetch


def searched(what: search.Sought) -> Fetch:
    """Pages of a search; fetching raises search.TooSlow."""

    def fetch(edge: Cursor | None, is_newer: bool, most: int) -> list[Interaction]:
        place = (edge.at, edge.id) if edge else None
        return search.records(search.find(what, most, place, is_newer=is_newer))

    return fetch


def page_of(fetch: Fetch, after: Cursor | None, before: Cursor | None) -> Page:
    """The page after a cursor (older), before one (newer), or the first."""
    if before and not after:
        items = fetch(before, True, PAGE + 1)
        is_more, items = len(items) > PAGE, items[:PAGE][::-1]
        return Page(items, _cursor(items[0]) if is_more else None, _cursor(items[-1]) if items else None)
    items = fetch(after, False, PAGE + 1)
    is_more, items = len(items) > PAGE, items[:PAGE]
    return Page(items, _cursor(items[0]) if after and items else None, _cursor(items[-1]) if is_more else None)


def _cursor(one: Interaction) -> Cursor:
    return Cursor(one.occurred_at, one.id)


def toolbar(view: View) -> Filters:
    """The usual filters and the page's own."""
    usual = filters.toolbar(view.choice, view.features, view.models)
    extra = chosen(view)
    selects = [
        Filter(
            name,
            name.capitalize(),
            (
                Option("", anything, name not in extra),
                *(Option(value, text, extra.get(name) == value) for value, text in known.items()),
            ),
        )
        for name, (anything, known) in EXTRA.items()
    ]
    words = words_of(view)
    return Filters((*usual.selects, *selects), (*usual.hidden, *((("q", words),) if words else ())))


def pages_of(view: View, page: Page) -> Pages:
    """The addresses of the pages on both sides, with every filter kept."""
    words = words_of(view)
    kept = {**view.choice.parameters(), **chosen(view), **({"q": words} if words else {})}

    def address(**cursor: str) -> str:
        return view.url("interactions/?" + urlencode({**kept, **cursor}))

    is_beyond = not page.items and bool(view.request.GET.get("after") or view.request.GET.get("before"))
    newer = address(before=page.newer.text()) if page.newer else address() if is_beyond else ""
    older = address(after=page.older.text()) if page.older else ""
    return Pages(newer, older, f"{len(page.items)} shown")


def notices(view: View) -> list[Notice]:
    """What of the address could not be followed."""
    shown = list(board.notes(view))
    for name in ("after", "before"):
        text = view.request.GET.get(name, "")
        if text and read_cursor(text) is None:
            shown.append(
                Notice(State.NO_DATA, "This place in the list cannot be read; showing the newest.", word="Note")
            )
    return shown


def found_by(view: View, words: str) -> tuple[Fetch, str]:
    """The pages that these words lead to, and how they were understood: as a name, or else as words in texts."""
    if not words:
        return listed(found(view)), ""
    if lookup.is_named(words, view.choice.window):
        return listed(named(found(view), words)), f"Only those whose user, session or trace is “{words}”."
    query = texts.query(words)
    if not query:
        return listed(found(view).none()), f"“{words}” is no id, user, session or trace, and there is no word in it."
    said = f"Only those whose texts hold {words}."
    if view.project.text_policy == Project.TextPolicy.HASHED:
        said += " Texts are not stored by policy, so nothing of them can be found."
    elif (reach := unread.complete_to(view.now)) < view.now:
        said += f" Texts that came in within the last {formatting.span(view.now - reach)} are not all read yet."
    return searched(sought(view, query)), said


@require_safe
@project_page
def interactions(view: View) -> HttpResponse:
    """The list; a search for an id leads to its interaction, whenever that was, any other to names or to words in texts."""
    words = words_of(view)
    view = view.with_range("90d" if words else "7d")
    if view.coverage.last_interaction_at is None:
        empty = nothing_received(samples.first_interaction(), view.url("settings/keys/"))
        return view.render("interactions.html", {"filters": None, "empty": empty})
    if words and lookup.interaction(words):
        return redirect(lists.address_of(view, words))
    after, before = (read_cursor(view.request.GET.get(name, "")) for name in ("after", "before"))
    fetch, said = found_by(view, words)
    shown = notices(view) + ([Notice(State.NO_DATA, said, word="Search")] if said else [])
    try:
        page = page_of(fetch, after, before)
    except search.TooSlow:
        page = Page([], None, None)
        shown.append(Notice(State.WARNING, TOO_MANY, word="Search"))
    context = {
        "filters": toolbar(view),
        "notices": shown,
        "table": lists.table(view, page.items, note=present.window_words(view, view.choice.window)),
        "pages": pages_of(view, page),
        "words": words,
    }
    return view.render("interactions.html", context)


@require_safe
@project_page
def interaction(view: View) -> HttpResponse:
    """One interaction: its conversation, feedback, costs, session and dimensions."""
    known = lookup.interaction(view.request.GET.get("id", ""))
    if known is None:
        raise Http404("no such interaction in this project")
    return view.render("interaction.html", {"record": record.build(view, known.interaction, known.payload)})
