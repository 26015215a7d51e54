"""Interactions: the list behind every number, and one interaction as the user met it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpResponse

from dashboards import filters, present, record
from dashboards.components import Filter, Filters, Notice, Option, Pages, State, nothing_received
from dashboards.lists import table
from dashboards.pages import board
from dashboards.view import View, project_page
from ingest import dictionary, lookup, timeline
from ingest.dimensions import CostSource, Dimension, FeedbackKind
from ingest.models import Interaction, Verdict

PAGE = 50
EXTRA: dict[str, tuple[str, dict[str, str]]] = {
    "status": ("Any state", {"ok": "Answered", "error": "Failed"}),
    "thumb": ("Any thumb", {"up": "Thumb up", "down": "Thumb down", "none": "Not rated"}),
    "cost": ("Any price", {"unpriced": "Unpriced"}),
}


@dataclass(frozen=True)
class Cursor:
    """The last row of a page; the next page starts after it."""

    at: datetime
    id: str

    def text(self) -> str:
        """As an address carries it."""
        return f"{self.at.isoformat()}~{self.id}"


def read_cursor(text: str) -> Cursor | None:
    """A cursor from an address; None when it cannot be one."""
    at, _, id = text.partition("~")
    try:
        return Cursor(timeline.parse(at.replace(" ", "+")), id)
    except ValueError:
        return None


def chosen(view: View) -> dict[str, str]:
    """The page's own filters that the address names and that exist."""
    return {name: view.request.GET[name] for name, (_, known) in EXTRA.items() if view.request.GET.get(name) in known}


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
    words = view.request.GET.get("q", "").strip()
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


def page_of(rows: QuerySet[Interaction], after: Cursor | None) -> tuple[list[Interaction], Cursor | None]:
    """One page and the cursor of the next, if there is one."""
    if after:
        rows = rows.filter(
            Q(occurred_at__lt=after.at) | Q(occurred_at=after.at, id__lt=after.id), occurred_at__lte=after.at
        )
    items = list(rows[: PAGE + 1])
    more = len(items) > PAGE
    items = items[:PAGE]
    return items, Cursor(items[-1].occurred_at, items[-1].id) if more else None


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
    words = view.request.GET.get("q", "")
    return Filters((*usual.selects, *selects), (*usual.hidden, *((("q", words),) if words else ())))


@project_page
def interactions(view: View) -> HttpResponse:
    """The list."""
    view = view.with_range("7d")
    if view.coverage.last_interaction_at is None:
        return view.render(
            "interactions.html", {"filters": toolbar(view), "empty": nothing_received(board.first_curl(view))}
        )
    after = read_cursor(view.request.GET.get("after", ""))
    items, following = page_of(found(view), after)
    kept = {
        **view.choice.parameters(),
        **chosen(view),
        **({"q": view.request.GET["q"]} if view.request.GET.get("q") else {}),
    }
    older = view.url("interactions/?" + urlencode({**kept, "after": following.text()})) if following else ""
    newer = view.url("interactions/?" + urlencode(kept)) if after else ""
    words = view.request.GET.get("q", "")
    context = {
        "filters": toolbar(view),
        "notices": (
            *board.notes(view),
            *(
                (Notice(State.NO_DATA, f"Only those whose id, user, session or trace is “{words}”.", word="Search"),)
                if words
                else ()
            ),
        ),
        "table": table(view, items, note=present.window_words(view, view.choice.window)),
        "pages": Pages(newer, older, f"{len(items)} shown"),
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
