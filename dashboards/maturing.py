"""Feedback that waits: from when on it is judged."""

from datetime import datetime, timedelta

from dashboards import formatting
from dashboards.filters import grain_of
from dashboards.view import View
from ingest.timeline import HOUR, Window
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Reading, State


def note(view: View, metric: Metric, read: Reading, where: dict[str, str]) -> str:
    """'feedback matures for 24 h: what waits is judged from 23 Nov 18:15 on'; empty beside a value, or where nothing waits."""
    if not metric.maturing or read.state not in {State.NO_DATA, State.LEARNING}:
        return ""
    hours = view.reader.coverage(view.choice.feature).maturity_hours
    begun = _first_waiting(view, metric, hours * HOUR, where)
    if begun is None:
        return ""
    judged = formatting.moment(begun + hours * HOUR, view.zone, view.now)
    return f"feedback matures for {hours} h: what waits is judged from {judged} on"


def _first_waiting(view: View, metric: Metric, length: timedelta, where: dict[str, str]) -> datetime | None:
    """The end of the first bucket whose feedback had no time yet."""
    young = Window(view.now - length, view.now)
    points = view.reader.series(metric.name, young, grain_of(length), feature=view.choice.feature, where=where)
    return next((one.window.end for one in points if not one.mature and _has_feedback(one.reading)), None)


def _has_feedback(read: Reading) -> bool:
    return read.state is not State.NOT_INSTRUMENTED and read.sample_size > 0
