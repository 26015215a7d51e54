"""What was never sent is not instrumented, of a project and of a feature; what came once and is silent now is zero."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest import partitions
from ingest.dimensions import Cache, CostSource, FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import reads, roller, sent, series
from observatory.metrics.definitions import METRICS, Kind
from observatory.metrics.metric import FilteredBy
from observatory.metrics.reading import State
from tests import factories
from tests.harness import plans
from tests.harness.installation import Installation

NOW = floor(datetime.now(UTC), DAY) - DAY + 11 * HOUR
LATELY = Window(NOW - 7 * DAY, NOW)


def calls(project: Project, feature: str, before: timedelta, count: int = 30, **fields: object) -> None:
    """Calls of a feature, one an hour, the last of them so long before now."""
    rows = [{"at": NOW - before - n * HOUR, "feature": feature, **fields} for n in range(count)]
    factories.interactions(project, rows)


def roll(project: Project) -> None:
    roller.roll(NOW, only=[project.pk], everything=True)


def test_of_bare_calls_only_what_needs_nothing_more_is_known(project: Project) -> None:
    calls(project, "a", HOUR)
    roll(project)
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        states = {name: reader.reading(name, LATELY).state for name in METRICS}
        by_feature = {name for name, metric in METRICS.items() if metric.filtered_by is not FilteredBy.PROJECT}
        of_a = {name: reader.reading(name, LATELY, feature="a").state for name in by_feature}
    lacking = {name for name, metric in METRICS.items() if metric.sources or metric.kind is Kind.NOT_INSTRUMENTED}
    assert {name for name, state in states.items() if state is State.NOT_INSTRUMENTED} == lacking
    assert {name for name, state in of_a.items() if state is State.NOT_INSTRUMENTED} == lacking & by_feature
    assert {"escalations_24h", "cache_hit_rate", "cost_retrieval", "ttft_p95", "adoption_rate"} <= lacking


def test_what_came_once_is_zero_afterwards_and_only_where_it_came(project: Project) -> None:
    calls(project, "a", 60 * DAY, cache=int(Cache.EXACT), time_to_first_token_ms=300.0)
    for feature in ("a", "b"):
        calls(project, feature, HOUR)
    roll(project)
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        found = {
            (name, feature): reader.reading(name, LATELY, feature=feature)
            for name in ("cache_hit_rate", "cache_semantic_hit_rate", "cache_exact_savings", "ttft_p95")
            for feature in (None, "a", "b")
        }
        grouped = reader.breakdown(["cache_hit_rate", "ttft_p95"], LATELY)
    for feature in (None, "a"):
        assert (found["cache_hit_rate", feature].state, found["cache_hit_rate", feature].value) == (State.OK, 0)
        assert found["ttft_p95", feature].state is State.NO_DATA
        assert found["cache_exact_savings", feature].value == 0
    assert {found[name, "b"].state for name in ("cache_hit_rate", "cache_exact_savings", "ttft_p95")} == {
        State.NOT_INSTRUMENTED
    }
    assert {found["cache_semantic_hit_rate", feature].state for feature in (None, "a", "b")} == {State.NOT_INSTRUMENTED}
    assert {name: read["cache_hit_rate"].state for name, read in grouped.items()} == {
        "a": State.OK,
        "b": State.NOT_INSTRUMENTED,
    }


def test_what_caches_save_together_is_of_those_that_were_heard_of(project: Project) -> None:
    calls(project, "a", HOUR, model="m", cost_nano=10**9, cost_source=int(CostSource.CATALOGUE))
    calls(project, "a", HOUR, model="m", cache=int(Cache.EXACT))
    roll(project)
    with project_scope(project.pk):
        answer = series.read("cache_savings", LATELY, group_by="feature", now=NOW)
    assert (answer.reading.value, answer.reading.sample_size) == (pytest.approx(30), 1)
    assert answer.groups == {"a": answer.reading}


def test_before_the_first_call_nothing_is_said_to_be_missing(project: Project) -> None:
    calls(project, "a", HOUR)
    roll(project)
    with project_scope(project.pk):
        points = series.series("cache_hit_rate", LATELY, now=NOW)
        early = series.reading("cache_hit_rate", Window(NOW - 40 * DAY, NOW - 30 * DAY), now=NOW)
    assert early.state is State.NO_DATA
    assert [point.reading.state for point in points][-1] is State.NOT_INSTRUMENTED
    assert points[0].reading.state is State.NO_DATA


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Fills with every piece of a project's life that is read for what was ever counted there."""
    asked: list[object] = []
    read = reads.ever_counted

    def counted(*arguments: object) -> object:
        asked.append(arguments)
        return read(*arguments)

    monkeypatch.setattr(reads, "ever_counted", counted)
    return asked


def test_what_was_ever_counted_is_read_once_for_all_questions(project: Project, looked_up: list[object]) -> None:
    calls(project, "a", 60 * DAY)
    calls(project, "a", HOUR)
    roll(project)
    looked_up.clear()
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        for name in ("cache_hit_rate", "cache_exact_savings", "cost_retrieval", "input_tokens_mean"):
            assert reader.reading(name, LATELY).state is State.NOT_INSTRUMENTED
    assert len(looked_up) == 2


def test_what_caches_saved_asks_once_what_was_ever_sent_however_many_groups(
    project: Project, looked_up: list[object]
) -> None:
    for feature in ("a", "b", "c"):
        calls(project, feature, 60 * DAY)
        calls(project, feature, HOUR)
    roll(project)
    looked_up.clear()
    with project_scope(project.pk):
        series.reading("cache_savings", LATELY, now=NOW)
        of_all = len(looked_up)
        found = series.breakdown(["cache_savings"], LATELY, by="feature", now=NOW)
    states = {feature: read["cache_savings"].state for feature, read in found.items()}
    assert states == dict.fromkeys("abc", State.NOT_INSTRUMENTED)
    assert len(looked_up) == 2 * of_all > 0


ALONE = sorted(
    {source.kind for metric in METRICS.values() for source in metric.sources if source.kind and not source.counters}
)
"""The kinds of feedback that nothing tells of but the events themselves."""

FILL = """
    INSERT INTO feedback (project_id, occurred_at, received_at, kind, feature_id, id)
    SELECT %(project)s, %(at)s, %(at)s, kind, CASE WHEN kind = %(thumb)s THEN 8 ELSE 7 END, kind || '-' || n
    FROM unnest(%(kinds)s::smallint[]) kind, generate_series(1, 20000) n
"""


@pytest.mark.parametrize("has_statistics", [False, True])
def test_a_feature_without_events_among_many_is_known_from_a_few_pages(
    project: Project, installation: Installation, has_statistics: bool
) -> None:
    at = NOW - 5 * DAY
    partitions.ensure_for([at])
    kinds, thumb = [int(kind) for kind in ALONE], int(FeedbackKind.THUMB)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"project": project.pk, "at": at, "thumb": thumb, "kinds": [*kinds, thumb]})
    if has_statistics:
        with psycopg.connect(installation.server.superuser_url, autocommit=True) as superuser:
            superuser.execute("ANALYZE feedback")
    with connection.cursor() as cursor:
        most = plans.most_pages(cursor, "feedback")
    for kind in ALONE:
        for feature, expected in ((6, False), (7, True), (8, False), (9, False), (None, True)):
            with project_scope(project.pk), CaptureQueriesContext(connection) as asked:
                assert sent._exists(sent._SAID, feature, kind) is expected
            assert pages_read(installation, project, asked.captured_queries[-1]["sql"]) <= most, "of thousands"


def pages_read(installation: Installation, project: Project, query: str) -> int:
    """How many the web's role looks at."""
    with psycopg.connect(installation.server.urls.app) as app, app.cursor() as cursor:
        cursor.execute("SELECT set_config('observatory.project', %s, true)", [str(project.pk)])
        return plans.pages_read(cursor, query)
