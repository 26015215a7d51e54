"""What users made of an answer: thumbs from the real scores; corrections, outcomes and the rest by fixed shares."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from dashboards.demo.calls import Call
from dashboards.demo.quotas import Coin, Quota, seeded
from dashboards.demo.scenario import FLAGS, Feature
from dashboards.demo.texts import edited

Record = dict[str, object]

_NONE = "none"
_TYPICAL_DELAY_S = 400
_HOURS_LATER = 0.04
_DAYS_LATER = 0.01
_HOUR_S = 3_600


class Reactions:
    """The feedback of one feature's calls. Shares hold as in `Line`: a fall in one rate must not drag others along."""

    def __init__(self, feature: Feature) -> None:
        self._feature = feature
        self._rng = seeded(f"reactions to {feature.name}")
        self._copied, self._evaluated = Coin(self._rng), Coin(self._rng)
        self._corrected, self._flags = Quota(self._rng), Quota(self._rng)
        self._accepted, self._outcomes = Quota(self._rng), Quota(self._rng)

    def to(self, call: Call) -> Iterator[Record]:
        """Yield the feedback on one call, each with its own time; none on a call that failed."""
        if call.failure:
            return
        if call.is_rated:
            yield self._said(call, "thumb", {"value": call.answer.thumb})
        if call.is_rated and call.answer.thumb == "down":
            yield from self._flagged(call)
        if self._corrected.draw(_with_rest({"corrected": self._feature.corrected})) != _NONE:
            yield self._said(call, "correction", {"final_text": edited(call.answer.output, self._rng)})
        yield from self._drawn(call, "acceptance", self._accepted, self._feature.accepted)
        yield from self._drawn(call, "outcome", self._outcomes, self._feature.outcomes)
        if self._copied.toss(self._feature.copied):
            yield self._said(call, "implicit", {"value": "copy"})
        if call.answer.judge_score is not None and self._evaluated.toss(self._feature.evaluated):
            yield self._evaluation(call)

    def _flagged(self, call: Call) -> Iterator[Record]:
        category = self._flags.draw(_with_rest(FLAGS))
        if category != _NONE:
            yield self._said(call, "flag", {"category": category})

    def _drawn(self, call: Call, kind: str, quota: Quota, shares: Mapping[str, float]) -> Iterator[Record]:
        value = quota.draw(_with_rest(shares)) if shares else _NONE
        if value != _NONE:
            yield self._said(call, kind, {"value": value})

    def _evaluation(self, call: Call) -> Record:
        score: Record = {"name": "judge_score", "score": call.answer.judge_score, "evaluator": "arena-hard judge"}
        said = self._said(call, "evaluation", score)
        del said["user_id"]
        return said

    def _said(self, call: Call, kind: str, content: Record) -> Record:
        return {
            "id": f"{call.id}-{kind}",
            "interaction_id": call.id,
            "occurred_at": self._moment_after(call.answered_at),
            "user_id": call.slot.user.id,
            "kind": kind,
            **content,
        }

    def _moment_after(self, answered_at: datetime) -> datetime:
        """Most react within minutes, some the same day, a few days later, when the day's figures have long matured."""
        luck = self._rng.random()
        if luck < _DAYS_LATER:
            delay_s = self._rng.uniform(24 * _HOUR_S, 72 * _HOUR_S)
        elif luck < _DAYS_LATER + _HOURS_LATER:
            delay_s = self._rng.uniform(2 * _HOUR_S, 20 * _HOUR_S)
        else:
            delay_s = min(2 * _HOUR_S, 5 + _TYPICAL_DELAY_S * self._rng.lognormvariate(-0.5, 1.0))
        return answered_at + timedelta(seconds=round(delay_s))


def _with_rest(shares: Mapping[str, float]) -> dict[str, float]:
    return {**shares, _NONE: 1 - sum(shares.values())}
