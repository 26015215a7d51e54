"""What the replay is made of: real answers, promised numbers, the API's shape, and the same again at every run."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest

from dashboards.demo import plan
from dashboards.demo.prices import PRICES, UNPRICED_MODEL
from dashboards.demo.scenario import (
    FEATURES,
    INTERACTIONS,
    MAIN_FEATURE,
    MODELS,
    STRONG_MODEL,
    USERS,
    WEAK_MODEL,
    model_shares,
)
from tests.dashboards.demo_days import EVERY_WEEKDAY, Days, answers, days

NOW = EVERY_WEEKDAY[3]


@pytest.fixture
def seen() -> Days:
    return days(NOW)


def test_prompt_output_model_and_score_are_those_of_a_real_answer(seen: Days) -> None:
    real = {answer.id: answer for answer in answers()}
    for each in seen.replay.interactions:
        answer = real[each["metadata"]["answer"]]
        assert (each["prompt"], each["model"]) == (answer.prompt, answer.model)
        assert each["metadata"]["judge_score"] == answer.judge_score
        assert each.get("output") == (answer.output if each["status"] == "ok" else None)


def test_a_thumb_follows_the_score_and_an_answer_without_a_score_has_none(seen: Days) -> None:
    said = {each["interaction_id"]: each["value"] for each in seen.replay.feedback if each["kind"] == "thumb"}
    scores = {each["id"]: each["metadata"]["judge_score"] for each in seen.replay.interactions}
    models = {each["id"]: each["model"] for each in seen.replay.interactions}
    assert said
    for about, value in said.items():
        assert scores[about] is not None
        assert (value == "up") == (scores[about] >= 7) or scores[about] == 6
        assert models[about] not in {"gpt-4", "vicuna-13b-v1.5", "vicuna-7b-v1.5"}


@pytest.mark.parametrize("now", EVERY_WEEKDAY, ids=lambda now: f"{now:%A}")
def test_there_are_about_fourteen_thousand_calls_three_quarters_of_them_in_the_main_feature(now: datetime) -> None:
    calls = [each for each in days(now).replay.interactions if days(now).day_of[each["id"]] <= 60]
    assert len(calls) == pytest.approx(INTERACTIONS, abs=40)
    main = [each for each in calls if each["feature"] == MAIN_FEATURE]
    assert len(main) == pytest.approx(0.75 * len(calls), abs=3)
    assert {each["model"] for each in calls} == set(MODELS)


def test_sixty_of_a_hundred_main_calls_are_rated_every_day(seen: Days) -> None:
    for number in range(1, 60):
        day = seen.of[MAIN_FEATURE, number]
        assert day.kinds["thumb"] / len(day.interactions) == pytest.approx(0.6, abs=0.06)


def test_models_have_their_shares_every_day(seen: Days) -> None:
    for feature in FEATURES:
        for number in range(1, 61):
            calls = seen.of[feature.name, number].interactions
            counts = Counter(each["model"] for each in calls)
            for model, share in model_shares(feature, number).items():
                assert abs(counts[model] - share * len(calls)) < 3


def test_nineteen_points_move_in_eight_equal_steps() -> None:
    (main,) = (feature for feature in FEATURES if feature.name == MAIN_FEATURE)
    assert [round(model_shares(main, day)[STRONG_MODEL], 5) for day in (1, 44, 45, 48, 52, 60, 200)] == [
        *(0.31, 0.31, 0.28625, 0.215, 0.12, 0.12, 0.12)
    ]
    assert [round(model_shares(main, day)[WEAK_MODEL], 5) for day in (1, 44, 45, 48, 52, 60)] == [
        *(0.02, 0.02, 0.04375, 0.115, 0.21, 0.21)
    ]
    for feature in FEATURES:
        assert all(sum(model_shares(feature, day).values()) == pytest.approx(1) for day in (1, 47, 60))


def test_every_model_is_met_in_a_features_first_week(seen: Days) -> None:
    for feature in FEATURES:
        first_week = {each["model"] for number in range(1, 8) for each in seen.of[feature.name, number].interactions}
        assert first_week == set(feature.models)


def test_latencies_keep_the_budgets_of_their_feature_type(seen: Days) -> None:
    budgets = {"inline": (500, 1_500), "on_demand": (3_000, 8_000), "background": (30_000, 90_000)}
    for feature in FEATURES:
        latencies = sorted(
            each["latency_ms"] for number in range(1, 61) for each in seen.of[feature.name, number].interactions
        )
        half, most = budgets[feature.type]
        assert latencies[len(latencies) // 2] < 0.75 * half
        assert latencies[int(len(latencies) * 0.95)] < 0.75 * most


def test_work_has_a_weekly_and_a_daily_rhythm(seen: Days) -> None:
    times = [datetime.fromisoformat(each["occurred_at"]) for each in seen.replay.interactions]
    weekdays = Counter(at.weekday() for at in times)
    hours = Counter(at.hour for at in times)
    assert max(weekdays[5], weekdays[6]) < 0.6 * min(weekdays[number] for number in range(5))
    assert hours[10] > 10 * hours[3]


def test_users_are_many_and_a_few_of_them_work_much_more_than_most(seen: Days) -> None:
    calls = sorted(Counter(each["user_id"] for each in seen.replay.interactions).values(), reverse=True)
    assert 0.9 * USERS < len(calls) <= USERS
    assert sum(calls[: len(calls) // 10]) > 0.25 * sum(calls)
    assert sum(calls[len(calls) // 2 :]) < 0.2 * sum(calls)


def test_nothing_lies_in_the_future_and_feedback_comes_after_its_answer(seen: Days) -> None:
    at = {each["id"]: datetime.fromisoformat(each["occurred_at"]) for each in seen.replay.interactions}
    heard = [(each, datetime.fromisoformat(each["occurred_at"])) for each in seen.replay.feedback]
    assert max(at.values()) <= NOW
    assert all(at[each["interaction_id"]] < when <= NOW for each, when in heard)
    late = [when - at[each["interaction_id"]] > timedelta(hours=24) for each, when in heard]
    assert 0 < sum(late) < 0.03 * len(late)


def test_nobody_escalates_and_nobody_announces_the_shift(seen: Days) -> None:
    assert "escalation" not in {each["kind"] for each in seen.replay.feedback}
    kinds = Counter(each["kind"] for each in seen.replay.changes)
    assert kinds == {"deploy": 2, "prompt": 1, "campaign": 1}
    assert all(abs(seen.number(each["occurred_at"]) - 48) > 8 for each in seen.replay.changes)


def test_the_same_start_gives_the_same_records_and_later_only_more(seen: Days) -> None:
    before = seen.replay
    later = plan.replay(seen.start, NOW + timedelta(days=3, hours=5), answers())
    for kind in ("interactions", "feedback", "costs", "changes", "users", "figures", "voices"):
        known = {each["id"]: each for each in getattr(before, kind)}
        assert len(known) == len(getattr(before, kind))
        kept = {each["id"]: each for each in getattr(later, kind)}
        # Most users get a feature on the first days, which a later run leaves out.
        assert len(known.keys() & kept.keys()) > (0.2 if kind == "users" else 0.9) * len(known)
        assert all(known[name] == kept[name] for name in known.keys() & kept.keys())


def test_the_company_knows_who_is_without_and_what_it_earns(seen: Days) -> None:
    events = Counter(each["event"] for each in seen.replay.users)
    callers = {(each["user_id"], each["feature"]) for each in seen.replay.interactions}
    assert events["activated"] == len(callers) + sum(each["id"].startswith("demo-tried") for each in seen.replay.users)
    assert events["seen"] == sum(each.get("is_control", False) for each in seen.replay.users) > 100
    assert 0 < events["opted_out"] < 0.1 * events["activated"]
    kinds = Counter(each["kind"] for each in seen.replay.voices)
    assert set(kinds) == {"nps", "survey", "ticket"}
    assert 10 < kinds["ticket"] < 60
    assert all(datetime.fromisoformat(each["occurred_at"]) <= NOW for each in seen.replay.voices)
    months = {each["month"] for each in seen.replay.figures if each["name"] == "active_users"}
    assert months == {(seen.start + timedelta(days=number)).isoformat()[:7] for number in range(61)}


def test_a_later_run_sends_nothing_older_than_sixty_days() -> None:
    until = NOW + timedelta(days=40)
    later = plan.replay(plan.first_day(NOW.date()), until, answers())
    oldest = (until - timedelta(days=60)).date().isoformat()
    assert min(str(each["occurred_at"]) for each in later.interactions)[:10] == oldest
    assert max(str(each["occurred_at"]) for each in later.interactions)[:10] == until.date().isoformat()


def test_a_run_just_after_midnight_has_sixty_full_days_and_hardly_a_call_of_today() -> None:
    seen = days(datetime(2026, 11, 16, 0, 7, tzinfo=UTC))
    numbers = Counter(seen.day_of.values())
    assert set(range(1, 61)) <= set(numbers)
    assert numbers[61] < 5


def test_every_day_is_billed_whole_the_one_under_way_too(seen: Days) -> None:
    costs = seen.replay.costs
    begun = [datetime.fromisoformat(each["period_from"]) for each in costs if each["component"] == "infrastructure"]
    assert begun == [datetime.combine(seen.start, time(), UTC) + timedelta(days=number) for number in range(61)]
    assert max(datetime.fromisoformat(each["period_to"]) for each in costs) == begun[-1] + timedelta(days=1) > NOW
    assert Counter(each["component"] for each in costs) == {"infrastructure": 61, "moderation": 61 * len(FEATURES)}


def test_nine_of_the_ten_models_in_no_price_list_have_a_price_of_ours() -> None:
    from genai_prices import Usage, calc_price

    unlisted = set()
    for name, model in MODELS.items():
        try:
            calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=name, provider_id=model.provider)
        except LookupError:
            unlisted.add(name)
    assert len(unlisted) == 10
    assert {price.model for price in PRICES} == unlisted - {UNPRICED_MODEL}
