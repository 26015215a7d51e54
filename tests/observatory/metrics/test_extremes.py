"""Nothing an app may send stops the roller or wraps around: numbers as large and as small as the API takes them."""

from datetime import UTC, datetime

import pytest

from ingest.dimensions import Component, FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import roller, series, verify
from observatory.metrics.reading import State
from tests.factories import costs, interactions, verdicts

TODAY = floor(datetime.now(UTC), DAY)
LARGEST_NANO = 10**18
WINDOW = Window(TODAY - 4 * DAY, TODAY - DAY)


@pytest.fixture
def extreme(project: Project) -> Project:
    names = interactions(
        project,
        [
            {
                "at": TODAY - 3 * DAY + number * HOUR,
                "feature": "write-draft",
                "user_id": "ann",
                "cost_nano": LARGEST_NANO,
                "latency_ms": (1e12, 5e-324)[number % 2],
                "input_tokens": 2**31 - 1,
                "retrieval_score": -1e12,
                "retrieval_documents": 1,
            }
            for number in range(24)
        ],
    )
    costs(
        project,
        [
            {"interaction": names[0], "component": int(Component.MODEL_TOKENS), "amount_nano": LARGEST_NANO}
            for _ in range(12)
        ],
    )
    verdicts(project, [{"interaction": name, "kind": int(FeedbackKind.EVALUATION), "value": -1e12} for name in names])
    return project


def test_sums_beyond_64_bits_are_exact(extreme: Project) -> None:
    report = roller.roll(TODAY, only=[extreme.pk], everything=True)
    assert (report.failed, report.left) == (0, False)
    with project_scope(extreme.pk):
        reader = series.Reader(TODAY)
        assert reader.reading("cost_total", WINDOW).value == (23 + 12) * LARGEST_NANO / 1e9
        assert reader.reading("input_tokens_mean", WINDOW).value == 2**31 - 1
        assert reader.reading("retrieval_score_mean", WINDOW).value == pytest.approx(-1e12)
        p50, p95 = reader.reading("latency_p50", WINDOW), reader.reading("latency_p95", WINDOW)
    assert (p50.state, p95.state) == (State.OK, State.OK)
    assert p50.value == pytest.approx(0, abs=1e-6)
    assert p95.value == pytest.approx(1e12, rel=0.01)
    assert [found for day in verify.days_of(extreme, TODAY) for found in verify.verify(extreme, day).differences] == []
