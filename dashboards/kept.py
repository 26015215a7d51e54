"""How long a project's things are kept, how far they reach now, and when retention last went through them."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Min

from dashboards import formatting
from dashboards.components import Breakdown, Field, Heading, Row, State
from dashboards.view import View
from ingest.models import Interaction
from ingest.projects.access import current_project
from ingest.retention import accounts, weeks
from ingest.retention.accounts import Standing
from ingest.retention.sweeps import KEPT_ASIDE
from ingest.timeline import DAY, HOUR, WEEK
from observatory.health import DAYS_AHEAD

PATIENCE = timedelta(hours=26)
"""Retention goes through a project every day; a horizon stands behind its settings by less than two."""

MOVES_WITHIN = HOUR
"""After two minutes and at most a quarter of an hour of counting a first horizon stands. It is announced anew at every
local midnight, so a limit of a day would never be reached.
"""

HEADINGS = (Heading("What"), Heading("State"), Heading("Kept"), Heading("Reaches back to"), Heading("Note"))


def panel(view: View) -> Breakdown:
    """One row for each thing that ends."""
    (standing,) = accounts.standings([view.project.pk])
    rows = (
        _raw(view, standing),
        _oldest(),
        _texts(standing),
        _rollups(standing),
        _late(view),
        _room(view),
        _last(view, standing),
    )
    return Breakdown(
        "kept", "How long things are kept", HEADINGS, rows, "days are set on the Data page of the settings"
    )


def _raw(view: View, standing: Standing) -> Row:
    is_behind = _is_behind(standing, view.now)
    note = "waits for rollups to be counted" if is_behind else "older events are counted as late, not in charts"
    state = State.WARNING if is_behind else State.OK
    return _row("Interactions, feedback, costs", state, _days(standing.raw_days), standing.raw_horizon, note)


def _is_behind(standing: Standing, now: datetime) -> bool:
    """Whether the raw horizon does not get where the settings want it; a first one stands nowhere until it has moved."""
    if standing.raw_horizon is None:
        return standing.is_announced(now) and now - (standing.announced_at or now) > MOVES_WITHIN
    return standing.raw_wanted(now) - standing.raw_horizon > 2 * DAY


def _oldest() -> Row:
    oldest = Interaction.objects.aggregate(oldest=Min("occurred_at"))["oldest"]
    return _row("Oldest interaction", State.OK if oldest else State.NO_DATA, "", oldest, "")


def _texts(standing: Standing) -> Row:
    note = "numbers stay; older texts are gone" if standing.text_horizon else "nothing is gone yet"
    return _row("Texts", State.OK, _days(standing.text_days), standing.text_horizon, note)


def _rollups(standing: Standing) -> Row:
    kept = "for ever" if standing.rollup_days is None else _days(standing.rollup_days)
    return _row("Charts", State.OK, kept, standing.rollups_gone, "at least as long as raw rows")


def _late(view: View) -> Row:
    query = "SELECT count(*), min(received_at) FROM late WHERE project_id = %s AND received_at >= %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), view.now - KEPT_ASIDE])
        count, first = cursor.fetchone()
    note = f"{formatting.count(count)} in the last {KEPT_ASIDE.days} days"
    return _row("Late events", State.OK, _days(KEPT_ASIDE.days), first, note)


def _room(view: View) -> Row:
    """Whether every big table has its partitions as far ahead as `/readyz` asks for, in its words."""
    ends: dict[str, datetime] = {}
    for table, week in weeks.existing():
        ends[table] = max(week + WEEK, ends.get(table, week))
    ahead = min(ends.values()) - view.now if ends else timedelta(0)
    state = State.OK if ahead >= DAYS_AHEAD else State.CRITICAL
    made = f"at least {DAYS_AHEAD.days}" if ahead >= DAYS_AHEAD else f"only {max(ahead.days, 0)}"
    return _row("Room for what comes", state, "", None, f"made for {made} days ahead")


def _last(view: View, standing: Standing) -> Row:
    if standing.swept_at is None:
        return _row("Last run", State.NO_DATA, "", None, "not yet")
    is_late = view.now - standing.swept_at > PATIENCE
    note = f"went through {formatting.ago(standing.swept_at, view.now)}"
    return _row("Last run", State.WARNING if is_late else State.OK, "", standing.swept_at, note)


def _row(what: str, state: State, kept: str, since: datetime | None, note: str) -> Row:
    reach = Field(at=since) if since else Field(formatting.DASH)
    return Row((Field(what), Field(state.word, state=state), Field(kept), reach, Field(note)))


def _days(count: int) -> str:
    return f"{formatting.count(count)} day{'' if count == 1 else 's'}"
