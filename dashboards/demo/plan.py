"""The whole replay as records in the shape of the HTTP API. Pure: the same start gives the same records, byte for byte.

Day 1 is the start, sixty days before the day on which the demo was first asked for; day 60 is the last full day then.
A later run, with the same start and a later `until`, repeats what was sent and adds what has come due since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from dashboards.demo.answers import Answer
from dashboards.demo.calls import Call, Line
from dashboards.demo.people import Crowd
from dashboards.demo.reactions import Reactions, Record
from dashboards.demo.rhythm import CAMPAIGN_DAYS, Volume
from dashboards.demo.scenario import DAYS, FAILURE_MESSAGES, FEATURES, MAIN_FEATURE, MODELS
from dashboards.demo.society import Society, figures

_INFRASTRUCTURE_USD = "2.40"
_MODERATION_USD_PER_CALL = 0.0004
_FIRST_RELEASE = "4.2.0"
# day, hour, release
_RELEASES = ((12, 10, "4.3.0"), (36, 9, "4.4.0"))
_FIRST_PROMPT_VERSION = "7"
_NEW_PROMPT_DAY, _NEW_PROMPT_HOUR, _NEW_PROMPT_VERSION = 23, 13, "8"


@dataclass
class Replay:
    """What to post, by path of the API, oldest first."""

    interactions: list[Record] = field(default_factory=list)
    feedback: list[Record] = field(default_factory=list)
    costs: list[Record] = field(default_factory=list)
    changes: list[Record] = field(default_factory=list)
    users: list[Record] = field(default_factory=list)
    figures: list[Record] = field(default_factory=list)
    voices: list[Record] = field(default_factory=list)
    """Feedback about no single interaction."""

    def posts(self) -> list[tuple[str, list[Record]]]:
        """Kind → its records, interactions before what was said about them."""
        kinds = ("changes", "users", "figures", "interactions", "feedback", "costs")
        return [*((kind, getattr(self, kind)) for kind in kinds), ("feedback", self.voices)]


def first_day(asked_on: date) -> date:
    """Tell the date of day 1 for a demo first asked for on a day."""
    return asked_on - timedelta(days=DAYS)


def moment(start: date, day: int, hour: float = 0) -> datetime:
    """Tell an instant of the replay: an hour of a day, UTC."""
    return datetime.combine(start, time(), UTC) + timedelta(days=day - 1, hours=hour)


def replay(start: date, until: datetime, answers: Sequence[Answer]) -> Replay:
    """Plan everything that happened from `start` up to `until`, but nothing older than sixty days before that day."""
    found = Replay(changes=[change for change in _changes(start) if _at(change) <= until])
    oldest = datetime.combine(first_day(until.astimezone(UTC).date()), time(), UTC)
    reactions = {feature.name: Reactions(feature) for feature in FEATURES}
    company = Society(start)
    for day, calls in _days(start, until, answers):
        found.users.extend(company.events(day, calls))
        found.voices.extend(company.said(day, calls))
        heard = [(call, list(reactions[call.feature.name].to(call))) for call in calls]
        if moment(start, day) < oldest:
            continue
        for call, said in heard:
            if call.answered_at <= until:
                found.interactions.append(_interaction(call, start))
                found.feedback.extend(record for record in said if _at(record) <= until)
        found.costs.extend(_costs(start, day, calls))
    found.figures = list(figures(oldest.date(), until.astimezone(UTC).date()))
    for name in ("changes", "users", "voices"):
        setattr(found, name, [record for record in getattr(found, name) if oldest <= _at(record) <= until])
    for _, records in found.posts():
        _write_times(records)
    return found


def _days(start: date, until: datetime, answers: Sequence[Answer]) -> Iterator[tuple[int, list[Call]]]:
    volume = Volume(start, {feature.name: feature.share for feature in FEATURES})
    crowd = Crowd(start)
    lines = {feature.name: Line(feature, answers) for feature in FEATURES}
    day = 1
    while moment(start, day) <= until:
        numbers = dict.fromkeys(lines, 0)
        calls = []
        for slot in crowd.slots(day, volume.counts(day)):
            numbers[slot.feature] += 1
            calls.append(lines[slot.feature].call(slot, day, numbers[slot.feature]))
        yield day, calls
        day += 1


def _interaction(call: Call, start: date) -> Record:
    slot, answer = call.slot, call.answer
    record: Record = {
        "id": call.id,
        "occurred_at": slot.at,
        "feature": call.feature.name,
        "prompt": answer.prompt,
        "model": answer.model,
        "provider": MODELS[answer.model].provider,
        "latency_ms": call.latency_ms,
        "input_tokens": answer.input_tokens,
        "user_id": slot.user.id,
        "session_id": slot.session_id,
        "segment": slot.user.segment,
        "tier": slot.user.tier,
        "region": slot.user.region,
        "environment": "production",
        "release": _release(slot.at, start),
        "prompt_name": call.feature.name,
        "prompt_version": _prompt_version(call, start),
        "metadata": {"answer": answer.id, "judge_score": answer.judge_score},
    }
    if answer.language:
        record["language"] = answer.language
    return record | (_failure(call.failure) if call.failure else _success(call))


def _success(call: Call) -> Record:
    kept: Record = {"cache": "exact", "cost_usd": "0"} if call.is_cached else {}
    return kept | {
        "status": "ok",
        "output": call.answer.output,
        "output_tokens": call.answer.output_tokens,
        "time_to_first_token_ms": call.time_to_first_token_ms,
    }


def _failure(error_class: str) -> Record:
    return {
        "status": "error",
        "error_class": error_class,
        "error_message": FAILURE_MESSAGES[error_class],
        "output_tokens": 0,
    }


def _release(at: datetime, start: date) -> str:
    passed = [release for day, hour, release in _RELEASES if moment(start, day, hour) <= at]
    return passed[-1] if passed else _FIRST_RELEASE


def _prompt_version(call: Call, start: date) -> str:
    is_new = call.feature.name == MAIN_FEATURE and call.slot.at >= moment(start, _NEW_PROMPT_DAY, _NEW_PROMPT_HOUR)
    return _NEW_PROMPT_VERSION if is_new else _FIRST_PROMPT_VERSION


def _costs(start: date, day: int, calls: Sequence[Call]) -> Iterator[Record]:
    """What a day is billed, whole, as soon as it begins: a day under way is no cheaper for it."""
    begin, end = moment(start, day), moment(start, day + 1)
    yield {
        "id": f"demo-{begin:%Y%m%d}-infrastructure",
        "component": "infrastructure",
        "amount_usd": _INFRASTRUCTURE_USD,
        "period_from": begin,
        "period_to": end,
        "description": "servers and vector store, by the day",
    }
    for feature in FEATURES:
        count = sum(call.feature is feature for call in calls)
        yield {
            "id": f"demo-{begin:%Y%m%d}-moderation-{feature.name}",
            "component": "moderation",
            "amount_usd": f"{_MODERATION_USD_PER_CALL * count:.4f}",
            "period_from": begin,
            "period_to": end,
            "feature": feature.name,
            "description": "moderation of the day's answers",
        }


def _changes(start: date) -> Iterator[Record]:
    """What the imagined team announced. It did not announce the shift of models: the product has to notice that."""
    for day, hour, release in _RELEASES:
        yield _change(start, day, hour, {"kind": "deploy", "title": f"Release {release}", "version": release})
    yield _change(
        start,
        _NEW_PROMPT_DAY,
        _NEW_PROMPT_HOUR,
        {
            "kind": "prompt",
            "title": f"Prompt {MAIN_FEATURE} v{_NEW_PROMPT_VERSION}",
            "feature": MAIN_FEATURE,
            "version": _NEW_PROMPT_VERSION,
        },
    )
    yield _change(
        start,
        CAMPAIGN_DAYS[0],
        7,
        {"kind": "campaign", "title": "Newsletter to 2,000 customers", "note": "a fifth more calls for two days"},
    )


def _change(start: date, day: int, hour: int, content: Record) -> Record:
    at = moment(start, day, hour)
    return {"id": f"demo-{at:%Y%m%d}-{content['kind']}", "occurred_at": at, **content}


def _at(record: Record) -> datetime:
    return cast(datetime, record["occurred_at"])


def _write_times(records: list[Record]) -> None:
    for record in records:
        for name, value in record.items():
            if isinstance(value, datetime):
                record[name] = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
