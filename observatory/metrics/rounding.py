"""Numbers as they are told: money ends at the nano-dollar. Pure: no Django here.

Money is stored in nano-dollars: what follows in a float is nobody's amount.
"""

from typing import overload

from observatory.metrics.metric import Unit

MONEY_DIGITS = 9


@overload
def money(usd: float) -> float: ...
@overload
def money(usd: float | None) -> float | None: ...
def money(usd: float | None) -> float | None:
    """An amount to the nano-dollar; unknown stays unknown."""
    return None if usd is None else round(usd, MONEY_DIGITS)


@overload
def exact(unit: Unit, value: float) -> float: ...
@overload
def exact(unit: Unit, value: float | None) -> float | None: ...
def exact(unit: Unit, value: float | None) -> float | None:
    """A value as its unit counts it."""
    return money(value) if unit is Unit.USD else value


def exact_ends(unit: Unit, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """The ends of an interval so."""
    return None if interval is None else (exact(unit, interval[0]), exact(unit, interval[1]))
