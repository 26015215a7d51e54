"""What a definition says of how it is computed: numerator, denominator, formula, in terms of counters. Pure."""

from observatory.metrics.layout import MICRO, PEAKS, Counter
from observatory.metrics.metric import Kind, Metric

REFERENCE = "docs/reference/metrics"
USERS = "distinct_users"


def docs_of(metric: Metric) -> str:
    """Where its documentation stands in the repository."""
    return f"{REFERENCE}/{metric.area}.md#{metric.name}"


def numerator_of(metric: Metric) -> list[str]:
    """The counters that are added up, or whose peak is taken; none where a derived metric, users or events are counted."""
    return [term(counter) for counter in metric.parts] if metric.kind is not Kind.DERIVED else []


def denominator_of(metric: Metric) -> list[str]:
    """What their sum is divided by; nothing where it is not divided."""
    if metric.kind is Kind.PER_USER:
        return [USERS]
    is_divided = metric.kind in (Kind.RATE, Kind.RATIO, Kind.MEAN)
    return [term(counter) for counter in metric.of] if is_divided else []


def formula_of(metric: Metric) -> str:
    """How it is computed, in counters, or in words where a function of its own computes it."""
    if metric.worked:
        return metric.worked.formula
    match metric.kind:
        case Kind.COUNT if set(metric.parts) & set(PEAKS):
            return f"largest {_sum(numerator_of(metric))}"
        case Kind.COUNT:
            return " + ".join(numerator_of(metric))
        case Kind.QUANTILE:
            return f"quantile {metric.share:g} of {metric.distribution}"
        case Kind.USERS:
            last = "a local day" if metric.days == 1 else f"the last {metric.days} local days"
            return f"distinct users with a call in {last}"
        case Kind.EVENTS:
            return f"{metric.needs.name.lower()} events" if metric.needs else "events"
        case Kind.NOT_INSTRUMENTED:
            return "nothing counts it yet"
    divided = f"{_sum(numerator_of(metric))} / {_sum(denominator_of(metric))}"
    return f"1 − {divided}" if metric.is_complement else divided


def term(counter: Counter) -> str:
    """A counter as formulas name it: what is counted in millionths by what it is a sum of."""
    name = counter.name.lower()
    return f"sum of {name.removesuffix('_micro')}" if name.endswith("_micro") else name


def per_unit(metric: Metric) -> int:
    """How many of a counter's units make one of the metric's: millionths, nano-dollars, or itself."""
    return round(1 / metric.scale) if metric.scale <= 1 / MICRO else 1


def _sum(terms: list[str]) -> str:
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"
