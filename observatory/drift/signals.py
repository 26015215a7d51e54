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
    """A module of observatory.drift.methods, as the docstring of `shape` describes it."""

    def collecting(self, days: Sequence[Any], need_days: int = ...) -> Collecting | None: ...
    def fit(self, days: Sequence[Any]) -> Any: ...
    def fold(self, baseline: Any, days: Sequence[Any], sides: Sequence[Side]) -> Evidence: ...
    def effect(self, baseline: Any, days: Sequence[Any], window: int = ...) -> Effect | None: ...
    def rolling(self, baseline: Any, days: Sequence[Any], window: int = ...) -> list[Effect]: ...
    def band(self, baseline: Any, n: float) -> Interval: ...
    def started(self, baseline: Any, days: Sequence[Any], finding: Finding) -> Started: ...


@dataclass(frozen=True)
class Signal:
    """One watched quantity.

    `metric` is the metric that shows it, `rows` its name among the user rows; `strong` the change beyond which the whole interval must lie (a difference of
    rates, or a relative change of means); `is_rate` tells the unit of its values.
    """

    name: str
    title: str
    metric: str
    rows: str
    method: Method
    sides: tuple[Side, ...]
    strong: float
    is_rate: bool

    def baseline_of(self, content: Mapping[str, object]) -> Any:
        """The stored baseline as its method knows it."""
        kind = rates.RateBaseline if self.is_rate else means.MeanBaseline
        return kind.from_dict(content)

    def days(self, feature_number: int, first: date, last: date) -> list[Any]:
        """The feature's closed days from `first` to `last`, as the method wants them; days without trials left out."""
        if self.is_rate:
            counted = users.rate_days(self.rows, feature_number, first, last)
            return [rates.RateDay(day.day, day.n, day.k, day.s, day.n_users) for day in counted]
        sums = users.day_sums(self.rows, feature_number, first, last)
        measured = users.mean_days(self.rows, feature_number, first, last)
        return [means.MeanDay(day.day, day.n, day.y, day.v, day.n_users, sums.get(day.day, 0)) for day in measured]


SIGNALS: dict[str, Signal] = {
    signal.name: signal
    for signal in (
        Signal("thumbs_up_rate", "Thumbs-up", "thumbs_up_rate", "thumbs_up", rates, FALLING, 0.05, is_rate=True),
        Signal(
            "input_tokens", "Prompt tokens", "input_tokens_mean", "input_tokens", means, BOTH_WAYS, 0.20, is_rate=False
        ),
    )
}
