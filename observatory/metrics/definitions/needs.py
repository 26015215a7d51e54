"""What must ever have been sent for a number to mean anything: without it zero would be a lie. Pure: no Django here.

Interactions are always needed and not named. What a kind of feedback or a histogram says is not said here again.
"""

from ingest.dimensions import FeedbackKind, FigureName
from observatory.metrics.layout import COST_COUNTERS, Counter, Distribution
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.sources import Entered, Source, entered, feedback, field, figure, timed

PRICES = Source(
    "tokens or cost_usd with interactions, or costs",
    counters=(Counter.PRICED_CALLS, Counter.UNPRICED_CALLS, Counter.COST_RECORDS),
)
USERS = entered(Entered.USERS)
INPUT = field("input_tokens", Counter.WITH_INPUT_TOKENS)
EXACT = field('cache "exact"', Counter.CACHE_EXACT)
SEMANTIC = field('cache "semantic"', Counter.CACHE_SEMANTIC)
PROMPT_CACHE = field("cached_input_tokens", Counter.CACHED_INPUT_TOKENS)
ACTIVE_USERS = figure(FigureName.ACTIVE_USERS)
REVENUE = figure(FigureName.REVENUE_USD)
NPS = feedback(FeedbackKind.NPS)
SURVEYS = feedback(FeedbackKind.SURVEY)
TICKETS = feedback(FeedbackKind.TICKET)
CONTROLS = entered(Entered.CONTROLS)

_OF_HISTOGRAMS = {
    Distribution.LATENCY_MS: timed("latency_ms", Distribution.LATENCY_MS),
    Distribution.TIME_TO_FIRST_TOKEN_MS: timed("time_to_first_token_ms", Distribution.TIME_TO_FIRST_TOKEN_MS),
    Distribution.RETRIEVAL_LATENCY_MS: timed("retrieval.latency_ms", Distribution.RETRIEVAL_LATENCY_MS),
    Distribution.COST_NANO: PRICES,
}
_NAMED: dict[str, tuple[Source, ...]] = {
    "retrieval_score_mean": (field("retrieval.documents with a score", Counter.RETRIEVALS_SCORED),),
    "no_result_rate": (field("retrieval", Counter.RETRIEVALS),),
    "peak_tokens_per_minute": (
        field("input_tokens or output_tokens", Counter.WITH_INPUT_TOKENS, Counter.WITH_OUTPUT_TOKENS),
    ),
    "provider_limit_use": (entered(Entered.LIMITS),),
    "feedback_coverage": (Source("feedback on interactions", counters=(Counter.WITH_FEEDBACK,)),),
    "cost_total": (PRICES,),
    "cost_model_tokens": (PRICES,),
    "cost_per_call_model_tokens": (PRICES,),
    **{
        f"{name}_{component.name.lower()}": (
            Source(f'costs of the component "{component.name.lower()}"', counters=(counter,)),
        )
        for component, counter in COST_COUNTERS.items()
        for name in ("cost", "cost_per_call")
        if counter is not Counter.COST_MODEL_TOKENS
    },
    "cost_per_call": (PRICES,),
    "cost_per_mau": (PRICES, USERS),
    "cost_anomaly": (PRICES,),
    "cost_per_outcome": (PRICES,),
    "input_tokens_mean": (INPUT,),
    "input_tokens_growth": (INPUT,),
    "output_tokens_mean": (field("output_tokens", Counter.WITH_OUTPUT_TOKENS),),
    "cache_hit_rate": (field("cache", Counter.CACHE_EXACT, Counter.CACHE_SEMANTIC),),
    "cached_input_share": (PROMPT_CACHE,),
    "cache_exact_hit_rate": (EXACT,),
    "cache_semantic_hit_rate": (SEMANTIC,),
    "cache_exact_savings": (EXACT,),
    "cache_semantic_savings": (SEMANTIC,),
    "prompt_cache_savings": (PROMPT_CACHE,),
    "cache_savings": (
        field("cache or cached_input_tokens", Counter.CACHE_EXACT, Counter.CACHE_SEMANTIC, Counter.CACHED_INPUT_TOKENS),
    ),
    "cost_share_of_revenue": (PRICES, REVENUE),
    "highest_tier_cost_share": (PRICES, REVENUE),
    "cost_per_mau_change": (PRICES, USERS),
    "user_cost_p90": (PRICES, USERS),
    "user_cost_p95": (PRICES, USERS),
    "user_cost_p99": (PRICES, USERS),
    "user_cost_top1_share": (PRICES, USERS),
    "user_cost_max_multiple": (PRICES, USERS),
    "adoption_rate": (USERS, ACTIVE_USERS),
    "mau_share_change_8w": (USERS, ACTIVE_USERS),
    "opt_out_rate": (entered(Entered.ACTIVATIONS),),
    "nps": (NPS,),
    "nps_ai_users": (NPS, USERS),
    "nps_non_users": (NPS, CONTROLS),
    "satisfaction": (SURVEYS,),
    "satisfaction_ai_users": (SURVEYS, USERS),
    "satisfaction_non_users": (SURVEYS, CONTROLS),
    "ticket_rate": (TICKETS,),
    "ticket_rate_ai_users": (TICKETS, USERS),
    "ticket_rate_non_users": (TICKETS, CONTROLS),
    "ticket_accuracy_rate": (TICKETS,),
    "retention_30": (USERS,),
    "retention_60": (USERS,),
    "retention_90": (USERS,),
}


def of(metric: Metric) -> tuple[Source, ...]:
    """All that a metric needs."""
    found: list[Source] = []
    if metric.needs:
        # An app that tells of copies need not tell of shares.
        found.append(feedback(metric.needs, metric.parts if metric.needs is FeedbackKind.IMPLICIT else ()))
    if metric.kind is Kind.QUANTILE and metric.distribution in _OF_HISTOGRAMS:
        found.append(_OF_HISTOGRAMS[metric.distribution])
    if metric.kind is Kind.USERS:
        found.append(USERS)
    return (*found, *_NAMED.get(metric.name, ()))
