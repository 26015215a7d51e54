"""Pinned baselines: frozen once, whatever becomes of the rows; what changed is found, what did not is not."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import httpx2
import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ingest import timeline
from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, Window, floor
from observatory.metrics import roller, series
from observatory.metrics.baselines import against, pinning, shapes, store
from observatory.metrics.baselines.verdicts import Verdict
from observatory.metrics.reading import State
from observatory.metrics.series import BadWindow, UnknownValue
from tests.factories import interactions, verdicts

NOW = floor(datetime.now(UTC), DAY) - DAY + 9 * HOUR
TODAY = floor(NOW, DAY)
START, END = TODAY - 21 * DAY, TODAY - 10 * DAY
BEFORE = Window(START, END)
WEEK = Window(TODAY - 9 * DAY, TODAY - 2 * DAY)
FEATURE = "write-draft"
THUMB = int(FeedbackKind.THUMB)


def call(at: datetime, chance: random.Random, slower: float = 1.0) -> dict[str, Any]:
    return {
        "at": at, "feature": FEATURE, "model": chance.choice(["a-large", "b-small"]), "user_id": f"u{chance.randrange(90)}",
        "latency_ms": slower * chance.lognormvariate(6.5, 0.5), "input_tokens": chance.randrange(200, 900),
        "error_class": 1 if chance.random() < 0.02 else 0,
    }  # fmt: skip


def fill(project: Project, window: Window, up: float, *, a_day: int = 120, slower: float = 1.0, seed: int = 3) -> None:
    """Calls with a thumb each, spread over every day of a window."""
    chance = random.Random(seed)
    rows = []
    for day in timeline.days(window.start.date(), (window.end - MINUTE).date()):
        start = timeline.day_start(day, "UTC")
        rows += [call(start + chance.random() * DAY, chance, slower) for _ in range(a_day)]
    names = interactions(project, rows)
    verdicts(project, [{"interaction": n, "kind": THUMB, "value": float(chance.random() < up)} for n in names])


def filled_project(project: Project) -> Project:
    """A baseline's days at 78 % thumbs up, and a week after them at 60 %, as quick as before."""
    fill(project, BEFORE, 0.78)
    fill(project, WEEK, 0.60, seed=4)
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


@pytest.fixture(scope="module")
def shared() -> Project:
    return filled_project(Project.objects.create(slug="baselines", name="Baselines", created_at=START))


@pytest.fixture
def filled(shared: Project) -> Iterator[Project]:
    """The shared project, for tests that change nothing of it but its baselines."""
    yield shared
    with project_scope(shared.pk):
        for one in store.every():
            store.delete(one.name, one.feature)


def pin(project: Project, name: str = "v1", window: Window = BEFORE, **options: Any) -> store.Baseline:
    with project_scope(project.pk):
        return pinning.pin(name, window, **{"feature": FEATURE, "by": "test", "now": NOW, **options})


def compare(
    project: Project, name: str = "v1", window: Window = WEEK, feature: str | None = FEATURE
) -> against.Against:
    with project_scope(project.pk):
        return against.against(name, window, feature=feature, now=NOW)


def as_bytes(found: against.Against) -> bytes:
    return msgspec.json.encode(shapes.against_shape(found, {}))


def forget_the_past(project: Project) -> None:
    """No raw rows, other user rows, other sheets, where the baseline was."""
    with project_scope(project.pk), connection.cursor() as cursor:
        for table, column in (("verdict", "interaction_at"), ("interaction", "occurred_at")):
            cursor.execute(f"DELETE FROM {table} WHERE project_id = %s AND {column} < %s", [project.pk, END])
        cursor.execute("DELETE FROM sheet WHERE project_id = %s AND bucket < %s", [project.pk, END])
        cursor.execute(
            "UPDATE user_day SET thumbs_up = 0, calls = calls * 2 WHERE project_id = %s AND day < %s", [project.pk, END]
        )


def test_what_was_frozen_stays_when_rows_days_and_sheets_are_gone(project: Project) -> None:
    filled = filled_project(project)
    pinned = pin(filled)
    assert pinned.state == "frozen"
    before = as_bytes(compare(filled))
    with project_scope(filled.pk):
        asked = series.read("thumbs_up_rate", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW).comparison
    forget_the_past(filled)
    assert as_bytes(compare(filled)) == before
    with project_scope(filled.pk):
        again = series.read("thumbs_up_rate", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW).comparison
        assert again == asked
        assert pinning.freeze_due(NOW + DAY) == 0


def test_fallen_thumbs_are_found_and_what_did_not_change_is_not(filled: Project) -> None:
    pin(filled)
    found = {one.metric: one for one in compare(filled).metrics}
    thumbs = found["thumbs_up_rate"]
    assert thumbs.verdict is Verdict.WORSE
    assert thumbs.interval is not None
    assert thumbs.interval.holds(-0.18)
    assert (thumbs.n_before, thumbs.n_now) == (11 * 120, 7 * 120)
    assert thumbs.warnings == ()
    for name in ("error_rate", "latency_p50", "latency_p95", "input_tokens_mean", "calls"):
        assert found[name].verdict in {Verdict.UNCHANGED, Verdict.CANNOT_TELL}, name
    assert found["input_tokens_mean"].verdict is Verdict.UNCHANGED
    for name in ("correction_rate", "cache_hit_rate", "cached_input_share", "cost_moderation"):
        assert name not in found  # nobody ever sent one
    assert (found["minutes_down"].before, found["minutes_down"].now) == (0, 0)
    with project_scope(filled.pk):
        never = series.read("cache_hit_rate", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW)
        assert never.reading.state is State.NOT_INSTRUMENTED
        assert never.comparison is not None
        assert (never.comparison.value, never.comparison.difference) == (None, None)
    assert "dau" not in found


def test_a_slower_week_is_found_by_its_quantiles_and_ranks(project: Project) -> None:
    fill(project, BEFORE, 0.78)
    fill(project, WEEK, 0.78, slower=1.4, seed=5)
    roller.roll(NOW, only=[project.pk], everything=True)
    pin(project)
    found = {one.metric: one for one in compare(project).metrics}
    for name in ("latency_p50", "latency_p95"):
        assert found[name].verdict is Verdict.WORSE
        assert found[name].relative == pytest.approx(0.4, abs=0.15)
    superiority = next(one for one in found["latency_p50"].evidence if one.test == "mann_whitney")
    assert superiority.statistic > 0.6
    assert superiority.p_value is not None
    assert superiority.p_value < 1e-6
    assert found["thumbs_up_rate"].verdict in {Verdict.UNCHANGED, Verdict.CANNOT_TELL}


def test_a_thin_baseline_warns(filled: Project) -> None:
    pin(filled, "short", Window(START, START + 2 * DAY))
    thumbs = next(one for one in compare(filled, "short").metrics if one.metric == "thumbs_up_rate")
    assert thumbs.warnings == ("The baseline is thin: it is 2 days long; 7 or more show a whole week.",)


def test_a_window_that_overlaps_the_baseline_is_said_to(filled: Project) -> None:
    pin(filled)
    assert compare(filled).warnings == []
    (said,) = compare(filled, window=Window(END - DAY, TODAY)).warnings
    assert "overlaps" in said


def test_it_settles_until_its_window_is_over_mature_and_counted_and_the_roller_freezes_it(project: Project) -> None:
    fill(project, Window(TODAY - 8 * DAY, TODAY), 0.78)
    roller.roll(NOW, only=[project.pk], everything=True)
    pinned = pin(project, window=Window(TODAY - 8 * DAY, TODAY))
    assert pinned.state == "settling"  # its last day's feedback has 15 hours left
    with pytest.raises(against.Settling, match="settling"):
        compare(project, window=Window(TODAY - DAY, NOW))
    late = interactions(project, [{"at": TODAY - DAY, "feature": FEATURE}])
    later = NOW + DAY
    roller.roll(NOW + HOUR, only=[project.pk], everything=True)
    verdicts(project, [{"interaction": late[0], "kind": THUMB, "value": 1.0}])
    with project_scope(project.pk):
        assert pinning.freeze_due(later) == 0  # something of it waits to be counted
    roller.roll(later, only=[project.pk], everything=True)
    with project_scope(project.pk):
        kept = store.find("v1", pinned.feature)
        assert kept is not None
        assert kept.frozen_at == later
        frozen = store.contents(kept)
    assert frozen is not None
    assert frozen.whole.totals.counters[1] == 8 * 120 + 1
    assert len(frozen.whole.days) == 8


def test_frozen_numbers_are_those_that_a_reader_gives_of_the_window_for_models_too(filled: Project) -> None:
    pinned = pin(filled)
    with project_scope(filled.pk):
        frozen = store.contents(pinned)
        assert frozen is not None
        reader = series.Reader(NOW)
        for name in ("thumbs_up_rate", "error_rate", "latency_p95", "calls", "input_tokens_mean"):
            for model in (None, "a-large"):
                expected = reader.reading(name, BEFORE, feature=FEATURE, where={"model": model} if model else {})
                found = reader.read(
                    name, WEEK, feature=FEATURE, where={"model": model} if model else {}, compare="baseline:v1"
                ).comparison
                assert found is not None
                assert (found.value, found.sample_size) == (expected.value, expected.sample_size), (name, model)
    assert sum(day.get(1, 0) for day in frozen.whole.days) == frozen.whole.totals.counters[1]
    assert set(frozen.whole.users) >= {"thumbs_up", "errors", "latency", "input_tokens"}


def test_a_reader_compares_with_a_pinned_window_and_says_what_it_cannot(filled: Project) -> None:
    pin(filled)
    with project_scope(filled.pk):
        told = series.read("thumbs_up_rate", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW).comparison
        assert told is not None
        assert (told.kind, told.window) == ("baseline:v1", BEFORE)
        assert told.interval is not None
        assert told.interval[1] < -0.10
        calls = series.read("calls", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW).comparison
        assert calls is not None
        assert (calls.value, calls.difference) == (11 * 120, None)  # sums of 11 days and of 7
        with pytest.raises(UnknownValue, match="'v1'") as unknown:
            series.read("thumbs_up_rate", WEEK, feature=FEATURE, compare="baseline:v2", now=NOW)
        assert (unknown.value.parameter, unknown.value.allowed) == ("compare", ("baseline:v1",))
        with pytest.raises(UnknownValue, match="all features"):
            series.read("thumbs_up_rate", WEEK, compare="baseline:v1", now=NOW)
        with pytest.raises(BadWindow, match="dau"):
            series.read("dau", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW)
        with pytest.raises(BadWindow, match="baseline:NAME"):
            series.read("calls", WEEK, feature=FEATURE, compare="baselines", now=NOW)


@pytest.mark.parametrize(
    ("first", "end", "reason"),
    [
        ("2026-01-05", "2026-01-05", "before"),
        ("2026-01-05", "2026-09-05", "92 days"),
        ("2026-01-05T10:00:00Z", "2026-01-09", "whole local days"),
        ("tomorrow", "2026-01-09", "from is a day"),
        ("2026-01-05", "2026-13-09", "to is a day"),
    ],
)
def test_a_window_that_is_no_row_of_local_days_is_refused(first: str, end: str, reason: str) -> None:
    with pytest.raises(pinning.Refused, match=reason):
        pinning.window_of(first, end, "Asia/Kathmandu")


def test_local_days_are_those_of_the_project() -> None:
    window = pinning.window_of("2026-03-28", "2026-03-30", "Europe/Berlin")
    assert (window.length, window.start.hour) == (47 * HOUR, 23)
    assert pinning.window_of(window.start.isoformat(), "2026-03-30", "Europe/Berlin") == window


def test_names_notes_and_empty_windows_are_refused_with_a_reason(filled: Project) -> None:
    pin(filled)
    for options, reason in (
        ({"name": "v1"}, "of this name"),
        ({"name": "a/b"}, "no slash"),
        ({"name": " "}, "1 to 80"),
        ({"name": "v2", "note": "n" * 1001}, "1,000"),
        ({"name": "v2", "window": Window(START - 20 * DAY, START - 10 * DAY)}, "nothing was counted"),
        ({"name": "v2", "window": Window(TODAY, TODAY + 100 * DAY)}, "days ahead"),
    ):
        with pytest.raises(pinning.Refused, match=reason):
            pin(filled, **options)
    assert pin(filled, feature=None).feature is None  # all features have names of their own


def test_a_window_from_before_what_is_kept_is_refused(filled: Project) -> None:
    settings = Project.objects.filter(pk=filled.pk)
    settings.update(rollup_days=15, raw_horizon=START + 8 * DAY)
    with pytest.raises(pinning.Refused, match="no longer kept"):
        pin(filled)
    settings.update(rollup_days=None, raw_horizon=None)
    assert pin(filled).state == "frozen"


def test_one_that_cannot_be_frozen_does_not_stop_the_others(filled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with project_scope(filled.pk):
        for name in ("bad", "good"):
            store.insert(store.Baseline(None, name, "", BEFORE, NOW, "test"))
        whole = pinning.freeze

        def fail(baseline: store.Baseline, now: datetime) -> bool:
            if baseline.name == "bad":
                raise ZeroDivisionError
            return whole(baseline, now)

        monkeypatch.setattr(pinning, "freeze", fail)
        assert pinning.freeze_due(NOW) == 1
        assert {one.name: one.state for one in store.every()} == {"bad": "settling", "good": "frozen"}


def test_the_command_pins_and_tells_how_it_stands(filled: Project) -> None:
    said = StringIO()
    days = {"start": str(START.date()), "end": str(END.date())}
    call_command("pin_baseline", filled.slug, "v1", feature=FEATURE, note="last of v1", stdout=said, **days)
    assert "frozen" in said.getvalue()
    call_command(
        "pin_baseline", filled.slug, "next", stdout=said, start=str(TODAY.date()), end=str((TODAY + 9 * DAY).date())
    )
    assert "settling: it can be frozen from" in said.getvalue()
    with project_scope(filled.pk):
        assert {(one.name, one.note) for one in store.every()} == {("v1", "last of v1"), ("next", "")}
    with pytest.raises(CommandError, match="of this name"):
        call_command("pin_baseline", filled.slug, "v1", feature=FEATURE, **days)
    with pytest.raises(CommandError, match="no feature"):
        call_command("pin_baseline", filled.slug, "v1", feature="other", **days)
    with pytest.raises(CommandError, match="no project"):
        call_command("pin_baseline", "nowhere", "v1", **days)


BODY = {"name": "before v2", "feature": FEATURE, "from": str(START.date()), "to": str(END.date()), "note": "calm"}
WHERE = "baselines/before%20v2"
Ask = Callable[..., httpx2.Response]


@pytest.fixture
def ask(web: str) -> Iterator[Ask]:
    with httpx2.Client(base_url=f"{web}/api/v1/", timeout=20) as client:
        yield lambda method, path, key, **options: client.request(method, path, headers={"x-api-key": key}, **options)


def test_over_http_a_baseline_is_pinned_read_and_deleted(ask: Ask, filled: Project, make_key: Any) -> None:
    admin, reader = make_key(filled, "admin"), make_key(filled, "read")
    assert ask("POST", "baselines", reader, json=BODY).status_code == 403
    made = ask("POST", "baselines", admin, json=BODY)
    assert (made.status_code, made.json()["state"], made.json()["note"]) == (201, "frozen", "calm")
    assert made.json()["pinned_by"] == f"key {admin.split('_')[2]}"
    assert ask("POST", "baselines", admin, json=BODY).status_code == 409
    (one,) = ask("GET", "baselines", reader).json()["items"]
    assert (one["name"], one["feature"]) == ("before v2", FEATURE)
    assert ask("GET", WHERE, reader).status_code == 404  # all features have none of this name
    assert ask("DELETE", f"{WHERE}?feature={FEATURE}", reader).status_code == 403
    assert ask("DELETE", f"{WHERE}?feature={FEATURE}", admin).json()["name"] == "before v2"
    assert ask("GET", f"{WHERE}?feature={FEATURE}", reader).status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"name": "x"}, "from"),
        ({**BODY, "colour": 1}, "colour"),
        ([], "object"),
        ({**BODY, "to": "x"}, "to is"),
        ({**BODY, "name": "a\u0000b"}, "no NUL"),
        ({**BODY, "note": "a\u0000b"}, "no NUL"),
    ],
)
def test_a_body_that_is_no_baseline_is_a_problem_that_says_why(
    ask: Ask, filled: Project, make_key: Any, body: Any, word: str
) -> None:
    refused = ask("POST", "baselines", make_key(filled, "admin"), json=body)
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert word in refused.json()["detail"]


def test_over_http_every_metric_is_held_against_a_baseline_effect_first(
    ask: Ask, filled: Project, make_key: Any
) -> None:
    pin(filled, "before v2")
    reader = make_key(filled, "read")
    told = ask("GET", f"{WHERE}/comparison?feature={FEATURE}&window=14d", reader).json()
    thumbs = next(metric for metric in told["metrics"] if metric["metric"] == "thumbs_up_rate")
    order = ["before", "now", "difference", "interval", "relative", "verdict", "sample_size_before", "sample_size_now"]
    assert list(thumbs)[4:12] == order
    assert (thumbs["verdict"], thumbs["sample_size_before"]) == ("worse", 11 * 120)
    compared = ask("GET", f"metrics/thumbs_up_rate?feature={FEATURE}&compare=baseline:before v2", reader).json()
    assert compared["comparison"]["kind"] == "baseline:before v2"
    for wrong in ("windows=1", "window=1y"):
        assert ask("GET", f"{WHERE}/comparison?feature={FEATURE}&{wrong}", reader).status_code == 400


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ed%a0%80", "%ff", "x%F0%9F"])
def test_a_name_that_cannot_be_kept_is_one_that_nobody_has(ask: Ask, filled: Project, make_key: Any, name: str) -> None:
    key = make_key(filled, "read,admin")
    for method, path in (
        ("GET", f"baselines/{name}"),
        ("DELETE", f"baselines/{name}?feature={FEATURE}"),
        ("GET", f"baselines/{name}/comparison"),
        ("GET", f"metrics/calls?compare=baseline:{name}"),
        ("GET", f"metrics/calls?compare=baseline:{name}&feature={FEATURE}"),
    ):
        answer = ask(method, path, key)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
        assert "no baseline of this name" in answer.json()["detail"]


def test_another_project_neither_sees_nor_deletes_it(
    ask: Ask, filled: Project, make_project: Any, make_key: Any
) -> None:
    pin(filled, "before v2", feature=None)
    stranger = make_key(make_project(), "read,admin")
    for method, path in (("GET", WHERE), ("GET", f"{WHERE}/comparison"), ("DELETE", WHERE)):
        assert ask(method, path, stranger).status_code == 404
    assert ask("GET", "baselines", stranger).json()["items"] == []
    assert ask("GET", WHERE, make_key(filled, "read")).json()["state"] == "frozen"
