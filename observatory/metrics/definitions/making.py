"""How definitions of a kind look: rates, quantiles, money, users. Pure: no Django here."""

from dataclasses import replace

from ingest.dimensions import FeedbackKind
from observatory.metrics.layout import COST_COUNTERS, NANO, Counter, Distribution
from observatory.metrics.metric import Direction, Kind, Metric, Unit

CALLS = (Counter.CALLS,)
COSTS = tuple(COST_COUNTERS.values())
THUMBS = (Counter.THUMBS_UP, Counter.THUMBS_DOWN)
OUTCOMES = (Counter.COMPLETED, Counter.ABANDONED, Counter.REDONE)
PRICED = (Counter.PRICED_CALLS, Counter.COST_RECORDS)
RATE_SAMPLE = 20

LOWER, HIGHER, NEUTRAL = Direction.LOWER, Direction.HIGHER, Direction.NEUTRAL


def rate(
    name: str, title: str, direction: Direction, parts: tuple[Counter, ...], of: tuple[Counter, ...], doc: str
) -> Metric:
    """Σ parts of Σ of, with a Wilson interval."""
    return Metric(name, title, Unit.RATIO, direction, Kind.RATE, doc, parts, of, minimum_sample=RATE_SAMPLE)


def failures(error: str, counter: Counter) -> Metric:
    """The rate of one class of errors."""
    doc = f"Calls that failed with the class {error}, divided by all calls."
    return rate(f"{error}_error_rate", f"Errors: {error.replace('_', ' ')}", LOWER, (counter,), CALLS, doc)


def feedback(needs: FeedbackKind, metric: Metric) -> Metric:
    """A definition that has no value until the app sends this kind of feedback."""
    return replace(metric, needs=needs)


def quantile(name: str, title: str, of: Distribution, share: float, least: int, what: str) -> Metric:
    """A quantile of times in milliseconds."""
    doc = f"{what}: {share:.0%} of the values are not above it. From a mergeable histogram, within 1 %."
    return Metric(name, title, Unit.MS, LOWER, Kind.QUANTILE, doc, distribution=of, share=share, minimum_sample=least)


def money(name: str, title: str, parts: tuple[Counter, ...], doc: str) -> Metric:
    """A sum of nano-dollars, shown in dollars."""
    return Metric(
        name, title, Unit.USD, LOWER, Kind.COUNT, doc, parts, PRICED, scale=1 / NANO, known_by=PRICED, window="30d"
    )


def users(name: str, title: str, days: int, doc: str) -> Metric:
    """Distinct users of so many local days."""
    return Metric(name, title, Unit.USERS, HIGHER, Kind.USERS, doc, days=days, window="30d")


def later(name: str, title: str, unit: Unit, direction: Direction) -> Metric:
    """Declared so that pages and presets can name it; nothing counts it yet."""
    doc = "Declared, not instrumented yet: it comes with the review queue."
    return Metric(name, title, unit, direction, Kind.NOT_INSTRUMENTED, doc)
