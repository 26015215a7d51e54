"""Prices: integer nano-dollars, the project's own before the catalogue's, unknown never zero."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from ingest.dimensions import CostSource
from ingest.pricing import Override, PriceBook, catalogue, nano_of, override_for, rates_of, split

DAY = date(2026, 1, 15)
OURS = rates_of(Decimal("1"), Decimal("2"))


def override(rates=OURS, *, model="m", provider="", since=date(2026, 1, 1)):
    return Override(model, provider, since, rates)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("", "gpt-4o"),
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("gcp.gemini", "gemini-2.5-pro"),
        ("x_ai", "grok-4"),
        ("azure.ai.openai", "gpt-4o"),
    ],
)
@pytest.mark.parametrize("usage", [(1200, 300, 0, 0), (500_000, 9_000, 100_000, 50_000), (7, 0, 7, 0), (0, 1, 0, 0)])
def test_the_catalogue_agrees_with_the_library_to_the_nano_dollar(provider, model, usage):
    tokens_in, tokens_out, cached, written = usage
    known = {"x_ai": "x-ai", "gcp.gemini": "google", "azure.ai.openai": "azure", "": None}
    theirs = calc_price(
        Usage(input_tokens=tokens_in, output_tokens=tokens_out, cache_read_tokens=cached, cache_write_tokens=written),
        model,
        provider_id=known.get(provider, provider),
        genai_request_timestamp=datetime(2026, 1, 15, 12, tzinfo=UTC),
    ).total_price
    assert abs(catalogue(provider, model, DAY).cost_nano(*usage) - theirs * 10**9) <= Decimal("0.5")


@pytest.mark.parametrize(("provider", "model"), [("", "vicuna-13b"), ("nobody", "gpt-4o"), ("openai", ""), ("", "\0")])
def test_a_model_the_catalogue_does_not_know_has_no_price(provider, model):
    assert catalogue(provider, model, DAY) is None


def test_the_latest_override_that_has_begun_holds_and_the_providers_own_goes_first():
    old, new = override(), override(rates_of(Decimal(3), Decimal(3)), since=date(2026, 1, 10))
    later = override(rates_of(Decimal(9), Decimal(9)), since=date(2026, 2, 1))
    own = override(rates_of(Decimal(5), Decimal(5)), provider="here", since=date(2025, 1, 1))
    book = [old, new, later, own]
    assert override_for(book, "", "m", DAY) is new.rates
    assert override_for(book, "here", "m", DAY) is own.rates
    assert override_for(book, "", "m", date(2025, 12, 31)) is None
    assert override_for(book, "", "other", DAY) is None


def test_a_price_book_says_where_its_rates_come_from():
    book = PriceBook((override(model="gpt-4o"),))
    assert book.rates("", "gpt-4o-2024-08-06", "gpt-4o", DAY) == (OURS, CostSource.OVERRIDE)
    assert book.rates("", "gpt-4o-mini", "", DAY)[1] == CostSource.CATALOGUE
    assert book.rates("", "vicuna-13b", "", DAY) == (None, CostSource.UNPRICED)
    assert book.rates("", "", "", DAY) == (None, CostSource.UNPRICED)


def test_cached_tokens_without_a_price_of_their_own_cost_what_other_input_costs():
    assert OURS.cost_nano(1000, 0, 400, 100) == OURS.cost_nano(1000, 0) == 1_000_000
    cheaper = rates_of(Decimal(1), Decimal(2), Decimal("0.1"))
    assert cheaper.cost_nano(1000, 10, 400) == 600_000 + 40_000 + 20_000


@given(*[st.integers(0, 2**31 - 1)] * 4)
def test_no_usage_costs_less_than_nothing(tokens_in, tokens_out, cached, written):
    cheaper = rates_of(Decimal("0.15"), Decimal("0.6"), Decimal("0.075"))
    for rates in (OURS, cheaper):
        assert rates.cost_nano(tokens_in, tokens_out, cached, written) >= 0
    assert cheaper.cost_nano(0, 1, 2_000_000_000) > 0
    assert rates_of(Decimal(-1), Decimal(-1)).cost_nano(tokens_in, tokens_out) == 0


@given(st.integers(0, 10**18), st.lists(st.integers(1, 10**12), min_size=1, max_size=100))
def test_parts_add_up_exactly_and_follow_their_weights(amount, weights):
    parts = split(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    assert all(
        abs(part - amount * weight / total) <= 1 + amount * 1e-15 for part, weight in zip(parts, weights, strict=True)
    )


def test_dollars_become_nano_dollars_exactly():
    assert nano_of(Decimal("0.000000001")) == 1
    assert nano_of(Decimal("1000000000")) == 10**18
    assert nano_of(Decimal("1E-999999")) == 0
