"""`manage.py demo` as a user runs it, once, against a real web process; then what it promises."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from alerts.models import AlertRule, Delivery, Incident, Recipient
from dashboards.demo import project as demo_project
from dashboards.demo.prices import LABEL, UNPRICED_MODEL
from dashboards.demo.project import DemoError
from dashboards.demo.scenario import FEATURES, MAIN_FEATURE, SHIFT_FIRST_DAY, SHIFT_LAST_DAY
from ingest import timeline
from ingest.dimensions import Component, CostSource, Dimension, FeedbackKind
from ingest.models import ChangeEvent, DimensionValue, Interaction, PriceOverride
from ingest.projects import provision
from ingest.projects.models import ApiKey, Feature, Membership, Project
from ingest.projects.scope import project_scope
from observatory.drift.models import Finding, Series
from observatory.metrics import series
from tests.dashboards import site as sites
from tests.dashboards.told import rows
from tests.harness.installation import Installation, free_port


@dataclass
class Filled:
    """The project after one run, and how that run went."""

    project: Project
    run: subprocess.CompletedProcess[str]
    admin: Any


@pytest.fixture(scope="module")
def filled(installation: Installation, web: str) -> Filled:
    admin = User.objects.create_superuser("demo-admin", password="correct horse")
    run = installation.command("demo")
    assert run.returncode == 0, run.stderr
    return Filled(Project.objects.get(name="Demo"), run, admin)


@pytest.fixture
def inside(filled: Filled) -> Iterator[Filled]:
    with project_scope(filled.project.pk):
        yield filled


def test_it_shows_its_progress_and_says_where_to_look(filled: Filled) -> None:
    assert "posting interactions" in filled.run.stderr
    assert f"{settings.PUBLIC_URL}/demo/drift/" in filled.run.stdout


def test_every_administrator_may_open_the_project_and_it_says_what_is_real(filled: Filled) -> None:
    assert Membership.objects.filter(project=filled.project, user=filled.admin).exists()
    assert "Real: prompt, output, model and judge score" in filled.project.description
    assert "Replayed, from a fixed seed: time, user, session, latency" in filled.project.description


def test_cost_and_health_are_full_and_no_limit_is_near(filled: Filled, web: str) -> None:
    with sites.client(web, filled.admin) as asking:
        pages = [asking.get(f"/{filled.project.slug}/{page}/").text for page in ("cost", "health")]
    for page in pages:
        assert "could not be computed" not in page
        assert "Not sent yet" not in page.split('class="grid')[0], "every tile has its number"
    assert rows(pages[0], "cache_savings")[0][1].endswith("of calls")
    assert max(float(row[1].removesuffix(" %")) for row in rows(pages[1], "headroom") if "%" in row[1]) < 20


def table(project: Project, name: str, columns: str) -> pd.DataFrame:
    """Raw rows of the demo, each with the name of its feature."""
    query = f"""
        SELECT {columns}, d.value AS feature FROM {name} r
        LEFT JOIN dimension_value d ON d.project_id = r.project_id AND d.number = r.feature_id AND d.dimension = %s
        WHERE r.project_id = %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [int(Dimension.FEATURE), project.pk])
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


@pytest.mark.parametrize("feature", [None, MAIN_FEATURE])
def test_its_headline_numbers_are_what_plain_counting_of_its_rows_gives(inside: Filled, feature: str | None) -> None:
    zone, now = inside.project.time_zone, timeline.now()
    today = timeline.local_day(now, zone)
    start, end = (timeline.day_start(today - timedelta(days=ago), zone) for ago in (32, 2))
    calls = table(
        inside.project,
        "interaction",
        "occurred_at AS at, id, user_id, status, error_class, latency_ms, input_tokens, cost_nano",
    )
    said = table(inside.project, "verdict", "interaction_at AS at, interaction_id, kind, r.value AS said, label")
    paid = table(inside.project, "cost", "occurred_at AS at, interaction_id, component, amount_nano")
    replaced = paid[paid.component == Component.MODEL_TOKENS].interaction_id
    calls, said, paid = (of[(of["at"] >= start) & (of["at"] < end)] for of in (calls, said, paid))
    if feature:
        calls, said, paid = (of[of.feature == feature] for of in (calls, said, paid))
    thumbs, outcomes = (said[said.kind == kind] for kind in (FeedbackKind.THUMB, FeedbackKind.OUTCOME))
    own = calls[~calls.id.isin(replaced)].cost_nano.astype(float).sum()
    plain = {
        "calls": len(calls),
        "error_rate": ((calls.status != 0) | (calls.error_class != 0)).mean(),
        "latency_p50": np.quantile(calls.latency_ms.dropna(), 0.5, method="inverted_cdf"),
        "latency_p95": np.quantile(calls.latency_ms.dropna(), 0.95, method="inverted_cdf"),
        "thumbs_up_rate": (thumbs.said == 1).mean(),
        "correction_rate": said[said.kind == FeedbackKind.CORRECTION].interaction_id.nunique() / len(calls),
        "task_completion_rate": (outcomes.label == "completed").mean(),
        "cost_total": (own + paid.amount_nano.astype(float).sum()) / 1e9,
        "input_tokens_mean": calls.input_tokens.mean(),
        "mau": calls.user_id.nunique(),
    }
    reader = series.Reader(now)
    for name, counted in plain.items():
        reading = reader.reading(name, timeline.Window(start, end), feature=feature)
        if name == "task_completion_rate" and outcomes.empty:
            assert reading.value is None
        else:
            assert reading.value == pytest.approx(counted, rel=0.01 if "latency" in name else 1e-9), name


def test_features_have_their_types_and_stakes(inside: Filled) -> None:
    known = {feature.name: (feature.type, feature.stakes) for feature in Feature.objects.all()}
    assert known == {feature.name: (feature.type, feature.stakes) for feature in FEATURES}


def test_drift_finds_the_fall_dates_it_and_finds_nothing_else(inside: Filled) -> None:
    (finding,) = Finding.objects.all()
    assert (finding.series.feature, finding.series.signal) == (MAIN_FEATURE, "thumbs_up_rate")
    assert finding.is_open
    assert finding.is_strong
    start = demo_project.first_day(inside.project)
    assert finding.started_low <= start + timedelta(days=SHIFT_LAST_DAY - 1)
    assert finding.started_high >= start + timedelta(days=SHIFT_FIRST_DAY - 1)
    others = Series.objects.exclude(pk=finding.series_id)
    assert {series.state for series in others} <= {Series.State.WATCHING, Series.State.COLLECTING}


def test_the_shift_of_models_is_noticed_beside_the_fall(inside: Filled) -> None:
    (noticed,) = ChangeEvent.objects.filter(source=ChangeEvent.Source.NOTICED)
    assert "gpt-4-1106-preview 31 → 12 %, Llama-2-70b-chat 2 → 21 %" in noticed.title
    (finding,) = Finding.objects.all()
    assert finding.started_low - timedelta(days=2) <= noticed.occurred_at.date() <= finding.started_high + timedelta(1)


def test_one_incident_is_open_and_was_told(inside: Filled) -> None:
    (incident,) = Incident.objects.all()
    assert incident.resolved_at is None
    assert incident.rule.name == demo_project.RULE_NAME
    assert incident.severity == "critical"
    assert {delivery.state for delivery in incident.deliveries.all()} == {Delivery.State.SENT}
    assert Recipient.objects.exists()
    letters = [path.read_text() for path in settings.MAIL_FOLDER.rglob("*.eml")]
    assert any(MAIN_FEATURE in letter and "Critical" in letter for letter in letters)


def test_the_rule_was_made_as_if_it_had_been_there_from_day_29(inside: Filled) -> None:
    rule = AlertRule.objects.get(name=demo_project.RULE_NAME)
    assert rule.active_from.date() == demo_project.first_day(inside.project) + timedelta(days=28)
    assert rule.warning == pytest.approx(0.70, abs=0.01)
    assert rule.critical == pytest.approx(rule.warning - 0.05)
    assert rule.minimum_sample == 100


def test_nine_models_have_prices_of_ours_and_one_has_none(inside: Filled) -> None:
    assert PriceOverride.objects.filter(label=LABEL).count() == 9
    numbers = Interaction.objects.filter(cost_source=CostSource.UNPRICED).values_list("model_id", flat=True)
    names = DimensionValue.objects.filter(dimension=Dimension.MODEL, number__in=set(numbers))
    assert [each.value for each in names] == [UNPRICED_MODEL]


def test_its_key_is_of_no_use_afterwards(inside: Filled) -> None:
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_running_it_again_doubles_nothing(filled: Filled, installation: Installation) -> None:
    with project_scope(filled.project.pk):
        before = Interaction.objects.count()
    again = installation.command("demo")
    assert again.returncode == 0, again.stderr
    with project_scope(filled.project.pk):
        assert 0 <= Interaction.objects.count() - before < 20
        assert (Incident.objects.count(), Finding.objects.count()) == (1, 1)
        assert AlertRule.objects.filter(name=demo_project.RULE_NAME).count() == 1


def test_without_a_running_product_it_says_so_in_one_line(installation: Installation) -> None:
    run = installation.command("demo", "--url", f"http://127.0.0.1:{free_port()}")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "does not answer" in run.stderr
    assert "make up" in run.stderr


def test_a_project_of_that_name_that_is_somebodys_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_project, "PROJECT_NAME", "Our demo shop")
    provision.project_named("Our demo shop", now=timeline.now() - timedelta(days=1))
    with pytest.raises(DemoError, match="did not make"):
        demo_project.prepare(timeline.now())
