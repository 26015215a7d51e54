"""Which interactions stand out from their feature's usual ones, and by what. Pure.

The usual is the 99.9th percentile of the feature's last four weeks (`ingest.digest.limits`). A failed call has no mark:
errors are counted elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.dimensions import Flag

MINIMUM_SAMPLE = 1_000
"""Of fewer values the 99.9th percentile is only the largest."""
REPEATS = 5
"""So many equal outputs of a feature within a day make the last of them a repeat."""
SHORTEST_REPEAT = 40
"""Shorter outputs are alike by nature: labels, yes and no."""


@dataclass(frozen=True)
class Limits:
    """Beyond what an interaction of one feature is unusual; None where too few values are known."""

    cost_nano: int | None = None
    latency_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_chars: int | None = None
    output_chars: int | None = None


@dataclass(frozen=True)
class Measured:
    """What is measured of an interaction, under the names of `Limits`."""

    cost_nano: int | None
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    prompt_chars: int | None
    output_chars: int | None


_BY_MARK: Sequence[tuple[Flag, tuple[str, ...]]] = (
    (Flag.UNUSUAL_COST, ("cost_nano",)),
    (Flag.UNUSUAL_LATENCY, ("latency_ms",)),
    (Flag.UNUSUAL_TOKENS, ("input_tokens", "output_tokens")),
    (Flag.UNUSUAL_LENGTH, ("prompt_chars", "output_chars")),
)


def unusual(measured: Measured, limits: Limits) -> int:
    """The marks of what lies beyond the limits, as bits."""
    return sum(mark for mark, names in _BY_MARK if any(_is_beyond(measured, limits, name) for name in names))


def of_output(*, is_blank: bool, is_refusal: bool, is_cut_off: bool, is_repeat: bool) -> int:
    """The marks of an output, as bits; `is_cut_off` is what the model or the app said of its end."""
    found = {
        Flag.OUTPUT_EMPTY: is_blank,
        Flag.REFUSAL: is_refusal,
        Flag.OUTPUT_CUT_OFF: is_cut_off,
        Flag.REPEAT: is_repeat,
    }
    return sum(mark for mark, holds in found.items() if holds)


def _is_beyond(measured: Measured, limits: Limits, name: str) -> bool:
    value, limit = getattr(measured, name), getattr(limits, name)
    return value is not None and limit is not None and value > limit
