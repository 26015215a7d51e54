"""The counts behind a rate by model: from what is counted, over what had its time, however few."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import roller
from observatory.metrics.derived.trials import shares, trials
from observatory.metrics.shelf import UnknownValue
from observatory.metrics.statistics import Sample
from tests.factories import interactions, verdicts

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + 13 * HOUR
WEEK = Window(floor(NOW, DAY) - 6 * DAY, floor(NOW, DAY) + DAY)
UP, DOWN = 1.0, 0.0


def rated(project: Project, at: datetime, model: str, *thumbs: float, feature: str = "chat") -> None:
    for place, thumb in enumerate(thumbs):
        rows: list[dict[str, Any]] = [{"at": at + timedelta(seconds=place), "feature": feature, "model": model}]
        (made,) = interactions(project, rows)
        verdicts(project, [{"interaction": made, "kind": FeedbackKind.THUMB, "value": thumb}])


@pytest.fixture
def known(project: Project) -> Project:
    """Three models in one feature, ratings from an hour ago that have not had their time, and another feature."""
    rated(project, NOW - 3 * DAY, "large", UP, UP, DOWN)
    rated(project, NOW - 4 * DAY, "small", DOWN)
    rated(project, NOW - HOUR, "large", DOWN, DOWN, DOWN, DOWN)
    rated(project, NOW - 3 * DAY, "large", DOWN, feature="other")
    interactions(project, [{"at": NOW - 2 * DAY, "feature": "chat", "model": "silent"} for _ in range(2)])
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def test_a_rate_is_told_by_model_over_what_had_its_time_however_few(known: Project) -> None:
    with project_scope(known.pk):
        found = trials("thumbs_up_rate", WEEK, by="model", feature="chat", now=NOW)
        later = trials("thumbs_up_rate", WEEK, by="model", feature="chat", now=NOW + 2 * DAY)
        whole = trials("thumbs_up_rate", WEEK, by="feature", now=NOW)
        young = trials("thumbs_up_rate", Window(NOW - 2 * HOUR, NOW), by="model", now=NOW)
    assert found == {"large": Sample(2, 3), "small": Sample(0, 1)}
    assert later["large"] == Sample(2, 7)
    assert whole == {"chat": Sample(2, 4), "other": Sample(0, 1)}
    assert young == {}


def test_shares_of_calls_add_up_to_the_whole(known: Project) -> None:
    with project_scope(known.pk):
        found = shares("calls", WEEK, by="model", feature="chat", now=NOW)
        nothing = shares("calls", Window(NOW - 30 * DAY, NOW - 20 * DAY), by="model", now=NOW)
    assert found == {"large": 0.7, "silent": 0.2, "small": 0.1}
    assert nothing == {}


def test_they_stay_when_raw_rows_are_gone(known: Project) -> None:
    with project_scope(known.pk):
        before = trials("thumbs_up_rate", WEEK, by="model", feature="chat", now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM verdict WHERE project_id = %s", [known.pk])
        assert trials("thumbs_up_rate", WEEK, by="model", feature="chat", now=NOW) == before != {}


def test_a_feature_that_does_not_exist_is_refused(known: Project) -> None:
    with project_scope(known.pk), pytest.raises(UnknownValue, match="there are chat, other"):
        trials("thumbs_up_rate", WEEK, by="model", feature="nope", now=NOW)
