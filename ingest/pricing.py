"""What tokens cost: integer nano-dollars (1e-9 USD) from dated prices. Pure; nothing is fetched.

A price in USD per million tokens is the same number in pico-dollars per token times a million, so rates are kept as
pico-dollars (1e-12 USD) a token and sums stay integers. Cached and cache-write tokens are part of the input tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ingest.dimensions import CostSource

NANO = 1_000_000_000
PICO_PER_MILLION = 1_000_000

# Names that telemetry uses for providers the catalogue knows under another name, or would take for another one.
PROVIDERS = {
    "x_ai": "x-ai",
    "xai": "x-ai",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure_openai": "azure",
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "vertex_ai": "google",
    "gemini": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
}


@dataclass(frozen=True)
class Rate:
    """Pico-dollars a token; from `tiers` on (total input tokens above `start`), another rate holds for all tokens."""

    base: int
    tiers: tuple[tuple[int, int], ...] = ()

    def at(self, input_tokens: int) -> int:
        """The rate that holds for a call of so many input tokens."""
        rate = self.base
        for start, price in self.tiers:
            if input_tokens > start:
                rate = price
        return rate


@dataclass(frozen=True)
class Rates:
    """What one model costs on one day. Absent cache rates: cached tokens cost what other input costs."""

    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    request: int = 0
    """Pico-dollars a call."""

    def cost_nano(self, input_tokens: int, output_tokens: int, cached: int = 0, cache_write: int = 0) -> int:
        """What a call costs, in nano-dollars, rounded half up. `cached` and `cache_write` are inside `input_tokens`.

        Never negative: where they exceed it, nothing else was read, and nobody is paid for a call.
        """
        fresh = self.input.at(input_tokens)
        read = self.cache_read.at(input_tokens) if self.cache_read else fresh
        write = self.cache_write.at(input_tokens) if self.cache_write else fresh
        pico = max(0, input_tokens - cached - cache_write) * fresh + cached * read + cache_write * write
        pico += output_tokens * self.output.at(input_tokens) + self.request
        return max(0, pico + 500) // 1000


@dataclass(frozen=True)
class Override:
    """A project's own price from a day on; an empty provider fits every provider."""

    model: str
    provider: str
    valid_from: date
    rates: Rates


def rates_of(input_usd: Decimal, output_usd: Decimal, cached_usd: Decimal | None = None) -> Rates:
    """Rates from prices in USD per million tokens."""
    return Rates(_rate(input_usd), _rate(output_usd), None if cached_usd is None else _rate(cached_usd))


def override_for(overrides: Sequence[Override], provider: str, model: str, day: date) -> Rates | None:
    """The override that holds: of this provider before any provider's, then the latest that has begun."""
    fitting = [
        one for one in overrides if one.model == model and one.provider in {"", provider} and one.valid_from <= day
    ]
    best = max(fitting, key=lambda one: (one.provider != "", one.valid_from), default=None)
    return best.rates if best else None


@lru_cache(maxsize=4096)
def catalogue(provider: str, model: str, day: date) -> Rates | None:
    """The catalogue's rates of a model on a day; None when it has none. An empty provider: whoever makes the model.

    Kept per day because a look-up costs 70 µs. Providers with prices by the hour count at noon UTC.
    """
    from genai_prices.data_snapshot import get_snapshot  # half a second and 60 MB, not before the first price

    wanted = PROVIDERS.get(provider.lower(), provider) or None
    try:
        _, found = get_snapshot().find_provider_model(model, None, wanted, None)
    except LookupError:
        return None
    prices = found.get_prices(datetime.combine(day, time(12), UTC))
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    return Rates(
        _rate(prices.input_mtok),
        _rate(prices.output_mtok),
        None if prices.cache_read_mtok is None else _rate(prices.cache_read_mtok),
        None if prices.cache_write_mtok is None else _rate(prices.cache_write_mtok),
        0 if prices.requests_kcount is None else _rate(prices.requests_kcount).base * 1000,
    )


@dataclass(frozen=True)
class Call:
    """What the price of a call depends on; an unknown name is an empty text. `input_tokens` includes the cached ones."""

    provider: str
    served_model: str
    requested_model: str
    day: date
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None


class PriceBook:
    """The prices of one project: its overrides as they were when the book was opened, and the catalogue."""

    def __init__(self, overrides: tuple[Override, ...] = ()) -> None:
        self.overrides = overrides
        self._found: dict[tuple[str, str, str, date], tuple[Rates | None, CostSource]] = {}

    def rates(self, provider: str, served: str, requested: str, day: date) -> tuple[Rates | None, CostSource]:
        """The rates of a call and where they come from; the served model goes before the requested one."""
        key = (provider, served, requested, day)
        found = self._found.get(key)
        if found is None:
            if len(self._found) > 10_000:
                self._found.clear()
            found = self._found[key] = self._look_up(*key)
        return found

    def price(self, call: Call) -> tuple[int | None, CostSource]:
        """What a call costs in nano-dollars and who says so; None where nothing is known to price, or no price."""
        if call.input_tokens is None and call.output_tokens is None:
            return None, CostSource.NONE
        rates, source = self.rates(call.provider, call.served_model, call.requested_model, call.day)
        if rates is None:
            return None, source
        usage = (call.input_tokens, call.output_tokens, call.cached_input_tokens, call.cache_write_tokens)
        return rates.cost_nano(*(tokens or 0 for tokens in usage)), source

    def _look_up(self, provider: str, served: str, requested: str, day: date) -> tuple[Rates | None, CostSource]:
        models = [model for model in dict.fromkeys((served, requested)) if model]
        for model in models:
            if own := override_for(self.overrides, provider, model, day):
                return own, CostSource.OVERRIDE
        for model in models:
            if listed := catalogue(provider, model, day):
                return listed, CostSource.CATALOGUE
        return None, CostSource.UNPRICED


def nano_of(usd: Decimal) -> int:
    """A finite amount in USD as nano-dollars, rounded half even."""
    return int((usd * NANO).to_integral_value())


def is_amount(sent_nano: int, input_tokens: int | None, output_tokens: int | None, *, is_from_cache: bool) -> bool:
    """Whether what an app sent as a call's cost is one, in nano-dollars.

    0 beside tokens is what clients send that know no price: nobody but the app's own cache answers for nothing.
    """
    return sent_nano > 0 or is_from_cache or not (input_tokens or output_tokens)


def split(amount_nano: int, weights: Sequence[int]) -> list[int]:
    """Spread an amount in proportion to integer weights; the parts add up to it exactly."""
    total, parts, so_far, given = sum(weights), [], 0, 0
    for weight in weights:
        so_far += weight
        share = amount_nano * so_far // total
        parts.append(share - given)
        given = share
    return parts


def _rate(price: Any) -> Rate:
    """A Decimal in USD per million tokens, or the catalogue's tiered form of it."""
    if isinstance(price, Decimal):
        return Rate(_pico(price))
    return Rate(_pico(price.base), tuple((tier.start, _pico(tier.price)) for tier in price.tiers))


def _pico(usd_per_million: Decimal) -> int:
    return int((usd_per_million * PICO_PER_MILLION).to_integral_value())
