"""Changes nobody announced: a model that appears, and a model whose share of a feature's calls shifts.

All of it is a pure function of a feature's calls by model and local day: the roller may ask again whenever a day
changes and put the answer in the place of the last one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

Calls = Mapping[str, int]
"""Calls by model; models without calls may be left out."""

Daily = Mapping[date, Calls]
"""The calls of each closed local day; days without calls may be left out."""

FIRST_CALLS = 20
FIRST_SHARE = 0.01
"""A model has appeared on the first day on which it has this many calls or this share of them."""

WEEK = 7
SHIFT = 0.10
COUNTER_SHIFT = 0.05
SHIFT_ERRORS = 4.0
"""A share has shifted between two weeks by SHIFT and this many standard errors; whatever moved by COUNTER_SHIFT and as
many errors at the same time is named with it."""

NAMED_MOVES = 4
"""So many models are named in one sentence, those with the largest moves."""


class NoticedKind(StrEnum):
    """What was noticed."""

    APPEARED = "appeared"
    SHIFTED = "shifted"


@dataclass(frozen=True, slots=True)
class Move:
    """A model's share of the calls before and after, 0–1."""

    model: str
    share_before: float
    share_now: float

    @property
    def size(self) -> float:
        """The change of the share; positive when it rose."""
        return self.share_now - self.share_before


@dataclass(frozen=True, slots=True)
class Noticed:
    """One change of the models behind a feature.

    `day` is when it happened as far as the calls tell; it and the shares may still move while the shift goes on.
    `noticed_on` is the first day whose calls show it and stays. `moves` has every model concerned, falling ones first;
    `model` and its shares are those of the one that rose most, or else fell most. `reason` is the sentence for people.
    """

    kind: NoticedKind
    model: str
    day: date
    noticed_on: date
    share_before: float
    share_now: float
    moves: tuple[Move, ...]
    reason: str

    @property
    def key(self) -> str:
        """The same text for the same change of a feature however often it is noticed."""
        return f"{self.kind}:{self.model if self.kind is NoticedKind.APPEARED else self.noticed_on.isoformat()}"


@dataclass(slots=True)
class _Episode:
    """Days on which one model's share differs from the week before in the same direction, and the most telling one."""

    model: str
    sign: float
    first: date
    last: date
    peak: date
    largest: float = 0.0


def noticed(daily: Daily, first_day: date) -> list[Noticed]:
    """The changes of one feature in order of their day; none in the WEEK days from `first_day`, its first one."""
    found = [*_appeared(daily, first_day), *_shifted(daily, first_day)]
    return sorted(found, key=lambda change: (change.day, change.key))


def _appeared(daily: Daily, first_day: date) -> Iterator[Noticed]:
    """The first day of each model that counts as being in use."""
    known: set[str] = set()
    for day in sorted(daily):
        total = sum(daily[day].values())
        for model, calls in sorted(daily[day].items()):
            if model in known or calls == 0 or (calls < FIRST_CALLS and calls < FIRST_SHARE * total):
                continue
            known.add(model)
            if day < first_day + timedelta(days=WEEK):
                continue
            move = Move(model, _share(_week_until(daily, day - timedelta(days=1)), model), calls / total)
            reason = f"{model} appeared: {calls} of {total} calls that day"
            yield Noticed(NoticedKind.APPEARED, model, day, day, move.share_before, move.share_now, (move,), reason)


def _shifted(daily: Daily, first_day: date) -> Iterator[Noticed]:
    """One change for all models whose shares shift at the same time: what one gains, another loses."""
    weeks = _weeks(daily, first_day)
    models = {model for calls in daily.values() for model in calls}
    waiting = sorted(
        (episode for model in models for episode in _episodes(weeks, model)),
        key=lambda episode: (episode.first, episode.model),
    )
    while waiting:
        group: dict[str, _Episode] = {}
        for episode in waiting:
            if episode.first <= waiting[0].last:
                group.setdefault(episode.model, episode)
        waiting = [episode for episode in waiting if group.get(episode.model) is not episode]
        yield _together(weeks, list(group.values()))


def _weeks(daily: Daily, first_day: date) -> dict[date, Calls]:
    """The calls of the WEEK days that end on each day, for all weeks that lie after the first day."""
    if not daily:
        return {}
    ends = range((max(daily) - first_day).days + 1)[WEEK - 1 :]
    return {(end := first_day + timedelta(days=number)): _week_until(daily, end) for number in ends}


def _episodes(weeks: Mapping[date, Calls], model: str) -> list[_Episode]:
    """Runs of days on which the model's share differs from the week before by the rule; pauses under a week belong."""
    episodes: list[_Episode] = []
    for day, now in weeks.items():
        before = weeks.get(day - timedelta(days=WEEK), {})
        if not _differs(before, now, model, SHIFT):
            continue
        change = _share(now, model) - _share(before, model)
        running = episodes[-1] if episodes else None
        if running is None or running.sign * change < 0 or day - running.last > timedelta(days=WEEK):
            running = _Episode(model, math.copysign(1, change), day, day, day)
            episodes.append(running)
        running.last = day
        if abs(change) > running.largest:
            running.largest, running.peak = abs(change), day
    return episodes


def _together(weeks: Mapping[date, Calls], episodes: Sequence[_Episode]) -> Noticed:
    """One change of several models, dated at the first day of the week that differs most from the one before.

    Shares go from the week before the first sign to the week of the last one: a slow move shows its whole way.
    """
    first, last = min(episode.first for episode in episodes), max(episode.last for episode in episodes)
    before, now = weeks[first - timedelta(days=WEEK)], weeks[last]
    shifted = {episode.model for episode in episodes}
    moves = [
        Move(model, _share(before, model), _share(now, model))
        for model in sorted(before.keys() | now.keys())
        if model in shifted or _differs(before, now, model, COUNTER_SHIFT)
    ]
    moves.sort(key=lambda move: (move.size > 0, -abs(move.size)))
    named = max(moves, key=lambda move: (move.size > 0, abs(move.size)))
    peak = max(episodes, key=lambda episode: episode.largest).peak
    return Noticed(
        kind=NoticedKind.SHIFTED,
        model=named.model,
        day=peak - timedelta(days=WEEK - 1),
        noticed_on=first,
        share_before=named.share_before,
        share_now=named.share_now,
        moves=tuple(moves),
        reason=_sentence(moves),
    )


def _sentence(moves: Sequence[Move]) -> str:
    """Each model with its shares, as in "a-large 31 → 12 %, b-small 2 → 21 %"."""
    kept = sorted(moves, key=lambda move: -abs(move.size))[:NAMED_MOVES]
    parts = [f"{m.model} {100 * m.share_before:.0f} → {100 * m.share_now:.0f} %" for m in moves if m in kept]
    return ", ".join(parts) + (f" and {len(moves) - len(kept)} more" if len(moves) > len(kept) else "")


def _differs(before: Calls, now: Calls, model: str, least: float) -> bool:
    """Whether two shares differ by `least` and by SHIFT_ERRORS standard errors of their difference, pooled."""
    n_before, n_now = sum(before.values()), sum(now.values())
    if not n_before or not n_now:
        return False
    change = abs(_share(now, model) - _share(before, model))
    pooled = (before.get(model, 0) + now.get(model, 0)) / (n_before + n_now)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_before + 1 / n_now))
    return change >= least and change >= SHIFT_ERRORS * error


def _week_until(daily: Daily, day: date) -> Calls:
    """Calls by model of the WEEK days that end with `day`."""
    calls: dict[str, int] = {}
    for back in range(WEEK):
        for model, count in daily.get(day - timedelta(days=back), {}).items():
            calls[model] = calls.get(model, 0) + count
    return calls


def _share(calls: Calls, model: str) -> float:
    total = sum(calls.values())
    return calls.get(model, 0) / total if total else 0.0
