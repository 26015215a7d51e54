"""How derived metrics are computed, in words, with an example of each, and what an empty window says of them.

What the kind of a metric says (`metric.Kind`) is not said here again. Pure: no Django here.
"""

from observatory.metrics.metric import Empty, Worked


def _saved(cache: str) -> Worked:
    return Worked(
        f"over feature and model: calls answered by the {cache} cache × mean cost of a priced call that was not",
        "30 calls of a model came from the cache; its 200 priced others cost 0.40 USD together, 0.002 USD each: "
        "30 × 0.002 = 0.06 USD.",
    )


def _user_cost(percent: int) -> Worked:
    return Worked(
        f"quantile {percent / 100:g} of the users' costs in the window",
        f"1,000 users cost 0.01, 0.02, … 10.00 USD: {percent} % of them cost at most {percent / 10:.2f} USD.",
    )


def _retention(after: int) -> Worked:
    return Worked(
        f"users with a call in the last 30 days / users who activated {after} to {after + 29} days before",
        f"240 users activated {after} to {after + 29} days ago, 141 of them called in the last 30 days: "
        "141 / 240 = 0.5875, shown as 58.8 %.",
    )


def _promoters(whose: str) -> Worked:
    return Worked(
        f"(answers of 9 or 10 − answers of 0 to 6) / answers{whose}",
        "Of 40 answers 20 are 9 or 10 and 12 are 6 or less: (20 − 12) / 40 = 0.2.",
    )


def _tickets(what: str) -> Worked:
    return Worked(f"1,000 × {what} / calls", "6 of them in a window with 4,000 calls: 1,000 × 6 / 4,000 = 1.5.")


def _satisfaction(whose: str) -> Worked:
    return Worked(
        f"sum of score / scale over the answers{whose} / answers",
        "Eight people answer 4 of 5 and two answer 3 of 5: (8 × 0.8 + 2 × 0.6) / 10 = 0.76.",
    )


def _people_tickets(people: str) -> Worked:
    return Worked(f"1,000 × their tickets / {people}", "6 tickets of 1,200 such users: 1,000 × 6 / 1,200 = 5.")


WORKED: dict[str, Worked] = {
    "provider_limit_use": Worked(
        "largest, over the limits entered, of busiest minute / limit",
        "A limit of 500 requests a minute, and 410 calls in the busiest minute: 410 / 500 = 0.82. A limit on tokens that is "
        "used by 0.6 changes nothing.",
    ),
    "cache_savings": Worked(
        "cache_exact_savings + cache_semantic_savings + prompt_cache_savings",
        "0.06 USD by the exact cache, 0.02 by the semantic one and 4.50 by cached input: 4.58 USD.",
    ),
    "cache_exact_savings": _saved("exact"),
    "cache_semantic_savings": _saved("semantic"),
    "prompt_cache_savings": Worked(
        "over model and day: cached input tokens × (price of input − price of cached input)",
        "2,000,000 cached tokens of a model at 3.00 USD a million, 0.75 cached: 2 × (3.00 − 0.75) = 4.50 USD.",
        is_additive=True,
    ),
    "cost_share_of_revenue": Worked(
        "cost / revenue of the same time",
        "June has 30 days and 12,000 USD of revenue, so ten days of it have 4,000; they cost 600 USD: 600 / 4,000 = 0.15.",
        when_empty=Empty.ZERO,
    ),
    "highest_tier_cost_share": Worked(
        "largest, over the tiers with revenue, of cost / revenue of the same time",
        "pro costs 300 of 6,000 USD, 0.05, and free costs 90 of 300 USD, 0.3: 0.3.",
        when_empty=Empty.ZERO,
    ),
    "input_tokens_growth": Worked(
        "mean input tokens of the last 30 days / mean of the 30 before − 1",
        "A call had 1,500 tokens on average in these 30 days and 1,200 in those before: 1,500 / 1,200 − 1 = 0.25, +25 %.",
    ),
    "cost_anomaly": Worked(
        "largest, over the window's whole days, of the share of days that a range must hold to hold that day's cost",
        "The range of 80 % of days is 90 to 110 USD and a day cost 110 USD: 0.8. A day that cost what was expected: 0.",
        when_empty=Empty.AS_EVER,
    ),
    "cost_per_mau_change": Worked(
        "cost per user of days 1 to d of this month / of days 1 to d of the month before − 1",
        "By the 12th this month cost 60 USD for 200 users, 0.30 each; by the 12th of the last one it was 50 USD for 200, "
        "0.25 each: 0.30 / 0.25 − 1 = 0.2.",
    ),
    "user_cost_p90": _user_cost(90),
    "user_cost_p95": _user_cost(95),
    "user_cost_p99": _user_cost(99),
    "user_cost_top1_share": Worked(
        "cost of the most expensive 1 % of users / cost of all users",
        "200 users cost 400 USD, the two most expensive ones 60 of it: 60 / 400 = 0.15.",
    ),
    "user_cost_max_multiple": Worked(
        "cost of the most expensive user / mean cost of a user",
        "200 users cost 400 USD, 2 each; the most expensive one costs 36: 36 / 2 = 18 times.",
    ),
    "adoption_rate": Worked(
        "distinct users of the last 30 days / active users of the product",
        "1,240 people called in the 30 days up to 12 June, and the figure active_users of June is 15,500: 0.08.",
        when_empty=Empty.ZERO,
    ),
    "mau_share_change_8w": Worked(
        "adoption rate / adoption rate 56 days before − 1",
        "Adoption is 0.08 and was 0.10 eight weeks before: 0.08 / 0.10 − 1 = −0.2.",
    ),
    "opt_out_rate": Worked(
        "users whose last word is opted_out / users who activated",
        "80 users activated; 6 opted out, and 2 of these opted in again: 4 / 80 = 0.05. While nobody says more it stays so.",
        when_empty=Empty.AS_EVER,
    ),
    "nps": _promoters(""),
    "nps_ai_users": _promoters(" of people with a call in the 30 days before"),
    "nps_non_users": _promoters(" of people whom the app reports as being without"),
    "satisfaction": _satisfaction(""),
    "satisfaction_ai_users": _satisfaction(" of those who called within 30 days before"),
    "satisfaction_non_users": _satisfaction(" of those said to be without AI"),
    "ticket_rate": _tickets("tickets"),
    "ticket_rate_ai_users": _people_tickets("users with a call in the window's days"),
    "ticket_rate_non_users": _people_tickets("users said to be without AI in the window's days"),
    "ticket_accuracy_rate": _tickets("tickets of the category accuracy"),
    "retention_30": _retention(30),
    "retention_60": _retention(60),
    "retention_90": _retention(90),
}
"""Name of a derived metric → how it is computed."""
