"""What users cost and whether they stay. Pure: no Django here."""

from observatory.metrics.definitions.making import HIGHER, LOWER
from observatory.metrics.metric import Direction, Kind, Metric, Unit


def derived(
    name: str, title: str, unit: Unit, direction: Direction, least: int, doc: str, window: str = "month"
) -> Metric:
    """A metric by a function of `derived.people`."""
    return Metric(
        name, title, unit, direction, Kind.DERIVED, doc, minimum_sample=least, window=window, has_series=False
    )


def user_cost(percent: int, least: int) -> Metric:
    """A quantile of the users' costs."""
    doc = f"{percent}% of the users cost no more than this in the window, a calendar month unless told. Exact; calls without a user are nobody's."
    return derived(f"user_cost_p{percent}", f"Cost per user, p{percent}", Unit.USD, LOWER, least, doc)


def retention(after: int) -> Metric:
    """Who of those who activated so many days ago still calls."""
    doc = (
        f"Of the users who activated {after} to {after + 29} days before the window's last whole local day, those with a call in the 30 days up to it. "
        "Activated: their first call or first `activated` event, whichever came first."
    )
    return derived(f"retention_{after}", f"Retention, {after} days", Unit.RATIO, HIGHER, 20, doc, "30d")


COST: tuple[Metric, ...] = (
    derived(
        "cost_per_mau_change",
        "Cost per active user, month over month",
        Unit.RATIO,
        LOWER,
        10,
        "Cost per distinct user of days 1 to d of this month divided by that of days 1 to d of the month before, minus one; d is the last whole local day (at most the shorter month's last). Unknown until both months began with calls known.",
    ),
    user_cost(90, 10),
    user_cost(95, 20),
    user_cost(99, 100),
    derived(
        "user_cost_top1_share",
        "Cost share of the top 1 %",
        Unit.RATIO,
        LOWER,
        100,
        "What the most expensive 1 % of the window's users have of all users' cost.",
    ),
    derived(
        "user_cost_max_multiple",
        "Largest user against the average",
        Unit.TIMES,
        LOWER,
        10,
        "How many times the average user's cost the most expensive user of the window costs.",
    ),
)
ENGAGEMENT: tuple[Metric, ...] = tuple(retention(after) for after in (30, 60, 90))
