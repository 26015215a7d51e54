"""Limits of providers: entered by a command, listed, and held against the busiest minute."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, day_start
from observatory.metrics import provider_limits, roller, series
from observatory.metrics.provider_limits import Limit
from observatory.metrics.windows import BadWindow
from tests import factories
from tests.observatory.metrics.business_oracles import TODAY
from tests.observatory.metrics.business_rows import NOW


def command(project: Any, *words: str) -> str:
    out = StringIO()
    call_command("provider_limit", project.slug, *words, stdout=out)
    return out.getvalue()


def test_limits_are_entered_replaced_listed_and_removed(project: Any, make_project: Any) -> None:
    assert command(project) == "no limits were entered\n"
    command(project, "openai", "--requests-per-minute", "500", "--tokens-per-minute", "90000")
    command(project, "openai", "--model", "gpt-x", "--tokens-per-minute", "1000")
    said = command(project, "openai", "--requests-per-minute", "600")
    assert said == "openai: 600 requests a minute\n"
    with project_scope(project.pk):
        assert provider_limits.entered() == [Limit("openai", "", 600), Limit("openai", "gpt-x", None, 1_000)]
    assert command(project) == "openai: 600 requests a minute\nopenai gpt-x: 1,000 tokens a minute\n"
    assert command(make_project()) == "no limits were entered\n"
    assert command(project, "openai", "--remove") == "removed\n"
    assert command(project, "openai", "--remove") == "there was no such limit\n"
    assert command(project) == "openai gpt-x: 1,000 tokens a minute\n"


@pytest.mark.parametrize(
    "words", [("openai",), ("openai", "--tokens-per-minute", "0"), ("", "--tokens-per-minute", "5")], ids=str
)
def test_what_is_no_limit_is_refused(project: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(project, *words)
    with project_scope(project.pk):
        assert provider_limits.entered() == []


def test_a_project_that_does_not_exist_has_no_limits() -> None:
    with pytest.raises(CommandError, match="no project"):
        call_command("provider_limit", "nobody")


def test_the_busiest_minute_is_held_against_what_the_provider_allows(project: Any) -> None:
    start = day_start(TODAY - 4 * DAY, "UTC")
    rows = [
        {"at": start + timedelta(minutes=m, seconds=n), "feature": "a", "model": model, "provider": "openai", "input_tokens": 150,
         "output_tokens": 50}
        for m, model, count in ((5, "gpt-x", 45), (7, "gpt-y", 40), (900, "gpt-y", 3))
        for n in range(count)
    ]  # fmt: skip
    factories.interactions(project, rows)
    roller.roll(NOW, only=[project.pk], everything=True)
    window = Window(start, start + DAY)
    with project_scope(project.pk):

        def use(*limits: Limit, **by: str) -> float | None:
            for limit in limits:
                provider_limits.enter(limit)
            return series.reading("provider_limit_use", window, now=NOW, **by).value

        assert use() is None
        assert use(Limit("openai", "", 50, 100_000)) == pytest.approx(45 / 50)
        assert use(Limit("openai", "", None, 10_000)) == pytest.approx(45 * 200 / 10_000)
        assert use(Limit("openai", "gpt-y", 41)) == pytest.approx(40 / 41)
        with pytest.raises(BadWindow, match="whole project's"):  # features share the limits
            use(feature="a")
        by_model = series.breakdown(["peak_requests_per_minute"], window, by="model", now=NOW)
        assert [by_model[model]["peak_requests_per_minute"].value for model in ("gpt-x", "gpt-y")] == [45, 40]
        points = series.series("provider_limit_use", Window(start, start + 2 * DAY), now=NOW)
        assert [point.reading.value for point in points] == [pytest.approx(40 / 41), None]
