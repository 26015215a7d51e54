"""What definitions declare is what the numbers do: additive ones add up, and an empty window says what the policy says."""

import pytest

from ingest.dimensions import Component, ErrorClass, FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, local_day
from observatory.metrics import declared, formulas, provider_limits, roller, series
from observatory.metrics.definitions import METRICS, Area, Empty, Kind
from observatory.metrics.definitions.worked import WORKED
from observatory.metrics.months import month_after
from observatory.metrics.provider_limits import Limit
from observatory.metrics.reading import Reading, State
from tests.observatory.metrics import business_rows
from tests.observatory.metrics.business_oracles import day_of
from tests.observatory.metrics.business_rows import NOW, ZONE

SILENT = 200 * DAY
"""Longer than any metric looks back."""

BUSY = Window(day_of(30) - SILENT, day_of(20) - SILENT)
EMPTY = Window(day_of(40), day_of(5))


@pytest.fixture(scope="module")
def gone() -> Project:
    """A project that sent everything there is for a hundred days, and then nothing for two hundred."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(business_rows, "NOW", NOW - SILENT)
        patch.setattr(business_rows, "FROM", business_rows.FROM - SILENT)
        project = Project.objects.create(
            slug="gone", name="Gone", time_zone=ZONE, created_at=business_rows.FROM, raw_days=400
        )
        life = business_rows.life(5, 1_500)
    for number, row in enumerate(life.feedback[:120]):
        life.feedback.append({**row, "id": f"escalated-{number}", "kind": int(FeedbackKind.ESCALATION), "value": None})
    for row in life.stream.interactions:
        row["retrieval_latency_ms"] = 20.0
    for row in life.stream.interactions[:90]:
        life.stream.verdicts.append({"interaction": row["id"], "kind": int(FeedbackKind.IMPLICIT), "name": "share"})
    for number, row in enumerate(life.stream.interactions):
        component = int(list(Component)[number % len(Component)])
        bill = {"at": row["at"], "feature": row["feature"], "component": component, "amount_nano": 10**9}
        life.stream.costs.append(bill)
    for row in life.stream.interactions[::5]:
        out = {**row, "status": 1, "error_class": int(ErrorClass.SERVER)}
        life.stream.interactions += [{**out, "id": f"out-{row['id']}-{number}"} for number in range(9)]
    this = local_day(NOW, ZONE).replace(day=1)
    life.figures |= {f"{month_after(this, -ago):%Y-%m}": 50.0 for ago in range(4)}
    life.send(project)
    with project_scope(project.pk):
        provider_limits.enter(Limit("openai", "", 100, 100_000))
        business_rows.enter_prices()
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def test_points_add_up_where_a_metric_is_additive_and_nowhere_else(gone: Project) -> None:
    with project_scope(gone.pk):
        reader = series.Reader(NOW)
        for name, metric in METRICS.items():
            answer = reader.read(name, BUSY, grain="1d")
            values = [point.reading.value for point in answer.series if point.reading.value]
            if metric.is_additive:
                assert answer.reading.value == pytest.approx(sum(values), rel=1e-9), name
                assert len(values) > 1, name
            elif len(values) > 1:
                assert answer.reading.value != pytest.approx(sum(values), rel=1e-6), name


def test_an_empty_window_says_what_the_policy_says(gone: Project) -> None:
    with project_scope(gone.pk):
        reader = series.Reader(NOW)
        found = {name: reader.reading(name, EMPTY) for name in METRICS}
    assert {name: read for name, read in found.items() if not _is_said(METRICS[name].when_empty, read)} == {}


def _is_said(policy: Empty, read: Reading) -> bool:
    match policy:
        case Empty.ZERO:
            return read.state is State.OK and read.value == 0
        case Empty.NO_DATA:
            return read == formulas.NO_DATA
        case Empty.AS_EVER:
            return read.state in (State.OK, State.LEARNING)
    return read == formulas.NOT_INSTRUMENTED


def test_what_is_derived_is_worked_out_and_nothing_else_is() -> None:
    assert {name for name, metric in METRICS.items() if metric.kind is Kind.DERIVED} == set(WORKED)


def test_every_metric_declares_how_it_is_computed() -> None:
    for name, metric in METRICS.items():
        assert declared.formula_of(metric), name
        is_divided = metric.kind in (Kind.RATE, Kind.RATIO, Kind.MEAN, Kind.PER_USER)
        assert bool(declared.denominator_of(metric)) is is_divided, name
    assert {metric.area for metric in METRICS.values()} == set(Area)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("calls", "calls"),
        ("availability", "1 − (errors_timeout + errors_rate_limit + errors_server + errors_network) / calls"),
        ("thumbs_up_rate", "thumbs_up / (thumbs_up + thumbs_down)"),
        ("rating_mean", "sum of rating / ratings"),
        ("latency_p95", "quantile 0.95 of latency_ms"),
        ("peak_requests_per_minute", "largest peak_calls"),
        ("wau", "distinct users with a call in the last 7 local days"),
        ("escalations_24h", "escalation events"),
    ],
)
def test_formulas_are_told_in_counters(name: str, formula: str) -> None:
    assert declared.formula_of(METRICS[name]) == formula
