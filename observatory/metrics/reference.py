"""The reference of metrics, written from their definitions: a heading and an example for each. Pure: no Django here.

The numbers of examples are what `formulas.judge` makes of them, so they cannot be wrong.
"""

from collections.abc import Callable, Iterator, Sequence

from observatory.metrics import declared, formulas
from observatory.metrics.definitions import METRICS, Area, Empty, Kind, Metric, Unit
from observatory.metrics.layout import PEAKS, Counter
from observatory.metrics.reading import Reading, Totals
from observatory.metrics.sheets import add_counters
from observatory.metrics.statistics import bucket_of

TRIALS, SUCCESSES = 400, 12
DAYS = (120, 90, 150)
_HEAD = """# {title} metrics

Written from the definitions by `manage.py metrics_reference`; what all metrics have in common stands [one level up](../metrics.md).
"""
_EMPTY = {
    Empty.ZERO: "0",
    Empty.NO_DATA: "`no_data`",
    Empty.AS_EVER: "computed as ever: it rests on more than what happened in the window",
    Empty.NOT_INSTRUMENTED: "`not_instrumented`",
}
_SUMS = {Unit.USD: 18.0, Unit.TOKENS: 48_000.0}
_MEAN_OF = 40
_MEAN_SUM = 31.2


def pages() -> dict[str, str]:
    """File name → its whole text, one file for each area."""
    return {f"{area}.md": "\n".join(_page(area)) for area in Area}


def _page(area: Area) -> Iterator[str]:
    yield _HEAD.format(title=area.capitalize())
    for metric in METRICS.values():
        if metric.area is area:
            yield from section(metric)


def section(metric: Metric) -> Iterator[str]:
    """The lines of one metric."""
    matures = "; matures for 24 h" if metric.maturing else ""
    sums = "their points add up" if metric.is_additive else "points do not add up"
    yield f"### `{metric.name}`\n"
    yield f"**{metric.title}.** {metric.doc}\n"
    yield f"* Unit: {metric.unit}, {metric.direction.replace('_', ' ')}; {sums}."
    yield f"* Formula: {_code(metric)}"
    yield f"* Usual window {metric.window}; smallest sample {metric.minimum_sample}{matures}."
    yield f"* Needs: {' and '.join(source.what for source in metric.sources) or 'interactions, nothing else'}."
    yield f"* A window in which nothing happened: {_EMPTY[metric.when_empty]}."
    yield f"* Example: {example(metric)}\n"


def _code(metric: Metric) -> str:
    formula = declared.formula_of(metric)
    return formula if metric.worked or metric.kind is Kind.NOT_INSTRUMENTED else f"`{formula}`"


def example(metric: Metric) -> str:
    """A few numbers and the value that they make, worked out by the metric's kind where nobody wrote it down."""
    return metric.worked.example if metric.worked else _EXAMPLES[metric.kind](metric)


def _of_days(metric: Metric) -> str:
    """Three days, as buckets are merged: sums are added up, of peaks the larger stays."""
    per, first = declared.per_unit(metric), metric.parts[0]
    whole = Totals()
    for day in DAYS:
        add_counters(whole.counters, {**dict.fromkeys(metric.known_by, 1), Counter.CALLS: day, first: day * per})
    value = _number(formulas.judge(metric, whole))
    days = ", ".join(str(day) for day in DAYS[:-1]) + f" and {DAYS[-1]}"
    unit = " USD" if metric.unit is Unit.USD else ""
    how = f"the largest: {value}" if first in PEAKS else f"{' + '.join(map(str, DAYS))} = {value}{unit}"
    return f"Three days with {days}{unit}: {how}."


def _of_trials(metric: Metric) -> str:
    """Some successes among the trials; what is divided by, but is no success, makes up the rest."""
    shares = _shares(SUCCESSES, metric.parts)
    others = [counter for counter in metric.of if counter not in metric.parts]
    is_within = set(metric.parts) < set(metric.of)
    rest = _shares(TRIALS - (SUCCESSES if is_within else 0), others)
    reading = formulas.judge(metric, Totals({int(counter): count for counter, count in {**rest, **shares}.items()}))
    value = _number(reading)
    told = ", ".join(f"{count} {declared.term(counter)}" for counter, count in {**shares, **rest}.items())
    divided = f"{SUCCESSES} / {TRIALS}"
    how = f"1 − {divided}" if metric.is_complement else divided
    interval = f", with the interval {reading.interval[0]:.4f} to {reading.interval[1]:.4f}" if reading.interval else ""
    return f"{told}: {how} = {value}{interval}."


def _of_values(metric: Metric) -> str:
    per, total = declared.per_unit(metric), _SUMS.get(metric.unit, _MEAN_SUM)
    known = {int(counter): _MEAN_OF for counter in (*metric.known_by, metric.of[0])}
    counters = {**known, int(metric.parts[0]): round(total * per)}
    value = _number(formulas.judge(metric, Totals(counters)))
    unit = " USD" if metric.unit is Unit.USD else ""
    whole = f"{total:,.2f}" if unit else f"{total:,g}"
    return f"{whole}{unit} in all over {_MEAN_OF} {declared.term(metric.of[0])}: {whole} / {_MEAN_OF} = {value}{unit}."


def _of_order(metric: Metric) -> str:
    """A hundred values in equal steps; the histogram tells the quantile within 1 %."""
    per = declared.per_unit(metric)
    step, unit = (0.01, "USD") if metric.unit is Unit.USD else (10, "ms")
    counts: dict[int, int] = {}
    for number in range(1, 101):
        place = bucket_of(number * step * per)
        counts[place] = counts.get(place, 0) + 1
    value = (
        formulas.judge(metric, Totals({}, {metric.distribution: counts} if metric.distribution else {})).value or 0.0
    )
    exact = metric.share * 100 * step
    return (
        f"A hundred values of {step:g}, {2 * step:g}, … {100 * step:,g} {unit}: {metric.share:.0%} are at most {exact:g}; "
        f"the histogram says {value:.4g}, which is within 1 %."
    )


def _of_users(metric: Metric) -> str:
    if metric.days == 1:
        return "Ann calls on both days of a window and bob on the second: (1 + 2) / 2 = 1.5."
    return f"Ann calls on two of the {metric.days} days and bob on one: 2."


def _of_cost_and_users(metric: Metric) -> str:
    return "18.00 USD in a window with 40 distinct users: 18.00 / 40 = 0.45 USD."


def _of_events(metric: Metric) -> str:
    return "Two events yesterday and one this morning, all within the last 24 hours: 3."


def _of_nothing(metric: Metric) -> str:
    return "None; every window says `not_instrumented`."


_EXAMPLES: dict[Kind, Callable[[Metric], str]] = {
    Kind.COUNT: _of_days,
    Kind.RATE: _of_trials,
    Kind.RATIO: _of_trials,
    Kind.MEAN: _of_values,
    Kind.QUANTILE: _of_order,
    Kind.USERS: _of_users,
    Kind.PER_USER: _of_cost_and_users,
    Kind.EVENTS: _of_events,
    Kind.NOT_INSTRUMENTED: _of_nothing,
}


def _shares(total: int, counters: Sequence[Counter]) -> dict[Counter, int]:
    """A number shared out among counters, in falling parts."""
    found: dict[Counter, int] = {}
    for place, counter in enumerate(counters):
        left = total - sum(found.values())
        found[counter] = left if place == len(counters) - 1 else left // 2
    return found


def _number(reading: Reading) -> str:
    return f"{reading.value:,.6g}"
