"""Drift of a rate: thumbs-up, corrections, errors, and every other share of trials that succeed.

`k` of `n` are the successes whose rate is drawn: a worse thumbs-up rate is the side DOWN, a worse error rate UP.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from observatory.drift.methods import dating, engine
from observatory.drift.methods.shape import (
    BASELINE_DAYS,
    EFFECT_DAYS,
    RESOLVE_DAYS,
    Collecting,
    Direction,
    Effect,
    Evidence,
    Finding,
    Missing,
    Side,
    Started,
    lacks_days,
)
from observatory.drift.methods.week import (
    NO_OFFSETS,
    WEEKDAY_DAYS,
    Week,
    by_weekday,
    last_days,
    shrunken,
    window_start,
)
from observatory.metrics.statistics import Z95, Interval, Sample, newcombe, squared_deviations, wilson

MINIMUM_A_DAY = 5
"""Days with fewer trials are passed over: a trickle is not a series."""

MINIMUM_TRIALS = 100
MINIMUM_RARER = 20

LARGEST_MARGIN = 0.005
"""Half a point: a difference that nobody minds."""

LOGIT_STEPS = (0.15, 0.3, 0.5, 0.8, 1.2, 2.0)
"""The alternatives: how far beyond the edge of normal, on the logit scale."""

_SMALLEST_EDGE = 1e-6
"""A baseline so uncertain that its edge would fall to zero leaves no worse rate to look for."""


@dataclass(frozen=True, slots=True)
class RateDay:
    """One closed, mature day: `k` of `n` trials by `n_users` users; `s` = Σ over users (k_u − k/n · n_u)²."""

    day: date
    n: int
    k: int
    s: float
    n_users: int

    @classmethod
    def from_users(cls, day: date, users: Sequence[tuple[int, int]]) -> "RateDay":
        """The day of these users, each as (n_u, k_u); without user ids the session or the interaction is the user."""
        n, k = sum(n_u for n_u, _ in users), sum(k_u for _, k_u in users)
        return cls(day, n, k, squared_deviations(users), sum(1 for n_u, _ in users if n_u))


@dataclass(frozen=True, slots=True)
class RateBaseline:
    """What is normal for a series, fixed when it is accepted.

    `p0` rate, `phi` design effect of a day of average volume, `phi_user` its part from users who repeat themselves,
    `tau2` variance between days, `weekday_offsets` Monday first (to subtract from a day's rate), `n0` and `k0` totals,
    `days` usable days, `se0` standard error of p0, `margin` the difference that nobody minds.
    """

    p0: float
    phi: float
    phi_user: float
    tau2: float
    weekday_offsets: Week
    n0: int
    k0: int
    days: int
    first_day: date
    last_day: date
    se0: float
    margin: float

    def edge(self, direction: Direction) -> float:
        """q: the rate up to which a series is "no worse than before" in this direction."""
        slack = 0.5 * self.se0 + self.margin
        if direction is Direction.DOWN:
            return max(_SMALLEST_EDGE, self.p0 - slack)
        return min(1 - _SMALLEST_EDGE, self.p0 + slack)

    def steady(self, day: RateDay) -> float:
        """The day's successes as they would be on an average weekday, 0 to n."""
        return min(float(day.n), max(0.0, day.k - day.n * self.weekday_offsets[day.day.weekday()]))

    def to_dict(self) -> dict[str, object]:
        """The baseline as JSON values; from_dict gives the equal baseline back."""
        stored: dict[str, object] = msgspec.to_builtins(self)
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, object]) -> "RateBaseline":
        """The stored baseline. Raises msgspec.ValidationError, a ValueError, for what to_dict cannot have made."""
        return msgspec.convert(stored, cls)


def usable(days: Iterable[RateDay]) -> list[RateDay]:
    """The days with enough trials to be counted."""
    return [day for day in days if day.n >= MINIMUM_A_DAY]


def collecting(days: Sequence[RateDay], need_days: int = BASELINE_DAYS) -> Collecting | None:
    """What these days lack for a baseline, or None when they can be one."""
    lacking = lacks_days(days, MINIMUM_A_DAY, need_days)
    if lacking:
        return lacking
    n, k = _totals(usable(days))
    if n < MINIMUM_TRIALS:
        return Collecting(Missing.TRIALS, n, MINIMUM_TRIALS)
    if min(k, n - k) < MINIMUM_RARER:
        return Collecting(Missing.RARER_OUTCOMES, min(k, n - k), MINIMUM_RARER)
    return None


def fit(days: Sequence[RateDay]) -> RateBaseline:
    """The baseline of these days, which `collecting` has passed. Raises ValueError when none is usable."""
    used = usable(days)
    if not used:
        raise ValueError("a baseline needs days with trials")
    n0, k0 = _totals(used)
    p0 = (k0 + 0.5) / (n0 + 1)
    spread = p0 * (1 - p0)
    phi_user = max(1.0, math.fsum(day.s for day in used) / n0 / spread)
    groups = by_weekday(used) if len(used) >= WEEKDAY_DAYS else [used]
    tau2 = _between_days(groups, phi_user * spread)
    phi = phi_user * (1 + tau2 * (n0 / len(used)) / (phi_user * spread))
    return RateBaseline(
        p0=p0,
        phi=phi,
        phi_user=phi_user,
        tau2=tau2,
        weekday_offsets=_weekday_offsets(groups, k0 / n0, phi * spread),
        n0=n0,
        k0=k0,
        days=len(used),
        first_day=days[0].day,
        last_day=days[-1].day,
        se0=math.sqrt(phi * spread / n0),
        margin=min(LARGEST_MARGIN, 0.10 * min(p0, 1 - p0)),
    )


def fold(baseline: RateBaseline, days: Sequence[RateDay], sides: Sequence[Side]) -> Evidence:
    """Judge the days after the baseline; a pure function: the same days give the same points, byte for byte."""
    watched = _after(baseline, days)
    return engine.joined([_fold_side(baseline, watched, side) for side in sides])


def effect(baseline: RateBaseline, days: Sequence[RateDay], window: int = EFFECT_DAYS) -> Effect | None:
    """The rate of the last `window` calendar days against the baseline; None without a usable day."""
    used = usable(days)
    return _effect(baseline, last_days(used, window)) if used else None


def rolling(baseline: RateBaseline, days: Sequence[RateDay], window: int = EFFECT_DAYS) -> list[Effect]:
    """The same for the window that ends on each usable day: the line of the chart."""
    used = usable(days)
    return [_effect(baseline, used[window_start(used, number, window) : number + 1]) for number in range(len(used))]


def band(baseline: RateBaseline, n: float) -> Interval:
    """Where the rate of `n` trials lies in 95 of 100 unchanged windows: the grey band of normal behind a chart."""
    normal = baseline.k0 / baseline.n0
    half = Z95 * math.sqrt(baseline.phi * baseline.p0 * (1 - baseline.p0) * (1 / n + 1 / baseline.n0))
    return Interval(max(0.0, normal - half), min(1.0, normal + half))


def started(baseline: RateBaseline, days: Sequence[RateDay], finding: Finding) -> Started:
    """When the change behind a finding began, from a change-point profile: one rate before, another from then on."""
    seen = dating.of_finding(_after(baseline, days), finding)
    n0, k0 = baseline.n0 / baseline.phi, baseline.k0 / baseline.phi
    trials = [day.n / baseline.phi for day in seen]
    successes = [baseline.steady(day) / baseline.phi for day in seen]
    profile = []
    for number in range(len(seen)):
        before = _log_likelihood(n0 + sum(trials[:number]), k0 + sum(successes[:number]))
        profile.append(before + _log_likelihood(sum(trials[number:]), sum(successes[number:])))
    return dating.started([day.day for day in seen], profile, finding.alarm_day)


def _effect(baseline: RateBaseline, recent: Sequence[RateDay]) -> Effect:
    n, k = _totals(recent)
    normal = baseline.k0 / baseline.n0
    return Effect(
        first_day=recent[0].day,
        last_day=recent[-1].day,
        n=n,
        n_effective=n / baseline.phi,
        value=k / n,
        interval=wilson(k, n, design_effect=baseline.phi),
        baseline_value=normal,
        change=k / n - normal,
        change_interval=newcombe(Sample(baseline.k0, baseline.n0, baseline.phi), Sample(k, n, baseline.phi)),
    )


def _after(baseline: RateBaseline, days: Sequence[RateDay]) -> list[RateDay]:
    return [day for day in usable(days) if day.day > baseline.last_day]


def _totals(days: Iterable[RateDay]) -> tuple[int, int]:
    pairs = [(day.n, day.k) for day in days]
    return sum(n for n, _ in pairs), sum(k for _, k in pairs)


def _between_days(groups: Sequence[Sequence[RateDay]], variance: float) -> float:
    """τ²: how much more the days' rates differ around their group's mean than `variance`/n_d explains.

    The moment estimate of DerSimonian and Laird (Controlled Clinical Trials 7, 1986) with weights n_d, 0 when negative.
    """
    excess, weight = 0.0, 0.0
    for group in groups:
        n, k = _totals(group)
        excess += math.fsum(day.n * (day.k / day.n - k / n) ** 2 for day in group) - variance * (len(group) - 1)
        weight += n - sum(day.n**2 for day in group) / n
    return max(0.0, excess / weight) if weight > 0 else 0.0


def _weekday_offsets(groups: Sequence[Sequence[RateDay]], rate: float, variance: float) -> Week:
    """What a weekday's rate is above the rate of all days, shrunk towards none by how well it is known."""
    if len(groups) < 2:
        return NO_OFFSETS
    raw = {}
    for group in groups:
        n, k = _totals(group)
        raw[group[0].day.weekday()] = (k / n - rate, variance / n)
    return shrunken(raw)


def _fold_side(baseline: RateBaseline, days: Sequence[RateDay], side: Side) -> Evidence:
    """A rise of successes is a fall of failures: one formula serves both directions."""
    edge = baseline.edge(side.direction)
    pairs = [(day.n, baseline.steady(day)) for day in days]
    if side.direction is Direction.UP:
        edge, pairs = 1 - edge, [(n, n - k) for n, k in pairs]
    weights = [_log_ratio_weights(edge, step, baseline.phi) for step in LOGIT_STEPS]
    ratios = [[k * won + (n - k) * lost for won, lost in weights] for n, k in pairs]

    def touches(number: int) -> bool:
        first = window_start(days, number, RESOLVE_DAYS)
        n = sum(n for n, _ in pairs[first : number + 1])
        k = math.fsum(k for _, k in pairs[first : number + 1])
        return wilson(min(k, n), n, design_effect=baseline.phi).high >= edge

    return engine.watch([day.day for day in days], ratios, side, touches)


def _log_ratio_weights(edge: float, step: float, phi: float) -> tuple[float, float]:
    """What one success and one failure add to ln LR of an alternative `step` below the edge, tempered by φ."""
    worse = 1 / (1 + (1 - edge) / edge * math.exp(step))
    return math.log(worse / edge) / phi, math.log((1 - worse) / (1 - edge)) / phi


def _log_likelihood(n: float, k: float) -> float:
    """The largest log-likelihood of k successes in n trials under one rate."""
    return sum(part * math.log(part / n) for part in (k, n - k) if part > 0)
