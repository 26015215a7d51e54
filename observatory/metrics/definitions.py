"""Every metric, declared as data: what it counts, in which unit, which direction is bad. Pure: no Django here.

A new metric is one entry here, a row in docs/reference/metrics.md and, when nothing counts it yet, a counter in
`layout`.
"""

from dataclasses import replace

from ingest.dimensions import FeedbackKind
from observatory.metrics.layout import (
    COST_COUNTERS,
    ERROR_COUNTERS,
    FLAG_COUNTERS,
    MICRO,
    NANO,
    OUTAGES,
    Counter,
    Distribution,
)
from observatory.metrics.metric import Direction, Kind, Metric, Unit

__all__ = ["LATENCY_BUDGETS_MS", "METRICS", "Direction", "Kind", "Metric", "Unit"]

CALLS = (Counter.CALLS,)
COSTS = tuple(COST_COUNTERS.values())
THUMBS = (Counter.THUMBS_UP, Counter.THUMBS_DOWN)
OUTCOMES = (Counter.COMPLETED, Counter.ABANDONED, Counter.REDONE)
PRICED = (Counter.PRICED_CALLS, Counter.COST_RECORDS)
RATE_SAMPLE = 20

LATENCY_BUDGETS_MS: dict[str, tuple[float, float] | None] = {
    "inline": (500.0, 1_500.0),
    "on_demand": (3_000.0, 8_000.0),
    "background": (30_000.0, 90_000.0),
    "async_job": None,
}
"""A feature type's budget for latency_p50 and latency_p95."""

_LOWER, _HIGHER, _NEUTRAL = Direction.LOWER, Direction.HIGHER, Direction.NEUTRAL


def _rate(
    name: str, title: str, direction: Direction, parts: tuple[Counter, ...], of: tuple[Counter, ...], doc: str
) -> Metric:
    return Metric(name, title, Unit.RATIO, direction, Kind.RATE, doc, parts, of, minimum_sample=RATE_SAMPLE)


def _failures(error: str, counter: Counter) -> Metric:
    doc = f"Calls that failed with the class {error}, divided by all calls."
    return _rate(f"{error}_error_rate", f"Errors: {error.replace('_', ' ')}", _LOWER, (counter,), CALLS, doc)


def _feedback(needs: FeedbackKind, metric: Metric) -> Metric:
    return replace(metric, needs=needs)


def _quantile(name: str, title: str, of: Distribution, share: float, least: int, what: str) -> Metric:
    doc = f"{what}: {share:.0%} of the values are not above it. From a mergeable histogram, within 1 %."
    return Metric(name, title, Unit.MS, _LOWER, Kind.QUANTILE, doc, distribution=of, share=share, minimum_sample=least)


def _cost(name: str, title: str, parts: tuple[Counter, ...], doc: str) -> Metric:
    return Metric(
        name, title, Unit.USD, _LOWER, Kind.COUNT, doc, parts, PRICED, scale=1 / NANO, known_by=PRICED, window="30d"
    )


def _users(name: str, title: str, days: int, doc: str) -> Metric:
    return Metric(name, title, Unit.USERS, _HIGHER, Kind.USERS, doc, days=days, window="30d")


def _later(name: str, title: str, unit: Unit, direction: Direction) -> Metric:
    doc = "Declared, not instrumented yet: it comes with the review queue."
    return Metric(name, title, unit, direction, Kind.NOT_INSTRUMENTED, doc)


_HEALTH = (
    Metric(
        "calls",
        "Calls",
        Unit.COUNT,
        _NEUTRAL,
        Kind.COUNT,
        "Interactions, failed ones included.",
        parts=CALLS,
        of=CALLS,
    ),
    _rate("error_rate", "Error rate", _LOWER, (Counter.ERRORS,), CALLS, "Failed calls divided by all calls."),
    _rate(
        "timeout_rate",
        "Timeout rate",
        _LOWER,
        (Counter.ERRORS_TIMEOUT,),
        CALLS,
        "Calls that failed by a timeout, divided by all calls.",
    ),
    _rate(
        "rate_limited_rate",
        "Rate-limited rate",
        _LOWER,
        (Counter.ERRORS_RATE_LIMIT,),
        CALLS,
        "Calls that failed by the provider's rate limit, divided by all calls.",
    ),
    *(_failures(error.name.lower(), counter) for error, counter in list(ERROR_COUNTERS.items())[2:]),
    Metric(
        "availability",
        "Availability",
        Unit.RATIO,
        _HIGHER,
        Kind.RATE,
        "One minus the calls that failed by timeout, rate limit, network or server error, divided by all calls.",
        parts=OUTAGES,
        of=CALLS,
        is_complement=True,
        minimum_sample=RATE_SAMPLE,
    ),
    Metric(
        "uptime",
        "Uptime",
        Unit.RATIO,
        _HIGHER,
        Kind.RATIO,
        "Share of the minutes with traffic that were not down (down: at least 5 calls, over half not available).",
        parts=(Counter.MINUTES_DOWN,),
        of=(Counter.MINUTES_WITH_TRAFFIC,),
        is_complement=True,
    ),
    _quantile("latency_p50", "Latency p50", Distribution.LATENCY_MS, 0.5, 5, "Time to the whole answer"),
    _quantile("latency_p95", "Latency p95", Distribution.LATENCY_MS, 0.95, 20, "Time to the whole answer"),
    _quantile("latency_p99", "Latency p99", Distribution.LATENCY_MS, 0.99, 100, "Time to the whole answer"),
    _quantile("ttft_p50", "First token p50", Distribution.TIME_TO_FIRST_TOKEN_MS, 0.5, 5, "Time to the first token"),
    _quantile("ttft_p95", "First token p95", Distribution.TIME_TO_FIRST_TOKEN_MS, 0.95, 20, "Time to the first token"),
    _quantile(
        "retrieval_latency_p95",
        "Retrieval p95",
        Distribution.RETRIEVAL_LATENCY_MS,
        0.95,
        20,
        "Time to retrieve documents",
    ),
    Metric(
        "retrieval_score_mean",
        "Retrieval score",
        Unit.RATIO,
        _HIGHER,
        Kind.MEAN,
        "Mean score of the documents found, over the calls that sent one.",
        parts=(Counter.RETRIEVAL_SCORE_MICRO,),
        of=(Counter.RETRIEVALS_SCORED,),
        scale=1 / MICRO,
    ),
    _rate(
        "no_result_rate",
        "Retrievals without a result",
        _LOWER,
        (Counter.RETRIEVALS_EMPTY,),
        (Counter.RETRIEVALS,),
        "Retrievals that found no document, divided by all retrievals.",
    ),
)

_QUALITY = (
    _feedback(
        FeedbackKind.THUMB,
        _rate("thumbs_up_rate", "Thumbs up", _HIGHER, (Counter.THUMBS_UP,), THUMBS, "Thumbs up / (up + down)."),
    ),
    Metric(
        "rating_mean",
        "Rating",
        Unit.RATIO,
        _HIGHER,
        Kind.MEAN,
        "Mean of star ratings, scaled to 0–1.",
        parts=(Counter.RATING_MICRO,),
        of=(Counter.RATINGS,),
        scale=1 / MICRO,
        distribution=Distribution.RATING,
        needs=FeedbackKind.RATING,
        minimum_sample=5,
    ),
    _feedback(
        FeedbackKind.CORRECTION,
        _rate(
            "correction_rate",
            "Correction rate",
            _LOWER,
            (Counter.CORRECTIONS,),
            CALLS,
            "Interactions whose output somebody corrected, divided by all interactions.",
        ),
    ),
    Metric(
        "edit_ratio",
        "Edit ratio",
        Unit.RATIO,
        _LOWER,
        Kind.MEAN,
        "Mean share of the output that was changed, over corrected outputs.",
        parts=(Counter.EDIT_RATIO_MICRO,),
        of=(Counter.EDITS,),
        scale=1 / MICRO,
        needs=FeedbackKind.CORRECTION,
    ),
    _feedback(
        FeedbackKind.ACCEPTANCE,
        _rate(
            "rejection_rate",
            "Rejection rate",
            _LOWER,
            (Counter.DISMISSED,),
            (Counter.ACCEPTED, Counter.DISMISSED),
            "Dismissed / (accepted + dismissed).",
        ),
    ),
    _feedback(
        FeedbackKind.OUTCOME,
        _rate(
            "task_completion_rate",
            "Task completion",
            _HIGHER,
            (Counter.COMPLETED,),
            OUTCOMES,
            "Completed / (completed + abandoned + redone).",
        ),
    ),
    _feedback(
        FeedbackKind.FLAG,
        _rate(
            "flag_rate",
            "Flag rate",
            _LOWER,
            (Counter.FLAGGED,),
            CALLS,
            "Interactions with a flag of any category, divided by all interactions.",
        ),
    ),
    *(
        _feedback(
            FeedbackKind.FLAG,
            _rate(
                f"flag_{category}_rate",
                f"Flagged {category}",
                _LOWER,
                (counter,),
                CALLS,
                f"Interactions flagged as {category}, divided by all interactions.",
            ),
        )
        for category, counter in FLAG_COUNTERS.items()
    ),
    Metric(
        "escalations_24h",
        "Escalations",
        Unit.COUNT,
        _LOWER,
        Kind.EVENTS,
        "Escalations by their own time; 24 hours unless another window is asked for.",
        needs=FeedbackKind.ESCALATION,
        window="24h",
    ),
    _rate(
        "feedback_coverage",
        "Feedback coverage",
        _NEUTRAL,
        (Counter.WITH_FEEDBACK,),
        CALLS,
        "Interactions with any feedback from a user, divided by all interactions.",
    ),
    _later("review_queue_depth", "Review queue", Unit.COUNT, _LOWER),
    _later("review_oldest_age", "Oldest review", Unit.MS, _LOWER),
    _later("human_review_rate", "Human review rate", Unit.RATIO, _NEUTRAL),
    _later("review_pass_rate", "Review pass rate", Unit.RATIO, _HIGHER),
)

_COST = (
    _cost(
        "cost_total", "Cost", COSTS, "All components. Calls whose model has no price are not in it: see unpriced_calls."
    ),
    *(
        _cost(
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
        _LOWER,
        Kind.MEAN,
        "Cost of all components divided by the calls whose price is known.",
        parts=COSTS,
        of=(Counter.PRICED_CALLS,),
        scale=1 / NANO,
        distribution=Distribution.COST_NANO,
    ),
    Metric(
        "cost_per_call_p50",
        "Cost per call, median",
        Unit.USD,
        _LOWER,
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
        _LOWER,
        Kind.PER_USER,
        "Cost of the window divided by its distinct users; over a month: cost per monthly active user.",
        parts=COSTS,
        of=PRICED,
        scale=1 / NANO,
        known_by=PRICED,
        window="30d",
    ),
    Metric(
        "unpriced_calls",
        "Unpriced calls",
        Unit.COUNT,
        _LOWER,
        Kind.COUNT,
        "Calls with tokens whose model has no price: they are in no cost.",
        parts=(Counter.UNPRICED_CALLS,),
        of=CALLS,
    ),
    Metric(
        "input_tokens_mean",
        "Input tokens per call",
        Unit.TOKENS,
        _LOWER,
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
        _NEUTRAL,
        Kind.MEAN,
        "Mean output tokens over the calls that sent them.",
        parts=(Counter.OUTPUT_TOKENS,),
        of=(Counter.WITH_OUTPUT_TOKENS,),
        distribution=Distribution.OUTPUT_TOKENS,
        window="30d",
    ),
    _rate(
        "cache_hit_rate",
        "Cache hit rate",
        _HIGHER,
        (Counter.CACHE_EXACT, Counter.CACHE_SEMANTIC),
        CALLS,
        "Calls answered from the app's own cache, exact or semantic, divided by all calls.",
    ),
    Metric(
        "cached_input_share",
        "Prompt-cache share",
        Unit.RATIO,
        _HIGHER,
        Kind.RATIO,
        "Input tokens read from the provider's prompt cache, divided by all input tokens.",
        parts=(Counter.CACHED_INPUT_TOKENS,),
        of=(Counter.INPUT_TOKENS,),
    ),
)

_ENGAGEMENT = (
    _users(
        "dau",
        "Daily users",
        1,
        "Distinct users with a call in a local day; over several days, the mean of the whole ones.",
    ),
    _users("wau", "Weekly users", 7, "Distinct users with a call in the last 7 local days of the window."),
    _users("mau", "Monthly users", 30, "Distinct users with a call in the last 30 local days of the window."),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_HEALTH, *_QUALITY, *_COST, *_ENGAGEMENT)}
"""Name → definition, in the order of the four dashboards."""
