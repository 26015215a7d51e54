"""Status: is Observatory itself well? Each duty's last beat, how far it lags, and what could not be placed."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Min
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from alerts.models import Delivery
from dashboards import formatting, kept
from dashboards.components import Breakdown, Field, Heading, Row, State, Tile
from dashboards.view import View, project_page
from ingest import binding
from ingest.digest import unread
from ingest.dimensions import RecordKind
from ingest.duties import Duty
from ingest.models import DutyBeat
from ingest.projects.access import current_project
from ingest.timeline import day_start, local_day
from observatory.health import PATIENCE, TICKING
from observatory.metrics import store

WORK = {
    Duty.ROLL: "counts what came in",
    Duty.DRIFT: "reads the drift series",
    Duty.EVALUATE: "judges closed windows",
    Duty.DISPATCH: "sends mails and webhooks",
    Duty.PARTITIONS: "makes room for the next two weeks",
    Duty.RETAIN: "forgets what is no longer kept",
    Duty.ERASE: "erases users who want to be forgotten",
    Duty.READ: "reads texts: search, languages, marks",
}


def duties(view: View) -> Breakdown:
    """One row a duty: when it last worked and what it said."""
    beats = {beat.duty: beat for beat in DutyBeat.objects.all()}
    rows = []
    for duty, work in WORK.items():
        beat = beats.get(duty.name.lower())
        is_late = beat is not None and view.now - beat.beat_at > PATIENCE[duty]
        state = State.NO_DATA if beat is None else State.CRITICAL if is_late else State.OK
        said = report_words(beat.detail) if beat else ""
        ago = formatting.ago(beat.beat_at, view.now) if beat else "never"
        rows.append(
            Row((Field(duty.name.lower()), Field(state.word, state=state), Field(work), Field(ago), Field(said)))
        )
    headings = (
        Heading("Duty"),
        Heading("State"),
        Heading("What it does"),
        Heading("Last beat"),
        Heading("Last report"),
    )
    return Breakdown("duties", "Duties", headings, tuple(rows), "late after 150 s, partitions after 3 h")


def report_words(detail: Mapping[str, object]) -> str:
    """'4 buckets, 2 users, by catch up' from a duty's report; zeros say nothing."""
    said = [
        f"{value} {name.replace('_', ' ')}"
        for name, value in sorted(detail.items())
        if value and name not in {"left", "by"}
    ]
    if by := detail.get("by"):
        said.append(f"by {by}")
    if detail.get("left"):
        said.append("more is waiting")
    return ", ".join(said) or "nothing to do"


def _count(sql: str) -> tuple[int, object]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [current_project()])
        row = cursor.fetchone()
    return int(row[0]), row[1]


def _waiting(view: View) -> list[Tile]:
    dirty, oldest = _count("SELECT count(*), min(marked_at) FROM dirty_bucket WHERE project_id = %s")
    clocks, _ = _count(
        "SELECT count(*), min(occurred_at) FROM interaction WHERE project_id = %s AND claimed_at IS NOT NULL"
        " AND occurred_at > statement_timestamp() - interval '7 days'"
    )
    lag = view.now - oldest if dirty and oldest else timedelta()  # type: ignore[operator]  # min() of a time column
    days = store.days_unmerged(day_start(local_day(view.now, view.project.time_zone), view.project.time_zone))
    days_words = (f"past days to merge: {formatting.count(days)}",) if days else ()
    return [
        Tile(
            "Roll-up lag",
            formatting.span(lag),
            "lag",
            State.OK if lag < TICKING else State.WARNING,
            lines=(f"{formatting.count(dirty)} marks wait", *days_words),
            definition="Age of the oldest bucket that has to be counted again.",
        ),
        *_orphans(view),
        Tile(
            "Implausible clocks",
            formatting.count(clocks),
            "clocks",
            lines=("events from the future, counted at receipt, in 7 days",),
        ),
        _unread(view),
        _outbox(),
    ]


def _orphans(view: View) -> list[Tile]:
    """What found no interaction, each kind by itself: lost thumbs and lost costs have different senders."""
    said = {
        RecordKind.FEEDBACK: ("Orphaned feedback", "it is counted"),
        RecordKind.COST: ("Orphaned costs", "it is moved"),
    }
    return [
        Tile(
            said[kind][0],
            formatting.count(found.waiting),
            f"orphans-{kind.name.lower()}",
            lines=(
                "waiting for an interaction that has not come",
                f"{formatting.count(found.given_up)} given up in the last 30 days",
            ),
            definition=f"When its interaction comes, {said[kind][1]} there; after 30 days it is no longer waited with.",
        )
        for kind, found in binding.orphans(view.now).items()
    ]


def _unread(view: View) -> Tile:
    unread_now = unread.debt()
    reading_lag = view.now - (unread_now.oldest or view.now)
    past = (
        [f"from before an upgrade: read up to {formatting.ago(unread_now.past, view.now)}"] if unread_now.past else []
    )
    return Tile(
        "Texts to read",
        formatting.count(unread_now.interactions),
        "unread",
        State.OK if reading_lag < TICKING else State.WARNING,
        lines=(
            f"the oldest came in {formatting.ago(unread_now.oldest, view.now)}" if unread_now.oldest else "all read",
            *past,
        ),
        definition="Interactions that wait for their language, marks and search: a search finds only what was read.",
    )


def _outbox() -> Tile:
    outbox = Delivery.objects.filter(state=Delivery.State.PENDING).aggregate(
        count=Count("pk"), oldest=Min("created_at")
    )
    failed = Delivery.objects.filter(state=Delivery.State.FAILED).count()
    return Tile(
        "Outbox",
        formatting.count(outbox["count"]),
        "outbox",
        State.CRITICAL if failed else State.OK,
        lines=(f"{formatting.count(failed)} given up",),
        definition="Messages that wait to be sent.",
    )


@require_safe
@project_page
def status(view: View) -> HttpResponse:
    """The Status page."""
    return view.render("status.html", {"tiles": _waiting(view), "duties": duties(view), "kept": kept.panel(view)})
