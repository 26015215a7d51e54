"""The drift benchmark: B1, B2, B12 and B15 of the detector's promises, on the production code with fixed seeds.

`python -m tests.bench.drift` is the benchmark (2,000 runs a rate), tests/observatory/drift/test_gate.py the same with
fewer runs. A promise is kept when the observed value is at most the target and the upper 95 % Monte-Carlo bound at most
1.5 times the target.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import msgspec
import numpy as np
from scipy.stats import beta, binom

from observatory.drift.methods import means, rates
from observatory.drift.methods.rates import RateDay
from observatory.drift.methods.shape import BOTH_WAYS, FALLING, RISING, Evidence, Side
from tests.bench import streams
from tests.bench.streams import BASELINE, FIRST_DAY, People

ALLOWANCE = 1.5
NEVER = streams.WATCHED + 1
"""The alarm day of a run without one, for medians."""

VOLUMES = (20, 100, 300, 1000)
FALSE_ALARM_TARGETS = {20: 0.08, 100: 0.05, 300: 0.05, 1000: 0.05}
MEDIAN_DAY_TARGETS = {20: 66, 100: 45, 300: 31, 1000: 24}
MOST_EVER, CROWDED_TARGET, MEAN_TARGET = 7, 0.02, 3.0
RATERS = People()
CALLERS = People(taste_sd=0.4)

STRESS = {
    "users stay 60 days": People(leave_within_days=60),
    "a day's luck doubled": People(day_sd=0.1),
    "few users rate most": People(rank_shift=3.0),
}
"""Harsher than what is promised; printed, not judged."""


@dataclass(frozen=True)
class Kind:
    """Series of one kind among the sixty of a product; without a rate it is a mean of log tokens."""

    copies: int
    sides: Sequence[Side]
    per_day: int
    rate: float | None = None


SIXTY = (
    *(Kind(5, FALLING, per_day, 0.75) for per_day in (20, 50, 100, 200)),
    *(Kind(5, RISING, per_day, 0.03) for per_day in (100, 200, 400)),
    *(Kind(5, RISING, per_day, 0.15) for per_day in (50, 150)),
    *(Kind(5, BOTH_WAYS, per_day) for per_day in (60, 120, 300)),
)


@dataclass(frozen=True)
class Row:
    """One promise in one setting: what was observed and up to where the truth may lie."""

    promise: str
    setting: str
    target: float
    observed: float
    bound: float

    @property
    def is_kept(self) -> bool:
        return self.observed <= self.target and self.bound <= ALLOWANCE * self.target

    def __str__(self) -> str:
        verdict = "kept" if self.is_kept else "BROKEN"
        numbers = f"{self.observed:9.4g} {self.bound:9.4g} {self.target:9.4g}"
        return f"{self.promise:4} {self.setting:52} {numbers}  {verdict}"


def false_alarms(runs: int, people: People = RATERS, volumes: Iterable[int] = VOLUMES) -> Iterator[Row]:
    """B1: the share of unchanged runs with an alarm in 90 days."""
    for volume in volumes:
        rng = np.random.default_rng([1, volume])
        table = streams.rates(rng, runs, volume, streams.unchanged(0.75), people)
        false = sum(day is not None for day in alarm_days(table.runs()))
        setting = f"unchanged 75 %, {volume} a day: alarm within 90 days"
        yield Row("B1", setting, FALSE_ALARM_TARGETS[volume], false / runs, upper_share(false, runs))


def slow_slides(runs: int, volumes: Iterable[int] = VOLUMES) -> Iterator[Row]:
    """B2: the median day of the alarm when 75 % slides to 65 % in 56 days."""
    for volume in volumes:
        rng = np.random.default_rng([2, volume])
        table = streams.rates(rng, runs, volume, streams.slide(0.75, 0.65, 56), RATERS)
        days = sorted(NEVER if day is None else day for day in alarm_days(table.runs()))
        upper = days[min(runs - 1, int(binom.ppf(0.95, runs, 0.5)))]
        setting = f"75 → 65 % in 56 days, {volume} a day: median day"
        yield Row("B2", setting, MEDIAN_DAY_TARGETS[volume], days[(runs - 1) // 2], upper)


def many_series(seeds: int) -> Iterator[Row]:
    """B12: how many of the 60 unchanged series of a product ever alarm in 90 days."""
    ever = np.zeros(seeds)
    for number, kind in enumerate(SIXTY):
        alarmed = np.array([day is not None for day in _alarms_of_kind(number, kind, seeds * kind.copies)])
        ever += alarmed.reshape(seeds, kind.copies).sum(axis=1)
    crowded, mean = int((ever > MOST_EVER).sum()), float(ever.mean())
    upper = mean + 1.645 * float(ever.std(ddof=1)) / math.sqrt(seeds)
    crowded_upper = upper_share(crowded, seeds)
    yield Row("B12", "60 unchanged series: seeds with over 7 alarming", CROWDED_TARGET, crowded / seeds, crowded_upper)
    yield Row("B12", "60 unchanged series: mean number alarming", MEAN_TARGET, mean, upper)


def refolds(runs: int) -> Iterator[Row]:
    """B15: runs whose points are not the same bytes when folded again, or change before the day of a late row."""
    rng = np.random.default_rng(15)
    table = streams.rates(rng, runs, 100, streams.slide(0.75, 0.65, 56), RATERS)
    checks: list[Callable[[list[RateDay]], bool]] = [_refolds_equal, _late_row_changes_later_days_only]
    broken = sum(not all(check(run) for check in checks) for run in table.runs())
    yield Row("B15", "runs that do not refold byte for byte", 0, broken / runs, broken / runs)


def alarm_days(runs: Iterable[list[RateDay]], sides: Sequence[Side] = FALLING) -> Iterator[int | None]:
    """Each run's first alarm as a day after its baseline, 1 the first; None without."""
    for run in runs:
        yield _first(rates.fold(rates.fit(run[:BASELINE]), run, sides))


def upper_share(hits: int, runs: int) -> float:
    """The one-sided 95 % upper bound of a share (Clopper and Pearson, Biometrika 26, 1934)."""
    return 1.0 if hits == runs else float(beta.ppf(0.95, hits + 1, runs - hits))


def _alarms_of_kind(number: int, kind: Kind, runs: int) -> Iterator[int | None]:
    rng = np.random.default_rng([12, number])
    if kind.rate is not None:
        yield from alarm_days(
            streams.rates(rng, runs, kind.per_day, streams.unchanged(kind.rate), RATERS).runs(), kind.sides
        )
        return
    level = np.zeros(BASELINE + streams.WATCHED)
    for run in streams.means(rng, runs, kind.per_day, level, CALLERS).runs():
        yield _first(means.fold(means.fit(run[:BASELINE]), run, kind.sides))


def _first(evidence: Evidence) -> int | None:
    if not evidence.findings:
        return None
    return (evidence.findings[0].alarm_day - FIRST_DAY).days - BASELINE + 1


def _refolds_equal(run: list[RateDay]) -> bool:
    """From a baseline that went through JSON, from a copy of the days, and with only the days known at some time."""
    baseline = rates.fit(run[:BASELINE])
    stored = rates.RateBaseline.from_dict(msgspec.json.decode(msgspec.json.encode(baseline.to_dict())))
    once = _bytes(rates.fold(baseline, run, BOTH_WAYS))
    half = run[: BASELINE + streams.WATCHED // 2]
    again = [rates.fold(stored, [replace(day) for day in run], BOTH_WAYS), rates.fold(baseline, run, BOTH_WAYS)]
    return all(_bytes(other) == once for other in again) and once[: len(half) - BASELINE] == _bytes(
        rates.fold(stored, half, BOTH_WAYS)
    )


def _late_row_changes_later_days_only(run: list[RateDay]) -> bool:
    baseline = rates.fit(run[:BASELINE])
    number = BASELINE + streams.WATCHED // 3
    late = replace(run[number], n=run[number].n + 1)
    before = _bytes(rates.fold(baseline, run, FALLING))
    after = _bytes(rates.fold(baseline, [*run[:number], late, *run[number + 1 :]], FALLING))
    place = [day.day for day in rates.usable(run[BASELINE:])].index(late.day)
    return before[:place] == after[:place] and before[place] != after[place]


def _bytes(evidence: Evidence) -> list[bytes]:
    return [msgspec.json.encode(point) for point in evidence.points]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every promise; 0 when all are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs a rate (default 2000)")
    runs = parser.parse_args(arguments).runs
    print(f"{'':4} {'setting':52} {'observed':>9} {'95 % up':>9} {'target':>9}")
    is_kept, begun = True, time.perf_counter()
    for row in chain(false_alarms(runs), slow_slides(runs), many_series(runs), refolds(runs)):
        print(row, flush=True)
        is_kept &= row.is_kept
    print(f"{runs} runs a rate, {time.perf_counter() - begun:.0f} s. Beyond the promise, not judged:")
    for what, people in STRESS.items():
        for row in false_alarms(runs, people, (100, 1000)):
            print(f"     {what + ', ' + row.setting:72} {row.observed:.4g}", flush=True)
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
