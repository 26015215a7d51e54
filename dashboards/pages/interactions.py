"""Interactions: the list behind every number, and one interaction as the user met it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from dashboards import filters, lists, present, record, samples
from dashboards.components import Filter, Filters, Notice, Option, Pages, State, nothing_received
from dashboards.pages import board
from dashboards.view import View, project_page
from ingest import dictionary, lookup, timeline
from ingest.dimensions import CostSource, Dimension, FeedbackKind
from ingest.models import Interaction, Verdict

PAGE = 50
LONGEST_SEARCH = 200
EXTRA: dict[str, tuple[str, dict[str, str]]] = {
    "status": ("Any state", {"ok": "Answered", "error": "Failed"}),
    "thumb": ("Any thumb", {"up": "Thumb up", "down": "Thumb down", "none": "Not rated"}),
    "cost": ("Any price", {"unpriced": "Unpriced"}),
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
    """The interactions of the window that pass the filters, newest first."""
    choice, extra = view.choice, chosen(view)
    rows = Interaction.objects.filter(occurred_at__gte=choice.window.start, occurred_at__lt=choice.window.end)
    if choice.feature:
        rows = rows.filter(feature_id=dictionary.number_of(Dimension.FEATURE, choice.feature) or 0)
    if choice.model:
        rows = rows.filter(model_id=dictionary.number_of(Dimension.MODEL, choice.model) or 0)
    if "status" in extra:
        rows = rows.filter(status=1 if extra["status"] == "error" else 0)
    if "cost" in extra:
        rows = rows.filter(cost_source=CostSource.UNPRICED)
    if "thumb" in extra:
        rows = rows.filter(_thumb(extra["thumb"]))
    words = words_of(view)
    if words:
        rows = rows.filter(Q(id=words) | Q(user_id=words) | Q(session_id=words) | Q(trace_id=words))
    return rows.order_by("-occurred_at", "-id")


def _thumb(wanted: str) -> Q:
    said = Verdict.objects.filter(
        interaction_at=OuterRef("occurred_at"), interaction_id=OuterRef("id"), kind=FeedbackKind.THUMB
    )
    if wanted == "none":
        return ~Q(Exists(said))
    return Q(Exists(said.filter(value=1.0 if wanted == "up" else 0.0)))


def page_of(rows: QuerySet[Interaction], after: Cursor | None, before: Cursor | None) -> Page:
    """The page after a cursor (older), before one (newer), or the first."""
    if before and not after:
        newer = Q(occurred_at__gt=before.at) | Q(occurred_at=before.at, id__gt=before.id)
        items = list(rows.filter(newer, occurred_at__gte=before.at).order_by("occurred_at", "id")[: PAGE + 1])
        is_more, items = len(items) > PAGE, items[PAGE - 1 :: -1] if items else []
        return Page(items, _cursor(items[0]) if is_more else None, _cursor(items[-1]) if items else None)
    if after:
        older = Q(occurred_at__lt=after.at) | Q(occurred_at=after.at, id__lt=after.id)
        rows = rows.filter(older, occurred_at__lte=after.at)
    items = list(rows[: PAGE + 1])
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


def notices(view: View) -> tuple[Notice, ...]:
    """What of the address could not be followed, and what is searched for."""
    shown = list(board.notes(view))
    for name in ("after", "before"):
        text = view.request.GET.get(name, "")
        if text and read_cursor(text) is None:
            shown.append(
                Notice(State.NO_DATA, "This place in the list cannot be read; showing the newest.", word="Note")
            )
    if words_of(view):
        text = f"Only those whose user, session or trace is “{words_of(view)}”."
        shown.append(Notice(State.NO_DATA, text, word="Search"))
    return tuple(shown)


@project_page
def interactions(view: View) -> HttpResponse:
    """The list; a search for an id leads to its interaction, whenever that was."""
    words = words_of(view)
    view = view.with_range("90d" if words else "7d")
    if view.coverage.last_interaction_at is None:
        empty = nothing_received(samples.first_interaction(), view.url("settings/keys/"))
        return view.render("interactions.html", {"filters": None, "empty": empty})
    if words and lookup.interaction(words):
        return redirect(lists.address_of(view, words))
    after, before = (read_cursor(view.request.GET.get(name, "")) for name in ("after", "before"))
    page = page_of(found(view), after, before)
    context = {
        "filters": toolbar(view),
        "notices": notices(view),
        "table": lists.table(view, page.items, note=present.window_words(view, view.choice.window)),
        "pages": pages_of(view, page),
        "words": words,
    }
    return view.render("interactions.html", context)


@project_page
def interaction(view: View) -> HttpResponse:
    """One interaction: its conversation, feedback, costs, session and dimensions."""
    known = lookup.interaction(view.request.GET.get("id", ""))
    if known is None:
        raise Http404("no such interaction in this project")
    return view.render("interaction.html", {"record": record.build(view, known.interaction, known.payload)})
