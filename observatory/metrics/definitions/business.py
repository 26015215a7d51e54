"""What comes from events by their own time, from figures of the business and from combinations. Pure: no Django here."""

from ingest.dimensions import FeedbackKind
from observatory.metrics.definitions.making import (
    CALLS,
    COSTS,
    HIGHER,
    LOWER,
    NEUTRAL,
    PRICED,
    RATE_SAMPLE,
    feedback,
    rate,
)
from observatory.metrics.layout import MARK_COUNTERS, MICRO, NANO, Counter
from observatory.metrics.metric import Direction, FilteredBy, Kind, Metric, Unit

LEAST_CALLS = 100
OWN_CACHE = (
    Counter.CACHE_EXACT,
    Counter.CACHE_SEMANTIC,
    Counter.PRICED_CALLS,
    Counter.CALLS_NANO,
    Counter.CACHED_PRICED_CALLS,
    Counter.CACHED_CALLS_NANO,
)
_MARKED = {
    "cost": "whose cost lies beyond the feature's usual p99.9",
    "latency": "whose latency lies beyond the feature's usual p99.9",
    "tokens": "with more input or output tokens than the feature's usual p99.9",
    "length": "whose prompt or output is longer than the feature's usual p99.9",
    "empty": "whose output is empty",
    "cut_off": "whose output was cut off",
    "refusal": "whose output is a refusal",
    "repeat": "whose output the feature had given several times within a day",
}


def derived(
    name: str,
    title: str,
    unit: Unit,
    direction: Direction,
    doc: str,
    *,
    parts: tuple[Counter, ...] = (),
    minimum_sample: int = 1,
    window: str = "30d",
    by: FilteredBy = FilteredBy.FEATURE,
) -> Metric:
    """What a function of `derived` computes; `parts` are the counters that it reads, `by` what it can be filtered by."""
    return Metric(
        name,
        title,
        unit,
        direction,
        Kind.DERIVED,
        doc,
        parts,
        minimum_sample=minimum_sample,
        window=window,
        derived_by=by,
    )


def _cache_savings(kind: str) -> Metric:
    doc = (
        f"Calls answered from the app's own cache ({kind}) × the mean cost of the calls of the same feature and model "
        "that were not. Models without a price are left out."
    )
    title = f"Saved by the {kind} cache"
    return derived(f"cache_{kind}_savings", title, Unit.USD, HIGHER, doc, parts=OWN_CACHE, by=FilteredBy.MODEL)


def _implicit(name: str, title: str, counter: Counter, what: str) -> Metric:
    doc = f"Interactions whose output somebody {what}, divided by all interactions."
    return feedback(FeedbackKind.IMPLICIT, rate(name, title, HIGHER, (counter,), CALLS, doc))


def _peak(name: str, title: str, counter: Counter, what: str) -> Metric:
    doc = f"The most {what} in a single minute of the window (UTC); of peaks the highest stands, nothing is added up."
    known_by = (Counter.PEAK_CALLS,)
    return Metric(name, title, Unit.COUNT, NEUTRAL, Kind.COUNT, doc, (counter,), CALLS, known_by=known_by, window="24h")


HEALTH = (
    _peak("peak_requests_per_minute", "Busiest minute, requests", Counter.PEAK_CALLS, "calls"),
    _peak("peak_tokens_per_minute", "Busiest minute, tokens", Counter.PEAK_TOKENS, "input and output tokens together"),
    derived(
        "provider_limit_use",
        "Use of provider limits",
        Unit.RATIO,
        LOWER,
        "The largest share of a limit entered for a provider or a model (requests or tokens per minute) that a single minute used.",
        parts=(Counter.PEAK_CALLS, Counter.PEAK_TOKENS),
        window="24h",
        by=FilteredBy.PROJECT,
    ),
)
QUALITY = (
    feedback(
        FeedbackKind.EVALUATION,
        Metric(
            "evaluation_score",
            "Evaluation score",
            Unit.SCORE,
            HIGHER,
            Kind.MEAN,
            "Mean of the scores that evaluators (a judge model or a test) sent, as they sent them; all evaluators together.",
            parts=(Counter.EVALUATION_MICRO,),
            of=(Counter.EVALUATIONS,),
            scale=1 / MICRO,
            minimum_sample=5,
        ),
    ),
    rate(
        "outlier_rate",
        "Outliers",
        LOWER,
        (Counter.OUTLIERS,),
        CALLS,
        "Interactions with any outlier mark, divided by all interactions.",
    ),
    *(
        rate(
            f"outlier_{mark}_rate",
            f"Outliers: {mark.replace('_', ' ')}",
            LOWER,
            (counter,),
            CALLS,
            f"Interactions {_MARKED[mark]}, divided by all interactions.",
        )
        for mark, counter in MARK_COUNTERS.items()
    ),
)
COST = (
    rate(
        "cache_exact_hit_rate",
        "Cache hit rate, exact",
        HIGHER,
        (Counter.CACHE_EXACT,),
        CALLS,
        "Calls answered from the app's cache of equal questions, divided by all calls.",
    ),
    rate(
        "cache_semantic_hit_rate",
        "Cache hit rate, semantic",
        HIGHER,
        (Counter.CACHE_SEMANTIC,),
        CALLS,
        "Calls answered from the app's cache of similar questions, divided by all calls.",
    ),
    _cache_savings("exact"),
    _cache_savings("semantic"),
    derived(
        "prompt_cache_savings",
        "Saved by the prompt cache",
        Unit.USD,
        HIGHER,
        "Input tokens read from the provider's prompt cache × (price of input − price of cached input), by model and day. "
        "Models without a price are left out.",
        parts=(Counter.CACHED_INPUT_TOKENS,),
        by=FilteredBy.DIMENSIONS,
    ),
    derived(
        "cache_savings",
        "Saved by caches",
        Unit.USD,
        HIGHER,
        "What the three caches saved together. One of which it is unknown is left out; the sample is how many are in it.",
        parts=(*OWN_CACHE, Counter.CACHED_INPUT_TOKENS),
        by=FilteredBy.MODEL,
    ),
    feedback(
        FeedbackKind.OUTCOME,
        Metric(
            "cost_per_outcome",
            "Cost per outcome",
            Unit.USD,
            LOWER,
            Kind.MEAN,
            "Cost of all components divided by the completed tasks.",
            parts=COSTS,
            of=(Counter.COMPLETED,),
            scale=1 / NANO,
            known_by=PRICED,
            minimum_sample=5,
            window="30d",
        ),
    ),
    derived(
        "cost_share_of_revenue",
        "Cost share of revenue",
        Unit.RATIO,
        LOWER,
        "Cost divided by the revenue of the same time, of all tiers or of one; a month's figure is spread evenly over it.",
        parts=(*COSTS, *PRICED),
        by=FilteredBy.TIER,
    ),
    derived(
        "highest_tier_cost_share",
        "Cost share of revenue, highest tier",
        Unit.RATIO,
        LOWER,
        "Cost divided by the revenue of the same time in the tier where that is most; in all where none is told apart.",
        parts=(*COSTS, *PRICED),
    ),
    derived(
        "input_tokens_growth",
        "Growth of prompts",
        Unit.RATIO,
        LOWER,
        "Mean input tokens per call of the last 30 local days against the 30 before, as a relative change.",
        parts=(Counter.INPUT_TOKENS, Counter.WITH_INPUT_TOKENS),
        minimum_sample=LEAST_CALLS,
        by=FilteredBy.DIMENSIONS,
    ),
)
ENGAGEMENT = (
    derived(
        "adoption_rate",
        "Adoption",
        Unit.RATIO,
        HIGHER,
        "Distinct users of the last 30 local days divided by the product's active users of the month (a figure).",
    ),
    derived(
        "mau_share_change_8w",
        "Adoption against 8 weeks before",
        Unit.RATIO,
        HIGHER,
        "The adoption rate against that of 8 weeks before, as a relative change: negative when the product outgrows the feature.",
        minimum_sample=RATE_SAMPLE,
    ),
    derived(
        "opt_out_rate",
        "Opt-out rate",
        Unit.RATIO,
        LOWER,
        "Users who by the end of the window had opted out of a feature that they activated, divided by all who had activated one.",
        minimum_sample=RATE_SAMPLE,
    ),
    derived(
        "nps",
        "NPS",
        Unit.RATIO,
        HIGHER,
        "Answers of 9 or 10 minus answers of 0 to 6, divided by all answers: −1 to 1.",
        minimum_sample=RATE_SAMPLE,
    ),
    derived(
        "nps_ai_users",
        "NPS of AI users",
        Unit.RATIO,
        HIGHER,
        "The same of those who called an AI feature within 30 days before they answered.",
        minimum_sample=RATE_SAMPLE,
    ),
    derived(
        "nps_non_users",
        "NPS without AI",
        Unit.RATIO,
        HIGHER,
        "The same of those whom the app reports as being without the AI feature (is_control).",
        minimum_sample=RATE_SAMPLE,
    ),
    derived(
        "satisfaction",
        "Satisfaction",
        Unit.RATIO,
        HIGHER,
        "Mean of survey scores, scaled to 0–1, by their own time.",
        minimum_sample=5,
    ),
    derived(
        "satisfaction_ai_users",
        "Satisfaction of AI users",
        Unit.RATIO,
        HIGHER,
        "The same of those who called an AI feature within 30 days before they answered.",
        minimum_sample=5,
    ),
    derived(
        "satisfaction_non_users",
        "Satisfaction without AI",
        Unit.RATIO,
        HIGHER,
        "The same of those whom the app reports as being without the AI feature (is_control).",
        minimum_sample=5,
    ),
    derived(
        "ticket_rate",
        "Tickets per 1,000 calls",
        Unit.PER_THOUSAND,
        LOWER,
        "Tickets by their own time for 1,000 calls of the same window.",
        parts=CALLS,
        minimum_sample=LEAST_CALLS,
    ),
    derived(
        "ticket_accuracy_rate",
        "Accuracy tickets per 1,000 calls",
        Unit.PER_THOUSAND,
        LOWER,
        "Tickets of the category accuracy by their own time for 1,000 calls of the same window.",
        parts=CALLS,
        minimum_sample=LEAST_CALLS,
    ),
    derived(
        "ticket_rate_ai_users",
        "Tickets per 1,000 AI users",
        Unit.PER_THOUSAND,
        LOWER,
        "Tickets of those who called an AI feature within 30 days before, for 1,000 users with a call in the window's days.",
        minimum_sample=RATE_SAMPLE,
    ),
    derived(
        "ticket_rate_non_users",
        "Tickets per 1,000 without AI",
        Unit.PER_THOUSAND,
        LOWER,
        "Tickets of those reported as being without the AI feature, for 1,000 users reported so in the window's days.",
        minimum_sample=RATE_SAMPLE,
    ),
    _implicit("copy_rate", "Copied", Counter.COPIES, "copied"),
    _implicit("share_rate", "Shared", Counter.SHARES, "shared"),
    _implicit("follow_rate", "Followed", Counter.FOLLOWS, "followed"),
)
