"""Drift: every watched series with its evidence, and one finding opened."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from dashboards import changes, formatting, found, panels
from dashboards.charts import curves
from dashboards.charts.data import Band, Point, Span, Volume
from dashboards.charts.timeseries import Around, timeseries
from dashboards.components import Breakdown, Empty, Entry, Fact, Gauge, Panel, State, Verdict
from dashboards.examples import Pair, pairs
from dashboards.filters import rfc3339
from dashboards.movers import mix_table, models_table
from dashboards.view import View, project_page
from ingest import timeline
from ingest.timeline import DAY, Window
from observatory.drift import findings
from observatory.drift.findings import Case
from observatory.drift.models import Finding, Series
from observatory.drift.signals import SIGNALS

LACKING = {
    "days": "days",
    "trials a day": "a day",
    "trials": "ratings",
    "of the rarer outcome": "of the rarer outcome",
    "settled days": "settled days",
}


@dataclass(frozen=True)
class SeriesLine:
    """One watched series."""

    title: str
    feature: str
    state: State
    word: str
    gauge: Gauge
    evidence: str
    detail: str
    url: str


@dataclass(frozen=True)
class FindingPage:
    """The context of finding.html."""

    id: int
    verdict: Verdict
    promise: str
    series: Panel
    evidence: Panel
    evidence_gauge: Gauge
    evidence_value: int
    models: Breakdown
    mix: Breakdown | None
    pairs: tuple[Pair, ...]
    changes: tuple[Entry, ...]
    history: tuple[Entry, ...]
    facts: tuple[Fact, ...]
    rated_url: str


def _line(view: View, series: Series, opened: dict[int, Finding]) -> SeriesLine:
    signal = SIGNALS[series.signal]
    finding = opened.get(int(series.pk))
    if series.state == Series.State.COLLECTING:
        lacking = series.lacking or {"missing": "days", "have": 0, "need": 28}
        word = f"Collecting · {lacking['have']:,} of {lacking['need']:,} {LACKING.get(lacking['missing'], lacking['missing'])}"
        return SeriesLine(
            signal.title,
            series.feature,
            State.LEARNING,
            word,
            Gauge(0, State.LEARNING, "no evidence yet"),
            formatting.DASH,
            "",
            "",
        )
    state = State.OK if finding is None else State.CRITICAL if finding.is_strong else State.WARNING
    word = "Unchanged" if finding is None else "Strong finding" if finding.is_strong else "Finding"
    gauge = Gauge(series.evidence / 100, state, f"evidence {series.evidence:.0f} of 100")
    detail = (
        found.headline(finding) if finding else f"judged to {found.day(series.judged_to)}" if series.judged_to else ""
    )
    address = view.url(f"drift/{finding.pk}/") if finding else ""
    return SeriesLine(signal.title, series.feature, state, word, gauge, f"{series.evidence:.0f}", detail, address)


@require_safe
@project_page
def drift(view: View) -> HttpResponse:
    """All series, findings first."""
    opened = {int(one.series_id): one for one in findings.open_findings()}
    lines = [_line(view, series, opened) for series in findings.all_series()]
    past = [found.shown(view, one) for one in findings.past_findings()]
    empty = None
    if not lines:
        empty = Empty(
            "no baseline",
            "No series is watched yet.",
            "Each feature's first 28 full days become its baseline; the page shows how far that is as soon as something is received.",
        )
    watched = findings.watched()
    context = {
        "lines": lines,
        "watched": watched,
        "collecting": len(lines) - watched,
        "open": [found.shown(view, one) for one in findings.open_findings()],
        "past": past,
        "empty": empty,
    }
    return view.render("drift.html", context)


@require_safe
@project_page
def finding(view: View, number: int) -> HttpResponse:
    """One finding: the page that the product exists for."""
    try:
        one = Finding.objects.select_related("series", "baseline").get(pk=number)
    except Finding.DoesNotExist:
        raise Http404("no such finding in this project") from None
    known = findings.case(one, view.project.time_zone, view.now)
    near = findings.changes_near(one, view.project.time_zone)
    before, now = _windows(known, view.project.time_zone)
    page = FindingPage(
        id=int(one.pk),
        verdict=_verdict(view, one, near),
        promise=found.promise(one),
        series=_series_panel(view, known),
        evidence=_evidence_panel(view, known),
        evidence_gauge=Gauge(
            one.series.evidence / 100,
            State.CRITICAL if one.is_open else State.OK,
            f"evidence {one.series.evidence:.0f} of 100",
        ),
        evidence_value=round(one.series.evidence),
        models=models_table(view, one.series.feature, before, now),
        mix=mix_table(view, known, before, now),
        pairs=tuple(pairs(view, one.series, before, now)),
        changes=tuple(
            Entry(
                event.occurred_at,
                event.kind.replace("_", " "),
                changes.title_about(event, one.series.feature),
                "noticed by Observatory" if event.source == "noticed" else "",
            )
            for event in near
        ),
        history=tuple(_history(one, view.project.time_zone)),
        facts=tuple(_facts(known)),
        rated_url=_interactions_url(view, one.series.feature, now),
    )
    return view.render("finding.html", {"finding": page})


def _interactions_url(view: View, feature: str, window: Window) -> str:
    query = {"feature": feature, "from": rfc3339(window.start), "to": rfc3339(window.end)}
    return view.url(f"interactions/?{urlencode(query)}")


def _windows(known: Case, zone_name: str) -> tuple[Window, Window]:
    """The baseline's days, and the last seven that were judged."""
    start = timeline.day_start(known.stored.first_day, zone_name)
    before = Window(start, timeline.day_start(known.stored.last_day + DAY, zone_name))
    last = known.effect.last_day if known.effect else known.stored.last_day
    return before, found.window_of(last, 7, zone_name)[0]


def _verdict(view: View, one: Finding, near: list) -> Verdict:  # type: ignore[type-arg]  # change events
    state = State.OK if not one.is_open else State.CRITICAL if one.is_strong else State.WARNING
    word = "Resolved" if not one.is_open else "Strong finding" if one.is_strong else "Finding"
    judged = f"judged to {found.day(one.series.judged_to)}" if one.series.judged_to else ""
    facts = f"alarm on {found.day(one.alarm_day)} · {judged} · baseline {found.days(one.baseline.first_day, one.baseline.last_day)}"
    return Verdict(state, found.headline(one), word, found.lead(one, near, view.project.time_zone), facts)


def _at(on: date, zone_name: str) -> datetime:
    return timeline.day_start(on, zone_name)


def _series_panel(view: View, known: Case) -> Panel:
    """The 7-day value over the grey band of normal, with the dated start, change events and volume."""
    name, one = view.project.time_zone, known.finding
    points = [Point(_at(e.last_day, name), e.value, e.interval.low, e.interval.high, e.n) for e in known.rolling]
    volume = [Point(_at(day.day, name), float(day.n), n=day.n) for day in known.days]
    first, last = known.days[0].day, known.days[-1].day
    window = Window(_at(first, name), _at(last + DAY, name))
    normal = known.effect.baseline_value if known.effect else None
    start = Span(
        _at(one.started_low, name),
        _at(one.started_high + DAY, name),
        f"visible around {found.day(one.started_day)}",
        "beginning",
        at=_at(one.started_day, name),
    )
    reference = Span(_at(known.stored.first_day, name), _at(known.stored.last_day + DAY, name), "baseline", "baseline")
    around = Around(
        band=Band(normal, known.band.low, known.band.high) if normal is not None else None,
        marks=panels.marks(view, window),
        spans=(reference, start),
        volume=Volume(f"{'ratings' if known.signal.is_rate else 'calls'} a day", volume),
        last=True,
    )
    chart = timeseries(
        panels.frame(view, window, "1d", "tall"), known.signal.title, found.unit_of(known.signal), points, around
    )
    n0 = known.baseline.n0
    note = f"95 % interval; grey: normal range of 7 days; baseline {found.days(known.stored.first_day, known.stored.last_day)}, n = {formatting.count(n0)}"
    return Panel("series", f"{known.signal.title}, 7 days rolling", note, chart, size="tall")


def _evidence_panel(view: View, known: Case) -> Panel:
    name = view.project.time_zone
    points = [Point(_at(point.day, name), point.evidence) for point in known.points]
    window = Window(
        _at(known.stored.first_day, name),
        _at((known.points[-1].day if known.points else known.stored.last_day) + DAY, name),
    )
    reference = Span(window.start, _at(known.stored.last_day + DAY, name), "baseline", "baseline")
    chart = curves.evidence(panels.frame(view, window, "1d"), points, reference, _at(known.finding.alarm_day, name))
    return Panel("evidence", "Evidence", "100 opens a finding", chart)


def _history(one: Finding, zone_name: str) -> list[Entry]:
    entries = [
        Entry(_at(one.started_day, zone_name), "begins", "Became visible around here"),
        Entry(_at(one.alarm_day, zone_name), "alarm", "Evidence passed 100 on the data of this day"),
        Entry(one.opened_at, "opened", "The finding was opened when this day was judged"),
    ]
    if one.resolved_day:
        entries.append(
            Entry(_at(one.resolved_day, zone_name), "resolved", "The 14-day window touched normal for 3 days")
        )
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _facts(known: Case) -> list[Fact]:
    """The numbers behind the sentence, for those who want them."""
    baseline, effect, one = known.baseline, known.effect, known.finding
    facts = [
        Fact(
            "n, baseline and now",
            f"{formatting.count(baseline.n0)} and {formatting.count(effect.n if effect else None)}",
        )
    ]
    if known.signal.is_rate:
        users = f"users {baseline.phi_user:.2f}"
        facts.append(Fact("Design effect φ", f"{baseline.phi:.2f}", users))
        change = formatting.points(effect.change) if effect else ""
    else:
        facts.append(Fact("Variance between days τ²", f"{baseline.tau2:.5f}", "log units"))
        facts.append(Fact("Mean paid for, baseline", formatting.number(baseline.arithmetic), "tokens a call"))
        change = formatting.change(effect.change) if effect else ""
    facts.append(Fact("Standard error of the baseline", f"{baseline.se0:.4f}"))
    if effect:
        facts.append(
            Fact(
                "Difference",
                change,
                f"{_side(known, effect.change_interval.low)} to {_side(known, effect.change_interval.high)}",
            )
        )
    log_m = known.points[-1].log_m if known.points else 0.0
    facts.append(Fact("e-detector, log M", f"{log_m:.2f}", f"alarm at ln(90/α), α = {one.alpha} in 90 days"))
    return facts


def _side(known: Case, change: float) -> str:
    return formatting.points(change) if known.signal.is_rate else formatting.change(change)
