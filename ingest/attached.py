"""What belongs to one interaction beyond itself: what was said of it, the costs that name it, and what it cost with them."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper, F, Sum

from ingest.dimensions import Component, CostSource
from ingest.models import Cost, Feedback, Interaction

MOST = 200
# No index has this order: without statistics a plan could walk all feedback by time to find 200 events of one call.
_BY_TIME = ExpressionWrapper(F("occurred_at") + timedelta(), output_field=DateTimeField())


@dataclass(frozen=True)
class Attached:
    """The first 200 events and cost records of an interaction, and its cost in nano-dollars with all of them.

    `is_replaced`: a record of model tokens stands for the price of the tokens. `total_nano` is None when the tokens
    have no price and no record says anything.
    """

    feedback: tuple[Feedback, ...]
    costs: tuple[Cost, ...]
    is_replaced: bool
    total_nano: int | None


def to(one: Interaction) -> Attached:
    """Read what belongs to an interaction of the project in scope: events by their time, costs by component."""
    said = Feedback.objects.filter(interaction_id=one.id).order_by(_BY_TIME, "id")[:MOST]
    linked = Cost.objects.filter(occurred_at=one.occurred_at, interaction_id=one.id)
    costs = tuple(linked.order_by("component", "id")[:MOST])  # model tokens are the first of all components
    is_replaced = bool(costs) and costs[0].component == Component.MODEL_TOKENS
    own = 0 if is_replaced or one.cost_nano is None else one.cost_nano
    is_unknown = one.cost_source == CostSource.UNPRICED and not costs
    total = None if is_unknown else own + (linked.aggregate(sum=Sum("amount_nano"))["sum"] or 0)
    return Attached(tuple(said), costs, is_replaced, total)
