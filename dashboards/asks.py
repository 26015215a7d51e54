"""What a number needs that a project has not sent yet: the one thing to send, a command that sends it, and where the manual
tells of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from dashboards import formatting, samples
from dashboards.components import Empty, Link, not_sent
from dashboards.view import View
from ingest import figures
from ingest.dimensions import FigureName
from ingest.timeline import DAY, day_start, local_day
from observatory.metrics.derived.adoption import MAU_DAYS, WEEKS
from observatory.metrics.economics import STANDS_IN
from observatory.metrics.months import month_after, month_of
from observatory.metrics.reading import Point, Reading, State

MANUAL = "/api/docs/#{}"
HOW = "How to send it"
CHANGE = "mau_share_change_8w"
CHANGE_DAYS = WEEKS * 7 + MAU_DAYS - 1
"""A project, or a feature, has to be so many days older than the first change over 8 weeks."""


@dataclass(frozen=True, slots=True)
class Ask:
    """`what` is the one field or event, `path` the address that takes it, `body` an example."""

    what: str
    path: str
    body: str

    @property
    def link(self) -> Link:
        """The place in the manual."""
        return Link(HOW, MANUAL.format(f"post_{self.path}"))

    @property
    def empty(self) -> Empty:
        """What stands instead of a drawing."""
        return not_sent(self.what, self.link.url, self.code)

    @property
    def short(self) -> Empty:
        """The same where there is little room."""
        return not_sent(self.what, self.link.url)

    @property
    def code(self) -> str:
        """The command that sends the example."""
        return samples.post(self.path, self.body)


ACTIVE_USERS = Ask("the figure active_users", "figures", '{"month": "2026-11", "name": "active_users", "value": 15350}')
OPT_OUTS = Ask("user events activated, opted_out", "users", '{"user_id": "u-1", "event": "activated", "feature": "write-draft"}')  # fmt: skip
CONTROL = Ask("user events seen with is_control", "users", '{"user_id": "u-9", "event": "seen", "is_control": true}')
NPS = Ask("feedback of kind nps", "feedback", '{"kind": "nps", "user_id": "u-1", "value": 9}')
SURVEY = Ask("feedback of kind survey", "feedback", '{"kind": "survey", "user_id": "u-1", "score": 4, "scale": 5}')
TICKET = Ask("feedback of kind ticket", "feedback", '{"kind": "ticket", "feature": "write-draft", "category": "accuracy"}')  # fmt: skip
RATING = Ask("feedback of kind rating", "feedback", '{"interaction_id": "wd-1", "kind": "rating", "value": 4, "scale": 5}')  # fmt: skip
EVALUATION = Ask(
    "feedback of kind evaluation",
    "feedback",
    '{"interaction_id": "wd-1", "kind": "evaluation", "name": "helpful", "score": 0.8, "evaluator": "judge-1"}',
)
RETRIEVAL = Ask(
    "the field retrieval of interactions",
    "interactions",
    '{"feature": "write-draft", "model": "gpt-4o-mini", "retrieval": {"documents": [{"id": "d-1", "score": 0.71}]}}',
)
RETRIEVAL_LATENCY = Ask(
    "retrieval.latency_ms with interactions",
    "interactions",
    '{"feature": "write-draft", "model": "gpt-4o-mini", "retrieval": {"documents": [{"id": "d-1"}], "latency_ms": 35}}',
)
CORRECTION = Ask(
    "feedback of kind correction",
    "feedback",
    '{"interaction_id": "wd-1", "kind": "correction", "final_text": "What the user made of it."}',
)
ESCALATION = Ask("feedback of kind escalation", "feedback", '{"kind": "escalation", "feature": "write-draft", "reason": "wrong"}')  # fmt: skip
USERS = Ask("user_id with each interaction", "interactions", '{"feature": "write-draft", "model": "gpt-4o-mini", "user_id": "u-1"}')  # fmt: skip
REVENUE = Ask(
    "the figure revenue_usd of each month, by tier",
    "figures",
    '{"month": "2026-11", "name": "revenue_usd", "tier": "pro", "value": 12000}',
)
OUTCOMES = Ask(
    "feedback of the kind outcome when a task is completed",
    "feedback",
    '{"interaction_id": "wd-1", "kind": "outcome", "value": "completed"}',
)
CACHES = Ask(
    "cache with calls that a cache answered, cached_input_tokens with the others",
    "interactions",
    '{"feature": "write-draft", "model": "gpt-4o-mini", "cache": "exact"}',
)
OWN_CACHE = Ask("cache (exact, semantic) with calls that a cache answered", CACHES.path, CACHES.body)
PROVIDER = Ask(
    "provider with each interaction",
    "interactions",
    '{"feature": "write-draft", "model": "gpt-4o-mini", "provider": "openai"}',
)
FIRST_TOKEN = Ask(
    "time_to_first_token_ms with streamed answers",
    "interactions",
    '{"feature": "write-draft", "model": "gpt-4o-mini", "time_to_first_token_ms": 240}',
)


LATENCY = Ask("latency_ms with each interaction", "interactions", '{"feature": "write-draft", "model": "gpt-4o-mini", "latency_ms": 310}')  # fmt: skip
COSTS = Ask(
    "tokens or cost_usd with interactions, or costs",
    "interactions",
    '{"feature": "write-draft", "model": "gpt-4o-mini", "input_tokens": 400, "output_tokens": 90}',
)


def _said(kind: str, what: str = "") -> Ask:
    body = f'{{"interaction_id": "wd-1", "kind": "{kind}", {samples.FEEDBACK[kind]}}}'
    return Ask(what or f"feedback of kind {kind}", "feedback", body)


def _implicit(value: str) -> Ask:
    body = f'{{"interaction_id": "wd-1", "kind": "implicit", "value": "{value}"}}'
    return Ask(f"feedback of kind implicit, {value}", "feedback", body)


ASKS: dict[str, Ask] = {
    "adoption_rate": ACTIVE_USERS,
    CHANGE: ACTIVE_USERS,
    "opt_out_rate": OPT_OUTS,
    "nps": NPS,
    "nps_ai_users": NPS,
    "nps_non_users": NPS,
    "satisfaction": SURVEY,
    "satisfaction_ai_users": SURVEY,
    "satisfaction_non_users": SURVEY,
    "ticket_rate": TICKET,
    "ticket_accuracy_rate": TICKET,
    "ticket_rate_ai_users": TICKET,
    "ticket_rate_non_users": TICKET,
    "thumbs_up_rate": _said("thumb"),
    "correction_rate": CORRECTION,
    "rejection_rate": _said("acceptance"),
    "task_completion_rate": _said("outcome"),
    "flag_rate": _said("flag"),
    "feedback_coverage": _said("thumb", "feedback on interactions"),
    "latency_p50": LATENCY,
    "latency_p95": LATENCY,
    "latency_p99": LATENCY,
    "cost_total": COSTS,
    "cost_per_call": COSTS,
    "dau": USERS,
    "wau": USERS,
    "mau": USERS,
    "rating_mean": RATING,
    "edit_ratio": CORRECTION,
    "escalations_24h": ESCALATION,
    "evaluation_score": EVALUATION,
    "retrieval_score_mean": RETRIEVAL,
    "no_result_rate": RETRIEVAL,
    "retrieval_latency_p95": RETRIEVAL_LATENCY,
    "copy_rate": _implicit("copy"),
    "share_rate": _implicit("share"),
    "follow_rate": _implicit("follow"),
}


def missing(view: View, metric: str, read: Reading, points: Iterable[Point] = ()) -> Ask | None:
    """What has to be sent before this metric has a value; None when something else is the reason, or nothing is missing.

    A maturing metric's reading may end before the first call: its points tell what never came all the same.
    """
    ask = ASKS.get(metric)
    if ask is ACTIVE_USERS:
        is_unknown = read.state in (State.NO_DATA, State.NOT_INSTRUMENTED)
        return ask if is_unknown and not _has_figures(view) else None
    states = {read.state, *(point.reading.state for point in points if read.state is State.NO_DATA)}
    if ask is None or State.NOT_INSTRUMENTED not in states:
        return None
    return replace(ask, what=f"{ask.what} about {feature}") if (feature := view.choice.feature) else ask


def reason(view: View, metric: str, read: Reading) -> str:
    """Why a metric that needs nothing to be sent has no value, where it is known; else an empty text."""
    if metric != CHANGE or read.state is not State.NO_DATA:
        return ""
    first = view.reader.first_day(view.choice.feature)
    if first is None:
        return ""
    zone = view.project.time_zone
    known_from = local_day(first.start, zone) + CHANGE_DAYS * DAY
    if known_from > local_day(view.now, zone):
        return f"too young: from {formatting.day(day_start(known_from, zone), view.zone, view.now)} on"
    return "no figure active_users of 8 weeks ago"


def _has_figures(view: View) -> bool:
    """Whether the product's users of this month are known, or those of one that stands in for it."""
    this: date = month_of(local_day(view.now, view.project.time_zone))
    return any(row.name == FigureName.ACTIVE_USERS for row in figures.standing(month_after(this, -STANDS_IN), this))
