"""What an active user, an outcome and a dollar of revenue cost; and what many more users would."""

from collections.abc import Sequence

from dashboards import asks, formatting, judged, not_sent, present, samples
from dashboards.components import Breakdown, Empty, Field, Heading, Row, State, Tile, learning_word
from dashboards.lifetime import has_calls, has_users
from dashboards.present import all_models
from dashboards.shown_month import ShownMonth, days_words
from dashboards.view import View
from ingest.dimensions import ABSENT, OTHER
from ingest.timeline import DAY, Window, day_window, local_day
from observatory.metrics import economics, months
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived.revenue import TierShare, revenue_shares
from observatory.metrics.derived.unit_economics import MonthPoint, UnitEconomics, unit_economics
from observatory.metrics.economics import ALL_TIERS, Scale, Verdict
from observatory.metrics.forecasting.growth import Multiplier
from observatory.metrics.reading import Reading
from observatory.metrics.shelf import NAMELESS

PER_USER, OUTCOME, SHARE = "cost_per_mau", "cost_per_outcome", "cost_share_of_revenue"
CHANGE, WORST_TIER, GROWTH = "cost_per_mau_change", "highest_tier_cost_share", "input_tokens_growth"
SCALE, TIERS = "scale", "tiers"
TITLES = {SCALE: "Cost per user as users grow", TIERS: "Cost as a share of revenue"}
MONTHS = 6
TIER_WORDS = {ALL_TIERS: "All tiers", NAMELESS[ABSENT]: "without a tier", NAMELESS[OTHER]: "other tiers"}


def per_user_tile(view: View, month: ShownMonth) -> Tile:
    """Cost per active user of the month's whole days, against the same days of the month before."""
    metric, zone = METRICS[PER_USER], view.project.time_zone
    feature, shown = view.choice.feature, month.window
    last = local_day(min(shown.end, view.now), zone) - DAY
    this, before = months.like_days(max(last, month.first))
    days = Window(day_window(this[0], zone).start, day_window(this[1], zone).end)
    title = f"Cost per active user, {days_words(*this)}"
    read = view.reader.reading(PER_USER, days, feature=feature)
    moved = view.reader.reading(CHANGE, days, feature=feature)
    if not read.sample_size:
        is_unsent = has_calls(view, shown) and not has_users(view)
        nothing = Tile(title, formatting.DASH, PER_USER, State.NO_DATA, definition=metric.doc)
        return not_sent.tile(PER_USER, title, asks.USERS, metric.doc) if is_unsent else nothing
    lines = (
        _like_for_like(read, moved, days_words(*before)),
        f"n = {formatting.count(read.sample_size)} users{all_models(view)}",
    )
    state = judged.state_of(view.rule_states, CHANGE, feature)
    return Tile(title, formatting.amount(read.value), PER_USER, state, "", lines, f"{metric.doc} {METRICS[CHANGE].doc}")


def _like_for_like(now: Reading, moved: Reading, before: str) -> str:
    """'▼ 29 % below 1–21 Oct $0.21', or why it cannot be said."""
    if moved.value is not None and now.value is not None:
        reference = economics.value_before(now.value, moved.value)
        return formatting.against(now.value, reference, "usd", before) or f"no cost, unlike {before}"
    if moved.state == "learning":
        return f"{learning_word(moved.sample_size, METRICS[CHANGE].minimum_sample)} users to compare"
    return f"{before} is not known whole"


def outcome_tile(view: View) -> Tile:
    """Cost per completed task over the page's window."""
    metric = METRICS[OUTCOME]
    if _is_without_outcomes(view):
        title = f"{metric.title}, {present.window_words(view, view.choice.window)}"
        return not_sent.tile(OUTCOME, title, asks.OUTCOMES, metric.doc)
    return present.tile(view, present.Asked(OUTCOME))


def _is_without_outcomes(view: View) -> bool:
    """Whether none ever came; while nothing has had its time, only the days say so."""
    choice, chosen = view.choice, present.where(view, METRICS[OUTCOME])
    read = view.reader.reading(OUTCOME, choice.window, feature=choice.feature, where=chosen)
    if read.state != "no_data":
        return read.state == "not_instrumented"
    points = view.reader.series(OUTCOME, choice.window, "1d", feature=choice.feature, where=chosen)
    return any(point.reading.state == "not_instrumented" for point in points)


def growth_tile(view: View) -> Tile:
    """How prompts grew, 30 days against the 30 before; with its sign."""
    metric, title = METRICS[GROWTH], "Growth of prompts, 30 d"
    chosen = present.where(view, metric)
    read = view.reader.reading(GROWTH, present.last(view, 30 * DAY), feature=view.choice.feature, where=chosen)
    if read.value is None:
        state, word = present.state_of(view, read, metric)
        return Tile(title, formatting.DASH, GROWTH, state, word, (), metric.doc)
    lines = (
        "input tokens per call against the 30 d before",
        f"n = {formatting.count(read.sample_size)}",
    )
    state = judged.state_of(view.rule_states, "input_tokens_mean", view.choice.feature)
    return Tile(title, formatting.change(read.value), GROWTH, state, "", lines, metric.doc)


def shares(view: View, month: ShownMonth) -> list[TierShare]:
    """Each tier's cost and revenue of the month, all tiers first; of the whole project."""
    whole, *tiers = revenue_shares(month.first, view.now)
    return [whole, *sorted(tiers, key=lambda one: (one.tier in NAMELESS.values(), -(one.cost_usd or 0)))]


def revenue_tile(view: View, month: ShownMonth, tiers: Sequence[TierShare]) -> Tile:
    """The share of all revenue, and the tier where it is highest."""
    metric, title, whole = METRICS[SHARE], f"Cost share of revenue, {month.words}", tiers[0]
    worst = max((one for one in tiers[1:] if one.share.value is not None), key=lambda one: one.share.value or 0, default=None)  # fmt: skip
    if whole.revenue_usd is None and worst is None:
        return not_sent.tile(SHARE, title, asks.REVENUE, metric.doc)
    lines = [f"{formatting.amount(whole.cost_usd)} of {formatting.amount(whole.revenue_usd)}, the whole project"]
    if worst is not None:
        lines.append(
            f"highest tier: {worst.tier} {formatting.rate(worst.share.value)}{_without_overhead(whole, worst)}"
        )
    state = judged.state_of(view.rule_states, WORST_TIER, None)
    return Tile(title, formatting.rate(whole.share.value), SHARE, state, "", tuple(lines), metric.doc)


def _without_overhead(whole: TierShare, worst: TierShare) -> str:
    """Why the highest of all tiers can lie below all of them together."""
    is_below = (worst.share.value or 0) < (whole.share.value or 0)
    return ", without overhead, which belongs to no tier" if is_below else ""


def tiers_table(view: View, month: ShownMonth, tiers: Sequence[TierShare]) -> Breakdown:
    """One row a tier; where no revenue was sent there is how to send it."""
    headings = (
        Heading("Tier"),
        Heading("Cost", numeric=True, definition="Of calls that name the tier."),
        Heading("Revenue", numeric=True, definition="The figure revenue_usd; of a month under way, the part that is over."),
        Heading("Share", numeric=True, definition=METRICS[SHARE].doc),
    )  # fmt: skip
    limits = judged.limits_of(view.rule_states, WORST_TIER, None)
    is_sent = any(one.revenue_usd is not None for one in tiers)
    missing = None if is_sent else _no_revenue(month, tiers)
    rows = tuple(_tier(one, judged.beyond(limits, one.share.value)) for one in tiers)
    note = f"{month.words}, the whole project"
    words = " ".join(f"{one.severity.capitalize()} from {formatting.rate(one.value, 0)}." for one in limits)
    return Breakdown(TIERS, TITLES[TIERS], headings, rows, note, words, missing=missing)


def _no_revenue(month: ShownMonth, tiers: Sequence[TierShare]) -> Empty:
    """How to send the month's revenue, of the first tier that has calls."""
    named = [one.tier for one in tiers[1:] if one.tier not in NAMELESS.values()]
    code = samples.figure("revenue_usd", month.first, "2300", named[0] if named else "pro")
    return not_sent.empty("No revenue has been sent for this month.", asks.REVENUE, code)


def _tier(one: TierShare, state: State | None) -> Row:
    name, cost = TIER_WORDS.get(one.tier, one.tier), formatting.amount(one.cost_usd)
    share = Field(formatting.rate(one.share.value), state=state)
    return Row((Field(name), Field(cost), Field(_revenue_words(one)), share), current=one.tier == ALL_TIERS)


def _revenue_words(one: TierShare) -> str:
    """The amount; of a tier without one, that nobody sent it. What has no tier has no revenue."""
    if one.revenue_usd is not None:
        return formatting.amount(one.revenue_usd)
    return formatting.DASH if one.tier in NAMELESS.values() else "not sent"


def scale_table(view: View, multiplier: Multiplier) -> Breakdown:
    """One row a month, then the last whole one at 10, 100 and 1,000 times its users."""
    found = unit_economics(MONTHS, growth=multiplier.value, feature=view.choice.feature, now=view.now)
    headings = (
        Heading("Month"),
        Heading("Active users", numeric=True),
        Heading("Cost", numeric=True),
        Heading("Cost per user", numeric=True, definition=METRICS[PER_USER].doc),
    )
    known = [point for point in found.points if point.users]
    if not known:
        missing = not_sent.empty("No call with a user yet.", asks.USERS)
        return Breakdown(SCALE, TITLES[SCALE], headings, empty=missing)
    rows = [_month(point) for point in known] + [_scaled(one) for one in found.what_if]
    return Breakdown(
        SCALE, TITLES[SCALE], headings, tuple(rows), _verdict(found) + all_models(view), _growth(found, multiplier)
    )


def _month(point: MonthPoint) -> Row:
    name = f"{formatting.MONTHS[point.month.month - 1]} {point.month.year}"
    cost = formatting.amount(point.cost_usd) if point.cost_usd is not None else "no price known"
    of = (formatting.count(point.users), cost, formatting.amount(point.cost_per_user.value))
    return Row((Field(name if point.is_whole else f"{name}, part of it"), *(Field(text) for text in of)))


def _scaled(one: Scale) -> Row:
    of = (formatting.count(one.users), formatting.amount(one.cost_usd), formatting.amount(one.cost_per_user_usd))
    return Row((Field(f"At {formatting.count(one.times)} times the users"), *(Field(text) for text in of)))


def _verdict(found: UnitEconomics) -> str:
    """'creeping up over 4 whole months', or how many there are of those it needs."""
    whole = len(found.whole)
    if found.verdict is Verdict.LEARNING:
        return f"trend: {learning_word(whole, economics.LEAST_MONTHS)} whole months"
    return f"{found.verdict} over {whole} whole months"


def _growth(found: UnitEconomics, multiplier: Multiplier) -> str:
    if not found.whole:
        return "What many more users would cost is told when a whole month with users and costs is known."
    month = found.whole[-1].month
    source = "the planning default" if multiplier.is_default else "fitted from this project’s months"
    return (
        f"At many times the users of {formatting.MONTHS[month.month - 1]} {month.year}: cost ∝ users^{multiplier.value:.2f}, "
        f"{source}. What is paid whoever calls is in it."
    )
