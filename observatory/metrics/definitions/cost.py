"""What it costs. Pure: no Django here."""

from ingest.dimensions import Component
from observatory.metrics.definitions import business
from observatory.metrics.definitions.making import CALLS, COSTS, HIGHER, LOWER, NEUTRAL, PRICED, money, rate
from observatory.metrics.layout import COST_COUNTERS, NANO, Counter, Distribution
from observatory.metrics.metric import FilteredBy, Kind, Metric, Unit


def _per_call(component: Component, counter: Counter) -> Metric:
    name = component.name.lower()
    return Metric(
        f"cost_per_call_{name}",
        f"Cost per call: {name.replace('_', ' ')}",
        Unit.USD,
        LOWER,
        Kind.MEAN,
        f"Cost of the component {name} divided by the calls whose price is known: its part of cost_per_call.",
        parts=(counter,),
        of=(Counter.PRICED_CALLS,),
        scale=1 / NANO,
        distribution=Distribution.COST_NANO if component is Component.MODEL_TOKENS else None,
    )


METRICS: tuple[Metric, ...] = (
    money(
        "cost_total", "Cost", COSTS, "All components. Calls whose model has no price are not in it: see unpriced_calls."
    ),
    *(
        money(
            f"cost_{component.name.lower()}",
            f"Cost: {component.name.lower().replace('_', ' ')}",
            (counter,),
            f"Cost of the component {component.name.lower()}.",
        )
        for component, counter in COST_COUNTERS.items()
    ),
    Metric(
        "cost_per_call",
        "Cost per call",
        Unit.USD,
        LOWER,
        Kind.MEAN,
        "Cost of all components divided by the calls whose price is known.",
        parts=COSTS,
        of=(Counter.PRICED_CALLS,),
        scale=1 / NANO,
        distribution=Distribution.COST_NANO,
    ),
    *(_per_call(component, counter) for component, counter in COST_COUNTERS.items()),
    Metric(
        "cost_per_call_p50",
        "Cost per call, median",
        Unit.USD,
        LOWER,
        Kind.QUANTILE,
        "Median of the calls' own model cost. From a mergeable histogram, within 1 %.",
        scale=1 / NANO,
        distribution=Distribution.COST_NANO,
        minimum_sample=5,
    ),
    Metric(
        "cost_per_mau",
        "Cost per active user",
        Unit.USD,
        LOWER,
        Kind.PER_USER,
        "Cost of the local days that the window touches divided by their distinct users; over a month: cost per monthly active user.",
        parts=COSTS,
        of=PRICED,
        scale=1 / NANO,
        known_by=PRICED,
        window="30d",
    ),
    Metric(
        "cost_anomaly",
        "Cost against its expected range",
        Unit.RATIO,
        LOWER,
        Kind.DERIVED,
        "Whether a whole day's cost is as the days before it let expect: the share of days that a range must hold to hold"
        " this one, too. 0.95 is the edge of the range of 95 %, above or below; over several days, the most unusual one."
        " Ranges are the whole project's: no feature has one.",
        window="7d",
        derived_by=FilteredBy.PROJECT,
    ),
    Metric(
        "unpriced_calls",
        "Unpriced calls",
        Unit.COUNT,
        LOWER,
        Kind.COUNT,
        "Calls with tokens whose model has no price: they are in no cost.",
        parts=(Counter.UNPRICED_CALLS,),
        of=CALLS,
    ),
    Metric(
        "input_tokens_mean",
        "Input tokens per call",
        Unit.TOKENS,
        LOWER,
        Kind.MEAN,
        "Mean input tokens, cached ones included, over the calls that sent them: the prompt-length-creep metric.",
        parts=(Counter.INPUT_TOKENS,),
        of=(Counter.WITH_INPUT_TOKENS,),
        distribution=Distribution.INPUT_TOKENS,
        window="30d",
    ),
    Metric(
        "output_tokens_mean",
        "Output tokens per call",
        Unit.TOKENS,
        NEUTRAL,
        Kind.MEAN,
        "Mean output tokens over the calls that sent them.",
        parts=(Counter.OUTPUT_TOKENS,),
        of=(Counter.WITH_OUTPUT_TOKENS,),
        distribution=Distribution.OUTPUT_TOKENS,
        window="30d",
    ),
    rate(
        "cache_hit_rate",
        "Cache hit rate",
        HIGHER,
        (Counter.CACHE_EXACT, Counter.CACHE_SEMANTIC),
        CALLS,
        "Calls answered from the app's own cache, exact or semantic, divided by all calls.",
    ),
    Metric(
        "cached_input_share",
        "Prompt-cache share",
        Unit.RATIO,
        HIGHER,
        Kind.RATIO,
        "Input tokens read from the provider's prompt cache, divided by all input tokens.",
        parts=(Counter.CACHED_INPUT_TOKENS,),
        of=(Counter.INPUT_TOKENS,),
    ),
    *business.COST,
)
