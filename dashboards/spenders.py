"""What users cost in a month: the Lorenz curve, a usual and a dear user, and the dearest by name."""

from collections.abc import Sequence

from dashboards import asks, formatting, judged, not_sent, panels
from dashboards.charts.curves import lorenz
from dashboards.charts.data import Frame, Limit
from dashboards.components import Breakdown, Empty, Field, Heading, Link, Panel, Row, State, Tile, learning_word
from dashboards.filters import rfc3339
from dashboards.lifetime import has_calls
from dashboards.present import all_models
from dashboards.shown_month import ShownMonth
from dashboards.view import View
from ingest.timeline import DAY
from observatory.metrics import series
from observatory.metrics.definitions import METRICS
from observatory.metrics.people import TOP, Spender, UserCosts

LISTED = 8
CURVE, DEAR, DEAREST, MULTIPLE = "lorenz", "user_costs", "dearest", "user_cost_max_multiple"
TITLES = {CURVE: "Who causes the cost", DEAR: "What a user costs", DEAREST: "The dearest users"}
FEW, FEW_TOP = 100, 0.1
"""One in a hundred of fewer users than this is nobody: then it is one in ten."""
QUANTILES = ((0.5, "Half of the users", 10), (0.9, "90 % of the users", 10), (0.95, "95 % of the users", 20), (0.99, "99 % of the users", 100))  # fmt: skip
NO_PRICES = "No call with a user has a known price."
CURVE_DOC = (
    "Users from the cheapest to the dearest, and what share of their cost all up to each cause. On the dashed line everybody would cost the same; "
    "the further the curve sags below it, the fewer users carry the cost."
)


def ask(view: View, month: ShownMonth) -> UserCosts:
    """The month's costs of users, of the chosen feature or of all."""
    return series.users(month.window, feature=view.choice.feature, largest=LISTED, now=view.now)


def curve_panel(view: View, month: ShownMonth, found: UserCosts) -> Panel:
    """The Lorenz curve beside the line of equality."""
    note = f"{_about(view, month, found)}; share of users → share of cost"
    if not found.lorenz:
        return Panel(CURVE, TITLES[CURVE], note, empty=nothing(view, month, found))
    frame = Frame(month.window.start, month.window.end, DAY, view.zone)
    is_many = found.users >= FEW
    chart = lorenz(
        "Cost by user", found.lorenz, frame, TOP if is_many else FEW_TOP, found.top1_share if is_many else None
    )
    return panels.panel(view, CURVE, TITLES[CURVE], chart, note, None, CURVE_DOC)


def nothing(view: View, month: ShownMonth, found: UserCosts) -> Empty:
    """Why there are no users' costs."""
    if found.users:
        unpriced = Link("The interactions without a price", view.url("interactions/", cost="unpriced"))
        return Empty("not instrumented", NO_PRICES, link=unpriced)
    if not has_calls(view, month.window):
        return panels.nothing_here(view)
    return not_sent.empty("No call with a user in this month.", asks.USERS)


def costs_table(view: View, month: ShownMonth, found: UserCosts, whole_usd: float | None) -> Breakdown:
    """The average user, and what so many of the users do not exceed. `whole_usd`: the month's cost of everything."""
    headings = (
        Heading("User"),
        Heading("Cost", numeric=True, definition="Of a user's own calls in the month, all components."),
        Heading("Against the average", numeric=True),
    )
    note = _about(view, month, found)
    if found.total_usd is None or found.mean_usd is None:
        return Breakdown(DEAR, TITLES[DEAR], headings, note=note, empty=nothing(view, month, found))
    mean = found.mean_usd
    rows = [Row((Field("The average user"), Field(formatting.amount(mean)), Field(_times(1.0))))]
    rows += [_quantile(found, share, words, least) for share, words, least in QUANTILES]
    rows += [
        Row((Field("The dearest user"), Field(formatting.amount(one.cost_usd)), Field(_times(one.multiple))))
        for one in found.largest[:1]
    ]
    rows.append(Row((Field("The top 1 % of users together"), *_top(found))))
    return Breakdown(DEAR, TITLES[DEAR], headings, tuple(rows), note, _of_whole(found.total_usd, whole_usd))


def _quantile(found: UserCosts, share: float, words: str, least: int) -> Row:
    """What so many users do not exceed, where they are enough for it."""
    name = f"{words}, at most"
    if found.users < least or not found.mean_usd:
        return Row(
            (Field(name), Field(learning_word(found.users, least), state=State.LEARNING), Field(formatting.DASH))
        )
    cost = found.percentiles[share]
    return Row((Field(name), Field(formatting.amount(cost)), Field(_times(cost / found.mean_usd))))


def _top(found: UserCosts) -> Sequence[Field]:
    least = METRICS["user_cost_top1_share"].minimum_sample
    if found.users < least or found.total_usd is None or found.top1_share is None:
        return Field(learning_word(found.users, least), state=State.LEARNING), Field(formatting.DASH)
    cost = formatting.amount(found.top1_share * found.total_usd)
    return Field(cost), Field(f"{formatting.rate(found.top1_share)} of all users’")


def _of_whole(total: float, whole: float | None) -> str:
    """Why the average is below the cost per active user."""
    if not whole or whole <= total:
        return ""
    return (
        f"{formatting.amount(total)} of the month’s {formatting.amount(whole)} are of calls with a user; "
        "the rest (servers, calls without a user) is in the cost per active user only."
    )


def dearest_table(view: View, month: ShownMonth, found: UserCosts) -> Breakdown:
    """The dearest users, each leading to their interactions of the month."""
    headings = (
        Heading("User"),
        Heading("Calls", numeric=True),
        Heading("Cost", numeric=True),
        Heading("Of all users’", numeric=True),
        Heading("Against the average", numeric=True, definition=METRICS[MULTIPLE].doc),
    )
    note = _about(view, month, found)
    if not found.total_usd:
        return Breakdown(DEAREST, TITLES[DEAREST], headings, note=note, empty=nothing(view, month, found))
    limits = judged.limits_of(view.rule_states, MULTIPLE, None)
    rows = tuple(
        _spender(view, month, one, found.total_usd, judged.beyond(limits, one.multiple)) for one in found.largest
    )
    return Breakdown(DEAREST, TITLES[DEAREST], headings, rows, note, _limit_words(limits))


def _spender(view: View, month: ShownMonth, one: Spender, total: float, state: State | None) -> Row:
    return Row(
        (
            Field(one.user_id, _interactions_of(view, month, one.user_id)),
            Field(formatting.count(one.calls)),
            Field(formatting.amount(one.cost_usd)),
            Field(formatting.rate(one.cost_usd / total)),
            Field(_times(one.multiple), state=state),
        )
    )


def _interactions_of(view: View, month: ShownMonth, user: str) -> str:
    """The list of a user's interactions of the month."""
    span = {"from": rfc3339(month.window.start), "to": rfc3339(month.window.end)}
    return view.url("interactions/", q=user, range=None, model=None, **span)


def tile(view: View, month: ShownMonth, found: UserCosts) -> Tile:
    """The dearest user against the average, and what the top 1 % have of the cost."""
    metric, title = METRICS[MULTIPLE], f"Dearest user, {month.words}"
    if not found.users and has_calls(view, month.window):
        return not_sent.tile(MULTIPLE, title, asks.USERS, metric.doc)
    if not found.largest or not found.total_usd:
        why = (NO_PRICES,) if found.users else ()
        return Tile(title, formatting.DASH, MULTIPLE, State.NO_DATA, "", why, metric.doc)
    if found.users < metric.minimum_sample:
        word = learning_word(found.users, metric.minimum_sample)
        return Tile(title, formatting.DASH, MULTIPLE, State.LEARNING, word, (), metric.doc)
    lines = [f"the average user’s {formatting.amount(found.mean_usd)}"]
    if found.users >= FEW:
        lines.append(f"top 1 % of users: {formatting.rate(found.top1_share)} of the cost")
    lines.append(f"n = {formatting.count(found.users)} users{all_models(view)}")
    state = judged.state_of(view.rule_states, MULTIPLE, view.choice.feature)
    return Tile(title, _times(found.largest[0].multiple), MULTIPLE, state, "", tuple(lines), metric.doc)


def _about(view: View, month: ShownMonth, found: UserCosts) -> str:
    """'Nov so far, 610 users'."""
    counting = "" if found.is_complete else ", still being counted"
    users = f", {formatting.count(found.users)} users" if found.users else ""
    return f"{month.words}{users}{all_models(view)}{counting}"


def _times(multiple: float | None) -> str:
    return formatting.value(multiple, "times")


def _limit_words(limits: Sequence[Limit]) -> str:
    return "".join(f"{one.severity.capitalize()} from {_times(one.value)}. " for one in limits).rstrip()
