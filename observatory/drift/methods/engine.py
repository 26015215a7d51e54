"""The e-detector: a Shiryaev–Roberts mixture of daily likelihood ratios (Shin, Ramdas, Rinaldo, "E-detectors", 2023).

M_j,t = (1 + M_j,t−1) LR_j,t for each alternative j, M_t their mean. While nothing is worse than before, every LR has an
expectation of at most 1, so that P(M reaches H/α within H days) ≤ α: reading it daily for months costs nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import exp, inf, log, log1p

from observatory.drift.methods.shape import (
    FALSE_ALARM_DAYS,
    RESOLVE_DAYS,
    RESOLVE_STREAK,
    Evidence,
    Finding,
    Point,
    Side,
)

Ratios = Sequence[float]
"""ln LR of one day, one number per alternative."""

Touches = Callable[[int], bool]
"""Whether the RESOLVE_DAYS days that end with day number i are compatible with "no worse than before"."""


def threshold(alpha: float) -> float:
    """The log M that raises the alarm: ln(H/α), 7.496 for α = 0.05."""
    return log(FALSE_ALARM_DAYS / alpha)


def advance(log_ms: Sequence[float], ratios: Ratios) -> list[float]:
    """One day's step of every alternative, in logarithms: ln(1 + M) + ln LR. M = 0 is −inf."""
    return [
        (log_m + log1p(exp(-log_m)) if log_m > 0 else log1p(exp(log_m))) + ratio
        for log_m, ratio in zip(log_ms, ratios, strict=True)
    ]


def mixture(log_ms: Sequence[float]) -> float:
    """The logarithm of the mean of the alternatives' M, of which none is 0 any more."""
    top = max(log_ms)
    return top + log(sum([exp(log_m - top) for log_m in log_ms]) / len(log_ms))


def watch(days: Sequence[date], ratios: Sequence[Ratios], side: Side, touches: Touches) -> Evidence:
    """Fold one side over its days.

    A finding opens when log M reaches the threshold. It is resolved when on RESOLVE_STREAK days running the window that
    ends there touches normal; then the detector starts anew with M = 0. Windows that reach back before the alarm do not
    count: they still hold days from before the change.
    """
    life = _Life(side)
    for number, day in enumerate(days):
        life.read(day, ratios[number])
        if life.may_be_over(day):
            life.judge(day, touches(number))
    return Evidence(tuple(life.points), tuple(life.findings))


class _Life:
    """One side's state between two days: its M, the streak towards resolving, and what has been found."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.limit = threshold(side.alpha)
        self.points: list[Point] = []
        self.findings: list[Finding] = []
        self.log_ms: list[float] = []
        self.watched_from: date | None = None
        self.opened: Finding | None = None
        self.streak = 0

    def read(self, day: date, ratios: Ratios) -> None:
        """Take in a day; open a finding when the evidence suffices."""
        if self.watched_from is None:
            self.watched_from, self.log_ms = day, [-inf] * len(ratios)
        self.log_ms = advance(self.log_ms, ratios)
        log_m = mixture(self.log_ms)
        if self.opened is None and log_m >= self.limit:
            self.opened = Finding(self.side.direction, self.side.alpha, self.watched_from, day)
            self.findings.append(self.opened)
        evidence = min(100.0, max(0.0, 100 * log_m / self.limit))
        self.points.append(Point(day, log_m, evidence, self.side.direction, self.opened is not None))

    def may_be_over(self, day: date) -> bool:
        """Whether a finding is open and the whole window that ends with `day` lies after its alarm."""
        return self.opened is not None and day - timedelta(days=RESOLVE_DAYS - 1) >= self.opened.alarm_day

    def judge(self, day: date, is_normal: bool) -> None:
        """Count the days on which the window looked normal; after enough of them the finding is resolved."""
        self.streak = self.streak + 1 if is_normal else 0
        if self.streak == RESOLVE_STREAK and self.opened is not None:
            self.findings[-1] = replace(self.opened, resolved_day=day)
            self.opened = self.watched_from = None
            self.streak = 0


def joined(sides: Sequence[Evidence]) -> Evidence:
    """Several sides of the same days as one: each day shows the side that is nearer to its alarm."""
    points = tuple(
        max(same_day, key=lambda point: (point.is_alarm, point.evidence, point.log_m))
        for same_day in zip(*(side.points for side in sides), strict=True)
    )
    findings = sorted((finding for side in sides for finding in side.findings), key=lambda finding: finding.alarm_day)
    return Evidence(points, tuple(findings))
