"""Imported history is silent: no window that holds it opens an incident, now or later; what lives on is watched."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from ingest import timeline
from ingest.projects.scope import project_scope

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def bad(at, number, count=30):
    """A burst of calls within a minute, most of them failed."""
    return [
        {
            "id": f"{number}-{one}",
            "feature": "write-draft",
            "occurred_at": (at + timedelta(milliseconds=one)).isoformat(),
            "latency_ms": 90_000,
            "user_id": f"u-{one}",
            **({"status": "error", "error_class": "timeout"} if one % 3 else {}),
        }
        for one in range(count)
    ]


@pytest.fixture
def watched(project):
    """The project with three rules of daily windows, active for the last sixty days; the shipped ones rest."""
    from alerts import presets, rules
    from alerts.limits import Terms
    from alerts.models import AlertRule
    from alerts.rules import Windows
    from alerts.severity import Side

    then = timeline.now() - 60 * DAY
    with project_scope(project.id):
        presets.install(project.id, then)
        AlertRule.objects.update(is_paused=True)
        for name, metric, side, limit, windows in (
            ("daily errors", "error_rate", Side.ABOVE, 0.02, Windows(1440, 0)),
            ("weekly errors", "error_rate", Side.ABOVE, 0.02, Windows(7 * 1440, 0)),
            ("silence", "calls", Side.BELOW, 10.0, Windows(1440, 0)),
        ):
            terms = Terms(side, limit, None, 0)
            rules.create(name=name, metric=metric, terms=terms, windows=windows, now=then, scope="every_feature")
    return project


@pytest.fixture
def bring_in(watched, tmp_path):
    """Import thirty days of bad history that ended some time ago; `words` are options of the command."""

    def run(ended, *words):
        lines = [item for day in range(30) for item in bad(timeline.now() - ended - day * DAY, day)]
        path = tmp_path / "history.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        call_command("import", watched.slug, str(path), "--processes", "1", *words, stdout=io.StringIO())

    return run


@pytest.fixture
def messages(watched):
    """How many messages there are."""
    from alerts.models import Delivery

    def run():
        with project_scope(watched.id):
            return Delivery.objects.count()

    return run


@pytest.fixture
def happened(watched):
    """Make as if the import had happened some time ago: the windows since then are still to be judged."""
    from ingest.projects.models import Feature

    def run(ago):
        with project_scope(watched.id):
            Feature.objects.update(first_seen_at=timeline.now() - ago)

    return run


def test_thirty_bad_days_open_no_incident_and_send_nothing(bring_in, told, messages, watched):
    from alerts.models import AlertRule, RuleState

    with project_scope(watched.id):
        AlertRule.objects.exclude(metric="").update(is_paused=False)
    bring_in(5 * MINUTE)
    assert (told(), messages()) == (set(), 0)
    with project_scope(watched.id):
        assert RuleState.objects.filter(feature="write-draft").count() > 5


def test_nor_do_the_windows_that_close_later_and_hold_some_of_them_or_nothing(
    bring_in, told, messages, watched, happened
):
    from alerts.models import Evaluation

    bring_in(12 * DAY)
    happened(12 * DAY)
    assert (told(), messages()) == (set(), 0)
    with project_scope(watched.id):
        states = list(Evaluation.objects.filter(feature_number__gt=0).values_list("state", flat=True))
    assert len(states) >= 30
    assert set(states) <= {"learning", "no_data", "unknown"}


def test_the_same_history_opens_incidents_when_it_is_to_be_told(bring_in, told, messages, happened):
    bring_in(12 * DAY, "--alert")
    happened(12 * DAY)
    assert told() == {"daily errors", "silence", "weekly errors"}
    assert messages() > 0


def test_what_lives_on_after_the_import_is_watched(bring_in, told, messages, happened, post):
    bring_in(12 * DAY)
    happened(12 * DAY)
    for day in (1, 2, 3):
        assert post("interactions", bad(timeline.now() - day * DAY, f"live-{day}")).status_code == 200
    assert {"daily errors", "weekly errors"} <= told()
    assert messages() > 0


def test_a_feature_that_was_live_before_keeps_its_incidents(bring_in, told, post):
    for day in (1, 2, 3):
        assert post("interactions", bad(timeline.now() - day * DAY, f"live-{day}")).status_code == 200
    before = told()
    assert "daily errors" in before
    bring_in(12 * DAY)
    assert told() == before
