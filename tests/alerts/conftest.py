"""Fabricated numbers and receivers for the tests of alerting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.alerts.sinks import HttpSink, MailSink, http_sink, mail_sink

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def hook() -> Iterator[HttpSink]:
    """A web server that receives webhooks."""
    with http_sink() as sink:
        yield sink


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSink]:
    """A mail server that the product sends to."""
    from django.conf import settings

    from observatory.env import Mail

    with mail_sink() as sink:
        monkeypatch.setattr(settings, "MAIL", Mail("smtp", sink.host, sink.port))
        yield sink


@pytest.fixture
def mail_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mail folder of the test's own."""
    from django.conf import settings

    monkeypatch.setattr(settings, "MAIL_FOLDER", tmp_path / "mail")
    return tmp_path / "mail"


class Numbers:
    """Readings by (metric, feature): a function of the window. What was not set is nothing."""

    def __init__(self) -> None:
        self.by_key = {}
        self.asked = []
        self.first_day = None
        self.complete_to = datetime(2100, 1, 1, tzinfo=UTC)
        self.mature_to = datetime(2100, 1, 1, tzinfo=UTC)

    def set(self, metric, value, *, feature="write-draft", sample=1_000, low=None, high=None, reference=None):
        from alerts.limits import Facts

        def facts(window):
            number = value(window) if callable(value) else value
            return Facts(number, sample if number is not None else 0, low, high, reference)

        self.by_key[metric, feature] = facts

    def source(self, now):
        """What stands for `readings.Source` at an instant."""
        return Fabricated(self, now)

    def take(self, wanted, window):
        from alerts.limits import Facts

        self.asked.append(window)
        return {one: self.by_key.get((one.metric, one.feature), lambda _: Facts(None, 0))(window) for one in wanted}


@dataclass
class Fabricated:
    """The fabricated numbers as they stand at an instant."""

    numbers: Numbers
    now: datetime

    def covers(self, window, metric, feature):
        from observatory.metrics.definitions import METRICS

        numbers = self.numbers
        return window.end <= min(numbers.mature_to if METRICS[metric].maturing else numbers.complete_to, self.now)

    def take(self, wanted, window):
        return self.numbers.take(wanted, window)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Numbers:
    """Fabricated readings in place of the metrics'."""
    from alerts import readings

    fake = Numbers()
    monkeypatch.setattr(readings, "Source", fake.source)
    monkeypatch.setattr(readings, "first_day", lambda feature, now: fake.first_day)
    return fake


@pytest.fixture
def feature(project) -> Callable:
    """Make features of the fresh project; `write-draft` is there already."""
    from ingest.projects.models import Feature
    from ingest.projects.scope import project_scope

    def make(name: str, number: int, first_seen_at=START - 30 * DAY, **fields):
        with project_scope(project.id):
            return Feature.objects.create(name=name, number=number, first_seen_at=first_seen_at, **fields)

    make("write-draft", 2)
    return make


@pytest.fixture
def quiet(project) -> None:
    """Install the shipped rules paused, so that a test judges its own rule alone and tells nobody by itself."""
    from alerts import presets
    from alerts.models import AlertRule, Recipient
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        presets.install(project.id, START)
        AlertRule.objects.update(is_paused=True)
        Recipient.objects.all().delete()


@pytest.fixture
def rule(project, feature, quiet) -> Callable:
    """Make a rule of the fresh project: an error rate in 15 minutes every 5, unless told otherwise."""
    from alerts import rules
    from alerts.limits import Terms
    from alerts.rules import Windows
    from alerts.severity import Side
    from ingest.projects.scope import project_scope

    def make(
        metric="error_rate", terms=None, windows=None, *, name="a rule", feature="write-draft", at=START, **options
    ):
        terms = terms or Terms(Side.ABOVE, 0.02, 0.05, 50)
        windows = windows or Windows(15, 5)
        with project_scope(project.id):
            return rules.create(
                name=name, metric=metric, terms=terms, windows=windows, now=at, feature=feature, **options
            )

    return make


@pytest.fixture
def judge(project) -> Callable:
    """Judge the fresh project as of an instant."""
    from alerts import evaluation

    def run(now, **options):
        return evaluation.evaluate(now, only=[project.id], **options)

    return run


@pytest.fixture
def told(project) -> Callable:
    """Count and judge all that is due in the fresh project; give the names of the rules that opened incidents."""
    from alerts import evaluation
    from alerts.models import Incident
    from ingest import timeline
    from ingest.projects.scope import project_scope
    from observatory.metrics import roller

    def run():
        now = timeline.now()
        roller.roll(now, only=[project.id], everything=True)
        while evaluation.evaluate(now, only=[project.id], budget_s=20).left:
            pass
        with project_scope(project.id):
            return set(Incident.objects.values_list("rule__name", flat=True))

    return run


@pytest.fixture
def send(project) -> Callable:
    """Send what is due of the fresh project."""
    from alerts import dispatch

    return lambda **options: dispatch.send_due(only=[project.id], **options)


@pytest.fixture
def alive() -> Callable:
    """Write the liveness rows of a web process that lived from one instant to another."""
    from ingest.models import Liveness

    def lived(start: datetime, end: datetime) -> None:
        count = int((end - start).total_seconds() // 10) + 1
        rows = [Liveness(at=start + timedelta(seconds=10 * step)) for step in range(count)]
        Liveness.objects.bulk_create(rows, ignore_conflicts=True)

    return lived
