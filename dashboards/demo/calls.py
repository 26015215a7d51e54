"""The calls of one feature: which model gives which real answer, how long it takes, and when it fails."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboards.demo.answers import Answer, Thumb
from dashboards.demo.people import Slot
from dashboards.demo.prices import UNPRICED_MODEL
from dashboards.demo.quotas import Coin, Deck, Quota, seeded
from dashboards.demo.scenario import FAILURES, MODELS, Feature, model_shares

# Prompts are dealt from this many groups by length, in turn, so that no day gets the long ones by luck.
_LENGTH_GROUPS = 6
_LATENCY_SCATTER = 0.28
_OK = "ok"
# An answer that was kept comes at once: the look-up, and a little of what asking anew would have taken.
_LOOKED_UP_MS, _QUICKER = 20, 50

_Pool = tuple[str, Thumb | None, int]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it was made. `is_rated` calls have an answer with a thumb; `is_cached` ones an answer given before."""

    id: str
    slot: Slot
    feature: Feature
    answer: Answer
    failure: str | None
    latency_ms: int
    time_to_first_token_ms: int | None
    is_rated: bool
    is_cached: bool = False

    @property
    def answered_at(self) -> datetime:
        """When the user had the whole answer."""
        return self.slot.at + timedelta(milliseconds=self.latency_ms)


class Shelf:
    """A feature's real answers, dealt by model, thumb and length of the prompt."""

    def __init__(self, answers: Sequence[Answer], rng: random.Random) -> None:
        lengths = sorted({answer.prompt: answer.input_tokens for answer in answers}.values())
        self._cuts = [lengths[len(lengths) * group // _LENGTH_GROUPS] for group in range(1, _LENGTH_GROUPS)]
        pools: dict[_Pool, list[Answer]] = defaultdict(list)
        for answer in answers:
            group = sum(answer.input_tokens >= cut for cut in self._cuts)
            pools[answer.model, None, group].append(answer)
            if answer.thumb:
                pools[answer.model, answer.thumb, group].append(answer)
        self._decks = {pool: Deck(cards, rng) for pool, cards in pools.items()}
        self.up_shares = _up_shares(answers)

    def deal(self, model: str, thumb: Thumb | None, group: int) -> Answer:
        """Deal an answer of a model, with that thumb where one is given, to a prompt of that length or the nearest."""
        nearest = sorted(range(_LENGTH_GROUPS), key=lambda other: abs(other - group))
        return next(self._decks[pool].deal() for other in nearest if (pool := (model, thumb, other)) in self._decks)


def _up_shares(answers: Sequence[Answer]) -> dict[str, float]:
    thumbs: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        if answer.thumb:
            thumbs[answer.model].append(answer.thumb == "up")
    return {model: sum(ups) / len(ups) for model, ups in thumbs.items()}


class Line:
    """One feature's calls, dealt in order of time. Shares hold in every stretch of the stream, so no day is luck."""

    def __init__(self, feature: Feature, answers: Sequence[Answer]) -> None:
        self._feature = feature
        self._rng = seeded(feature.name)
        self._shelf = Shelf([answer for answer in answers if feature.serves(answer)], self._rng)
        self._models, self._statuses, self._lengths = Quota(self._rng), Quota(self._rng), Quota(self._rng)
        self._rated, self._ups = Coin(self._rng), Coin(self._rng)
        self._cached = Quota(seeded(f"cache of {feature.name}"))
        self._groups = {str(group): 1 / _LENGTH_GROUPS for group in range(_LENGTH_GROUPS)}
        self._status_shares = {**FAILURES, _OK: 1 - sum(FAILURES.values())}

    def call(self, slot: Slot, day: int, number: int) -> Call:
        """Fill a slot. `number` counts the feature's calls of that day from 1; with the date it makes the call's id."""
        shares = model_shares(self._feature, day)
        model = self._models.draw(shares)
        status = self._statuses.draw(self._status_shares)
        is_rated = status == _OK and self._is_rated(model, shares)
        thumb = self._thumb(model) if is_rated else None
        answer = self._shelf.deal(model, thumb, int(self._lengths.draw(self._groups)))
        latency_ms = self._latency_ms(answer, status)
        is_cached = self._is_cached(model, status)
        if is_cached:
            latency_ms = _LOOKED_UP_MS + latency_ms // _QUICKER
        return Call(
            id=f"demo-{slot.at:%Y%m%d}-{self._feature.name}-{number:04d}",
            slot=slot,
            feature=self._feature,
            answer=answer,
            failure=None if status == _OK else status,
            latency_ms=latency_ms,
            time_to_first_token_ms=self._first_token_ms(latency_ms) if status == _OK else None,
            is_rated=is_rated,
            is_cached=is_cached,
        )

    def _is_cached(self, model: str, status: str) -> bool:
        """Every so many calls of a model with a price repeat a question; one that fails was not looked up."""
        share = self._feature.cached if model != UNPRICED_MODEL else 0.0
        return status == _OK and self._cached.draw({"yes": share, "no": 1 - share}) == "yes"

    def _is_rated(self, model: str, shares: dict[str, float]) -> bool:
        """Toss for a rating, so that the feature's share of *all* its calls is rated although some can not be."""
        ratable = sum(share for name, share in shares.items() if name in self._shelf.up_shares)
        if model not in self._shelf.up_shares:
            return False
        return self._rated.toss(self._feature.rated / ratable / self._status_shares[_OK], model)

    def _thumb(self, model: str) -> Thumb:
        return "up" if self._ups.toss(self._shelf.up_shares[model], model) else "down"

    def _latency_ms(self, answer: Answer, status: str) -> int:
        feature, scatter = self._feature, self._rng.lognormvariate(0, _LATENCY_SCATTER)
        if status == "timeout":
            return feature.timeout_ms
        if status != _OK:
            return round(feature.base_ms * scatter)
        return round((feature.base_ms + feature.token_ms * answer.output_tokens * MODELS[answer.model].pace) * scatter)

    def _first_token_ms(self, latency_ms: int) -> int:
        return round(min(latency_ms, self._feature.base_ms * self._rng.lognormvariate(-0.2, _LATENCY_SCATTER)))
