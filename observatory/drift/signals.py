"""The signals that are watched for drift, each with its method, its sides and the change that makes a finding strong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from observatory.drift.methods import means, rates
from observatory.drift.methods.shape import (
    BOTH_WAYS,
    FALLING,
    Collecting,
    Effect,
    Evidence,
    Finding,
    Side,
    Started,
)
from observatory.metrics import users
from observatory.metrics.statistics import Interval


class Method(Protocol):
    """A module of observatory.drift.methods, as its package's docstring describes it."""

    def collecting(self, days: Sequence[Any], need_days: int = ...) -> Collecting | None: ...  # noqa: D102  # see shape
    def fit(self, days: Sequence[Any]) -> Any: ...  # noqa: D102  # see shape
    def fold(self, baseline: Any, days: Sequence[Any], sides: Sequence[Side]) -> Evidence: ...  # noqa: D102  # see shape
    def effect(self, baseline: Any, days: Sequence[Any], window: int = ...) -> Effect | None: ...  # noqa: D102  # see shape
    def rolling(self, baseline: Any, days: Sequence[Any], window: int = ...) -> list[Effect]: ...  # noqa: D102  # see shape
    def band(self, baseline: Any, n: float) -> Interval: ...  # noqa: D102  # see shape
    def started(self, baseline: Any, days: Sequence[Any], finding: Finding) -> Started: ...  # noqa: D102  # see shape


@dataclass(frozen=True)
class Signal:
    """One watched quantity.

    `metric` is the metric that shows it; `strong` the change beyond which the whole interval must lie (a difference of
    rates, or a relative change of means); `is_rate` tells the unit of its values.
    """

    name: str
    title: str
    metric: str
    method: Method
    sides: tuple[Side, ...]
    strong: float
    is_rate: bool

    def baseline_of(self, content: Mapping[str, object]) -> Any:
        """The stored baseline as its method knows it."""
        kind = rates.RateBaseline if self.is_rate else means.MeanBaseline
        return kind.from_dict(content)  # type: ignore[attr-defined]  # both baselines have it

    def days(self, feature_number: int, first: date, last: date) -> list[Any]:
        """The feature's closed days from `first` to `last`, as the method wants them; days without trials left out."""
        if self.is_rate:
            return [
                rates.RateDay(d.day, d.n, d.k, d.s, d.n_users)
                for d in users.rate_days(self.name, feature_number, first, last)
            ]
        return [
            means.MeanDay(d.day, d.n, d.mean_ln, d.v, d.n_users, d.sum_x)
            for d in users.mean_days(self.name, feature_number, first, last)
        ]


SIGNALS: dict[str, Signal] = {
    signal.name: signal
    for signal in (
        Signal("thumbs_up_rate", "Thumbs-up", "thumbs_up_rate", rates, FALLING, 0.05, is_rate=True),
        Signal("input_tokens", "Prompt tokens", "input_tokens_mean", means, BOTH_WAYS, 0.20, is_rate=False),
    )
}
