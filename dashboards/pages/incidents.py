"""Incidents: what happened, who was told, and the two things people do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from alerts import incidents as doors
from alerts.expiring import TOLD_KEPT
from alerts.messages import links
from alerts.models import Incident, IncidentEvent
from dashboards import filters, formatting, judged, panels, present
from dashboards.charts.data import Span
from dashboards.charts.timeseries import Around, timeseries
from dashboards.components import Breakdown, Entry, Fact, Field, Heading, Link, Panel, Row, State, Verdict
from dashboards.view import View, project_page
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics.definitions import METRICS

HEADINGS = (
    Heading("Incident"),
    Heading("Severity"),
    Heading("What"),
    Heading("Since"),
    Heading("Open for"),
    Heading("Acknowledged"),
    Heading("Resolved"),
)
MOST = 200
BEHIND = "The interactions behind this number"
NOBODY = "Nobody: add a recipient or a webhook in the settings."


@dataclass(frozen=True)
class IncidentPage:
    """The context of incident.html."""

    number: int
    verdict: Verdict
    facts: tuple[Fact, ...]
    panel: Panel | None
    events: tuple[Entry, ...]
    deliveries: Breakdown
    links: tuple[Link, ...]
    is_open: bool
    may_acknowledge: bool


def _row(view: View, one: Incident) -> Row:
    until = one.resolved_at or view.now
    acknowledged = one.acknowledged_by or "by a link" if one.acknowledged_at else formatting.DASH
    return Row(
        (
            Field(f"Incident {one.pk}", view.url(f"incidents/{one.pk}/")),
            Field(State(one.severity).word, state=State(one.severity) if one.resolved_at is None else None),
            Field(judged.title_of(one)),
            Field(at=one.since),
            Field(formatting.span(until - one.opened_at)),
            Field(acknowledged),
            Field(at=one.resolved_at) if one.resolved_at else Field("open"),
        )
    )


@require_safe
@project_page
def incidents(view: View) -> HttpResponse:
    """Open incidents first, then those that ended."""
    opened = present.worst_first(view.open_incidents)
    ended = list(Incident.objects.filter(resolved_at__isnull=False).select_related("rule").order_by("-id")[:MOST])
    tables = [Breakdown("open", "Open", HEADINGS, tuple(_row(view, one) for one in opened), "worst first, then newest")]
    if ended:
        tables.append(Breakdown("ended", "Resolved", HEADINGS, tuple(_row(view, one) for one in ended), "newest first"))
    return view.render("incidents.html", {"tables": tables, "none_open": not opened})


def _known(number: int) -> Incident:
    try:
        return Incident.objects.select_related("rule").get(pk=number)
    except Incident.DoesNotExist:
        raise Http404("no such incident in this project") from None


@require_safe
@project_page
def incident(view: View, number: int) -> HttpResponse:
    """One incident."""
    one = _known(number)
    metric = METRICS.get(one.rule.metric)
    page = IncidentPage(
        number=one.pk,
        verdict=_verdict(view, one),
        facts=tuple(_facts(view, one)),
        panel=_panel(view, one) if metric else None,
        events=tuple(_event(event) for event in one.events.order_by("-id")),
        deliveries=_deliveries(one, view.now),
        links=(
            Link("Open this view", view.url(f"{links.page_of(one.rule.metric)}/{filters_of(one)}")),
            Link(BEHIND, view.url(f"interactions/{filters_of(one, links.BEHIND.get(one.rule.metric))}")),
            Link("The rule", view.url(f"settings/rules/#rule-{one.rule_id}")),
        ),
        is_open=one.resolved_at is None,
        may_acknowledge=one.resolved_at is None and one.acknowledged_at is None,
    )
    return view.render("incident.html", {"incident": page})


def filters_of(one: Incident, more: Mapping[str, str] | None = None) -> str:
    """The absolute window around an incident's last judgement, as a query, with more filters."""
    span = {"from": filters.rfc3339(one.window_start), "to": filters.rfc3339(one.window_end)}
    return "?" + urlencode({**(more or {}), **({"feature": one.feature} if one.feature else {}), **span})


def _verdict(view: View, one: Incident) -> Verdict:
    state = State(one.severity) if one.resolved_at is None else State.OK
    lead = state.word if one.resolved_at is None else "Resolved"
    told = f"acknowledged by {one.acknowledged_by}" if one.acknowledged_at else "nobody has acknowledged"
    start = formatting.moment(one.since, view.zone, view.now)
    facts = f"Since {start} · open {formatting.span((one.resolved_at or view.now) - one.opened_at)} · {told} · worst: {one.peak_severity}"
    return Verdict(state, judged.title_of(one), lead, _reason(one), facts)


def _reason(one: Incident) -> str:
    """The rule, where its name says more than its metric's, and the limit of the worst that was reached."""
    metric, limit = METRICS.get(one.rule.metric), one.critical_at if one.peak_severity == "critical" else one.warning_at
    is_said = metric is not None and one.rule.name.casefold() == metric.title.casefold()
    name = "" if is_said else f"{one.rule.name}. "
    if limit is None or metric is None:
        return name.strip()
    over = formatting.span(timedelta(minutes=one.rule.window_minutes))
    return f"{name}The {one.peak_severity} limit is {formatting.value(limit, metric.unit)}, over {over}."


def _facts(view: View, one: Incident) -> list[Fact]:
    unit = METRICS[one.rule.metric].unit if one.rule.metric in METRICS else ""
    window = f"{formatting.moment(one.window_start, view.zone, view.now)} – {formatting.moment(one.window_end, view.zone, view.now)}"
    limits = ", ".join(
        f"{name} {'from' if one.rule.side == 'above' else 'to'} {formatting.value(value, unit)}"
        for name, value in (("warning", one.warning_at), ("critical", one.critical_at))
        if value is not None
    )
    interval = formatting.interval(one.low, one.high, unit)
    facts = [
        Fact("Value", formatting.value(one.value, unit), f"({interval})" if interval else ""),
        Fact("Window", window),
        Fact("Limits", limits),
    ]
    if one.reference is not None:
        facts.append(Fact("Reference", formatting.value(one.reference, unit)))
    return [*facts, Fact("Sample", f"n = {formatting.count(one.sample_size)}")]


def _panel(view: View, one: Incident) -> Panel:
    """The rule's metric around the incident, as the rule reads it."""
    metric = METRICS[one.rule.metric]
    is_daily = one.rule.every_minutes == 0
    bad_from = judged.bad_from(one, view.project.time_zone)
    until = one.resolved_at or view.now
    window = Window(bad_from - (28 * DAY if is_daily else 12 * HOUR), min(view.now, until + timedelta(hours=2)))
    if window.length > 60 * DAY:
        window = Window(window.end - 60 * DAY, window.end)
    grain = "1d" if is_daily else "15m" if window.length <= 2 * DAY else "1h"
    rolling = one.rule.window_minutes // 1440 if is_daily and one.rule.window_minutes > 1440 else None
    points = present.chart_points(
        view.reader.series(metric.name, window, grain, feature=one.feature or None, rolling_days=rolling)
    )
    limits = judged.lines(one.warning_at, one.critical_at)
    start = bad_from if is_daily else floor(bad_from, panels.GRAINS[grain])
    span = Span(start, until, f"incident {one.pk}")
    chart = timeseries(
        panels.frame(view, window, grain, "tall"),
        metric.title,
        metric.unit,
        points,
        Around(limits=limits, spans=(span,), marks=panels.marks(view, window), last=True),
    )
    note = f"{rolling} days rolling" if rolling else panels.words_of_grain(grain)
    return Panel(
        "metric", metric.title, f"{note}, {one.feature or 'all features'}", chart, definition=metric.doc, size="tall"
    )


def _event(event: IncidentEvent) -> Entry:
    words = {
        "opened": f"Opened at {event.severity}",
        "worsened": f"Worsened from {event.previous} to {event.severity}",
        "eased": f"Eased from {event.previous} to {event.severity}",
        "resolved": f"Resolved by {event.by}" if event.by else "Recovered by itself",
        "acknowledged": f"Acknowledged by {event.by}",
    }
    return Entry(event.at, event.kind, words.get(event.kind, event.kind), event.note)


def _deliveries(one: Incident, now: datetime) -> Breakdown:
    headings = (
        Heading("When"),
        Heading("What"),
        Heading("To"),
        Heading("State"),
        Heading("Attempts", numeric=True),
        Heading("Last answer"),
    )
    rows = []
    for sent in one.deliveries.select_related("recipient", "webhook").order_by("-id")[:MOST]:
        receiver = str(sent.recipient or sent.webhook)
        state = {"sent": State.OK, "failed": State.CRITICAL, "pending": State.LEARNING}.get(sent.state)
        rows.append(
            Row(
                (
                    Field(at=sent.finished_at or sent.created_at),
                    Field(sent.kind),
                    Field(receiver),
                    Field(sent.state, state=state),
                    Field(str(sent.attempts)),
                    Field(sent.last_error),
                )
            )
        )
    is_over = one.resolved_at is not None and now - one.resolved_at > TOLD_KEPT
    nobody = f"Messages are kept for {TOLD_KEPT.days} days: the time of these is over." if is_over else NOBODY
    footnote = "" if rows else nobody
    return Breakdown("deliveries", "Who was told", headings, tuple(rows), footnote=footnote)


@require_POST
@project_page
def acknowledge(view: View, number: int) -> HttpResponse:
    """Say that somebody looks at it."""
    doors.acknowledge(_known(number), view.request.user.get_username(), view.now)
    messages.success(view.request, f"Incident {number} is acknowledged.")
    return redirect("incident", slug=view.project.slug, number=number)


@require_POST
@project_page
def resolve(view: View, number: int) -> HttpResponse:
    """End it by hand; it opens again only when the metric gets worse than it was."""
    doors.resolve(_known(number), view.request.user.get_username(), view.now)
    messages.success(view.request, f"Incident {number} is resolved.")
    return redirect("incident", slug=view.project.slug, number=number)
