"""What a difference with its interval means: worse, better, unchanged, or not to be told. Pure: no Django here."""

from enum import StrEnum

from observatory.metrics.metric import Direction, Metric, Unit
from observatory.metrics.statistics import Interval

LEAST_EVENTS = 100
LEAST_DAYS = 7


class Verdict(StrEnum):
    """Which way a metric went, by the direction of its definition; `changed` where neither way is good."""

    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CANNOT_TELL = "cannot_tell"


def verdict_of(metric: Metric, before: float, difference: float, interval: Interval | None) -> Verdict:
    """Changed: the interval leaves out 0, and nobody would mind less. Unchanged: all of it is what nobody is warned of.

    Anything else cannot be told from so few events.
    """
    if interval is None:
        return Verdict.CANNOT_TELL
    if not interval.holds(0.0) and abs(difference) >= nobody_minds(metric, before):
        return _way(metric.direction, difference)
    slack = nobody_is_warned(metric, before)
    return Verdict.UNCHANGED if -slack <= interval.low and interval.high <= slack else Verdict.CANNOT_TELL


def nobody_minds(metric: Metric, before: float) -> float:
    """The margin of drift: half a point of a rate, or a tenth of its rarer outcome; else 3 %."""
    if metric.unit is not Unit.RATIO:
        return 0.03 * abs(before)
    return min(0.005, 0.10 * _rarer(before))


def nobody_is_warned(metric: Metric, before: float) -> float:
    """What the shipped rules warn of: 5 points of a rate, or a quarter of its rarer outcome; else 20 %."""
    if metric.unit is not Unit.RATIO:
        return 0.20 * abs(before)
    return max(0.005, min(0.05, 0.25 * _rarer(before)))


def thin(metric: Metric, events: int, days: int) -> list[str]:
    """In words, why a baseline is too thin to lean on; nothing when it is not."""
    least = max(LEAST_EVENTS, metric.minimum_sample)
    said = []
    if events < least:
        said.append(f"The baseline is thin: it rests on {events} events; {least} or more make it dependable.")
    if days < LEAST_DAYS:
        said.append(
            f"The baseline is thin: it is {days} {'day' if days == 1 else 'days'} long; {LEAST_DAYS} or more show a whole week."
        )
    return said


def _rarer(rate: float) -> float:
    return max(0.0, min(rate, 1 - rate))


def _way(direction: Direction, difference: float) -> Verdict:
    if direction is Direction.NEUTRAL:
        return Verdict.CHANGED
    return Verdict.BETTER if (difference > 0) is (direction is Direction.HIGHER) else Verdict.WORSE
