"""Distributions against the values they were made of, and their answer over HTTP."""

import math
import random
from datetime import UTC, datetime
from itertools import pairwise

import httpx2
import pytest

from ingest.dimensions import CostSource, FeedbackKind
from ingest.projects.access import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, Window, floor
from observatory.metrics import roller, series
from observatory.metrics.definitions import METRICS
from observatory.metrics.distribution_api import PARAMETERS
from observatory.metrics.distributions import DISTRIBUTED, bins_of, shares_by_star
from observatory.metrics.layout import ZERO_BIN
from observatory.metrics.reading import State
from observatory.metrics.shelf import DIMENSIONS
from observatory.metrics.statistics import GAMMA, bucket_of
from tests.factories import interactions, verdicts

TODAY = floor(datetime.now(UTC), DAY)
WINDOW = Window(TODAY - 3 * DAY, TODAY - DAY)


@pytest.fixture(scope="module")
def values():
    chance = random.Random(7)
    return [0.0] * 3 + [round(math.exp(chance.gauss(6.5, 0.9)), 3) for _ in range(400)]


@pytest.fixture
def filled(project, values):
    rows = [
        {
            "at": TODAY - 2 * DAY + HOUR + n * MINUTE,
            "feature": "ab"[n % 4 == 0],
            "latency_ms": value,
            "cost_nano": round(value * 1_000),
            "cost_source": int(CostSource.CLIENT),
        }
        for n, value in enumerate(values)
    ]
    names = interactions(project, rows)
    rated = [
        {"interaction": name, "kind": int(FeedbackKind.RATING), "value": (0.0, 0.25, 0.5, 0.75, 1.0)[n % 5]}
        for n, name in enumerate(names[:100])
    ]
    verdicts(project, rated)
    roller.roll(datetime.now(UTC), only=[project.pk], everything=True)
    return project


def ask(project, name, **asked):
    with project_scope(project.pk):
        return series.distribution(name, asked.pop("window", WINDOW), now=datetime.now(UTC), **asked)


def counted(values, low, high):
    return sum(low == value == 0 or low < value <= high for value in values)


def test_every_bin_counts_the_values_between_its_edges(filled, values):
    for bins in (1000, 60, 7, 1):
        found = ask(filled, "latency_p95", bins=bins)
        assert (found.unit, found.state, found.n) == ("ms", State.OK, 403)
        assert [one.count for one in found.bins] == [counted(values, one.low, one.high) for one in found.bins]
        assert sum(one.count for one in found.bins) == 403
        assert (found.bins[0].low, found.bins[0].high) == (0, 0)
        assert 1 <= len(found.bins) - 1 <= bins
        edges = [edge for one in found.bins[1:] for edge in (one.low, one.high)]
        assert all(later >= edge * (1 - 1e-12) for edge, later in pairwise(edges))


def test_quantiles_are_those_of_the_values_within_one_per_cent(filled, values):
    ordered = sorted(values)
    for name, scale in (("latency_p50", 1), ("cost_per_call", 1e-6)):
        found = ask(filled, name)
        for share, reading in found.quantiles.items():
            true = ordered[max(1, math.ceil(share * 403 - 1e-9)) - 1] * scale
            assert reading.value == pytest.approx(true, rel=0.01)
            assert reading.interval[0] <= reading.value <= reading.interval[1]


def test_ratings_have_a_distribution_of_their_ripe_part(filled):
    found = ask(filled, "rating_mean")
    assert (found.unit, found.n) == ("ratio", 100)
    assert [one.count for one in found.bins] == [20] * 5
    assert [one.low < value <= one.high for one, value in zip(found.bins[1:], (0.25, 0.5, 0.75, 1.0), strict=True)] == [
        True
    ] * 4
    young = ask(filled, "rating_mean", window=Window(TODAY, TODAY + HOUR))
    assert (young.state, young.bins, young.quantiles) == (State.NO_DATA, (), {})
    assert found.judged == found.window == WINDOW


def test_few_values_have_no_outer_quantiles_and_none_no_distribution(filled):
    found = ask(filled, "latency_p50", window=Window(TODAY - 2 * DAY + HOUR, TODAY - 2 * DAY + HOUR + 12 * MINUTE))
    assert {share: reading.state for share, reading in found.quantiles.items()} == {
        share: State.OK if 0.1 <= share <= 0.9 else State.LEARNING for share in found.quantiles
    }
    assert ask(filled, "ttft_p50").state is State.NOT_INSTRUMENTED
    assert ask(filled, "latency_p50", feature="b").n == 101
    with pytest.raises(series.BadWindow, match="calls has no distribution; latency_p50"):
        ask(filled, "calls")


def test_joined_bins_of_two_windows_have_the_same_edges():
    first, second = {bucket_of(value): 1 for value in (3, 40, 500)}, {bucket_of(value): 1 for value in (2.9, 41, 480)}
    joined = [{(one.low, one.high) for one in bins_of(counts, 1.0, 20)} for counts in (first, second)]
    steps = {round(math.log(high / low, GAMMA)) for edges in joined for low, high in edges}
    assert len(steps) == 1
    grid = {round(math.log(high, GAMMA)) % next(iter(steps)) for edges in joined for _, high in edges}
    assert grid == {0}
    assert bins_of({ZERO_BIN: 4}, 1.0)[0].count == 4
    assert bins_of({}, 1.0) == ()


def test_over_http_it_says_the_same_and_lists_what_is_allowed(filled, web, key):
    def get(path, **parameters):
        return httpx2.get(f"{web}/api/v1/metrics/{path}", params=parameters, headers={"x-api-key": key})

    asked = {"from": WINDOW.start.isoformat(), "to": WINDOW.end.isoformat()}
    body = get("latency_p95/distribution", bins="7", **asked).json()
    found = ask(filled, "latency_p95", bins=7)
    assert [one["count"] for one in body["bins"]] == [one.count for one in found.bins]
    assert (body["unit"], body["n"], body["state"], len(body["quantiles"])) == ("ms", 403, "ok", 7)
    for path, parameters, status, allowed in (
        ("calls/distribution", {}, 400, list(DISTRIBUTED)),
        ("mood/distribution", {}, 404, list(METRICS)),
        ("latency_p95/distribution", {"bins": "0"}, 400, ["a whole number from 1 to 1000"]),
        ("latency_p95/distribution", {"grain": "1d"}, 400, list(PARAMETERS)),
        ("latency_p95", {"group_by": "mood"}, 400, list(DIMENSIONS)),
        ("latency_p95", {"time_zone": "Mars/Base"}, 400, None),
        ("latency_p95", {"time_zone": "../../etc/passwd"}, 400, None),
        ("latency_p95", {"time_zone": "Europe"}, 400, None),
        ("latency_p95", {"compare": "luck"}, 400, ["previous", "weekday", "baseline", "baseline:NAME"]),
        ("latency_p95", {"grain": "1y"}, 400, ["auto", "1m", "15m", "1h", "1d"]),
        ("latency_p95", {"window": "1y"}, 400, ["today", "week", "month", "15m", "24h", "7d"]),
    ):  # fmt: skip
        answer = get(path, **parameters)
        told = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        assert (told["allowed"] == allowed) if allowed else told["allowed"], (path, parameters)


def test_a_pinned_baseline_may_be_named(filled, web, key):
    asked = {"window": "7d", "compare": "baseline:canary", "feature": "a"}
    answer = httpx2.get(f"{web}/api/v1/metrics/latency_p95", params=asked, headers={"x-api-key": key})
    assert "no baseline of this name" in answer.json()["detail"]  # there is none of this name: it was looked for


def test_a_time_zone_says_whose_today_is_meant(filled, web, key):
    starts = {}
    for zone in ("UTC", "Asia/Kathmandu", "America/St_Johns"):
        body = httpx2.get(
            f"{web}/api/v1/metrics/calls", params={"window": "today", "time_zone": zone}, headers={"x-api-key": key}
        ).json()
        starts[zone] = datetime.fromisoformat(body["from"])
    assert starts["UTC"].hour == starts["UTC"].minute == 0
    assert (starts["Asia/Kathmandu"].hour, starts["Asia/Kathmandu"].minute) == (18, 15)
    assert starts["America/St_Johns"].minute == 30


def test_a_window_that_lies_ahead_says_so(web, key):
    ahead = {"from": (TODAY + 5 * DAY).isoformat(), "to": (TODAY + 6 * DAY).isoformat()}
    answer = httpx2.get(f"{web}/api/v1/metrics/calls", params=ahead, headers={"x-api-key": key})
    assert (answer.status_code, "from lies in the future" in answer.json()["detail"]) == (400, True)


def ratings(*values):
    """The bins that are kept of single ratings."""
    places = [bucket_of(value) if value else ZERO_BIN for value in values]
    return bins_of({place: places.count(place) for place in places}, 1.0, 1_000)


@pytest.mark.parametrize("scale", [5, 10, 20])
def test_ratings_of_any_scale_fall_on_their_star(scale):
    for value in range(scale + 1):
        star = max(1, -(-value * 5 // scale))
        assert shares_by_star(ratings(value / scale)) == [float(number == star) for number in range(1, 6)], value


def test_stars_are_shares_of_all_ratings():
    assert shares_by_star(ratings(1.0, 1.0, 0.2, 0.0, 0.6)) == [0.4, 0.0, 0.2, 0.0, 0.4]
    assert shares_by_star([]) == [0.0] * 5
