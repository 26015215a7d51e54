"""Lists of interactions: rows that lead to one interaction each."""

from urllib.parse import quote, urlencode

from dashboards import formatting
from dashboards.components import Breakdown, Field, Heading, Row, State, nothing_in_window
from dashboards.view import View
from ingest import dictionary
from ingest.dimensions import ESTIMATED, MARKS, CostSource, Dimension, ErrorClass, FeedbackKind, Flag
from ingest.models import Interaction, Verdict

HEADINGS = (
    Heading("Time"),
    Heading("Feature"),
    Heading("Model"),
    Heading("State"),
    Heading("Thumb"),
    Heading("Latency", numeric=True),
    Heading("Tokens in", numeric=True),
    Heading("Tokens out", numeric=True),
    Heading("Cost", numeric=True),
    Heading("User"),
)


MARK_WORDS = {
    "cost": "Unusual cost",
    "latency": "Unusual latency",
    "tokens": "Unusual tokens",
    "length": "Unusual length",
    "empty": "Empty output",
    "cut_off": "Cut off",
    "refusal": "Refusal",
    "repeat": "Repeated output",
}


def marks_of(one: Interaction) -> list[str]:
    """What stands out in an interaction, in words."""
    return [word for mark, word in MARK_WORDS.items() if one.flags & MARKS[mark]]


def tokens_word(one: Interaction, count: int | None, estimated: Flag) -> str:
    """A number of tokens; one that nobody counted is about that."""
    text = formatting.count(count)
    return f"≈\xa0{text}" if one.flags & estimated else text


def tokens_words(one: Interaction, noun: str = " tokens") -> str:
    """'431 tokens in, 176 out'."""
    tokens_in = tokens_word(one, one.input_tokens, Flag.INPUT_TOKENS_ESTIMATED)
    return f"{tokens_in}{noun} in, {tokens_word(one, one.output_tokens, Flag.OUTPUT_TOKENS_ESTIMATED)} out"


def state_word(one: Interaction) -> str:
    """'Answered', or why it failed."""
    return (
        "Answered"
        if not one.status
        else f"Failed: {ErrorClass(one.error_class).name.lower().replace('_', ' ')}"
        if one.error_class
        else "Failed"
    )


def cost_word(one: Interaction) -> str:
    """The amount, or that there is no price; of tokens that nobody counted it is about that."""
    if one.cost_source == CostSource.UNPRICED:
        return "unpriced"
    is_estimated = one.flags & ESTIMATED and one.cost_source not in {CostSource.CLIENT, CostSource.NONE}
    return ("≈\xa0" if is_estimated else "") + formatting.amount_nano(one.cost_nano)


def thumbs_of(items: list[Interaction]) -> dict[str, float]:
    """The thumb of each interaction that has one: id → 1 or 0."""
    if not items:
        return {}
    said = Verdict.objects.filter(
        interaction_at__gte=items[-1].occurred_at,
        interaction_at__lte=items[0].occurred_at,
        interaction_id__in=[one.id for one in items],
        kind=FeedbackKind.THUMB,
    )
    return {one.interaction_id: one.value for one in said if one.value is not None}


def address_of(view: View, interaction_id: str) -> str:
    """The page of one interaction, whatever its id holds."""
    return view.url(f"interactions/one/?{urlencode({'id': interaction_id})}")


def table(view: View, items: list[Interaction], title: str = "Interactions", note: str = "") -> Breakdown:
    """Interactions as rows, each leading to its page."""
    features, models = dictionary.values(Dimension.FEATURE), dictionary.values(Dimension.MODEL)
    thumbs = thumbs_of(items)
    rows = tuple(_row(view, one, features, models, thumbs.get(one.id)) for one in items)
    return Breakdown("interactions", title, HEADINGS, rows, note, empty=None if rows else nothing_in_window())


def _row(view: View, one: Interaction, features: dict[int, str], models: dict[int, str], thumb: float | None) -> Row:
    failed = State.CRITICAL if one.status else State.OK
    return Row(
        (
            Field(at=one.occurred_at, url=address_of(view, one.id)),
            Field(features.get(one.feature_id, "other")),
            Field(models.get(one.model_id, formatting.DASH)),
            Field(", ".join([state_word(one), *map(str.lower, marks_of(one))]), state=failed),
            Field({1.0: "up", 0.0: "down"}.get(thumb, formatting.DASH) if thumb is not None else formatting.DASH),
            Field(formatting.duration(one.latency_ms)),
            Field(tokens_word(one, one.input_tokens, Flag.INPUT_TOKENS_ESTIMATED)),
            Field(tokens_word(one, one.output_tokens, Flag.OUTPUT_TOKENS_ESTIMATED)),
            Field(cost_word(one)),
            Field(
                one.user_id or formatting.DASH,
                view.url(f"interactions/?q={quote(one.user_id)}&range={view.choice.range}")
                if one.user_id and view.choice.is_relative
                else "",
            ),
        )
    )
