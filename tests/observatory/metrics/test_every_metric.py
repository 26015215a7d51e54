"""Every metric has a slow, plain oracle, and equals it on small streams drawn for their edges.

The streams are a few dozen rows around a day whose clocks change, in zones off by half and three quarters of an hour:
ties, borders of minutes, quarters, local days and months, what has no feature, model, user or name.
"""

import itertools
import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.dimensions import MARKS, Cache, Component, CostSource, ErrorClass, FeedbackKind, Flag, UserEvent
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, day_start
from observatory.metrics import provider_limits, roller, series
from observatory.metrics.definitions import METRICS, Kind
from observatory.metrics.metric import FilteredBy
from observatory.metrics.provider_limits import Limit
from observatory.metrics.windows import BadWindow
from tests.observatory.metrics import business_oracles, people_oracles, stream_oracles
from tests.observatory.metrics.business_oracles import Oracle, by
from tests.observatory.metrics.business_rows import PRICED_MODEL, Life, enter_prices
from tests.observatory.metrics.people_oracles import REQUESTS_LIMIT, TOKENS_LIMIT
from tests.observatory.metrics.streams import OTHERS, Stream

TOLD_ELSEWHERE = {
    "cost_anomaly": "a day against its forecast: test_forecasts.py",
    "ticket_rate_ai_users": "people counted by hand: test_audiences.py",
    "ticket_rate_non_users": "people counted by hand: test_audiences.py",
}
TODAY = datetime.now(UTC).date()
MICROSECOND = timedelta(microseconds=1)
FEATURES = ("write-draft", "summarise", None)
_numbers = itertools.count(1)


def _of_stream(oracle: stream_oracles.Oracle) -> Oracle:
    return lambda life, window, feature: oracle(life.stream, window, by(feature))


ORACLES: dict[str, Oracle] = {
    **{name: _of_stream(oracle) for name, oracle in stream_oracles.EXACT.items()},
    **{name: _of_stream(oracle) for name, oracle in stream_oracles.WITHIN_ONE_PERCENT.items()},
    **business_oracles.ORACLES,
    **people_oracles.ORACLES,
}


def test_every_metric_has_an_oracle() -> None:
    instrumented = {name for name, metric in METRICS.items() if metric.kind is not Kind.NOT_INSTRUMENTED}
    assert instrumented - ORACLES.keys() == TOLD_ELSEWHERE.keys()
    assert ORACLES.keys() <= instrumented


@dataclass
class Place:
    """A time zone, and a local day in it that the streams are about: the last one whose clocks changed, if any did."""

    zone: str
    day: date

    @property
    def midnight(self) -> datetime:
        return day_start(self.day, self.zone)

    @property
    def change(self) -> datetime:
        """When the clocks change, or noon."""
        local = ZoneInfo(self.zone)
        hours = [self.midnight + number * HOUR / 2 for number in range(1, 49)]
        return next(
            (at for at in hours if at.astimezone(local).utcoffset() != self.midnight.astimezone(local).utcoffset()),
            hours[24],
        )


def place(zone: str) -> Place:
    """Months back at most: a week's partition is only made so far back."""
    for ago in range(10, 230):
        day = TODAY - ago * DAY
        if day_start(day + DAY, zone) - day_start(day, zone) != DAY:
            return Place(zone, day)
    return Place(zone, TODAY - 40 * DAY)


PLACES = [
    place(zone) for zone in ("America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu", "UTC")
]


def instants(where: Place) -> list[datetime]:
    """Borders, and what lies a microsecond before and after them; a few days are further back, as far as metrics look."""
    midnight = where.midnight
    borders = [
        midnight, where.change, where.change + HOUR / 4, midnight + DAY / 2, day_start(where.day + DAY, where.zone),
        day_start(where.day - DAY, where.zone), day_start(where.day - 7 * DAY, where.zone),
        *(day_start(where.day - ago * DAY, where.zone) for ago in (29, 30, 31, 58, 60, 85, 88)),
        day_start(where.day.replace(day=1), where.zone),
    ]  # fmt: skip
    near = [border + step for border in borders for step in (-MICROSECOND, timedelta(), MICROSECOND)]
    # Several in the same minutes, so that some are down and some are the busiest.
    return [*near, *(where.change + timedelta(minutes=20, seconds=second) for second in (0, 0, 1, 59, 60))]


def amounts(*values: Any) -> "st.SearchStrategy[Any]":
    return st.sampled_from([None, *values])


TOKENS = amounts(0, 1, 250, 4_000)
CALL = {
    "feature": st.sampled_from(FEATURES),
    "model": amounts(PRICED_MODEL, "b-small"),
    "error_class": st.sampled_from([0, 0, 0, *map(int, ErrorClass)]),
    "latency_ms": amounts(0.0, 0.5, 900.0, 61_000.0),
    "time_to_first_token_ms": amounts(0.0, 120.0),
    "input_tokens": TOKENS,
    "output_tokens": TOKENS,
    "cost_nano": amounts(0, 1, 2_500_000, 4 * 10**9),
    "cache": st.sampled_from([0, 0, *map(int, Cache)]),
    "retrieval_documents": amounts(0, 3),
    "retrieval_latency_ms": amounts(0.0, 35.0),
    "retrieval_score": amounts(0.0, 0.25, 1.0),
    "user_id": amounts("ann", "bob", "cid"),
    "session_id": amounts("ann", "s-1"),
    "flags": st.sampled_from([0, 0, int(Flag.OUTPUT_CUT), *map(int, MARKS.values()), int(Flag.REFUSAL | Flag.UNUSUAL_COST)]),
    **{name: st.sampled_from(values) for name, values in OTHERS.items()},
}  # fmt: skip
VERDICTS: list[dict[str, Any]] = [
    *({"kind": FeedbackKind.THUMB, "value": value} for value in (0.0, 1.0)),
    *({"kind": FeedbackKind.RATING, "value": value} for value in (0.0, 0.25, 1.0)),
    *({"kind": FeedbackKind.CORRECTION, "edit_ratio": ratio} for ratio in (None, 0.0, 0.5)),
    *({"kind": FeedbackKind.ACCEPTANCE, "value": value} for value in (0.0, 1.0)),
    *({"kind": FeedbackKind.OUTCOME, "value": float(label == "completed"), "label": label}
      for label in ("completed", "abandoned", "redone")),
    *({"kind": FeedbackKind.FLAG, "name": name} for name in ("wrong", "irrelevant", "inappropriate", "tone", "style")),
    *({"kind": FeedbackKind.IMPLICIT, "name": name} for name in ("copy", "share", "follow", "")),
    *({"kind": FeedbackKind.EVALUATION, "name": name, "value": value} for name, value in (("", 0.0), ("judge", 0.375))),
]  # fmt: skip
HEARD: list[dict[str, Any]] = [
    *({"kind": FeedbackKind.NPS, "value": value} for value in (0.0, 6.0, 7.0, 9.0, 10.0)),
    *({"kind": FeedbackKind.SURVEY, "value": value} for value in (0.0, 0.6, 1.0)),
    *({"kind": FeedbackKind.TICKET, "name": name} for name in ("accuracy", "Accuracy", "billing", "")),
    {"kind": FeedbackKind.ESCALATION},
]


@st.composite
def lives(draw: "st.DrawFn") -> tuple[Place, Life]:
    """A place, and all that happened there."""
    where = draw(st.sampled_from(PLACES))
    at = st.sampled_from(instants(where))
    stream = Stream()
    said = st.lists(st.sampled_from(VERDICTS), max_size=4)
    costs = st.lists(st.tuples(st.sampled_from(list(Component)), st.sampled_from([0, 7, 3 * 10**8])), max_size=2)
    whole = st.tuples(at, st.fixed_dictionaries(CALL), said, costs)
    for number, (when, call, verdicts, records) in enumerate(draw(st.lists(whole, min_size=1, max_size=24))):
        stream.interactions.append({"id": f"c{number}", "at": when, **_priced(call)})
        # The last of a kind and name counts, as in the record.
        last = {(int(one["kind"]), one.get("name", "")): one for one in verdicts}
        stream.verdicts += [{"interaction": f"c{number}", **one, "kind": int(one["kind"])} for one in last.values()]
        stream.costs += [
            {"interaction": f"c{number}", "component": int(component), "amount_nano": amount}
            for component, amount in records
        ]
    bill = st.tuples(at, st.sampled_from(FEATURES), st.sampled_from(list(Component)))
    stream.costs += [
        {"at": when, "feature": feature, "component": int(component), "amount_nano": 10**9}
        for when, feature, component in draw(st.lists(bill, max_size=3))
    ]
    user = st.sampled_from(["ann", "bob", "cid", "dan"])
    heard = st.lists(st.tuples(at, st.sampled_from(HEARD), st.sampled_from(FEATURES), st.none() | user), max_size=10)
    feedback = [
        {
            "id": f"f{n}",
            "at": when,
            "feature": feature,
            "user_id": who,
            "value": None,
            "name": "",
            **what,
            "kind": int(what["kind"]),
        }
        for n, (when, what, feature, who) in enumerate(draw(heard))
    ]
    events = st.lists(
        st.tuples(at, st.sampled_from(list(UserEvent)), st.sampled_from(FEATURES), user, amounts(True, False)),
        max_size=10,
    )
    lived = [
        {"id": f"e{n}", "at": when, "event": int(event), "feature": feature, "user_id": who, "is_control": is_control}
        for n, (when, event, feature, who, is_control) in enumerate(draw(events))
    ]
    months = {f"{where.day - ago * DAY:%Y-%m}": 40.0 + ago % 7 for ago in range(-5, 130)}
    tiers = draw(st.sampled_from([{}, {"free": 0.25}, {"free": 0.25, "pro": 0.5}]))
    return where, Life(stream, feedback, lived, months, where.zone, tiers)


def _priced(call: dict[str, Any]) -> dict[str, Any]:
    """Cached tokens are no more than all; what has tokens and no cost has no price."""
    has_tokens = call["input_tokens"] is not None
    source = (
        CostSource.CATALOGUE
        if call["cost_nano"] is not None
        else CostSource.UNPRICED
        if has_tokens
        else CostSource.NONE
    )
    return {**call, "cached_input_tokens": (call["input_tokens"] or 0) // 2, "cost_source": int(source)}


def sent(where: Place, life: Life, now: datetime) -> Project:
    """All of it in a project of its own, rolled up."""
    slug = f"every-{next(_numbers)}-{datetime.now(UTC).timestamp()}"
    project = Project.objects.create(slug=slug, name="Every", time_zone=where.zone, created_at=now - 120 * DAY)
    with project_scope(project.pk):
        enter_prices()
        provider_limits.enter(Limit("openai", "", REQUESTS_LIMIT, TOKENS_LIMIT))
    life.send(project)
    roller.roll(now, only=[project.pk], everything=True)
    return project


def expected(oracle: Oracle, life: Life, window: Window, feature: str | None) -> float:
    """What plain counting says; not a number where it divides by nothing."""
    try:
        with np.errstate(invalid="ignore"):
            found = float(oracle(life, window, feature))
    except ZeroDivisionError:
        return math.nan
    return found if math.isfinite(found) else math.nan


@pytest.fixture
def any_sample() -> Any:
    """Every number is told, however few it comes from."""
    with pytest.MonkeyPatch.context() as patch:
        for name, metric in METRICS.items():
            patch.setitem(METRICS, name, replace(metric, minimum_sample=1))
        yield


@settings(
    derandomize=True, max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(drawn=lives())
def test_small_streams_on_edges_are_what_plain_counting_gives(any_sample: None, drawn: tuple[Place, Life]) -> None:
    where, life = drawn
    now = day_start(where.day + 3 * DAY, where.zone) + 5 * HOUR
    project = sent(where, life, now)
    windows = (
        Window(where.midnight, day_start(where.day + DAY, where.zone)),
        Window(day_start(where.day - 30 * DAY, where.zone), day_start(where.day + 2 * DAY, where.zone)),
    )
    wrong = []
    with project_scope(project.pk):
        reader = series.Reader(now)
        for window, feature in itertools.product(windows, (None, "write-draft")):
            for name, oracle in ORACLES.items():
                if feature and feature not in {row["feature"] for row in life.stream.interactions}:
                    continue
                if feature and METRICS[name].filtered_by is FilteredBy.PROJECT:
                    with pytest.raises(BadWindow, match="the whole project's"):
                        reader.reading(name, window, feature=feature)
                    continue
                reading = reader.reading(name, window, feature=feature)
                plain = expected(oracle, life, window, feature)
                # What is unknown has nothing to be counted: none, or nothing to divide by.
                told = (
                    0.0
                    if reading.value is None and plain == 0
                    else math.nan
                    if reading.value is None
                    else reading.value
                )
                off = (
                    0.01
                    if name in stream_oracles.WITHIN_ONE_PERCENT
                    else 1e-6
                    if METRICS[name].unit == "score"
                    else 1e-9
                )
                if told != pytest.approx(plain, rel=off, abs=1e-12, nan_ok=True):
                    wrong.append((name, feature, window, reading, plain))
    assert wrong == []
