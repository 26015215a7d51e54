"""The e-detector: a Shiryaev–Roberts mixture of daily likelihood ratios (Shin, Ramdas, Rinaldo, "E-detectors", 2023).

M_j,t = (1 + M_j,t−1) LR_j,t for each alternative j, M_t their mean. While nothing is worse than before, every LR has an
expectation of at most 1, so that P(M reaches H/α within H days) ≤ α: reading it daily for months costs nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

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
    return math.log(FALSE_ALARM_DAYS / alpha)


def advance(log_ms: Sequence[float], ratios: Ratios) -> list[float]:
    """One day's step of every alternative, in logarithms: ln(1 + M) + ln LR."""
    return [
        (log_m + math.log1p(math.exp(-log_m)) if log_m > 0 else math.log1p(math.exp(log_m))) + ratio
        for log_m, ratio in zip(log_ms, ratios, strict=True)
    ]


def mixture(log_ms: Sequence[float]) -> float:
    """The logarithm of the mean of the alternatives' M."""
    top = max(log_ms)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(log_m - top) for log_m in log_ms) / len(log_ms))


def watch(days: Sequence[date], ratios: Sequence[Ratios], side: Side, touches: Touches) -> Evidence:
    """Fold one side over its days.

    A finding opens when log M reaches the threshold. It is resolved when on RESOLVE_STREAK days running the window that
    ends there touches normal; then the detector starts anew with M = 0. Windows that reach back before the alarm do not
    count: they still hold days from before the change.
    """
    limit = threshold(side.alpha)
    points: list[Point] = []
    findings: list[Finding] = []
    log_ms: list[float] = []
    opened: Finding | None = None
    streak, watched_from = 0, None
    for number, day in enumerate(days):
        if watched_from is None:
            watched_from, log_ms, streak = day, [-math.inf] * len(ratios[number]), 0
        log_ms = advance(log_ms, ratios[number])
        log_m = mixture(log_ms)
        if opened is None and log_m >= limit:
            opened = Finding(side.direction, side.alpha, watched_from, day)
        points.append(Point(day, log_m, _evidence(log_m, limit), side.direction, opened is not None))
        if opened is None:
            continue
        is_after_alarm = day - timedelta(days=RESOLVE_DAYS - 1) >= opened.alarm_day
        streak = streak + 1 if is_after_alarm and touches(number) else 0
        if streak == RESOLVE_STREAK:
            findings.append(replace(opened, resolved_day=day))
            opened = watched_from = None
    if opened is not None:
        findings.append(opened)
    return Evidence(tuple(points), tuple(findings))


def joined(sides: Sequence[Evidence]) -> Evidence:
    """Several sides of the same days as one: each day shows the side that is nearer to its alarm."""
    if len(sides) == 1:
        return sides[0]
    points = []
    for same_day in zip(*(side.points for side in sides), strict=True):
        nearest = max(same_day, key=lambda point: (point.is_alarm, point.evidence, point.log_m))
        points.append(nearest)
    findings = sorted((finding for side in sides for finding in side.findings), key=lambda finding: finding.alarm_day)
    return Evidence(tuple(points), tuple(findings))


def _evidence(log_m: float, limit: float) -> float:
    """The logarithm on 0–100, where 100 raises the alarm and everything below M = 1 is 0."""
    return min(100.0, max(0.0, 100 * log_m / limit))
