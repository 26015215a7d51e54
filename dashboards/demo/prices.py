"""Prices of the models that are in no price list: our own figures, so that the demo's cost is not mostly a gap.

One model is left without a price on purpose: its calls show as unpriced, counted and named, never as $0.
"""

from dataclasses import dataclass
from decimal import Decimal

LABEL = "demo, our own figure"
UNPRICED_MODEL = "vicuna-7b-v1.5"


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of a model cost, in USD."""

    model: str
    input_usd_per_million: Decimal
    output_usd_per_million: Decimal


PRICES: tuple[Price, ...] = (
    Price("claude-1", Decimal("8.00"), Decimal("24.00")),
    Price("claude-instant-1", Decimal("0.80"), Decimal("2.40")),
    Price("palm-2-chat-bison-001", Decimal("1.00"), Decimal("2.00")),
    Price("Llama-2-70b-chat", Decimal("0.90"), Decimal("0.90")),
    Price("Mistral-7B-Instruct-v0.1", Decimal("0.20"), Decimal("0.20")),
    Price("Starling-LM-7B-alpha", Decimal("0.20"), Decimal("0.20")),
    Price("openchat_3.5", Decimal("0.20"), Decimal("0.20")),
    Price("vicuna-33b-v1.3", Decimal("0.60"), Decimal("0.60")),
    Price("vicuna-13b-v1.5", Decimal("0.30"), Decimal("0.30")),
)
