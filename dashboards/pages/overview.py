"""Overview: how everything stands, in one screen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.views.decorators.http import require_safe

from alerts.messages import links
from alerts.models import Incident
from dashboards import changes, formatting, found, judged, present, samples, shell
from dashboards.components import Card, Empty, Entry, Fact, Link, State, Tile, Verdict, nothing_received, worst
from dashboards.present import Asked, is_busy
from dashboards.view import View, project_page
from ingest.models import ChangeEvent
from ingest.timeline import DAY
from observatory.drift import findings
from observatory.metrics.definitions import METRICS

CHANGES = 8
NO_ALARM = "No open incident, no drift in any watched series"
STANDING: dict[tuple[State, str], tuple[str, str]] = {
    (State.CRITICAL, ""): ("is critical", "are critical"),
    (State.WARNING, ""): ("is at warning", "are at warning"),
    judged.TOO_FEW: ("has too few events to judge", "have too few events to judge"),
    judged.NOT_YET: ("is not judged yet", "are not judged yet"),
    judged.NOTHING_TO_JUDGE: ("has nothing that a rule could judge", "have nothing that a rule could judge"),
    judged.NOT_WATCHED: ("is watched by no rule", "are watched by no rule"),
    (State.LEARNING, ""): ("is not judged yet", "are not judged yet"),
    (State.NO_DATA, ""): ("is without data", "are without data"),
    (State.OK, ""): ("is OK", "are OK"),
}
"""What is said of one card and of several, by their state and, where it says more, their word."""
NOT_SENT = {
    "task_completion_rate": "outcome",
    "rejection_rate": "acceptance",
    "flag_rate": "flag",
    "rating_mean": "rating",
    "correction_rate": "correction",
    "thumbs_up_rate": "thumb",
}


@dataclass(frozen=True)
class IncidentLine:
    """One open incident as the overview tells it."""

    state: State
    title: str
    url: str
    number: int
    detail: str


@dataclass(frozen=True)
class NotSent:
    """A metric nobody has sent data for, and the kind of feedback that would fill it."""

    title: str
    kind: str
    code: str


@dataclass(frozen=True)
class Overview:
    """The context of overview.html."""

    verdict: Verdict
    cards: tuple[Card, ...]
    incidents: tuple[IncidentLine, ...]
    resolved: str
    changes: tuple[Entry, ...]
    findings: tuple[found.Shown, ...]
    watched: int
    not_sent: tuple[NotSent, ...]
    empty: Empty | None = None


def _fact(view: View, metric: str, window_days: int) -> Fact:
    definition = METRICS[metric]
    read = view.reader.reading(metric, present.last(view, timedelta(days=window_days)))
    words = {1: "24 h"}.get(window_days, f"{window_days} d")
    state = judged.state_of(view.rule_states, metric, None) if read.state == "ok" else None
    shown = state if state in {State.WARNING, State.CRITICAL} else None
    value, have = formatting.value(read.value, definition.unit), present.too_few(read, definition)
    return Fact(f"{definition.title}, {words}", value, have, shown)


@dataclass(frozen=True)
class Room:
    """One dashboard's card: its headline and its small rows; `name` is its page and its key in WATCHED."""

    title: str
    name: str
    asked: Asked
    facts: tuple[tuple[str, int], ...]


def _rooms(view: View) -> tuple[Room, ...]:
    week, month = (present.last(view, timedelta(days=days)) for days in (7, 28))
    lately, lately_words = (1, "24 h") if is_busy(view) else (7, "7 d")
    return (
        Room(
            "Health",
            "health",
            Asked("availability", f"Availability, {lately_words}", present.last(view, timedelta(days=lately))),
            (("latency_p95", lately), ("error_rate", lately)),
        ),
        Room(
            "Quality",
            "quality",
            Asked("thumbs_up_rate", "Thumbs-up rate, 7 d", week, "baseline"),
            (("correction_rate", 7), ("rejection_rate", 7)),
        ),
        Room(
            "Cost",
            "cost",
            Asked("cost_total", "Cost, 28 d", month),
            (("cost_per_call", 28), ("unpriced_calls", 28)),
        ),
        Room(
            "Engagement",
            "engagement",
            Asked("mau", "Active users, 30 d", present.last(view, 30 * DAY)),
            (("wau", 7), ("feedback_coverage", 7)),
        ),
    )


def _card(view: View, room: Room) -> Card:
    everything = "all features" if len(view.features) > 1 else ""
    tile: Tile = present.tile(view, replace(room.asked, about=view.choice.feature or everything))
    states = [state for name in judged.WATCHED[room.name] if (state := judged.state_of(view.rule_states, name, None))]
    states += [State(one.severity) for one in view.open_incidents if links.page_of(one.rule.metric) == room.name]
    if states:
        state, word = worst(states), ""
    elif tile.state:
        state, word = tile.state, tile.word
    else:
        state, word = judged.silence(view.rule_states, judged.WATCHED[room.name])
    facts = tuple(_fact(view, metric, days) for metric, days in room.facts)
    link = Link(f"Open {room.title}", view.url(f"{room.name}/"))
    return Card(room.title, tile, state, facts, link, room.name, word)


def _line(view: View, one: Incident) -> IncidentLine:
    told = f"acknowledged by {one.acknowledged_by}" if one.acknowledged_at else "nobody has acknowledged"
    detail = f"Open {present.since(one.opened_at, view.now)}, since {formatting.moment(one.since, view.zone, view.now)} · n = {formatting.count(one.sample_size)} · {told}"
    return IncidentLine(State(one.severity), judged.title_of(one), view.url(f"incidents/{one.pk}/"), one.pk, detail)


def _standing(card: Card) -> tuple[str, str]:
    return STANDING.get((card.state, card.word)) or STANDING[card.state, ""]


def _say(cards: Sequence[Card], *, are_ok: bool) -> str:
    """'Health, Cost and Engagement are OK.', or of those that are not what each is; empty where there is none."""
    said: dict[tuple[str, str], list[str]] = {}
    for card in cards:
        if (card.state is State.OK) is are_ok:
            said.setdefault(_standing(card), []).append(card.title)
    return " ".join(
        _sentence(said[standing], standing) for standing in dict.fromkeys(STANDING.values()) if standing in said
    )


def _sentence(names: Sequence[str], standing: tuple[str, str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} {standing[1]}." if others else f"{last} {standing[0]}."


def unalarmed(cards: Sequence[Card]) -> Verdict:
    """The head without an incident or a finding: it calls well only what was judged, and names the rest."""
    calm, rest = _say(cards, are_ok=True), _say(cards, are_ok=False)
    apart: list[State] = [card.state for card in cards if card.state is not State.OK]
    if not apart:
        return Verdict(State.OK, NO_ALARM, "All is well.")
    if worst(apart).alarming:
        return Verdict(worst(apart), NO_ALARM, "Not all is well.", f"{rest} {calm}".strip())
    return Verdict(State.OK, NO_ALARM, calm, rest) if calm else Verdict(worst(apart), NO_ALARM, "Not judged yet.", rest)


def _verdict(view: View, opened: list[Incident], drifts: list[found.Shown], cards: tuple[Card, ...]) -> Verdict:
    state = shell.state_of_incidents(opened)
    if not opened and not drifts:
        return unalarmed(cards)
    counts = {name: sum(one.severity == name for one in opened) for name in ("critical", "warning")}
    lead = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    headline = judged.title_of(opened[0]) if opened else drifts[0].headline
    reason = f"{drifts[0].sentence} " if drifts else ""
    reason += _say(cards, are_ok=True)
    return Verdict(state if opened else State.WARNING, headline, f"{lead}." if lead else "Drift found.", reason)


def _changes(view: View) -> tuple[Entry, ...]:
    events = ChangeEvent.objects.filter(occurred_at__gte=view.now - 60 * DAY).order_by("-occurred_at")[:CHANGES]
    return tuple(
        Entry(
            one.occurred_at,
            one.kind.replace("_", " "),
            changes.title_of(one, view.feature_names),
            changes.about(one, view.feature_names),
            changes.address_of(one),
        )
        for one in events
    )


def _not_sent(view: View) -> tuple[NotSent, ...]:
    window = present.last(view, 28 * DAY)
    lacking = [name for name in NOT_SENT if view.reader.reading(name, window).state == "not_instrumented"]
    return tuple(NotSent(METRICS[name].title, NOT_SENT[name], samples.feedback(NOT_SENT[name])) for name in lacking)


@require_safe
@project_page
def overview(view: View) -> HttpResponse:
    """The overview."""
    if view.coverage.last_interaction_at is None:
        verdict = Verdict(State.NO_DATA, "Waiting for the first interaction", "No data yet.", view.project.description)
        empty = Overview(
            verdict,
            (),
            (),
            "",
            _changes(view),
            (),
            0,
            (),
            nothing_received(samples.first_interaction(), view.url("settings/keys/")),
        )
        return view.render("overview.html", {"overview": empty})
    opened = present.worst_first(view.open_incidents)
    drifts = found.open_shown(view)
    cards = tuple(_card(view, room) for room in _rooms(view))
    lately = Incident.objects.filter(resolved_at__gte=view.now - 7 * DAY).count()
    shown = Overview(
        verdict=_verdict(view, opened, drifts, cards),
        cards=cards,
        incidents=tuple(_line(view, one) for one in opened),
        resolved=f"Resolved in the last 7 days: {lately}.",
        changes=_changes(view),
        findings=tuple(drifts),
        watched=findings.watched(),
        not_sent=_not_sent(view),
    )
    return view.render("overview.html", {"overview": shown})


@require_safe
@project_page
def strip(view: View) -> HttpResponse:
    """The verdict strip alone, polled by every page; 304 while nothing moved."""
    current = shell.strip(view)
    if view.request.headers.get("If-None-Match", "").strip('"') == current.version:
        return HttpResponseNotModified()
    return render(view.request, "components/strip.html", {"strip": current, "zone": view.zone, "now": view.now})
