"""The derived metrics that come from events, from figures of the business and from combinations of sums."""

from collections.abc import Callable, Sequence

from ingest.timeline import Window
from observatory.metrics.derived import adoption, growth, headroom, revenue, savings, voices
from observatory.metrics.reading import Reading
from observatory.metrics.shelf import Filter, Shelf

FORMULAS: dict[str, Callable[[Shelf, Sequence[Window], Filter], list[Reading]]] = {
    "provider_limit_use": headroom.most_used,
    **savings.CACHES,
    "cache_savings": savings.all_caches,
    "cost_share_of_revenue": revenue.cost_share,
    "highest_tier_cost_share": revenue.highest_cost_share,
    "input_tokens_growth": growth.input_tokens,
    "adoption_rate": adoption.rate,
    "mau_share_change_8w": adoption.change,
    "opt_out_rate": adoption.opt_outs,
    "nps": voices.recommendations(),
    "nps_ai_users": voices.recommendations(voices.AI_USERS, voices.CALLED_WITHIN),
    "nps_non_users": voices.recommendations(voices.NON_USERS),
    "satisfaction": voices.satisfaction(),
    "satisfaction_ai_users": voices.satisfaction(voices.AI_USERS, voices.CALLED_WITHIN),
    "satisfaction_non_users": voices.satisfaction(voices.NON_USERS),
    "ticket_rate": voices.tickets(),
    "ticket_accuracy_rate": voices.tickets(voices.ACCURACY),
    "ticket_rate_ai_users": voices.people_tickets(voices.WITH_AI),
    "ticket_rate_non_users": voices.people_tickets(voices.WITHOUT_AI),
}
"""Name of the metric → how it is computed."""
