"""Saying nothing of the past: what a restored installation would still tell is dropped, and rules begin anew.

A backup holds messages that waited when it was made, and rules whose next window closed soon after. Restored days later,
the messages are old news, and between backup and restore there is nothing to judge: silence there is ours.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from alerts import states
from alerts.models import AlertRule, Delivery, RuleState
from ingest.projects.access import every_project, project_scope
from ingest.projects.models import Feature, Project
from ingest.timeline import DAY, MINUTE

REASON = "not sent: it tells of a time before the database was restored"


@dataclass
class Quieted:
    """How many messages were dropped, and how many rules begin anew."""

    dropped: int = 0
    moved: int = 0


def forget_the_past(at: datetime, *, only: Collection[int] | None = None) -> Quieted:
    """Drop what waits to be told and let every rule's judging begin at `at`; incidents that are open stay open.

    Run it twice and the second run finds nothing to do.
    """
    done = Quieted()
    for project in every_project():
        if only is not None and project.pk not in only:
            continue
        with project_scope(project.pk):
            waiting = Delivery.objects.filter(state=Delivery.State.PENDING, created_at__lt=at)
            done.dropped += waiting.update(
                state=Delivery.State.DROPPED, finished_at=at, last_error=REASON, leased_until=None, lease=""
            )
            done.moved += _begin_anew(project, at)
    return done


def judged_from(rule: AlertRule, at: datetime) -> datetime:
    """After which end of a window a rule is judged again.

    A window of up to a day is judged when all of it lies after `at`; longer ones would be silent for weeks, and no
    single day decides about them, so the first that ends after `at` is judged.
    """
    length = rule.window_minutes * MINUTE
    return at + length if length <= DAY else at


def _begin_anew(project: Project, at: datetime) -> int:
    features = {feature.number: feature for feature in Feature.objects.all()}
    moved = []
    for state in RuleState.objects.select_related("rule"):
        judged_to = judged_from(state.rule, at)
        if state.judged_to >= at:
            continue
        state.judged_to = judged_to
        if state.due_at is not None:
            hours = states.maturity_of(features, state.feature_number)
            state.due_at = states.due_after(state.rule, judged_to, project.time_zone, hours)
        moved.append(state)
    RuleState.objects.bulk_update(moved, ["judged_to", "due_at"], batch_size=500)
    return len(moved)
